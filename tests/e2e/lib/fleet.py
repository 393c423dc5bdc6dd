# SPDX-License-Identifier: Apache-2.0
"""Probes that exist as datagrams only: hours of their intervals pass through the collector in seconds."""
import contextlib
import ipaddress
import os
import socket
import time

from . import netns
from .lab import NET_4
from .programs import UDP_PORT
from .relay import fields

ROWS_MAX = 70  # of a datagram, with what the tests make them of
FLYING_MAX = 1000  # datagrams that are not acknowledged
SILENCE_S = 20
TCP = 6


def varint(value):
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value) if value else b""


def data(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


def packed(field, values):
    return data(field, b"".join(varint(value) for value in values)) if any(values) else b""


def flows_of(local, rows):
    """A row: (remote address, protocol, port, tx bytes, rx bytes, tx packets, rx packets); the pod is the client."""
    if not rows:
        return b""
    remotes, protocols, ports, *sums = zip(*rows)
    return (data(1, b"".join(map(varint, protocols))) + data(4, b"".join(remotes)) + packed(5, ports) + data(6, local)
            + b"".join(packed(field, values) for field, values in zip((8, 9, 10, 11), sums)))


class Flow:
    """Of one pod to one destination: so much, so unsteady, and silent in some intervals."""

    def __init__(self, chance, sigma, silent):
        self.remote = bytes([198, 51, chance.randrange(256), chance.randrange(1, 255)])
        self.port = chance.choice([443, 443, 80, 5432, 6379, 9092])
        self.mean, self.share = chance.lognormvariate(10, 2), chance.uniform(0.05, 0.6)
        self.chance, self.sigma, self.silent = chance, sigma, silent

    def row(self):
        if self.chance.random() < self.silent:
            return None
        total = int(self.mean * self.chance.lognormvariate(0, self.sigma)) + 132
        tx = max(66, int(total * self.share))
        rx = max(66, total - tx)
        return self.remote, TCP, self.port, tx, rx, 1 + tx // 700, 1 + rx // 1200


class Pod:
    def __init__(self, host, local, namespace=""):
        self.host, self.local = host.encode(), ipaddress.ip_address(local).packed
        self.namespace, self.cluster = namespace.encode(), b""
        self.boot_id = os.urandom(16)
        self.sequence = self.sealed = self.acknowledged = 0

    def datagram(self, start_ms, interval_ms, rows):
        self.sequence += 1
        self.sealed += sum(row[3] + row[4] for row in rows)
        totals = number(1, self.sealed)
        report = (data(1, self.boot_id) + number(2, self.sequence) + number(3, self.acknowledged + 1)
                  + number(4, self.sealed) + number(5, start_ms) + number(6, interval_ms) + number(8, 1)
                  + (data(9, self.cluster) if self.cluster else b"") + data(10, self.host) + data(11, self.namespace)
                  + data(13, flows_of(self.local, rows)) + data(14, totals))
        return data(1, report)


class Fleet:
    """Sends as fast as it is acknowledged."""

    def __init__(self, lab, hosts, namespace=""):
        self.pods = [Pod(host, f"10.1.{i // 250}.{i % 250 + 1}", namespace) for i, host in enumerate(hosts)]
        self.by_boot = {pod.boot_id: pod for pod in self.pods}
        with netns.inside(lab.net):
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.sock.connect((NET_4, UDP_PORT))
        lab.callback(self.sock.close)

    def send(self, pod, start_ms, rows, interval_ms=10000):
        self.await_acks(FLYING_MAX - 1)
        self.sock.send(pod.datagram(start_ms, interval_ms, rows))

    def shout(self, start_ms, rows_of, interval_ms=10000):
        """One datagram of each pod, whatever becomes of it."""
        for pod in self.pods:
            pod.acknowledged = pod.sequence
            with contextlib.suppress(OSError):  # nobody may listen
                self.sock.send(pod.datagram(start_ms, interval_ms, rows_of(pod)))

    def send_all(self, pod, start_ms, rows, interval_ms=10000):
        """Any number of rows: as many intervals as they need, from this one on. Returns the start of the next."""
        for i in range(0, len(rows), ROWS_MAX):
            self.send(pod, start_ms, rows[i:i + ROWS_MAX], interval_ms)
            start_ms += interval_ms
        return start_ms

    def flying(self):
        return sum(pod.sequence - pod.acknowledged for pod in self.pods)

    def await_acks(self, n_flying):
        """Until no more than these are not acknowledged."""
        self.sock.settimeout(0.5)
        heard = time.monotonic()
        while self.flying() > n_flying:
            assert time.monotonic() < heard + SILENCE_S, f"{self.flying()} datagrams are not acknowledged"
            try:
                packet = dict(fields(self.sock.recv(2048)))
            except TimeoutError:
                continue
            ack = dict(fields(packet[2]))
            self.by_boot[ack[1]].acknowledged = ack.get(2, 0)
            heard = time.monotonic()
