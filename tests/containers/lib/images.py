# SPDX-License-Identifier: Apache-2.0
"""The images: the Dockerfile's three, and those that stand in for what a registry of images would give."""
import re
import subprocess
import tarfile

from .base import REPO, make_base
from .podman import PAUSE

TARGETS = ("probe", "collector", "shop")
VERSION = re.search(r"^VERSION := (\S+)$", (REPO / "Makefile").read_text(), re.M)[1]
MACHINE = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()

# What holds a pod's namespaces, and does not make its end wait.
PAUSE_DOCKERFILE = """
FROM {base}
ENTRYPOINT ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep infinity & wait"]
"""

# As InfluxDB's own image does: the database of INFLUXDB_DB is made before anybody can write.
INFLUX = "localhost/nstats-test-influxdb:1"
INFLUX_DOCKERFILE = """
FROM {base}
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends influxdb influxdb-client curl
COPY --chmod=755 entrypoint.sh /entrypoint.sh
RUN mkdir -p /var/lib/influxdb && chown 1500:1500 /var/lib/influxdb
USER 1500:1500
VOLUME /var/lib/influxdb
EXPOSE 8086
ENTRYPOINT ["/entrypoint.sh"]
"""
INFLUX_ENTRYPOINT = """#!/bin/sh
set -eu
export HOME=/tmp INFLUXDB_META_DIR=/var/lib/influxdb/meta INFLUXDB_DATA_DIR=/var/lib/influxdb/data
export INFLUXDB_DATA_WAL_DIR=/var/lib/influxdb/wal INFLUXDB_MONITOR_STORE_ENABLED=false
if [ -n "${INFLUXDB_DB-}" ] && [ ! -d /var/lib/influxdb/meta ]; then
	INFLUXDB_HTTP_BIND_ADDRESS=127.0.0.1:8087 influxd run -config /dev/null &
	child=$!
	until influx -port 8087 -execute "CREATE DATABASE \\"$INFLUXDB_DB\\""; do sleep 0.1; done
	kill $child
	wait $child || true
fi
exec influxd run -config /dev/null
"""


def name_of(target, architecture=MACHINE):
    return f"nstats/{target}:{VERSION}" + ("" if architecture == MACHINE else f"-{architecture}")


def make_image(podman, target, architecture=MACHINE):
    """The Dockerfile's target; once a run, and from podman's cache where nothing that it is made of has changed."""
    name = name_of(target, architecture)
    if name in podman.built:
        return name
    make_base(podman)
    podman("build", "--platform", f"linux/{architecture}", "--build-arg", f"BUILDPLATFORM=linux/{MACHINE}",
           "--target", target, "-t", name, REPO, limit_s=900)
    podman.built.add(name)
    return name


def make_images(podman):
    for target in TARGETS:
        make_image(podman, target)


def make_pause(podman):
    """What podman's configuration here names as the infra container's image."""
    base = make_base(podman)
    build_from_text(podman, "pause", PAUSE, {"Dockerfile": PAUSE_DOCKERFILE.format(base=base)})


def make_influx_image(podman):
    base = make_base(podman)
    build_from_text(podman, "influxdb", INFLUX, {"Dockerfile": INFLUX_DOCKERFILE.format(base=base),
                                                 "entrypoint.sh": INFLUX_ENTRYPOINT})


def build_from_text(podman, directory, name, files):
    path = podman.dir / directory
    path.mkdir(exist_ok=True)
    for file, text in files.items():
        (path / file).write_text(text)
    podman("build", "-t", name, path, limit_s=600)


def unpack(podman, image, directory):
    """All that is in the image, as files below the directory."""
    container = podman("create", image)
    try:
        archive = directory.with_suffix(".tar")
        podman("export", "-o", archive, container)
    finally:
        podman("rm", container)
    with tarfile.open(archive) as tar:
        tar.extractall(directory)
    archive.unlink()
    return directory


def size(podman, image):
    """Uncompressed, in bytes."""
    return podman.inspect(image, "image")["Size"]
