# SPDX-License-Identifier: Apache-2.0
"""What stops comes back, and nothing is lost or counted twice."""
import signal
import time

from lib.case import at_most, case, equal, until
from lib.influx import Influx
from lib.lab import destination
from lib.oracle import by_destination, conserve
from lib.programs import Collector, Probe
from lib.traffic import Echo, Sender

UDP = [destination(i, version) for i in (1, 2, 3) for version in (4, 6)]


def start_all(lab, *probe_arguments):
    influx = Influx(lab)
    lab.count(UDP)
    before = lab.interface()
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off")
    probe = Probe(lab, *probe_arguments)
    Echo(lab, UDP, reply=500)
    return influx, before, collector, probe, Sender(lab, UDP, every_s=0.02)


@case(limit_s=180)
def influx_away_for_20_s_costs_no_byte(lab):
    influx, before, collector, probe, sender = start_all(lab)
    until(lambda: influx.total() > 0, 15, "nothing arrives")
    influx.process.stop()
    time.sleep(20)
    assert collector.figure("nstats_spool_bytes") > 0, "nothing waits in the spool"
    influx.start()
    time.sleep(2)
    sender.end()
    conserve(lab, probe, collector, influx, before)
    by_destination(lab, influx)


@case(limit_s=120)
def a_killed_collector_keeps_what_it_committed_and_gets_the_rest_again(lab):
    influx, before, collector, probe, sender = start_all(lab)
    until(lambda: influx.total() > 0, 15, "nothing arrives")
    influx.process.stop()  # so that there is a spool to lose
    time.sleep(4)
    committed = collector.figure("nstats_committed_bytes_total")
    collector.process.child.send_signal(signal.SIGKILL)
    collector.process.wait(5)
    influx.start()
    time.sleep(2 * probe.interval_s)  # what the probe sends now is refused, or lost
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off", spool=collector.spool)
    time.sleep(8)  # what went to nobody goes again after at most 6.25 s
    sender.end()
    stored = conserve(lab, probe, collector, influx, before)
    by_destination(lab, influx)
    assert stored > committed, f"stored {stored:,}, and {committed:,} had been committed"


@case(limit_s=120)
def a_killed_influx_has_each_byte_once(lab):
    influx, before, collector, probe, sender = start_all(lab)
    until(lambda: influx.total() > 0, 15, "nothing arrives")
    for _ in range(3):
        influx.process.kill()
        time.sleep(1)
        influx.start()
        time.sleep(1.5)
    sender.end()
    conserve(lab, probe, collector, influx, before)
    by_destination(lab, influx)


@case()
def without_influx_it_keeps_and_a_later_start_ships(lab):
    influx = Influx(lab)
    lab.count(UDP)
    before = lab.interface()
    collector = Collector(lab, "--ptr", "off")
    probe = Probe(lab)
    Echo(lab, UDP)
    sender = Sender(lab, UDP, every_s=0.02)
    until(lambda: collector.figure("nstats_spool_bytes"), 15, "nothing is kept")
    sender.end()
    generated = lab.counted_bytes()
    until(lambda: collector.figure("nstats_spool_bytes") == generated, 10, "not all is kept")
    collector.stop()
    equal(influx.total(), 0, "stored without --influx")
    collector = Collector(lab, "--ptr", "off", spool=collector.spool,
                          environment={"INFLUX": influx.address, "IDB": influx.db})
    conserve(lab, probe, collector, influx, before)
    by_destination(lab, influx)


@case()
def a_probe_that_is_terminated_flushes_its_open_interval(lab):
    influx = Influx(lab)
    lab.count(UDP)
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off")
    probe = Probe(lab, interval_s=30)
    Echo(lab, UDP, reply=100)
    sender = Sender(lab, UDP, every_s=0.02)
    time.sleep(3)
    sender.end()
    generated = lab.counted_bytes()
    began = time.monotonic()
    probe.stop()
    at_most(time.monotonic() - began, 5, "seconds that the probe took to end")
    until(lambda: influx.total() >= generated, 15, "the last interval does not arrive")
    by_destination(lab, influx)
    equal(influx.total(), generated, "stored")


@case()
def a_terminated_collector_commits_what_it_has_heard_and_gets_the_rest_again(lab):
    influx, before, collector, probe, sender = start_all(lab)
    until(lambda: influx.total() > 0, 15, "nothing arrives")
    collector.stop()
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off", spool=collector.spool)
    time.sleep(8)  # what went to nobody goes again after at most 6.25 s
    sender.end()
    conserve(lab, probe, collector, influx, before)
    by_destination(lab, influx)


@case()
def both_end_cleanly_on_an_interrupt(lab):
    lab.count(UDP)
    collector = Collector(lab, "--ptr", "off", "--live")
    probe = Probe(lab)
    Echo(lab, UDP)
    sender = Sender(lab, UDP, every_s=0.05)
    until(lambda: collector.figure("nstats_committed_bytes_total"), 15, "nothing is committed")
    sender.end()
    probe.stop(signal.SIGINT)
    collector.stop(signal.SIGINT)
    rows = [line.split() for line in collector.process.out().splitlines()[1:]]
    for address, (tx, rx) in lab.counters().items():
        equal(sum(int(row[-2]) for row in rows if address in row), tx, f"--live shows of {address} tx")
        equal(sum(int(row[-1]) for row in rows if address in row), rx, f"--live shows of {address} rx")
