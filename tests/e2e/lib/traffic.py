# SPDX-License-Identifier: Apache-2.0
"""Real traffic from the pod: iperf3, an HTTP download, and paced UDP to many destinations."""
import http.server
import random
import socket
import threading
import time
import urllib.request

from . import netns
from .case import until

PORT = 9000


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def iperf3(lab, address, *arguments, seconds=4, port=5201):
    """One client run against a server of its own; returns when it has ended."""
    server = lab.start("iperf3-server", "/usr/bin/iperf3", "-s", "-1", "-B", address, "-p", port,
                       namespace=lab.net)
    column = "tcp6" if ":" in address else "tcp"
    until(lambda: any(row.split()[1].endswith(f":{port:04X}") and row.split()[3] == "0A"
                      for row in netns.read_inside(lab.net, column).splitlines()[1:]),
          10, "iperf3 does not listen")
    client = lab.start("iperf3", "/usr/bin/iperf3", "-c", address, "-p", port, "-t", seconds,
                       *arguments, namespace=lab.pod)
    assert client.wait(seconds + 15) == 0, client.log() + client.out()
    server.wait(10)


def download(lab, address, size, port=8080):
    """GET of size bytes over HTTP, from the pod."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.end_headers()
            for _ in range(size // 65536):
                self.wfile.write(bytes(65536))
            self.wfile.write(bytes(size % 65536))

        def log_message(self, *_):
            pass

    class Server(http.server.HTTPServer):
        address_family = family_of(address)

    with netns.inside(lab.net):
        server = Server((address, port), Handler)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    host = f"[{address}]" if ":" in address else address
    with netns.inside(lab.pod):
        with urllib.request.urlopen(f"http://{host}:{port}/", timeout=30) as answer:
            got = sum(len(part) for part in iter(lambda: answer.read(1 << 16), b""))
    thread.join(30)
    server.server_close()
    assert got == size


class Echo:
    """Answers on each address with `reply` bytes a datagram; 0: silently."""

    def __init__(self, lab, addresses, reply=0, port=PORT):
        self.is_ending = False
        self.sockets = []
        with netns.inside(lab.net):
            for address in addresses:
                sock = socket.socket(family_of(address), socket.SOCK_DGRAM)
                sock.bind((address, port))
                sock.settimeout(0.2)
                self.sockets.append(sock)
        self.threads = [threading.Thread(target=self.serve, args=(sock, bytes(reply)), daemon=True)
                        for sock in self.sockets]
        for thread in self.threads:
            thread.start()
        lab.callback(self.end)

    def serve(self, sock, reply):
        while not self.is_ending:
            try:
                _, peer = sock.recvfrom(65536)
            except TimeoutError:
                continue
            if reply:
                sock.sendto(reply, peer)

    def end(self):
        self.is_ending = True
        for thread in self.threads:
            thread.join(2)
        for sock in self.sockets:
            sock.close()


class Sender:
    """Steady UDP: a datagram of `size` bytes, or of 0 to as many, to the i-th address every `every_s[i]` seconds."""

    def __init__(self, lab, addresses, every_s, size=1000, port=PORT, varies=False):
        self.is_ending = False
        self.varies = varies
        self.size = size
        with netns.inside(lab.pod):
            self.sockets = [socket.socket(family_of(a), socket.SOCK_DGRAM) for a in addresses]
            for sock, address in zip(self.sockets, addresses):
                sock.connect((address, port))
                sock.setblocking(False)
        self.every_s = [every_s] * len(addresses) if isinstance(every_s, (int, float)) else every_s
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        lab.callback(self.end)

    def run(self):
        body = bytes(self.size)
        due = [time.monotonic()] * len(self.sockets)
        while not self.is_ending:
            now = time.monotonic()
            for i, sock in enumerate(self.sockets):
                if due[i] > now:
                    continue
                due[i] += self.every_s[i]
                try:
                    sock.send(body[random.randrange(self.size):] if self.varies else body)
                    sock.recv(65536)
                except OSError:
                    pass  # nothing to read, or a refusal that came back
            time.sleep(0.002)

    def end(self):
        """Idempotent; afterwards nothing is on its way."""
        self.is_ending = True
        self.thread.join(5)
        time.sleep(0.1)
        for sock in self.sockets:
            sock.close()
