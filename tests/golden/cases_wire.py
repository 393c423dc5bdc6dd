# SPDX-License-Identifier: Apache-2.0
"""Cases of bytes: links, headers, lengths that lie, captures that end early, files of each kind."""
import functools

import frames
from frames import ACK, PSH
from model import MALFORMED, NON_IP, PEER, PEER6, POD, POD6, SECOND, START_MS, Row, case


def exchange(c):
    """What each link is tried with: TCP over IPv4 and UDP over IPv6, both ways."""
    t = c.tcp()
    t.open(0)
    t.data(20000, "tx", 100)
    t.data(30000, "rx", 1000)
    t.close(40000)
    c.udp(50000, "tx", pod=POD6, peer=PEER6)
    c.udp(60000, "rx", pod=POD6, peer=PEER6, size=200)


for kind in frames.LINKS:
    case(kind, kind)(exchange)


@case("sll")
def sll_non_ip(c):
    c.frame(0, frames.sll(bytes(28), "tx", 0x0806), NON_IP, "tx")
    c.frame(1, frames.sll(bytes(28), "rx", 0x0806), NON_IP, "rx")
    c.frame(2, frames.sll(bytes(40), "rx", 0x0004), NON_IP, "rx")


@case("sll2")
def sll2_vlan(c):
    packet = frames.ipv4(POD, PEER, 17, frames.udp(40000, 53, bytes(9)))
    c.frame(0, frames.sll2(b"\0\7\x08\0" + packet, "tx", 0x8100), Row(POD, PEER, "udp", 53, "client"), "tx")


def tagged(c, *tags):
    packet = frames.ipv4(POD, PEER, 17, frames.udp(40000, 53, bytes(20)))
    c.frame(0, frames.ethernet(packet, tags=tags), Row(POD, PEER, "udp", 53, "client"), "tx")
    packet = frames.ipv6(PEER6, POD6, 17, frames.udp(50000, 53, bytes(20)))
    c.frame(1, frames.ethernet(packet, tags=tags), Row(POD6, PEER6, "udp", 53, "server"), "rx")


@case()
def vlan(c):
    tagged(c, (0x8100, 7))


@case()
def qinq(c):
    tagged(c, (0x88A8, 7), (0x8100, 8))
    tagged(c, (0x9100, 7), (0x8100, 8))
    tagged(c, (0x88A8, 1), (0x88A8, 2), (0x8100, 3), (0x8100, 4))


@case()
def vlan_too_deep(c):
    packet = frames.ipv4(POD, PEER, 17, frames.udp(40000, 53))
    c.frame(0, frames.ethernet(packet, tags=[(0x8100, i) for i in range(5)]), MALFORMED)


@case()
def vlan_non_ip(c):
    c.frame(0, frames.ethernet(bytes(42), kind=0x0806, tags=[(0x8100, 7)]), NON_IP)


def chain(c, payload, first, row):
    c.ip(len(c.frames), frames.ipv6(POD6, PEER6, first, payload), row, "tx")


@case()
def ipv6_extensions(c):
    """Each header alone, and every one before UDP in one packet."""
    row = Row(POD6, PEER6, "udp", 53, "client")
    last = frames.udp(40000, 53, bytes(10))
    for first in (0, 43, 60, 135, 139, 140):
        chain(c, frames.extension(17, 24) + last, first, row)
    chain(c, frames.authentication(17) + last, 51, row)
    chain(c, frames.fragment6(17) + last, 44, row)
    whole = frames.extension(43) + frames.extension(60, 16) + frames.extension(51, 24)
    whole += frames.authentication(44) + frames.fragment6(17) + last
    chain(c, whole, 0, row)


@case()
def ipv6_chain_too_long(c):
    """Behind eight headers nobody looks: the ninth one's number stands for the transport."""
    last = frames.udp(40000, 53)
    eight = frames.extension(60) * 7
    chain(c, eight + frames.extension(17) + last, 60, Row(POD6, PEER6, "udp", 53, "client"))
    nine = frames.extension(60) * 8 + frames.extension(17) + last
    chain(c, nine, 60, Row(POD6, PEER6, "60", 0, "client"))


@case()
def ipv6_esp_and_nothing(c):
    c.plain(0, "tx", "50", pod=POD6, peer=PEER6)
    c.plain(1, "rx", "50", pod=POD6, peer=PEER6)
    c.plain(2, "tx", "59", b"", pod=POD6, peer=PEER6)
    chain(c, frames.extension(50) + bytes(40), 60, Row(POD6, PEER6, "50", 0, "client"))


# What would be read as ports, were a later fragment's bytes taken for a header.
DATAGRAM = frames.udp(40000, 2049, b"\1\2\3\4" * 500)


def pieces(cuts):
    ends = [0, *cuts, len(DATAGRAM)]
    return [(start, end, end < len(DATAGRAM)) for start, end in zip(ends, ends[1:])]


def pieces_v4(c, order):
    """A datagram of 2008 bytes in three: only the first has ports."""
    for at, (start, end, more) in enumerate(pieces([8, 1480])[::order]):
        packet = frames.ipv4(POD, PEER, 17, DATAGRAM[start:end], more=more, offset=start)
        c.ip(at, packet, Row(POD, PEER, "udp", 0 if start else 2049, "client"), "tx")


def pieces_v6(c, order):
    for at, (start, end, more) in enumerate(pieces([8, 256, 1448])[::order]):
        data = frames.fragment6(17, start, more) + DATAGRAM[start:end]
        row = Row(POD6, PEER6, "udp", 0 if start else 2049, "server")
        c.ip(at, frames.ipv6(PEER6, POD6, 44, data), row, "rx")


@case()
def fragments_v4(c):
    pieces_v4(c, 1)


@case()
def fragments_v4_swapped(c):
    pieces_v4(c, -1)


@case()
def fragments_v6(c):
    pieces_v6(c, 1)


@case()
def fragments_v6_swapped(c):
    pieces_v6(c, -1)


@case()
def icmp(c):
    c.plain(0, "tx", "icmp", b"\x08\0" + bytes(62))
    c.plain(1, "rx", "icmp", b"\0\0" + bytes(62))
    c.plain(2, "rx", "icmp", b"\x08\0" + bytes(62), "server", peer="192.0.2.9")
    c.plain(3, "tx", "icmp", b"\0\0" + bytes(62), "server", peer="192.0.2.9")


@case()
def icmpv6(c):
    c.plain(0, "tx", "icmpv6", b"\x80\0" + bytes(62), pod=POD6, peer=PEER6)
    c.plain(1, "rx", "icmpv6", b"\x81\0" + bytes(62), pod=POD6, peer=PEER6)


@case()
def sctp(c):
    row = Row(POD, PEER, "sctp", 3868, "client")
    c.ip(0, frames.ipv4(POD, PEER, 132, frames.sctp(40000, 3868)), row, "tx")
    c.ip(1, frames.ipv4(PEER, POD, 132, frames.sctp(3868, 40000)), row, "rx")


@case()
def other_protocols(c):
    c.plain(0, "tx", "47")
    c.plain(1, "rx", "47")
    c.plain(2, "rx", "112", role="server")
    for number in (33, 136):  # DCCP and UDP-Lite have ports where UDP has
        packet = frames.ipv4(POD, PEER, number, frames.udp(40000, 5001, bytes(30)))
        c.ip(3, packet, Row(POD, PEER, str(number), 5001, "client"), "tx")


@case()
def non_ip(c):
    c.frame(0, frames.ethernet(bytes(28), kind=0x0806), NON_IP)
    c.frame(1, frames.ethernet(bytes(46), kind=0x88CC), NON_IP)
    c.frame(2, frames.ethernet(bytes(38), kind=38), NON_IP)
    c.frame(3, frames.ethernet(bytes(38), kind=0x8863), NON_IP)


def lie(c, packet, kind=None):
    c.frame(len(c.frames), frames.ethernet(packet, kind=kind), MALFORMED)


@case()
def ihl_too_small(c):
    packet = frames.ipv4(POD, PEER, 17, frames.udp(40000, 53))
    for ihl in range(5):
        lie(c, bytes([0x40 | ihl]) + packet[1:])


@case()
def lying_version(c):
    lie(c, frames.ipv4(POD, PEER, 17, frames.udp(40000, 53)), 0x86DD)
    lie(c, frames.ipv4(POD, PEER, 17, bytes(40)), 0x86DD)
    lie(c, frames.ipv6(POD6, PEER6, 17, frames.udp(40000, 53)), 0x0800)


@case("raw")
def raw_unknown_version(c):
    c.frame(0, b"\x50" + bytes(39), MALFORMED)
    c.frame(1, bytes(40), MALFORMED)


@case()
def lying_total_length(c):
    last = frames.udp(40000, 53, bytes(30))
    for total in (1, 19, 20 + len(last) + 1, 1500, 65535):
        lie(c, frames.ipv4(POD, PEER, 17, last, total=total))
    lie(c, frames.ipv4(POD, PEER, 17, last, ihl=6, total=23))


@case()
def lying_payload_length(c):
    last = frames.udp(40000, 53, bytes(30))
    for length in (len(last) + 1, 1500, 65535):
        lie(c, frames.ipv6(POD6, PEER6, 17, last, length=length))


@case()
def ethernet_padding(c):
    """Padding to 60 bytes is traffic, but neither a header nor payload."""
    row = Row(POD, PEER, "tcp", 443, "client")
    for at in range(3):
        packet = frames.ipv4(POD, PEER, 6, frames.tcp(40000, 443, 5, 5, ACK))
        c.ip(at, packet + bytes(6), row, "tx")
    c.ip(9, frames.ipv4(POD, PEER, 17, b"\x9c\x40") + bytes(24), Row(POD, PEER, "udp", 0, "client"), "tx")


@case()
def ipv4_options(c):
    for ihl in range(5, 16):
        packet = frames.ipv4(POD, PEER, 17, frames.udp(40000, 53), ihl=ihl)
        c.ip(ihl, packet, Row(POD, PEER, "udp", 53, "client"), "tx")


@case()
def truncated_tcp(c):
    """One segment after the other, captured up to each length: Ethernet 14, IPv4 20, ports 4."""
    for cut in range(14 + 20 + 20 + 10 + 1):
        segment = frames.tcp(40000, 443, 1000 + 10 * cut, 1, PSH | ACK, bytes(10))
        data = frames.ethernet(frames.ipv4(POD, PEER, 6, segment))
        if cut < 34:
            c.frame(cut, data, MALFORMED, cap=cut)
        else:
            row = Row(POD, PEER, "tcp", 443 if cut >= 38 else 0, "client")
            c.frame(cut, data, row, "tx", cap=cut)


@case()
def truncated_ipv6(c):
    """Ethernet 14, IPv6 40, hop-by-hop 8, UDP 8: what cannot be looked behind names the protocol."""
    packet = frames.ipv6(POD6, PEER6, 0, frames.extension(17) + frames.udp(40000, 53, bytes(10)))
    data = frames.ethernet(packet)
    for cut in range(len(data) + 1):
        if cut < 54:
            c.frame(cut, data, MALFORMED, cap=cut)
            continue
        proto, port = ("0", 0) if cut < 62 else ("udp", 53 if cut >= 66 else 0)
        c.frame(cut, data, Row(POD6, PEER6, proto, port, "client"), "tx", cap=cut)


@case("sll")
def truncated_sll(c):
    """The packet's type comes first, so that the way is known of all but the shortest two."""
    packet = frames.ipv4(POD, PEER, 17, frames.udp(40000, 53, bytes(10)))
    data = frames.sll(packet, "tx")
    for cut in range(len(data) + 1):
        if cut < 36:
            c.frame(cut, data, MALFORMED, "tx" if cut >= 2 else "rx", cap=cut)
        else:
            c.frame(cut, data, Row(POD, PEER, "udp", 53 if cut >= 40 else 0, "client"), "tx", cap=cut)


@case()
def nanosecond_pcap(c):
    c.write = functools.partial(frames.pcap, nano=True)
    exchange(c)
    c.udp(3 * SECOND, "tx")


@case()
def big_endian_pcap(c):
    c.write = functools.partial(frames.pcap, order=">")
    exchange(c)
    c.udp(3 * SECOND, "tx")


@case()
def pcapng(c):
    c.write = frames.pcapng
    exchange(c)
    c.udp(3 * SECOND, "tx")


@case()
def pcapng_far_future(c):
    c.write = frames.pcapng_of_seconds
    last = (4102444800 * 1000 - START_MS) * 1000 - SECOND  # the last second before the year 2100
    c.udp(last, "tx")
    c.udp(last, "rx")


@case()
def empty(c):
    pass


@case()
def tso(c):
    """Frames beyond 64 KiB as segmentation offload hands them over: 16 bits of length are 0."""
    size = 80000
    head = frames.ipv4(POD, PEER, 6, frames.tcp(40000, 443, 1, 1, ACK), total=0)
    row = Row(POD, PEER, "tcp", 443, "client")
    for i in range(2):  # the same again, so that its payload's length shows
        c.ip(i, head + bytes(42), row, "tx", wire=54 + size, **({"retransmits": size} if i else {}))
    head = frames.ipv6(POD6, PEER6, 6, frames.tcp(40000, 443, 1, 1, ACK), length=0)
    c.ip(5, head + bytes(22), Row(POD6, PEER6, "tcp", 443, "client"), "tx", wire=74 + size)
