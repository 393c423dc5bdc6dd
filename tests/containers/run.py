#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
run.py BUILD_DIR [FILTER]: the cases that need podman, one after the other, those of the images first, since the others
run them. A case is a function of a Podman marked with @case in a file test_*.py; FILTER is part of its name. Prints ok,
FAIL or skip for each, and the sum. What is made is kept under BUILD_DIR/containers: a second run is quick.
"""
import fcntl
import importlib
import signal
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from lib.case import Skip  # noqa: E402
from lib.podman import Podman, why_not  # noqa: E402


class OutOfTime(Exception):
    pass


def find_cases():
    paths = sorted(HERE.glob("test_*.py"), key=lambda path: (path.stem != "test_images", path.stem))
    cases = []
    for path in paths:
        module = importlib.import_module(path.stem)
        cases += [(f"{path.stem[5:]}/{name}", function) for name, function in vars(module).items()
                  if hasattr(function, "limit_s") and function.__module__ == path.stem]
    return cases


def run_case(podman, name, function):
    """The verdict; why, on further lines."""
    def out_of_time(*_):
        raise OutOfTime(f"took more than {function.limit_s} s")

    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(function.limit_s)
    begin = time.monotonic()
    try:
        function(podman)
        print(f"ok {name} ({time.monotonic() - begin:.0f} s)")
        return "ok"
    except Skip as why:
        print(f"skip {name}: {why}")
        return "skip"
    except Exception:
        print(f"FAIL {name}")
        traceback.print_exc(file=sys.stdout)
        return "FAIL"
    finally:
        signal.alarm(0)
        sys.stdout.flush()


def run_all(podman, cases):
    """One run at a time on a machine, whichever the tree: names and addresses of bridges are the machine's."""
    with open("/run/nstats-containers.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        podman.reset()
        try:
            return [run_case(podman, name, function) for name, function in cases]
        finally:
            podman.reset()


def skip_all(cases, why):
    for name, _ in cases:
        print(f"skip {name}: {why}")
    return ["skip"] * len(cases)


def main():
    build, words = sys.argv[1], sys.argv[2:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    cases = [(name, function) for name, function in find_cases() if not words or words[0] in name]
    if not cases:
        print(f"run.py: no case has '{' '.join(words)}' in its name", file=sys.stderr)
        return 2
    why = why_not()
    verdicts = skip_all(cases, why) if why else run_all(Podman(build), cases)
    print(f"{verdicts.count('ok')} passed, {verdicts.count('FAIL')} failed, {verdicts.count('skip')} skipped")
    return 1 if "FAIL" in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
