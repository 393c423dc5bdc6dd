# SPDX-License-Identifier: Apache-2.0
"""Every query of Grafana's dashboards, variables and alert rules, asked of an influxd that the demo shop filled."""
import json
import pathlib
import shutil
import socket
import sys
import threading
import time

from lib import dashboards, netns, shown
from lib.case import case, until
from lib.influx import Influx
from lib.lab import NET_4, NET_6, NET_MAC, POD_MAC, destination
from lib.programs import Collector, Probe
from lib.traffic import Echo, Sender

SHOP = pathlib.Path(__file__).resolve().parents[2] / "demo/shop.py"
OUTSIDE = "8.8.8.8"  # a public address, here one of the far namespace's own
CATALOG, PAYMENTS = f"{destination(1)}:8081", f"{destination(2)}:8082"
CLOSED_PORT = 1
EXPERIMENTAL = b"\x88\xb5"  # IEEE 802's local experimental ethertype
SECONDS = 35  # the collector says something of itself every 10 s, and a rate takes two points, in two intervals


def open_shop(lab):
    """web is the pod; the other two are somewhere else."""
    where = {"CATALOG": CATALOG, "PAYMENTS": PAYMENTS}
    for service, namespace in (("catalog", lab.net), ("payments", lab.net), ("web", lab.pod)):
        lab.start(service, sys.executable, SHOP, service, namespace=namespace, environment=where)


def lose_some(lab):
    """What the pod sends to catalog is lost now and then behind the interface, so that it is sent again."""
    lab.nft(lab.net, """table netdev loss {
        chain in {
            type filter hook ingress device "net0" priority 0; policy accept;
            tcp dport 8081 numgen random mod 20 == 0 drop
        }
    }""")


class Trouble:
    """Attempts that are refused, and frames that are not IP."""

    def __init__(self, lab):
        self.is_ending = threading.Event()
        with netns.inside(lab.pod):
            self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self.raw.bind(("pod0", 0))
        self.thread = threading.Thread(target=self.run, args=(lab.pod,), daemon=True)
        self.thread.start()
        lab.callback(self.end)

    def run(self, pod):
        frame = bytes.fromhex((NET_MAC + POD_MAC).replace(":", "")) + EXPERIMENTAL + bytes(46)
        with netns.inside(pod):
            while not self.is_ending.wait(0.3):
                self.raw.send(frame)
                with socket.socket() as attempt:
                    attempt.settimeout(1)
                    attempt.connect_ex((NET_4, CLOSED_PORT))

    def end(self):
        self.is_ending.set()
        self.thread.join(5)
        self.raw.close()


def fill(lab):
    """A database with something for every query to find."""
    influx = Influx(lab)
    netns.run("ip", "-n", lab.net, "route", "add", "local", OUTSIDE, "dev", "lo")
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off")
    probe = Probe(lab, "--top", 3, "--namespace", "shop", "--node", "node-1", interval_s=1)
    lose_some(lab)
    open_shop(lab)
    Echo(lab, [OUTSIDE, NET_6, *map(destination, range(3, 8))], reply=500)
    Sender(lab, [OUTSIDE], every_s=0.001)  # among the top
    Sender(lab, [NET_6, *map(destination, range(3, 8))], every_s=0.1)
    Trouble(lab)
    time.sleep(SECONDS)
    # differences between stretches of 30 s want two of them
    until(lambda: len(influx.query("SELECT count(probes) FROM nstats_collector WHERE time > now() - 5m "
                                   "GROUP BY time(30s) fill(none)")[0]["values"]) > 1, 60,
          "the collector says too little of itself")
    probe.stop()
    until(collector.is_drained, 15, "the spool is not empty")
    collector.stop()
    return influx


FLOATS = {"coverage", "receiveRate", "sendRate"}
EVENTS = {"failed", "resets"}  # not in every point: the neighbours have them
# like the pod or the collector, but for a tag or two
COLLECTORS_WAY = ({"hosts": "pod-2"}, {"cluster": "elsewhere"}, {"hosts": "pod-2", "cluster": "elsewhere"})
PODS_WAY = ({"hosts": "pod-2"}, {"cluster": "elsewhere"}, {"namespace": "other"}, {"workload": "app"},
            {"hosts": "pod-3", "workload": "app"})
SAME_POD = 4  # by cluster, namespace and name: the fourth of these
NEIGHBOURS = (("nstat", *PODS_WAY), ("nstats_probe", *PODS_WAY), ("nstats_collector", *COLLECTORS_WAY))


def write(influx, measurement, points, tags):
    lines = []
    for point in points:
        fields = [f"{name}={value:.9f}" if name in FLOATS else f"{name}={value}i" for name, value in point.items()
                  if name not in tags and name != "time" and value is not None]
        series = "".join(f",{tag}={point[tag]}" for tag in tags)
        lines.append(f"{measurement}{series} {','.join(fields)} {point['time']}")
    influx.request(f"/write?db={influx.db}&precision=ms", "\n".join(lines).encode())


def grown(i, n, point, tags):
    """The i-th point of the n-th neighbour: figures that all rise, each neighbour's much faster than the last one's."""
    factor = 4 ** n

    def figure(name, value):
        if name in tags or name == "time" or name in FLOATS:
            return value
        if value is None:
            return i % 5 + factor if name in EVENTS else None
        if name == "rtt_us":
            return value - n
        # the pod itself has the least coverage, so that it matters with whom it is mixed up
        return (value + 7 * i * i) * factor * (3 if name == "captured_bytes" and n != SAME_POD else 2) // 2
    return {name: figure(name, value) for name, value in point.items()}


def add_neighbours(influx, ask):
    """{measurement: all points}"""
    points = {}
    for measurement, *others in NEIGHBOURS:
        tags = [row[0] for row in influx.query(f"SHOW TAG KEYS FROM {measurement}")[0]["values"]]
        own = shown.rows(ask, measurement)
        if measurement == "nstats_collector":  # each step holds several points, and one of them ends early
            own = [point | {"time": point["time"] + later_ms} for point in own for later_ms in range(0, 10000, 2000)]
        if measurement == "nstat":
            own = [dict.fromkeys(EVENTS) | point for point in own]
        for n, other in enumerate(others, 1):
            new = [grown(i, n, point, tags) | other for i, point in enumerate(own)]
            if measurement == "nstat":
                new += [point | {"receiver": "of-" + "-".join(other)} for point in new if point["receiver"] == OUTSIDE]
            elif len(other) == 2:
                new = new[:-3]
            write(influx, measurement, new, tags)
        points[measurement] = shown.rows(ask, measurement)
    return points


def choices(board):
    """What may be chosen in the variables: all; one; those of this case's pod, with all of its destinations or one."""
    everything = dashboards.chosen(board)
    pod = {"cluster": ["-"], "namespace": ["shop"], "workload": ["-"], "pod": ["pod"]}
    yield from (everything | {"split": [split]} for split in dashboards.splits(board) or [""])
    yield from (everything | {name: value} for name, value in pod.items())
    yield from (everything | {shown.CHOOSES[tag]: [value]} for other in PODS_WAY[:3] for tag, value in other.items())
    yield everything | pod
    if "destination" in everything:
        yield everything | {"destination": ["of-hosts"]}
        yield from (everything | pod | {"destination": [name]} for name in (OUTSIDE, destination(1)))


def check_what_is_shown(ask, points):
    """Each panel against the stored points, and each slip in a query of a panel against this check."""
    last_s = max(point["time"] for point in points["nstat"]) / 1000
    wrong, unnoticed, n_slips = [], [], 0
    asked = set()
    for board in dashboards.boards():
        for query in dashboards.panel_queries(board):
            asked.add(query[:3])
            assert query[:3] in shown.SHOWN, f"{query[:3]}: what it must show is not in lib/shown.py"
            now_s = dashboards.asked_s(query, last_s)
            chosen = [one for one in choices(board) if "${split}" in query.text or one.get("split") in
                      (None, [""], ["receiver_kind"])]
            wrong += filter(None, (shown.differs(ask, query, one, points, now_s) for one in chosen))
            for slip in shown.slips(query):
                n_slips += 1
                if not any(shown.differs(ask, slip, one, points, now_s) for one in chosen):
                    unnoticed.append(f"{query.board}, {query.place}: {slip.text}")
    assert not wrong, "\n".join(wrong)
    assert asked == shown.SHOWN.keys(), f"there is no such panel: {shown.SHOWN.keys() - asked}"
    assert not unnoticed, f"{len(unnoticed)} of {n_slips} slips are not noticed:\n" + "\n".join(unnoticed)
    assert n_slips > 300, n_slips


def check_that_faults_are_found(lab, ask):
    folder = lab.dir / "grafana"
    shutil.copytree(dashboards.GRAFANA, folder)
    path = folder / "dashboards/pod.json"
    board = json.loads(path.read_text())
    broken = [panel for panel in board["panels"] if panel["type"] == "stat"][:2]
    faults = (('sum("tx_bytes")', 'sum("tx_byte")'), ('sum("rx_bytes")', 'sum("rx_bytes"'))
    for panel, (good, bad) in zip(broken, faults):
        assert good in panel["targets"][0]["query"], panel["title"]
        panel["targets"][0]["query"] = panel["targets"][0]["query"].replace(good, bad)
    path.write_text(json.dumps(board))
    found = {(one.query.place, one.word) for one in dashboards.failures(dashboards.run(ask, folder), True)}
    assert found == {(broken[0]["title"], "empty"), (broken[1]["title"], "error")}, found


@case(limit_s=180)
def every_query_finds_what_the_shop_did(lab):
    influx = fill(lab)
    ask = dashboards.asker_within(lab, influx)
    outcomes = list(dashboards.run(ask))
    failed = dashboards.failures(outcomes, is_strict=True)
    assert not failed, "\n".join(map(dashboards.line, failed))
    asked = {outcome.query[:3] for outcome in outcomes}
    assert dashboards.QUIET <= asked, f"not asked any more: {dashboards.QUIET - asked}"
    assert len(asked) > 80, len(asked)
    check_that_faults_are_found(lab, ask)
    check_what_is_shown(ask, add_neighbours(influx, ask))
