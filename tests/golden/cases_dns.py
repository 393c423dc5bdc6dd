# SPDX-License-Identifier: Apache-2.0
"""Cases of names that the pod looked up, as they should be."""

import frames
from dns import (A, AAAA, ASKED, HTTPS, NXDOMAIN, PTR, SERVER, SERVER6, SERVFAIL, SVCB, TRUNCATED, Lookups, address, alias,
                 answer, question, record, service, wire)
from frames import ACK, PSH
from model import PEER, PEER6, POD, POD6, SECOND, Row, case, other

NAME = "api.example"


def visit(c, at, name, peer=PEER, lport=50000, size=1000, pod=POD, rport=443):
    """A short connection that has that name; None: none."""
    t = c.tcp(lport=lport, rport=rport, peer=peer, pod=pod, name=name)
    t.open(at, 100)
    t.data(at + 1000, "rx", size)
    t.close(at + 2000)
    return t


@case()
def dns_a(c):
    Lookups(c).lookup(0, NAME, PEER)
    visit(c, 10000, NAME)
    c.totals.update(dns_names=1, dns_unasked=0, dns_unread=0, dns_unkept=0)


@case()
def dns_aaaa(c):
    Lookups(c).lookup(0, NAME, PEER6)
    visit(c, 10000, NAME, PEER6, pod=POD6)


@case()
def dns_over_ipv6(c):
    Lookups(c, POD6, SERVER6).lookup(0, NAME, PEER)
    visit(c, 10000, NAME)


@case()
def dns_alias_chain(c):
    """The queried name, not one of those that it stands for."""
    look = Lookups(c)
    look.ask(0, 40100, question(7, NAME))
    look.reply(1000, 40100, answer(7, NAME, [alias(ASKED, "edge.cdn.example"), alias("edge.cdn.example", "pop7.cdn.example"),
                                             address("pop7.cdn.example", PEER)]))
    visit(c, 10000, NAME)


@case()
def dns_alias_order(c):
    """The records stand in the wrong order."""
    look = Lookups(c)
    look.ask(0, 40100, question(7, NAME))
    look.reply(1000, 40100, answer(7, NAME, [address("pop7.cdn.example", PEER), alias("edge.cdn.example", "pop7.cdn.example"),
                                             alias(ASKED, "edge.cdn.example")]))
    visit(c, 10000, NAME)


@case()
def dns_alias_ipv6(c):
    look = Lookups(c)
    look.ask(0, 40100, question(7, NAME, AAAA))
    look.reply(1000, 40100, answer(7, NAME, [alias(ASKED, "e.example"), address("e.example", PEER6)], AAAA))
    visit(c, 10000, NAME, PEER6, pod=POD6)


@case()
def dns_https_hints(c):
    look = Lookups(c)
    look.ask(0, 40100, question(7, NAME, HTTPS))
    look.reply(1000, 40100, answer(7, NAME, [service(ASKED, 1, ".", [PEER, PEER6])], HTTPS))
    visit(c, 10000, NAME)
    visit(c, 20000, NAME, PEER6, pod=POD6)


@case()
def dns_https_alias(c):
    """Priority 0 is an alias: RFC 9460 2.4.2."""
    look = Lookups(c)
    look.ask(0, 40100, question(7, NAME, HTTPS))
    look.reply(1000, 40100, answer(7, NAME, [service(ASKED, 0, "svc.example"), service("svc.example", 1, ".", [PEER])], HTTPS))
    visit(c, 10000, NAME)


@case()
def dns_svcb_prefix(c):
    """The labels of port and scheme are not the host's."""
    look = Lookups(c)
    asked = "_8443._https." + NAME
    look.ask(0, 40100, question(7, asked, SVCB))
    look.reply(1000, 40100, answer(7, asked, [service(ASKED, 1, ".", [PEER], SVCB)], SVCB))
    visit(c, 10000, NAME, rport=8443)


@case()
def dns_two_names_one_address(c):
    """Each keeps to its own connections, whose bytes are two rows."""
    look = Lookups(c)
    look.lookup(0, "a.example", PEER)
    a = c.tcp(lport=50000, peer=PEER, name="a.example")
    a.open(10000, 100)
    look.lookup(20000, "b.example", PEER, lport=40101, ident=8)
    b = c.tcp(lport=50001, peer=PEER, name="b.example")
    b.open(30000, 100)
    for i in range(10):
        a.data(40000 + i * 1000, "rx", 100 + i)
        b.data(40500 + i * 1000, "tx", 900 + i)
    a.close(60000)
    b.close(61000)


@case()
def dns_many_connections_two_rows(c):
    look = Lookups(c)
    for i in range(20):
        name = ("a.example", "b.example")[i % 2]
        look.lookup(i * 10000, name, PEER, lport=40100 + i, ident=i)
        visit(c, i * 10000 + 2000, name, lport=50000 + i)


@case()
def dns_flow_before_answer(c):
    """A connection that began before the answer has no name, however long it lives."""
    t = c.tcp(lport=50000)
    t.open(0, 100)
    Lookups(c).lookup(10000, NAME, PEER)
    t.data(20000, "rx", 1000)
    visit(c, 30000, NAME, lport=50001)
    t.data(3 * SECOND, "rx", 1000)


@case()
def dns_flow_keeps_its_name(c):
    """Over intervals, whatever the address is called since."""
    look = Lookups(c)
    look.lookup(0, "a.example", PEER)
    t = c.tcp(lport=50000, name="a.example")
    t.open(10000, 100)
    look.lookup(20000, "b.example", PEER, lport=40101)
    for i in range(1, 4):
        t.data(i * 2 * SECOND, "rx", 1000)
    visit(c, 6 * SECOND + 10000, "b.example", lport=50001)


@case()
def dns_udp_flow(c):
    """QUIC: what has no handshake has a name as well."""
    Lookups(c).lookup(0, NAME, PEER)
    row = Row(POD, PEER, "udp", 443, "client", NAME)
    c.udp(10000, "tx", lport=50000, rport=443, size=1200, row=row)
    c.udp(20000, "rx", lport=50000, rport=443, size=1200, row=row)


@case()
def dns_ping(c):
    Lookups(c).lookup(0, NAME, PEER)
    row = Row(POD, PEER, "icmp", 0, "client", NAME)
    c.ip(10000, frames.ip(POD, PEER, 1, b"\x08\0" + bytes(62)), row, "tx")
    c.ip(20000, frames.ip(PEER, POD, 1, b"\0\0" + bytes(62)), row, "rx")


@case()
def dns_several_addresses(c):
    look = Lookups(c)
    look.lookup(0, NAME, "192.0.2.10", "192.0.2.11", "192.0.2.12")
    for i in (10, 11, 12):
        visit(c, i * 10000, NAME, f"192.0.2.{i}", lport=50000 + i)
    visit(c, 200000, None, "192.0.2.13", lport=50013)


@case()
def dns_mixed_case(c):
    """What was asked in any case (0x20, too) is one name."""
    look = Lookups(c)
    look.ask(0, 40100, question(7, "aPI.eXAMPLE"))
    look.reply(1000, 40100, answer(7, "aPI.eXAMPLE", [address("API.example", PEER)]))
    visit(c, 10000, NAME)


@case()
def dns_long_name(c):
    """253 bytes of text, the longest there is."""
    name = ".".join(["x" * 63, "y" * 63, "z" * 63, "w" * 61])
    Lookups(c).lookup(0, name, PEER)
    visit(c, 10000, name)


@case()
def dns_underscore(c):
    Lookups(c).lookup(0, "my_host.example", PEER)
    visit(c, 10000, "my_host.example")


@case()
def dns_edns(c):
    """An additional record behind the answers: RFC 6891."""
    opt = b"\0" + b"\0\x29\x04\xd0" + bytes(6)
    look = Lookups(c)
    look.ask(0, 40100, question(7, NAME, others=opt, n_others=1))
    look.reply(1000, 40100, answer(7, NAME, [address(ASKED, PEER)], others=opt, n_others=1))
    visit(c, 10000, NAME)


@case()
def dns_search_list(c):
    """The names that do not exist come first, as with ndots:5."""
    look = Lookups(c)
    for i, suffix in enumerate((".ns.svc.cluster.local", ".svc.cluster.local", ".cluster.local")):
        look.ask(i * 10000, 40100 + i, question(i, NAME + suffix))
        look.reply(i * 10000 + 1000, 40100 + i, answer(i, NAME + suffix, [], flags=NXDOMAIN))
    look.lookup(40000, NAME, PEER, lport=40110)
    visit(c, 50000, NAME)
    c.totals.update(dns_names=1, dns_unasked=0, dns_unread=0)


@case()
def dns_both_families_one_socket(c):
    """glibc asks for A and AAAA from one port at once."""
    look = Lookups(c)
    look.ask(0, 40100, question(1, NAME))
    look.ask(10, 40100, question(2, NAME, AAAA))
    look.reply(1000, 40100, answer(2, NAME, [address(ASKED, PEER6)], AAAA))
    look.reply(1010, 40100, answer(1, NAME, [address(ASKED, PEER)]))
    visit(c, 10000, NAME)
    visit(c, 20000, NAME, PEER6, pod=POD6)


def framed(*messages):
    """RFC 1035 4.2.2."""
    return b"".join(len(m).to_bytes(2, "big") + m for m in messages)


def tcp_lookup(c, at, asked, answered, pieces=(None,)):
    """pieces: where the answer is cut into segments."""
    t = c.tcp(lport=40100, rport=53, peer=SERVER)
    t.open(at, 100)
    t.send(at + 1000, "tx", PSH | ACK, data=asked)
    ends = [0, *[p for p in pieces if p], len(answered)]
    for i, (start, end) in enumerate(zip(ends, ends[1:])):
        t.send(at + 2000 + i * 100, "rx", PSH | ACK, data=answered[start:end])
    t.close(at + 5000)


@case()
def dns_tcp(c):
    """Two questions and two answers, each pair in one segment."""
    tcp_lookup(c, 0, framed(question(1, NAME), question(2, NAME, AAAA)),
               framed(answer(2, NAME, [address(ASKED, PEER6)], AAAA), answer(1, NAME, [address(ASKED, PEER)])))
    visit(c, 10000, NAME)
    visit(c, 20000, NAME, PEER6, pod=POD6)


@case()
def dns_tcp_after_truncation(c):
    look = Lookups(c)
    look.ask(0, 40100, question(7, NAME))
    look.reply(1000, 40100, answer(7, NAME, [address(ASKED, "192.0.2.99")], flags=TRUNCATED))
    tcp_lookup(c, 10000, framed(question(8, NAME)), framed(answer(8, NAME, [address(ASKED, PEER)])))
    visit(c, 20000, NAME)
    visit(c, 30000, None, "192.0.2.99", lport=50001)


@case()
def dns_tcp_in_pieces(c):
    """An answer over two segments is not pieced together."""
    answered = framed(answer(7, NAME, [address(ASKED, PEER)]))
    tcp_lookup(c, 0, framed(question(7, NAME)), answered, [len(answered) - 4])
    visit(c, 10000, None)
    c.totals["dns_names"] = 0


@case("sll")
def dns_sll(c):
    Lookups(c).lookup(0, NAME, PEER)
    visit(c, 10000, NAME)


@case("sll2")
def dns_loopback_on_any(c):
    """A resolver on loopback, should "any" show it both ways: each packet leaves, and comes in."""
    row = Row("127.0.0.1", "127.0.0.1", "udp", 53, "client")
    asked, answered = question(7, NAME), answer(7, NAME, [address(ASKED, PEER)])
    ask = frames.ip("127.0.0.1", "127.0.0.1", 17, frames.udp(40100, 53, asked))
    reply = frames.ip("127.0.0.1", "127.0.0.1", 17, frames.udp(53, 40100, answered))
    server = Row("127.0.0.1", "127.0.0.1", "udp", 53, "server")
    for at, packet, whose, way in ((0, ask, row, "tx"), (10, ask, server, "rx"), (1000, reply, server, "tx"),
                                   (1010, reply, row, "rx")):
        c.frame(at, frames.sll2(packet, way, hardware=frames.ARPHRD_LOOPBACK), whose, way)
    visit(c, 10000, NAME)
    c.totals.update(dns_names=1, dns_unasked=0)


def come_in(c, hardware):
    """A question and its answer, from a loopback address to another, both as they come in."""
    asked, answered = question(7, NAME), answer(7, NAME, [address(ASKED, PEER)])
    ask = frames.ip("127.0.0.1", "127.0.0.1", 17, frames.udp(40100, 53, asked))
    reply = frames.ip("127.0.0.1", "127.0.0.1", 17, frames.udp(53, 40100, answered))
    c.frame(0, frames.sll2(ask, "rx", hardware=hardware), Row("127.0.0.1", "127.0.0.1", "udp", 53, "server"), "rx")
    c.frame(1000, frames.sll2(reply, "rx", hardware=hardware), Row("127.0.0.1", "127.0.0.1", "udp", 40100, "server"), "rx")


@case("sll2")
def dns_loopback_once(c):
    """As libpcap has "any" on Linux: what passes loopback only comes in (pcap-linux.c, linux_check_direction)."""
    come_in(c, frames.ARPHRD_LOOPBACK)
    visit(c, 10000, NAME)
    c.totals.update(dns_names=1, dns_unasked=0)


@case("sll2")
def dns_loopback_forged(c):
    """The same from the pod's link: a neighbour wrote the addresses."""
    come_in(c, frames.ARPHRD_ETHER)
    visit(c, 10000, None)
    c.totals.update(dns_names=0, dns_unasked=1)


@case()
def dns_mesh_port(c):
    """Istio's agent answers on port 15053 what was sent to 53."""
    Lookups(c, POD, "127.0.0.1", 15053).lookup(0, NAME, PEER)
    visit(c, 10000, NAME)


@case()
def dns_vlan(c):
    row = Row(POD, SERVER, "udp", 53, "client")
    ask = frames.ipv4(POD, SERVER, 17, frames.udp(40100, 53, question(7, NAME)))
    reply = frames.ipv4(SERVER, POD, 17, frames.udp(53, 40100, answer(7, NAME, [address(ASKED, PEER)])))
    c.frame(0, frames.ethernet(ask, "tx", tags=[(0x8100, 7)]), row, "tx")
    c.frame(1000, frames.ethernet(reply, "rx", tags=[(0x8100, 7)]), row, "rx")
    visit(c, 10000, NAME)


@case()
def dns_server_role(c):
    """A host that the pod looked up calls the pod: it has that name."""
    Lookups(c).lookup(0, "peer-0.example", PEER)
    t = c.tcp(lport=8080, rport=50000, role="server", name="peer-0.example")
    t.open(10000)
    t.data(30000, "rx", 100)


@case()
def dns_expires(c):
    """A TTL of a minute lasts five, and no longer."""
    Lookups(c).lookup(0, NAME, PEER, "192.0.2.6")
    visit(c, 300 * SECOND, NAME)
    visit(c, 301 * SECOND + 1000, None, "192.0.2.6", lport=50001)


@case()
def dns_long_ttl(c):
    Lookups(c).lookup(0, NAME, PEER, ttl=3600)
    visit(c, 3590 * SECOND, NAME)


@case()
def dns_kept_by_a_flow(c):
    """While a connection uses it the name serves the next one too."""
    Lookups(c).lookup(0, NAME, PEER)
    t = c.tcp(lport=50000, name=NAME)
    t.open(10000, 100)
    for second in range(60, 1000, 60):
        t.data(second * SECOND, "rx", 100)
    visit(c, 1000 * SECOND, NAME, lport=50001)


@case()
def dns_lru(c):
    """1,024 addresses: the one that was not used goes for the 1,025th."""
    look = Lookups(c)
    addresses = [f"198.18.{i // 256}.{i % 256}" for i in range(1024)]
    for i in range(0, 1024, 64):
        look.lookup(i * 100, f"n{i}.example", *addresses[i:i + 64], lport=41000 + i)
    visit(c, 200000, "n0.example", addresses[0])
    look.lookup(300000, "new.example", PEER)
    visit(c, 310000, None, addresses[1], lport=50001)
    visit(c, 320000, "n0.example", addresses[0], lport=50002)
    visit(c, 330000, "n0.example", addresses[2], lport=50003)
    visit(c, 340000, "new.example", lport=50004)
    c.totals.update(dns_names=1025, dns_unkept=0)


@case()
def dns_top_two(c):
    """What is folded loses its name, not a byte: the connection's, and the look-up's."""
    look = Lookups(c)
    look.row = other("udp", "client")
    look.lookup(0, "a.example", PEER)
    visit(c, 10000, "a.example", size=9000)
    look.lookup(20000, "b.example", PEER, lport=40101)
    visit(c, 30000, "b.example", lport=50001, size=8000)
    look.lookup(40000, "c.example", PEER, lport=40102)
    t = c.tcp(lport=50002, row=other("tcp", "client"))
    t.open(50000, rtt_us=100)
    t.data(60000, "rx", 7000)


@case()
def dns_off(c):
    """--dns off: nobody listens."""
    Lookups(c).lookup(0, NAME, PEER)
    visit(c, 10000, None)
    c.totals.update(dns_names=0, dns_unasked=0, dns_unread=0, dns_unkept=0)


@case()
def dns_other_types(c):
    """PTR and whatever else names nobody, and is no fault."""
    look = Lookups(c)
    asked = "5.2.0.192.in-addr.arpa"
    look.ask(0, 40100, question(7, asked, PTR))
    look.reply(1000, 40100, answer(7, asked, [record(ASKED, PTR, wire(NAME)), address(ASKED, PEER)], PTR))
    look.ask(2000, 40101, question(8, NAME, A, klass=3))
    look.reply(3000, 40101, answer(8, NAME, [record(ASKED, A, frames.packed(PEER), klass=3)], klass=3))
    visit(c, 10000, None)
    c.totals.update(dns_names=0, dns_unasked=0, dns_unread=0)


@case()
def dns_failures(c):
    """What comes with an error is not believed, whatever it holds."""
    look = Lookups(c)
    for i, flags in enumerate((NXDOMAIN, SERVFAIL, TRUNCATED)):
        look.ask(i * 10000, 40100 + i, question(i, NAME))
        look.reply(i * 10000 + 1000, 40100 + i, answer(i, NAME, [address(ASKED, PEER)], flags=flags))
    visit(c, 50000, None)
    c.totals.update(dns_names=0, dns_unasked=0, dns_unread=0)
