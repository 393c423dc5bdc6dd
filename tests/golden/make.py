#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make.py DIR: writes NAME.pcap and NAME.expected of every case into DIR, and prints the names."""
import pathlib
import sys

sys.dont_write_bytecode = True

import cases_dns  # noqa: E402,F401
import cases_dns_bad  # noqa: E402,F401
import cases_flows  # noqa: E402,F401
import cases_wire  # noqa: E402,F401
from model import CASES, Case  # noqa: E402


def main():
    directory = pathlib.Path(sys.argv[1])
    for name, (link, function) in CASES.items():
        c = Case(link)
        function(c)
        (directory / (name + ".pcap")).write_bytes(c.contents())
        (directory / (name + ".expected")).write_text("\n".join(c.expected()) + "\n")
        print(name)


main()
