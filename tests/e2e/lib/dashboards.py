# SPDX-License-Identifier: Apache-2.0
"""
Every query of grafana/: of each panel, variable and alert rule, with variables filled in as Grafana's InfluxQL data
source does it (pkg/tsdb/influxdb/models/query.go for $timeFilter and $__interval; the format "regex" for ${name:regex}).
"""
import collections
import json
import pathlib
import re
import time
import urllib.error
import urllib.parse
import urllib.request

GRAFANA = pathlib.Path(__file__).resolve().parents[3] / "grafana"
STEPS_S = (10, 20, 30, 60, 120, 300, 600, 1800, 3600)  # the finest is the panels' "Min interval"
POINTS = 1000
RANGE_S = 3600
ASKED_LATER_S = 40  # pictures of "now" end 30 s ago, so that their last interval is complete
TIMEOUT_S = 30
ALL = "$__all"
# what the format "regex" escapes
SPECIAL = re.compile(r"[-\[\]{}()*+!<=:?.\\/^$|#\s,]")
REFERENCE = re.compile(r"\$\{(\w+)(?::(\w+))?\}")

# What may well be empty where all is well, or where nobody talks to the outside: (dashboard's uid, panel, query)
QUIET = {("nstats-overview", "To and from outside, now", "A"),
         ("nstats-pod", "How much is itemised", "B"), ("nstats-pod", "How much is itemised", "C"),
         ("nstats-pod", "Failed", "A"), ("nstats-pod", "Retransmitted", "A"),
         ("nstats-pod", "Retransmitted and packets", "A"),
         ("nstats-self", "Coverage", "A"), ("nstats-self", "Coverage, by probe", "A"), ("nstats-coverage", "alert", "A")}

Query = collections.namedtuple("Query", "board place ref text range_s end_s step_s")
Outcome = collections.namedtuple("Outcome", "query values word detail")  # word: rows, empty or error


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


def boards(folder=GRAFANA):
    return [json.loads(path.read_text()) for path in sorted((folder / "dashboards").glob("*.json"))]


def seconds(text):
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]


def panel_queries(board):
    for panel in board["panels"]:
        range_s = seconds(panel.get("timeFrom", f"{RANGE_S}s"))
        least_s = max(seconds(panel.get("interval", "10s")), range_s / panel.get("maxDataPoints", POINTS))
        step_s = next(step for step in STEPS_S if step >= least_s)
        for target in panel.get("targets", ()):
            yield Query(board["uid"], panel["title"], target["refId"], target["query"], range_s,
                        seconds(panel.get("timeShift", "0s")), step_s)


def variable_queries(board):
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield Query(board["uid"], "variable", variable["name"], variable["query"], RANGE_S, 0, STEPS_S[0])


def alert_queries(folder=GRAFANA):
    """By lines, since Python has no YAML: that each rule has these three lines is checked here."""
    for path in sorted((folder / "provisioning/alerting").glob("*.yaml")):
        text = path.read_text()
        rules = re.split(r"^ *- uid: (\S+)$", text, flags=re.M)[1:]
        for uid, rule in zip(rules[::2], rules[1::2]):
            ranges = re.findall(r"^ *relativeTimeRange: \{ from: (\d+), to: 0 \}$", rule, re.M)
            queries = re.findall(r"^ *query: '(.*)'$", rule, re.M)
            steps_ms = re.findall(r"^ *intervalMs: (\d+)$", rule, re.M)
            assert len(ranges) == len(queries) == len(steps_ms) == 1, f"{path}: {uid} is not written as the others"
            yield Query(uid, "alert", "A", queries[0].replace("''", "'"), int(ranges[0]), 0, int(steps_ms[0]) // 1000)


def regex(values):
    """Grafana's variable format of that name; "All" stands for the variable's allValue, as it is."""
    if values == [ALL]:
        return ".*"
    escaped = [SPECIAL.sub(r"\\\g<0>", value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def fill(query, values, now_s):
    """values: {variable: [value, ...]}. A reference to anything else is an error, as it would be in Grafana."""
    end_ms = int((now_s - query.end_s) * 1000)
    text = REFERENCE.sub(lambda match: regex(values[match[1]]) if match[2] == "regex" else "".join(values[match[1]]),
                         query.text)
    text = text.replace("$timeFilter", f"time >= {end_ms - query.range_s * 1000}ms and time <= {end_ms}ms")
    text = text.replace("$__interval_ms", str(query.step_s * 1000)).replace("$__interval", f"{query.step_s}s")
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


def run_board(ask, board, now_s):
    """With all of everything, once for each way to split, and with each value named."""
    variables = {one["name"]: one for one in board["templating"]["list"]}
    splits = [option["value"] for option in variables.get("split", {}).get("options", ())] or [""]
    everything = {name: [ALL] for name in variables} | {"split": splits[:1]}
    named = dict(everything)
    for query in variable_queries(board):
        outcome = run_one(ask, query, everything, now_s)
        yield outcome
        if outcome.word == "rows":
            named[query.ref] = [row[1] for one in ask(fill(query, everything, now_s)) for row in one["values"]]
    for query in panel_queries(board):
        ways = [everything | {"split": [split]} for split in splits[1:]] if "${split}" in query.text else []
        for values in (everything, *ways, named):
            yield run_one(ask, query, values, now_s)


def run(ask, now_s=None, folder=GRAFANA):
    """
    An Outcome for each query. ask: as asker() gives it. now_s: when Grafana asks; without it now, or a little after the
    last point where that is later.
    """
    if now_s is None:
        last = ask('SELECT last("tx_bytes") FROM "nstat"')
        last_s = last[0]["values"][0][0] / 1000 if last else 0
        now_s = max(time.time(), last_s + ASKED_LATER_S)
    for board in boards(folder):
        yield from run_board(ask, board, now_s)
    for query in alert_queries(folder):
        yield run_one(ask, query, {}, now_s)


def failures(outcomes, is_strict=False):
    """What is not as it should be: errors, and what is empty though there is data. strict: nothing may be quiet."""
    return [one for one in outcomes if one.word == "error" or
            one.word == "empty" and (is_strict or one.query[:3] not in QUIET)]


def line(outcome):
    query = outcome.query
    how = f", by {outcome.values['split'][0]}" if "${split}" in query.text else ""
    return f"{outcome.word} {query.board}: {query.place}, {query.ref}{how}: {outcome.detail}"
