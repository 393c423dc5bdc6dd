# SPDX-License-Identifier: Apache-2.0
"""Cases of DNS messages that name nothing: forged, malformed, cut short."""
import struct

import frames
from cases_dns import NAME, visit
from dns import A, AAAA, ASKED, CNAME, HTTPS, SERVER, Lookups, address, alias, answer, question, record, wire
from model import PEER, POD, SECOND, Row, case

GOOD = answer(7, NAME, [address(ASKED, PEER)])


def forged(c, data, lport=40100, server=SERVER, row=None):
    """The pod asks; what comes is not what was asked for; the true answer is believed all the same."""
    look = Lookups(c)
    look.ask(0, 40100, question(7, NAME))
    false = Lookups(c, server=server)
    false.reply(1000, lport, data, row=row or Row(POD, server, "udp", 53, "client"))
    visit(c, 10000, None)
    look.reply(20000, 40100, answer(7, NAME, [address(ASKED, "192.0.2.6")]))
    visit(c, 30000, NAME, "192.0.2.6", lport=50001)
    c.totals.update(dns_names=1, dns_unasked=1, dns_unread=0)


@case()
def dns_forged_no_question(c):
    Lookups(c).reply(0, 40100, GOOD, row=Row(POD, SERVER, "udp", 40100, "server"))
    visit(c, 10000, None)
    c.totals.update(dns_names=0, dns_unasked=1)


@case()
def dns_forged_id(c):
    forged(c, answer(8, NAME, [address(ASKED, PEER)]))


@case()
def dns_forged_port(c):
    forged(c, GOOD, lport=40101, row=Row(POD, SERVER, "udp", 40101, "server"))


@case()
def dns_forged_server(c):
    forged(c, GOOD, server="198.51.100.54", row=Row(POD, "198.51.100.54", "udp", 40100, "server"))


@case()
def dns_forged_name(c):
    forged(c, answer(7, "evil.example", [address(ASKED, PEER)]))


@case()
def dns_forged_type(c):
    forged(c, answer(7, NAME, [address(ASKED, PEER)], AAAA))


@case()
def dns_forged_owner(c):
    """A record of another name in a good answer: not asked for, not believed."""
    look = Lookups(c)
    look.ask(0, 40100, question(7, NAME))
    look.reply(1000, 40100, answer(7, NAME, [address("bank.example", PEER), address(ASKED, "192.0.2.6")]))
    visit(c, 10000, None)
    visit(c, 20000, NAME, "192.0.2.6", lport=50001)


@case()
def dns_answered_twice(c):
    look = Lookups(c)
    look.lookup(0, NAME, "192.0.2.6")
    look.reply(2000, 40100, GOOD)
    visit(c, 10000, None)
    visit(c, 20000, NAME, "192.0.2.6", lport=50001)
    c.totals.update(dns_names=1, dns_unasked=1)


@case()
def dns_answered_late(c):
    """After half a minute nobody waits any more."""
    look = Lookups(c)
    look.ask(0, 40100, question(7, NAME))
    look.reply(30 * SECOND, 40100, GOOD)
    visit(c, 30 * SECOND + 10000, None)
    c.totals.update(dns_names=0, dns_unasked=1)


@case()
def dns_asked_by_others(c):
    """The pod is the server: what it is asked, and answers, names nothing for itself."""
    c.udp(0, "rx", lport=53, rport=40100, role="server", peer="198.51.100.9", data=question(7, NAME))
    c.udp(1000, "tx", lport=53, rport=40100, role="server", peer="198.51.100.9", data=GOOD)
    visit(c, 10000, None)
    c.totals.update(dns_names=0, dns_unasked=0)


def malformed(c, data, unread=1, **how):
    look = Lookups(c)
    look.ask(0, 40100, question(7, NAME))
    look.reply(1000, 40100, data, **how)
    visit(c, 10000, None)
    c.totals.update(dns_names=0, dns_unasked=0, dns_unread=unread)


def pointed(target):
    """An answer whose record's owner is a pointer to that place."""
    return answer(7, NAME, [address(struct.pack(">H", 0xC000 | target), PEER)])


OWNER = len(question(7, NAME))  # where the first record begins


@case()
def dns_pointer_to_itself(c):
    malformed(c, pointed(OWNER))


@case()
def dns_pointer_forwards(c):
    malformed(c, pointed(OWNER + 2))


@case()
def dns_pointer_beyond(c):
    malformed(c, pointed(0x3FFF))


@case()
def dns_pointers_in_a_circle(c):
    """Two owners that point at each other."""
    first = address(struct.pack(">H", 0xC000 | OWNER + 16), PEER)
    malformed(c, answer(7, NAME, [first, address(struct.pack(">H", 0xC000 | OWNER), PEER)]))


@case()
def dns_pointer_into_a_record(c):
    """Backwards, and so allowed: to the name within an alias."""
    look = Lookups(c)
    look.ask(0, 40100, question(7, NAME))
    target = struct.pack(">H", 0xC000 | OWNER + 12)
    look.reply(1000, 40100, answer(7, NAME, [alias(ASKED, "e.example"), address(target, PEER)]))
    visit(c, 10000, NAME)


@case()
def dns_label_of_no_type(c):
    malformed(c, answer(7, NAME, [address(b"\x80a\0", PEER)]))


@case()
def dns_name_too_long(c):
    """256 bytes in wire form: one more than there may be."""
    owner = (b"\x3f" + b"x" * 63) * 3 + b"\x3e" + b"y" * 62 + b"\0"
    malformed(c, answer(7, NAME, [address(owner, "192.0.2.6"), address(ASKED, PEER)]))


@case()
def dns_no_address(c):
    malformed(c, answer(7, NAME, [record(ASKED, A, b"\1\2\3")]))


@case()
def dns_record_beyond_the_end(c):
    malformed(c, answer(7, NAME, [record(ASKED, A, frames.packed(PEER), size=5)]))


@case()
def dns_fewer_records_than_told(c):
    data = bytearray(GOOD)
    data[7] = 2
    malformed(c, bytes(data))


@case()
def dns_alias_circle(c):
    malformed(c, answer(7, NAME, [alias(ASKED, "b.example"), alias("b.example", NAME)]))


@case()
def dns_alias_too_long(c):
    """Seventeen aliases."""
    chain = [alias(f"n{i}.example" if i else ASKED, f"n{i + 1}.example") for i in range(17)]
    malformed(c, answer(7, NAME, [*chain, address("n17.example", PEER)]))


@case()
def dns_alias_of_wrong_length(c):
    malformed(c, answer(7, NAME, [record(ASKED, CNAME, wire("e.example") + b"\0"), address("e.example", PEER)]))


@case()
def dns_hint_of_three_bytes(c):
    data = struct.pack(">H", 1) + b"\0" + struct.pack(">HH", 4, 3) + b"\1\2\3"
    look = Lookups(c)
    look.ask(0, 40100, question(7, NAME, HTTPS))
    look.reply(1000, 40100, answer(7, NAME, [record(ASKED, HTTPS, data)], HTTPS))
    visit(c, 10000, None)
    c.totals.update(dns_names=0, dns_unread=1)


@case()
def dns_name_that_is_no_text(c):
    """A blank, a line's end, a dot within a label, bytes beyond ASCII: no name that anybody typed."""
    look = Lookups(c)
    for i, label in enumerate((b"a b", b"a\nb", b"a.b", b"\xc3\xa4")):
        asked = bytes([len(label)]) + label + wire("example")
        look.ask(i * 10000, 40100 + i, question(i, asked))
        look.reply(i * 10000 + 1000, 40100 + i, answer(i, asked, [address(ASKED, PEER)]))
    visit(c, 50000, None)
    c.totals.update(dns_names=0, dns_unread=4)


@case()
def dns_captured_in_part(c):
    """The capture ends within the answer; and within the next one's UDP header."""
    look = Lookups(c)
    for i, cap in enumerate((14 + 28 + len(GOOD) - 1, 14 + 26)):
        look.ask(i * 10000, 40100 + i, question(7, NAME))
        look.reply(i * 10000 + 1000, 40100 + i, GOOD, cap=cap)
    visit(c, 50000, None)
    c.totals.update(dns_names=0, dns_unread=2)


@case()
def dns_udp_length_lies(c):
    """Longer than the datagram, shorter than the message, shorter than its own header."""
    look = Lookups(c)
    for i, length in enumerate((9 + len(GOOD), 7 + len(GOOD), 7)):
        look.ask(i * 10000, 40100 + i, question(7, NAME))
        segment = struct.pack(">HHHH", 53, 40100 + i, length, 0) + GOOD
        c.ip(i * 10000 + 1000, frames.ip(SERVER, POD, 17, segment), look.row, "rx")
    visit(c, 50000, None)
    c.totals.update(dns_names=0, dns_unread=3)


@case()
def dns_in_fragments(c):
    """The first fragment has not all, the second no ports."""
    look = Lookups(c)
    look.ask(0, 40100, question(7, NAME))
    segment = frames.udp(53, 40100, GOOD)
    first = frames.ipv4(SERVER, POD, 17, segment[:32], more=True)
    second = frames.ipv4(SERVER, POD, 17, segment[32:], offset=32)
    c.ip(1000, first, look.row, "rx")
    c.ip(1001, second, Row(POD, SERVER, "udp", 0, "server"), "rx")
    visit(c, 10000, None)
    c.totals.update(dns_names=0, dns_unread=1)


@case()
def dns_without_a_question(c):
    """An answer that does not repeat its question cannot be told from a forged one."""
    data = bytearray(answer(7, NAME, [address(NAME, PEER)]))
    del data[12:OWNER]
    data[5] = 0
    malformed(c, bytes(data), unread=0)


@case()
def dns_garbage(c):
    """Zeros, and less than a header."""
    malformed(c, bytes(200), unread=0)
    Lookups(c).reply(5000, 40100, b"\0\7\x80")
    c.totals["dns_unread"] = 1
