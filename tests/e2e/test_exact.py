# SPDX-License-Identifier: Apache-2.0
"""Whatever happens between probe and collector, each byte is stored once: what is not acknowledged goes again."""
import os
import random
import signal
import time

from lib import netns
from lib.backend import Doubling
from lib.case import at_least, at_most, case, equal, until
from lib.influx import Influx, Victoria
from lib.lab import NET_4, destination
from lib.oracle import by_destination, conserve, sealed_in_quiescence
from lib.programs import UDP_PORT, Collector, Probe
from lib.relay import Relay
from lib.traffic import Echo, Sender

UDP = [destination(i, version) for i in (1, 2, 3) for version in (4, 6)]
HUNDRED = [destination(i) for i in range(1, 101)]
MANY = HUNDRED + [destination(i, 6) for i in range(1, 101)]  # several datagrams an interval
WIDE = [destination(i, version) for i in range(1, 376) for version in (4, 6)]  # a dozen datagrams an interval
BEHIND_RELAY = 4848
TIMES = int(os.environ.get("NSTATS_E2E_TIMES", "1"))  # 10: 200 collectors killed, 50 probes terminated


def start_all(lab, *collector_arguments, interval_s=1, addresses=UDP, every_s=0.02, database=None, before_it=None):
    """before_it: what the collector is told to be the database."""
    influx = database or Influx(lab)
    lab.count(addresses)
    before = lab.interface()
    collector = Collector(lab, "--influx", (before_it or influx).address, "--ptr", "off", *collector_arguments)
    probe = Probe(lab, "--top", len(addresses) + 10, interval_s=interval_s)
    if addresses is UDP:
        Echo(lab, UDP, reply=500)
    else:
        Echo(lab, ["::"])  # takes all of them, and is silent
    return influx, before, collector, probe, Sender(lab, addresses, every_s=every_s)


def block(lab):
    lab.nft(lab.net, f"""table inet wall {{
        chain in {{
            type filter hook input priority 0; policy accept;
            udp dport {UDP_PORT} drop
        }}
        chain out {{
            type filter hook output priority 0; policy accept;
            udp sport {UDP_PORT} drop
        }}
    }}""")


def unblock(lab):
    lab.nft(lab.net, "delete table inet wall")


@case(limit_s=120)
def a_blocked_port_for_20_s_costs_no_byte(lab):
    influx, before, collector, probe, sender = start_all(lab)
    until(lambda: influx.total() > 0, 15, "nothing arrives")
    n_before = collector.figure("nstats_datagrams_total")
    block(lab)
    time.sleep(20)
    at_most(collector.figure("nstats_datagrams_total") - n_before, 2, "datagrams through the wall")
    unblock(lab)
    time.sleep(3)
    sender.end()
    conserve(lab, probe, collector, influx, before)
    by_destination(lab, influx)


def route_of(lab, kind):
    """The collector is of no use for a while, as a routing table says (ip-route(8))."""
    netns.run("ip", "-n", lab.pod, "route", "add", kind, f"{NET_4}/32")
    time.sleep(6)
    netns.run("ip", "-n", lab.pod, "route", "del", kind, f"{NET_4}/32")


def forbid(lab):
    """The pod's own firewall: send(2) says EPERM."""
    lab.nft(lab.pod, f"""table inet wall {{
        chain out {{
            type filter hook output priority 0; policy accept;
            udp dport {UDP_PORT} drop
        }}
    }}""")
    time.sleep(6)
    lab.nft(lab.pod, "delete table inet wall")


@case(limit_s=180)
def a_kernel_that_takes_no_datagram_costs_no_byte(lab):
    influx, before, collector, probe, sender = start_all(lab)
    until(lambda: influx.total() > 0, 15, "nothing arrives")
    for kind in ("unreachable", "prohibit", "blackhole"):
        route_of(lab, kind)
    forbid(lab)
    collector.stop()
    time.sleep(3)  # ICMP says that nobody listens
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off", spool=collector.spool)
    until(lambda: collector.metrics().probe("send_errors_total"), 30, "the probe is not heard")
    sender.end()
    conserve(lab, probe, collector, influx, before)
    by_destination(lab, influx)
    errors = collector.metrics().probe("send_errors_total")
    print(f"{errors} datagrams were not taken")
    at_least(errors, 3, "errors, of five causes of which a blackhole and ICMP say little")


@case(limit_s=120 + 60 * TIMES)
def killed_collectors_lose_and_double_nothing(lab):
    influx, before, collector, probe, sender = start_all(lab)
    until(lambda: influx.total() > 0, 15, "nothing arrives")
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    print(f"seed {seed}")
    for _ in range(20 * TIMES):
        time.sleep(chance.uniform(0, 2.5))
        collector.process.child.send_signal(signal.SIGKILL)
        collector.process.wait(5)
        time.sleep(chance.uniform(0, 0.5))
        collector = Collector(lab, "--influx", influx.address, "--ptr", "off", spool=collector.spool)
    sender.end()
    conserve(lab, probe, collector, influx, before)
    by_destination(lab, influx)


@case(limit_s=60 + 60 * TIMES)
def terminated_probes_lose_nothing(lab):
    influx = Influx(lab)
    lab.count(UDP)
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off")
    Echo(lab, UDP, reply=500)
    for i in range(5 * TIMES):
        probe = Probe(lab, interval_s=1, host=f"pod-{i}")
        started = lab.counted_bytes()
        sender = Sender(lab, UDP, every_s=0.02)
        time.sleep(1.3 + i % 7 / 7)
        stopping = lab.counted_bytes()
        probe.stop()
        stopped = lab.counted_bytes()
        assert "acknowledged" not in probe.process.log(), probe.process.log()
        sender.end()
        until(collector.is_drained, 10, "the spool is not empty")
        metrics = collector.metrics()
        stored = influx.total(f"hosts = 'pod-{i}'")
        equal(stored, metrics.probe("sealed_bytes_total", f"pod-{i}"), "stored against sealed")
        equal(stored + metrics.probe("self_bytes_total", f"pod-{i}"),
              metrics.probe("captured_bytes_total", f"pod-{i}"), "stored + self against captured")
        assert stopping - started <= stored <= stopped - started, (stopping - started, stored, stopped - started)
    equal(collector.figure("nstats_lost_bytes"), 0, "lost")


@case(limit_s=180)
def a_probe_that_ends_after_an_outage_takes_nothing_along(lab):
    influx, _, collector, probe, sender = start_all(lab, addresses=WIDE, every_s=0.7)
    until(lambda: influx.total() > 0, 15, "nothing arrives")
    block(lab)
    time.sleep(55)
    n_before = collector.figure("nstats_datagrams_total")
    unblock(lab)
    begun = time.monotonic()
    probe.stop()
    print(f"the probe ended in {time.monotonic() - begun:.1f} s")
    assert "acknowledged" not in probe.process.log(), probe.process.log()
    sender.end()
    until(collector.is_drained, 30, "the spool is not empty")
    at_least(collector.figure("nstats_datagrams_total") - n_before, 500, "datagrams that waited")
    metrics = collector.metrics()
    equal(metrics.probe("evicted_bytes_total"), 0, "evicted")
    equal(influx.total(), metrics.probe("sealed_bytes_total"), "stored against sealed")
    equal(metrics.of("nstats_lost_bytes"), 0, "lost")


def a_bad_network_costs_no_byte(lab, **more):
    relay = Relay(lab, BEHIND_RELAY, loss=0.30, doubled=0.10, reordered=0.25)
    print(f"seed {relay.seed}")
    influx, before, collector, probe, sender = start_all(
        lab, "--listen", f"[::]:{BEHIND_RELAY}", addresses=MANY, every_s=0.4, **more)
    time.sleep(50)
    sender.end()
    time.sleep(15)  # the last ones go again
    n_sent, n_least = sum(relay.sent.values()), relay.minimum()
    relay.heal()
    print(f"{n_sent} datagrams sent, {n_least} would have sufficed: {n_sent / n_least:.2f}; "
          f"{relay.down.datagrams} acknowledgements")
    equal(relay.changed, 0, "datagrams that were not the same when they went again")
    at_most(n_sent / n_least, 2.0, "datagrams sent, of those that would have sufficed")
    conserve(lab, probe, collector, influx, before)
    by_destination(lab, influx)
    return collector


@case(limit_s=240)
def a_network_that_loses_doubles_and_reorders_costs_no_byte(lab):
    a_bad_network_costs_no_byte(lab)


@case(limit_s=240)
def the_same_network_before_a_victoria_metrics_that_gets_all_twice_costs_no_byte(lab):
    victoria = Victoria(lab, "-dedup.minScrapeInterval=1ms")
    twice = Doubling(lab, victoria.address)
    collector = a_bad_network_costs_no_byte(lab, database=victoria, before_it=twice)
    at_least(twice.n_asked, 2 * 50, "requests")
    at_least(collector.figure("nstats_posts_kept_total"), 50, "bodies that were sent again")


@case()
def acknowledgements_are_a_twentieth_of_what_they_answer(lab):
    relay = Relay(lab, BEHIND_RELAY)
    influx, before, collector, probe, sender = start_all(
        lab, "--listen", f"[::]:{BEHIND_RELAY}", addresses=HUNDRED, every_s=0.3)
    until(lambda: influx.total() > 0, 15, "nothing arrives")
    up, down = relay.up.bytes, relay.down.bytes
    time.sleep(10)
    up, down = relay.up.bytes - up, relay.down.bytes - down
    sender.end()
    print(f"{up:,} bytes of reports, {down:,} of acknowledgements: {100 * down / up:.1f} %")
    assert down > 0, "nothing was acknowledged"
    at_most(100 * down / up, 5, "acknowledgements' share, in percent")
    equal(sum(relay.sent.values()), relay.minimum(), "datagrams sent without loss")
    conserve(lab, probe, collector, influx, before)


def heard(collector):
    """What was heard of the newest start of the probe."""
    metrics = collector.metrics()
    return {name: metrics.probe(name) for name in ("sealed_bytes_total", "self_bytes_total", "unreported_bytes_total",
                                                   "if_rx_bytes_open", "if_tx_bytes_open")}


def opened(figures):
    return [figures["if_rx_bytes_open"], figures["if_tx_bytes_open"]]


def kill(lab, probe, collector, relay):
    """What passed the interface two intervals before, and what was heard: of its last interval nothing need be."""
    earlier = sum(lab.interface())
    time.sleep(2 * probe.interval_s + 0.5)
    probe.process.child.send_signal(signal.SIGKILL)
    probe.process.wait(5)
    time.sleep(relay.delay_s)
    return earlier, heard(collector)


@case(limit_s=300)
def what_a_killed_probe_takes_along_is_told_to_the_byte(lab):
    """The first is killed in a network that is whole, the second in one that loses half; the third lives."""
    relay = Relay(lab, BEHIND_RELAY)
    print(f"seed {relay.seed}")
    influx, before, collector, probe, sender = start_all(lab, "--listen", f"[::]:{BEHIND_RELAY}", addresses=MANY,
                                                         interval_s=2, every_s=0.2)
    starts, unreported = [], 0
    for loss in (0.5, 0.0):
        time.sleep(7)
        earlier, last = kill(lab, probe, collector, relay)
        starts.append(last)
        relay.loss = loss
        probe = Probe(lab, "--top", len(MANY) + 10)
        until(lambda: opened(heard(collector)) != opened(last), 60, "nothing is heard of the new start")
        now = heard(collector)
        passed = sum(opened(now))
        told = sum(start["sealed_bytes_total"] + start["self_bytes_total"] for start in starts)
        equal(told + now["unreported_bytes_total"], passed - sum(before), "told + unreported against what passed")
        if loss:  # so far none was lost
            at_most(now["unreported_bytes_total"], passed - earlier, "unreported against two intervals and the pause")
        assert now["unreported_bytes_total"] > unreported, "nothing was taken along"
        unreported = now["unreported_bytes_total"]
    sender.end()
    until(lambda: collector.figure("nstats_missing_bytes") > 0, 150, "nothing is missing")
    metrics = sealed_in_quiescence(lab, probe, collector, opened(now))
    until(collector.is_drained, 30, "the spool is not empty")
    sealed = starts[0]["sealed_bytes_total"] + starts[1]["sealed_bytes_total"] + metrics.probe("sealed_bytes_total")
    missing = collector.figure("nstats_missing_bytes")
    stored = influx.total()
    print(f"stored {stored:,}, missing {missing:,}, unreported {unreported:,}")
    equal(metrics.probe("unreported_bytes_total"), unreported, "unreported, at the end")
    equal(collector.figure("nstats_lost_bytes"), 0, "lost")
    equal(stored + missing, sealed, "stored + missing against sealed")
