#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
check_readme.py BUILD_DIR: the documentation's commands can be typed. Each that stands on a line of its own is run by a test,
which the table below names, or its text says that it needs Docker or a cluster. Of these and of those within a sentence
each part is looked up: targets in the Makefile, options in --help, paths in the tree, services and images in the compose file;
and namespaces, Services, Deployments, containers, Secrets and labels in what kubectl renders. So are paths, links, names and
addresses in the text. Then copies that each break one of these.
"""
import functools
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "k8s/README.md", "CONTRIBUTING.md", "proto/README.md")
MANIFESTS = ("docker-compose.yml", ".env", "demo/*.env", "k8s/**/*.yaml")  # their comments say commands too
RENDERED = ("k8s/overlays/demo", "k8s/overlays/production", "k8s/inject/policy", "k8s/inject/kyverno")
PROGRAM = r"(?:[A-Z_0-9]+=\S+ )*(?:make|docker|docker-compose|kubectl|kind|podman|nstats-probe|nstats-collector)"
ALONE = re.compile(rf"^ {{4}}({PROGRAM}(?: .*)?)$", re.M)
WITHIN = re.compile(rf"`({PROGRAM} [^`]+)`")
IN_COMMENT = re.compile(r"^# (?:[^`\n]*: )?\s*((?:docker compose|kubectl) [^`\n]*?)(?:[:,] .*)?$|^#[^\n]*`((?:docker compose|kubectl) [^`\n]+)`", re.M)
NEEDS = re.compile(r"needs? (?:Docker|a cluster)")
PLACEHOLDER = re.compile(r"^[A-Z]+$")
LEVELS = ("privileged", "baseline", "restricted")
BROKEN = {}  # path: a text that stands in for the file's

# command: the file that runs it, and a word that stands in it there
RUN_BY = {
    "make": ("tests/e2e/test_readme.py", '"make"'),
    "make deps": ("tests/e2e/test_readme.py", '"make", "deps"'),
    "make run": ("tests/e2e/test_readme.py", '"make", "run"'),
    "INFLUX=influx.example:8086 IDB=nstats make run": ("tests/e2e/test_readme.py", "influx.example:8086"),
    "make static": ("tests/containers/test_images.py", "static.sh"),
    "make test": (".ci/run", "make --no-print-directory test"),
    "make format": ("tests/lint/run.sh", "clang-format"),
    "nstats-collector dead-letters --spool PATH": ("tests/e2e/test_disk.py", '"dead-letters"'),
    "nstats-collector replay --spool PATH": ("tests/e2e/test_disk.py", '"replay"'),
    "nstats-collector backup COPY --spool PATH": ("tests/e2e/test_disk.py", '"backup", copy'),
    "nstats-collector backup - --spool PATH > COPY": ("tests/e2e/test_disk.py", '"backup", "-"'),
    "docker compose up --build": ("tests/containers/test_compose.py", "docker-compose"),
}


class Wrong(Exception):
    pass


def need(is_so, what):
    if not is_so:
        raise Wrong(what)


@functools.cache
def read_file(path):
    return (ROOT / path).read_text()


def read(path):
    return BROKEN.get(path) or read_file(path)


# What there is

@functools.cache
def objects():
    """All of k8s/, as kubectl renders it; None where that, or python3-yaml, which comes with docker-compose, is missing."""
    try:
        import yaml
        return rendered(yaml)
    except (ImportError, OSError, subprocess.SubprocessError):
        return None


def rendered(yaml):
    texts = [subprocess.run(["kubectl", "kustomize", ROOT / path], capture_output=True, text=True, timeout=60, check=True).stdout
             for path in RENDERED]
    return [one for text in texts for one in yaml.safe_load_all(text)]


def named(kind, namespace=None):
    return {one["metadata"]["name"]: one for one in objects()
            if one["kind"].lower() == kind.lower() and namespace in (None, one["metadata"].get("namespace"))}


def pods():
    return [one["spec"]["template"]["spec"] for one in objects() if one["kind"] == "Deployment"]


def namespaces():
    """Ours, and those that a policy lets in."""
    return set(named("Namespace")) | set(re.findall(r'"kubernetes.io/metadata.name": "([^"]+)"', json.dumps(objects())))


def secret_keys(name):
    """The files that options name in the folder where that Secret is mounted."""
    mounts = [mount["mountPath"] for pod in pods() for volume in pod.get("volumes", []) for container in pod["containers"]
              for mount in container["volumeMounts"] if volume.get("secret", {}).get("secretName") == name == "nstats-influx"
              and mount["name"] == volume["name"]]
    text = read_file("k8s/overlays/production/collector.env")
    return {key for mount in mounts for key in re.findall(rf"_FILE={mount}/(\w+)", text)}


def services():
    return re.findall(r"^  ([a-z][a-z0-9-]*):", re.search(r"^services:\n(.*?)^\w", read_file("docker-compose.yml"), re.M | re.S)[1], re.M)


def images():
    tags = re.findall(r"image: (nstats/\w+):\$\{NSTATS_VERSION:-([^}]+)\}", read_file("docker-compose.yml"))
    return {f"{name}:{tag}" for name, tag in tags}


def ports():
    return set(re.findall(r"127\.0\.0\.1:(\d+):", read_file("docker-compose.yml")))


def targets():
    return set(re.search(r"^\.PHONY: (.*)$", read_file("Makefile"), re.M)[1].split())


@functools.cache
def options(program):
    told = subprocess.run([BUILD / program, "--help"], capture_output=True, text=True, timeout=10, check=True).stdout
    return set(re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)", told)) | {"--help", "--version"}


# What is said of it

def of_path(path):
    path = path.removeprefix("path/to/").rstrip("/")
    need(any(ROOT.glob(path)), f"there is no {path}")
    return ROOT / path


def of_kubectl(words):
    own = words[:words.index("--")] if "--" in words else words  # what follows is another program's
    for folder in filter(None, [value_of(own, "-k")]):
        need((of_path(folder) / "kustomization.yaml").exists(), f"{folder} is no kustomization")
    for file in filter(None, [value_of(own, "-f")]):
        need("\nkind: " in of_path(file).read_text(), f"{file} is no manifest")
    if objects() and len(words) > 1:
        of_cluster(words)


def of_cluster(words):
    namespace = value_of(words, "-n")
    need(namespace is None or PLACEHOLDER.match(namespace) or namespace in namespaces(), f"no namespace {namespace}")
    container = value_of(words, "-c")
    known = {one["name"] for pod in pods() for one in pod["containers"] + pod.get("initContainers", [])}
    need(container is None or container in known, f"no container {container}")
    verb, *rest = [word for word in without_options(words) if word != "--overwrite"]
    need(verb in KUBECTL, f"kubectl {verb} is not understood")
    KUBECTL[verb](rest, namespace, words)


def of_target(target, namespace):
    """deployment/NAME, service/NAME, or a kind alone, or one's own pod."""
    kind, _, name = target.partition("/")
    need(PLACEHOLDER.match(kind) or kind.rstrip("s") in ("pod", "event", "deployment", "service"), f"no kind {kind}")
    need(not name or name in named(kind, namespace), f"no {kind} {name} in {namespace}")
    return named(kind, namespace).get(name)


def of_port_forward(rest, namespace, _):
    service = of_target(rest[0], namespace)
    need(service and int(rest[1]) in [port["port"] for port in service["spec"]["ports"]], f"{rest[0]} is not at {rest[1]}")


def label_files():
    """What the page calls the file where the ConfigMap nstats-labels is mounted."""
    mounts = [mount["mountPath"] for pod in pods() for volume in pod.get("volumes", []) for container in pod["containers"]
              for mount in container["volumeMounts"] if volume.get("configMap", {}).get("name") == "nstats-labels"
              and mount["name"] == volume["name"]]
    return {key for mount in mounts for key in re.findall(rf"NSTATS_LABELS={mount}/(\w+)", read_file("k8s/README.md"))}


def of_create(rest, namespace, words):
    if rest[0] == "namespace":
        need(rest[1] in named("Namespace"), f"nothing is in the namespace {rest[1]}")
        return
    key = re.search(r"--from-file=(\w+)=PATH", " ".join(words))
    need(namespace == "nstats", f"nobody looks for it in {namespace}")
    if rest[0] == "configmap":
        need(rest[1:] == ["nstats-labels"] and key and key[1] in label_files(), f"nobody reads {key and key[1]} of the ConfigMap {rest[1:]}")
    else:
        need(rest[:2] == ["secret", "generic"], f"{rest} is not understood")
        need(key and key[1] in secret_keys(rest[2]), f"nobody reads {key and key[1]} of the Secret {rest[2]}")


def of_label(rest, _, words):
    need(rest[0] == "namespace" and PLACEHOLDER.match(rest[1]), f"{rest[:2]} is not understood")
    asked = json.dumps(objects())
    for key, value in (word.split("=") for word in rest[2:]):
        mode = re.fullmatch(r"pod-security\.kubernetes\.io/(enforce|warn|audit)", key)
        need((mode and value in LEVELS) or f'"{key}": "{value}"' in asked, f"nobody looks for {key}={value}")


def restore_pod():
    import yaml
    return yaml.safe_load(read_file("k8s/examples/restore.yaml"))


def of_restore(program, *words):
    """Of a pod of ours, the spool's own names: the option's value, and what sqlite makes of it."""
    spools = {one["value"] for pod in pods() for box in pod["containers"] for one in box.get("env", []) if one["name"] == "NSTATS_SPOOL"}
    known = {spool + end for spool in spools for end in ("", "-wal", ".new")}
    need(program in ("dd", "mv", "rm"), f"{program} is not understood")
    paths = [word.removeprefix("of=") for word in words if "/" in word]
    need(paths and set(paths) <= known, f"{paths} are not among {sorted(known)}")


def of_exec(rest, namespace, words):
    pod = restore_pod()["metadata"]
    if rest[0] == pod["name"]:
        need(namespace == pod["namespace"], f"no {rest[0]} in {namespace}")
        return of_restore(*words[words.index("--") + 1:])
    need(of_target(rest[0], namespace), f"there is no {rest[0]}")
    need(rest[1].startswith("/"), f"the image has no PATH to find {rest[1]} in")
    program, command = rest[1].lstrip("/"), rest[2]
    told = subprocess.run([BUILD / program, "--help"], capture_output=True, text=True, timeout=10, check=True).stdout
    need(re.search(rf"^ +{re.escape(command)}\b", told, re.M), f"{program} has no command {command}")


def of_wait(rest, namespace, words):
    kind, _, name = rest[0].partition("/")
    label = value_of(words, "-l")
    need(kind == "pod" and (name == restore_pod()["metadata"]["name"] or label), f"{rest[0]} is not understood")
    need(not label or '"{}": "{}"'.format(*label.split("=")) in json.dumps(objects()), f"nobody has {label}")


KUBECTL = {
    "apply": lambda rest, *_: need(not rest, f"apply {rest}"),
    "delete": lambda rest, *_: need(not rest, f"delete {rest}"),
    "create": of_create,
    "label": of_label,
    "exec": of_exec,
    "get": lambda rest, namespace, _: of_target(rest[0], namespace),
    "logs": lambda rest, namespace, _: of_target(rest[0], namespace),
    "port-forward": of_port_forward,
    "scale": lambda rest, namespace, _: need(of_target(rest[0], namespace), f"no {rest[0]}"),
    "wait": of_wait,
    "rollout": lambda rest, namespace, _: need(rest[0] == "restart" and not of_target(rest[1], namespace), f"rollout {rest}"),
}


def of_compose(words):
    env_file = value_of(words, "--env-file")
    if env_file:
        need("COMPOSE_PROFILES=" in of_path(env_file).read_text(), f"{env_file} chooses no profile")
    verb, *chosen = without_options(words)
    need(verb in ("up", "down", "build", "config"), f"compose {verb} is not understood")
    need(set(chosen) <= set(services()), f"no service among {chosen}")
    need({word for word in words if word.startswith("-")} <= {"--env-file", "--build", "-v"}, f"options of {words}")


def of_docker(words):
    if words[0] == "compose":
        return of_compose(words[1:])
    need(words[0] in ("build", "buildx"), f"docker {words[0]} is not understood")
    target = value_of(words, "--target")
    need(f" AS {target}\n" in read_file("Dockerfile"), f"the Dockerfile has no target {target}")


def of_kind(words):
    need(words[:2] == ["load", "docker-image"] and set(words[2:]) == images(), f"compose builds {sorted(images())}")


def of_make(words):
    for word in words:
        need("=" in word or word in targets(), f"the Makefile has no target {word}")


def of_program(program):
    def check(words):
        for word in words:
            need(not word.startswith("-") or word == "-" or word.partition("=")[0] in options(program), f"{program} has no {word}")
    return check


CHECKS = {"make": of_make, "docker": of_docker, "docker-compose": of_compose, "kubectl": of_kubectl, "kind": of_kind,
          "nstats-probe": of_program("nstats-probe"), "nstats-collector": of_program("nstats-collector"), "podman": lambda words: None}
TAKE_VALUES = ("-n", "-k", "-f", "-c", "-l", "-o", "--env-file", "--target", "--context")


def value_of(words, option):
    return words[words.index(option) + 1] if option in words[:-1] else None


def without_options(words):
    return [word for before, word in zip(["", *words], words) if not word.startswith("-") and before not in TAKE_VALUES]


def fault_of_command(command):
    try:
        for part in re.split(r"&&|\|", re.sub(r"(^|\s)#.*", "", command)):
            words = shlex.split(part)
            while words and re.match(r"[A-Z_0-9]+=", words[0]):
                words.pop(0)
            if words and words[0] in CHECKS:
                CHECKS[words[0]](words[1:])
            else:
                need(not words or words[0] in ("grep",), f"{words[0]} is not understood")
    except (Wrong, IndexError, ValueError) as error:
        return f"{error}"
    return None


def fault_of_needs(command, section):
    if command in RUN_BY:
        file, word = RUN_BY[command]
        return None if (ROOT / file).exists() and word in read_file(file) else f"{file} does not run it"
    return None if NEEDS.search(section) else "no test runs it, and it does not say that it needs Docker or a cluster"


def sections(text):
    """(where it begins, the section, the page's preface, which may speak for the whole page)"""
    begins = [match.start() for match in re.finditer(r"^#+ ", text, re.M)] + [len(text)]
    for begin, end in zip(begins, begins[1:]):
        yield begin, text[begin:end], text[:begins[1]]


TOP = [path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in ("build", ".git")]
A_PATH = re.compile(rf"`((?:{'|'.join(map(re.escape, TOP))})/[\w.*/-]*)`")
A_FILE = re.compile(r"`([\w.-]+\.(?:yaml|yml|env|py|c|h|sh|json|mjs|proto))`")
A_LINK = re.compile(r"\]\((?!http)([^)#]*)(?:#([^)]+))?\)")
A_NAME = re.compile(r"\b([Nn]amespace|Deployment|Service|Secret|[Oo]verlay|[Cc]omponent)s? `([a-z][a-z-]*)`(?:(?: or | and |, )`([a-z][a-z-]*)`)?")
AN_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
AN_E2E_CASE = re.compile(r"`tests/e2e/run\.py build (\w+)`")
A_FIGURE = re.compile(r"`(nstats_(?!probe_)[a-z_]+?)(?:_total)?`")
SNIPPET = re.compile(r"^ {4,}- (path/to/\S+)$", re.M)


def faults_of_text(page, text):
    beside = (ROOT / page).parent
    for path in A_PATH.findall(text) + SNIPPET.findall(text):
        if not any(ROOT.glob(path.removeprefix("path/to/").rstrip("/"))):
            yield f"there is no {path}"
    for name in A_FILE.findall(text):
        if not any(True for top in (ROOT, *(ROOT / top for top in TOP)) for _ in (top.glob(name) if top == ROOT else top.rglob(name))):
            yield f"there is no {name}"
    for link, heading in A_LINK.findall(text):
        if not (beside / link).exists():
            yield f"there is no {link}"
        elif heading and heading not in headings((beside / link).read_text() if link else text):
            yield f"there is no {link}#{heading}"
    for kind, *names in A_NAME.findall(text) if objects() else []:
        for name in filter(None, names):
            if name not in names_of(kind.lower()):
                yield f"there is no {kind} {name}"
    for port in AN_ADDRESS.findall(text):
        if port not in ports():
            yield f"nobody is at 127.0.0.1:{port}"
    for part in AN_E2E_CASE.findall(text):
        if part not in e2e_cases():
            yield f"no end-to-end case has {part} in its name"
    for figure in A_FIGURE.findall(text):
        if figure not in figures():
            yield f"nobody writes {figure}"


def headings(text):
    """As GitHub names them."""
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", text, re.M)}


def names_of(kind):
    if kind in ("overlay", "component"):
        return {path.name for path in (ROOT / f"k8s/{kind}s").iterdir()}
    if kind == "namespace":
        return namespaces()
    if kind == "secret":
        return {"nstats-influx"} if secret_keys("nstats-influx") else set()
    return set(named(kind))


@functools.cache
def e2e_cases():
    """GROUP/NAME of each, in one text."""
    return "\n".join(f"{path.stem.removeprefix('test_')}/{name}" for path in (ROOT / "tests/e2e").glob("test_*.py")
                     for name in re.findall(r"^def (\w+)\(lab\):", path.read_text(), re.M))


@functools.cache
def figures():
    """What the collector's sources call a metric or a measurement, without the end that Prometheus wants."""
    text = "\n".join(path.read_text() for path in (ROOT / "collector").glob("*.[ch]"))
    return {name.removesuffix("_total") for name in re.findall(r"\bnstats_[a-z_]+", text)}


def faults():
    """(page and line, what is wrong); the number of commands is counted on the way."""
    n = 0
    for page in PAGES:
        text = read(page)
        for begin, section, preface in sections(text):
            for pattern in (ALONE, WITHIN):
                for match in pattern.finditer(section):
                    command = re.sub(r"\s+#.*", "", " ".join(match[1].split()))
                    where = f"{page}:{text.count(chr(10), 0, begin + match.start()) + 1}: {command}"
                    n += 1
                    why = fault_of_command(command) or (pattern is ALONE and fault_of_needs(command, section + preface))
                    if why:
                        yield where, why
        for why in faults_of_text(page, text):
            yield page, why
    for page in sorted({str(path.relative_to(ROOT)) for pattern in MANIFESTS for path in ROOT.glob(pattern)}):
        for match in IN_COMMENT.finditer(read(page)):
            n += 1
            command = match[1] or match[2]
            why = fault_of_command(command)
            if why:
                yield f"{page}: {command}", why
    COUNTED[:] = [n]


COUNTED = []
BREAKS = (  # page, what is changed, to what
    ("README.md", "kubectl apply -k k8s/overlays/demo", "kubectl apply -k k8s/overlays/try"),
    ("README.md", "kubectl -n nstats-demo port-forward", "kubectl -n demo port-forward"),
    ("README.md", "port-forward service/grafana 3000", "port-forward service/grafana 3001"),
    ("README.md", "port-forward service/grafana 3000", "port-forward service/grafanas 3000"),
    ("README.md", "logs deployment/nstats-collector", "logs deployment/collector"),
    ("README.md", "logs POD -c nstats-probe", "logs POD -c probe"),
    ("README.md", "nstats/shop:0.1.0", "nstats/shop:0.1.1"),
    ("README.md", "--env-file demo/influx2.env", "--env-file demo/influx4.env"),
    ("README.md", "    docker compose up --build\n", "    docker compose up --rebuild\n"),
    ("README.md", "`make check-containers`", "`make check-container`"),
    ("README.md", "nstats-probe -i eth0 --print`", "nstats-probe -i eth0 --json`"),
    ("README.md", "`k8s/components/podmonitor`", "`k8s/components/monitor`"),
    ("README.md", "(k8s/README.md)", "(k8s/README)"),
    ("README.md", "(k8s/README.md#backup-and-restore)", "(k8s/README.md#backups)"),
    ("README.md", "\n### Names\n", "\n### A name\n"),
    ("README.md", "The overlay `demo`", "The overlay `shop`"),
    ("README.md", "namespace `nstats` |", "namespace `nstat` |"),
    ("README.md", "exec deployment/nstats-collector --", "exec deployment/nstats --"),
    ("README.md", "-- /nstats-collector dead-letters", "-- /nstats-collector letters"),
    ("README.md", "-- /nstats-collector dead-letters", "-- nstats-collector dead-letters"),
    ("README.md", "`kubectl -n NAME get events`", "`kubectl -n NAME get event-log`"),
    ("README.md", "then http://127.0.0.1:9747/metrics", "then http://127.0.0.1:9748/metrics"),
    ("README.md", "`nstats_datagrams_total`", "`nstats_datagram_total`"),
    ("README.md", "    make static ", "    make statik "),
    ("README.md", "All\nthree need a cluster. ", ""),
    ("k8s/README.md", "Each command below needs a cluster.", ""),
    ("k8s/README.md", "kubectl apply -k k8s/inject/policy", "kubectl apply -f k8s/inject/policy.yaml"),
    ("k8s/README.md", "kubectl create namespace nstats", "kubectl create namespace nstat"),
    ("k8s/README.md", "secret generic nstats-influx", "secret generic influx"),
    ("k8s/README.md", "--from-file=token=PATH", "--from-file=tokens=PATH"),
    ("k8s/README.md", "--from-file=labels=PATH", "--from-file=names=PATH"),
    ("k8s/README.md", "configmap nstats-labels", "configmap labels"),
    ("k8s/README.md", "nstats.io/inject=enabled pod", "nstats.io/inject=yes pod"),
    ("k8s/README.md", "pod-security.kubernetes.io/enforce=privileged", "pod-security.kubernetes.io/enforce=none"),
    ("k8s/README.md", "kubectl delete -k k8s/overlays/production", "kubectl delete -k k8s/production"),
    ("k8s/README.md", "k8s/examples/networkpolicy.yaml", "k8s/examples/egress.yaml"),
    ("k8s/README.md", "- path/to/k8s/components/probe-sidecar", "- path/to/k8s/components/sidecar"),
    ("k8s/README.md", "`collector.env`", "`collectors.env`"),
    ("k8s/README.md", "namespace `nstats` or `monitoring`", "namespace `nstats` or `prometheus`"),
    ("k8s/README.md", "rollout restart deployment", "rollout again deployment"),
    ("k8s/README.md", "/nstats-collector backup -", "/nstats-collector back-up -"),
    ("k8s/README.md", "scale deployment/nstats-collector --replicas=0", "scale deployment/collector --replicas=0"),
    ("k8s/README.md", "-l app.kubernetes.io/name=nstats-collector", "-l app=nstats-collector"),
    ("k8s/README.md", "exec nstats-restore -- rm -f /data/nstats.db-wal", "exec nstats-restore -- rm -f /data/nstats-wal"),
    ("k8s/README.md", "pod/nstats-restore", "pod/restore"),
    ("CONTRIBUTING.md", "run.py build fifty_thousand", "run.py build fifty_pods"),
    ("k8s/overlays/production/kustomization.yaml", "--from-file=password=PATH", "--from-file=pass=PATH"),
    ("k8s/inject/kyverno/kustomization.yaml", "kubectl apply -k k8s/inject/kyverno", "kubectl apply -k k8s/kyverno"),
    ("demo/influx2.env", "--env-file demo/influx2.env", "--env-file demo/influx.env"),
)


def missed():
    before = set(faults())
    for page, old, new in BREAKS:
        whole = read(page)
        if old not in whole:
            yield f"{page} has no {old!r}"
            continue
        BROKEN[page] = whole.replace(old, new)
        if set(faults()) <= before:
            yield f"not caught: {page}: {new or 'without ' + old}"
        del BROKEN[page]


def say(name, wrong):
    print("\n".join([f"FAIL readme/{name}", *wrong]) if wrong else f"ok readme/{name}")
    return bool(wrong)


def main():
    wrong = [f"{where}: {why}" for where, why in faults()] or ([] if COUNTED[0] > 30 else ["hardly a command was found"])
    failed = say("commands_can_be_typed", wrong)
    if not objects():
        print("skip readme/names_in_the_cluster: kubectl 1.28 or python3-yaml is missing")
        return failed
    return failed | say("each_broken_copy_is_caught", list(missed()))


BUILD = Path(sys.argv[1]).resolve()
sys.exit(main())
