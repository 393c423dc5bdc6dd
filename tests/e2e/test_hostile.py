# SPDX-License-Identifier: Apache-2.0
"""Whatever comes to the collector's port."""
import os
import random
import socket
import time

from lib import netns
from lib.case import case, equal, until
from lib.influx import MEASUREMENTS, Influx
from lib.lab import NET_4, destination
from lib.oracle import by_destination, sealed_in_quiescence
from lib.programs import UDP_PORT, Collector, Probe
from lib.traffic import Echo, Sender

N_DATAGRAMS = 100_000
UDP = [destination(i, version) for i in (1, 2, 3) for version in (4, 6)]


def record_datagrams(lab, n):
    """What a real probe sends."""
    with netns.inside(lab.net):
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind((NET_4, UDP_PORT))
    receiver.settimeout(10)
    probe = Probe(lab, interval_s=1, host="recorded")
    sender = Sender(lab, UDP, every_s=0.02)
    found = [receiver.recv(2048) for _ in range(n)]
    sender.end()
    probe.stop()
    receiver.close()
    return found


def mutate(rng, datagrams):
    data = bytearray(rng.choice(datagrams))
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(data)) if data else 0
        act = rng.randrange(6)
        if act == 0 and data:
            data[at] ^= 1 << rng.randrange(8)
        elif act == 1 and data:
            data[at] = rng.choice((0, 0x7f, 0x80, 0xff))
        elif act == 2:
            del data[at:]
        elif act == 3:
            data[at:at] = rng.randbytes(rng.randrange(1, 12))
        elif act == 4:
            data[at:at] = b"\xff" * 10  # a varint without an end
        else:
            other = rng.choice(datagrams)
            data[at:] = other[rng.randrange(len(other)):]
    return bytes(data)


def hostile_datagrams(rng, recorded):
    for i in range(N_DATAGRAMS):
        if i % 4 == 0:
            yield rng.randbytes(rng.randrange(0, 1400))
        elif i % 1000 == 1:
            yield rng.randbytes(60_000)
        else:
            yield mutate(rng, recorded)


def flood(lab, datagrams):
    """Sends them in bursts that a socket buffer holds; how many the kernel took."""
    with netns.inside(lab.net):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    n = 0
    for data in datagrams:
        n += sock.sendto(data, ("127.0.0.1", UDP_PORT)) == len(data)
        if n % 200 == 0:
            time.sleep(0.004)
    sock.close()
    return n


@case(limit_s=150)
def a_hundred_thousand_hostile_datagrams_are_counted_and_harmless(lab):
    seed = int(os.environ.get("NSTATS_E2E_SEED", random.randrange(1 << 32)))
    print(f"seed {seed}")
    recorded = record_datagrams(lab, 6)
    influx = Influx(lab)
    lab.count(UDP)
    before = lab.interface()
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off")
    probe = Probe(lab)
    Echo(lab, UDP, reply=300)
    sender = Sender(lab, UDP, every_s=0.02)
    n_sent = flood(lab, hostile_datagrams(random.Random(seed), recorded))
    equal(n_sent, N_DATAGRAMS, "datagrams sent")
    time.sleep(1)
    sender.end()

    until(lambda: collector.figure("nstats_datagrams_total") +
          collector.figure("nstats_receive_kernel_drops_total") >= n_sent, 20, "not all are counted")
    # mutated reports that were accepted declare losses of their own: only this probe's figures are exact
    metrics = conserve_beside_strangers(lab, probe, collector, influx, before)
    assert set(influx.measurements()) <= MEASUREMENTS, influx.measurements()
    rejected = metrics.of("nstats_datagrams_rejected_total")
    assert rejected > N_DATAGRAMS // 4, f"only {rejected} were rejected"
    for (name, labels), figure in metrics.items():
        if name == "nstats_datagrams_rejected_total":
            line = f'msg="datagrams are rejected" {dict(labels)["reason"]}='
            equal(collector.process.log().count(line), int(figure > 0), line)
    outcomes = [metrics.of(f"nstats_datagrams_{outcome}_total")
                for outcome in ("accepted", "rejected", "duplicate", "late")]
    equal(sum(outcomes), metrics.of("nstats_datagrams_total"), "outcomes against datagrams")
    equal(metrics.of("nstats_delivered_bytes_total"), metrics.of("nstats_accepted_bytes_total"),
          "delivered against accepted")
    print(f"{metrics.of('nstats_datagrams_total'):,} received, {rejected:,} rejected, "
          f"{metrics.of('nstats_datagrams_duplicate_total'):,} duplicate, "
          f"{metrics.of('nstats_receive_kernel_drops_total'):,} dropped by the kernel")


def conserve_beside_strangers(lab, probe, collector, influx, before):
    metrics = sealed_in_quiescence(lab, probe, collector, before)
    until(collector.is_drained, 60, "the spool is not empty")
    equal(influx.total(), metrics.probe("sealed_bytes_total"), "stored of the real probe")
    by_destination(lab, influx)
    return collector.metrics()
