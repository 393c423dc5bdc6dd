# SPDX-License-Identifier: Apache-2.0
"""The budget of series: what a scan costs InfluxDB, and what it leaves to the other pods."""
import time

from lib.case import at_least, at_most, case, equal, until
from lib.fleet import Fleet
from lib.influx import Influx
from lib.programs import Collector

MAX_SERIES = 1000
MANY = 10000  # more than what a quiet batch writes of them
STEP_MS = 10000
TCP = 6
OTHER_PODS = ("web-0", "web-1", "web-2")
DESTINATIONS = 20  # new ones of each of them, after the scan


def address(net, i):
    return bytes((net, i >> 16 & 255, i >> 8 & 255, i & 255))


def text(packed):
    return ".".join(map(str, packed))


def flow(remote, port):
    return remote, TCP, port, 60, 40, 1, 1


class Budget:
    """A collector with a small budget, a scanner and some pods that only work; on whole past days."""

    def __init__(self, lab, max_series=MAX_SERIES):
        self.lab, self.max_series = lab, max_series
        self.influx = Influx(lab)
        self.start()
        self.fleet = Fleet(lab, ["scanner", *OTHER_PODS])
        self.scanner, *self.others = self.fleet.pods
        self.at_ms = (int(time.time()) // 86400 - 6) * 86400000

    def start(self):
        self.collector = Collector(self.lab, "--influx", self.influx.address, "--ptr", "off",
                                   "--max-series", self.max_series)

    def send(self, pod, rows):
        self.at_ms = self.fleet.send_all(pod, self.at_ms, rows, STEP_MS)

    def settle(self):
        self.fleet.await_acks(0)
        until(self.collector.is_drained, 60, "the spool is not empty")

    def others_work(self, net):
        """Each has new destinations, and they are named, with their ports."""
        for i, pod in enumerate(self.others):
            self.send(pod, [flow(address(net + i, j), 443) for j in range(DESTINATIONS)])
        self.settle()
        for i, pod in enumerate(self.others):
            expected = {text(address(net + i, j)) for j in range(DESTINATIONS)}
            found = self.influx.sums_by("receiver", f"hosts = '{pod.host.decode()}' AND port = '443'")
            assert expected <= set(found), f"{pod.host}: not named: {sorted(expected - set(found))}"

    def series(self):
        """(those that count, remainders)"""
        keys = [row[0] for one in self.influx.query("SHOW SERIES FROM nstat") for row in one["values"]]
        n_remainders = sum(",receiver=~" in key for key in keys)
        return len(keys) - n_remainders, n_remainders

    def check(self):
        n, n_remainders = self.series()
        print(f"{n} series and {n_remainders} remainders")
        at_most(n, self.max_series, "series")
        at_least(n, self.max_series // 2, "series: a budget that is not used proves nothing")
        at_most(n_remainders, len(self.fleet.pods), "remainders: a protocol and a role each")
        until(lambda: self.collector.figure("nstats_series") == n, 5, f"nstats_series is not {n}")
        equal(self.collector.figure("nstats_series_max"), self.max_series, "nstats_series_max")
        for pod in self.fleet.pods:
            equal(self.influx.total(f"hosts = '{pod.host.decode()}'"), pod.sealed, f"stored of {pod.host}")


def folded(collector, what):
    return collector.metrics().of("nstats_series_folded_total", what=what, reason="pod")


@case(limit_s=180)
def a_scan_of_a_million_addresses_costs_half_of_the_budget(lab):
    budget = Budget(lab)
    budget.others_work(20)
    budget.send(budget.scanner, [flow(address(40, i), 80) for i in range(1_000_000)])
    budget.settle()
    at_least(folded(budget.collector, "name"), 999_000, "records that lost their name")
    budget.others_work(24)
    budget.check()
    before = budget.series()
    budget.collector.stop()
    budget.start()
    budget.send(budget.scanner, [flow(address(41, i), 80) for i in range(50_000)])
    budget.settle()
    assert budget.series() == before, f"a restart let new series begin: {budget.series()}, {before} before"
    budget.others_work(28)
    budget.check()


RUNS = 12


@case(limit_s=120)
def the_runs_of_a_job_that_scans_leave_others_a_quarter_of_the_budget(lab):
    """Each run is a pod of a new name, and the series of those before it stay live for days."""
    budget = Budget(lab)
    budget.others_work(20)
    runs = Fleet(lab, [f"scan-{28_812_345 + i}-x7k2p" for i in range(RUNS)])
    for i, pod in enumerate(runs.pods):
        budget.at_ms = runs.send_all(pod, budget.at_ms, [flow(address(60 + i, j), 80) for j in range(2000)], STEP_MS)
        runs.await_acks(0)
    budget.others_work(24)
    n, _ = budget.series()
    at_most(n, budget.max_series, "series")
    at_least(n, budget.max_series * 6 // 10, "series: runs that take nothing prove nothing")
    for pod in [*runs.pods, *budget.others]:
        equal(budget.influx.total(f"hosts = '{pod.host.decode()}'"), pod.sealed, f"stored of {pod.host}")


def spread(budget, net):
    """Each pod has as many new destinations as all may have together."""
    for i, pod in enumerate(budget.fleet.pods):
        budget.send(pod, [flow(address(net + i, j), 443) for j in range(MANY)])
    budget.fleet.await_acks(0)


@case(limit_s=120)
def what_began_right_before_a_stop_or_a_kill_is_remembered(lab):
    budget = Budget(lab, MANY)
    spread(budget, 20)
    budget.collector.stop()
    budget.start()
    spread(budget, 40)
    budget.settle()
    before = budget.series()
    budget.check()
    budget.collector.process.kill()
    budget.start()
    spread(budget, 60)
    budget.settle()
    assert budget.series() == before, f"a kill let new series begin: {budget.series()}, {before} before"
    budget.check()


@case()
def a_small_spool_remembers_fewer_series_and_says_so(lab):
    collector = Collector(lab, "--ptr", "off", "--spool-max", "1MiB", "--max-series", 50000)
    equal(collector.figure("nstats_series_max"), (1 << 20) // 8 // 24, "nstats_series_max")
    assert 'msg="fewer series than --max-series"' in collector.process.log(), collector.process.log()
    assert 'level=info msg="fewer probes than usual fit the ledger"' in collector.process.log(), collector.process.log()


@case(limit_s=120)
def a_scan_of_all_ports_costs_no_destination_its_name(lab):
    budget = Budget(lab)
    target = address(40, 1)
    budget.others_work(20)
    budget.send(budget.scanner, [flow(target, port) for port in range(1, 65536)])
    budget.settle()
    by_receiver = budget.influx.sums_by("receiver", "hosts = 'scanner'")
    assert set(by_receiver) == {text(target)}, f"not only the target: {by_receiver}"
    at_least(folded(budget.collector, "port"), 65_000, "records that lost their port")
    budget.others_work(24)
    before = budget.series()
    budget.collector.process.kill()
    budget.start()
    budget.send(budget.scanner, [flow(target, port) for port in range(65535, 60000, -1)])
    budget.settle()
    assert budget.series() == before, f"a restart let new series begin: {budget.series()}, {before} before"
    budget.others_work(28)
    budget.check()
