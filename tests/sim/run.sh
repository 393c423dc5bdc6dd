#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD_DIR: seeds that once failed, 20,000 schedules (or NSTATS_SIM_SCHEDULES), and a collector that is broken on
# purpose in each known way, from the tree's top. Each says "ok NAME" or "FAIL NAME"; the last line is their sum.
set -eu

sim=$1/nstats-sim
schedules=${NSTATS_SIM_SCHEDULES:-20000}
cd "$(dirname "$0")/../.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
n_passed=0
n_failed=0

check() { # name options...
	name=$1
	shift
	if timeout -k 5 300 "$sim" "$@" >"$log" 2>&1 </dev/null; then
		echo "ok $name"
		n_passed=$((n_passed + 1))
	else
		echo "FAIL $name"
		tail -n 450 "$log"
		n_failed=$((n_failed + 1))
	fi
}

if [ -x "$sim" ]; then
	check regressions --regressions tests/sim/regressions.txt
	check schedules --schedules "$schedules"
	cat "$log"
	for sabotage in $("$sim" --list-sabotages); do
		check "notices-$sabotage" --sabotage "$sabotage"
	done
else
	echo "FAIL schedules"
	echo "'$sim' is not there: make it"
	n_failed=1
fi

echo "$n_passed passed, $n_failed failed, 0 skipped"
[ $n_failed -eq 0 ]
