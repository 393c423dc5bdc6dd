#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
check_readme.py BUILD: each command in the documentation is run by a test, which the table below names, or its text says
that it needs Docker or a cluster. A command is an indented line that begins with a program's name.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "k8s/README.md", "CONTRIBUTING.md", "proto/README.md")
COMMAND = re.compile(r"^ {4}((?:[A-Z_]+=\S+ )*(?:make|docker|docker-compose|kubectl|kind|podman|nstats-\w+)(?: .*)?)$")
PATH = re.compile(r"(?:-k|-f|--env-file) ([a-z]\S*/\S*)")
NEEDS = re.compile(r"needs? (?:Docker|a cluster)")

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
    "docker compose up --build": ("tests/containers/test_compose.py", "docker-compose"),
}


def commands(page):
    """(line number, command, its section's text and the page's preface)"""
    lines = page.read_text().splitlines()
    headings = [i for i, line in enumerate(lines) if line.startswith("#")] + [len(lines)]
    preface = "\n".join(lines[:headings[1]])  # may speak for the whole page
    for begin, end in zip(headings, headings[1:]):
        section = preface + "\n".join(lines[begin:end])
        for i in range(begin, end):
            match = COMMAND.match(lines[i])
            if match:
                yield i + 1, re.sub(r"\s+#.*", "", match[1]).strip(), section


def why_not(command, section):
    if command in RUN_BY:
        file, word = RUN_BY[command]
        path = ROOT / file
        return None if path.exists() and word in path.read_text() else f"{file} does not run it"
    lost = [path for path in PATH.findall(command) if not (ROOT / path).exists()]
    if lost:
        return f"there is no {', '.join(lost)}"
    return None if NEEDS.search(section) else "no test runs it, and it does not say that it needs Docker or a cluster"


def main():
    wrong, n = [], 0
    for name in PAGES:
        for number, command, section in commands(ROOT / name):
            n += 1
            why = why_not(command, section)
            if why:
                wrong.append(f"{name}:{number}: {command}: {why}")
    if wrong or n == 0:
        print("FAIL readme: commands", *wrong, sep="\n")
        return 1
    print(f"ok readme: each of {n} commands is run by a test, or says what it needs")
    return 0


sys.exit(main())
