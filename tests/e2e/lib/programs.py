# SPDX-License-Identifier: Apache-2.0
"""nstats-probe in the pod, nstats-collector in the network, and what the latter's /metrics say."""
import http.client
import re
import time
import urllib.request

from . import lab as lab_module
from . import netns
from .case import until

SAMPLE = re.compile(r"^([a-z_0-9]+)(?:\{([^}]*)\})? (\S+)$", re.M)
LABEL = re.compile(r'(\w+)="([^"]*)"')
UDP_PORT, HTTP_PORT = 4747, 9747


class Metrics(dict):
    """{(name, ((label, value), ...)): figure}; by name alone where it is the only one."""

    def __init__(self, text):
        super().__init__()
        for name, labels, figure in SAMPLE.findall(text):
            self[name, tuple(sorted(LABEL.findall(labels)))] = float(figure)

    def of(self, name, **labels):
        """The sum over all samples with these labels."""
        found = [figure for (n, have), figure in self.items()
                 if n == name and labels.items() <= dict(have).items()]
        return int(sum(found)) if found else None

    def probe(self, name, host="pod"):
        return self.of("nstats_probe_" + name, host=host)

    def is_drained(self):
        return not any(self.of(f"nstats_{what}_bytes") for what in ("waiting", "committing", "spool"))


class Probe:
    def __init__(self, lab, *arguments, interval_s=2, host="pod", collector=lab_module.NET_4,
                 environment=None, may_wait=False):
        """may_wait: its interface may not be there yet."""
        self.lab, self.interval_s, self.host = lab, interval_s, host
        self.process = lab.start("probe", lab.build / "nstats-probe", "-i", "pod0", "-t", interval_s,
                                 "-c", f"{collector}:{UDP_PORT}", "--host", host, *arguments,
                                 namespace=lab.pod, environment=environment)
        self.stop = self.process.stop
        if not may_wait:
            self.wait_for_capture(10)

    def wait_for_capture(self, limit_s):
        until(self.is_capturing, limit_s, "the probe does not capture")
        time.sleep(0.3)  # libpcap has opened its socket and sets it up

    def is_capturing(self):
        assert self.process.is_running(), f"the probe ended: {self.process.log()}"
        # packet(7): the columns are sk, RefCnt, Type, Proto, Iface, R (running), Rmem, User, Inode
        rows = netns.read_inside(self.lab.pod, "packet").splitlines()[1:]
        return any(row.split()[5] == "1" for row in rows)


def get(lab, path):
    """What the collector answers: (status, text)"""
    with netns.inside(lab.net):
        with urllib.request.urlopen(f"http://127.0.0.1:{HTTP_PORT}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()


def metrics_of(lab):
    """None: it could not answer, where allocations of an answer fail."""
    try:
        return Metrics(get(lab, "/metrics")[1])
    except (OSError, http.client.HTTPException):
        return None


class Collector:
    def __init__(self, lab, *arguments, environment=None, spool=None):
        self.lab = lab
        self.spool = spool or lab.dir / "spool.db"
        self.process = lab.start("collector", lab.build / "nstats-collector", "--spool", self.spool,
                                 *arguments, namespace=lab.net, environment=environment)
        self.stop = self.process.stop
        until(self.is_ready, 20, "the collector is not ready")

    def is_ready(self):
        assert self.process.is_running(), f"the collector ended: {self.process.log()}"
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def get(self, path):
        return get(self.lab, path)

    def metrics(self):
        return Metrics(self.get("/metrics")[1])

    def figure(self, name):
        return self.metrics().of(name)

    def is_drained(self):
        return self.metrics().is_drained()
