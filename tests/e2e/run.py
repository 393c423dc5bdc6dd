#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
run.py BUILD_DIR [FILTER]: the end-to-end cases, each in a process of its own, three at a time. A case is a function
marked with @case in a file test_*.py; FILTER is part of its name. Prints ok, FAIL or skip for each, and the sum. A FILTER that
is part of none is an error, code 2.

With NSTATS_E2E_AGAIN=N a case in which nothing went wrong but that something did not come in time is said to be late, and
goes again when all others have ended, alone; N such cases at most. Bytes that differ and programs that ended are failures
at once.
"""
import concurrent.futures
import importlib
import os
import shutil
import signal
import subprocess
import sys
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from lib import netns  # noqa: E402
from lib.case import SLOWNESS, Late, Skip, is_sanitized  # noqa: E402
from lib.lab import Lab  # noqa: E402

CODE_SKIPPED = 77
CODE_LATE = 75
TOOLS = ("ip", "nft", "nsenter", "influxd", "victoria-metrics", "iperf3", "iftop", "dnsmasq", "setpriv")
LOG_TAIL = 12
LANES = 3  # they mostly wait
OURS = ("probe", "collector")
AGAIN_MAX = int(os.environ.get("NSTATS_E2E_AGAIN", "0"))


def find_cases():
    cases = []
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        cases += [(f"{path.stem[5:]}/{name}", function) for name, function in vars(module).items()
                  if hasattr(function, "limit_s") and function.__module__ == path.stem]
    return cases


def why_nothing_runs():
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return f"{', '.join(missing)} missing"
    done = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True)
    return f"no network namespaces: {done.stderr.strip()}" if done.returncode else None


def why_code(lab, why):
    """Of a failed case. A program of ours that a sanitizer or a signal ended was not just late; cases kill some themselves."""
    codes = {process.child.poll() for process in lab.processes if process.name in OURS}
    return CODE_LATE if isinstance(why, Late) and codes <= {None, 0, -signal.SIGKILL} else 1


def run_here(build, function):
    """The child's part: exit code 0, 1, CODE_LATE, or CODE_SKIPPED with the reason."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("out of time"))
    with Lab(build) as lab:
        try:
            if function.plain and is_sanitized(build):
                raise Skip("what it measures, no sanitizer sees")
            function(lab)
            lab.finish()
        except Skip as why:
            print(why)
            return CODE_SKIPPED
        except BaseException as why:
            code = why_code(lab, why)
            traceback.print_exc(file=sys.stdout)
            for process in (p for p in lab.processes if p.name in OURS or p.child.poll()):
                tail = process.log().splitlines()[-LOG_TAIL:]
                print(f"--- {process.name}, code {process.child.poll()}", *tail, sep="\n    ")
            return code
    return 0


def run_child(build, name, function, may_be_late=False):
    """(verdict, output)"""
    child = subprocess.Popen([sys.executable, __file__, build, "--one", name], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        output, _ = child.communicate(timeout=function.limit_s * SLOWNESS)
    except subprocess.TimeoutExpired:
        child.terminate()
        try:
            output, _ = child.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            child.kill()
            output, _ = child.communicate()
            netns.delete(f"nst{child.pid}p")
            netns.delete(f"nst{child.pid}n")
        output += f"took more than {function.limit_s * SLOWNESS:.0f} s\n"
    late = "late" if may_be_late else "FAIL"
    return {0: "ok", CODE_SKIPPED: "skip", CODE_LATE: late}.get(child.returncode, "FAIL"), output


def report(name, verdict, output):
    text = output.strip()
    if verdict == "skip":
        print(f"skip {name}: {text}")
    else:
        print(f"{verdict} {name}" + (f"\n{text}" if text else ""))
    sys.stdout.flush()
    return verdict


def run_in_lanes(build, cases):
    """{name: verdict}"""
    verdicts = {}
    may_be_late = AGAIN_MAX > 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=LANES) as pool:
        running = {pool.submit(run_child, build, name, function, may_be_late): name
                   for name, function in cases if not function.alone}
        for done in concurrent.futures.as_completed(running):
            verdicts[running[done]] = report(running[done], *done.result())
    for name, function in cases:
        if function.alone:
            verdicts[name] = report(name, *run_child(build, name, function, may_be_late))
    return verdicts


def run_all(build, cases):
    why = why_nothing_runs()
    if why:
        return [report(name, "skip", why) for name, _ in cases]
    verdicts = run_in_lanes(build, cases)
    late = [name for name, verdict in verdicts.items() if verdict == "late"]
    for name in late[:AGAIN_MAX]:
        verdicts[name] = report(name, *run_child(build, name, dict(cases)[name]))
    for name in late[AGAIN_MAX:]:
        verdicts[name] = report(name, "FAIL", f"more than {AGAIN_MAX} cases were late")
    return list(verdicts.values())


def main():
    build, words = sys.argv[1], sys.argv[2:]
    cases = find_cases()
    if words[:1] == ["--one"]:
        return run_here(build, dict(cases)[words[1]])
    if words:
        cases = [(name, function) for name, function in cases if words[0] in name]
    if not cases:
        print(f"run.py: no case has '{' '.join(words)}' in its name", file=sys.stderr)
        return 2
    verdicts = run_all(build, cases)
    print(f"{verdicts.count('ok')} passed, {verdicts.count('FAIL')} failed, {verdicts.count('skip')} skipped")
    return 1 if "FAIL" in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
