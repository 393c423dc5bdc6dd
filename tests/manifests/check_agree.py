#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
check_agree.py BUILD_DIR: what is said in more than one place is the same everywhere. Versions, image tags, environment names,
ports, paths, users and commands in k8s/, the compose file, the Dockerfile, the demo and Grafana's provisioning; the code's own
word stands: the programs' options as they print them, the Makefile's version, the demo's and the collector's sources.
"""
import functools
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
PROBE_FORMS = ("k8s/components/probe-sidecar*/*.yaml", "k8s/inject/*/*.yaml", "k8s/examples/pod*.yaml")
RESTORE = "k8s/examples/restore.yaml"  # tools of an image that nothing else uses
ENV_NAME = re.compile(r"name: \"?([A-Z][A-Z0-9_]+)\b")
LITERAL = re.compile(r"^\s*(?:- )?([A-Z][A-Z0-9_]+)=(.*)$", re.M)
BROKEN = {}  # path: a text that stands in for the file's


def read(path):
    path = str(path)
    return BROKEN[path] if path in BROKEN else (REPO / path).read_text()


def files(*patterns):
    found = [path.relative_to(REPO) for pattern in patterns for path in sorted(REPO.glob(pattern)) if path.is_file()]
    assert found, f"no files: {patterns}"
    return {str(path): read(path) for path in found}


def everything():
    return files("k8s/**/*.yaml", "k8s/**/*.env", "docker-compose.yml", ".env", "demo/*.env", "Dockerfile", "README.md")


def code(text):
    """Without comments, which may speak of other versions."""
    return re.sub(r"(^|\s)#.*", r"\1", text)


def one(pattern, text, what):
    match = re.search(pattern, text, re.M | re.S)
    assert match, f"{what}: no {pattern}"
    return match[1]


def version():
    return one(r"^VERSION := (\S+)$", read("Makefile"), "Makefile")


@functools.cache
def options(build, program):
    """{environment name: default} as the program prints its table."""
    table = subprocess.run([build / f"nstats-{program}", "--help=markdown"], capture_output=True, text=True, timeout=10, check=True)
    rows = [line.replace(r"\|", "/").split("|")[1:5] for line in table.stdout.splitlines() if line.startswith("| `-")]
    return {name: row[2].strip().strip("`") for row in rows for name in re.findall(r"`([^`]+)`", row[1])}


def env_of_k8s(text):
    """{name: value or None} of containers, ConfigMaps' literals and CEL."""
    names = dict.fromkeys(ENV_NAME.findall(text))
    names |= {name: value.strip('"') for name, value in
              re.findall(r"name: \"?([A-Z][A-Z0-9_]+)\"?,?\n\s*value: (\"[^\"\n]*\"|\S+)", text)}
    variables = dict(re.findall(r"- name: (\w+)\n\s+expression: '\"(\S+)\"'", text))  # CEL's
    names = {name: variables.get(str(value).removeprefix("variables."), value) for name, value in names.items()}
    return names | dict(LITERAL.findall(code(text)))


def block(name):
    """A service of the compose file, or an x- part of it."""
    indent = "" if name.startswith("x-") else "  "
    return one(rf"^{indent}{name}:[^\n]*\n(.*?)(?=^(?:{indent})?[a-z]|\Z)", code(read("docker-compose.yml")), f"docker-compose.yml, {name}")


def env_of_compose(name):
    told = {key: value.strip('" ') for key, value in re.findall(r"^\s+([A-Z][A-Z0-9_]+): (.*)$", block(name), re.M)}
    assert told, f"docker-compose.yml, {name}: no environment"
    return told


def default(value):
    return re.sub(r"\$\{[A-Z0-9_]+:-([^}]*)\}", r"\1", value)


def stage(target):
    return one(rf"^FROM \S+ AS {target}\n(.*?)(?=^FROM|\Z)", read("Dockerfile"), f"Dockerfile, {target}")


def versions_are_the_makefiles():
    expected = version()
    for path, text in everything().items():
        said = re.findall(r"nstats/(?:probe|collector|shop):(\$\{[^}]*\}|[^\s\"`,]+)", text)
        said += re.findall(r"app\.kubernetes\.io/version: (\S+)|^ARG VERSION=(\S+)|^NSTATS_VERSION=(\S+)", text, re.M)
        for one_said in said:
            tag = default(one_said if isinstance(one_said, str) else next(filter(None, one_said)))
            assert tag == expected, f"{path}: {tag}; the Makefile has {expected}"
    said = re.findall(r"\bnstats/([a-z]+):", "".join(everything().values()))
    assert set(said) == {"probe", "collector", "shop"}, f"images {set(said)}"
    for target in set(said):
        stage(target)


def foreign_images_are_one_version():
    pinned = dict(LITERAL.findall(read(".env")))
    wanted = {"influxdb": pinned["INFLUXDB_TAG"], "grafana/grafana": pinned["GRAFANA_TAG"]}
    seen = set()
    for path, text in files("k8s/**/*.yaml").items():
        for image, tag in re.findall(r"image: \"?([a-z/]+):([^\s\",]+)", code(text)):
            if not image.startswith("nstats/") and path != RESTORE:
                assert wanted.get(image) == tag, f"{path}: {image}:{tag}; .env has {wanted.get(image)}"
                seen.add(image)
    assert seen == set(wanted), f"k8s/ has {seen}"


def environment_names_are_options(build):
    probe, collector = options(build, "probe"), options(build, "collector")
    assert "NSTATS_COLLECTOR" in probe and "INFLUX" in collector, "the tables of options were not understood"
    shop = set(re.findall(r"environ\(\"([A-Z_]+)\"\)", read("demo/shop.py")))
    datasource = set(re.findall(r"\$(NSTATS_[A-Z_]+)", code(read("grafana/provisioning/datasources/nstats.yaml"))))
    takers = {
        "collector": (collector, [*map(env_of_k8s, files("k8s/base/*.yaml", "k8s/overlays/production/*").values()),
                                  env_of_k8s(read("k8s/overlays/demo/kustomization.yaml")), env_of_compose("collector"),
                                  dict(re.findall(r"(NSTATS_\w+)=(\S+)", one(r"^ENV (.*?)$", stage("collector"), "ENV")))]),
        "probe": (probe, [*map(env_of_k8s, files(*PROBE_FORMS).values()), env_of_compose("x-probe-environment"),
                          dict(re.findall(r"\*probe-environment, (\w+): (\w+)", read("docker-compose.yml")))]),
        "shop": (shop, [*map(env_of_k8s, files("k8s/overlays/demo/shop/*.yaml").values()), env_of_compose("x-shop")]),
        "grafana": (datasource, [{name: value for name, value in said.items() if name.startswith("NSTATS_")} for said in
                                 (env_of_k8s(read("k8s/overlays/demo/grafana/grafana.yaml")), env_of_compose("grafana"))]),
    }
    for taker, (known, places) in takers.items():
        names = {name for place in places for name in place}
        assert names, f"{taker}: nothing is told"
        assert names <= set(known), f"{taker} knows no {sorted(names - set(known))}"
    compose_only = set(re.findall(r"\$\{([A-Z0-9_]+):-", read("docker-compose.yml")))
    known = set(probe) | set(collector) | datasource | compose_only
    for path, text in (everything() | files("grafana/provisioning/**/*.yaml")).items():
        names = set(re.findall(r"\bNSTATS_[A-Z0-9_]*[A-Z0-9]\b", text)) - {"NSTATS_SOME_FLAG"}
        assert names <= known, f"{path}: {sorted(names - known)}"


def demos_are_told_the_same():
    """InfluxDB's, Grafana's and the shop's environment in compose and in the cluster, addresses apart."""
    for service, path in (("influxdb", "influxdb.yaml"), ("grafana", "grafana/grafana.yaml")):
        ours, theirs = env_of_k8s(read(f"k8s/overlays/demo/{path}")), env_of_compose(service)
        assert set(ours) == set(theirs), f"{service}: {set(ours) ^ set(theirs)}"
        for name, value in theirs.items():
            assert name == "NSTATS_INFLUX_URL" or ours[name] == default(value), f"{service}: {name}={ours[name]}, compose {value}"
    for path, text in files("k8s/overlays/demo/shop/*.yaml").items():
        for name, value in env_of_k8s(text).items():
            assert env_of_compose("x-shop")[name] == value, f"{path}: {name}={value}"
    influx = env_of_k8s(read("k8s/overlays/demo/kustomization.yaml"))["NSTATS_INFLUX"]
    assert env_of_k8s(read("k8s/overlays/demo/grafana/grafana.yaml"))["NSTATS_INFLUX_URL"] == influx, "Grafana asks another InfluxDB"
    database = one(r"dbName: (\S+)", read("grafana/provisioning/datasources/nstats.yaml"), "data source")
    said = {env_of_k8s(read("k8s/base/kustomization.yaml"))["NSTATS_DB"], env_of_compose("collector")["NSTATS_DB"],
            env_of_compose("influxdb")["INFLUXDB_DB"], env_of_k8s(read("k8s/overlays/demo/influxdb.yaml"))["INFLUXDB_DB"]}
    assert said == {database}, f"databases {said | {database}}"


def ports_are_the_codes(build):
    probe, collector = options(build, "probe"), options(build, "collector")
    udp, tcp = (collector[name].rpartition(":")[2] for name in ("NSTATS_LISTEN", "NSTATS_HTTP"))
    assert probe["NSTATS_COLLECTOR"].endswith(f":{udp}"), "the probe's default is another port"
    pairs = {("UDP", udp), ("TCP", tcp)}
    exposed = set(re.findall(r"(\d+)/(\w+)", one(r"^EXPOSE (.*?)$", stage("collector"), "EXPOSE")))
    assert {(kind.upper(), port) for port, kind in exposed} == pairs, f"EXPOSE {exposed}"
    for path, key in (("deployment", "containerPort"), ("service", "port")):
        said = re.findall(rf"{key}: (\d+)\n(?:\s+targetPort: \S+\n)?\s+protocol: (\w+)", read(f"k8s/base/{path}.yaml"))
        assert {(kind, port) for port, kind in said} == pairs, f"k8s/base/{path}.yaml: {said}"
    assert f"127.0.0.1:{tcp}:{tcp}" in block("collector"), "compose publishes another port"
    for text in (stage("collector"), read("k8s/base/deployment.yaml"), block("collector")):
        assert one(r"NSTATS_HTTP\W+(?:value: \")?(\[::\]:\d+)", text, "NSTATS_HTTP") == f"[::]:{tcp}"
    name, namespace = (one(pattern, read(f"k8s/base/{path}"), path) for pattern, path in
                       ((r"^  name: (\S+)", "service.yaml"), (r"^namespace: (\S+)", "kustomization.yaml")))
    for path, text in files(*PROBE_FORMS).items():
        for value in filter(None, [env_of_k8s(text).get("NSTATS_COLLECTOR")]):
            assert value == f"{name}.{namespace}.svc:{udp}", f"{path}: {value}"
    assert env_of_compose("x-probe-environment")["NSTATS_COLLECTOR"] == f"collector:{udp}"
    database = read("k8s/overlays/demo/influxdb.yaml")
    name, namespace, port = (one(rf"kind: Service.*?{key}: (\S+)", database, "influxdb.yaml") for key in ("name", "namespace", " port"))
    influx = env_of_k8s(read("k8s/overlays/demo/kustomization.yaml"))["NSTATS_INFLUX"]
    assert influx == f"http://{name}.{namespace}.svc:{port}" and f"containerPort: {port}" in database, f"{influx}: who is that?"


def shop_is_the_programs():
    ports = dict(re.findall(r"\"(\w+)\": (\d+)", one(r"^PORTS = (\{.*?\})", read("demo/shop.py"), "demo/shop.py")))
    exposed = re.findall(r"(\d+)/tcp", one(r"^EXPOSE (.*?)$", stage("shop"), "EXPOSE"))
    assert set(exposed) == set(ports.values()), f"EXPOSE {exposed}"
    for role, port in ports.items():
        text = read(f"k8s/overlays/demo/shop/{role}.yaml")
        assert f"args: [{role}]" in text, f"{role} does not play its role"
        assert set(re.findall(r"(?:containerPort|port): (\d+)", text)) == {port}, f"{role} is not on {port}"
        assert f"command: [{role}]" in block(role) and f'"{role}", "--check"' in block(role), f"compose's {role} is not {role}"
    for name, value in env_of_compose("x-shop").items():
        if ":" in default(value):
            assert value == f"{name.lower()}:{ports[name.lower()]}", f"{name}={value}"
    for path, text in files("k8s/examples/pod*.yaml").items():
        role = one(r"args: \[(\w+)\]", text, path)
        assert set(re.findall(r"containerPort: (\d+)", text)) <= {ports[role]}, f"{path}: not {role}'s port"


def paths_are_the_same():
    image, deployment, compose = stage("collector"), read("k8s/base/deployment.yaml"), block("collector")
    folder = one(r"^VOLUME (\S+)$", image, "VOLUME")
    spools = {one(r"NSTATS_SPOOL=(\S+)", image, "ENV"), env_of_k8s(deployment)["NSTATS_SPOOL"], env_of_compose("collector")["NSTATS_SPOOL"]}
    assert len(spools) == 1 and spools.pop().startswith(folder + "/"), "the spool is not in the volume, or in several places"
    assert f"mountPath: {folder}\n" in deployment and f'"collector:{folder}"' in compose, f"{folder} is not mounted"
    secret = one(r"name: influx\n\s+mountPath: (\S+)", deployment, "the Secret")
    told = re.findall(r"NSTATS_(?:TOKEN|PASSWORD)_FILE=(\S+)", read("k8s/overlays/production/collector.env"))
    assert told and all(path.startswith(secret + "/") for path in told), f"{told} are not in {secret}"
    dashboards = one(r"path: (\S+)", read("grafana/provisioning/dashboards/nstats.yaml"), "Grafana's provider")
    mounts = set(re.findall(r"mountPath: (\S+)", read("k8s/overlays/demo/grafana/grafana.yaml")))
    provisioning = {f"/etc/grafana/provisioning/{path.name}" for path in (REPO / "grafana/provisioning").iterdir()}
    assert provisioning | {dashboards} <= mounts, f"not mounted: {(provisioning | {dashboards}) - mounts}"
    compose = block("grafana")
    assert f":{dashboards}:ro" in compose and ":/etc/grafana/provisioning:ro" in compose, "compose mounts other folders"
    listed = set(re.findall(r"- (dashboards/\S+|provisioning/\S+)", read("grafana/kustomization.yaml")))
    there = {str(path.relative_to(REPO / "grafana")) for pattern in ("dashboards/*.json", "provisioning/*/*.yaml")
             for path in (REPO / "grafana").glob(pattern)}
    assert listed == there, f"grafana/kustomization.yaml: {listed ^ there}"
    routes = set(re.findall(r'^\t\{"(/[a-z]*)"', read("collector/main.c"), re.M))
    asked = set(re.findall(r"path: (/\w+)", deployment + read("k8s/components/podmonitor/podmonitor.yaml")))
    assert asked == {"/healthz", "/readyz", "/metrics"} <= routes, f"{asked} are asked, {routes} are answered"
    assert '"/healthz"' in read("demo/shop.py"), "the shop has no /healthz"


def users_are_the_images():
    for target, texts in (("collector", [read("k8s/base/deployment.yaml"), read(RESTORE)]), ("shop", files("k8s/overlays/demo/shop/[cpw]*.yaml").values())):
        user, group = one(r"^USER (\S+)$", stage(target), "USER").split(":")
        for text in texts:
            assert set(re.findall(r"runAs(?:User|Group): (\d+)|fsGroup: (\d+)", text)) <= {(user, ""), ("", group)}, f"{target}: another user"
    assert one(r"^USER (\S+)$", stage("probe"), "USER") == "0:0", "the probe's image is not root's"
    for path, text in files(*PROBE_FORMS).items():
        if "NSTATS_COLLECTOR" in text:
            assert re.search(r"runAsUser: 0\b", text), f"{path}: not the image's user"


def commands_exist(build):
    for program in ("probe", "collector"):
        entry = one(r"^ENTRYPOINT \[\"([^\"]+)\"\]$", stage(program), "ENTRYPOINT")
        assert f'test: ["CMD", "{entry}", "healthcheck"]' in block("x-probe" if program == "probe" else program), f"{program}: another command"
    for path, text in files("k8s/**/*.yaml").items():
        assert path == RESTORE or not re.search(r"^\s+command:", code(text), re.M), f"{path}: an image's entrypoint is overridden"
    base = {**env_of_k8s(read("k8s/base/kustomization.yaml")), "NSTATS_HTTP": "127.0.0.1:1"}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "token").write_text("token")
        for path in ("k8s/overlays/demo/kustomization.yaml", "k8s/overlays/production/collector.env"):
            told = {**base, **env_of_k8s(read(path))}
            told = {name: str(value).replace("/etc/nstats/influx", folder) for name, value in told.items() if value is not None}
            done = subprocess.run([build / "nstats-collector", "healthcheck"], env={"PATH": os.environ["PATH"], **told},
                                  capture_output=True, text=True, timeout=20)
            said = done.stdout + done.stderr
            assert done.returncode == 1 and "127.0.0.1 port 1" in said and said.count("\n") == 1, f"{path}: {said}"


BREAKS = (  # file, what is changed, to what
    ("Makefile", "VERSION := 0.1", "VERSION := 0.2"),
    (".env", "NSTATS_VERSION=0.1", "NSTATS_VERSION=0.2"),
    (".env", "INFLUXDB_TAG=1.12", "INFLUXDB_TAG=1.11"),
    ("k8s/inject/policy/policy.yaml", "nstats/probe:0.1.0", "nstats/probe:0.1.1"),
    ("k8s/base/kustomization.yaml", "version: 0.1.0", "version: 0.1.1"),
    ("k8s/base/kustomization.yaml", "NSTATS_DB=", "NSTATS_DATABASE="),
    ("k8s/base/kustomization.yaml", "NSTATS_DB=nstats", "NSTATS_DB=stats"),
    ("k8s/overlays/production/collector.env", "NSTATS_BUCKET", "NSTATS_BUCKETS"),
    ("k8s/overlays/production/collector.env", "SPOOL_MAX=8GiB", "SPOOL_MAX=much"),
    ("k8s/overlays/production/collector.env", "/etc/nstats/influx/token", "/etc/nstats/token"),
    ("k8s/components/probe-sidecar/pod-template.yaml", "name: NODE_NAME", "name: NODENAME"),
    ("k8s/inject/policy/policy.yaml", 'name: "POD_NAME"', 'name: "PODNAME"'),
    ("k8s/inject/kyverno/policy.yaml", "nstats-collector.nstats.svc:4747", "nstats-collector.nstats.svc:4748"),
    ("k8s/inject/kyverno/policy.yaml", "nstats-collector.nstats.svc:4747", "collector.nstats.svc:4747"),
    ("k8s/inject/policy/policy.yaml", "nstats-collector.nstats.svc:4747", "nstats-collector.nstats.svc:4748"),
    ("k8s/inject/policy/kustomization.yaml", "nstats/probe:0.1.0", "nstats/probe:0.1.1"),
    ("k8s/base/service.yaml", "port: 9747", "port: 9748"),
    ("k8s/base/deployment.yaml", "containerPort: 4747", "containerPort: 4748"),
    ("k8s/base/deployment.yaml", "mountPath: /data", "mountPath: /spool"),
    ("k8s/base/deployment.yaml", "path: /readyz", "path: /ready"),
    ("k8s/base/deployment.yaml", "runAsUser: 65532", "runAsUser: 65534"),
    (RESTORE, "runAsGroup: 65532", "runAsGroup: 65533"),
    ("k8s/overlays/demo/shop/catalog.yaml", "containerPort: 8081", "containerPort: 8080"),
    ("k8s/overlays/demo/shop/web.yaml", "name: PAYMENTS", "name: PAYMENT"),
    ("k8s/overlays/demo/shop/payments.yaml", "args: [payments]", "args: [web]"),
    ("k8s/overlays/demo/grafana/grafana.yaml", "/var/lib/grafana/dashboards\n", "/dashboards\n"),
    ("k8s/overlays/demo/grafana/grafana.yaml", "value: Viewer", "value: Admin"),
    ("k8s/overlays/demo/influxdb.yaml", "value: nstats", "value: stats"),
    ("k8s/overlays/demo/kustomization.yaml", "influxdb.nstats-demo", "influxdb.nstats"),
    ("docker-compose.yml", "NSTATS_COLLECTOR: collector:4747", "NSTATS_COLLECTOR: collector:4746"),
    ("docker-compose.yml", "POD_NAME: web", "POD_NAMES: web"),
    ("docker-compose.yml", "NSTATS_SPOOL: /data", "NSTATS_SPOOL: /var"),
    ("docker-compose.yml", '"/nstats-probe", "healthcheck"', '"/nstats-probe", "health"'),
    ("docker-compose.yml", "CATALOG: catalog:8081", "CATALOG: catalog:8082"),
    ("Dockerfile", "EXPOSE 4747/udp", "EXPOSE 4748/udp"),
    ("Dockerfile", "VOLUME /data", "VOLUME /spool"),
    ("Dockerfile", "NSTATS_HTTP=[::]:9747", "NSTATS_HTTP=[::]:9748"),
    ("Dockerfile", "USER 65532:65532\nWORKDIR", "USER 65534:65534\nWORKDIR"),
    ("Dockerfile", "ARG VERSION=0.1.0", "ARG VERSION=0.1.1"),
    ("demo/shop.py", '"catalog": 8081', '"catalog": 8091'),
    ("grafana/kustomization.yaml", "      - dashboards/pod.json\n", ""),
    ("grafana/provisioning/dashboards/nstats.yaml", "path: /var/lib/grafana/dashboards", "path: /dashboards"),
    ("grafana/provisioning/datasources/nstats.yaml", "$NSTATS_INFLUX_AUTH", "$NSTATS_INFLUX_TOKEN"),
)


def each_broken_copy_is_caught(build):
    for path, old, new in BREAKS:
        whole = read(path)
        assert old in whole, f"{path} has no {old}"
        BROKEN[path] = whole.replace(old, new)
        try:
            assert any(fault_of(check, build) for check in CHECKS), f"not caught: {path}: {new}"
        finally:
            del BROKEN[path]


CHECKS = (versions_are_the_makefiles, foreign_images_are_one_version, environment_names_are_options, demos_are_told_the_same,
          ports_are_the_codes, shop_is_the_programs, paths_are_the_same, users_are_the_images, commands_exist)


def fault_of(check, build):
    try:
        check(*[build] * check.__code__.co_argcount)
    except (AssertionError, OSError, KeyError, ValueError, subprocess.SubprocessError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def main():
    build = Path(sys.argv[1]).resolve()
    faults = {check.__name__: fault_of(check, build) for check in (*CHECKS, each_broken_copy_is_caught)}
    for name, fault in faults.items():
        print(f"FAIL agree/{name}\n{fault}" if fault else f"ok agree/{name}")
    return 1 if any(faults.values()) else 0


sys.exit(main())
