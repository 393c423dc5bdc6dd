# SPDX-License-Identifier: Apache-2.0
"""
Every query of grafana/: of each panel, variable and alert rule, with variables filled in as Grafana's InfluxQL data
source does it (pkg/tsdb/influxdb/models/query.go for $timeFilter and $__interval; the format "regex" for ${name:regex}).
"""
import collections
import json
import math
import pathlib
import re
import urllib.error
import urllib.parse
import urllib.request

from . import netns

GRAFANA = pathlib.Path(__file__).resolve().parents[3] / "grafana"
# Grafana's steps (rangeUtil.roundInterval): (what is below this, becomes this), in seconds; finer ones are never asked for
ROUNDED_S = ((7.5, 5), (12.5, 10), (17.5, 15), (25, 20), (45, 30), (90, 60), (210, 120), (450, 300), (750, 600), (1050, 900),
             (1500, 1200), (2700, 1800), (5400, 3600), (9000, 7200), (16200, 10800), (32400, 21600), (86400, 43200),
             (math.inf, 86400))
LEAST_STEP_S = 20  # the variable "step" as it stands in the dashboards
STEPS_S = tuple(step for _, step in ROUNDED_S if step >= LEAST_STEP_S)
POINTS = 1000  # a picture's width
UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
TIMEOUT_S = 30
ALL = "$__all"
# what the format "regex" escapes
SPECIAL = re.compile(r"[-\[\]{}()*+!<=:?.\\/^$|#\s,]")
REFERENCE = re.compile(r"\$\{(\w+)(?::(\w+))?\}")
MATH = re.compile(r"(?:([+-])(\d+)|/)([smhd])")

# What may well be empty where all is well, or where nobody talks to the outside: (dashboard's uid, panel, query)
QUIET = {("nstats-overview", "To and from outside, now", "A"),
         ("nstats-pod", "How much is itemised", "B"), ("nstats-pod", "How much is itemised", "C"),
         ("nstats-pod", "Failed", "A"), ("nstats-pod", "Retransmitted", "A"),
         ("nstats-pod", "Retransmitted and packets", "A"),
         ("nstats-self", "Coverage", "A"), ("nstats-self", "Coverage, by probe", "A"), ("nstats-coverage", "alert", "A")}

# start and end as Grafana writes them: now-29m-90s/m; least: the panel's "Min interval"; points: its "Max data points"
Query = collections.namedtuple("Query", "board place ref text start end least points")
Outcome = collections.namedtuple("Outcome", "query values word detail")  # word: rows, empty or error
Rule = collections.namedtuple("Rule", "uid query reducer operator threshold no_data")


def asker(url, db, authorization=None):
    """InfluxQL -> the first statement's series; an AssertionError with what the database says instead."""
    headers = {"Authorization": authorization} if authorization else {}

    def ask(text):
        form = urllib.parse.urlencode({"q": text, "db": db, "epoch": "ms"}).encode()
        request = urllib.request.Request(url.rstrip("/") + "/query", form, headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                result = json.load(answer)["results"][0]
        except urllib.error.HTTPError as answer:
            raise AssertionError(answer.read(2000).decode(errors="replace")) from answer
        assert "error" not in result, result["error"]
        return result.get("series", [])
    return ask


def asker_within(lab, influx):
    """The same from within the network of a Lab."""
    direct = asker(f"http://{influx.address}", influx.db)

    def ask(text):
        with netns.inside(lab.net):
            return direct(text)
    return ask


def boards(folder=GRAFANA):
    return [json.loads(path.read_text()) for path in sorted((folder / "dashboards").glob("*.json"))]


def seconds(text):
    return int(text[:-1]) * UNIT_S[text[-1]]


def moment_ms(text, now_s, is_end=False):
    """Grafana's date arithmetic: "/m" is the minute's start, or for an end its last millisecond."""
    assert re.fullmatch(rf"now(?:{MATH.pattern})*", text), f"{text} is no time relative to now"
    at_ms = int(now_s * 1000)
    for sign, n, unit in MATH.findall(text):
        unit_ms = UNIT_S[unit] * 1000
        if sign:
            at_ms += int(sign + n) * unit_ms
        else:
            at_ms = at_ms // unit_ms * unit_ms + (unit_ms - 1 if is_end else 0)
    return at_ms


def asked_s(query, last_s):
    """When Grafana must ask so that the query's range just holds what is of last_s."""
    return last_s - sum(int(sign + n) * UNIT_S[unit] for sign, n, unit in MATH.findall(query.end) if sign)


def rounded_s(step_s):
    return next(rounded for below, rounded in ROUNDED_S if step_s < below)


def panels(board):
    """Those in folded rows too."""
    for panel in board["panels"]:
        yield from (panel, *panel.get("panels", ()))


def panel_queries(board):
    for panel in panels(board):
        start, end = board["time"]["from"], board["time"]["to"]
        if "timeFrom" in panel:
            end = f"now-{panel['timeShift']}"
            start = f"now-{panel['timeFrom']}-{panel['timeShift']}"
        for target in panel.get("targets", ()):
            yield Query(board["uid"], panel["title"], target["refId"], target["query"], start, end,
                        panel["interval"], panel.get("maxDataPoints", POINTS))


def variable_queries(board):
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield Query(board["uid"], "variable", variable["name"], variable["query"], "now", "now", "1s", POINTS)


def alert_rules(folder=GRAFANA):
    """By lines, since Python has no YAML: that each rule has these lines, once, is checked here."""
    for path in sorted((folder / "provisioning/alerting").glob("*.yaml")):
        text = path.read_text()
        uids_and_rules = re.split(r"^ *- uid: (\S+)$", text, flags=re.M)[1:]
        for uid, rule in zip(uids_and_rules[::2], uids_and_rules[1::2]):
            def one(pattern):
                found = re.findall(rf"^ *{pattern}$", rule, re.M)
                assert len(found) == 1, f"{path}: {uid} is not written as the others: {pattern}"
                return found[0]
            query = Query(uid, "alert", "A", one("query: '(.*)'").replace("''", "'"),
                          f"now-{one(r'relativeTimeRange: { from: ([0-9]+), to: 0 }')}s", "now",
                          f"{int(one('intervalMs: ([0-9]+)')) // 1000}s", POINTS)
            operator, threshold = one(r"conditions: \[{ evaluator: { type: (\w+), params: \[(.*)\] } }\]")
            yield Rule(uid, query, one(r"reducer: (\w+)"), operator, float(threshold), one(r"noDataState: (\w+)"))


def regex(values):
    """Grafana's variable format of that name; "All" stands for the variable's allValue, as it is."""
    if values == [ALL]:
        return ".*"
    escaped = [SPECIAL.sub(r"\\\g<0>", value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def step_s(query, values, now_s):
    least_s = seconds(REFERENCE.sub(lambda match: values[match[1]][0], query.least))
    range_ms = moment_ms(query.end, now_s, True) - moment_ms(query.start, now_s)
    return max(least_s, rounded_s(range_ms / 1000 / query.points))


def fill(query, values, now_s):
    """values: {variable: [value, ...]}. A reference to anything else is an error, as it would be in Grafana."""
    text = REFERENCE.sub(lambda match: regex(values[match[1]]) if match[2] == "regex" else "".join(values[match[1]]),
                         query.text)
    text = text.replace("$timeFilter", f"time >= {moment_ms(query.start, now_s)}ms and "
                                       f"time <= {moment_ms(query.end, now_s, True)}ms")
    step = step_s(query, values, now_s)
    text = text.replace("$__interval_ms", str(step * 1000)).replace("$__interval", f"{step}s")
    left = re.search(r"\$(?!/).{0,20}", text)  # a regex ends with $/
    assert not left, f"{query.board}, {query.place}: {left[0]} is filled in by nobody"
    return text


def n_values(series):
    """How many numbers, or values of a tag, an answer has; nulls and times are none."""
    return sum(value is not None for one in series for row in one["values"]
               for column, value in zip(one["columns"], row) if column not in ("time", "key"))


def run_one(ask, query, values, now_s):
    text = fill(query, values, now_s)
    try:
        n = n_values(ask(text))
    except (AssertionError, OSError) as why:
        return Outcome(query, values, "error", f"{why}\n    {text}")
    return Outcome(query, values, "rows" if n else "empty", f"{n} values" if n else text)


def chosen(board):
    """All of everything, and the rest as it stands in the dashboard: {variable: [value, ...]}"""
    return {one["name"]: [ALL] if one["type"] != "custom" else [one["current"]["value"]]
            for one in board["templating"]["list"]}


def splits(board):
    return [option["value"] for one in board["templating"]["list"] if one["name"] == "split"
            for option in one["options"]]


def run_board(ask, board, last_s):
    """With all of everything, once for each way to split, and with each value named."""
    everything = chosen(board)
    named = dict(everything)
    for query in variable_queries(board):
        outcome = run_one(ask, query, everything, last_s)
        yield outcome
        if outcome.word == "rows":
            named[query.ref] = [row[1] for one in ask(fill(query, everything, last_s)) for row in one["values"]]
    for query in panel_queries(board):
        ways = [everything | {"split": [split]} for split in splits(board)[1:]] if "${split}" in query.text else []
        for values in (everything, *ways, named):
            yield run_one(ask, query, values, asked_s(query, last_s))


def run(ask, folder=GRAFANA):
    """An Outcome for each query. ask: as asker() gives it. Each is asked as soon as its range holds the last point."""
    last = ask('SELECT last("tx_bytes") FROM "nstat"')
    assert last, "there is no point of nstat"
    last_s = last[0]["values"][0][0] / 1000
    for board in boards(folder):
        yield from run_board(ask, board, last_s)
    for rule in alert_rules(folder):
        yield run_one(ask, rule.query, {}, last_s)


def is_firing(ask, rule, now_s):
    """As Grafana evaluates it, but for how long ("for"): the last number of each series, against the threshold."""
    assert rule.reducer == "last" and rule.operator in ("lt", "gt"), rule
    values = []
    for one in ask(fill(rule.query, {}, now_s)):
        numbers = [row[1] for row in one["values"] if row[1] is not None]  # dropNN
        values += numbers[-1:]
    if not values:
        return rule.no_data == "Alerting"
    return any(value < rule.threshold if rule.operator == "lt" else value > rule.threshold for value in values)


def failures(outcomes, is_strict=False):
    """What is not as it should be: errors, and what is empty though there is data. strict: nothing may be quiet."""
    return [one for one in outcomes if one.word == "error" or
            one.word == "empty" and (is_strict or one.query[:3] not in QUIET)]


def line(outcome):
    query = outcome.query
    how = f", by {outcome.values['split'][0]}" if "${split}" in query.text else ""
    return f"{outcome.word} {query.board}: {query.place}, {query.ref}{how}: {outcome.detail}"
