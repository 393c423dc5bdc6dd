#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""readme.py README BUILD_DIR: each table of options in it is what its program prints with --help=markdown."""
import re
import subprocess
import sys
from pathlib import Path

TABLE = re.compile(r"<!-- options: (nstats-[a-z]+) -->\n(.*?)<!-- end -->", re.S)


def main():
    text, build = Path(sys.argv[1]).read_text(), Path(sys.argv[2])
    code = 0
    for program, table in TABLE.findall(text):
        printed = subprocess.run([build / program, "--help=markdown"], capture_output=True, text=True)
        if printed.returncode or printed.stdout.strip() != table.strip():
            print(f"{sys.argv[1]}: the table of {program} is not what --help=markdown prints:")
            print(printed.stdout + printed.stderr)
            code = 1
    return code


sys.exit(main())
