# SPDX-License-Identifier: Apache-2.0
"""The probe alone, where the world around it changes or is slow."""
import json
import os
import signal
import subprocess
import time

from lib import netns
from lib.case import case, equal, until
from lib.lab import NET_4, NET_MAC, destination
from lib.programs import Probe
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
def a_collector_without_an_address_is_warned_of(lab):
    probe = Probe(lab, collector="nowhere.invalid")
    until(lambda: "collector's name has no address" in probe.process.log(), 30, "no warning")
    time.sleep(6)
    equal(probe.process.log().count("has no address"), 1, "warnings")


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
