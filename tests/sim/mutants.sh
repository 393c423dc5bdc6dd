#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mutants.sh BUILD_DIR: are the seeds of regressions.txt still what they were noted for? Each patch under mutants/ brings
# an old bug back; the simulator, linked with that, must fail with each seed that bears its name. From the tree's top.
set -eu

build=$1
cd "$(dirname "$0")/../.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
n_passed=0
n_failed=0

passed() {
	echo "ok $1"
	n_passed=$((n_passed + 1))
}

failed() { # name: why is on standard input
	echo "FAIL $1"
	tail -n 20
	n_failed=$((n_failed + 1))
}

sim() { # patch command's options...: builds it so
	patch -s -p1 -d "$copy" "$@" && make -s -C "$copy" BUILD=build sim-build
}

# All seeds of a bug, each alone: one that passes has become a schedule like others.
try_seeds() { # name
	n=0
	# shellcheck disable=SC2013 # a line is a word
	for seed in $(sed -n "s/^\([0-9][0-9]*\) *# $1:.*/\1/p" tests/sim/regressions.txt); do
		n=$((n + 1))
		echo "$seed" >"$copy/seed"
		if timeout -k 5 60 "$copy/build/nstats-sim" --regressions "$copy/seed" >"$copy/out" 2>&1; then
			echo "seed $seed does not find it any more; what else does: nstats-sim --schedules 20000, so patched"
			return 1
		fi
		grep -q ' 1 failed' "$copy/out" || {
			cat "$copy/out"
			return 1
		}
	done
	[ $n -gt 0 ] || echo "no seed in regressions.txt bears this name"
	[ $n -gt 0 ]
}

cp -a Makefile proto probe collector "$copy"
mkdir -p "$copy/tests" "$copy/build"
cp -a tests/sim "$copy/tests"
cp -a "$build/obj" "$copy/build"
for mutant in tests/sim/mutants/*.patch; do
	name=$(basename "$mutant" .patch)
	if sim -i "$PWD/$mutant" >"$copy/log" 2>&1 && try_seeds "$name" >>"$copy/log" 2>&1; then
		passed "$name"
	else
		failed "$name" <"$copy/log"
	fi
	sim -R -i "$PWD/$mutant" >"$copy/log" 2>&1 || failed "$name-undone" <"$copy/log"
done
echo "$n_passed passed, $n_failed failed, 0 skipped"
[ $n_failed -eq 0 ]
