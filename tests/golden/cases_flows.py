# SPDX-License-Identifier: Apache-2.0
"""Cases of conversations: who is client, what TCP tells, what is folded, which interval, who is local."""
from frames import ACK, SYN
from model import PEER, PEER6, POD, POD6, SECOND, case, other


@case()
def syn_seen_client(c):
    """The service's port is the larger one: only the SYN can tell."""
    t = c.tcp(lport=1024, rport=50051)
    t.open(0)
    t.data(20000, "tx", 500)
    t.data(21000, "rx", 700)
    t.close(30000)


@case()
def syn_seen_server(c):
    t = c.tcp(lport=50051, rport=1024, role="server")
    t.open(0)
    t.data(20000, "rx", 500)
    t.data(21000, "tx", 700)
    t.close(30000)


@case()
def syn_not_seen(c):
    """The smaller port is taken for the service's, and that guess is counted."""
    for at, (lport, rport, role) in enumerate([(40000, 443, "client"), (8080, 50000, "server"),
                                               (179, 179, "client")]):
        t = c.tcp(lport=lport, rport=rport, role=role)
        t.data(at * 100, "rx", 10)
        t.data(at * 100 + 50, "tx", 20)
    c.totals["role_guessed"] = 3


@case()
def syn_ack_first(c):
    """Who answers is the server. Without its SYN the handshake is not one that was seen."""
    t = c.tcp(lport=1024, rport=50051)
    t.send(0, "rx", SYN | ACK)
    t.send(100, "tx", ACK)
    t.data(200, "tx", 99)
    t = c.tcp(lport=50051, rport=1024, role="server")
    t.send(300, "tx", SYN | ACK)
    t.send(400, "rx", ACK)
    c.totals["role_guessed"] = 0


@case()
def refused(c):
    t = c.tcp(rport=81)
    t.send(0, "tx", SYN)
    t.reset(500, "rx", failed=1)
    t = c.tcp(lport=82, rport=50000, role="server")
    t.send(1000, "rx", SYN)
    t.reset(1500, "tx", failed=1)


@case()
def unanswered(c):
    """Three seconds after the SYN it failed, in the interval that ends next: a row without a byte."""
    t = c.tcp(rport=81)
    t.send(SECOND // 2, "tx", SYN)
    c.count(3 * SECOND, t.row, "tx", 0, packets=0, failed=1)
    for second in range(8):
        c.udp(second * SECOND + 600000, "tx")


@case()
def reset_after_established(c):
    t = c.tcp()
    t.open(0)
    t.data(20000, "tx", 100)
    t.reset(30000, "rx", resets=1)
    t.reset(30100, "rx")  # once a connection
    t = c.tcp(lport=80, rport=50000, role="server")
    t.open(50000)
    t.reset(80000, "tx", resets=1)


@case()
def retransmission(c):
    """Sent again: whole, in part, and across the end of the sequence space."""
    t = c.tcp()
    t.open(0)
    first = t.next["tx"]
    t.data(20000, "tx", 100)
    t.data(21000, "tx", 100, seq=first, retransmits=100)
    t.data(22000, "tx", 100, seq=first + 40, retransmits=60)
    first = t.next["rx"]
    t.data(30000, "rx", 1000)
    t.data(31000, "rx", 1000, seq=first, retransmits=1000)
    t.data(32000, "rx", 10)


@case()
def retransmission_partly_new(c):
    t = c.tcp()
    t.open(0)
    first = t.next["tx"]
    t.data(20000, "tx", 100)
    t.data(21000, "tx", 150, seq=first, retransmits=100)
    t.next["tx"] = first + 150
    t.data(22000, "tx", 10)


@case()
def round_trip_client(c):
    """The smaller one of an interval, each interval for itself."""
    for at, rtt_us in ((0, 40000), (100000, 4000), (200000, 9000), (2 * SECOND, 7000)):
        t = c.tcp(lport=40000 + at // 100000)
        t.open(at, rtt_us)
        t.close(at + 90000)


@case()
def round_trip_server(c):
    for at, rtt_us in ((0, 3000), (100000, 30000)):
        t = c.tcp(lport=8443, rport=50000 + at // 100000, role="server")
        t.open(at, rtt_us)
        t.close(at + 90000)


@case()
def top_two(c):
    """Four rows by weight: TCP's two and UDP's two smallest fold by protocol and role."""
    folded = other("tcp", "client")
    for rport, size, row in ((443, 9000, None), (80, 100, folded), (81, 50, folded)):
        t = c.tcp(lport=rport + 40000, rport=rport, row=row)
        t.open(rport * 100, rtt_us=rport)
        t.data(rport * 100 + 50000, "rx", size)
    c.udp(200000, "tx", rport=5000, size=4000)
    c.udp(200001, "tx", rport=53, row=other("udp", "client"))
    c.udp(200002, "rx", lport=123, rport=50000, role="server", row=other("udp", "server"))


@case()
def flow_table_full(c):
    """Room for 16 connections: what comes after is exact, but nameless."""
    for i in range(16):
        c.udp(i, "tx", lport=40000 + i)
    c.udp(20, "tx", lport=41000, row=other("udp", "client"))
    c.udp(21, "rx", lport=42000, role="server", row=other("udp", "server"))
    row = other("tcp", "client")
    t = c.tcp(row=row)
    t.send(30, "tx", SYN)
    t.send(40, "rx", SYN | ACK)
    t.data(50, "tx", 100)
    c.udp(60, "tx", lport=40003)
    c.totals["table_full_packets"] = 5


@case()
def intervals(c):
    """Aligned to the wall clock; nothing is said of the empty one; a connection lives on."""
    t = c.tcp()
    t.open(1900000, 10000)
    t.data(1999999, "tx", 100)
    t.data(2 * SECOND, "tx", 200)
    t.data(6 * SECOND + 1, "rx", 300)
    t.close(7 * SECOND)


@case()
def both_local(c):
    """The sender of the first packet is the local end."""
    t = c.tcp(pod="10.0.0.2", peer="10.0.0.1", rport=80)
    t.open(0)
    t.data(20000, "rx", 100)
    c.udp(30000, "tx", pod="10.0.0.1", peer="10.0.0.2")
    c.udp(30001, "rx", pod="10.0.0.1", peer="10.0.0.2")


@case()
def neither_local(c):
    t = c.tcp(pod="198.51.100.1", peer="192.0.2.1", rport=80)
    t.open(0)
    t.data(20000, "rx", 100)
    c.udp(2 * SECOND, "tx", pod="198.51.100.1", peer=PEER)
    c.udp(5 * SECOND, "rx", pod="198.51.100.1", peer=PEER)


@case()
def local_option(c):
    """--local 192.0.2.0/24,2001:db8::/32 turns the picture round."""
    c.udp(0, "rx", pod=PEER, peer=POD, lport=53, rport=40000, role="server")
    c.udp(1, "tx", pod=PEER, peer=POD, lport=53, rport=40000, role="server")
    t = c.tcp(pod=PEER6, peer=POD6)
    t.open(100)


@case()
def ephemeral_ports(c):
    """Two hundred connections to one service, and from one, are a row each."""
    for i in range(200):
        t = c.tcp(lport=30000 + i)
        t.open(i * 1000, 500)
        t.close(i * 1000 + 700)
        c.udp(i * 1000, "rx", lport=53, rport=50000 + i, role="server")


@case()
def udp_by_first_packet(c):
    c.udp(0, "tx", lport=500, rport=4500)
    c.udp(1, "rx", lport=500, rport=4500)
    c.udp(2, "rx", lport=40000, rport=123, role="server", peer="192.0.2.9")
    c.udp(3, "tx", lport=40000, rport=123, role="server", peer="192.0.2.9")
