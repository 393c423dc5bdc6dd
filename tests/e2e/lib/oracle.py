# SPDX-License-Identifier: Apache-2.0
"""
The conservation oracle: generated = stored, to the byte, and nothing is declared lost. The reference is the kernel:
nft's counters by address, and the counters of the pod's interface in quiescence.
"""
import re
import time

from .case import equal, until


def sealed_in_quiescence(lab, probe, collector, before):
    """
    The probe's figures of an interval whose end fell into quiet, checked against the interface.

    before: the interface's counters before the probe started. Around an interval's end the counters are
    sampled; what was captured up to that end must be one of these samples. The probe's own datagram is
    sent at a time of its choice within the interval, so that it may fall among the samples. A frame that
    came between the probe's last look into its ring and its look at the interface was no quiet either;
    one that the probe never sees is missing in the next interval too.
    """
    wrong = "no report came"
    for _ in range(4):
        end = (int(time.time() + 0.5) // probe.interval_s + 1) * probe.interval_s
        time.sleep(end - 0.3 - time.time())
        seen = set()
        while time.time() < end + 0.05:
            seen.add(sum(lab.interface()) - sum(before))
            time.sleep(0.02)
        captured = None
        while captured not in seen and time.time() < end + probe.interval_s + 1:
            time.sleep(0.05)
            metrics = collector.metrics()
            captured = metrics.probe("captured_bytes_total", probe.host)
        read = sum(metrics.probe(f"if_{way}_bytes", probe.host) for way in ("rx", "tx")) - sum(before)
        if captured in seen and read == captured:
            opened = [metrics.probe(f"if_{way}_bytes_open", probe.host) for way in ("rx", "tx")]
            equal(opened[0] - before[0], 0, "interface's rx counter when the probe opened it")
            equal(opened[1] - before[1], 0, "interface's tx counter when the probe opened it")
            return metrics
        wrong = f"captured {captured}, the probe read {read}, interface {sorted(seen)}"
    drops = collector.metrics().probe("kernel_drops_total", probe.host)
    raise AssertionError(f"captured bytes are not the interface's: {wrong}; kernel drops {drops}")


def conserve(lab, probe, collector, influx, before, drain_s=75, is_alone=True):
    """
    Call it when the traffic has ended: all of it gets stored, and none of it is declared lost. Returns the bytes.

    drain_s: what was not acknowledged goes again after 60 s + a quarter at most. is_alone: no other probe is known to the
    collector, of which something may be lost.
    """
    def is_stored():
        sealed = collector.metrics().probe("sealed_bytes_total", probe.host)
        return sealed is not None and influx.total(f"hosts = '{probe.host}'") == sealed

    try:
        until(is_stored, drain_s, "not all is stored")
    except AssertionError as why:
        raise AssertionError(f"{why}: {whereabouts(probe, collector, influx)}") from None
    metrics = sealed_in_quiescence(lab, probe, collector, before)
    equal(metrics.probe("kernel_drops_total", probe.host), 0, "kernel drops")
    until(collector.is_drained, 30, "the spool is not empty")

    stored = influx.total(f"hosts = '{probe.host}'")
    sealed = metrics.probe("sealed_bytes_total", probe.host)
    equal(sealed + metrics.probe("self_bytes_total", probe.host),
          metrics.probe("captured_bytes_total", probe.host), "rows + self against captured")
    equal(stored, sealed, "stored against sealed")
    equal(metrics.probe("lost_bytes", probe.host), 0, "lost of the probe's")
    if is_alone:
        equal(collector.figure("nstats_lost_bytes"), 0, "lost")
    assert stored > 0, "nothing was stored"
    return stored


def whereabouts(probe, collector, influx):
    """Where the bytes are that are not stored."""
    figures = {f"{name[7:]} {dict(labels).get('reason', '')}".strip(): int(figure)
               for (name, labels), figure in collector.metrics().items()
               if figure and re.search("_bytes|posts|bodies|fail|datagrams|errors", name)}
    return figures | {"in InfluxDB": influx.total(f"hosts = '{probe.host}'")}


def by_destination(lab, influx, host="pod"):
    """Each counted address has in InfluxDB what the kernel counted, both ways."""
    stored = influx.sums_by("receiver", f"hosts = '{host}'")
    for address, (tx, rx) in lab.counters().items():
        got = stored.get(address, (0, 0))
        assert tx > 0, f"nothing was sent to {address}"
        equal(got[0], tx, f"{address} tx")
        equal(got[1], rx, f"{address} rx")
