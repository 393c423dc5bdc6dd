# SPDX-License-Identifier: Apache-2.0
"""A wrong option stops the start with one sentence: its name, its value, what is expected."""
import os
import subprocess

from lib.case import case
from lib.lab import NET_4

# program, arguments, environment, what the sentence must contain
BAD = (
    ("probe", ["--interval", "0"], {}, ["interval", "'0'", "1"]),
    ("probe", ["-t", "abc"], {}, ["-t", "'abc'", "number"]),
    ("probe", ["--interval=-1"], {}, ["interval", "'-1'", "number"]),
    ("probe", ["--interval", "1e3"], {}, ["interval", "'1e3'", "number"]),
    ("probe", [], {"NSTATS_INTERVAL": "0"}, ["NSTATS_INTERVAL", "'0'", "number"]),
    ("probe", ["--top", "99999999999999999999"], {}, ["top", "99999999999999999999", "number"]),
    ("probe", ["--flows", "0"], {}, ["flows", "'0'", "number"]),
    ("probe", ["--ring", "12q"], {}, ["ring", "'12q'", "size"]),
    ("probe", ["--interface", "nosuch0", "--print"], {}, ["interface", "nosuch0"]),
    ("probe", ["--print"], {"IFACE": "nosuch0"}, ["nosuch0"]),
    ("probe", ["--interface", "a-name-that-is-far-too-long"], {}, ["a-name-that-is-far-too-long", "15 bytes"]),
    ("probe", ["--collector", "10.98.0.1:70000"], {}, ["collector", "70000", "65535"]),
    ("probe", ["--collector", "10.98.0.1:"], {}, ["collector", "10.98.0.1:"]),
    ("probe", ["--local", "10.0.0.0/33"], {}, ["local", "10.0.0.0/33"]),
    ("probe", ["--log-level", "loud"], {}, ["log-level", "'loud'", "debug"]),
    ("probe", ["-r", "/nonexistent.pcap", "--print"], {}, ["/nonexistent.pcap"]),
    ("probe", ["-r", "/dev/null", "--print"], {}, ["/dev/null"]),
    ("probe", ["--no-such"], {}, ["--no-such"]),
    ("probe", ["--top"], {}, ["--top", "value"]),
    ("probe", ["stray"], {}, ["stray"]),
    ("collector", ["--listen", "[::]:70000"], {}, ["listen", "70000", "65535"]),
    ("collector", ["--http", "127.0.0.1:70000"], {}, ["http", "70000", "65535"]),
    ("collector", ["--listen", "203.0.113.9:4747"], {}, ["listen", "203.0.113.9:4747"]),
    ("collector", ["--listen", "nonsense:4747"], {}, ["listen", "nonsense:4747"]),
    ("collector", ["--influx", "ftp://x"], {}, ["influx", "ftp://x", "http"]),
    ("collector", [], {"INFLUX": "ftp://x"}, ["ftp://x", "http"]),
    ("collector", ["--influx", "127.0.0.1:99999"], {}, ["influx", "99999", "HOST"]),
    ("collector", ["--spool", "/tmp"], {}, ["spool", "/tmp", "directory"]),
    ("collector", ["--spool", "/nonexistent/nstats.db"], {}, ["spool", "/nonexistent/nstats.db"]),
    ("collector", ["--spool-max", "1"], {}, ["spool-max", "'1'", "size"]),
    ("collector", ["--ptr", "perhaps"], {}, ["ptr", "'perhaps'", "on"]),
    ("collector", ["--dns-server", "nonsense"], {}, ["dns-server", "nonsense"]),
    ("collector", ["--influx", "h", "--token-file", "/nonexistent", "--bucket", "b"], {}, ["token-file", "/nonexistent"]),
    ("collector", ["--ca-file", "/nonexistent", "--influx", "https://h"], {}, ["ca-file", "/nonexistent"]),
    ("collector", ["--no-such"], {}, ["--no-such"]),
    ("collector", ["stray"], {}, ["stray"]),
)
LIMIT_S = 20  # a probe that is ended waits 8 s for its last acknowledgement
NEEDED = {"probe": ["-i", "pod0", "-c", NET_4], "collector": []}


def run_to_end(lab, program, arguments, environment, prefix=()):
    command = ["nsenter", f"--net=/run/netns/{lab.pod}", *prefix, str(lab.build / f"nstats-{program}"), *arguments]
    clean = {"PATH": os.environ["PATH"], **environment}
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, cwd=lab.dir, env=clean,
                              stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, None, "", f"still ran after {LIMIT_S} s")


def why_wrong(done, words, codes=(1, 2)):
    if done.returncode not in codes:
        return f"exit code {done.returncode}: {done.stderr.strip()[:300]}"
    if len(done.stderr.splitlines()) != 1:
        return f"{len(done.stderr.splitlines())} lines: {done.stderr.strip()[:300]}"
    missing = [word for word in words if word not in done.stderr]
    return f"without {missing}: {done.stderr.strip()}" if missing else None


@case(limit_s=150)
def each_bad_value_is_named_with_what_is_expected(lab):
    wrong = []
    for program, arguments, environment, words in BAD:
        # the needed ones first: a later flag wins, the environment does not
        needed = [] if environment or program == "collector" else NEEDED[program]
        codes = (1, 2) if program == "collector" else (1,) if "--print" in arguments else (2,)
        why = why_wrong(run_to_end(lab, program, [*needed, *arguments], environment), words, codes)
        if why:
            wrong.append(f"nstats-{program} {' '.join(arguments)} {environment or ''}: {why}")
    assert not wrong, "\n" + "\n".join(wrong)


@case()
def without_net_raw_a_probe_that_prints_names_the_capability(lab):
    done = run_to_end(lab, "probe", [*NEEDED["probe"], "--print"], {},
                      ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", "--"))
    why = why_wrong(done, ["CAP_NET_RAW"], (1,))
    assert not why, why


@case()
def net_raw_alone_is_enough_for_the_probe(lab):
    done = run_to_end(lab, "probe", [*NEEDED["probe"], "--interval", "1"], {},
                      ("timeout", "3", "setpriv", "--bounding-set=-all,+net_raw", "--inh-caps=-all,+net_raw", "--"))
    # timeout(1) ended it: 124, unless it had ended by itself
    assert done.returncode == 124, f"exit code {done.returncode}: {done.stderr}"


@case()
def help_and_version_go_to_standard_output(lab):
    for program in ("probe", "collector"):
        for flag in ("--help", "--version", "--help=markdown"):
            done = run_to_end(lab, program, [flag], {})
            assert done.returncode == 0 and done.stdout and not done.stderr, f"{program} {flag}: {done}"
