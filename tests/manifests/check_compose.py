#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
check_compose.py BUILD_DIR: what docker-compose itself makes of docker-compose.yml and the env files beside it. Compose 1.29
takes the file; the profile chooses the InfluxDB; and the collector, started with the environment that comes out, writes as
that InfluxDB wants it: path, parameters and Authorization.
"""
import gzip
import http.server
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
LIMIT_S = 20
MODES = {  # env file: the InfluxDB that runs, the write request, its Authorization
    ".env": ("influxdb", "/write?db=nstats&precision=ms", None),
    "demo/influx2.env": ("influxdb2", "/api/v2/write?org=nstats&bucket=nstats&precision=ms", "Token nstats-demo-token"),
    "demo/influx3.env": ("influxdb3", "/write?db=nstats&precision=ms", None),
}


def compose(*arguments, text=None):
    """docker-compose with no variable of the caller's that the file reads."""
    names = {"PATH", "HOME", "LANG"}
    done = subprocess.run(["docker-compose", "--project-directory", REPO, *arguments], input=text, text=True, cwd=REPO,
                          env={name: os.environ[name] for name in names if name in os.environ},
                          capture_output=True, timeout=60)
    if done.returncode:
        raise ValueError(done.stderr.strip())
    return done.stdout


def rendered(env_file):
    import yaml  # docker-compose's own dependency
    return yaml.safe_load(compose("--env-file", env_file, "config"))["services"]


def file_is_taken_and_broken_copies_are_not():
    text = (REPO / "docker-compose.yml").read_text()
    compose("-f", "-", "config", "-q", text=text)
    for part, wrong in (("services:", "name: nstats\nservices:"), ("mem_limit:", "memory_limit:"), ("*probe\n", "*prob\n"),
                        ("service:web", "service:wep"), ("retries: 4", "retries: four")):
        broken = text.replace(part, wrong)
        assert broken != text, f"the file has no {part!r}"
        try:
            compose("-f", "-", "config", "-q", text=broken)
        except ValueError:
            continue
        raise AssertionError(f"taken, with {wrong!r} for {part!r}")


def each_env_file_chooses_its_influxdb():
    for env_file, (database, *_) in MODES.items():
        services = rendered(env_file)
        chosen = dict(line.split("=", 1) for line in (REPO / env_file).read_text().splitlines() if "=" in line[:40])
        running = [name for name, service in services.items()
                   if not service.get("profiles") or chosen["COMPOSE_PROFILES"] in service["profiles"]]
        databases = [name for name in running if name.startswith("influxdb")]
        assert databases == [database], f"{env_file}: {databases}, expected {database}"
        url = services["collector"]["environment"]["NSTATS_INFLUX"]
        port = services[database]["ports"][0].split(":")[-1].removesuffix("/tcp")
        assert url == f"http://{database}:{port}" == services["grafana"]["environment"]["NSTATS_INFLUX_URL"], (env_file, url)
        wanted = services["grafana"]["environment"]["NSTATS_INFLUX_AUTH"] or None
        assert wanted == MODES[env_file][2], f"{env_file}: Grafana says {wanted}"


class Recorder(http.server.ThreadingHTTPServer):
    """What is posted to it: (path, Authorization, lines)."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            lines = gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body
            self.server.requests.append((self.path, self.headers["Authorization"], lines.decode()))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.requests = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


def capture_file(path):
    """One UDP packet, half a minute ago."""
    udp = struct.pack("!HHHH", 40000, 5000, 108, 0) + bytes(100)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 128, 1, 0, 64, 17, 0, bytes((10, 1, 0, 2)), bytes((10, 1, 0, 3)))
    frame = bytes(range(12)) + b"\x08\x00" + ip + udp
    header = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
    path.write_bytes(header + struct.pack("<IIII", int(time.time()) - 30, 0, len(frame), len(frame)) + frame)


def free_ports(n):
    import socket
    opened = [socket.socket() for _ in range(n)]
    for one in opened:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in opened]
    for one in opened:
        one.close()
    return ports


def until(predicate, what):
    end = time.monotonic() + LIMIT_S
    while not predicate():
        assert time.monotonic() < end, f"after {LIMIT_S} s: {what}"
        time.sleep(0.05)


def is_ready(port):
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).status == 200
    except OSError:
        return False


def written(build, env_file, directory):
    """What the collector posts with that environment; only addresses and paths are this machine's."""
    recorder, (udp, port) = Recorder(), free_ports(2)
    environment = {name: str(value or "") for name, value in rendered(env_file)["collector"]["environment"].items()}
    environment |= {"NSTATS_INFLUX": f"http://127.0.0.1:{recorder.server_port}", "NSTATS_HTTP": f"[::]:{port}",
                    "NSTATS_LISTEN": f"127.0.0.1:{udp}", "NSTATS_SPOOL": f"{directory}/nstats.db", "NSTATS_PTR": "off"}
    if environment["NSTATS_TOKEN_FILE"]:
        assert environment["NSTATS_TOKEN_FILE"] == "/run/secrets/influx-token"
        environment["NSTATS_TOKEN_FILE"] = str(REPO / "demo/influx-token")
    with open(directory / "log", "wb") as log:
        collector = subprocess.Popen([build / "nstats-collector"], env=environment, stdin=subprocess.DEVNULL,
                                     stdout=log, stderr=log)
    try:
        until(lambda: collector.poll() is not None or is_ready(port), "the collector is not ready")
        assert collector.poll() is None, (directory / "log").read_text()
        capture_file(directory / "one.pcap")
        subprocess.run([build / "nstats-probe", "-r", directory / "one.pcap", "-c", f"127.0.0.1:{udp}", "--host", "pod"],
                       check=True, timeout=LIMIT_S, capture_output=True)
        until(lambda: any("hosts=pod" in lines for *_, lines in recorder.requests), "nothing was written")
    finally:
        collector.terminate()
        collector.wait(LIMIT_S)
        recorder.shutdown()
        recorder.server_close()
    return recorder.requests


def collector_writes_as_each_influxdb_wants_it(build):
    for env_file, (_, path, authorization) in MODES.items():
        with tempfile.TemporaryDirectory() as directory:
            for got_path, got_authorization, _ in written(build, env_file, Path(directory)):
                assert got_path == path, f"{env_file}: {got_path}, expected {path}"
                assert got_authorization == authorization, f"{env_file}: {got_authorization}, expected {authorization}"


def main():
    build = Path(sys.argv[1]).resolve()
    checks = {"compose/docker_compose_takes_the_file_and_refuses_broken_copies": file_is_taken_and_broken_copies_are_not,
              "compose/each_env_file_chooses_its_influxdb": each_env_file_chooses_its_influxdb,
              "compose/the_collector_writes_as_each_influxdb_wants_it": lambda: collector_writes_as_each_influxdb_wants_it(build)}
    failed = 0
    for name, check in checks.items():
        if not shutil.which("docker-compose"):
            print(f"skip {name}: docker-compose missing")
            continue
        try:
            check()
            print(f"ok {name}")
        except (AssertionError, ValueError, OSError, subprocess.SubprocessError):
            failed += 1
            print(f"FAIL {name}")
            traceback.print_exc(file=sys.stdout)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
