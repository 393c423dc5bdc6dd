# SPDX-License-Identifier: Apache-2.0
"""What nstats says of itself in InfluxDB: measurements nstats_probe and nstats_collector."""
import ctypes
import fcntl
import os
import re
import signal
import socket
import struct
import time

from lib import netns
from lib.case import Skip, at_most, case, equal, until
from lib.influx import Influx
from lib.lab import NET_4, destination
from lib.oracle import conserve, sealed_in_quiescence
from lib.programs import Collector, Probe
from lib.resolver import Resolver, ask_directly
from lib.traffic import Echo, Sender, download, iperf3

UDP = [destination(i, version) for i in (1, 2, 3) for version in (4, 6)]
WEB = destination(9)
PROBE_TAGS = {"cluster": "-", "hosts": "pod", "namespace": "-", "node": "-", "workload": "-", "zone": "-"}
TOTALS = ("captured_bytes", "captured_packets", "self_bytes", "sealed_bytes", "evicted_bytes", "kernel_drops",
          "table_full_packets", "send_errors")  # in /metrics with _total
SIOCETHTOOL, ETHTOOL_SGRO = 0x8946, 0x2c
FLOWS = 4096  # of the probe's table, unless it is told
NAMES = 1024  # addresses whose names it keeps
CLOCKWORK_S = 10  # of nstats_collector's points


def some_traffic(lab):
    lab.count([*UDP, WEB])
    Echo(lab, UDP, reply=300)
    sender = Sender(lab, UDP, every_s=0.01, size=1200)
    download(lab, WEB, 5_000_000)
    time.sleep(3)
    sender.end()


def point_of(influx, captured):
    """The probe's point that says so much was captured."""
    return until(lambda: next((p for p in [influx.last("nstats_probe")] if p.get("captured_bytes") == captured), None),
                 15, f"no point with {captured} bytes captured: {influx.last('nstats_probe')}")


def billionths(part, whole):
    """As the collector writes a coverage: nine digits, rounded down."""
    return float(f"{part // whole}.{part * 10**9 // whole % 10**9:09}")


@case()
def a_probes_point_says_what_it_saw_and_what_is_stored(lab):
    influx = Influx(lab)
    before = lab.interface()
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off")
    probe = Probe(lab)
    some_traffic(lab)
    stored = conserve(lab, probe, collector, influx, before)
    metrics = sealed_in_quiescence(lab, probe, collector, before)
    captured = metrics.probe("captured_bytes_total")
    point = point_of(influx, captured)
    assert {tag: point[tag] for tag in PROBE_TAGS} == PROBE_TAGS, point
    for field in TOTALS:
        equal(point[field], metrics.probe(field + "_total"), field)
    equal(point["stored_bytes"], influx.total(), "stored_bytes against the rows")
    equal(point["stored_bytes"], point["sealed_bytes"], "stored_bytes against sealed_bytes")
    equal(point["lost_bytes"], 0, "lost_bytes")
    interface = sum(metrics.probe(f"if_{way}_bytes") - metrics.probe(f"if_{way}_bytes_open") for way in ("rx", "tx"))
    equal(point["interface_bytes"], interface, "interface_bytes")
    equal(point["coverage"], billionths(captured, interface), "coverage")
    equal(point["coverage"], 1.0, "coverage in quiescence")
    assert stored > 5_000_000, stored


def ticks(process):
    """Of processor time, user and system, each cut to whole ones: proc_pid_stat(5)."""
    with open(f"/proc/{process.pid}/stat") as file:
        words = file.read().rpartition(")")[2].split()
    return int(words[11]) + int(words[12])


def burn(lab):
    """Datagrams as small and as many as it takes to cost the probe something."""
    iperf3(lab, WEB, "-u", "-l", 16, "-b", "0", seconds=4)


@case(alone=True)
def the_probes_own_use_is_the_kernels_figure(lab):
    influx = Influx(lab)
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off")
    began = time.time()
    probe = Probe(lab)
    burn(lab)
    least, burnt = ticks(probe.process), time.time()
    assert least >= 5, f"{least} ticks of processor time are too few to be told from none"
    until(lambda: (influx.last("nstats_probe") or {}).get("uptime_s", 0) > burnt - began, 15, "no point after the burn")
    point = influx.last("nstats_probe")
    tick_us = 1_000_000 // os.sysconf("SC_CLK_TCK")
    assert point["cpu_us"] >= least * tick_us, f"cpu_us {point['cpu_us']:,}; /proc had {least} ticks before"
    at_most(point["cpu_us"], (ticks(probe.process) + 2) * tick_us, "cpu_us against /proc")
    print(f"{least} ticks at the burn's end, cpu_us {point['cpu_us']:,}")
    at_most(point["uptime_s"], time.time() - began, "uptime_s")
    assert point["uptime_s"] >= 1, point
    equal(point["rss_bytes"] % os.sysconf("SC_PAGESIZE"), 0, "a part of a page")
    with open(f"/proc/{probe.process.pid}/status") as file:
        peak = 1024 * int(re.search(r"VmHWM:\s+(\d+)", file.read())[1])
    at_most(point["rss_bytes"], peak, "rss_bytes against the peak in /proc")
    assert point["rss_bytes"] > peak / 2, f"rss_bytes {point['rss_bytes']:,}, peak {peak:,}"
    assert collector.metrics().probe("resident_memory_bytes") > 500_000


def turn_gro_on(lab):
    """linux/ethtool.h: struct ethtool_value {cmd, data}, which ifr_data points to."""
    value = ctypes.create_string_buffer(struct.pack("II", ETHTOOL_SGRO, 1))
    with netns.inside(lab.pod), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP16x", b"pod0", ctypes.addressof(value)))


def check_without_coverage(lab, *arguments):
    influx = Influx(lab)
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off")
    Probe(lab, *arguments)
    some_traffic(lab)
    until(lambda: (influx.last("nstats_probe") or {}).get("captured_bytes"), 15, "no point after traffic")
    point = influx.last("nstats_probe")
    assert point["interface_bytes"] > 0 and point["captured_bytes"] > 0, point
    assert point.get("coverage") is None, point
    equal(collector.get("/metrics")[1].count("nstats_probe_coverage{"), 0, "coverages in /metrics")


@case()
def on_any_there_is_no_coverage(lab):
    check_without_coverage(lab, "-i", "any")


@case()
def with_gro_there_is_no_coverage(lab):
    turn_gro_on(lab)
    check_without_coverage(lab)


@case(limit_s=120)
def what_a_wiped_volume_took_along_is_lost_in_the_probes_point(lab):
    """Of what was acknowledged a new volume knows nothing, and what was not shipped from the old one is gone."""
    influx = Influx(lab)
    lab.count(UDP)
    before = lab.interface()
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off")
    probe = Probe(lab)
    Echo(lab, UDP, reply=300)
    sender = Sender(lab, UDP, every_s=0.02)
    until(lambda: influx.total() > 0, 15, "nothing arrives")
    collector.process.child.send_signal(signal.SIGKILL)
    collector.process.wait(5)
    first = influx.total()
    for path in collector.spool.parent.glob(collector.spool.name + "*"):
        path.unlink()
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off", spool=collector.spool)
    time.sleep(2 * probe.interval_s)
    sender.end()
    metrics = sealed_in_quiescence(lab, probe, collector, before)
    until(collector.is_drained, 60, "the spool is not empty")
    point = point_of(influx, metrics.probe("captured_bytes_total"))
    assert point["lost_bytes"] >= first, f"{point['lost_bytes']} lost, {first} were stored before"
    equal(point["stored_bytes"] + point["lost_bytes"], point["sealed_bytes"], "stored + lost against sealed")
    equal(influx.total(), first + point["stored_bytes"], "rows in InfluxDB")
    metrics = collector.metrics()
    equal(metrics.of("nstats_lost_bytes"), point["lost_bytes"], "nstats_lost_bytes")
    equal(metrics.probe("lost_bytes"), point["lost_bytes"], "nstats_probe_lost_bytes")
    equal(metrics.probe("stored_bytes_total"), point["stored_bytes"], "nstats_probe_stored_bytes_total")
    equal(point["coverage"], 1.0, "coverage: what was captured and lost on the way was captured")


# Those that a point, its commit and its delivery change themselves are looked at on their own.
STEADY = {"accepted_bytes": "accepted_bytes_total", "committed_bytes": "committed_bytes_total",
          "delivered_bytes": "delivered_bytes_total", "rejected_bytes": "rejected_bytes_total",
          "rejected_lines": "rejected_lines_total", "evicted_bytes": "evicted_bytes_total",
          "lost_bytes": "lost_bytes", "missing_bytes": "missing_bytes", "waiting_bytes": "waiting_bytes", "spool_bytes": "spool_bytes",
          "spool_max_bytes": "spool_max_bytes", "spool_quota_bytes": "spool_quota_bytes", "datagrams": "datagrams_total",
          "datagrams_rejected": "datagrams_rejected_total", "duplicates": "datagrams_duplicate_total",
          "receive_drops": "receive_kernel_drops_total", "commit_failures": "commit_failures_total",
          "dead_lines": "dead_letter_lines", "posts_kept": "posts_kept_total", "probes": "probes"}
RISING = {"commits": "commits_total", "delivered_lines": "delivered_lines_total", "posts": "posts_total"}


def collectors_points(influx):
    for one in influx.query("SELECT * FROM nstats_collector ORDER BY time"):
        return [dict(zip(one["columns"], row)) for row in one["values"]]
    return []


@case(limit_s=120)
def the_collectors_points_are_its_metrics(lab):
    influx = Influx(lab)
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off", "--cluster", "lab")
    with netns.inside(lab.net):
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"\xff", ("127.0.0.1", 4747))
    probe = Probe(lab)
    some_traffic(lab)
    probe.stop()
    until(collector.is_drained, 15, "the spool is not empty")
    quiet = time.time()
    n = len(collectors_points(influx))
    until(lambda: len(collectors_points(influx)) > n + 1, 3 * CLOCKWORK_S, "no point after the traffic")
    points = collectors_points(influx)
    metrics = collector.metrics()
    last = points[-1]
    assert (last["cluster"], last["hosts"]) == ("lab", socket.gethostname()), last
    for field, metric in STEADY.items():
        equal(last[field], metrics.of("nstats_" + metric), field)
    assert last["committed_bytes"] > 5_000_000 and last["probes"] == 1 and last["datagrams_rejected"] == 1, last
    for field, metric in RISING.items():
        at_most(last[field], metrics.of("nstats_" + metric), field)
        assert last[field] >= points[-2][field] + 1, f"{field} does not rise: {points[-2:]}"
    at_most(last["cpu_us"], metrics.of("process_cpu_seconds_total") * 1_000_000 + 1_000_000, "cpu_us")
    assert last["cpu_us"] > points[0]["cpu_us"] and last["rss_bytes"] > 1_000_000, last
    times = [point["time"] for point in points]
    assert all(re.search(r":\d0Z$", text) for text in times), times
    at_most(last["delivery_ms"], (time.time() - quiet) * 1000, "delivery_ms of quiet")


@case(limit_s=120)
def latency_is_from_the_intervals_end(lab):
    influx = Influx(lab)
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off")
    probe = Probe(lab)
    some_traffic(lab)
    until(lambda: any(p["commit_ms"] for p in collectors_points(influx)), 2 * CLOCKWORK_S, "no commit_ms")
    point = next(p for p in collectors_points(influx) if p["commit_ms"])
    # a probe sends within its interval after the end; then a beat, the commit and the POST
    at_most(point["commit_ms"], probe.interval_s * 1000 + 3000, "commit_ms")
    assert point["delivery_ms"] > 0, point
    influx.process.stop()
    time.sleep(12)
    metrics = collector.metrics()
    assert metrics["nstats_spool_oldest_seconds", ()] >= 8, metrics["nstats_spool_oldest_seconds", ()]
    influx.start()
    until(lambda: any(p["delivery_ms"] > 8000 for p in collectors_points(influx)), 4 * CLOCKWORK_S,
          "the outage is in no point's delivery_ms")
    until(lambda: collectors_points(influx)[-1]["spool_oldest_s"] <= 5, 2 * CLOCKWORK_S, "spool_oldest_s stays")


def resident_kib(process):
    """{what is mapped: KiB of it in memory}, proc_pid_smaps(5)."""
    found, name = {}, None
    with open(f"/proc/{process.pid}/smaps") as file:
        for line in file:
            words = line.split()
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                name = words[5] if len(words) > 5 else "anonymous"
            elif words[0] == "Rss:":
                found[name] = found.get(name, 0) + int(words[1])
    return found


def is_library(name):
    return re.search(r"\.so(\.[0-9]+)*$", name) is not None


@case(limit_s=120)
def with_every_table_full_the_probe_stays_within_its_memory(lab):
    """
    4096 flows, each a row, a ring of 1 MiB that overflows, and 1,024 names that fill their 64 KiB. The pages of shared libraries are not the probe's: the
    image has one static file. The capture's ring is a mapping of its socket.
    """
    names = {f"{i:04}.{'n' * 45}.example": destination(i) for i in range(1, NAMES + NAMES // 20)}
    hosts = lab.dir / "hosts"
    hosts.write_text("".join(f"{address} {name}\n" for name, address in names.items()))
    Resolver(lab, f"--addn-hosts={hosts}")
    process = lab.start("probe", lab.build / "nstats-probe", "-i", "pod0", "-t", 1, "-n", 10_000, "-c", NET_4,
                        namespace=lab.pod)
    time.sleep(1)
    ask_directly(lab, names)
    with netns.inside(lab.pod):
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    lab.callback(sock.close)

    def is_full():
        for i in range(1, FLOWS + FLOWS // 20):
            sock.sendto(b"x", (destination(i, 6), 9000))
            if i % 100 == 0:
                time.sleep(0.01)
        return all(f'msg="{what} is full"' in process.log() for what in ("flow table", "ring"))

    until(is_full, 60, "the flow table and the ring are not full")
    resident = resident_kib(process)
    if any("libasan" in name or "libtsan" in name for name in resident):
        raise Skip("a sanitizer's own memory is many times the budget")
    assert any(name.startswith("socket:") and kib >= 1024 for name, kib in resident.items()), resident
    own = sum(kib for name, kib in resident.items() if not is_library(name))
    print(f"{own} KiB of the probe's own, {sum(resident.values()) - own} KiB of libraries")
    at_most(own, 4096, "KiB in memory")
