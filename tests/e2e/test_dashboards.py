# SPDX-License-Identifier: Apache-2.0
"""Every query of Grafana's dashboards, variables and alert rules, asked of an influxd that the demo shop filled."""
import json
import pathlib
import shutil
import socket
import sys
import threading
import time

from lib import dashboards, netns
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
    return influx


def asker(lab, influx):
    direct = dashboards.asker(f"http://{influx.address}", influx.db)

    def ask(text):
        with netns.inside(lab.net):
            return direct(text)
    return ask


def check_sums(ask, influx):
    """The picture's rates, however it is split, are all bytes."""
    board = next(board for board in dashboards.boards() if board["uid"] == "nstats-overview")
    variables = {one["name"]: one for one in board["templating"]["list"]}
    large = [query for query in dashboards.panel_queries(board) if "${split}" in query.text]
    assert [query.ref for query in large] == ["A", "B"], large
    for query, field in zip(large, ("tx_bytes", "rx_bytes")):
        stored = influx.query(f"SELECT sum({field}) FROM nstat")[0]["values"][0][1]
        for option in variables["split"]["options"]:
            values = {name: [dashboards.ALL] for name in variables} | {"split": [option["value"]]}
            series = ask(dashboards.fill(query, values, time.time()))
            drawn = sum(row[1] for one in series for row in one["values"]) * query.step_s / 8
            assert abs(drawn - stored) < 1, f"{field} by {option['text']}: {drawn}, stored {stored}"


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
    found = {(one.query.place, one.word) for one in dashboards.failures(dashboards.run(ask, folder=folder), True)}
    assert found == {(broken[0]["title"], "empty"), (broken[1]["title"], "error")}, found


@case(limit_s=180)
def every_query_finds_what_the_shop_did(lab):
    influx = fill(lab)
    ask = asker(lab, influx)
    outcomes = list(dashboards.run(ask))
    failed = dashboards.failures(outcomes, is_strict=True)
    assert not failed, "\n".join(map(dashboards.line, failed))
    asked = {outcome.query[:3] for outcome in outcomes}
    assert dashboards.QUIET <= asked, f"not asked any more: {dashboards.QUIET - asked}"
    assert len(asked) > 80, len(asked)
    check_sums(ask, influx)
    check_that_faults_are_found(lab, ask)
