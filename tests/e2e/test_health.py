# SPDX-License-Identifier: Apache-2.0
"""The sub-command healthcheck: 0 for a program that is well, 1 within 3 seconds for one that is not."""
import os
import re
import signal
import socket
import struct
import subprocess
import time

from lib import netns
from lib.case import at_most, case, until
from lib.influx import Influx
from lib.lab import NET_4, POD_4, destination
from lib.oracle import by_destination, conserve
from lib.programs import HTTP_PORT, Collector, Probe
from lib.traffic import Echo, Sender

SECONDS_MAX = 3
N_HOSTILE = 10_000
QUESTION = b"nstats-probe: well?".ljust(256, b"\0")
UDP = [destination(i, version) for i in (1, 2, 3) for version in (4, 6)]
NOBODY = ("setpriv", "--reuid=65532", "--regid=65532", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all",
          "--no-new-privs", "--")


def healthcheck(lab, program, *arguments, prefix=(), environment=None):
    """(exit code, the only line that it printed)"""
    namespace = {"probe": lab.pod, "collector": lab.net}[program]
    began = time.monotonic()
    done = subprocess.run(["nsenter", f"--net=/run/netns/{namespace}", *prefix,
                           str(lab.build / f"nstats-{program}"), "healthcheck", *arguments],
                          capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL,
                          env={"PATH": os.environ["PATH"], **(environment or {})})
    at_most(time.monotonic() - began, SECONDS_MAX, "seconds of a health check")
    lines = (done.stdout + done.stderr).splitlines()
    assert len(lines) == 1, f"{len(lines)} lines: {lines}"
    return done.returncode, lines[0]


def expect(got, code, *words):
    assert got[0] == code and all(word in got[1] for word in words), f"{got}, expected {code}, {words}"


def captured(line):
    return int(re.search(r"captured_bytes=(\d+)", line)[1])


@case()
def a_probe_that_captures_is_well_and_says_what_it_captured(lab):
    expect(healthcheck(lab, "probe"), 1, "no probe answers here")
    probe = Probe(lab)
    code, line = healthcheck(lab, "probe")
    expect((code, line), 0, "ok interface=pod0 ", "interval_age_ms=")
    with netns.inside(lab.pod):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.sendto(bytes(1000), (NET_4, 9))
    sock.close()
    until(lambda: captured(healthcheck(lab, "probe")[1]) >= captured(line) + 1042, 5, "the datagram is not told")
    probe.stop()
    expect(healthcheck(lab, "probe"), 1, "no probe answers here")


@case()
def a_probe_that_prints_is_asked_like_any_other_and_a_file_is_not(lab):
    printing = lab.start("probe", lab.build / "nstats-probe", "-i", "pod0", "--print", namespace=lab.pod)
    until(lambda: healthcheck(lab, "probe")[0] == 0, 5, "no answer")
    printing.stop()
    fifo = lab.dir / "fifo"
    os.mkfifo(fifo)
    with open(fifo, "r+b", buffering=0) as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 96, 1))  # pcap-savefile(5): Ethernet
        reading = lab.start("probe", lab.build / "nstats-probe", "-r", fifo, "--print", namespace=lab.pod)
        time.sleep(0.5)
        assert reading.is_running(), reading.log()
        expect(healthcheck(lab, "probe"), 1, "no probe answers here")
    assert reading.wait(5) == 0, reading.log()


@case()
def neither_user_nor_capability_nor_writable_file_is_needed(lab):
    """As a container runtime runs it: beside a probe that has nothing but NET_RAW."""
    probe = lab.start("probe", "setpriv", "--bounding-set=-all,+net_raw", "--inh-caps=-all,+net_raw",
                      "--no-new-privs", "--", lab.build / "nstats-probe", "-i", "pod0", "-c", NET_4, namespace=lab.pod)
    collector = Collector(lab, "--ptr", "off")
    until(lambda: healthcheck(lab, "probe")[0] == 0, 5, "no answer")
    expect(healthcheck(lab, "probe", prefix=NOBODY), 0, "ok ")
    expect(healthcheck(lab, "collector", prefix=NOBODY), 0, "ready")
    probe.stop()
    collector.stop()


@case()
def a_stopped_program_is_not_well_until_it_goes_on(lab):
    probe, collector = Probe(lab), Collector(lab, "--ptr", "off")
    for name, program in (("probe", probe.process), ("collector", collector.process)):
        expect(healthcheck(lab, name), 0)
        program.child.send_signal(signal.SIGSTOP)
        expect(healthcheck(lab, name), 1, "answers")
        expect(healthcheck(lab, name), 1, "answers")
        program.child.send_signal(signal.SIGCONT)
        expect(healthcheck(lab, name), 0)


@case()
def of_two_probes_in_a_namespace_the_first_answers(lab):
    first = Probe(lab, host="first")
    second = lab.start("probe", lab.build / "nstats-probe", "-i", "lo", "-c", NET_4, namespace=lab.pod)
    until(lambda: "another probe answers health checks here" in second.log(), 5, "the second does not say so")
    expect(healthcheck(lab, "probe"), 0, "interface=pod0")
    first.stop()
    expect(healthcheck(lab, "probe"), 1, "no probe answers here")
    second.stop()


@case()
def each_process_namespace_has_a_probe_of_its_own(lab):
    """As containers of a pod: one network, a process namespace each."""
    inside = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    probe = Probe(lab)
    expect(healthcheck(lab, "probe", prefix=inside), 1, "no probe answers here")
    second = lab.start("second", *inside, lab.build / "nstats-probe", "-i", "lo", "-c", NET_4, namespace=lab.pod)
    until(lambda: "collector's address" in second.log(), 5, "the second does not start")
    assert "another probe" not in second.log(), second.log()
    expect(healthcheck(lab, "probe"), 0, "interface=pod0")
    second_pid = int(netns.run("pgrep", "-P", str(second.pid)).split()[0])
    expect(healthcheck(lab, "probe", prefix=("nsenter", "--target", str(second_pid), "--pid", "--mount", "--")),
           0, "interface=lo")
    probe.stop()


def probe_name():
    number = re.search(r"\d+", os.readlink("/proc/self/ns/pid"))[0]
    return f"\0nstats-probe.{number}"


def flood(lab):
    """Questions good and bad, most of them of those who never read; waits where the queue is full."""
    with netns.inside(lab.pod):
        deaf = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        unnamed = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        deaf.bind("")
        for sock in (deaf, unnamed):
            sock.settimeout(10)
            sock.connect(probe_name())
    bad = (b"", b"x", QUESTION[:-1], QUESTION + b"x", os.urandom(256), os.urandom(60_000), QUESTION)
    for i in range(N_HOSTILE):
        (deaf if i % 3 else unnamed).send(bad[i % len(bad)])
    deaf.close()
    unnamed.close()


@case(limit_s=180)
def a_flood_of_questions_costs_no_byte_and_little_time(lab):
    influx = Influx(lab)
    lab.count(UDP)
    before = lab.interface()
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off")
    probe = Probe(lab)
    Echo(lab, UDP, reply=500)
    sender = Sender(lab, UDP, every_s=0.01)
    used, began = cpu_s(probe.process.pid), time.monotonic()
    flood(lab)
    took, used = time.monotonic() - began, cpu_s(probe.process.pid) - used
    expect(healthcheck(lab, "probe"), 0, "ok ")
    sender.end()
    conserve(lab, probe, collector, influx, before)
    by_destination(lab, influx)
    assert used < 0.1 * took, f"{used:.2f} s of processor time in {took:.1f} s"
    print(f"{N_HOSTILE:,} datagrams in {took:.1f} s, {used:.2f} s of processor time")


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as file:
        words = file.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@case()
def a_collector_that_stops_says_so(lab):
    """It waits up to 3 s for an InfluxDB that took the request and does not answer."""
    with netns.inside(lab.net):
        deaf = socket.create_server(("127.0.0.1", 8086))
    lab.callback(deaf.close)
    collector = Collector(lab, "--ptr", "off", "--influx", "127.0.0.1:8086")
    expect(healthcheck(lab, "collector"), 0, "ready")
    probe = Probe(lab, interval_s=1)
    Echo(lab, UDP)
    sender = Sender(lab, UDP, every_s=0.02)
    until(lambda: collector.figure("nstats_spool_bodies"), 15, "nothing is kept")
    collector.process.child.send_signal(signal.SIGTERM)
    until(lambda: healthcheck(lab, "collector") == (1, "stopping"), 2, "it does not say so")
    assert collector.process.wait(10) == 0
    expect(healthcheck(lab, "collector"), 1, "no collector answers at 127.0.0.1 port 9747", "Connection refused")
    sender.end()
    probe.stop()


@case()
def the_collector_is_asked_where_http_says(lab):
    expect(healthcheck(lab, "collector"), 1, "Connection refused")
    Collector(lab, "--ptr", "off", "--http", f"[::]:{HTTP_PORT}")
    for address in ("[::]", "0.0.0.0", "127.0.0.1", "[::1]", NET_4):
        expect(healthcheck(lab, "collector", "--http", f"{address}:{HTTP_PORT}"), 0, "ready")
        expect(healthcheck(lab, "collector", environment={"NSTATS_HTTP": f"{address}:{HTTP_PORT}"}), 0, "ready")
    expect(healthcheck(lab, "collector", environment={"NSTATS_HTTP": ""}), 0, "ready")
    expect(healthcheck(lab, "collector", "--http", "127.0.0.1:9748"), 1, "9748", "Connection refused")
    expect(healthcheck(lab, "collector", "--http", f"{POD_4}:{HTTP_PORT}"), 1, POD_4)
    expect(healthcheck(lab, "collector", "--http", "localhost:9747"), 1, "--http", "localhost:9747", "numeric")
    expect(healthcheck(lab, "collector", "--http", "127.0.0.1:70000"), 2, "--http", "70000")


@case()
def a_word_that_is_no_command_is_named(lab):
    for program in ("probe", "collector"):
        for word in ("health", "healthchecks", "run"):
            done = subprocess.run([str(lab.build / f"nstats-{program}"), word], capture_output=True, text=True, timeout=5)
            assert (done.returncode, done.stdout) == (2, ""), done
            assert done.stderr == f"nstats-{program}: '{word}' is no command; see --help\n", done.stderr
