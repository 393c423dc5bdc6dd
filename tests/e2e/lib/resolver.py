# SPDX-License-Identifier: Apache-2.0
"""A real resolver (dnsmasq), and a program in the pod that looks names up through glibc and connects."""
import json
import socket
import struct
import threading

from . import netns
from .case import until
from .lab import NET_4, NET_6
from .traffic import family_of

PORT = 8443

# In the pod, with a resolv.conf of its own. Each visit: name, family, own port, bytes to send, bytes that come back. All
# connections are open at once, and take turns, so that packets of several names mix.
VISITOR = """
import json, socket, sys
port, visits = json.loads(sys.argv[1])
open_now = []
for name, family, own_port, size, reply in visits:
    family = socket.AF_INET6 if family == 6 else socket.AF_INET
    address = socket.getaddrinfo(name, port, family, socket.SOCK_STREAM)[0][4]
    sock = socket.socket(family)
    sock.bind(("", own_port))
    sock.connect(address)
    open_now.append((sock, size, reply, address[0]))
for turn in range(10):
    for sock, size, reply, _ in open_now:
        sock.sendall(bytes(size // 10))
for sock, size, reply, address in open_now:
    left = reply
    while left:
        part = sock.recv(min(left, 65536))
        assert part
        left -= len(part)
    sock.close()
    print(address)
"""


def message(ident, flags, name, address=None):
    """RFC 1035 section 4: a question for A, and one record."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    packet = struct.pack("!HHHHHH", ident, flags, 1, 1 if address else 0, 0, 0) + labels + struct.pack("!HH", 1, 1)
    if address:
        packet += b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 600, 4) + socket.inet_aton(address)
    return packet


class Resolver:
    def __init__(self, lab, *options, namespace=None, addresses=(NET_4, NET_6)):
        self.lab = lab
        listen = [f"--listen-address={address}" for address in addresses]
        namespace = namespace or lab.net
        self.process = lab.start("dnsmasq", "/usr/sbin/dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv",
                                 "--no-hosts", "--bind-interfaces", "--port=53", "--user=root", "--pid-file=",
                                 "--cache-size=0", *listen, *options, namespace=namespace)
        until(lambda: any(row.split()[1].endswith(":0035") for row in netns.read_inside(namespace, "udp").splitlines()[1:]),
              10, "dnsmasq does not listen")


class Web:
    """Takes `size` bytes of each connection to its addresses, and answers with `reply`."""

    def __init__(self, lab, addresses, size, reply):
        self.size, self.reply = size, reply
        with netns.inside(lab.net):
            self.sockets = [socket.create_server((address, PORT), family=family_of(address)) for address in addresses]
        for sock in self.sockets:
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()
            lab.callback(sock.close)

    def serve(self, sock):
        while True:
            try:
                connection, _ = sock.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        with connection:
            left = self.size
            while left:
                part = connection.recv(min(left, 65536))
                if not part:
                    return
                left -= len(part)
            connection.sendall(bytes(self.reply))
            connection.recv(1)


def visit(lab, visits, server=NET_4, options="", limit_s=30):
    """visits: (name, family, own port, bytes to send, bytes back). Returns the addresses that glibc gave."""
    resolv = lab.dir / "resolv.conf"
    resolv.write_text(f"nameserver {server}\noptions timeout:2 attempts:2 {options}\n")
    mounted = 'mount --make-rprivate / && mount --bind "$0" /etc/resolv.conf && exec /usr/bin/python3 -c "$1" "$2"'
    visitor = lab.start("visitor", "/usr/bin/unshare", "--mount", "sh", "-c", mounted, resolv, VISITOR,
                        json.dumps([PORT, visits]), namespace=lab.pod)
    assert visitor.wait(limit_s) == 0, visitor.log()
    return visitor.out().split()


def ask_directly(lab, names, server=NET_4):
    """Each name once, from one socket of the pod's."""
    with netns.inside(lab.pod):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sock:
        sock.connect((server, 53))
        sock.settimeout(5)
        for i, name in enumerate(names):
            sock.send(message(i & 0xFFFF, 0x0100, name))
            sock.recv(512)
