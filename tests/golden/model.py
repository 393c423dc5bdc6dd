# SPDX-License-Identifier: Apache-2.0
"""
A case is a file of packets and the rows that they must become. Every packet is added together with
what its author knows of it: whose it is, which way it went, what it means for its connection.
Nothing here reads a packet back.
"""
import json
from collections import namedtuple

import frames
from frames import ACK, FIN, PSH, RST, SYN

HOST = "golden"
INTERVAL_MS = 2000
START_MS = 1700000000000  # a multiple of the interval

# What -r takes for local without --local: private ranges. The others are documentation's.
POD, POD6 = "10.0.0.1", "fd00::1"
PEER, PEER6 = "192.0.2.5", "2001:db8::5"

Row = namedtuple("Row", "local remote proto port role name", defaults=[None])
NON_IP = Row("-", "~non-ip", "-", 0, "-")
MALFORMED = Row("-", "~malformed", "-", 0, "-")
SECOND = 1000000  # times are in microseconds
NUMBERS = {"tcp": 6, "udp": 17, "sctp": 132, "icmp": 1, "icmpv6": 58}
CASES = {}  # name: link, function


def case(link="ethernet", name=None):
    def add(function):
        CASES[name or function.__name__.replace("_", "-")] = (link, function)
        return function
    return add


def other(proto, role):
    return Row("-", "~other", proto, 0, role)


class Case:
    def __init__(self, link="ethernet"):
        self.link = link
        self.frames = []
        self.rows = {}
        self.totals = {"captured_bytes": 0, "captured_packets": 0, "self_bytes": 0, "kernel_drops": 0}
        self.write = frames.pcap

    def count(self, at, row, way, length, packets=1, **events):
        start = START_MS + at // 1000 // INTERVAL_MS * INTERVAL_MS
        sums = self.rows.setdefault((start, row), dict.fromkeys(
            ("tx_bytes", "rx_bytes", "tx_packets", "rx_packets"), 0))
        sums[way + "_bytes"] += length
        sums[way + "_packets"] += packets
        if "rtt_us" in events:
            rtt = events.pop("rtt_us")
            sums["rtt_us"] = min(rtt, sums.get("rtt_us", rtt))
        for name, n in events.items():
            sums[name] = sums.get(name, 0) + n

    def frame(self, at, data, row, way="rx", cap=None, wire=None, **events):
        """at: microseconds since START_MS. A frame whose sender nobody can tell was received: rx."""
        wire = len(data) if wire is None else wire
        length = wire - frames.LINKS[self.link][1]
        self.frames.append((START_MS * 1000 + at, data[:cap], wire))
        self.totals["captured_bytes"] += length
        self.totals["captured_packets"] += 1
        self.count(at, row, way, length, **events)

    def ip(self, at, packet, row, way, **how):
        self.frame(at, frames.wrap(self.link, packet, way), row, way, **how)

    def udp(self, at, way, lport=40000, rport=53, role="client", pod=POD, peer=PEER, size=40, row=None, data=None,
            **how):
        row = row or Row(pod, peer, "udp", rport if role == "client" else lport, role)
        data = bytes(size) if data is None else data
        if way == "tx":
            packet = frames.ip(pod, peer, 17, frames.udp(lport, rport, data))
        else:
            packet = frames.ip(peer, pod, 17, frames.udp(rport, lport, data))
        self.ip(at, packet, row, way, **how)

    def plain(self, at, way, proto, payload=bytes(40), role="client", pod=POD, peer=PEER):
        """A protocol without ports; proto as --print names it."""
        ends = (pod, peer) if way == "tx" else (peer, pod)
        packet = frames.ip(*ends, NUMBERS.get(proto) or int(proto), payload)
        self.ip(at, packet, Row(pod, peer, proto, 0, role), way)

    def tcp(self, **how):
        return Tcp(self, **how)

    def expected(self):
        lines = []
        for (start, row), sums in self.rows.items():
            head = {"start_ms": start, "interval_ms": INTERVAL_MS, "host": HOST}
            known = {key: value for key, value in row._asdict().items() if value is not None}
            lines.append({**head, **known, **sums})
        lines.append({"totals": self.totals})
        return sorted(json.dumps(line, sort_keys=True) for line in lines)

    def contents(self):
        return self.write(frames.LINKS[self.link][0], self.frames)


class Tcp:
    """A connection as both its ends know it. role is the pod's."""

    def __init__(self, case, lport=40000, rport=443, role="client", pod=POD, peer=PEER, row=None,
                 name=None):
        self.case = case
        self.ends = {"tx": (pod, lport), "rx": (peer, rport)}
        self.row = row or Row(pod, peer, "tcp", rport if role == "client" else lport, role, name)
        self.client, self.server = ("tx", "rx") if role == "client" else ("rx", "tx")
        self.next = {"tx": 1000, "rx": 0xFFFFFF00}  # one of them wraps around soon

    def send(self, at, way, flags=ACK, size=0, seq=None, data=None, **events):
        """seq: a place in the past, for what is sent again. data: the payload, instead of size zeros."""
        data = bytes(size) if data is None else data
        back = "rx" if way == "tx" else "tx"
        (src, sport), (dst, dport) = self.ends[way], self.ends[back]
        ack = self.next[back] if flags & ACK else 0
        where = self.next[way] if seq is None else seq
        segment = frames.tcp(sport, dport, where, ack, flags, data)
        self.case.ip(at, frames.ip(src, dst, 6, segment), self.row, way, **events)
        if seq is None:
            step = len(data) + bool(flags & SYN) + bool(flags & FIN)
            self.next[way] = (where + step) & 0xFFFFFFFF

    def open(self, at, rtt_us=10000):
        """The pod sees the round trip from its SYN as a client, from its SYN-ACK as a server."""
        is_client = self.client == "tx"
        answered = at + (rtt_us if is_client else 100)
        done = answered + (100 if is_client else rtt_us)
        self.send(at, self.client, SYN)
        self.send(answered, self.server, SYN | ACK, **({"rtt_us": rtt_us} if is_client else {}))
        self.send(done, self.client, ACK, connections=1, **({} if is_client else {"rtt_us": rtt_us}))

    def data(self, at, way, size, **events):
        self.send(at, way, PSH | ACK, size, **events)

    def close(self, at):
        self.send(at, self.client, FIN | ACK)
        self.send(at + 100, self.server, FIN | ACK)
        self.send(at + 200, self.client)

    def reset(self, at, way, **events):
        self.send(at, way, RST | ACK, **events)
