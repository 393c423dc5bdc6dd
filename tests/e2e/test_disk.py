# SPDX-License-Identifier: Apache-2.0
"""The spool's disk is full, fails, or is damaged: nothing is lost that was said to be kept, and no operator is needed."""
import contextlib
import errno
import os
import random
import re
import sqlite3
import stat
import subprocess
import time
from pathlib import Path

from lib.backend import Spool, line, traffic
from lib.case import at_least, at_most, case, equal, until
from lib.fault import Fault
from lib.fleet import Fleet, Flow
from lib.influx import Influx
from lib.lab import destination
from lib.oracle import by_destination, conserve, sealed_in_quiescence
from lib.programs import Collector, Probe
from lib.traffic import Echo, Sender

UDP = [destination(i) for i in range(1, 5)]
MIB = 1 << 20


class Disk:
    """A tmpfs, and another tenant on it."""

    def __init__(self, lab, mib):
        self.path = lab.dir / "disk"
        self.path.mkdir()
        self.tenant = self.path / "tenant"
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", self.path], check=True)
        lab.callback(subprocess.run, ["umount", "-l", self.path], check=False)

    def fill(self):
        with open(self.tenant, "ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError as why:
                equal(why.errno, errno.ENOSPC, "errno")
        equal(os.statvfs(self.path).f_bavail, 0, "blocks left")

    def free(self):
        self.tenant.unlink()


def run_command(lab, spool, *arguments):
    """(exit code, standard output, standard error)"""
    done = subprocess.run([str(lab.build / "nstats-collector"), *map(str, arguments), "--spool", str(spool)],
                          capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def start(lab, spool, *arguments, **more):
    lab.count(UDP)
    before = lab.interface()
    collector = Collector(lab, "--ptr", "off", *arguments, spool=spool, **more)
    probe = Probe(lab)
    Echo(lab, UDP, reply=300)
    return before, collector, probe, Sender(lab, UDP, every_s=0.01)


def wait_for_commits(collector, n=2):
    began = collector.figure("nstats_commits_total")
    until(lambda: collector.figure("nstats_commits_total") >= began + n, 10, "it does not commit")


@case(limit_s=180)
def on_a_disk_that_another_tenant_has_filled_it_commits_restarts_and_drains(lab):
    disk = Disk(lab, 32)
    spool = disk.path / "spool.db"
    before, collector, probe, sender = start(lab, spool, "--spool-max", "16MiB")
    wait_for_commits(collector)
    disk.fill()
    wait_for_commits(collector, 4)
    collector.stop()
    equal(os.statvfs(disk.path).f_bavail, 0, "blocks left")
    influx = Influx(lab)
    collector = Collector(lab, "--ptr", "off", "--spool-max", "16MiB", "--influx", influx.address, spool=spool)
    wait_for_commits(collector, 3)
    sender.end()
    conserve(lab, probe, collector, influx, before)
    by_destination(lab, influx)
    equal(collector.figure("nstats_commit_failures_total"), 0, "failed commits")
    equal(os.statvfs(disk.path).f_bavail, 0, "blocks left")


class Noise:
    """Forty pods whose rows fill a small spool within seconds; what becomes of them is not looked at."""

    def __init__(self, lab):
        self.chance = random.Random(1)
        self.places = [bytes([198, 51, i // 250, 1 + i % 250]) for i in range(500)]
        self.fleet = Fleet(lab, [f"noise-{i}" for i in range(40)])
        self.start_ms = int(time.time() - 86400) // 10 * 10000

    def rows(self, _):
        some = self.chance.randrange
        return [(place, 6, 443, some(60, 1 << 30), some(60, 1 << 30), some(1, 99999), some(1, 99999))
                for place in self.chance.sample(self.places, 40)]

    def until(self, predicate, limit_s, what):
        end = time.monotonic() + limit_s
        while not predicate():
            assert time.monotonic() < end, f"after {limit_s} s: {what}"
            self.fleet.shout(self.start_ms, self.rows)
            self.start_ms += 10000
            time.sleep(0.25)


def fill_until_a_commit_fails(disk, collector, noise):
    disk.fill()
    began = collector.figure("nstats_commit_failures_total")
    noise.until(lambda: collector.figure("nstats_commit_failures_total") > began, 60, "no commit fails on a full disk")
    equal(os.statvfs(disk.path).f_bavail, 0, "blocks left")


@case(limit_s=240)
def with_little_room_a_full_disk_stops_commits_alone_and_for_no_longer_than_it_is_full(lab):
    """A WAL that is smaller than usual, too: it is emptied though no commit gets through any more."""
    disk = Disk(lab, 12)
    spool = disk.path / "spool.db"
    (disk.path / "neighbour").write_bytes(bytes(8 * MIB))
    influx = Influx(lab)
    influx.process.stop()
    before, collector, probe, sender = start(lab, spool, "--influx", influx.address)
    assert "little room" in collector.process.log(), collector.process.log()
    noise = Noise(lab)
    wait_for_commits(collector)
    fill_until_a_commit_fails(disk, collector, noise)
    disk.free()
    began = time.monotonic()
    wait_for_commits(collector, 1)
    at_most(time.monotonic() - began, 5, "seconds until it committed again")
    fill_until_a_commit_fails(disk, collector, noise)
    bodies = collector.figure("nstats_spool_bodies")
    influx.start()
    until(lambda: collector.figure("nstats_spool_bodies") < bodies // 10, 60, "it does not drain on a full disk")
    wait_for_commits(collector, 3)
    noise.until(lambda: collector.figure("nstats_delivered_lines_total") > 100000, 60, "it does not go on on a full disk")
    sender.end()
    conserve(lab, probe, collector, influx, before, is_alone=False)
    by_destination(lab, influx)
    equal(os.statvfs(disk.path).f_bavail, 0, "blocks left")
    print(f"{collector.figure('nstats_commit_failures_total')} commits failed; {bodies} bodies were drained on a full disk")


@case(limit_s=120)
def room_that_was_missing_is_taken_once_it_is_there(lab):
    disk = Disk(lab, 64)
    neighbour = disk.path / "neighbour"
    neighbour.write_bytes(bytes(56 * MIB))
    collector = Collector(lab, "--ptr", "off", "--spool-max", "16MiB", spool=disk.path / "spool.db")
    at_most(collector.figure("nstats_spool_room_bytes"), 8 * MIB, "room at first")
    neighbour.unlink()
    until(lambda: collector.figure("nstats_spool_room_bytes") == 15 * MIB, 15, "the room is not taken")  # 7/8 + 1/16


def faults_end(lab, code, *settings):
    """Traffic under faults, which then end: the books must be even, and commits be back within 5 s."""
    fault = Fault(lab)
    influx = Influx(lab)
    before, collector, probe, sender = start(lab, lab.dir / "spool.db", "--influx", influx.address,
                                             environment=fault.environment)
    wait_for_commits(collector)
    failed = []
    for calls in settings:
        fault.every(code, **calls)
        time.sleep(4)
        failed.append({name: fault.failed(name) for name in calls})
    fault.every()
    began = time.monotonic()
    wait_for_commits(collector, 1)
    at_most(time.monotonic() - began, 5, "seconds until it committed again")
    time.sleep(3)
    sender.end()
    stored = conserve(lab, probe, collector, influx, before)
    by_destination(lab, influx)
    assert all(failed[-1].values()), f"nothing failed: {failed}"
    n_commits = collector.figure("nstats_commits_total")
    collector.stop()
    equal(fault.kept(), 0, "allocations kept")
    print(f"failed until then: {failed}; {n_commits} commits; "
          f"{stored:,} bytes stored")


@case(limit_s=180)
def writes_fail_and_then_do_not(lab):
    faults_end(lab, errno.EIO, {"write": 7}, {"write": 1}, {"write": 3})


@case(limit_s=180)
def syncs_fail_and_then_do_not(lab):
    faults_end(lab, errno.EIO, {"sync": 1}, {"sync": 2}, {"sync": 3})


@case(limit_s=180)
def now_and_then_the_disk_is_full_and_then_it_is_not(lab):
    faults_end(lab, errno.ENOSPC, {"write": 1}, {"write": 5}, {"write": 17})


@case(limit_s=180)
def allocations_fail_and_then_do_not(lab):
    faults_end(lab, errno.EIO, *({"alloc": n} for n in (97, 31, 17, 11, 7, 5, 3)))


@case()
def a_commit_is_on_the_disk_before_it_counts(lab):
    fault = Fault(lab)
    _, collector, probe, sender = start(lab, lab.dir / "spool.db", environment=fault.environment)
    began, n = collector.figure("nstats_commits_total"), fault.calls("sync")
    wait_for_commits(collector, 5)
    sender.end()
    probe.stop()
    done = collector.figure("nstats_commits_total") - began
    assert fault.calls("sync") - n >= done, f"{fault.calls('sync') - n} syncs, {done} commits"


def spool_of(lab, mib_of_bodies):
    """A backlog, as a collector that was killed leaves it."""
    path = lab.dir / "spool.db"
    Collector(lab, "--ptr", "off", spool=path).process.stop()
    db = sqlite3.connect(path)
    n = mib_of_bodies * MIB // 16384
    with db:
        db.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
                   " INSERT INTO body (lines, traffic_bytes, since_ms, data)"
                   " SELECT 1, 1, 1, randomblob(16384) FROM n", (n,))
        db.execute("UPDATE total SET is_clean = 0, bodies = bodies + ?1, lines = lines + ?1,"
                   " traffic_bytes = traffic_bytes + ?1, data_bytes = data_bytes + ?1 * 16384", (n,))
    db.close()
    return path


@case(alone=True)
def with_a_backlog_of_1_gib_it_is_ready_within_2_s_of_a_kill_and_then_checks(lab):
    """A WAL to be read again, and some thousand probes in the ledger."""
    path = spool_of(lab, 1024)
    options = "--ptr", "off", "--spool-max", "4GiB"
    collector = Collector(lab, *options, spool=path)
    fleet = Fleet(lab, [f"web-{i}" for i in range(5000)])
    chance = random.Random(1)
    for i in range(3):
        fleet.shout(1_700_000_000_000 + i * 10_000, lambda _: [Flow(chance, 1, 0).row() for _ in range(5)])
        until(lambda: collector.figure("nstats_waiting_bytes") + collector.figure("nstats_committing_bytes") == 0, 10,
              "it does not commit")
    n_boots = collector.figure("nstats_ledger_boots")
    at_least(n_boots, 3000, "probes in the ledger")
    fleet.shout(1_700_000_030_000, lambda _: [Flow(chance, 1, 0).row()])
    collector.process.kill()
    began = time.monotonic()
    collector = Collector(lab, *options, spool=path)
    at_most(time.monotonic() - began, 2, "seconds until it was ready")
    print(f"ready after {time.monotonic() - began:.2f} s, with {n_boots} probes in the ledger")
    until(lambda: collector.figure("nstats_ledger_boots") >= n_boots, 15, "the ledger forgot")
    until(lambda: 'msg="spool checked" result="sound"' in collector.process.log(), 60, "it is not checked")


def unlike_lines(n):
    """Of which gzip saves half at most: hexadecimal digits."""
    chance, now_ms = random.Random(7), int(time.time() * 1000)
    return [line(chance.randbytes(200).hex(), now_ms - i, 1000 + i) for i in range(n)]


def wait_for_evictions(collector):
    """The alert is of 8 tenths of the quota."""
    quota = collector.figure("nstats_spool_quota_bytes")
    equal(quota, MIB * 3 // 4, "nstats_spool_quota_bytes")
    until(lambda: collector.figure("nstats_evicted_bytes_total") > 0, 60, "nothing is evicted")
    used = collector.figure("nstats_spool_used_bytes")
    at_most(used, quota, "nstats_spool_used_bytes")
    at_least(used, quota * 8 // 10, "nstats_spool_used_bytes")


@case(limit_s=150)
def over_the_quota_the_oldest_go_and_with_them_counted_all_is_there(lab):
    """An outage that is longer than --spool-max lasts; at its begin there are rows of a longer one."""
    path, n = lab.dir / "spool.db", 80
    Collector(lab, "--ptr", "off", spool=path).stop()
    old = unlike_lines(36 * n)
    Spool(path).add(*(old[i:i + n] for i in range(0, len(old), n)))
    before, collector, probe, sender = start(lab, path, "--spool-max", "1MiB", "--influx", "127.0.0.1:8086")
    wait_for_evictions(collector)
    sender.end()
    metrics = sealed_in_quiescence(lab, probe, collector, before)
    influx = Influx(lab)
    until(collector.is_drained, 60, "the spool is not empty")
    evicted = collector.figure("nstats_evicted_bytes_total")
    equal(influx.total() + evicted, traffic(old) + metrics.probe("sealed_bytes_total"), "stored + evicted")
    stored = influx.sums_by("receiver")
    gone = [text for text in old if re.search("receiver=([0-9a-f]+)", text)[1] not in stored]
    assert gone == old[:len(gone)], "not the oldest went"
    equal(traffic(gone), evicted, "nstats_evicted_bytes_total")


@case()
def a_damaged_spool_is_moved_aside_and_a_new_one_begun(lab):
    path = spool_of(lab, 8)
    with open(path, "r+b") as file:
        file.seek(1 * MIB)
        file.write(b"x" * 4 * MIB)
    collector = Collector(lab, "--ptr", "off", spool=path)
    until(lambda: collector.figure("nstats_spool_corrupt_total") == 1, 20, "the damage is not found")
    until(lambda: "moved_to=" in collector.process.log(), 5, "nothing is said")
    moved = re.search(r'moved_to="([^"]*)"', collector.process.log())[1]
    at_most(8 * MIB, os.path.getsize(moved), "bytes of what was moved")
    probe = Probe(lab)
    until(lambda: collector.figure("nstats_spool_bodies"), 10, "the new one is not used")
    probe.stop()


@case()
def what_is_no_spool_is_refused_and_stays(lab):
    path = lab.dir / "letter.txt"
    path.write_text("Dear operator,\n" * 1000)
    code, _, said = run_command(lab, path)
    equal(code, 1, "exit code")
    assert "is no nstats spool" in said, said
    equal(path.read_text().count("operator"), 1000, "lines")


@case()
def a_second_collector_on_the_same_spool_is_refused(lab):
    collector = Collector(lab, "--ptr", "off")
    code, _, said = run_command(lab, collector.spool)
    equal(code, 1, "exit code")
    assert "is in use by another collector" in said, said


def see_that_it_is_whole(copy):
    """The bodies in it."""
    with contextlib.closing(sqlite3.connect(copy)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        n, bodies = db.execute("SELECT (SELECT count(*) FROM body), bodies FROM total").fetchone()
    equal(n, bodies, "bodies")
    return n


@case()
def the_socket_for_commands_is_its_owner_s_alone(lab):
    before = os.umask(0)
    try:
        collector = Collector(lab, "--ptr", "off")
    finally:
        os.umask(before)
    equal(stat.S_IMODE(os.stat(f"{collector.spool}.sock").st_mode), 0o600, "mode")


@case()
def a_backup_is_whole_while_the_collector_commits_and_after_its_end(lab):
    path = spool_of(lab, 64)
    _, collector, probe, sender = start(lab, path)
    wait_for_commits(collector)
    for name in ("a.db", "b.db"):
        copy = lab.dir / name
        code, _, said = run_command(lab, path, "backup", copy)
        equal(code, 0, f"exit code ({said})")
        assert re.search(r"ok bytes=\d{8}", said), said
        see_that_it_is_whole(copy)
        code, _, said = run_command(lab, path, "backup", copy)
        equal(code, 1, "exit code of a backup over a backup")
        if name == "a.db":
            sender.end()
            probe.stop()
            collector.stop()


def back_up_to(lab, spool, out):
    """(exit code, what it says)"""
    done = subprocess.run([str(lab.build / "nstats-collector"), "backup", "-", "--spool", str(spool)],
                          stdout=out, stderr=subprocess.PIPE, text=True, timeout=60, cwd=lab.dir)
    return done.returncode, done.stderr


def left_beside(spool, *pids):
    """Names, and what has none any more but one of these processes still holds."""
    names = {path.name.removeprefix(spool.name) for path in spool.parent.glob(spool.name + "*")} - {"", "-wal", ".sock"}
    return names | {target for pid in pids for target in open_files(pid) if target.startswith(f"{spool}.copy")}


def open_files(pid):
    """None where it has ended."""
    with contextlib.suppress(FileNotFoundError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                yield os.readlink(entry)


@case()
def a_backup_goes_to_standard_output_while_the_collector_commits_and_after_its_end(lab):
    path = spool_of(lab, 64)
    _, collector, probe, sender = start(lab, path)
    wait_for_commits(collector)
    for name in ("a.db", "b.db"):
        copy = lab.dir / name
        with open(copy, "wb") as out:
            code, said = back_up_to(lab, path, out)
        equal(code, 0, f"exit code ({said})")
        equal(int(re.search(r"ok bytes=(\d+)", said)[1]), copy.stat().st_size, "bytes")
        bodies = see_that_it_is_whole(copy)
        assert not left_beside(path, collector.process.pid), left_beside(path, collector.process.pid)
        if name == "a.db":
            sender.end()
            probe.stop()
            collector.stop()
    restored = Collector(lab, "--ptr", "off", spool=copy)
    at_least(restored.figure("nstats_spool_bodies"), bodies, "bodies of a collector that starts on the copy")


def refusing_outputs():
    """What cannot be written to, and what is said of it."""
    reader, closed = os.pipe()
    os.close(reader)
    _, terminal = os.openpty()
    full = os.open("/dev/full", os.O_WRONLY)
    return (closed, "Broken pipe"), (full, "No space left on device"), (terminal, "is a terminal; expected a file or a pipe")


@case()
def a_backup_that_cannot_be_written_out_fails_with_a_sentence_and_leaves_nothing(lab):
    path = spool_of(lab, 64)
    collector = Collector(lab, "--ptr", "off", spool=path)
    for _ in range(2):
        for out, why in refusing_outputs():
            code, said = back_up_to(lab, path, out)
            equal(code, 1, f"exit code ({said})")
            assert why in said and said.count("\n") == 1, said
        assert not left_beside(path), left_beside(path)
        if collector.process.is_running():
            collector.stop()


@case()
def a_backup_whose_reader_writer_or_collector_ends_leaves_nothing(lab):
    path = spool_of(lab, 64)
    collector = Collector(lab, "--ptr", "off", spool=path)
    for victim in ("reader", "writer", "collector"):
        writer = subprocess.Popen([str(lab.build / "nstats-collector"), "backup", "-", "--spool", str(path)],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        lab.callback(writer.kill)
        if victim == "collector":
            until(lambda: left_beside(path, collector.process.pid), 20, "no copy is begun")
            collector.process.kill()
        else:
            assert writer.stdout.read(16) == b"SQLite format 3\0", "no copy"
        if victim == "writer":
            writer.kill()
        writer.stdout.close()
        assert writer.wait(60) != 0, f"exit code 0, the {victim} ended"
        until(lambda: not left_beside(path, collector.process.pid), 10, f"something is left, the {victim} ended")


def see_dead_letter(lab, path):
    code, out, said = run_command(lab, path, "dead-letters")
    equal(code, 0, f"exit code ({said})")
    head, body = out.splitlines()
    assert re.fullmatch(r'# status=400 reason=".+" lines=1', head), head
    assert body.startswith("nstat,hosts=pod,receiver=bad"), body


@case()
def dead_letters_are_shown_and_replayed(lab):
    influx = Influx(lab)
    path = lab.dir / "spool.db"
    Collector(lab, "--ptr", "off", spool=path).stop()
    Spool(path).add([line("10.0.0.1", 1, 7), "nstat,hosts=pod,receiver=bad tx_bytes=\"text\",rx_bytes=1i 1"])
    collector = Collector(lab, "--ptr", "off", "--influx", influx.address, spool=path)
    until(lambda: collector.figure("nstats_dead_letter_lines") == 1, 20, "nothing dies")
    see_dead_letter(lab, path)
    assert "replayed" not in collector.process.log(), collector.process.log()
    code, _, said = run_command(lab, path, "replay")
    equal(code, 0, f"exit code ({said})")
    assert "ok lines=1" in said, said
    until(lambda: 'level=info msg="dead letters replayed" lines=1\n' in collector.process.log(), 5, "it is not logged")
    until(lambda: collector.figure("nstats_rejected_lines_total") == 2, 20, "it is not tried again")
    until(lambda: collector.figure("nstats_dead_letter_lines") == 1, 20, "it does not die again")
    equal(collector.figure("nstats_replayed_lines_total"), 1, "lines replayed")
    collector.stop()
    see_dead_letter(lab, path)
