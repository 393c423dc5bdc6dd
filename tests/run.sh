#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh PART BUILD_DIR: the tests of a part (lint, unit, golden, sim, manifests, e2e, containers), or all but the last, which
# wants podman. Each says "ok NAME", "FAIL NAME" or "skip NAME: reason" on a line; the last line is the sum over all.
set -eu

part=$1
build=$2
cd "$(dirname "$0")/.."
sum=$(mktemp)
log=$(mktemp)
trap 'rm -f "$sum" "$log"' EXIT

count() { # passed failed skipped
	echo "$1 $2 $3" >>"$sum"
}

# A cmocka program is many tests; one that crashes, hangs or leaks is a failure beyond those it counted.
unit_program() { # file
	name=$(basename "$1")
	code=0
	timeout -k 5 120 "$1" >"$log" 2>&1 </dev/null || code=$?
	# "[  PASSED  ] 5 test(s)."; some versions of cmocka list failed tests with the same mark and no number
	n_passed=$(sed -n 's/^\[  PASSED  \] \([0-9][0-9]*\) test.*/\1/p' "$log" | tail -n 1)
	n_failed=$(sed -n 's/^\[  FAILED  \] \([0-9][0-9]*\) test.*/\1/p' "$log" | tail -n 1)
	n_skipped=$(sed -n 's/^\[  SKIPPED \] \([0-9][0-9]*\) test.*/\1/p' "$log" | tail -n 1)
	n_passed=${n_passed:-0}
	n_failed=${n_failed:-0}
	if [ "$code" -ne 0 ] && [ "$n_failed" -eq 0 ]; then
		n_failed=1
		echo "ended with code $code" >>"$log"
	elif [ "$code" -eq 0 ] && [ "$n_passed" -eq 0 ]; then
		n_failed=1
		echo "ran no test" >>"$log"
	fi
	count "$n_passed" "$n_failed" "${n_skipped:-0}"
	sed -n "s|^skipped: |skip unit/$name: |p" "$log"
	if [ "$n_failed" -eq 0 ]; then
		echo "ok unit/$name ($n_passed)"
	else
		echo "FAIL unit/$name"
		grep -v -e '^\[ RUN ' -e '^\[       OK ' "$log" | tail -n 60
	fi
}

unit() {
	found=
	for source in tests/unit/test_*.c; do
		program=$build/unit/$(basename "$source" .c)
		found=yes
		if [ -x "$program" ]; then
			unit_program "$program"
		else
			echo "FAIL unit/$(basename "$program")"
			echo "'$program' is not there: make unit-tests"
			count 0 1 0
		fi
	done
	[ -n "$found" ] || echo "no unit tests"
}

# A script that prints lines as above; its own last line, a sum, is not printed but taken.
script() { # name seconds command...
	name=$1
	limit=$2
	shift 2
	timeout -k 20 "$limit" "$@" 2>&1 </dev/null | tee "$log" |
		sed -u "/$a_sum/d; s|^\(ok\|FAIL\|late\|skip\) |\1 $name/|"
	counted=$(sed -n "/$a_sum/s/[^0-9 ]//gp" "$log" | tail -n 1)
	if [ -z "$counted" ]; then
		echo "FAIL $name"
		echo "ended without a sum, or took more than $limit seconds"
		counted='0 1 0'
	fi
	echo "$counted" >>"$sum"
}
a_sum='^[0-9]* passed, [0-9]* failed, [0-9]* skipped$'

golden() {
	if [ -x tests/golden/run.sh ]; then
		script golden 300 tests/golden/run.sh "$build"
	else
		echo "skip golden: there is no tests/golden/run.sh"
		count 0 0 1
	fi
}

sim() {
	script sim 600 tests/sim/run.sh "$build"
}

e2e() {
	script e2e 3000 /usr/bin/python3 tests/e2e/run.py "$build"
}

lint() {
	script lint 300 tests/lint/run.sh "$build"
}

manifests() {
	script manifests 600 tests/manifests/run.sh "$build"
}

containers() {
	script containers 1800 /usr/bin/python3 tests/containers/run.py "$build"
}

case $part in
unit | golden | sim | e2e | lint | manifests | containers) $part ;;
all)
	lint
	unit
	golden
	sim
	manifests
	e2e
	;;
*)
	echo "run.sh: no such part: '$part'; expected lint, unit, golden, sim, manifests, e2e, containers or all" >&2
	exit 2
	;;
esac

awk '{ passed += $1; failed += $2; skipped += $3 }
	END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 }' "$sum"
