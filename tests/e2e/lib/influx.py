# SPDX-License-Identifier: Apache-2.0
"""Debian's influxd and victoria-metrics in the network's namespace, and a server that records requests."""
import gzip
import http.server
import json
import threading
import urllib.parse
import urllib.request

from . import netns
from .case import until

MEASUREMENTS = {"nstat", "nstats_collector", "nstats_probe"}  # all that we write
CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:8088"
[meta]
  dir = "{dir}/meta"
[data]
  dir = "{dir}/data"
  wal-dir = "{dir}/wal"
  query-log-enabled = false
  {data}
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:8086"
  log-enabled = false
  {http}
"""


class Influx:
    address = "127.0.0.1:8086"

    def __init__(self, lab, db="nstats", http="", data=""):
        self.lab, self.db = lab, db
        self.dir = lab.dir / "influx"
        self.dir.mkdir()
        (self.dir / "influxd.conf").write_text(CONFIG.format(dir=self.dir, http=http, data=data))
        self.start()
        self.query(f'CREATE DATABASE "{db}"')

    def start(self):
        self.process = self.lab.start("influxd", "/usr/bin/influxd", "run", "-config",
                                      self.dir / "influxd.conf", namespace=self.lab.net,
                                      environment={"HOME": str(self.dir)})
        until(self.is_up, 30, "influxd does not answer")

    def is_up(self):
        assert self.process.is_running(), f"influxd ended: {self.process.log()[-2000:]}"
        try:
            return self.request("/ping") is not None
        except OSError:
            return False

    def request(self, path, data=None):
        with netns.inside(self.lab.net):
            with urllib.request.urlopen(f"http://{self.address}{path}", data=data, timeout=20) as answer:
                return answer.read()

    def query(self, text):
        """The series of the first statement."""
        form = urllib.parse.urlencode({"q": text, "db": self.db}).encode()
        result = json.loads(self.request("/query", form))["results"][0]
        assert "error" not in result, f"{text}: {result['error']}"
        return result.get("series", [])

    def sums_by(self, tag, where="hosts = 'pod'"):
        """{tag's value: (tx bytes, rx bytes)}"""
        series = self.query(f"SELECT sum(tx_bytes), sum(rx_bytes) FROM nstat WHERE {where} GROUP BY {tag}")
        return {one["tags"][tag]: (one["values"][0][1] or 0, one["values"][0][2] or 0) for one in series}

    def total(self, where="hosts = 'pod'"):
        return sum(tx + rx for tx, rx in self.sums_by("hosts", where).values())

    def last(self, measurement, where="hosts = 'pod'"):
        """The newest point: {field or tag: value}; {} where there is none."""
        for one in self.query(f"SELECT * FROM {measurement} WHERE {where} ORDER BY time DESC LIMIT 1"):
            return dict(zip(one["columns"], one["values"][0]))
        return {}

    def measurements(self):
        return [row[0] for one in self.query("SHOW MEASUREMENTS") for row in one["values"]]


class Victoria:
    address = "127.0.0.1:8428"

    def __init__(self, lab, *arguments):
        self.lab = lab
        self.process = lab.start("victoria", "/usr/bin/victoria-metrics",
                                 f"-storageDataPath={lab.dir}/victoria",
                                 f"-httpListenAddr={self.address}", "-retentionPeriod=1d",
                                 "-search.disableCache", *arguments, namespace=lab.net)
        until(self.is_up, 30, "victoria-metrics does not answer")

    def is_up(self):
        assert self.process.is_running(), f"victoria-metrics ended: {self.process.log()[-2000:]}"
        try:
            return bool(self.get("/health"))
        except OSError:
            return False

    def get(self, path):
        with netns.inside(self.lab.net):
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=20) as answer:
                return answer.read().decode()

    def sums_by(self, tag, where="hosts = 'pod'"):
        """As Influx': {tag's value: (tx bytes, rx bytes)}, of all samples that it stored."""
        self.get("/internal/force_flush")
        which = where.replace(" = ", "=").replace("'", '"')
        sums = {}
        for i, field in enumerate(("tx_bytes", "rx_bytes")):
            match = urllib.parse.quote(f'{{__name__="nstat_{field}",{which}}}')
            for line in self.get(f"/api/v1/export?match[]={match}").splitlines():
                series = json.loads(line)
                sums.setdefault(series["metric"].get(tag, "-"), [0, 0])[i] += int(sum(series["values"]))
        return {value: tuple(both) for value, both in sums.items()}

    def total(self, where="hosts = 'pod'"):
        return sum(tx + rx for tx, rx in self.sums_by("hosts", where).values())


class Recorder:
    """An HTTP server that keeps each request and answers with what `answers` gives next, else 204."""

    def __init__(self, lab, host="127.0.0.1", port=8087):
        self.requests, self.answers = [], []
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                recorder.requests.append((self.path, dict(self.headers), body))
                self.send_response(recorder.answers.pop(0) if recorder.answers else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        with netns.inside(lab.net):
            self.server = http.server.ThreadingHTTPServer((host, port), Handler)
        self.address = f"{host}:{port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        lab.callback(self.server.server_close)
        lab.callback(self.server.shutdown)

    def lines(self):
        return [line for _, headers, body in self.requests
                for line in (gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body)
                .decode().splitlines()]
