# SPDX-License-Identifier: Apache-2.0
"""How long a spool lasts while nobody takes what is in it: the README's table."""
import random
import re
import sqlite3
import subprocess
import time
from pathlib import Path

from lib.case import at_least, at_most, case
from lib.fleet import Fleet, Flow
from lib.programs import Collector

README = Path(__file__).resolve().parents[2] / "README.md"
ROW = re.compile(r"^\| ([\d,]+) × (\d+) \| ([\d,]+) \| ([\d.]+) (h|days) \|$", re.M)
INTERVAL_S = 10
WARM_S = INTERVAL_S  # then all pods and series are known
ROWS_MAX = 30  # of a datagram
EVICTED_FROM = 0.75  # of --spool-max, in pages that are in use


def number(text):
    return int(text.replace(",", ""))


def used_bytes(lab, collector):
    copy = lab.dir / "copy.db"
    subprocess.run([str(lab.build / "nstats-collector"), "backup", str(copy), "--spool", str(collector.spool)], check=True,
                   capture_output=True, timeout=60)
    with sqlite3.connect(copy) as db:
        used = db.execute("PRAGMA page_count").fetchone()[0] - db.execute("PRAGMA freelist_count").fetchone()[0]
        size = db.execute("PRAGMA page_size").fetchone()[0]
    db.close()
    copy.unlink()
    return used * size


class Second:
    """Of the pods a tenth speaks, and in the next one another tenth."""

    def __init__(self, lab, n_pods, n_rows):
        chance = random.Random(1)
        self.fleet = Fleet(lab, [f"web-{i % 7}-7d9f8b6c5-{i:04x}" for i in range(n_pods)])
        self.flows = {pod: [Flow(chance, 0.5, 0) for _ in range(n_rows)] for pod in self.fleet.pods}
        self.start_ms = int(time.time() - 86400) // INTERVAL_S * INTERVAL_S * 1000
        self.passed = 0

    def send(self):
        interval, turn = divmod(self.passed, INTERVAL_S)
        for pod in self.fleet.pods[turn::INTERVAL_S]:
            rows = [flow.row() for flow in self.flows[pod]]
            for at in range(0, len(rows), ROWS_MAX):
                self.fleet.send(pod, self.start_ms + interval * INTERVAL_S * 1000, rows[at:at + ROWS_MAX])
        self.passed += 1

    def pass_by(self, seconds):
        for _ in range(seconds):
            next_second = time.monotonic() + 1
            self.send()
            time.sleep(max(0, next_second - time.monotonic()))
        self.fleet.await_acks(0)


def measured_s(n_rows_a_second):
    """Pages are counted, so that it takes some hundreds of them."""
    return 45 if n_rows_a_second < 100 else 12


def bytes_a_row(lab, n_pods, n_rows):
    a_second = n_pods * n_rows // INTERVAL_S
    collector = Collector(lab, "--ptr", "off", spool=lab.dir / f"{n_pods}-{n_rows}.db")
    second = Second(lab, n_pods, n_rows)
    second.pass_by(WARM_S)
    began = used_bytes(lab, collector)
    second.pass_by(measured_s(a_second))
    used = used_bytes(lab, collector) - began
    collector.stop()
    return used / (measured_s(a_second) * a_second)


@case(limit_s=240, plain=True)
def a_spool_of_a_gib_lasts_as_long_as_the_readme_says(lab):
    table = ROW.findall(README.read_text())
    assert len(table) >= 3, "the README has no such table"
    for pods, rows, rate, lasts, unit in table:
        a_row = bytes_a_row(lab, number(pods), number(rows))
        hours = (1 << 30) * EVICTED_FROM / (a_row * number(rate)) / 3600
        said = float(lasts) * (24 if unit == "days" else 1)
        print(f"{pods} × {rows}: {a_row:.1f} bytes a row, {hours:.1f} h; the README says {said:.1f}")
        at_most(abs(number(pods) * number(rows) / INTERVAL_S - number(rate)), 0, f"rows a second, for {pods} × {rows}")
        at_least(hours / said, 0.9, "hours, of those that the README says")
        at_most(hours / said, 1.25, "hours, of those that the README says")
