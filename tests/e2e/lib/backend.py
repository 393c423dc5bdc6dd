# SPDX-License-Identifier: Apache-2.0
"""A spool that is filled and looked into by hand, and a database that says what a case tells it to."""
import gzip
import http.server
import re
import socket
import sqlite3
import struct
import threading
import time
import urllib.request

from . import netns

TRAFFIC = re.compile(r"[ ,][tr]x_bytes=(\d+)i")


def line(receiver, time_ms, n_bytes=1, more=""):
    """One of nstat's, reduced to what a case looks at."""
    return f"nstat,hosts=pod,receiver={receiver} tx_bytes={n_bytes}i,rx_bytes=1i{more} {time_ms}"


def traffic(lines):
    return sum(int(n) for text in lines for n in TRAFFIC.findall(text))


class Spool:
    """The file of a collector that does not run."""

    def __init__(self, path):
        self.path = path

    def add(self, *bodies):
        """Each a list of lines."""
        rows = [(len(lines), traffic(lines), int(time.time() * 1000),
                 gzip.compress("".join(f"{text}\n" for text in lines).encode())) for lines in bodies]
        with sqlite3.connect(self.path) as db:
            db.executemany("INSERT INTO body (lines, traffic_bytes, since_ms, data) VALUES (?, ?, ?, ?)", rows)
            db.execute("UPDATE total SET bodies = bodies + ?, lines = lines + ?, traffic_bytes = traffic_bytes + ?,"
                       " data_bytes = data_bytes + ?",
                       (len(rows), sum(row[0] for row in rows), sum(row[1] for row in rows),
                        sum(len(row[3]) for row in rows)))
        db.close()

    def dead(self):
        """[(status, reason, its lines)]"""
        with sqlite3.connect(self.path) as db:
            rows = db.execute("SELECT status, reason, lines, traffic_bytes, data FROM dead ORDER BY id").fetchall()
        db.close()
        letters = []
        for status, reason, n, n_bytes, data in rows:
            lines = gzip.decompress(data).decode().splitlines()
            assert (n, n_bytes) == (len(lines), traffic(lines)), f"{n} lines, {n_bytes} bytes, and it holds {lines}"
            letters.append((status, reason, lines))
        return letters


class Say:
    """
    An answer. commits: the points are kept all the same, or just these lines; hangs: the connection is broken off instead;
    pause_s: between the headers of an answer that never ends, or the texts of its body.
    """

    def __init__(self, status, text="", commits=False, hangs=False, pause_s=None, **headers):
        self.status, self.text, self.commits, self.hangs, self.pause_s = status, text, commits, hangs, pause_s
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Backend:
    """
    Keeps points by series and time. judge(path, lines) gives a Say, or None for 204; forward(body) is called with what is
    committed.
    """

    def __init__(self, lab, judge=None, forward=None, delay_s=0, port=8087):
        self.points, self.seen, self.paths = {}, {}, []
        self.judge, self.forward, self.delay_s = judge, forward, delay_s
        self.lock = threading.Lock()
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # as who follows a redirect would ask
                backend.paths.append(f"GET {self.path}")
                self.send_error(404)

            def do_POST(self):
                try:
                    backend.answer(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))
                except OSError:
                    self.close_connection = True  # the collector was killed

            def log_message(self, *_):
                pass

        with netns.inside(lab.net):
            self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.address = f"127.0.0.1:{port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        lab.callback(self.server.server_close)
        lab.callback(self.server.shutdown)

    def answer(self, handler, body):
        time.sleep(self.delay_s)
        lines = gzip.decompress(body).decode().splitlines() if body else []
        with self.lock:
            self.paths.append(handler.path)
            say = self.judge(handler.path, lines) if self.judge else None
            if say is None or say.commits:
                self.commit(say.commits if say and say.commits is not True else lines, body)
        say = say or Say(204)
        if say.hangs:
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.close_connection = True
            handler.connection.close()
            return
        if say.pause_s:
            self.dribble(handler, say)
        handler.send_response(say.status)
        for name, value in say.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(say.text)))
        handler.end_headers()
        handler.wfile.write(say.text.encode())

    @staticmethod
    def dribble(handler, say):
        """An OSError when the collector has enough, or the case ends: it kills the collector."""
        handler.wfile.write(f"HTTP/1.1 {say.status} \r\n".encode())
        if say.text:
            handler.wfile.write(b"Content-Length: 1000000\r\n\r\n")
        while True:
            handler.wfile.write(say.text.encode() or b"X: y\r\n")
            time.sleep(say.pause_s)

    def commit(self, lines, body):
        for text in lines:
            series, fields, when = text.split(" ")
            self.points[series, when] = fields
            self.seen.setdefault(text, time.monotonic())
        if self.forward and body:
            self.forward(body)

    def lines(self):
        with self.lock:
            return {f"{series} {fields} {when}" for (series, when), fields in self.points.items()
                    if series.startswith("nstat,")}


class Doubling(Backend):
    """Before another database, to which each body with traffic is forwarded twice, since the first time it says 503."""

    def __init__(self, lab, database):
        self.lab, self.database, self.n_asked = lab, database, 0
        super().__init__(lab, self.say, self.write)

    def write(self, body):
        request = urllib.request.Request(f"http://{self.database}/write?precision=ms", body, {"Content-Encoding": "gzip"})
        with netns.inside(self.lab.net):
            urllib.request.urlopen(request, timeout=20).close()

    def say(self, _, lines):
        self.n_asked += any(text.startswith("nstat,") for text in lines)
        return Say(503, commits=True) if self.n_asked % 2 else None
