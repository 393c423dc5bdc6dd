# SPDX-License-Identifier: Apache-2.0
"""A pod with the probe as built beside the app as built, the collector as built, a real influxd: exact to the byte."""
import re

from lib.base import REPO
from lib.case import case, equal, until
from lib.stage import COLLECTOR_NAME, Stage, conserve

# GET /N answers N bytes.
SERVER = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        n = int(self.path[1:])
        self.send_response(200)
        self.send_header("Content-Length", str(n))
        self.end_headers()
        self.wfile.write(bytes(n))
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""
CLIENT = "import sys, urllib.request as u; print(sum(len(u.urlopen(a, timeout=20).read()) for a in sys.argv[1:]))"
SIZES = (1_000, 40_000, 2_000_000)


def fetch(podman, container, host):
    """From within the container, each size once."""
    got = podman("exec", container, "python3", "-c", CLIENT, *(f"http://{host}:8000/{n}" for n in SIZES))
    equal(int(got), sum(SIZES), f"bytes from {host}")


def answers(podman, container, host):
    return podman.try_("exec", container, "python3", "-c", CLIENT, f"http://{host}:8000/1").returncode == 0


def check_confined(podman, name):
    """The kernel's word: one capability, CAP_NET_RAW (13), and none to be had by executing anything."""
    with open(f"/proc/{podman.pid(name)}/status") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    assert int(status["CapBnd"], 16) == 1 << 13, f"{name}: bounding set {status['CapBnd']}"
    assert int(status["CapPrm"], 16) in (0, 1 << 13), f"{name}: permitted {status['CapPrm']}"
    assert status["NoNewPrivs"].strip() == "1", f"{name}: may gain privileges"
    assert podman.inspect(name)["HostConfig"]["ReadonlyRootfs"], f"{name}: its root is writable"


@case(limit_s=240)
def what_a_pod_moved_is_in_influxdb_to_the_byte(podman):
    with Stage(podman, "nstats-test-pod") as stage:
        stage.python("far", SERVER)
        pod = stage.pod("web", app=SERVER)
        until(lambda: podman.is_healthy(pod.probe), 20, "the probe is not healthy")
        check_confined(podman, pod.probe)
        until(lambda: answers(podman, "far", "web"), 20, "the pod's app does not answer")
        for _ in range(3):
            fetch(podman, pod.app, "far")
            fetch(podman, "far", "web")
        # the counters before the probe ran cannot be read: the pod is there only with its containers
        stored = conserve(pod, started=((0, 0), pod.interface()))
        by_name = stage.sums_by("receiver", "web")
        far = sum(n for name, n in by_name.items() if name.startswith("far"))
        assert far > 6 * sum(SIZES), f"to and from far: {by_name}"
        by_role = stage.sums_by("role", "web")
        print(f"{stored:,} bytes in rows, {far:,} of them by the other container's name; by role {by_role}")


@case(limit_s=240)
def the_example_pod_is_counted_under_its_name(podman):
    """k8s/examples/pod-classic.yaml as it is, by podman play kube."""
    path = REPO / "k8s/examples/pod-classic.yaml"
    name = re.search(r"^metadata:\n  name: (\S+)$", path.read_text(), re.M)[1]
    assert f"{COLLECTOR_NAME}:4747" in path.read_text(), "the example's collector has another name"
    with Stage(podman, "nstats-test-kube") as stage:
        stage.callback(podman.try_, "play", "kube", "--down", path)
        podman("play", "kube", f"--network={stage.network}", path)
        stage.run("visitor", "nstats/shop:0.1.0", "--entrypoint=sleep", arguments=("600",))
        product = "import urllib.request as u; print(len(u.urlopen('http://%s:8081/healthz', timeout=5).read()))" % name
        until(lambda: podman.try_("exec", "visitor", "python3", "-c", product).returncode == 0, 30,
              "the example's app does not answer")
        for _ in range(20):
            podman("exec", "visitor", "python3", "-c", product)
        until(lambda: stage.sums_by("hosts", name).get(name), 40, "nothing came from the example pod")
        probe = f"{name}-nstats-probe"
        podman("stop", "-t", "20", probe)
        until(stage.is_drained, 30, "the spool is not empty")
        metrics = stage.metrics()
        stored = stage.sums_by("hosts", name)[name]
        equal(stored + metrics.probe("self_bytes_total", name), metrics.probe("captured_bytes_total", name),
              "rows in InfluxDB + self against captured")
        print(f"{stored:,} bytes in rows of {name}")
