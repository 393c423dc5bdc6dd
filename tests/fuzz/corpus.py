#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
corpus.py BUILD_DIR DIR: seeds for the fuzzers from the golden cases. dns: what each case says over port 53, as fuzz_dns.c reads it;
packet: each case's frames; datagram: what the probe makes of them, as it sends it, and an acknowledgement.
"""
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "golden"))

import cases_dns  # noqa: E402,F401
import cases_dns_bad  # noqa: E402,F401
import cases_flows  # noqa: E402,F401
import cases_wire  # noqa: E402,F401
import model  # noqa: E402

LINKS = {"ethernet": 0, "sll": 1, "sll2": 2, "raw": 3, "null-le": 4, "null-be": 4, "loop": 4}
FRAMES_MAX = 24
ANSWER, TCP = 1, 2
SENT = ("dns-a", "dns-two-names-one-address", "dns-lru", "dns-both-families-one-socket", "dns-long-name", "ephemeral-ports",
        "intervals", "ipv6-extensions", "refused", "retransmission")


def made(link, function):
    c = model.Case(link)
    function(c)
    return c


def messages_of(c):
    """(how, message) of UDP over IPv4 in Ethernet to and from port 53; the framed ones of TCP as they are."""
    for _, data, _ in c.frames:
        if data[12:14] != b"\x08\0" or data[23] not in (6, 17):
            continue
        sport, dport = struct.unpack(">HH", data[34:38])
        payload = data[42:] if data[23] == 17 else data[54:]
        if 53 in (sport, dport) and payload:
            yield (ANSWER if sport == 53 else 0) | (TCP if data[23] == 6 else 0), payload


def dns_seed(c):
    return b"".join(struct.pack(">BH", how, len(message)) + message for how, message in messages_of(c))


def packet_seed(link, c):
    parts = [struct.pack(">BH", min(wire - len(data), 255), wire & 0xFFFF) + data for _, data, wire in c.frames[:FRAMES_MAX]]
    return bytes([LINKS[link]]) + b"".join(parts)


def datagrams(build, pcap):
    """What the probe sends of a file; nobody acknowledges it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.3)
        probe = subprocess.Popen([build / "nstats-probe", "-r", pcap, "-c", f"127.0.0.1:{sock.getsockname()[1]}", "--host", "web-1",
                                  "--namespace", "shop", "--log-level", "error"], stdin=subprocess.DEVNULL)
        try:
            for _ in range(8):
                yield sock.recv(2048)
        except TimeoutError:
            pass
        finally:
            probe.kill()
            probe.wait()


def write(directory, name, data):
    if data:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(data)


def main():
    build, directory = map(pathlib.Path, sys.argv[1:3])
    with tempfile.TemporaryDirectory() as scratch:
        for name, (link, function) in model.CASES.items():
            c = made(link, function)
            write(directory / "packet", name, packet_seed(link, c))
            if name.startswith("dns-") and link == "ethernet":
                write(directory / "dns", name, dns_seed(c))
            if name in SENT:
                pcap = pathlib.Path(scratch) / "case.pcap"
                pcap.write_bytes(c.contents())
                for i, datagram in enumerate(datagrams(build, pcap)):
                    write(directory / "datagram", f"{name}.{i}", datagram)
    ack = b"\x0a\x10" + bytes(range(16)) + b"\x10\x2a\x1a\x02\x05\x01"
    write(directory / "datagram", "ack", b"\x12" + bytes([len(ack)]) + ack)


main()
