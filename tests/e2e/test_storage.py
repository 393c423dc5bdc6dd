# SPDX-License-Identifier: Apache-2.0
"""What InfluxDB needs of its own disk for what we write: hours of a fleet pass through the collector, then it compacts."""
import os
import random
import time

from lib.case import at_most, case, equal, until
from lib.fleet import Fleet, Flow
from lib.influx import Influx
from lib.programs import Collector

PODS, DESTINATIONS, STEP_MS = 5, 20, 10000
JITTER_MS = 3  # of an interval's length by the monotonic clock
INTERVALS = 2000 * int(os.environ.get("NSTATS_E2E_TIMES", "1"))  # 5.6 h
COMPACT = """
  cache-snapshot-write-cold-duration = "2s"
  compact-full-write-cold-duration = "3s"
"""


def shard_bytes(influx):
    """(what stands in TSM files, what is not yet there)"""
    tsm = [path.stat().st_size for path in influx.dir.glob("data/nstats/*/*/*.tsm")]
    wal = [path.stat().st_size for path in influx.dir.glob("wal/nstats/*/*/*.wal")]
    return sum(tsm), len(tsm), sum(wal)


def compacted(influx):
    """Until one file a shard is left, and nothing waits."""
    last, still = None, 0
    for _ in range(120):
        now = shard_bytes(influx)
        still = still + 1 if now == last and now[2] == 0 else 0
        if still == 8:
            return now
        last = now
        time.sleep(1)
    raise AssertionError(f"influxd does not come to rest: {last}")


def values(influx):
    """Of all fields of all points that are ours."""
    n = 0
    for measurement in influx.measurements():
        for one in influx.query(f'SELECT count(*) FROM "{measurement}"'):
            n += sum(one["values"][0][1:])
    return n


def measure(lab, sigma, silent):
    chance = random.Random(1)
    influx = Influx(lab, data=COMPACT)
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off")
    fleet = Fleet(lab, [f"web-{i}" for i in range(PODS)])
    flows = {pod: [Flow(chance, sigma, silent) for _ in range(DESTINATIONS)] for pod in fleet.pods}
    begin = (int(time.time()) // 86400 - 2) * 86400000
    for i in range(INTERVALS):
        for pod in fleet.pods:
            rows = [row for row in (flow.row() for flow in flows[pod]) if row]
            fleet.send(pod, begin + i * STEP_MS, rows, STEP_MS + chance.randrange(-JITTER_MS, JITTER_MS + 1))
    fleet.await_acks(0)
    until(collector.is_drained, 120, "the spool is not empty")
    equal(influx.total("time > 0"), sum(pod.sealed for pod in fleet.pods), "stored against sent")
    equal(collector.figure("nstats_points_shifted_total"), 0, "points whose k is not 0")
    collector.stop()  # its own points would go on
    n = values(influx)
    size, files, _ = compacted(influx)
    print(f"{size:,} bytes in {files} files, {n:,} values: {size / n:.2f} bytes a value")
    return size / n


@case(limit_s=300, plain=True)
def a_steady_fleet_takes_5_and_a_half_bytes_a_value(lab):
    at_most(measure(lab, sigma=0.3, silent=0.02), 5.5, "bytes a value")


@case(limit_s=300, plain=True)
def a_restless_fleet_takes_5_and_a_half_bytes_a_value(lab):
    at_most(measure(lab, sigma=1.0, silent=0.3), 5.5, "bytes a value")
