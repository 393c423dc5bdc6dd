# SPDX-License-Identifier: Apache-2.0
"""Names that the pod looked up: a real resolver, real look-ups through glibc, and forged answers."""
import socket
import struct
import time

from lib import netns
from lib.case import at_least, case, equal, until
from lib.influx import Influx
from lib.lab import NET_4, NET_6, NET_MAC, POD_4, POD_MAC, destination
from lib.oracle import conserve
from lib.programs import Collector, Probe
from lib.resolver import Resolver, Web, message, visit
from lib.traffic import Echo, Sender

SHARED, PLAIN, CDN = destination(40), destination(41), destination(42)
SHARED6, PLAIN6, CDN6 = (destination(i, 6) for i in (40, 41, 42))
RECORDS = [
    f"--host-record=plain.example,{PLAIN},{PLAIN6}",
    f"--host-record=pop7.cdn.example,{CDN},{CDN6}",
    "--cname=edge.cdn.example,pop7.cdn.example",
    "--cname=www.shop.example,edge.cdn.example",
    f"--host-record=a.shared.example,{SHARED},{SHARED6}",
    f"--host-record=b.shared.example,{SHARED},{SHARED6}",
    f"--host-record=checkout.payments.svc.cluster.local,{destination(43)}",
    "--local=/cluster.local/",  # what it does not know of this there is not
]
SIZE, REPLY = 40_000, 70_000


class Bench:
    """All that runs; ends with the oracle: rows + self = captured = interface."""

    def __init__(self, lab, *arguments):
        self.lab = lab
        self.influx = Influx(lab)
        self.before = lab.interface()
        self.collector = Collector(lab, "--influx", self.influx.address, "--ptr", "off")
        self.probe = Probe(lab, *arguments)

    def conserve(self):
        return conserve(self.lab, self.probe, self.collector, self.influx, self.before)

    def named(self, by):
        """{receiver: (tx, rx)} of what was named by that."""
        return self.influx.sums_by("receiver", f"hosts = 'pod' AND named_by = '{by}'")


def assert_names(bench, ports):
    """ports: {own port: the name that was asked for}. What the kernel counted of its connections is its row."""
    expected = {}
    for port, (tx, rx) in bench.lab.port_counters().items():
        at_least(tx, SIZE, f"tx of port {port}")
        at_least(rx, REPLY, f"rx of port {port}")
        sums = expected.setdefault(ports[port], [0, 0])
        sums[0] += tx
        sums[1] += rx
    stored = bench.named("dns")
    assert stored.keys() == expected.keys(), f"{sorted(stored)}, expected {sorted(expected)}"
    for name, (tx, rx) in expected.items():
        equal(stored[name][0], tx, f"{name} tx")
        equal(stored[name][1], rx, f"{name} rx")


def run_visits(lab, visits, **how):
    """visits: (name, family, own port, receiver). Through the oracle, to the names."""
    lab.count_ports([port for _, _, port, _ in visits])
    Web(lab, [SHARED, SHARED6, PLAIN, PLAIN6, CDN, CDN6, destination(43)], SIZE, REPLY)
    bench = Bench(lab)
    visit(lab, [(name, family, port, SIZE, REPLY) for name, family, port, _ in visits], **how)
    bench.conserve()
    assert_names(bench, {port: receiver for _, _, port, receiver in visits})
    return bench


@case()
def the_receiver_is_the_name_that_was_asked_for(lab):
    Resolver(lab, *RECORDS)
    run_visits(lab, [
        ("plain.example", 4, 21001, "plain.example"),
        ("PLAIN.example", 6, 21002, "plain.example"),
        ("www.shop.example", 4, 21003, "www.shop.example"),
        ("www.shop.example", 6, 21004, "www.shop.example"),
        ("checkout.payments.svc.cluster.local", 4, 21005, "checkout.payments"),
    ])


@case()
def what_the_search_list_tried_first_is_no_name(lab):
    """As kubelet writes resolv.conf: a service's short name is found in its namespace, another one after three misses."""
    Resolver(lab, *RECORDS)
    run_visits(lab, [
        ("checkout", 4, 21001, "checkout.payments"),
        ("plain.example", 4, 21002, "plain.example"),
    ], options="ndots:5\nsearch payments.svc.cluster.local svc.cluster.local cluster.local")


@case()
def two_names_on_one_address_keep_to_their_own_flows(lab):
    """Six connections that take turns, to one address of each family, by two names."""
    Resolver(lab, *RECORDS)
    bench = run_visits(lab, [
        ("a.shared.example", 4, 21001, "a.shared.example"),
        ("b.shared.example", 4, 21002, "b.shared.example"),
        ("a.shared.example", 4, 21003, "a.shared.example"),
        ("b.shared.example", 6, 21004, "b.shared.example"),
        ("a.shared.example", 6, 21005, "a.shared.example"),
        ("b.shared.example", 4, 21006, "b.shared.example"),
    ])
    equal(bench.collector.metrics().probe("dns_unasked_total"), 0, "answers that nobody asked for")
    equal(bench.collector.metrics().probe("dns_unread_total"), 0, "messages that could not be read")


@case()
def a_look_up_over_tcp_and_one_over_ipv6_name_too(lab):
    Resolver(lab, *RECORDS)
    lab.count_ports([21001, 21002])
    Web(lab, [PLAIN, CDN], SIZE, REPLY)
    bench = Bench(lab)
    visit(lab, [("plain.example", 4, 21001, SIZE, REPLY)], options="use-vc")
    visit(lab, [("www.shop.example", 4, 21002, SIZE, REPLY)], server=NET_6)
    bench.conserve()
    assert_names(bench, {21001: "plain.example", 21002: "www.shop.example"})


@case()
def with_dns_off_the_receiver_is_the_address(lab):
    Resolver(lab, *RECORDS)
    lab.count_ports([21001])
    lab.count([PLAIN])
    Web(lab, [PLAIN], SIZE, REPLY)
    bench = Bench(lab, "--dns", "off")
    visit(lab, [("plain.example", 4, 21001, SIZE, REPLY)])
    bench.conserve()
    equal(list(bench.named("dns").items()), [], "names")
    equal(bench.named("address")[PLAIN], lab.counters()[PLAIN], PLAIN)
    equal(bench.probe.process.log().count("filter failed"), 0, "filters that the kernel refused (libpcap's warning)")


@case()
def a_resolver_on_loopback_names_where_any_is_captured(lab):
    """As a mesh's, or a cache in the pod: the question never leaves it."""
    Resolver(lab, *RECORDS, namespace=lab.pod, addresses=("127.0.0.1",))
    Web(lab, [PLAIN], SIZE, REPLY)
    bench = Bench(lab, "-i", "any")
    visit(lab, [("plain.example", 4, 21001, SIZE, REPLY)], server="127.0.0.1")

    def is_named():  # in one interval, or in two
        tx, rx = bench.named("dns").get("plain.example", (0, 0))
        return tx >= SIZE and rx >= REPLY

    until(is_named, 15, "no row of that name, or not all of it")
    equal(bench.collector.metrics().probe("dns_unasked_total"), 0, "answers that nobody asked for")


ASKED_PORT, ASKED_ID = 30053, 0x4711
VICTIM, TRUE = destination(50), destination(51)


def answer(address, ident=ASKED_ID, name="slow.example"):
    return message(ident, 0x8180, name, address)


class RawSender:
    """UDP from whatever address it likes, to the pod. raw(7): the kernel fills in length and checksum of the IP header."""

    def __init__(self, lab):
        with netns.inside(lab.net):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        lab.callback(self.socket.close)

    def send(self, payload, source=NET_4, port=ASKED_PORT):
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_UDP, 0, socket.inet_aton(source),
                           socket.inet_aton(POD_4))
        udp = struct.pack("!HHHH", 53, port, 8 + len(payload), 0)
        self.socket.sendto(head + udp + payload, (POD_4, 0))


# What a neighbour writes into a question and, the other way round, into its answer: (client, server).
STRANGER, SERVER = "10.98.0.77", "10.98.0.99"
FORGED = {
    destination(52): ("127.0.0.1", "127.0.0.1"),
    destination(53): (STRANGER, "127.0.0.9"),
    destination(54): (POD_4, SERVER),
    destination(55): (STRANGER, SERVER),
}
AS_POD = destination(56)


class Neighbour:
    """Whole frames to the pod's MAC, whatever stands in them. packet(7)"""

    def __init__(self, lab):
        with netns.inside(lab.net):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self.socket.bind(("net0", 0))
        lab.callback(self.socket.close)

    def send(self, source, to, source_port, to_port, payload, mac=NET_MAC):
        udp = struct.pack("!HHHH", source_port, to_port, 8 + len(payload), 0) + payload
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0,
                           socket.inet_aton(source), socket.inet_aton(to))
        check = sum(struct.unpack("!10H", head))
        check = ~(check + (check >> 16)) & 0xFFFF
        ethernet = bytes.fromhex((POD_MAC + mac).replace(":", "")) + b"\x08\0"
        self.socket.send(ethernet + head[:10] + struct.pack("!H", check) + head[12:] + udp)

    def look_up(self, client, server, address, mac=NET_MAC):
        """The pod's question, as it would be, and the answer that names the address."""
        name = address.replace(".", "-") + ".example"
        port = 53 if client == server else ASKED_PORT + 2
        self.send(client, server, port, 53, message(ASKED_ID, 0x0100, name), mac)
        self.send(server, client, 53, port, answer(address, name=name))
        return name


def ask_slowly(lab):
    """A question of the pod's that stays open: dnsmasq has asked one that never answers."""
    with netns.inside(lab.pod):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((POD_4, ASKED_PORT))
        sock.connect((NET_4, 53))
    sock.send(message(ASKED_ID, 0x0100, "slow.example"))
    lab.callback(sock.close)


@case()
def forged_answers_name_nothing(lab):
    with netns.inside(lab.net):
        deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        deaf.bind(("127.0.0.1", 5399))
    lab.callback(deaf.close)
    Resolver(lab, "--server=/slow.example/127.0.0.1#5399")
    bench = Bench(lab)
    victims = [VICTIM, *FORGED]
    lab.count([*victims, TRUE, AS_POD])
    raw = RawSender(lab)
    raw.send(answer(VICTIM))  # before anybody asked
    ask_slowly(lab)
    raw.send(answer(VICTIM, ident=ASKED_ID ^ 1))
    raw.send(answer(VICTIM), port=ASKED_PORT + 1)
    raw.send(answer(VICTIM), source="10.98.0.9")
    raw.send(answer(VICTIM, name="evil.example"))
    neighbour = Neighbour(lab)
    for address, (client, server) in FORGED.items():
        neighbour.look_up(client, server, address)
    time.sleep(0.3)
    Echo(lab, [*victims, TRUE, AS_POD], reply=200)
    to_victims = Sender(lab, victims, every_s=0.01)
    time.sleep(1)
    to_victims.end()
    raw.send(answer(TRUE))  # what the question is waiting for, so that the above is not for want of anything else
    raw.send(answer(VICTIM))  # and once more, when it is answered
    as_pod = neighbour.look_up(POD_4, SERVER, AS_POD, mac=POD_MAC)  # nor was the neighbour's for want of anything but this
    time.sleep(0.3)
    again = Sender(lab, [*victims, TRUE, AS_POD], every_s=0.01)
    time.sleep(1)
    again.end()
    bench.conserve()
    counted = lab.counters()
    by_address = bench.named("address")
    for address in victims:
        equal(by_address.get(address), counted[address], f"what went to the forged address {address}")
    equal(bench.named("dns"), {"slow.example": counted[TRUE], as_pod: counted[AS_POD]}, "named by look-ups")
    metrics = bench.collector.metrics()
    equal(metrics.probe("dns_unasked_total"), 6 + len(FORGED), "answers that nobody asked for")
    equal(metrics.probe("dns_unread_total"), 0, "messages that could not be read")
    equal(metrics.probe("dns_names_total"), 2, "addresses that got a name")
