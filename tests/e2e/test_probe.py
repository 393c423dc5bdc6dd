# SPDX-License-Identifier: Apache-2.0
"""The probe alone, where the world around it changes or is slow."""
import json
import os
import signal
import socket
import subprocess
import time

from lib import netns
from lib.case import at_most, case, equal, until
from lib.influx import Influx
from lib.lab import NET_4, NET_MAC, destination
from lib.oracle import by_destination, conserve
from lib.programs import UDP_PORT, Collector, Probe
from lib.traffic import Echo, Sender

UDP = [destination(i, version) for i in (1, 2) for version in (4, 6)]
OTHER_MAC = "02:00:00:00:98:03"


def printed(text):
    *rows, last = map(json.loads, text.splitlines())
    return rows, last["totals"]


@case()
def a_changed_mac_turns_no_direction(lab):
    lab.count(UDP)
    probe = Probe(lab, "--print")
    Echo(lab, UDP)
    sender = Sender(lab, UDP, every_s=0.02)
    time.sleep(1)
    netns.run("ip", "-n", lab.pod, "link", "set", "pod0", "address", OTHER_MAC)
    for address in (NET_4, "fd98::1"):  # the kernel flushes them with the change
        netns.run("ip", "-n", lab.pod, "neigh", "replace", address, "lladdr", NET_MAC,
                  "nud", "permanent", "dev", "pod0")
    time.sleep(2 * probe.interval_s)
    sender.end()
    probe.stop()
    rows, _ = printed(probe.process.out())
    for address, (tx, _) in lab.counters().items():
        own = [row for row in rows if row["remote"] == address]
        equal(sum(row["tx_bytes"] for row in own), tx, f"{address} tx")
        equal(sum(row["rx_bytes"] for row in own), 0, f"{address} rx")


@case()
def a_ring_that_may_not_hold_an_interval_is_warned_of(lab):
    """The interval's bytes are --top times 160."""
    probe = Probe(lab, "--top", 10000, "--ring", "64KiB")
    [said] = [text for text in probe.process.log().splitlines() if "level=warn" in text]
    assert 'msg="ring may not hold an interval" ring_bytes=65536 interval_bytes=1600000 rows=10000' in said, said
    probe.stop()
    probe = Probe(lab)
    assert "ring" not in probe.process.log(), probe.process.log()


@case()
def of_connected_sockets_older_than_the_probe_the_pod_is_the_client(lab):
    """Also where the first datagram that the probe sees comes in."""
    with netns.inside(lab.net):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind((UDP[0], 9000))
    with netns.inside(lab.pod):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.connect((UDP[0], 9000))
    for sock in (server, client):
        lab.callback(sock.close)
        sock.settimeout(5)
    client.send(bytes(100))
    _, peer = server.recvfrom(1000)
    probe = Probe(lab, "--print")
    server.sendto(bytes(500), peer)
    client.recv(1000)
    client.send(bytes(200))
    server.recv(1000)
    probe.stop()
    rows, _ = printed(probe.process.out())
    equal([(row["remote"], row["role"], row["port"], row["tx_bytes"], row["rx_bytes"]) for row in rows],
          [(UDP[0], "client", 9000, 242, 542)], "rows")


@case()
def a_collector_without_an_address_is_warned_of(lab):
    probe = Probe(lab, "--namespace", "shop", collector="nowhere.invalid")
    assert 'msg="probe starts"' in probe.process.log() and 'host="pod" namespace="shop"' in probe.process.log(), \
        probe.process.log()
    until(lambda: "collector's name has no address" in probe.process.log(), 30, "no warning")
    time.sleep(6)
    equal(probe.process.log().count("has no address"), 1, "warnings")


@case()
def forged_acknowledgements_are_told_once_and_count_for_nothing(lab):
    with netns.inside(lab.net):
        collector = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        collector.bind((NET_4, UDP_PORT))
    lab.callback(collector.close)
    collector.settimeout(10)
    probe = Probe(lab, interval_s=1)
    for _ in range(4):
        _, peer = collector.recvfrom(2000)
        collector.sendto(b"no acknowledgement", peer)
    warning = 'level=warn msg="acknowledgements are forged or damaged" bad_acks='
    until(lambda: warning in probe.process.log(), 5, "no warning")
    probe.stop()
    equal(probe.process.log().count(warning), 1, "warnings")
    assert 'msg="not all is acknowledged"' in probe.process.log(), probe.process.log()
    assert " bad_acks=4\n" in probe.process.log(), probe.process.log()


def answer(lab):
    """(exit code, what it printed) of the health check"""
    done = subprocess.run(["nsenter", f"--net=/run/netns/{lab.pod}", lab.build / "nstats-probe", "healthcheck"],
                          capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout + done.stderr


def until_it_waits(lab, reason):
    until(lambda: (lambda code, said: code == 1 and reason in said)(*answer(lab)), 20,
          f"the probe does not wait for: {reason}")


def complaints(probe):
    return probe.process.log().count('msg="nothing is captured"')


def ends_at_once(process):
    began = time.monotonic()
    process.stop()
    at_most(time.monotonic() - began, 1, "seconds until it ended")


def traffic(lab, seconds):
    sender = Sender(lab, UDP, every_s=0.02)
    time.sleep(seconds)
    sender.end()


def opened(collector):
    """The interface's counters when the capture was opened, as the probe says: (rx, tx)."""
    return [collector.metrics().probe(f"if_{way}_bytes_open") for way in ("rx", "tx")]


@case()
def without_net_raw_the_probe_waits_and_says_so_once(lab):
    collector = Collector(lab, "--ptr", "off")
    process = lab.start("probe", "setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", "--",
                        lab.build / "nstats-probe", "-i", "pod0", "-t", 1, "-c", NET_4, "--host", "pod",
                        namespace=lab.pod)
    until_it_waits(lab, "CAP_NET_RAW")
    until(lambda: (collector.metrics().probe("uptime_seconds") or 0) >= 4, 20, "the collector hears nothing of it")
    equal(collector.metrics().probe("captured_packets_total"), 0, "packets captured")
    equal(process.log().count('level=error msg="nothing is captured"'), 1, "complaints in three tries")
    assert "CAP_NET_RAW" in process.log() and "tried again" in process.log(), process.log()
    ends_at_once(process)


@case()
def a_probe_that_waits_ends_at_once_where_there_is_no_collector(lab):
    process = lab.start("probe", lab.build / "nstats-probe", "-i", "nosuch0", "-t", 1, "-c", NET_4, namespace=lab.pod)
    until_it_waits(lab, "'nosuch0' is no interface of this machine")
    time.sleep(2.5)  # intervals have ended, unheard
    ends_at_once(process)


@case(limit_s=180)
def an_interface_that_comes_late_is_counted_from_then_on(lab):
    influx = Influx(lab)
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off")
    lab.disconnect()
    probe = Probe(lab, may_wait=True)
    until_it_waits(lab, "'pod0' is no interface of this machine")
    lab.connect()
    probe.wait_for_capture(35)
    equal(complaints(probe), 1, "complaints")
    lab.count(UDP)
    Echo(lab, UDP, reply=300)
    traffic(lab, 4)
    until(lambda: (collector.metrics().probe("captured_packets_total") or 0) > 100, 15, "nothing arrives")
    stored = conserve(lab, probe, collector, influx, opened(collector))
    by_destination(lab, influx)
    print(f"{stored:,} bytes stored")


@case(limit_s=180)
def a_replaced_interface_is_opened_again_and_each_byte_counts(lab):
    influx = Influx(lab)
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off")
    lab.count(UDP)
    probe = Probe(lab)
    Echo(lab, UDP, reply=300)
    traffic(lab, 4)
    first = lab.counters()
    lab.disconnect()
    until(lambda: complaints(probe), 10, "the loss is not told")
    until_it_waits(lab, "'pod0' is no interface of this machine")
    lab.nft(lab.pod, "delete table netdev count")
    lab.connect()
    lab.count(UDP)
    probe.wait_for_capture(35)
    traffic(lab, 2)
    second = lab.counters()
    equal(probe.process.log().count('msg="capture opened" interface="pod0"'), 2, "openings")
    probe.stop()
    until(collector.is_drained, 30, "the spool is not empty")
    stored = influx.sums_by("receiver", "hosts = 'pod'")
    for address in UDP:
        for way in (0, 1):
            equal(stored[address][way], first[address][way] + second[address][way], f"{address} {('tx', 'rx')[way]}")
    metrics = collector.metrics()
    equal(influx.total(), metrics.probe("captured_bytes_total") - metrics.probe("self_bytes_total"), "stored")
    now = [metrics.probe(f"if_{way}_bytes") for way in ("rx", "tx")]
    assert all(a >= b + c for a, b, c in zip(now, opened(collector), lab.interface())), "the interface's totals fell back"
    equal(collector.get("/metrics")[1].count("nstats_probe_coverage{"), 0, "coverages")


@case()
def a_new_reason_to_wait_is_told(lab):
    lab.disconnect()
    probe = Probe(lab, may_wait=True)
    until_it_waits(lab, "is no interface")
    netns.run("ip", "-n", lab.pod, "link", "add", "pod0", "type", "veth", "peer", "name", "far0")
    netns.run("ip", "-n", lab.pod, "link", "set", "far0", "up")
    until_it_waits(lab, "the interface is down")
    equal(complaints(probe), 2, "complaints")
    netns.run("ip", "-n", lab.pod, "link", "set", "pod0", "up")
    probe.wait_for_capture(35)
    equal(complaints(probe), 2, "complaints")


@case()
def a_default_route_that_comes_late_tells_the_interface(lab):
    lab.disconnect()
    process = lab.start("probe", lab.build / "nstats-probe", "-c", NET_4, namespace=lab.pod)
    until_it_waits(lab, "no default route")
    lab.connect()
    until(lambda: "ok interface=pod0 " in answer(lab)[1], 35, "it does not find the interface")
    process.stop()


@case()
def a_probe_that_prints_ends_with_its_interface(lab):
    probe = Probe(lab, "--print")
    Echo(lab, UDP)
    traffic(lab, 1)
    lab.disconnect()
    equal(probe.process.wait(15), 1, "exit code")
    assert "pod0" in probe.process.log().splitlines()[-1], probe.process.log()
    rows, totals = printed(probe.process.out())
    assert totals["captured_bytes"] > 10_000, totals
    equal(sum(row["tx_bytes"] + row["rx_bytes"] for row in rows), totals["captured_bytes"], "printed")


def capture_file(lab, n):
    """n datagrams to as many addresses, a second apart."""
    path = lab.dir / "many.pcap"
    text = "".join(f"0000 45 00 00 1c 00 00 00 00 40 11 00 00 0a 00 00 01 c0 {i >> 16 & 255:02x} {i >> 8 & 255:02x} "
                   f"{i & 255:02x} 9c 40 00 35 00 08 00 00\n" for i in range(n))
    with open(path, "wb") as file:
        file.write(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000065000000"))
        for i, line in enumerate(text.splitlines()):
            data = bytes.fromhex(line[5:].replace(" ", ""))
            file.write(b"".join(x.to_bytes(4, "little") for x in (1700000000 + i, 0, len(data), len(data))) + data)
    return path


def read_by(lab, arguments, **pipes):
    return subprocess.Popen([lab.build / "nstats-probe", "--print", "-t", "1", *arguments], **pipes,
                            stderr=subprocess.DEVNULL)


@case()
def a_slow_reader_gets_whole_lines_and_the_totals(lab):
    n = 20_000  # more than a pipe holds
    child = read_by(lab, ["-r", capture_file(lab, n)], stdout=subprocess.PIPE)
    time.sleep(1)
    child.send_signal(signal.SIGTERM)
    time.sleep(0.5)  # it comes while the pipe is full
    rows, totals = printed(child.communicate(timeout=30)[0].decode())
    equal(child.returncode, 0, "exit code")
    equal(sum(row["tx_bytes"] + row["rx_bytes"] for row in rows), totals["captured_bytes"], "printed")


@case()
def standard_input_may_be_ended_by_a_signal(lab):
    n = 100
    child = read_by(lab, ["-r", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    os.write(child.stdin.fileno(), capture_file(lab, n).read_bytes())
    time.sleep(1)
    child.send_signal(signal.SIGTERM)
    equal(child.wait(10), 0, "exit code")
    rows, totals = printed(child.communicate(timeout=30)[0].decode())
    equal(totals["captured_packets"], n, "packets")
    equal(sum(row["tx_bytes"] + row["rx_bytes"] for row in rows), totals["captured_bytes"], "printed")
