# SPDX-License-Identifier: Apache-2.0
"""Grafana's pictures at each step that it may choose, and its alert rules, as Grafana evaluates them."""
import gzip
import sqlite3
import time

from lib import dashboards, shown
from lib.backend import Backend, Say, Spool, line
from lib.case import case, until
from lib.influx import Influx
from lib.lab import destination
from lib.programs import Collector, Probe
from lib.traffic import Echo, Sender

INTERVAL_S, HOUR_S, DAY_S = 10, 3600, 86400
STEADY = {"tx_bytes": 12_500_000, "rx_bytes": 2_500_000, "tx_packets": 9000, "rx_packets": 2000, "retransmits": 1250}
TAGS = ("cluster=-,hosts=pod,namespace=shop,port=80,proto=tcp,receiver=peer,receiver_kind=external,receiver_zone=b,role=client,"
        "workload=-,zone=a")
RULES = {rule.uid: rule for rule in dashboards.alert_rules()}


def write(influx, lines):
    for at in range(0, len(lines), 5000):
        influx.request(f"/write?db={influx.db}&precision=s", "\n".join(lines[at:at + 5000]).encode())


def is_flat(ask, query, now_s, chosen):
    """Each step that the range touches shows the rate of every single interval."""
    panel = shown.SHOWN[query[:3]]
    step_ms = dashboards.step_s(query, chosen, now_s) * 1000
    start_ms, end_ms = dashboards.moment_ms(query.start, now_s), dashboards.moment_ms(query.end, now_s, True)
    n_steps = end_ms // step_ms - start_ms // step_ms + 1
    got = shown.answered(ask(dashboards.fill(query, chosen, now_s)), panel.step)
    rates = {name: figure([STEADY], INTERVAL_S) for name, figure in panel.columns.items()}
    return len(got) == n_steps * len(rates) and all(
        abs(value - rates[column]) < 1e-6 for (_, _, column), value in got.items())


@case(limit_s=120)
def a_steady_rate_is_drawn_flat_at_each_step_to_the_edges(lab):
    influx = Influx(lab)
    ask = dashboards.asker_within(lab, influx)
    end_s = int(time.time()) // DAY_S * DAY_S
    fields = ",".join(f"{name}={value}i" for name, value in STEADY.items())
    write(influx, [f"nstat,{TAGS} {fields} {at_s}" for at_s in range(end_s - 2 * DAY_S, end_s, INTERVAL_S)])
    n_rates = 0
    for board in dashboards.boards():
        chosen = dashboards.chosen(board)
        for query in dashboards.panel_queries(board):
            if "$__interval_ms" in query.text:
                n_rates += 1
                for step_s in dashboards.STEPS_S:
                    aligned = query._replace(start=f"now-{2 * step_s}s", end="now-1s", least=f"{step_s}s")
                    assert is_flat(ask, aligned, end_s, chosen), f"{query.board}, {query.place}: not flat at {step_s} s"
                for width in (300, 1000, 3000):
                    for now_s in range(end_s - 3600, end_s - 3540, 7):
                        assert is_flat(ask, query._replace(points=width), now_s, chosen), \
                            f"{query.board}, {query.place}: not flat over the default range, {now_s % 60} s after the minute"
                for slip in ({"least": "15s"}, {"start": "now-1795s", "end": "now"}):
                    assert not is_flat(ask, query._replace(**slip), end_s - 3567, chosen), f"{query.place}: {slip} is not noticed"
            elif query.place.endswith("now"):
                for now_s in range(end_s - 3600, end_s - 3540, 7):
                    # between two points: a minute from one to another would hold seven
                    got = ask(dashboards.fill(query, chosen, now_s + 0.5))[0]["values"][0][1]
                    figure = next(iter(shown.SHOWN[query[:3]].columns.values()))
                    assert abs(got - figure([STEADY], 0) * 60 / INTERVAL_S) < 1e-6, f"{query.place}: {got}"
    assert n_rates >= 8, n_rates


def reports(measurement, now_s, fields, last_s):
    """A point each 10 s of two hours, but for the last_s. fields(age in seconds) -> {field: integer, or float for coverage}"""
    lines = []
    for age_s in range(2 * HOUR_S, last_s, -INTERVAL_S):
        text = ",".join(f"{name}={value}" + "i" * (name != "coverage") for name, value in fields(age_s).items())
        lines.append(f"{measurement},hosts=pod,cluster=-,namespace=shop {text} {now_s - age_s}")
    return lines


def captures(share, before=1.0):
    """Of 1,000 bytes a second: share of what is younger than 10 minutes, and of what came before."""
    def fields(age_s):
        passed = (2 * HOUR_S - age_s) * 1000
        recent = max(0, 600 - age_s) * 1000
        return {"captured_bytes": round((passed - recent) * before + recent * share), "interface_bytes": passed, "coverage": 1.0}
    return fields


def rises(field, at_s, others=()):
    return lambda age_s: {name: 5 for name in others} | {field: 5 if age_s > at_s else 6}


def stands(**fields):
    return lambda age_s: fields


LOST, DROPPED = ("lost_bytes", "evicted_bytes"), ("rejected_bytes", "evicted_bytes")
# rule: what fires it, what does not; each (measurement, fields by age, age of the last point)
TROUBLE = {
    "nstats-nothing-arrives": (
        [("nstats_probe", stands(captured_bytes=1), 620)], [("nstats_probe", stands(captured_bytes=1), 580)]),
    "nstats-coverage": (
        [("nstats_probe", captures(0.985), 0), ("nstats_probe", captures(0.5), 0)],
        [("nstats_probe", captures(0.995), 0), ("nstats_probe", captures(1, before=0.5), 0),
         ("nstats_probe", stands(captured_bytes=9, interface_bytes=9, coverage=1.0), 0),
         ("nstats_probe", stands(captured_bytes=9, interface_bytes=99), 0)]),
    "nstats-spool-old": (
        [("nstats_collector", stands(spool_oldest_s=301), 0), ("nstats_collector", stands(spool_oldest_s=301), 3000)],
        [("nstats_collector", stands(spool_oldest_s=300), 0), ("nstats_collector", stands(spool_oldest_s=9999), 3700),
         ("nstats_collector", lambda age_s: {"spool_oldest_s": 9999 if age_s > 60 else 0}, 0)]),
    "nstats-spool-full": (
        [("nstats_collector", stands(spool_used_bytes=81, spool_quota_bytes=100), 0),
         ("nstats_collector", stands(spool_used_bytes=81, spool_quota_bytes=100), 3000)],
        [("nstats_collector", stands(spool_used_bytes=80, spool_quota_bytes=100), 0)]),
    "nstats-kernel-drops": (
        [("nstats_probe", rises("kernel_drops", 500), 0)],
        [("nstats_probe", rises("kernel_drops", 700), 0), ("nstats_probe", stands(kernel_drops=9), 0)]),
    "nstats-lost": (
        [("nstats_probe", rises(field, 3000, LOST), 0) for field in LOST],
        [("nstats_probe", rises(field, 3700, LOST), 0) for field in LOST]),
    "nstats-dropped": (
        [("nstats_collector", rises(field, 3000, DROPPED), 0) for field in DROPPED],
        [("nstats_collector", rises(field, 3700, DROPPED), 0) for field in DROPPED]),
}


@case(limit_s=120)
def each_alert_fires_on_its_trouble_and_on_nothing_less(lab):
    influx = Influx(lab)
    ask = dashboards.asker_within(lab, influx)
    now_s = int(time.time()) // 60 * 60
    assert TROUBLE.keys() == RULES.keys(), TROUBLE.keys() ^ RULES.keys()
    for uid, cases in TROUBLE.items():
        for expected, states in zip((True, False), cases):
            for n, (measurement, fields, last_s) in enumerate(states):
                influx.query(f'DROP DATABASE "{influx.db}"')
                influx.query(f'CREATE DATABASE "{influx.db}"')
                write(influx, reports(measurement, now_s, fields, last_s))
                fires = dashboards.is_firing(ask, RULES[uid], now_s)
                assert fires == expected, f"{uid}, {'trouble' if expected else 'all well'} {n}: fires is {fires}"
    influx.query(f'DROP DATABASE "{influx.db}"')
    influx.query(f'CREATE DATABASE "{influx.db}"')
    fire = {uid for uid, rule in RULES.items() if dashboards.is_firing(ask, rule, now_s)}
    assert fire == {"nstats-nothing-arrives"}, f"in an empty database: {fire}"


OUTAGE_S, BODIES = 900, 60


class Gate:
    """Between collector and InfluxDB: shut, slow or open."""

    def __init__(self, lab, influx):
        self.influx, self.is_shut = influx, False
        self.backend = Backend(lab, judge=self.judge, forward=self.forward)
        self.address = self.backend.address

    def judge(self, _path, _lines):
        return Say(503) if self.is_shut else None

    def forward(self, body):
        self.influx.request(f"/write?db={self.influx.db}&precision=ms", gzip.decompress(body))


def age_spool(lab, path):
    """Leaves a backlog in it, as an outage of InfluxDB would that began a quarter of an hour ago."""
    Collector(lab, "--ptr", "off", spool=path).stop()
    old_ms = int(time.time() - OUTAGE_S) * 1000
    Spool(path).add(*([line(f"old{i}", old_ms + i, 100)] for i in range(BODIES)))
    with sqlite3.connect(path) as db:
        db.execute("UPDATE body SET since_ms = since_ms - ?", (OUTAGE_S * 1000,))
    db.close()


@case(limit_s=180)
def an_outage_of_influxdb_is_told_while_it_lasts_and_while_the_spool_is_worked_off(lab):
    influx = Influx(lab)
    ask = dashboards.asker_within(lab, influx)
    gate = Gate(lab, influx)
    silent, old = RULES["nstats-nothing-arrives"], RULES["nstats-spool-old"]

    def fires(rule, in_s=0):
        return dashboards.is_firing(ask, rule, time.time() + in_s)

    path = lab.dir / "spool.db"
    before = Collector(lab, "--influx", gate.address, "--ptr", "off", spool=path)
    Probe(lab, "--namespace", "shop", interval_s=1)
    Echo(lab, [destination(3)], reply=500)
    Sender(lab, [destination(3)], every_s=0.1)
    until(lambda: influx.last("nstats_collector", "hosts != ''") and influx.last("nstats_probe"), 30, "nothing arrives at first")
    assert not fires(silent) and not fires(old), "something fires before the outage"

    gate.is_shut = True
    before.stop()
    age_spool(lab, path)
    collector = Collector(lab, "--influx", gate.address, "--ptr", "off", spool=path)
    time.sleep(12)  # what the collector says of itself meanwhile waits in its spool too
    assert fires(silent, in_s=700), "nothing arrives, and nobody is told"
    assert collector.figure("nstats_spool_oldest_seconds") > OUTAGE_S

    gate.backend.delay_s = 0.5
    gate.is_shut = False
    until(lambda: fires(old), 90, "the spool is worked off slowly, and nobody is told")
    waiting = collector.figure("nstats_spool_bodies")
    assert waiting > BODIES // 4, f"it is told late: {waiting} of {BODIES} are still waiting"
    assert fires(old, in_s=3000), "what comes late is not looked at"
    hasty = old._replace(query=old.query._replace(start="now-300s"))
    assert not fires(hasty, in_s=3000), "a range of 5 minutes would do"
    until(lambda: not fires(silent), 30, "points arrive, and it is said that none do")

    gate.backend.delay_s = 0
    until(lambda: not fires(old), 60, "the spool is empty, and the alert stays")
    assert collector.figure("nstats_spool_oldest_seconds") < OUTAGE_S
