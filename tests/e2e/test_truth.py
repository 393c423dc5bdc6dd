# SPDX-License-Identifier: Apache-2.0
"""What is stored equals, to the byte, what the kernel counted."""
import json

from lib.case import case, equal
from lib.influx import Influx
from lib.lab import destination
from lib.oracle import by_destination, conserve
from lib.programs import Collector, Probe
from lib.traffic import Echo, Sender, download, iperf3

TCP, TCP_6 = destination(1), destination(1, 6)
WEB, WEB_6 = destination(2), destination(2, 6)
UDP = [destination(i, version) for i in (11, 12, 13) for version in (4, 6)]


def mixed_traffic(lab):
    """About 200 MB: TCP both ways and UDP over both families."""
    Echo(lab, UDP[:4], reply=300)
    Echo(lab, UDP[4:])  # one way only
    sender = Sender(lab, UDP, every_s=0.01, size=1200)
    iperf3(lab, TCP, "-b", "200M", seconds=3)
    iperf3(lab, TCP_6, "-b", "200M", "-R", seconds=3)
    download(lab, WEB, 10_000_000)
    download(lab, WEB_6, 5_000_001)
    iperf3(lab, TCP, "-u", "-b", "50M", "-l", "1300", seconds=2)
    sender.end()


@case()
def every_destination_has_what_the_kernel_counted(lab):
    influx = Influx(lab)
    lab.count([TCP, TCP_6, WEB, WEB_6, *UDP])
    before = lab.interface()
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off")
    probe = Probe(lab)
    mixed_traffic(lab)
    conserve(lab, probe, collector, influx, before)
    by_destination(lab, influx)
    print(f"{influx.total():,} bytes in {len(influx.sums_by('receiver'))} destinations")


@case()
def a_top_of_three_has_the_same_totals(lab):
    influx = Influx(lab)
    lab.count([TCP, TCP_6, WEB, WEB_6, *UDP])
    before = lab.interface()
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off")
    probe = Probe(lab, "--top", "3")
    mixed_traffic(lab)
    conserve(lab, probe, collector, influx, before)
    stored = influx.sums_by("hosts")["pod"]
    counted = lab.counters().values()
    equal(stored[0], sum(tx for tx, _ in counted), "tx over all")
    equal(stored[1], sum(rx for _, rx in counted), "rx over all")
    assert "~other" in influx.sums_by("receiver"), "nothing was folded"


@case()
def the_printed_rows_are_what_the_kernel_counted(lab):
    lab.count([TCP, TCP_6, WEB, WEB_6, *UDP])
    before = lab.interface()
    probe = Probe(lab, "--print")
    mixed_traffic(lab)
    after = lab.interface()
    probe.stop()
    *rows, last = map(json.loads, probe.process.out().splitlines())
    sums = {}
    for row in rows:
        tx, rx = sums.get(row["remote"], (0, 0))
        sums[row["remote"]] = tx + row["tx_bytes"], rx + row["rx_bytes"]
    for address, counted in lab.counters().items():
        assert sums.pop(address, None) == counted, f"{address}: printed {sums.get(address)}, kernel {counted}"
    equal(last["totals"]["captured_bytes"], sum(after) - sum(before), "captured against the interface")
    equal(sum(map(sum, sums.values())), 0, f"bytes of others: {sums}")
