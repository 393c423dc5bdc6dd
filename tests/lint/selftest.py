#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""selftest.py ROOT: layers.py and style.py must refuse what is put into a copy of the tree here."""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDERS = ("proto", "probe", "collector", "tests/unit", "tests/bench")

# checker, file, a line put at its end, what the complaint must say
OFFENCES = (
    ("layers.py", "probe/packet.c", '#include "capture.h"', "layer 1 may not use layer 2"),
    ("layers.py", "probe/ring.c", '#include "report.h"', "its row does not name it"),
    ("layers.py", "probe/send.c", '#include "log.h"', "only layers 3 and 4 log"),
    ("layers.py", "probe/report.c", '#include "clock.h"', "pure logic is given the time"),
    ("layers.py", "probe/cycle.c", '#include "rows.h"', "their own and proto/"),
    ("layers.py", "collector/rows.c", '# include  <sqlite3.h>', "belongs to collector/spool_sqlite.h"),
    ("layers.py", "collector/loop.c", "#include <zlib.h>", "no row in headers.txt"),
    ("layers.py", "collector/stray.c", '#include "err.h"', "no row in layers.txt"),
    ("style.py", "probe/ring.c", "void f(char *a)\n{\n\tstrcpy(a, a);\n}", "strcpy is not called here"),
    ("style.py", "probe/ring.c", "void f(void)\n{\n" + "\n" * 90 + "}", "a function of"),
    ("style.py", "probe/stray.c", "int stray;", "licence"),
)


def complaint(checker, root):
    done = subprocess.run([sys.executable, HERE / checker, root], capture_output=True, text=True)
    return done.stdout if done.returncode else ""


def check(root, offence):
    checker, file, line, expected = offence
    with tempfile.TemporaryDirectory() as copy:
        for folder in FOLDERS:
            shutil.copytree(root / folder, Path(copy) / folder)
        before = complaint(checker, copy)
        with open(Path(copy) / file, "a") as out:
            out.write("\n" + line + "\n")
        new = set(complaint(checker, copy).splitlines()) - set(before.splitlines())
    return any(expected in why for why in new)


def main():
    missed = [offence for offence in OFFENCES if not check(Path(sys.argv[1]), offence)]
    for checker, file, line, expected in missed:
        print(f"{checker} did not say '{expected}' of '{line.splitlines()[0]}' in {file}")
    return 1 if missed else 0


sys.exit(main())
