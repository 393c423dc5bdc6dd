# SPDX-License-Identifier: Apache-2.0
"""
What each panel must show, worked out from the stored points alone: a second opinion about every query, which shares nothing
with its text. And the ways in which a query may be wrong, to see that the second opinion notices.
"""
import collections
import re

from . import dashboards

# tag of a point: the variable that chooses it
CHOOSES = {"cluster": "cluster", "namespace": "namespace", "workload": "workload", "hosts": "pod", "receiver": "destination"}
# columns: {name: figure}; by: tags; step: a value for each step; top: only so many, the largest (of each step)
Panel = collections.namedtuple("Panel", "measurement columns by step top where", defaults=((), False, None, None))
POD = ("cluster", "namespace", "hosts")
COLLECTOR = ("cluster", "hosts")


def values(points, field):
    return [point[field] for point in points if point.get(field) is not None]


def only(found, reduce):
    return reduce(found) if found else None


# A figure is a function: (points, seconds of a step) -> number or None.
def total(*fields):
    return lambda points, _: only([value for field in fields for value in values(points, field)], sum)


def rate(*fields, times=8):
    """Bits a second, unless times says otherwise."""
    return lambda points, step_s: only([value * times / step_s for value in [total(*fields)(points, 0)] if value], sum)


def least(field):
    return lambda points, _: only(values(points, field), min)


def largest(field):
    return lambda points, _: only(values(points, field), max)


def newest(field):
    return lambda points, _: only(values(points, field), lambda found: found[-1])


def different(*tags):
    return lambda points, _: len(set(series_of(points, tags))) or None


def over_series(reduce, figure, tags):
    """reduce() of what each series has."""
    return lambda points, step_s: only([value for one in series_of(points, tags).values()
                                        for value in [figure(one, step_s)] if value is not None], reduce)


def share(points, _):
    """Captured of what passed the interface, where the two compare."""
    compared = [point for point in points if (point.get("coverage") or 0) > 0]
    captured, passed = (values(compared, field) for field in ("captured_bytes", "interface_bytes"))
    return (max(captured) - min(captured)) / (max(passed) - min(passed)) if passed and max(passed) > min(passed) else None


def busy(points, _):
    return points[-1]["cpu_us"] / points[-1]["uptime_s"] / 1e6


class Gain:
    """What counters gain from a step to the next: of each series, then reduced. times: a second's, times that."""

    def __init__(self, field, tags, reduce=sum, times=None):
        self.field, self.tags, self.reduce, self.times = field, tags, reduce, times

    def by_step(self, points, step_s):
        gains = collections.defaultdict(list)
        for one in series_of(points, self.tags).values():
            last_at, last = None, None
            for at, some in sorted(by_step(one, step_s).items()):
                value = only(values(some, self.field), max)
                if last is not None and value >= last:
                    elapsed_s = (at - last_at) / 1000
                    gains[at].append((value - last) * (self.times / elapsed_s if self.times else 1))
                last_at, last = at, value
        return {at: self.reduce(found) for at, found in gains.items()}


def mean(found):
    return sum(found) / len(found)


def series_of(points, tags):
    groups = collections.defaultdict(list)
    for point in points:
        groups[tuple(point[tag] for tag in tags)].append(point)
    return groups


def by_step(points, step_s):
    steps = collections.defaultdict(list)
    for point in points:
        steps[point["time"] // (step_s * 1000) * step_s * 1000].append(point)
    return steps


def is_outside(point):
    return point["receiver_kind"] == "external"


def receives(*names):
    return lambda point: point["receiver"] in names


BOTH = ("tx_bytes", "rx_bytes")
IN_AND_OUT = {"out": rate("tx_bytes"), "in": rate("rx_bytes")}


def gains(tags, **columns):
    return {name.replace("_", " "): Gain(field, tags) for name, field in columns.items()}


def now(*fields, column, where=None):
    """The mean of a minute."""
    return Panel("nstat", {column: lambda points, _: rate(*fields)(points, 60)}, where=where)


def carried(*by, top=None, where=None):
    return Panel("nstat", {"bytes": total(*BOTH)}, by, top=top, where=where)


def probe(columns, by=(), step=False):
    return Panel("nstats_probe", columns, by, step)


def collector(columns, by=(), step=False):
    return Panel("nstats_collector", columns, by, step)


OVERVIEW = {
    ("Out now", "A"): now("tx_bytes", column="out"),
    ("In now", "A"): now("rx_bytes", column="in"),
    ("To and from outside, now", "A"): now(*BOTH, column="outside", where=is_outside),
    ("Carried", "A"): carried(),
    ("Pods", "A"): Panel("nstat", {"pods": different(*POD)}),
    ("Destinations", "A"): Panel("nstat", {"destinations": different("receiver")}),
    ("Out (up) and in (down), by ${split:text}", "A"): Panel("nstat", IN_AND_OUT, ("${split}",), True),
    ("Top destinations", "A"): carried("receiver", top=15),
    ("Top pods", "A"): carried(*POD, top=15),
    ("Top destinations over time, out (up) and in (down)", "A"):
        Panel("nstat", {"out": rate("tx_bytes")}, ("receiver",), True, 10),
    ("Top destinations over time, out (up) and in (down)", "B"):
        Panel("nstat", {"in": rate("rx_bytes")}, ("receiver",), True, 10),
    ("Pod × destination", "A"): carried(*POD, "receiver"),
    ("Pairs", "A"): Panel("nstat", {"both": total(*BOTH), "out": total("tx_bytes"), "in": total("rx_bytes"),
                                    "connections": total("connections"), "failed": total("failed")},
                          (*POD, "receiver", "receiver_namespace", "receiver_kind", "named_by"), top=200),
    ("Inside and outside", "A"): carried("receiver_kind"),
    ("Who named the other end", "A"): carried("named_by"),
    ("Service ports", "A"): carried("proto", "port", top=15),
    ("Between zones", "A"): carried("zone", "receiver_zone"),
    ("Crossing zones, over time", "A"): Panel("nstat", {"both": rate(*BOTH)}, ("zone", "receiver_zone"), True),
}
POD_BOARD = {
    ("Out now", "A"): now("tx_bytes", column="out"),
    ("In now", "A"): now("rx_bytes", column="in"),
    ("Destinations", "A"): Panel("nstat", {"destinations": different("receiver")}),
    ("Connections opened", "A"): Panel("nstat", {"connections": total("connections")}),
    ("Failed", "A"): Panel("nstat", {"failed": total("failed")}),
    ("Retransmitted", "A"): Panel("nstat", {"retransmits": total("retransmits")}),
    ("Out (up) and in (down), by destination", "A"): Panel("nstat", IN_AND_OUT, ("receiver",), True),
    ("Out (up) and in (down), by service port", "A"): Panel("nstat", IN_AND_OUT, ("role", "proto", "port"), True),
    ("Who named the other end", "A"): carried("named_by"),
    ("How much is itemised", "A"): carried(where=lambda point: not point["receiver"].startswith("~")),
    ("How much is itemised", "B"): carried(where=receives("~other")),
    ("How much is itemised", "C"): carried(where=receives("~non-ip", "~malformed")),
    ("Peers", "A"): Panel("nstat", {
        "both": total(*BOTH), "out": total("tx_bytes"), "in": total("rx_bytes"), "packets": total("tx_packets", "rx_packets"),
        "connections": total("connections"), "failed": total("failed"), "resets": total("resets"),
        "retransmits": total("retransmits"), "rtt": least("rtt_us"),
    }, (*POD, "receiver", "receiver_namespace", "receiver_kind", "named_by", "role", "proto", "port"), top=200),
    ("Connections", "A"): Panel("nstat", {"opened": total("connections"), "failed": total("failed"),
                                          "resets": total("resets")}, step=True),
    ("Round trip, by destination", "A"): Panel("nstat", {"rtt": least("rtt_us")}, ("receiver",), True),
    ("Retransmitted and packets", "A"): Panel("nstat", {"retransmitted": rate("retransmits")}, step=True),
    ("Retransmitted and packets", "B"): Panel("nstat", {"out": rate("tx_packets", times=1),
                                                        "in": rate("rx_packets", times=1)}, step=True),
}
SELF = {
    ("Coverage", "A"): probe({"coverage": over_series(min, share, POD)}),
    ("Lost on the way", "A"): probe(gains(POD, lost="lost_bytes")),
    ("Kernel drops", "A"): probe(gains(POD, drops="kernel_drops")),
    ("Refused by InfluxDB", "A"): collector(gains(COLLECTOR, rejected="rejected_bytes")),
    ("Waiting in the spool", "A"): collector({"bytes": over_series(sum, newest("spool_data_bytes"), COLLECTOR)}),
    ("Oldest waits", "A"): collector({"oldest": over_series(max, newest("spool_oldest_s"), COLLECTOR)}),
    ("In InfluxDB after", "A"): collector({"delivery": largest("delivery_ms")}),
    ("Probes", "A"): collector({"probes": over_series(sum, newest("probes"), COLLECTOR)}),
    ("Coverage, by probe", "A"): probe({"coverage": share}, POD, True),
    ("Not counted in full", "A"): probe({"lost on the way": Gain("lost_bytes", POD),
                                         "evicted from the probe's ring": Gain("evicted_bytes", POD)}, step=True),
    ("Not counted in full", "B"): collector(gains(COLLECTOR, evicted_from_the_spool="evicted_bytes",
                                                  refused_by_InfluxDB="rejected_bytes"), step=True),
    ("Not counted in full", "C"): probe({"kernel drops, packets": Gain("kernel_drops", POD),
                                         "flow table full, packets": Gain("table_full_packets", POD),
                                         "not sent, datagrams": Gain("send_errors", POD)}, step=True),
    ("Not counted in full", "D"): collector({"dropped at the collector's socket, datagrams":
                                             Gain("receive_drops", COLLECTOR)}, step=True),
    ("Traffic on its way", "A"): collector({name: Gain(field, COLLECTOR, times=8) for name, field in (
        ("accepted", "accepted_bytes"), ("on disk", "committed_bytes"), ("in InfluxDB", "delivered_bytes"))},
        COLLECTOR, True),
    ("How late", "A"): collector({"on disk": largest("commit_ms"), "in InfluxDB": largest("delivery_ms")}, COLLECTOR, True),
    ("Spool", "A"): collector({"waiting": largest("spool_data_bytes"), "in use": largest("spool_used_bytes"),
                               "limit": largest("spool_quota_bytes")}, COLLECTOR, True),
    ("Spool", "B"): collector({"age of the oldest": largest("spool_oldest_s")}, COLLECTOR, True),
    ("Datagrams", "A"): collector({name: Gain(field, COLLECTOR, times=1) for name, field in (
        ("received", "datagrams"), ("rejected", "datagrams_rejected"), ("duplicates", "duplicates"))}, COLLECTOR, True),
    ("Requests to InfluxDB", "A"): collector(gains(COLLECTOR, sent="posts", kept_to_be_sent_again="posts_kept",
                                                   commits_that_failed="commit_failures",
                                                   lines_refused="rejected_lines"), step=True),
    ("Requests to InfluxDB", "B"): collector({"dead letters": largest("dead_lines")}, step=True),
    ("Probes heard of", "A"): collector({"probes": largest("probes")}, COLLECTOR, True),
    ("Processor", "A"): probe({"busiest probe": Gain("cpu_us", POD, max, 1e-6),
                               "average probe": Gain("cpu_us", POD, mean, 1e-6)}, step=True),
    ("Processor", "B"): collector({"cpu": Gain("cpu_us", COLLECTOR, times=1e-6)}, COLLECTOR, True),
    ("Memory", "A"): probe({"largest probe": largest("rss_bytes"),
                            "average probe": over_series(mean, largest("rss_bytes"), POD)}, step=True),
    ("Memory", "B"): collector({"rss": largest("rss_bytes")}, COLLECTOR, True),
    ("Each probe's last report", "A"): probe({
        "cpu": busy, **{name: newest(field) for name, field in (
            ("coverage", "coverage"), ("captured", "captured_bytes"), ("stored", "stored_bytes"), ("lost", "lost_bytes"),
            ("evicted", "evicted_bytes"), ("unreported", "unreported_bytes"), ("drops", "kernel_drops"),
            ("table_full", "table_full_packets"), ("send_errors", "send_errors"), ("self", "self_bytes"),
            ("rss", "rss_bytes"), ("uptime", "uptime_s"))},
    }, (*POD, "workload", "node")),
}
SHOWN = {(uid, *key): panel for uid, board in (("nstats-overview", OVERVIEW), ("nstats-pod", POD_BOARD), ("nstats-self", SELF))
         for key, panel in board.items()}


def rows(ask, measurement):
    """Every point: {tag, field or time: value}, oldest first."""
    return [dict(zip(one["columns"], values_)) for one in ask(f'SELECT * FROM "{measurement}"') for values_ in one["values"]]


def expected(points, panel, by, step_s):
    """{({(tag, value)}, start of the step or None, column): number}"""
    shown = {}
    for group, some in series_of(filter(panel.where, points), by).items():
        tags = frozenset(zip(by, group))
        for column, figure in panel.columns.items():
            if isinstance(figure, Gain):
                found = figure.by_step(some, step_s)
                found = found if panel.step else {None: sum(found.values())} if found else {}
            else:
                steps = by_step(some, step_s) if panel.step else {None: some}
                found = {at: figure(in_step, step_s) for at, in_step in steps.items()}
            shown.update(((tags, at, column), value) for at, value in found.items() if value is not None)
    return shown


def answered(series, has_steps):
    """What the database answered, in the same form. A column of text is a tag."""
    shown = {}
    for one in series:
        for row in one["values"]:
            cells = {name: cell for name, cell in zip(one["columns"], row) if name != "time" and cell is not None}
            tags = one.get("tags", {}) | {name: cell for name, cell in cells.items() if isinstance(cell, str)}
            shown.update(((frozenset(tags.items()), row[0] if has_steps else None, name), cell)
                         for name, cell in cells.items() if not isinstance(cell, str))
    return shown


def keep_top(wanted, got, panel):
    """
    Where only the largest are asked for, what may be missing: the rest, none of it larger than what is there. Those with nothing,
    which fill the places that are left, are in one of the two perhaps.
    """
    first = next(iter(panel.columns))
    for at in {at for _, at, _ in wanted}:
        ranked = sorted((value for (_, when, column), value in wanted.items() if (when, column) == (at, first) and value),
                        reverse=True)
        there = {tags for (tags, when, column), value in got.items() if (when, column) == (at, first) and value}
        if len(there) != min(len(ranked), panel.top) or any(
                value < ranked[len(there) - 1] for (tags, when, column), value in wanted.items()
                if (when, column) == (at, first) and tags in there):
            return wanted
        wanted = {key: value for key, value in wanted.items() if key[1] != at or key[0] in there}
    return wanted


def differs(ask, query, chosen, points, now_s):
    """None where the query shows what it must, else a sentence. points: {measurement: rows}"""
    panel = SHOWN[query[:3]]
    start_ms, end_ms = dashboards.moment_ms(query.start, now_s), dashboards.moment_ms(query.end, now_s, True)
    by = tuple(chosen["split"][0] if tag == "${split}" else tag for tag in panel.by)
    names = {} if panel.measurement == "nstats_collector" else CHOOSES
    some = [point for point in points[panel.measurement] if start_ms <= point["time"] <= end_ms and all(
        chosen.get(variable, [dashboards.ALL]) in ([dashboards.ALL], [point.get(tag)]) for tag, variable in names.items())]
    wanted = expected(some, panel, by, dashboards.step_s(query, chosen, now_s))
    try:
        got = answered(ask(dashboards.fill(query, chosen, now_s)), panel.step)
    except AssertionError as why:
        return f"{query.place}, {query.ref}: {why}"
    if panel.top:
        wanted = keep_top(wanted, got, panel)
    wrong = [key for key in wanted.keys() | got.keys()
             if abs(got.get(key, 0) - wanted.get(key, 0)) > 1e-9 * max(1, abs(wanted.get(key, 0))) or key not in got]
    chose = ", ".join(f"{name} {values_[0]}" for name, values_ in chosen.items() if values_ != [dashboards.ALL])
    return wrong and (f"{query.place}, {query.ref} ({chose}): {len(wrong)} of {len(wanted)} differ, "
                      f"{wrong[0]}: {got.get(wrong[0])}, expected {wanted.get(wrong[0])}") or None


# What could be written wrong, and still be answered: (pattern, what stands there instead)
FIGURES = ((r'"tx_(bytes|packets)"', r'"rx_\1"'), (r'"rx_(bytes|packets)"', r'"tx_\1"'), (r"\bsum\(", "max("))
SLIPS = (
    (r" 8000\.0 /", " 8.0 /"), (r" 8000\.0 /", " 1000.0 /"), (r" 1000\.0 /", " 8000.0 /"), (r" \* 8\.0", " * 8000.0"),
    (r" / 60\b", " / 10"), (r" / 1000000\.0", " / 1000.0"), (r" \* 1\.0", ""),
    (r'"\w+" =~ /\^\$\{\w+:regex\}\$/ AND ', ""), (r' AND "\w+" =~ /\^\$\{\w+:regex\}\$/(?= |\)|$)', ""),
    (r"\"receiver_kind\" = 'external' AND ", ""), (r"\"receiver\" = '~other' AND ", ""), (r'"receiver" [!=]~ /\^~\S*/ AND ', ""),
    (r"\bmax\(", "min("), (r"\bmin\(", "max("), (r"\blast\(", "min("), (r"\bcount\(", "max("),
)


GROUPED = re.compile(r'GROUP BY (time\(\S+\))?(?:, )?((?:"[^"]+"(?:, )?)*)')


def ungrouped(text):
    """Without one tag to group by; not within a query where the outer one has it too, which InfluxDB hands down."""
    clauses = list(GROUPED.finditer(text))
    for i, clause in enumerate(clauses):
        tags = re.findall(r'"[^"]+"', clause[2])
        for tag in tags:
            if not any(tag in outer[2] for outer in clauses[i + 1:]):
                rest = ", ".join(filter(None, [clause[1], *(other for other in tags if other != tag)]))
                yield text[:clause.start()] + (f"GROUP BY {rest}" if rest else "") + text[clause.end():]


def slips(query):
    """The query with one slip each. What counts groups does not care for the figure that they have."""
    patterns = SLIPS if "count(" in query.text else FIGURES + SLIPS
    found = {query.text[:match.start()] + match.expand(instead) + query.text[match.end():]
             for pattern, instead in patterns for match in re.finditer(pattern, query.text)}
    return [query._replace(text=text) for text in sorted(found | set(ungrouped(query.text)))]
