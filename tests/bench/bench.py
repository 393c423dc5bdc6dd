#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bench.py BUILD_DIR PACKETS: CPU, drops and memory of the probe, as ratios to an empty loop and beside peers."""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

from lib.lab import Lab, destination  # noqa: E402
from lib.traffic import iperf3  # noqa: E402

FLOWS = 10_000
ROUNDS = 3
LIVE_ROUNDS, LIVE_SECONDS = 3, 3


def row(what, measured, budget=""):
    print(f"{what:58} {measured:>34}  {budget}", flush=True)


def cpu_seconds(command, directory):
    """User and system time of one run; timeout(1) waits for it, so that its time is in wait4(2)'s."""
    with open(directory / "err", "wb") as err:
        child = subprocess.Popen(["timeout", "120", *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err,
                                 cwd=directory)
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{command[0]}: code {child.returncode}: {(directory / 'err').read_text()}")
    return usage.ru_utime + usage.ru_stime


def bench_file(build, packets):
    with tempfile.TemporaryDirectory(prefix="nstats-bench-") as name:
        directory = Path(name)
        file = directory / "file.pcap"
        subprocess.run([build / "bench/make_pcap", file, str(packets), str(FLOWS)], check=True, timeout=120)
        commands = {
            "empty pcap_loop": [build / "bench/empty_loop", file],
            "nstats-probe -r": [build / "nstats-probe", "-r", file, "--print", "--log-level", "error",
                                "--flows", "16384"],
        }
        if shutil.which("softflowd"):
            commands["softflowd -r"] = ["softflowd", "-r", file, "-d", "-m", "65536", "-c", "none", "-p",
                                        directory / "pid"]
        seconds = {what: statistics.median(cpu_seconds(command, directory) for _ in range(ROUNDS))
                   for what, command in commands.items()}
    empty = seconds["empty pcap_loop"]
    budgets = {"nstats-probe -r": "budget 1.5 x", "softflowd -r": "(peer: 8.3 x)"}
    for what, one in seconds.items():
        row(f"{what}, {packets / 1e6:g} M packets, {FLOWS:,} flows",
            f"{one:.2f} s CPU, {one / empty:.1f} x", budgets.get(what, ""))


def live_figures(process):
    """(CPU seconds, peak RSS in KiB) of a running program: proc(5)."""
    # behind the name, which may hold blanks: state is field 3, utime 14, stime 15
    words = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{process.pid}/status").read_text()
    return ((int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK"),
            int(re.search(r"VmHWM:\s+(\d+)", status)[1]))


def throughput(lab):
    """Gbit/s of an unpaced iperf3."""
    done = [p for p in lab.processes if p.name == "iperf3"]
    iperf3(lab, destination(1), "-J", seconds=LIVE_SECONDS, port=5201 + len(done))
    result = json.loads(next(p for p in reversed(lab.processes) if p.name == "iperf3").out())
    return result["end"]["sum_received"]["bits_per_second"] / 1e9


def run_beside(lab, name, command):
    """(Gbit/s, CPU seconds, peak RSS, the program's last line)"""
    process = lab.start(name, command[0], *command[1:], namespace=lab.pod)
    time.sleep(0.5)
    rate = throughput(lab)
    seconds, rss = live_figures(process)
    process.stop()
    return rate, seconds, rss, process.out().splitlines()[-1]


def drops_of(line):
    if line.startswith("{"):
        totals = json.loads(line)["totals"]
        return totals["kernel_drops"], totals["captured_packets"]
    packets, _, drops = map(int, line.split())
    return drops, packets


def bench_live(build):
    live_loop = build / "bench/live_loop"
    commands = {
        "empty live loop, no filter": [live_loop, "pod0", "none"],
        "empty live loop, ret #96": [live_loop, "pod0", "truncate"],
        "nstats-probe": [build / "nstats-probe", "-i", "pod0", "--print", "--log-level", "error"],
    }
    rounds = {what: [] for what in commands}
    with Lab(build) as lab:
        for _ in range(LIVE_ROUNDS):  # with and without in turn: the machine's speed wanders
            for what, command in commands.items():
                alone = throughput(lab)
                rate, *figures = run_beside(lab, what.replace(" ", "-"), command)
                rounds[what].append((100 * rate / alone, alone, *figures))
    for what, measured in rounds.items():
        shares, alone, seconds, peaks, lines = zip(*measured)
        drops, packets = map(sum, zip(*map(drops_of, lines)))
        row(f"iperf3 unpaced, beside it: {what}",
            f"{statistics.median(shares):.0f} % ({min(shares):.0f}-{max(shares):.0f}) of {statistics.median(alone):.1f} Gbit/s",
            "budget 97 %, no drops" if what == "nstats-probe" else "")
        row("", f"{statistics.median(seconds):.2f} s CPU, {drops:,} of {drops + packets:,} dropped")
        rss = max(peaks)
    row("nstats-probe, peak RSS (dynamically linked)", f"{rss / 1024:.1f} MiB", "with its libraries' pages")


def bench_memory(build):
    """Of what the image has: without the pages of shared libraries. Filled tables: tests/e2e/test_self.py."""
    program = build / "static/nstats-probe"
    if not program.exists():
        print("nstats-probe, peak RSS (static): skipped, make static builds it")
        return
    with Lab(build) as lab:
        _, _, rss, _ = run_beside(lab, "static", [program, "-i", "pod0", "--print", "--log-level", "error"])
    row("nstats-probe, peak RSS (static)", f"{rss / 1024:.1f} MiB", "budget 4 MiB")


def main():
    build = Path(sys.argv[1]).resolve()
    row("what", "measured", "budget")
    bench_file(build, int(sys.argv[2]))
    if os.geteuid() == 0:
        bench_live(build)
        bench_memory(build)
    else:
        print("live: skipped, only root may make network namespaces")
    row("nstats-probe, file size (dynamically linked)",
        f"{(build / 'nstats-probe').stat().st_size / 1024:.0f} KiB", "budget 400 KiB, static and stripped")


if __name__ == "__main__":
    main()
