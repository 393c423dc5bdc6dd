# SPDX-License-Identifier: Apache-2.0
"""A start in which one allocation, write or sync fails: it ends with a sentence, or all is as if nothing had been."""
import errno
import json
import os
import struct
import subprocess

from lib.case import case, equal, until
from lib.fault import Fault, nths
from lib.programs import Probe

TIMES = int(os.environ.get("NSTATS_E2E_TIMES", "1"))
STARTS = 60 * TIMES  # of a collector's thousands of allocations so many, spread over all of them
NO_INFLUX = "127.0.0.1:9"


def start(lab, fault, spool):
    """True: it started, and ended when it was told to."""
    program = lab.start("collector", lab.build / "nstats-collector", "--spool", spool, "--spool-max", "1MiB", "--ptr", "off",
                        "--influx", NO_INFLUX, namespace=lab.net, environment=fault.environment)
    until(lambda: 'msg="started"' in program.log() or not program.is_running(), 10, "neither starts nor ends")
    if program.is_running():
        program.stop()
        return True
    said = [text for text in program.log().splitlines() if text.startswith("nstats-collector: ")]
    equal(program.child.returncode, 1, f"code, after {program.log()}")
    equal(len(said), 1, f"sentences in {program.log()}")
    return False


def each_fails_once(lab, name, code=errno.EIO, n_wanted=STARTS):
    fault = Fault(lab)
    fault.once(name, 0)
    assert start(lab, fault, lab.dir / "good.db"), "it does not start at all"
    n_calls, n_started, n_failed = fault.calls(name), 0, 0
    tried = nths(n_calls, n_wanted)
    for n in tried:
        spool = lab.dir / f"{name}-{n}.db"
        fault.once(name, n, code)
        n_started += start(lab, fault, spool)
        equal(fault.kept(), 0, f"allocations kept, after number {n} had failed")
        n_failed += fault.failed(name)
        fault.once(name, 0)
        assert start(lab, fault, spool), f"after number {n} had failed it does not start any more"
        for path in lab.dir.glob(f"{name}-{n}.db*"):
            path.unlink()
    print(f"{n_calls} calls of a start and its end, {len(tried)} tried: {n_failed} failed, {n_started} started all the same")
    assert n_failed > len(tried) // 2, "hardly anything failed"


@case(limit_s=120 + 60 * TIMES)
def each_allocation_of_a_collectors_start_fails_once(lab):
    each_fails_once(lab, "alloc")


@case(limit_s=120)
def each_write_of_a_collectors_start_fails_once(lab):
    each_fails_once(lab, "write", errno.ENOSPC)


@case(limit_s=120)
def each_sync_of_a_collectors_start_fails_once(lab):
    each_fails_once(lab, "sync")


def frame(i):
    """UDP from 10.0.0.1 to a destination of its own; the checksums are nobody's."""
    payload = bytes(20 + i)
    udp = struct.pack("!HHHH", 40000 + i, 53 + i, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes([10, 0, 0, 1]), bytes([192, 0, 2, i]))
    return bytes(12) + b"\x08\x00" + ip + udp


def capture_of(lab, n):
    """pcap-savefile(5)"""
    path = lab.dir / "some.pcap"
    frames = [frame(i) for i in range(1, n + 1)]
    path.write_bytes(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1) + b"".join(
        struct.pack("=IIII", 1700000000 + i, 0, len(data), len(data)) + data for i, data in enumerate(frames)))
    return path, sum(map(len, frames))


def read(lab, fault, capture):
    return subprocess.run([str(lab.build / "nstats-probe"), "-r", str(capture), "--print"], capture_output=True, text=True,
                          timeout=20, env={**os.environ, **fault.environment})


@case(limit_s=120)
def each_allocation_of_a_probe_that_reads_fails_once(lab):
    capture, n_bytes = capture_of(lab, 40)
    fault = Fault(lab)
    fault.once("alloc", 0)
    good = read(lab, fault, capture)
    equal(json.loads(good.stdout.splitlines()[-1])["totals"]["captured_bytes"], n_bytes, "captured")
    n_calls, n_worked = fault.calls("alloc"), 0
    for n in range(1, n_calls + 1):
        fault.once("alloc", n)
        done = read(lab, fault, capture)
        equal(fault.kept(), 0, f"allocations kept, after number {n} had failed")
        if done.returncode == 0:
            equal(done.stdout, good.stdout, f"rows, where allocation {n} failed")
            n_worked += 1
            continue
        equal(done.returncode, 1, f"code, where allocation {n} failed: {done.stderr}")
        equal(len(done.stderr.splitlines()), 1, f"sentences, where allocation {n} failed: {done.stderr}")
    print(f"{n_calls} allocations: after {n_worked} it worked all the same")
    assert n_worked < n_calls, "nothing came of it"


@case(limit_s=180)
def each_allocation_of_a_live_probe_fails_once(lab):
    """It ends with a sentence, or captures, perhaps after a second try."""
    fault = Fault(lab)
    n, n_ended = 0, 0
    while n == 0 or fault.failed("alloc"):
        n += 1
        fault.once("alloc", n)
        probe = Probe(lab, environment=fault.environment, may_wait=True)
        until(lambda: not probe.process.is_running() or probe.is_capturing(), 10, f"allocation {n} failed: it does nothing")
        if probe.process.is_running():
            probe.process.kill()  # nobody acknowledges its end
            continue
        n_ended += 1
        equal(probe.process.child.returncode, 1, f"code, where allocation {n} failed: {probe.process.log()}")
        equal(len(probe.process.log().splitlines()), 1, f"sentences, where allocation {n} failed: {probe.process.log()}")
    print(f"{n - 1} allocations: after {n_ended} it ended")
    assert n_ended, "nothing came of it"
