# SPDX-License-Identifier: Apache-2.0
"""
A UDP relay between probe and collector that loses, doubles and reorders, both ways, from a seed. It reads the
sequence numbers on their way: what was sent how often is its count, not the programs'.
"""
import heapq
import random
import selectors
import socket
import threading
import time

from . import netns
from .lab import NET_4

LOOK_S = 0.05
CLIENTS_MAX = 256  # source ports of probes


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def fields(data):
    """(number, value) of a protobuf message, in its order; value is an int or bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        value, at = varint(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        yield key >> 3, value


def name_of(data):
    """(boot id, sequence) of a report, plain."""
    report = dict(fields(next(value for number, value in fields(data) if number == 1)))
    return report[1], report[2]


class Way:
    """What came in one direction, and what is done to it."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.datagrams = self.bytes = 0

    def fates(self, relay):
        """The delays after which the copies of a datagram go on; none: it is lost."""
        if self.random.random() < relay.loss:
            return []
        copies = 2 if self.random.random() < relay.doubled else 1
        return [self.random.uniform(0, relay.delay_s) if self.random.random() < relay.reordered else 0
                for _ in range(copies)]


class Relay:
    """At the collector's usual place; the collector itself listens on another port."""

    def __init__(self, lab, to_port, port=4747, seed=None, loss=0.0, doubled=0.0, reordered=0.0, delay_s=1.0):
        self.seed = random.randrange(1 << 32) if seed is None else seed
        self.loss, self.doubled, self.reordered, self.delay_s = loss, doubled, reordered, delay_s
        self.up, self.down = Way(self.seed), Way(self.seed + 1)
        self.sent, self.first, self.changed = {}, {}, 0
        self.lab, self.to = lab, (NET_4, to_port)
        self.clients, self.waiting, self.order = {}, [], 0
        self.is_ending = False
        self.selector = selectors.DefaultSelector()
        with netns.inside(lab.net):
            self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind((NET_4, port))
        self.front.setblocking(False)
        self.selector.register(self.front, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        lab.callback(self.end)

    def heal(self):
        self.loss = self.doubled = self.reordered = 0.0

    def minimum(self):
        """How many datagrams would have sufficed."""
        return len(self.sent)

    def note(self, data):
        name = name_of(data)
        self.sent[name] = self.sent.get(name, 0) + 1
        self.changed += self.first.setdefault(name, data) != data

    def client(self, address):
        """Towards the collector each of a probe's source ports is one too."""
        if address not in self.clients and len(self.clients) < CLIENTS_MAX:
            with netns.inside(self.lab.net):
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.connect(self.to)
            sock.setblocking(False)
            self.clients[address] = sock
            self.selector.register(sock, selectors.EVENT_READ, address)
        return self.clients[address]

    def pass_on(self, way, data, send):
        way.datagrams += 1
        way.bytes += len(data)
        for delay in way.fates(self):
            self.order += 1
            heapq.heappush(self.waiting, (time.monotonic() + delay, self.order, data, send))

    def read(self, sock, address):
        try:
            if address:
                data = sock.recv(2048)
                self.pass_on(self.down, data, lambda data: self.front.sendto(data, address))
            else:
                data, source = sock.recvfrom(2048)
                client = self.client(source)
                self.note(data)
                self.pass_on(self.up, data, client.send)
        except OSError:
            pass  # a refusal: nobody listens there now

    def send_due(self):
        while self.waiting and self.waiting[0][0] <= time.monotonic():
            _, _, data, send = heapq.heappop(self.waiting)
            try:
                send(data)
            except OSError:
                pass

    def run(self):
        while not self.is_ending:
            due = self.waiting[0][0] - time.monotonic() if self.waiting else LOOK_S
            for key, _ in self.selector.select(max(0, min(due, LOOK_S))):
                self.read(key.fileobj, key.data)
            self.send_due()

    def end(self):
        self.is_ending = True
        self.thread.join(2)
        for sock in (self.front, *self.clients.values()):
            sock.close()
