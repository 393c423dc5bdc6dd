# SPDX-License-Identifier: Apache-2.0
"""The images are built as the Dockerfile says, hold what they must and no more, and run confined."""
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from lib.base import CERTIFICATES, REPO
from lib.case import Skip, at_most, case, equal, until
from lib.images import MACHINE, TARGETS, VERSION, make_image, make_images, name_of, size, unpack

PROBE_MAX, COLLECTOR_MAX = 400 * 1024, 30_000_000
OTHER = "arm64" if MACHINE == "amd64" else "amd64"
QEMU = "qemu-aarch64-static" if OTHER == "arm64" else "qemu-x86_64-static"
CONFINED = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges")
# Each POST's path, one a line; with the certificate it is https.
RECORDER = """
import http.server, ssl
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        print(self.path, flush=True)
        self.send_response(204)
        self.end_headers()
server = http.server.HTTPServer(("", 8443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tls/cert.pem", "/tls/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def equal_text(got, expected):
    assert got == expected, f"{got!r}, expected {expected!r}"


def files_of(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir())


def scratch(podman, name):
    """An empty folder of the case's own."""
    path = podman.dir / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path


@case(limit_s=900)
def all_three_are_built_and_small(podman):
    make_images(podman)
    sizes = {target: size(podman, name_of(target)) for target in TARGETS}
    print(", ".join(f"{target} {n:,} bytes" for target, n in sizes.items()))
    at_most(sizes["probe"], PROBE_MAX, "size of the probe's image")
    at_most(sizes["collector"], COLLECTOR_MAX, "size of the collector's image")


@case(limit_s=300)
def labels_user_entrypoint_and_ports_are_what_manifests_count_on(podman):
    make_images(podman)
    told = {target: podman.inspect(name_of(target), "image")["Config"] for target in TARGETS}
    for target, config in told.items():
        labels = {key.removeprefix("org.opencontainers.image."): value for key, value in config["Labels"].items()}
        assert labels["title"] == f"nstats-{target}" and labels["description"], labels
        assert labels["version"] == VERSION and labels["licenses"] == "Apache-2.0", labels
    probe, collector, shop = (told[target] for target in TARGETS)
    assert (probe["User"], probe["Entrypoint"]) == ("0:0", ["/nstats-probe"]), probe
    assert (collector["User"], collector["Entrypoint"]) == ("65532:65532", ["/nstats-collector"]), collector
    assert collector["Volumes"] == {"/data": {}}, collector
    assert {"NSTATS_SPOOL=/data/nstats.db", "NSTATS_HTTP=[::]:9747"} <= set(collector["Env"]), collector
    assert set(collector["ExposedPorts"]) == {"4747/udp", "9747/tcp"}, collector
    assert shop["User"] == "65532:65532", shop


@case(limit_s=300)
def there_is_nothing_in_them_but_the_programs_and_what_they_need(podman):
    make_images(podman)
    directory = scratch(podman, "unpacked")
    probe = unpack(podman, name_of("probe"), directory / "probe")
    made_by_podman = {"dev/console", "etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/mtab", "run/.containerenv"}
    assert set(files_of(probe)) - made_by_podman == {"nstats-probe"}, files_of(probe)

    collector = unpack(podman, name_of("collector"), directory / "collector")
    others = [name for name in files_of(collector) if ".so" not in name and name not in made_by_podman]
    assert others == sorted(["nstats-collector", "etc/passwd", "etc/group", "etc/nsswitch.conf", CERTIFICATES[1:]]), others
    assert (collector / CERTIFICATES[1:]).read_text().count("BEGIN CERTIFICATE") > 100, "few authorities"
    equal((collector / "data").stat().st_uid, 65532, "owner of /data")
    print(f"{len(files_of(collector)) - len(others)} libraries")
    for target in ("probe", "collector"):
        done = podman.try_("run", "--rm", "--entrypoint", "/bin/sh", name_of(target), "-c", "true")
        assert done.returncode == 127, f"{target}: a shell? {done}"


@case(limit_s=120)
def both_run_with_a_read_only_root_and_no_capability(podman):
    make_images(podman)
    for target in ("probe", "collector"):
        said = podman.output(name_of(target), *CONFINED, "--network=none", arguments=["--version"])
        equal_text(said, f"nstats-{target} {VERSION}")


@case(limit_s=120)
def the_collector_finds_a_name_and_trusts_the_authorities_in_its_image_and_no_other(podman):
    """DNS, getaddrinfo without modules of glibc, and https: what a closure of libraries may lack unnoticed."""
    make_images(podman)
    tls = scratch(podman, "tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=influx",
                    "-addext", "subjectAltName=DNS:influx", "-keyout", tls / "key.pem", "-out", tls / "cert.pem"],
                   capture_output=True, check=True)
    (tls / "key.pem").chmod(0o644)
    (tls / "recorder.py").write_text(RECORDER)
    with podman.network("nstats-test-tls") as network:
        podman("run", "-d", "--name=influx", f"--network={network}", f"--volume={tls}:/tls:ro", "--entrypoint=python3",
               name_of("shop"), "/tls/recorder.py")
        for name, more in (("trusting", [f"--volume={tls}/cert.pem:{CERTIFICATES}:ro"]), ("doubting", [])):
            podman("run", "-d", f"--name={name}", f"--network={network}", *CONFINED, *more,
                   "--env=NSTATS_INFLUX=https://influx:8443", f"--env=NSTATS_CLUSTER={name}", "--env=NSTATS_DB=" + name,
                   name_of("collector"))
        until(lambda: "db=trusting" in podman.logs("influx"), 40, "nothing came by https")
        until(lambda: "certificate" in podman.logs("doubting"), 40, "an unknown authority's certificate is no matter")
        assert "db=doubting" not in podman.logs("influx"), "wrote to a server that it could not know"


@case(limit_s=900)
def the_other_architecture_is_cross_compiled_and_runs(podman):
    if not shutil.which(QEMU):
        raise Skip(f"{QEMU} missing")
    directory = scratch(podman, "other")
    for target in ("probe", "collector"):
        image = make_image(podman, target, OTHER)
        equal_text(podman.inspect(image, "image")["Architecture"], OTHER)
        root = unpack(podman, image, directory / target)
        done = subprocess.run([QEMU, "-L", root, root / f"nstats-{target}", "--version"], capture_output=True, text=True)
        equal_text(done.stdout.strip(), f"nstats-{target} {VERSION}")
    at_most(size(podman, name_of("probe", OTHER)), PROBE_MAX, f"size of the probe's image for {OTHER}")
    run_golden(directory, [QEMU, directory / "probe/nstats-probe"])


@case(limit_s=300)
def the_static_probe_passes_the_golden_cases(podman):
    directory = scratch(podman, "static")
    run_golden(directory, [unpack(podman, make_image(podman, "probe"), directory / "probe") / "nstats-probe"])


def run_golden(directory, command):
    """The golden cases, with a program of this command in place of the probe."""
    wrapper = directory / "nstats-probe"
    wrapper.write_text('#!/bin/sh\nexec {} "$@"\n'.format(" ".join(map(str, command))))
    wrapper.chmod(0o755)
    done = subprocess.run([REPO / "tests/golden/run.sh", directory], capture_output=True, text=True)
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert done.returncode == 0 and not failed, done.stdout[-2000:]
    print(f"golden: {done.stdout.splitlines()[-1]}")


@case(limit_s=300)
def the_static_probe_is_the_same_file_wherever_it_is_built(podman):
    build = podman.dir.parent
    subprocess.run([REPO / "tests/static.sh", MACHINE, build], capture_output=True, check=True)
    with tempfile.TemporaryDirectory(prefix="nstats-elsewhere-") as name:
        elsewhere = Path(name)
        for part in ("Makefile", "proto", "probe", "tests/static.sh"):
            source, target = REPO / part, elsewhere / part
            target.parent.mkdir(exist_ok=True)
            shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
        (elsewhere / "build").mkdir()
        os.symlink(build / "sources", elsewhere / "build/sources")
        subprocess.run([elsewhere / "tests/static.sh", MACHINE], capture_output=True, check=True)
        here, there = (hashlib.sha256((path / "static/nstats-probe").read_bytes()).hexdigest()
                       for path in (build, elsewhere / "build"))
    equal_text(there, here)
    print(f"sha256 {here}")
