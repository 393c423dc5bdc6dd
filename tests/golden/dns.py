# SPDX-License-Identifier: Apache-2.0
"""DNS messages (RFC 1035 section 4), and the pod's conversation with its server."""
import struct

import frames
from model import POD, Row

A, CNAME, PTR, AAAA, SVCB, HTTPS = 1, 5, 12, 28, 64, 65
ANSWER, TRUNCATED, RECURSE = 0x8000, 0x0200, 0x0100
NXDOMAIN, SERVFAIL = 3, 2
SERVER, SERVER6 = "198.51.100.53", "2001:db8::53"
ASKED = b"\xc0\x0c"  # a pointer to the question's name


def wire(name):
    """A text's labels, or what is wire form already."""
    if isinstance(name, bytes):
        return name
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(owner, kind, data, ttl=60, size=None, klass=1):
    """size: what the record claims, where that is not the truth."""
    return wire(owner) + struct.pack(">HHIH", kind, klass, ttl, len(data) if size is None else size) + data


def address(owner, ip, ttl=60):
    return record(owner, AAAA if ":" in ip else A, frames.packed(ip), ttl)


def alias(owner, target, ttl=60):
    return record(owner, CNAME, wire(target), ttl)


def service(owner, priority, target, hints=(), kind=HTTPS):
    """RFC 9460 2.2: ALPN (key 1), then the hints (4 and 6)."""
    data = struct.pack(">H", priority) + wire(target)
    if priority:
        data += struct.pack(">HH", 1, 3) + b"\2h2"
    for key, family in ((4, "."), (6, ":")):
        packed = b"".join(frames.packed(ip) for ip in hints if family in ip)
        if packed:
            data += struct.pack(">HH", key, len(packed)) + packed
    return record(owner, kind, data)


def message(ident, flags, name, kind, records=(), others=b"", n_others=0, klass=1):
    head = struct.pack(">HHHHHH", ident, flags, 1, len(records), 0, n_others)
    return head + wire(name) + struct.pack(">HH", kind, klass) + b"".join(records) + others


def question(ident, name, kind=A, **how):
    return message(ident, RECURSE, name, kind, **how)


def answer(ident, name, records, kind=A, flags=0, **how):
    return message(ident, ANSWER | RECURSE | flags, name, kind, records, **how)


class Lookups:
    """The pod's resolver: one socket a look-up, as glibc has it."""

    def __init__(self, case, pod=POD, server=SERVER, port=53):
        self.case, self.pod, self.server, self.port = case, pod, server, port
        self.row = Row(pod, server, "udp", port, "client")

    def ask(self, at, lport, data, way="tx", **how):
        how.setdefault("row", self.row)
        self.case.udp(at, way, lport=lport, rport=self.port, pod=self.pod, peer=self.server, data=data, **how)

    def reply(self, at, lport, data, **how):
        self.ask(at, lport, data, way="rx", **how)

    def lookup(self, at, name, *addresses, ident=7, lport=40100, ttl=60):
        """A question and a plain answer 1 ms later."""
        kind = AAAA if ":" in addresses[0] else A
        self.ask(at, lport, question(ident, name, kind))
        self.reply(at + 1000, lport, answer(ident, name, [address(ASKED, ip, ttl) for ip in addresses], kind))
