#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD_DIR: seeds that once failed, 20,000 schedules (or NSTATS_SIM_SCHEDULES), a collector that is broken on purpose
# in each known way, and the bugs that were found, brought back, from the tree's top. Each says "ok NAME", "FAIL NAME" or
# "skip NAME: reason"; the last line is their sum.
set -eu

build=$1
sim=$build/nstats-sim
schedules=${NSTATS_SIM_SCHEDULES:-20000}
cd "$(dirname "$0")/../.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
n_passed=0
n_failed=0
n_skipped=0

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

# mutants.sh says the same of each, and their sum.
bring_back() {
	case $build in
	*address* | *thread*)
		echo "skip mutants: how they are built, the plain build knows"
		n_skipped=1
		return
		;;
	esac
	timeout -k 5 300 tests/sim/mutants.sh "$build" >"$log" 2>&1 </dev/null || true
	grep -q ' passed, ' "$log" || echo "FAIL mutants: ended without a sum" >>"$log"
	grep -v ' passed, ' "$log" || true
	n_passed=$((n_passed + $(grep -c '^ok ' "$log" || true)))
	n_failed=$((n_failed + $(grep -c '^FAIL ' "$log" || true)))
}

if [ -x "$sim" ]; then
	check regressions --regressions tests/sim/regressions.txt
	check schedules --schedules "$schedules"
	cat "$log"
	for sabotage in $("$sim" --list-sabotages); do
		check "notices-$sabotage" --sabotage "$sabotage"
	done
	bring_back
else
	echo "FAIL schedules"
	echo "'$sim' is not there: make it"
	n_failed=1
fi

echo "$n_passed passed, $n_failed failed, $n_skipped skipped"
[ $n_failed -eq 0 ]
