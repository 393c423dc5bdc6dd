# SPDX-License-Identifier: Apache-2.0
"""Bytes of packets, and of the files that hold them. Checksums are left 0: nobody looks at them."""
import ipaddress
import struct

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

# https://www.tcpdump.org/linktypes.html: number, bytes of pseudo-header that are not on the wire
LINKS = {
    "ethernet": (1, 0),
    "raw": (101, 0),
    "sll": (113, 16),
    "sll2": (276, 20),
    "null-le": (0, 4),
    "null-be": (0, 4),
    "loop": (108, 4),
}
NULL_FAMILY = {"null-le": "<I", "null-be": ">I", "loop": ">I"}
ARPHRD_ETHER, ARPHRD_LOOPBACK = 1, 772  # linux/if_arp.h
POD_MAC = bytes.fromhex("020000000001")
PEER_MAC = bytes.fromhex("020000000002")


def packed(address):
    return ipaddress.ip_address(address).packed


def ipv4(src, dst, proto, payload, ihl=5, total=None, more=False, offset=0):
    """offset in bytes; total, ihl: what the header claims where that is not the truth."""
    options = bytes(4 * (ihl - 5))
    if total is None:
        total = 20 + len(options) + len(payload)
    fragment = (0x2000 if more else 0) | offset // 8
    head = struct.pack(">BBHHHBBH", 0x40 | ihl, 0, total, 7, fragment, 64, proto, 0)
    return head + packed(src) + packed(dst) + options + payload


def ipv6(src, dst, proto, payload, length=None):
    if length is None:
        length = len(payload)
    return struct.pack(">IHBB", 6 << 28, length, proto, 64) + packed(src) + packed(dst) + payload


def ip(src, dst, proto, payload):
    return (ipv6 if ":" in dst else ipv4)(src, dst, proto, payload)


def extension(following, size=8):
    """Hop-by-hop, routing, destination options, mobility, HIP, shim6: RFC 8200 4.2."""
    return bytes([following, size // 8 - 1]) + bytes(size - 2)


def authentication(following, size=24):
    """RFC 4302: its length in words, less two."""
    return bytes([following, size // 4 - 2]) + bytes(size - 2)


def fragment6(following, offset=0, more=False):
    return struct.pack(">BBHI", following, 0, offset | more, 7)


def tcp(sport, dport, seq, ack, flags, data=b""):
    return struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 65535, 0, 0) + data


def udp(sport, dport, data=b""):
    return struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data


def sctp(sport, dport, data=bytes(16)):
    return struct.pack(">HHII", sport, dport, 1, 0) + data


def ethertype(packet):
    return 0x86DD if packet[0] >> 4 == 6 else 0x0800


def ethernet(packet, way="tx", kind=None, tags=()):
    """tags: (ethertype, VLAN number) from the outermost on."""
    src, dst = (POD_MAC, PEER_MAC) if way == "tx" else (PEER_MAC, POD_MAC)
    head = dst + src
    for tag, vlan in tags:
        head += struct.pack(">HH", tag, vlan)
    return head + struct.pack(">H", ethertype(packet) if kind is None else kind) + packet


def sll(packet, way, kind=None):
    kind = ethertype(packet) if kind is None else kind
    return struct.pack(">HHH8sH", 4 if way == "tx" else 0, 1, 6, POD_MAC, kind) + packet


def sll2(packet, way, kind=None, hardware=ARPHRD_ETHER):
    kind = ethertype(packet) if kind is None else kind
    return struct.pack(">HHIHBB8s", kind, 0, 2, hardware, 4 if way == "tx" else 0, 6, POD_MAC) + packet


def wrap(link, packet, way):
    """The frame that carries an IP packet on this link."""
    if link == "ethernet":
        return ethernet(packet, way)
    if link == "sll":
        return sll(packet, way)
    if link == "sll2":
        return sll2(packet, way)
    if link in NULL_FAMILY:
        family = {4: 2, 6: 24 if link == "loop" else 30}[packet[0] >> 4]
        return struct.pack(NULL_FAMILY[link], family) + packet
    return packet


def pcap(linktype, frames, order="<", nano=False):
    """frames: (microseconds, bytes captured, length on the wire)."""
    magic, scale = (0xA1B23C4D, 1000) if nano else (0xA1B2C3D4, 1)
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, linktype)
    for time_us, data, wire in frames:
        seconds, rest = divmod(time_us, 1000000)
        out += struct.pack(order + "IIII", seconds, rest * scale, len(data), wire) + data
    return out


def block(kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def pcapng(linktype, frames, options=b""):
    """Section header, interface description, enhanced packets: draft-ietf-opsawg-pcapng."""
    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block(1, struct.pack("<HHI", linktype, 0, 262144) + options)
    for time_us, data, wire in frames:
        head = struct.pack("<IIIII", 0, time_us >> 32, time_us & 0xFFFFFFFF, len(data), wire)
        out += block(6, head + data)
    return out


def pcapng_of_seconds(linktype, frames):
    """Time stamps of a million years hence: if_tsresol (option 9) says that they are whole seconds."""
    far = [(1 << 45, data, wire) for _, data, wire in frames]
    return pcapng(linktype, far, options=struct.pack("<HHBxxxHH", 9, 1, 0, 0, 0))
