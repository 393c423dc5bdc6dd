#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
A small shop whose traffic is worth watching. One program, three services:

  web       serves the pages, and plays the visitors: few at night, most at lunch, and now and then a sale
  catalog   product pages and pictures, from 3 kB to 400 kB; sends what is in stock to web, by UDP
  payments  small, slow, sometimes wrong, now and then away; asks catalog for all prices once a minute

A day lasts ten minutes and begins at seven in the morning. Some 250 kB/s on average, at most 20 Mbit/s. The
same seed makes the same shop, and each visitor the same choices.
"""
import argparse
import collections
import functools
import http.client
import http.server
import json
import math
import os
import random
import signal
import socket
import socketserver
import struct
import sys
import threading
import time
import traceback

PORTS = {"web": 8080, "catalog": 8081, "payments": 8082}
PRODUCTS, PICTURES = 400, 6
DAY_S, MORNING = 600, 7
VISITORS, VISITS_A_SECOND = 8, 5
CEILING = 2_400_000 / VISITORS  # bytes/s of each visitor
CONNECTIONS_MAX, SUBSCRIBERS_MAX, BROWSER_CACHE_MAX = 64, 16, 400
LINGER_RESET = struct.pack("ii", 1, 0)  # close(2) sends RST: socket(7)
TROUBLE = (OSError, http.client.HTTPException)


class Reset(Exception):
    """The connection ends by a reset instead of an answer."""


class Service:
    """What the three share: chance by seed, time by speed. answer() is called by many threads, the jobs by one each."""
    up_s, down_s = None, 0

    def __init__(self, options):
        self.options, self.speed, self.began = options, options.speed, time.monotonic()
        self.jobs, self.random = [], self.chance("answers")

    def chance(self, what):
        return random.Random(f"{self.options.seed}/{self.options.service}/{what}")

    def now(self):
        """Seconds of the shop's own time."""
        return (time.monotonic() - self.began) * self.speed

    def sleep(self, seconds):
        time.sleep(seconds / self.speed)


class Catalog(Service):
    def __init__(self, options):
        super().__init__(options)
        chance = self.chance("products")
        self.noise = chance.randbytes(1 << 19)
        self.pages = [chance.randint(2_000, 9_000) for _ in range(PRODUCTS)]
        self.pictures = [[min(400_000, int(3_000 * chance.paretovariate(0.9))) for _ in range(PICTURES)]
                         for _ in range(PRODUCTS)]
        self.jobs = [self.stock_feed]

    def answer(self, path, seen):
        """/product/N, /picture/N/I or /prices/N. A picture has a tag, so that browsers keep it."""
        kind, n, i = (path.strip("/").split("/") + ["0"])[:3]
        n, i = int(n) % PRODUCTS, int(i) % PICTURES
        if kind == "product":
            return 200, self.noise[:self.pages[n]], None
        if kind == "picture":
            tag = f'"{n}-{i}"'
            return (304, b"", tag) if tag == seen else (200, self.noise[:self.pictures[n][i]], tag)
        if kind == "prices":
            return 200, json.dumps({f"product {n}": 99 + n * 7 % 4000 for n in range(n, PRODUCTS)}).encode(), None
        raise ValueError(kind)

    def stock_feed(self):
        """A trickle to whoever subscribed within the last half minute, and the whole list every ten seconds."""
        chance, subscribers, full_at = self.chance("stock"), {}, 0
        with open_udp(self.options.port) as feed:
            feed.settimeout(0.2)
            while True:
                self.welcome(feed, subscribers)
                if self.now() >= full_at:
                    sizes, full_at = [chance.randint(900, 1_200) for _ in range(40)], self.now() + 10
                else:
                    sizes = [chance.randint(60, 400)]
                for who in subscribers:
                    for size in sizes:
                        send(feed, self.noise[:size], who)

    @staticmethod
    def welcome(feed, subscribers):
        try:
            word, who = feed.recvfrom(64)
            if word == b"leave":
                subscribers.pop(who, None)
            elif who in subscribers or len(subscribers) < SUBSCRIBERS_MAX:
                subscribers[who] = time.monotonic()
        except OSError:  # nobody spoke, or a subscriber is gone
            pass
        for who in [who for who, at in subscribers.items() if time.monotonic() - at > 30]:
            del subscribers[who]


class Payments(Service):
    up_s, down_s = 75, 3

    def __init__(self, options):
        super().__init__(options)
        self.jobs = [self.ask_for_prices]

    def answer(self, path, _seen):
        luck = self.random.random()
        self.sleep(0.05 + min(1.5, self.random.expovariate(4)))
        if luck < 0.02:
            raise Reset
        return (500, b'{"paid": false}\n', None) if luck < 0.06 else (200, b'{"paid": true}\n', None)

    def ask_for_prices(self):
        chance = self.chance("prices")
        while True:
            self.sleep(60 - self.now() % 60)
            with Client(self.options.catalog) as catalog:
                for _ in range(chance.randint(15, 45)):
                    catalog.get(f"/prices/{chance.randrange(PRODUCTS)}")


class Web(Service):
    def __init__(self, options):
        super().__init__(options)
        self.jobs = [self.stock_reader] + [functools.partial(self.visitor, i) for i in range(VISITORS)]
        self.popular = [1 / rank for rank in range(1, PRODUCTS + 1)]  # Zipf

    def is_sale(self):
        """Twenty seconds, in about every third stretch of two minutes."""
        stretch, second = divmod(self.now(), 120)
        chance = self.chance(f"sale {stretch:.0f}")
        return chance.random() < 0.35 and 0 <= second - chance.uniform(0, 100) < 20

    def visits_a_second(self):
        hour = (MORNING + self.now() * 24 / DAY_S) % 24
        day = max(0, math.sin(math.pi * (hour - 6) / 17))
        lunch, evening = (math.exp(-((hour - peak) / width) ** 2) for peak, width in ((12.5, 1), (20, 1.5)))
        return VISITS_A_SECOND * (0.1 + 0.6 * day + lunch + 0.5 * evening + (2 if self.is_sale() else 0))

    def visitor(self, i):
        """Comes again and again; one time in two with a browser that kept the pictures."""
        chance, kept = self.chance(f"visitor {i}"), collections.OrderedDict()
        while True:
            self.sleep(chance.expovariate(self.visits_a_second() / VISITORS))
            began = time.monotonic()
            length = self.visit(chance, kept if chance.random() < 0.5 else collections.OrderedDict())
            time.sleep(max(0, length / CEILING - (time.monotonic() - began)))

    def visit(self, chance, browser):
        """A product or a few, their pictures, and maybe an order; how many bytes that took."""
        length = 0
        with Client(self.options.catalog) as catalog:
            for product in chance.choices(range(PRODUCTS), self.popular, k=chance.randint(1, 3)):
                length += catalog.get(f"/product/{product}")
                for i in range(chance.randint(1, PICTURES)):
                    length += catalog.get(f"/picture/{product}/{i}", browser)
        while len(browser) > BROWSER_CACHE_MAX:
            browser.popitem(last=False)
        if chance.random() < 0.3:
            with Client(self.options.payments) as payments:
                length += payments.get(f"/pay/{chance.randint(100, 99_999)}")
        return length

    def answer(self, path, _seen):
        """A visitor from outside sees what a visit takes."""
        length = self.visit(self.random, collections.OrderedDict())
        return 200, f"{path}: this page took {length} bytes from catalog and payments\n".encode(), None

    def stock_reader(self):
        """Subscribes anew every ten seconds, wherever catalog is then."""
        while True:
            try:
                family, *_, where = socket.getaddrinfo(*self.options.catalog, type=socket.SOCK_DGRAM)[0]
                with socket.socket(family, socket.SOCK_DGRAM) as feed:
                    feed.connect(where)
                    feed.settimeout(1)
                    feed.send(b"subscribe")
                    leave_at = self.now() + 10
                    while self.now() < leave_at:
                        feed.recv(2048)
                    feed.send(b"leave")
            except OSError:  # catalog is not there, or says nothing
                time.sleep(1)


class Client:
    """One connection; trouble ends it, and what is asked after that asks nobody."""

    def __init__(self, where):
        self.connection = http.client.HTTPConnection(*where, timeout=10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.connection:
            self.connection.close()

    def get(self, path, browser=None):
        """The length of the answer. browser: the tags of what it keeps, by path."""
        if not self.connection:
            return 0
        tag = (browser or {}).get(path)
        try:
            self.connection.request("GET", path, headers={"If-None-Match": tag} if tag else {})
            answer = self.connection.getresponse()
            length = len(answer.read())
        except TROUBLE:
            self.connection.close()
            self.connection = None
            return 0
        if browser is not None and answer.getheader("ETag"):
            browser[path] = answer.getheader("ETag")
        return length


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, timeout = "HTTP/1.1", 30
    wbufsize = 1 << 16  # head and body in one segment: a small body alone would wait for an acknowledgement

    def do_GET(self):
        try:
            is_health = self.path == "/healthz"
            status, body, tag = (200, b"ok\n", None) if is_health else \
                self.server.service.answer(self.path, self.headers.get("If-None-Match"))
        except ValueError:
            status, body, tag = 404, b"not found\n", None
        except Reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if tag:
            self.send_header("ETag", tag)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingTCPServer):
    """Not http.server's own, which looks up its host's name at start: without a DNS server that takes seconds."""
    allow_reuse_address = daemon_threads = True
    request_queue_size = 32
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def __init__(self, service):
        self.service, self.free = service, threading.BoundedSemaphore(CONNECTIONS_MAX)
        super().__init__(("", service.options.port), Handler)

    def server_bind(self):
        take_both_families(self.socket)
        super().server_bind()

    def process_request(self, request, client_address):
        if self.free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.close_request(request)

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.free.release()

    def shutdown_request(self, request):
        self.close_request(request)  # shutdown(2) would send a FIN before the reset

    def handle_error(self, _request, _client_address):
        pass  # a peer that went away


def take_both_families(opened):
    if opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)


def open_udp(port):
    opened = socket.socket(Server.address_family, socket.SOCK_DGRAM)
    take_both_families(opened)
    opened.bind(("", port))
    return opened


def send(opened, datagram, peer):
    try:
        opened.sendto(datagram, peer)
    except OSError:
        pass  # the peer is gone; the next one is asked all the same


def serve(service):
    """For ever; with up_s, as a service that restarts: away for down_s, where connections are refused."""
    while True:
        with Server(service) as server:
            if service.up_s:
                end = threading.Timer(service.up_s * service.random.uniform(0.7, 1.3) / service.speed, server.shutdown)
                end.daemon = True
                end.start()
            server.serve_forever()
        service.sleep(service.down_s)


def end_at_once(what):
    """A port that is taken, or a mistake: a service without one of its threads is no service."""
    traceback.print_exception(what.exc_value)
    os._exit(1)


def is_healthy(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except TROUBLE:
        return False


def host_port(text):
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"'{text}' is not HOST:PORT")
    return host.strip("[]"), int(port)


def positive(text):
    value = float(text)
    if not 0 < value <= 100:
        raise argparse.ArgumentTypeError(f"'{text}' is not above 0 and at most 100")
    return value


def parse():
    environ = os.environ.get
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("service", choices=PORTS)
    parser.add_argument("--catalog", metavar="HOST:PORT", type=host_port, default=environ("CATALOG") or "catalog:8081",
                        help="environment CATALOG; catalog:8081")
    parser.add_argument("--payments", metavar="HOST:PORT", type=host_port,
                        default=environ("PAYMENTS") or "payments:8082", help="environment PAYMENTS; payments:8082")
    parser.add_argument("--port", type=int, help="instead of 8080 (web), 8081 (catalog) or 8082 (payments)")
    parser.add_argument("--speed", type=positive, default=environ("SHOP_SPEED") or "1",
                        help="how much faster the shop's time runs; environment SHOP_SPEED; 1")
    parser.add_argument("--seed", default=environ("SHOP_SEED") or "nstats", help="environment SHOP_SEED; nstats")
    parser.add_argument("--check", action="store_true", help="is the service here well? exit code 0 or 1")
    options = parser.parse_args()
    options.port = options.port or PORTS[options.service]
    return options


def main():
    options = parse()
    if options.check:
        return 0 if is_healthy(options.port) else 1
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # in all threads: the main one waits for them
    service = {"web": Web, "catalog": Catalog, "payments": Payments}[options.service](options)
    threading.excepthook = end_at_once
    for job in (lambda: serve(service), *service.jobs):
        threading.Thread(target=job, daemon=True).start()
    print(f'msg="open" service={options.service} port={options.port}', flush=True)
    signal.sigwait(ends)
    return 0


if __name__ == "__main__":
    sys.exit(main())
