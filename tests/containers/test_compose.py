# SPDX-License-Identifier: Apache-2.0
"""
docker-compose.yml itself, run by Debian's docker-compose against podman's socket, with the images as built here. Two things
are replaced: InfluxDB's image, by one with Debian's influxd; and Grafana is left out: its dashboards' queries are asked of
that influxd instead. All of it runs in a network namespace of its own, so that the file's ports are free.
"""
import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time

from lib import netns, stage
from lib.base import REPO
from lib.case import Skip, case, equal, until
from lib.images import INFLUX as INFLUX_IMAGE
from lib.images import make_images, make_influx_image
from lib.programs import Metrics

PROJECT = "nstats-compose-test"
INTERVAL_S = 5
BY = {"client": ("dns", "ptr"), "server": ("ptr",)}  # who asked for a name knows it, unless it was before the probe began
SLACK_S = 6  # a part's wait for its names, the collector's beat, influxd on a machine with other work
PODS = ("web", "catalog", "payments")
SERVICES = ("influxdb", "collector", *PODS, *(f"probe-{pod}" for pod in PODS))
COLLECTOR, INFLUX = "http://127.0.0.1:9747", "http://127.0.0.1:8086"

# Who talks to whom in the shop: (pod, role, the service's port, protocol) and what the other end's name begins with.
CONVERSATIONS = {
    ("web", "client", "8081", "tcp"): "catalog",
    ("web", "client", "8082", "tcp"): "payments",
    ("web", "client", "8081", "udp"): "catalog",
    ("catalog", "server", "8081", "tcp"): "web",
    ("catalog", "server", "8081", "udp"): "web",
    ("payments", "server", "8082", "tcp"): "web",
    ("payments", "client", "8081", "tcp"): "catalog",
}

OVERRIDE = f"""
services:
  influxdb:
    image: {INFLUX_IMAGE}
"""

@contextlib.contextmanager
def own_network():
    """What this thread starts from here on lives in a network namespace of its own, where the file's ports are free."""
    name = f"nst{os.getpid()}c"
    netns.run("ip", "netns", "add", name)
    try:
        netns.run("ip", "-n", name, "link", "set", "lo", "up")
        with netns.inside(name):
            yield
    finally:
        netns.delete(name)


class Compose:
    def __init__(self, podman, socket):
        self.podman = podman
        self.override = podman.dir / "compose-override.yml"
        self.override.write_text(OVERRIDE)
        self.environment = {**podman.environment, "DOCKER_HOST": f"unix://{socket}", "COMPOSE_PROFILES": "influx1",
                            "COMPOSE_PROJECT_NAME": PROJECT, "COMPOSE_HTTP_TIMEOUT": "180",
                            "NSTATS_INTERVAL": str(INTERVAL_S), "SHOP_SPEED": "10"}

    def try_(self, *arguments, limit_s=120):
        command = ["docker-compose", "--ansi", "never", "-f", REPO / "docker-compose.yml", "-f", self.override, *arguments]
        return subprocess.run(command, env=self.environment, cwd=REPO, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=limit_s)

    def __call__(self, *arguments, **more):
        done = self.try_(*arguments, **more)
        assert done.returncode == 0, f"docker-compose {' '.join(arguments)}: {(done.stdout + done.stderr)[-3000:]}"

    def containers(self, *more):
        names = self.podman("ps", *more, "--filter", f"label=com.docker.compose.project={PROJECT}", "--format", "{{.Names}}")
        return names.split()

    def container(self, service):
        return self.podman("ps", "-a", "--filter", f"label=com.docker.compose.project={PROJECT}", "--filter",
                           f"label=com.docker.compose.service={service}", "--format", "{{.Names}}")

    @contextlib.contextmanager
    def health_checks(self):
        """What systemd's timers do for podman elsewhere: each container's check, again and again."""
        end = threading.Event()

        def run():
            while not end.wait(0.5):
                for name in self.podman.try_("ps", "--format", "{{.Names}}").stdout.split():
                    if name.startswith(PROJECT):
                        self.podman.try_("healthcheck", "run", name)
        thread = threading.Thread(target=run)  # in the namespace of the thread that starts it
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()

    @contextlib.contextmanager
    def up(self):
        self.down()
        try:
            with self.health_checks():
                self("up", "-d", "--no-build", *SERVICES)
                yield
        finally:
            self.down()

    def down(self):
        """podman removes a container whose network namespace others share only after them, so that the first try may fail."""
        for _ in range(4):
            if self.try_("down", "-v", "-t", "5", "--remove-orphans").returncode == 0:
                return
        self.podman.try_("rm", "-f", "-t", "1", *self.containers("-a"))


def metrics():
    return Metrics(stage.get(f"{COLLECTOR}/metrics", limit_s=5))


def query(text):
    return stage.query(INFLUX, text)


def receivers():
    """{(pod, role, port, protocol): {(named by, receiver)}}"""
    found = {}
    for one in query('SELECT sum(tx_bytes) FROM nstat GROUP BY hosts, "role", port, proto, named_by, receiver'):
        tags = one["tags"]
        conversation = tuple(tags[name] for name in ("hosts", "role", "port", "proto"))
        found.setdefault(conversation, set()).add((tags["named_by"], tags["receiver"]))
    return found


def missing(found):
    """The conversations that are not there yet, by the other end's name."""
    return {conversation: (name, found.get(conversation)) for conversation, name in CONVERSATIONS.items()
            if not any(named_by in BY[conversation[1]] and name in receiver
                       for named_by, receiver in found.get(conversation, ()))}


def until_seen(limit_s):
    """All three pods' conversations are in InfluxDB, with names; after how many seconds."""
    begin = time.monotonic()
    while missing(receivers()):
        assert time.monotonic() - begin < limit_s, f"after {limit_s} s missing: {missing(receivers())}"
        time.sleep(0.2)
    return time.monotonic() - begin


def check_conservation(compose):
    """The probes end, so that nothing is pending; then every byte is accounted for, from packet to row."""
    compose("stop", "-t", "10", *(f"probe-{pod}" for pod in PODS))
    for pod in PODS:
        code = compose.podman.inspect(compose.container(f"probe-{pod}"))["State"]["ExitCode"]
        equal(code, 0, f"exit code of probe-{pod}")
    until(lambda: metrics().is_drained(), 20, "the spool is not empty")
    now = metrics()
    for name in ("lost_bytes", "evicted_bytes_total", "rejected_bytes_total", "commit_failed_bytes_total"):
        equal(now.of(f"nstats_{name}"), 0, name)
    for pod in PODS:
        captured, own, stored, drops = (now.probe(f"{name}_total", pod) for name in
                                        ("captured_bytes", "self_bytes", "stored_bytes", "kernel_drops"))
        equal(stored + own, captured, f"{pod}: stored + self against captured")
        equal(drops, 0, f"{pod}: kernel drops")
        equal(rows_of(f"hosts = '{pod}'"), stored, f"{pod}: rows in InfluxDB against stored")
        assert stored > 10_000, f"{pod}: {stored} bytes are no shop"
    equal(rows_of("hosts =~ /./"), now.of("nstats_delivered_bytes_total"), "rows in InfluxDB against delivered")


def rows_of(where):
    (one,) = query(f"SELECT sum(tx_bytes) + sum(rx_bytes) FROM nstat WHERE {where}")
    return one["values"][0][1]


def check_confined(compose):
    """What the file promises is what the containers got."""
    for name in compose.containers():
        told = compose.podman.inspect(name)
        host, is_probe = told["HostConfig"], "probe-" in name
        assert host["ReadonlyRootfs"], f"{name}: its root is writable"
        effective = set(told.get("EffectiveCaps") or [])
        assert effective <= ({"CAP_NET_RAW"} if is_probe else set()), f"{name}: {effective}"
        assert any("no-new-privileges" in option for option in host["SecurityOpt"]), f"{name}: may gain privileges"
        for port in (told["NetworkSettings"]["Ports"] or {}).values():
            assert all(one["HostIp"] == "127.0.0.1" for one in port or []), f"{name}: {port}"


def ask_dashboards(limit_s):
    """Every query of grafana/, as Grafana would ask it. A rule that compares half minutes wants a minute or so of data."""
    end = time.monotonic() + limit_s
    while True:
        done = subprocess.run([sys.executable, REPO / "tests/dashboards.py", "queries", INFLUX, "nstats"],
                              capture_output=True, text=True, timeout=120)
        if done.returncode == 0:
            return done.stdout.strip().splitlines()[-1]
        failures = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
        assert time.monotonic() < end, "\n".join(failures) + done.stderr[-1000:]
        time.sleep(5)


@case(limit_s=420)
def the_compose_file_shows_the_shop_within_two_intervals_and_every_byte_is_conserved(podman):
    if not shutil.which("docker-compose"):
        raise Skip("docker-compose missing")
    make_images(podman)
    make_influx_image(podman)
    with own_network(), podman.service() as socket:
        compose = Compose(podman, socket)
        with compose.up():
            took = until_seen(2 * INTERVAL_S + SLACK_S)
            check_confined(compose)
            print(f"all conversations named after {took:.1f} s")
            print(ask_dashboards(limit_s=90))
            check_conservation(compose)
