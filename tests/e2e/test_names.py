# SPDX-License-Identifier: Apache-2.0
"""Names from PTR records, friendly and hostile."""
import ipaddress
import os
import random
import signal
import socket
import struct
import subprocess
import threading
import time

from lib import netns
from lib.case import at_least, at_most, case, equal, until
from lib.fleet import ROWS_MAX, Fleet
from lib.influx import MEASUREMENTS, Influx
from lib.lab import destination
from lib.oracle import conserve
from lib.programs import Collector, Probe
from lib.traffic import Echo, Sender

DNS_PORT = 5353
RANDOM_NAMES = int(os.environ.get("NSTATS_E2E_RANDOM_NAMES", "100000"))
PRINTABLE = set(range(32, 127)) | {10}
HOSTILE = [b"new\nline.example", b"a,b=c d.example", b"x\nnstat2,a=b v=1 1", b'quo"te.example', b"equals=.example",
           b"backslash\\", b"\x1b[31mred\x1b[0m", b"nul\0nul", b"\xff\xfe.example", b"sp ace", b"," * 60,
           b"-", b"~other", b"~malformed", b"#comment"]


def pointer(address):
    return ipaddress.ip_address(address).reverse_pointer


class HostileDns:
    """Answers each PTR question with the name that its address has in the table, as raw labels."""

    def __init__(self, lab, names):
        self.names = {pointer(address).lower(): name for address, name in names.items()}
        self.asked = set()  # with the id: what c-ares asks again, where an answer is slow, is one
        with netns.inside(lab.net):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(("127.0.0.1", DNS_PORT))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            question, peer = self.socket.recvfrom(4096)
            self.asked.add(question)
            self.socket.sendto(self.answer(question), peer)

    def answer(self, packet):
        """RFC 1035 section 4: header, the question again, one PTR record."""
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode())
            at += 1 + packet[at]
        name = self.names.get(".".join(labels).lower())
        question = packet[12:at + 5]
        if name is None:
            return packet[:2] + struct.pack("!HHHHH", 0x8183, 1, 0, 0, 0) + question
        target = b"".join(bytes([len(part)]) + part for part in name.split(b".") if part) + b"\0"
        record = b"\xc0\x0c" + struct.pack("!HHIH", 12, 1, 60, len(target)) + target
        return packet[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0) + question + record


def talk_to(lab, addresses):
    influx = Influx(lab)
    lab.count(addresses)
    before = lab.interface()
    collector = Collector(lab, "--influx", influx.address, "--dns-server", f"127.0.0.1:{DNS_PORT}")
    probe = Probe(lab)
    Echo(lab, addresses, reply=200)
    sender = Sender(lab, addresses, every_s=0.03)
    sender.thread.join(5)
    sender.end()
    conserve(lab, probe, collector, influx, before)
    return influx, collector


@case()
def two_addresses_of_one_name_are_one_sum(lab):
    twins = [destination(7), destination(8), destination(7, 6)]
    records = [f"--ptr-record={pointer(address)},twin.example" for address in twins]
    lab.start("dnsmasq", "/usr/sbin/dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
              "--bind-interfaces", "--listen-address=127.0.0.1", f"--port={DNS_PORT}", "--user=root",
              "--pid-file=", *records, namespace=lab.net)
    influx, _ = talk_to(lab, twins)
    stored, counted = influx.sums_by("receiver"), lab.counters()
    equal(stored["twin.example"][0], sum(tx for tx, _ in counted.values()), "twin.example tx")
    equal(stored["twin.example"][1], sum(rx for _, rx in counted.values()), "twin.example rx")
    assert list(influx.sums_by("named_by")) == ["ptr"], influx.sums_by("named_by")


@case()
def hostile_names_make_no_measurement_and_lose_no_byte(lab):
    names = {destination(20 + i): name for i, name in enumerate(HOSTILE)}
    dns = HostileDns(lab, names)
    influx, collector = talk_to(lab, list(names))
    assert len(dns.asked) >= len(names), f"asked {len(dns.asked)} times"
    assert set(influx.measurements()) <= MEASUREMENTS, influx.measurements()
    counted = lab.counters().values()
    equal(influx.total(), sum(tx + rx for tx, rx in counted), "stored")
    equal(collector.figure("nstats_rejected_lines_total"), 0, "lines that influxd refused")
    received = influx.sums_by("receiver")
    for forged in ("~malformed", "~non-ip"):
        assert forged not in received, f"a PTR record made the remainder {forged}"
    assert not any(set(name) & set(' ,="\\\n\x1b') for name in received), received
    assert "\x1b" not in collector.process.log(), "an escape sequence is in the log"


@case(limit_s=int(60 + RANDOM_NAMES / 800))
def each_of_many_random_names_is_one_line_that_influxd_takes(lab):
    """By the product's own names, tags and lines: tests/unit/test_random_names.c."""
    influx = Influx(lab)
    made, took_s = 0, -time.monotonic()
    while made < RANDOM_NAMES:
        n = min(20_000, RANDOM_NAMES - made)  # of one database: influxd takes a query over 100,000 series too long
        db = f"names{made}"
        influx.query(f'CREATE DATABASE "{db}"')
        lines = subprocess.run([lab.build / "unit/test_random_names", str(n), str(made)],
                               capture_output=True, check=True).stdout.splitlines(keepends=True)
        equal(len(lines), n, "lines")
        assert all(set(line) <= PRINTABLE for line in lines), "a line is not printable"
        for i in range(0, n, 5000):
            influx.request(f"/write?db={db}&precision=ms", b"".join(lines[i:i + 5000]))
        influx.db = db
        assert influx.measurements() == ["nstat"], influx.measurements()
        counted = influx.query("SELECT count(tx_bytes), sum(tx_bytes) FROM nstat")[0]["values"][0]
        equal(counted[1], n, "points")
        equal(counted[2], n, "bytes")
        keys = {row[0] for one in influx.query("SHOW TAG KEYS FROM nstat") for row in one["values"]}
        equal(len(keys), 15, "tag keys")
        influx.query(f'DROP DATABASE "{db}"')
        made += n
    took_s += time.monotonic()
    print(f"{made:,} names, as many points; {took_s:.0f} s")


@case()
def labels_hold_until_a_good_file_takes_their_place(lab):
    """As a ConfigMap's file: a link through a folder that is swapped."""
    influx = Influx(lab)
    maps = lab.dir / "labels"

    def put(version, text):
        (maps / version).mkdir(parents=True)
        (maps / version / "labels").write_text(text)
        (maps / "new").symlink_to(version)
        (maps / "new").rename(maps / "..data")

    def named():
        at_ms[0] += 10000
        fleet.send(fleet.pods[0], at_ms[0], [(bytes((203, 0, 113, 9)), 6, 443, 60, 40, 1, 1)])
        fleet.await_acks(0)
        until(collector.is_drained, 30, "the spool is not empty")
        where = f"time >= {at_ms[0]}ms AND time < {at_ms[0] + 10000}ms"
        return {by: set(influx.sums_by("receiver", f"{where} AND named_by = '{by}'")) for by in influx.sums_by("named_by", where)}

    put("1", "203.0.113.0/24 Office  # a comment\n203.0.0.0/8 wide\n")
    (maps / "labels").symlink_to("..data/labels")
    at_ms = [(int(time.time()) - 3600) // 10 * 10000]
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off", "--labels", maps / "labels")
    fleet = Fleet(lab, ["web-0"])
    assert named() == {"label": {"Office"}}, named()
    for n_read, name in ((1, "lab"), (2, "depot")):  # what happens once may never happen again
        put(f"2.{n_read}", f"203.0.113.0/24 {name}\n")
        until(lambda: collector.metrics().of("nstats_labels_read_total", result="ok") == n_read, 20, f"swap {n_read} is not seen")
        assert named() == {"label": {name}}, named()
    put("3", "203.0.113.0/24 worse\n203.0.113.0/24 twice\n")
    collector.process.child.send_signal(signal.SIGHUP)
    until(lambda: collector.metrics().of("nstats_labels_read_total", result="failed") == 1, 15, "no failure is counted")
    assert named() == {"label": {"depot"}}, named()
    assert "line 2: 'twice'; expected each prefix once" in collector.process.log(), collector.process.log()
    equal(collector.figure("nstats_labels"), 1, "nstats_labels")
    collector.stop()
    bad = lab.start("collector", lab.build / "nstats-collector", "--labels", maps / "labels", "--spool",
                    lab.dir / "other.db", namespace=lab.net)
    equal(bad.wait(10), 1, "exit code")
    assert "line 2: 'twice'" in bad.log(), bad.log()


class RandomDns(HostileDns):
    """Another name of random bytes for each question."""

    def __init__(self, lab):
        self.random = random.Random(5)
        super().__init__(lab, {})

    def answer(self, packet):
        at = packet.index(b"\0", 12)
        name = self.random.randbytes(self.random.randrange(1, 64))
        target = bytes([len(name)]) + name + b"\0"
        record = b"\xc0\x0c" + struct.pack("!HHIH", 12, 1, 60, len(target)) + target
        return packet[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0) + packet[12:at + 5] + record


@case(limit_s=120)
def a_name_server_that_answers_random_bytes_makes_no_measurement_and_no_line_in_the_log(lab):
    RandomDns(lab)
    scans = Scans(lab)
    scans.run(10)
    figures = scans.collector.metrics()
    at_least(figures.of("nstats_ptr_answers_total", result="name"), 500, "names from random bytes")
    equal(figures.of("nstats_rejected_lines_total"), 0, "lines that influxd refused")
    equal(scans.influx.total("time > 0"), sum(pod.sealed for pod in scans.fleet.pods), "stored")
    assert set(scans.influx.measurements()) <= MEASUREMENTS, scans.influx.measurements()
    at_least(len(scans.influx.sums_by("receiver", "named_by = 'ptr'")), 400, "receivers with such a name")
    log = scans.collector.process.log_path.read_bytes()
    assert set(log) <= PRINTABLE, f"in the log: {set(log) - PRINTABLE}"


class Scans:
    """Pods that talk to addresses which nobody knows, an interval a second, as they end."""

    RATE = 2500  # addresses a second: 100,000 in 40 s
    LANES = -(-RATE // ROWS_MAX)
    RSS_MAX = 64 << 20
    BUCKET, REFILL = 200, 50  # queries at once, and a second

    def __init__(self, lab):
        self.influx = Influx(lab)
        self.collector = Collector(lab, "--influx", self.influx.address, "--dns-server", f"127.0.0.1:{DNS_PORT}")
        self.fleet = Fleet(lab, [f"scan-{i}" for i in range(self.LANES)])
        self.n_sent, self.latest_s = 0, 0.0

    def second(self, end_s):
        """Rows of the interval that has just ended."""
        for pod in self.fleet.pods:
            rows = [(bytes((23, i >> 16, i >> 8 & 255, i & 255)), 6, 443, 60, 40, 1, 1)
                    for i in range(self.n_sent, self.n_sent + min(ROWS_MAX, self.RATE))]
            self.n_sent += len(rows)
            self.fleet.send(pod, (end_s - 1) * 1000, rows, 1000)

    def run(self, seconds):
        begin = time.monotonic()
        for i in range(seconds):
            end_s = int(time.time()) + 1
            time.sleep(max(0.0, end_s - time.time()))
            self.second(end_s)
            if i % 5 == 4:
                self.latest_s = max(self.latest_s, self.collector.metrics()[("nstats_commit_latency_seconds", ())])
        self.fleet.await_acks(0)
        until(self.collector.is_drained, 30, "the spool is not empty")
        return time.monotonic() - begin

    def check(self, took_s):
        figures = self.collector.metrics()
        asked = figures.of("nstats_ptr_queries_total")
        rss = figures.of("process_resident_memory_bytes")
        print(f"{self.n_sent:,} addresses in {took_s:.0f} s, {asked} asked for, rows {self.latest_s:.2f} s after "
              f"their interval at the latest, RSS {rss >> 10:,} KiB")
        at_least(self.n_sent, 100_000, "addresses")
        at_most(asked, self.BUCKET + self.REFILL * (took_s + 5), "PTR queries")
        at_least(asked, self.BUCKET, "PTR queries")
        at_least(figures.of("nstats_ptr_throttled_total"), self.n_sent - asked, "look-ups that were throttled")
        at_most(self.latest_s, 3.5, "seconds from an interval's end to its commit: 2 s for names, and a beat")
        at_most(rss, self.RSS_MAX, "bytes of memory")
        equal(self.influx.total("time > 0"), sum(pod.sealed for pod in self.fleet.pods), "stored")


@case(limit_s=120, plain=True)
def a_hundred_thousand_unknown_addresses_cost_no_more_queries_than_the_bucket_holds(lab):
    dns = HostileDns(lab, {})  # there is no such name
    scans = Scans(lab)
    scans.check(scans.run(40))
    equal(len(dns.asked), scans.collector.figure("nstats_ptr_queries_total"), "queries that the server saw")


@case(limit_s=120, plain=True)
def a_hundred_thousand_unknown_addresses_wait_for_no_silent_name_server(lab):
    with netns.inside(lab.net):
        deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        deaf.bind(("127.0.0.1", DNS_PORT))
    scans = Scans(lab)
    scans.check(scans.run(40))
    at_least(scans.collector.metrics().of("nstats_ptr_answers_total", result="failed"), 1000, "queries that failed")
    deaf.close()


@case()
def a_silent_name_server_delays_nothing_and_costs_no_byte(lab):
    addresses = [destination(i) for i in range(1, 31)]
    with netns.inside(lab.net):
        deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        deaf.bind(("127.0.0.1", DNS_PORT))
    influx, _ = talk_to(lab, addresses)
    assert set(influx.sums_by("receiver")) == set(addresses), influx.sums_by("receiver").keys()
    deaf.close()
