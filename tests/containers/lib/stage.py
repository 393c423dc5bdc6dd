# SPDX-License-Identifier: Apache-2.0
"""
What a pod is watched by, in containers as built: influxd and the collector on a network of podman's, and the figures
that the oracle asks for. They find each other by name; this side asks them by address.

    with Stage(podman, "nstats-test") as stage:
        pod = stage.pod("web", app="...")        # an app in Python and the probe, in one network namespace
"""
import contextlib
import json
import urllib.parse
import urllib.request
from pathlib import Path

from .case import equal, until
from .images import INFLUX, make_images, make_influx_image, make_pause, name_of
from .oracle import sealed_in_quiescence
from .programs import Metrics

COLLECTOR_NAME = "nstats-collector.nstats.svc"  # as the manifests call it
CONFINED = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges")
INTERVAL_S = 2


def get(url, data=None, limit_s=20):
    with urllib.request.urlopen(url, data, timeout=limit_s) as answer:
        return answer.read().decode()


def query(influx, text):
    """The series of InfluxDB's answer."""
    form = urllib.parse.urlencode({"q": text, "db": "nstats"}).encode()
    result = json.loads(get(f"{influx}/query", form))["results"][0]
    assert "error" not in result, f"{text}: {result['error']}"
    return result.get("series", [])


class Stage(contextlib.ExitStack):
    def __init__(self, podman, name):
        super().__init__()
        self.podman, self.name = podman, name

    def __enter__(self):
        super().__enter__()
        try:
            make_images(self.podman)
            make_pause(self.podman)
            make_influx_image(self.podman)
            self.network = self.enter_context(self.podman.network(self.name))
            self.influx = self.run("influx", INFLUX, "--env=INFLUXDB_DB=nstats", "--tmpfs=/tmp")
            self.collector = self.run("collector", name_of("collector"), *CONFINED,
                                      "--network-alias=" + COLLECTOR_NAME, "--env=NSTATS_INFLUX=influx:8086",
                                      '--health-cmd=["/nstats-collector","healthcheck"]', "--health-interval=disable")
            until(lambda: self.podman.is_healthy("collector"), 20, "the collector is not healthy")
        except BaseException:
            self.close()
            raise
        return self

    def run(self, name, image, *options, arguments=()):
        """A container on the stage's network, found by its name; its address."""
        self.callback(self.podman.try_, "rm", "--force", "--volumes", "-t", "1", name)
        self.podman("run", "-d", f"--name={name}", f"--network={self.network}", *options, image, *arguments)
        return self.podman.address(name, self.network)

    def python(self, name, program, *options):
        """The shop's image for a program of the case's own."""
        return self.run(name, name_of("shop"), "--entrypoint=python3", *options, arguments=("-c", program))

    def pod(self, name, app):
        """A pod as a cluster makes it: the app, and beside it the probe with one capability and nothing to write on."""
        self.callback(self.podman.try_, "pod", "rm", "--force", "-t", "1", name)
        self.podman("pod", "create", f"--name={name}", f"--network={self.network}")
        self.podman("run", "-d", f"--pod={name}", f"--name={name}-app", *CONFINED, "--entrypoint=python3",
                    name_of("shop"), "-c", app)
        self.podman("run", "-d", f"--pod={name}", f"--name={name}-probe", *CONFINED, "--cap-add=NET_RAW",
                    f"--env=NSTATS_COLLECTOR={COLLECTOR_NAME}:4747", f"--env=POD_NAME={name}",
                    f"--env=NSTATS_INTERVAL={INTERVAL_S}", '--health-cmd=["/nstats-probe","healthcheck"]',
                    "--health-interval=disable", name_of("probe"))
        return Pod(self, name, f"{name}-app", f"{name}-probe", INTERVAL_S)

    # What the oracle of the end-to-end tests asks a collector for.
    def metrics(self):
        return Metrics(get(f"http://{self.collector}:9747/metrics"))

    def figure(self, name):
        return self.metrics().of(name)

    def is_drained(self):
        return self.metrics().is_drained()

    def query(self, text):
        return query(f"http://{self.influx}:8086", text)

    def sums_by(self, tag, host):
        """{tag's value: bytes, both ways}"""
        series = self.query(f"SELECT sum(tx_bytes) + sum(rx_bytes) FROM nstat WHERE hosts = '{host}' GROUP BY \"{tag}\"")
        return {one["tags"][tag]: one["values"][0][1] for one in series}


class Pod:
    """The pod, and the probe in it."""

    def __init__(self, stage, name, app, probe, interval_s):
        self.stage, self.host, self.app, self.probe, self.interval_s = stage, name, app, probe, interval_s
        self.pid = stage.podman.pid(app)

    def interface(self):
        """(rx, tx) bytes of eth0, as the kernel counts them: proc(5), /proc/PID/net/dev."""
        for line in Path(f"/proc/{self.pid}/net/dev").read_text().splitlines():
            name, _, figures = line.partition(":")
            if name.strip() == "eth0":
                return int(figures.split()[0]), int(figures.split()[8])
        raise AssertionError("no eth0 in the pod")

    def opened(self):
        """The interface's counters as the probe found them, or None while no report has come."""
        metrics = self.stage.metrics()
        counters = [metrics.probe(f"if_{way}_bytes_open", self.host) for way in ("rx", "tx")]
        return None if None in counters else tuple(counters)

    def stop_probe(self):
        """As a cluster ends a pod; it must send what it has."""
        self.stage.podman("stop", "-t", "20", self.probe)
        equal(self.stage.podman.inspect(self.probe)["State"]["ExitCode"], 0, "the probe's exit code")


def conserve(pod, started):
    """
    When the traffic has ended: what the interface counted is what the probe captured, and that is what InfluxDB holds
    and the probe's own. `started`: the interface's counters read before the probe ran and once it did. Returns bytes.
    """
    stage, host = pod.stage, pod.host
    opened = until(pod.opened, 30, "no report came")
    for was, is_, later in zip(started[0], opened, started[1]):
        assert was <= is_ <= later, f"the probe opened at {opened}, the interface was at {started}"
    sealed_in_quiescence(pod, pod, stage, opened)
    pod.stop_probe()
    until(stage.is_drained, 30, "the spool is not empty")
    metrics = stage.metrics()
    captured, own, sealed, drops = (metrics.probe(name, host) for name in
                                    ("captured_bytes_total", "self_bytes_total", "sealed_bytes_total", "kernel_drops_total"))
    equal(drops, 0, "kernel drops")
    equal(sealed + own, captured, "rows + self against captured")
    equal(metrics.of("nstats_lost_bytes"), 0, "lost")
    stored = sum(stage.sums_by("hosts", host).values())
    equal(stored, sealed, "rows in InfluxDB against sealed")
    return stored
