# SPDX-License-Identifier: Apache-2.0
"""Beside the prototype's reading: iftop for ten seconds of a minute, the first 15 pairs."""
import re
import time

from lib.case import case
from lib.influx import Influx
from lib.lab import POD_4, destination
from lib.oracle import by_destination, conserve
from lib.programs import Collector, Probe
from lib.traffic import Echo, Sender

DESTINATIONS = [destination(i) for i in range(1, 41)]
SIZE, REPLY, HEADERS = 1000, 400, 42
# from 40 to 820 kbit/s each, no two alike, so that a wrong pairing shows
EVERY_S = [SIZE * 8 / (20_000 * (i + 1)) for i in range(1, 41)]
WINDOW_S, PAIRS = 10, 15
IFTOP_UNITS = {"": 1, "K": 1024, "M": 1024 ** 2, "G": 1024 ** 3}  # iftop's ui_common.c: readable_size
# Which column of "=>" and "<=" lines, by words. With -s 10 the second is a tenth too low: iftop has looked for nine
# seconds then (its cumulative column is nine seconds' bytes) and divides by ten. The first is right.
LAST_2_S, LAST_10_S = (3, 2), (4, 3)
PROTOTYPE_UNITS = {"": 1, "K": 1000, "M": 1000 ** 2, "G": 1000 ** 3}  # its format.py


def start_iftop(lab, *more):
    return lab.start("iftop", "/usr/sbin/iftop", "-nNb", "-i", "pod0", "-s", WINDOW_S, "-o", "10s",
                     "-t", "-L", "100", *more, namespace=lab.pod)


def bits(text, units):
    figure, unit = re.fullmatch(r"([\d.]+)([KMG]?)b", text).groups()
    return float(figure) * units[unit]


def read_iftop(text, units, column):
    """[(address, sent, received)] in bits/s."""
    pairs, sent = [], None
    for words in map(str.split, text.splitlines()):
        if "=>" in words:
            sent = words[column[0]]
        elif "<=" in words and sent:
            pairs.append((words[0], bits(sent, units), bits(words[column[1]], units)))
            sent = None
    return pairs


def near(ours, theirs, packet_bytes, what):
    """A tenth, and a packet that stands at the edge of iftop's 2 s: of the slowest flow there are ten."""
    assert abs(ours - theirs) <= 0.1 * theirs + 8 * packet_bytes / 2, f"{what}: {ours:,.0f} bit/s, iftop {theirs:,.0f}"


def compare_rates(influx, pairs, since, to):
    series = influx.query("SELECT mean(sendRate), mean(receiveRate) FROM nstat WHERE sender = "
                          f"'{POD_4}' AND time >= {int(since * 1000)}ms AND time < {int(to * 1000)}ms "
                          "GROUP BY receiver")
    ours = {one["tags"]["receiver"]: one["values"][0][1:] for one in series}
    shown = {address: rates for address, *rates in pairs}  # the probe's talk with the collector too
    for address in DESTINATIONS:
        near(ours[address][0], shown[address][0], SIZE + HEADERS, f"{address} sent")
        near(ours[address][1], shown[address][1], REPLY + HEADERS, f"{address} received")


@case(limit_s=180, alone=True, plain=True)
def rates_agree_with_iftop_and_the_share_is_all(lab):
    influx = Influx(lab)
    lab.count(DESTINATIONS)
    before = lab.interface()
    collector = Collector(lab, "--influx", influx.address, "--ptr", "off")
    probe = Probe(lab)
    Echo(lab, DESTINATIONS, reply=REPLY)
    sender = Sender(lab, DESTINATIONS, EVERY_S, size=SIZE)
    began = time.time()
    time.sleep(4)
    iftop = start_iftop(lab)
    window = (time.time(), time.time() + WINDOW_S)
    assert iftop.wait(30) == 0, iftop.log()
    time.sleep(max(0.0, began + 60 - time.time()))
    sender.end()
    conserve(lab, probe, collector, influx, before)
    by_destination(lab, influx)

    # whole intervals within iftop's window
    since = -(-window[0] // 2) * 2
    compare_rates(influx, read_iftop(iftop.out(), IFTOP_UNITS, LAST_2_S), since, window[1] // 2 * 2)
    counted = lab.counted_bytes()
    prototype = sum(sent + received for _, sent, received
                    in read_iftop(iftop.out(), PROTOTYPE_UNITS, LAST_10_S)[:PAIRS]) / 8 * WINDOW_S
    ours = influx.total()
    print(f"of {counted:,} bytes in 60 s to 40 destinations: prototype {prototype:,.0f} "
          f"({100 * prototype / counted:.1f} %), nstats {ours:,} ({100 * ours / counted:.1f} %)")
