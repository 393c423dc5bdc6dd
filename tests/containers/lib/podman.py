# SPDX-License-Identifier: Apache-2.0
"""
podman with a store, networks and locks of its own under build/containers, so that nothing of the machine's is touched.

    podman = Podman(build)                      # see images.py for what is in its store
    podman("run", "--rm", image, "--version")   # its standard output; an assertion with what it said if it fails
    podman.try_("exec", name, "...")            # the CompletedProcess, whatever its code
    with podman.service() as socket: ...        # the API, for docker-compose: DOCKER_HOST=unix://socket
    podman.environment                          # for other programs that shall see the same store
"""
import contextlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

# Containers inherit these; podman's own defaults are more than a container that runs this may hand on.
CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]

[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "{run}/libpod"
static_dir = "{store}/libpod"
volume_path = "{store}/volumes"
infra_image = "{pause}"

[network]
network_backend = "netavark"
network_config_dir = "{store}/networks"
default_subnet = "10.97.0.0/24"
default_subnet_pools = [{{"base" = "10.97.0.0/16", "size" = 24}}]
"""
STORAGE_CONF = """
[storage]
driver = "overlay"
graphroot = "{store}/graph"
runroot = "{run}/storage"
"""
REGISTRIES_CONF = 'unqualified-search-registries = ["docker.io"]\n'
PAUSE = "localhost/nstats-pause:latest"


class Podman:
    def __init__(self, build):
        self.dir = Path(build).resolve() / "containers"
        self.built = set()  # images made by this process
        self.run_dir = Path(f"/run/nstats-containers-{os.stat(self.dir.parent).st_ino}")  # sockets want a short path
        self.environment = {**os.environ, "CONTAINERS_CONF": str(self.dir / "containers.conf"),
                            "CONTAINERS_STORAGE_CONF": str(self.dir / "storage.conf"),
                            "CONTAINERS_REGISTRIES_CONF": str(self.dir / "registries.conf")}
        self.dir.mkdir(parents=True, exist_ok=True)
        self.run_dir.mkdir(exist_ok=True)
        words = {"run": self.run_dir, "store": self.dir, "pause": PAUSE}
        for name, text in (("containers", CONTAINERS_CONF), ("storage", STORAGE_CONF)):
            (self.dir / f"{name}.conf").write_text(text.format(**words))
        (self.dir / "registries.conf").write_text(REGISTRIES_CONF)

    def try_(self, *arguments, limit_s=300, **more):
        command = ["podman", "--log-level=error", *map(str, arguments)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=limit_s,
                              stdin=more.pop("stdin", subprocess.DEVNULL), **more)

    def __call__(self, *arguments, **more):
        done = self.try_(*arguments, **more)
        said = (done.stdout + done.stderr).strip()[-3000:]
        assert done.returncode == 0, f"podman {' '.join(map(str, arguments))}: code {done.returncode}\n{said}"
        return done.stdout.strip()

    def inspect(self, name, kind="container"):
        return json.loads(self("inspect", "--type", kind, name))[0]

    def has_image(self, name):
        return self.try_("image", "exists", name).returncode == 0

    def is_healthy(self, name):
        """One run of the container's health check; nobody else runs it where there is no systemd."""
        return self.try_("healthcheck", "run", name).returncode == 0

    def logs(self, name):
        done = self.try_("logs", name)
        return done.stdout + done.stderr

    def output(self, image, *options, arguments=(), limit_s=20):
        """
        What a program that ends at once says. Not by waiting for it: podman waits 20 s for conmon to be gone where process
        1 is in no hurry to reap it.
        """
        container = self("run", "-d", *options, image, *arguments)
        end = time.monotonic() + limit_s
        try:
            while self.inspect(container)["State"]["Status"] in ("created", "running", "initialized"):
                assert time.monotonic() < end, f"{image} {' '.join(arguments)} still runs"
                time.sleep(0.1)
            return self.logs(container).strip()
        finally:
            self.try_("rm", "--force", "-t", "1", container)

    def pid(self, name):
        return self.inspect(name)["State"]["Pid"]

    def address(self, name, network):
        return self.inspect(name)["NetworkSettings"]["Networks"][network]["IPAddress"]

    @contextlib.contextmanager
    def network(self, name):
        """A bridge where containers find each other by name; gone, with what is still in it, at the end."""
        self.try_("network", "rm", "-f", name)
        self("network", "create", name)
        try:
            yield name
        finally:
            self.try_("network", "rm", "-f", "-t", "1", name)

    @contextlib.contextmanager
    def service(self):
        """The API on a unix socket, whose path it gives."""
        socket = self.run_dir / "podman.sock"
        socket.unlink(missing_ok=True)
        with open(self.dir / "service.log", "wb") as log:
            child = subprocess.Popen(["podman", "system", "service", "--time=0", f"unix://{socket}"],
                                     env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            for _ in range(200):
                if socket.exists() or child.poll() is not None:
                    break
                time.sleep(0.05)
            assert socket.exists(), (self.dir / "service.log").read_text()
            yield str(socket)
        finally:
            child.terminate()
            child.wait(20)

    def reset(self):
        """All containers, pods, networks and volumes away; images stay. Then nothing is mounted below the store."""
        self.try_("pod", "rm", "--all", "--force", "-t", "1")
        self.try_("rm", "--all", "--force", "-t", "1")
        self.try_("network", "prune", "--force")
        self.try_("volume", "prune", "--force")


def why_not():
    """Why no container can run here, or None."""
    if os.geteuid() != 0:
        return "only root may run containers here"
    missing = [tool for tool in ("podman", "runc", "netavark", "debootstrap") if not has_tool(tool)]
    return f"{', '.join(missing)} missing" if missing else None


def has_tool(name):
    return shutil.which(name) or Path("/usr/lib/podman", name).exists()
