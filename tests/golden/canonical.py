#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
canonical.py DIR: of each NAME.out (what the probe printed) a NAME.got, its JSON lines sorted, keys too,
so that diff(1) can compare it with NAME.expected. Of the totals those that are expected. Whatever is
expected, rows and self must sum to what was captured.
"""
import json
import pathlib
import sys


def canonical(text, wanted):
    lines, totals = [], []
    accounted = 0
    for row in map(json.loads, text.splitlines()):
        if "totals" in row:
            totals.append(row["totals"])
            row = {"totals": {name: row["totals"].get(name) for name in wanted}}
        else:
            accounted += row["tx_bytes"] + row["rx_bytes"]
        lines.append(json.dumps(row, sort_keys=True))
    if len(totals) != 1:
        return sorted(lines) + [f"{len(totals)} lines of totals"]
    captured, own = totals[0]["captured_bytes"], totals[0]["self_bytes"]
    if accounted + own != captured:
        lines.append(f"rows {accounted} and self {own} are not the {captured} captured")
    return sorted(lines)


def main():
    for out in pathlib.Path(sys.argv[1]).glob("*.out"):
        expected = map(json.loads, out.with_suffix(".expected").read_text().splitlines())
        wanted = next(row["totals"] for row in expected if "totals" in row)
        try:
            lines = canonical(out.read_text(), wanted)
        except (ValueError, KeyError) as error:
            lines = [f"not what --print writes: {error!r}"]
        out.with_suffix(".got").write_text("\n".join(lines) + "\n")


main()
