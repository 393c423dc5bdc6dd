#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD_DIR: the checks by machine, from the tree's top.
set -eu

build=$1
cd "$(dirname "$0")/../.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
n_passed=0
n_failed=0
n_skipped=0

check() { # name command...
	name=$1
	shift
	if "$@" >"$log" 2>&1 </dev/null; then
		echo "ok $name"
		n_passed=$((n_passed + 1))
	else
		echo "FAIL $name"
		tail -n 60 "$log"
		n_failed=$((n_failed + 1))
	fi
}

skip() { # name reason
	echo "skip $1: $2"
	n_skipped=$((n_skipped + 1))
}

need() { # tool name command...
	tool=$1
	shift
	if command -v "$tool" >/dev/null; then
		check "$@"
	else
		skip "$1" "$tool is missing"
	fi
}

sources() { # suffixes
	for folder in proto probe collector tests/unit tests/sim tests/bench tests/golden tests/fault tests/fuzz; do
		for suffix in "$@"; do
			find "$folder" -maxdepth 1 -name "*.$suffix"
		done
	done
}

formatted() {
	sources c h | xargs clang-format --dry-run -Werror
}

scripts_are_clean() {
	find . -name '*.sh' -not -path './build/*' -not -path './.git/*' -print0 | xargs -0 shellcheck .ci/run
}

python_compiles() {
	find tests -name '*.py' -print0 | PYTHONDONTWRITEBYTECODE=1 xargs -0 /usr/bin/python3 -c '
import sys
for path in sys.argv[1:]:
    compile(open(path).read(), path, "exec")'
}

# "0 passed" of a name that was mistyped looks like a success.
filters_must_match() {
	for runner in tests/e2e/run.py tests/containers/run.py tests/golden/run.sh; do
		code=0
		"$runner" "$build" no-such-case || code=$?
		[ $code -eq 2 ] || { echo "$runner: code $code of a filter that matches nothing" && return 1; }
	done
}

check layers tests/lint/layers.py .
check style tests/lint/style.py .
check self-test tests/lint/selftest.py .
need clang-format format formatted
need shellcheck shellcheck scripts_are_clean
check python python_compiles
check filters filters_must_match
if [ -e "$build/obj/proto/nstats.pb-c.h" ]; then
	need clang-tidy tidy tests/lint/tidy.sh "$build/obj/proto"
else
	skip tidy "the generated header is not there: make first"
fi
if [ -x "$build/nstats-probe" ] && [ -x "$build/nstats-collector" ] && [ -f README.md ]; then
	check readme-options tests/lint/readme.py README.md "$build"
else
	skip readme-options "README.md or the programs are not there"
fi

echo "$n_passed passed, $n_failed failed, $n_skipped skipped"
[ $n_failed -eq 0 ]
