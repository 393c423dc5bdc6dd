#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
dashboards.py queries URL DB [--strict]: asks an InfluxDB every query of grafana/ (panels, variables, alert rules) as
Grafana would, and says for each: rows, empty or error. Exit code 1 where one is an error, or empty though there is
data; --strict: also where it may be empty because all is well. NSTATS_INFLUX_AUTH is sent as Authorization, if set.
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "e2e"))
sys.dont_write_bytecode = True

from lib import dashboards  # noqa: E402


def main(arguments):
    if arguments[:1] != ["queries"] or len(arguments) not in (3, 4) or arguments[3:] not in ([], ["--strict"]):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    ask = dashboards.asker(*arguments[1:3], os.environ.get("NSTATS_INFLUX_AUTH"))
    outcomes = []
    try:
        for outcome in dashboards.run(ask):
            outcomes.append(outcome)
            print(dashboards.line(outcome))
    except (AssertionError, OSError) as why:
        print(f"FAIL {arguments[1]}, database {arguments[2]}: {why}")
        return 1
    failed = dashboards.failures(outcomes, arguments[3:] == ["--strict"])
    words = [outcome.word for outcome in outcomes]
    print(f"{len(words)} queries: {words.count('rows')} with rows, {words.count('empty')} empty, "
          f"{words.count('error')} errors; {len(failed)} not as they should be")
    for outcome in failed:
        print("FAIL " + dashboards.line(outcome))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
