# SPDX-License-Identifier: Apache-2.0
"""Names from PTR records, friendly and hostile."""
import ipaddress
import socket
import struct
import threading

from lib import netns
from lib.case import case, equal
from lib.influx import MEASUREMENTS, Influx
from lib.lab import destination
from lib.oracle import conserve
from lib.programs import Collector, Probe
from lib.traffic import Echo, Sender

DNS_PORT = 5353
HOSTILE = [b"new\nline.example", b"a,b=c d.example", b"x\nnstat2,a=b v=1 1", b'quo"te.example', b"equals=.example",
           b"backslash\\", b"\x1b[31mred\x1b[0m", b"nul\0nul", b"\xff\xfe.example", b"sp ace", b"," * 60,
           b"-", b"~other", b"~malformed", b"#comment"]


def pointer(address):
    return ipaddress.ip_address(address).reverse_pointer


class HostileDns:
    """Answers each PTR question with the name that its address has in the table, as raw labels."""

    def __init__(self, lab, names):
        self.names = {pointer(address).lower(): name for address, name in names.items()}
        self.n_asked = 0
        with netns.inside(lab.net):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(("127.0.0.1", DNS_PORT))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            question, peer = self.socket.recvfrom(4096)
            self.n_asked += 1
            self.socket.sendto(self.answer(question), peer)

    def answer(self, packet):
        """RFC 1035 section 4: header, the question again, one PTR record."""
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode())
            at += 1 + packet[at]
        name = self.names.get(".".join(labels).lower())
        question = packet[12:at + 5]
        if name is None:
            return packet[:2] + struct.pack("!HHHHH", 0x8183, 1, 0, 0, 0) + question
        target = b"".join(bytes([len(part)]) + part for part in name.split(b".") if part) + b"\0"
        record = b"\xc0\x0c" + struct.pack("!HHIH", 12, 1, 60, len(target)) + target
        return packet[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0) + question + record


def talk_to(lab, addresses):
    influx = Influx(lab)
    lab.count(addresses)
    before = lab.interface()
    collector = Collector(lab, "--influx", influx.address, "--dns-server", f"127.0.0.1:{DNS_PORT}")
    probe = Probe(lab)
    Echo(lab, addresses, reply=200)
    sender = Sender(lab, addresses, every_s=0.03)
    sender.thread.join(5)
    sender.end()
    conserve(lab, probe, collector, influx, before)
    return influx, collector


@case()
def two_addresses_of_one_name_are_one_sum(lab):
    twins = [destination(7), destination(8), destination(7, 6)]
    records = [f"--ptr-record={pointer(address)},twin.example" for address in twins]
    lab.start("dnsmasq", "/usr/sbin/dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
              "--bind-interfaces", "--listen-address=127.0.0.1", f"--port={DNS_PORT}", "--user=root",
              "--pid-file=", *records, namespace=lab.net)
    influx, _ = talk_to(lab, twins)
    stored, counted = influx.sums_by("receiver"), lab.counters()
    equal(stored["twin.example"][0], sum(tx for tx, _ in counted.values()), "twin.example tx")
    equal(stored["twin.example"][1], sum(rx for _, rx in counted.values()), "twin.example rx")
    assert list(influx.sums_by("named_by")) == ["ptr"], influx.sums_by("named_by")


@case()
def hostile_names_make_no_measurement_and_lose_no_byte(lab):
    names = {destination(20 + i): name for i, name in enumerate(HOSTILE)}
    dns = HostileDns(lab, names)
    influx, collector = talk_to(lab, list(names))
    assert dns.n_asked >= len(names), f"asked {dns.n_asked} times"
    assert set(influx.measurements()) <= MEASUREMENTS, influx.measurements()
    counted = lab.counters().values()
    equal(influx.total(), sum(tx + rx for tx, rx in counted), "stored")
    equal(collector.figure("nstats_rejected_lines_total"), 0, "lines that influxd refused")
    received = influx.sums_by("receiver")
    for forged in ("~malformed", "~non-ip"):
        assert forged not in received, f"a PTR record made the remainder {forged}"
    assert not any(set(name) & set(' ,="\\\n\x1b') for name in received), received
    assert "\x1b" not in collector.process.log(), "an escape sequence is in the log"


@case()
def a_silent_name_server_delays_nothing_and_costs_no_byte(lab):
    addresses = [destination(i) for i in range(1, 31)]
    with netns.inside(lab.net):
        deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        deaf.bind(("127.0.0.1", DNS_PORT))
    influx, _ = talk_to(lab, addresses)
    assert set(influx.sums_by("receiver")) == set(addresses), influx.sums_by("receiver").keys()
    deaf.close()
