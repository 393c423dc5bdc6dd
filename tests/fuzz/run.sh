#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD_DIR SECONDS [TARGET...]: each fuzzer (or those named) for so long, from seeds that corpus.py makes of the golden cases
# and what earlier runs have found, under the address and undefined-behaviour sanitizers. Says "ok NAME: ..." or "FAIL NAME"; the
# last line is the sum. What fails is kept as BUILD_DIR/fuzz/crash-NAME-*.
set -eu

build=$1
seconds=$2
shift 2
cd "$(dirname "$0")/../.."
out=$build/fuzz
# Most of an input's time went into memory that was freed before; a target allocates all anew for each.
export ASAN_OPTIONS=quarantine_size_mb=1:malloc_context_size=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
n_passed=0
n_failed=0
[ $# -gt 0 ] || set -- dns packet datagram kube

# The modules that a target needs stand in it, as in a unit test.
sources_of() { # target
	sed -n 's|.*\buses: ||p' "tests/fuzz/fuzz_$1.c" | tr ' ' '\n' | sed -n 's|^\([a-z_]*/[a-z_]*\)$|\1.c|p'
	echo "$build/obj/proto/nstats.pb-c.c"
}

compile() { # target
	# shellcheck disable=SC2046 # words
	clang -std=gnu17 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -D_GNU_SOURCE -w \
		-Iproto -Iprobe -Icollector "-I$build/obj/proto" -o "$out/$1" "tests/fuzz/fuzz_$1.c" $(sources_of "$1") \
		$(pkg-config --libs libprotobuf-c json-c)
}

fuzz() { # target
	mkdir -p "$out/corpus/$1" "$out/seeds/$1"
	[ ! -d "tests/fuzz/corpus/$1" ] || cp "tests/fuzz/corpus/$1"/* "$out/seeds/$1"
	compile "$1" && "$out/$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=8192 -print_final_stats=1 \
		-artifact_prefix="$out/crash-$1-" "$out/corpus/$1" "$out/seeds/$1"
}

mkdir -p "$out"
python3 tests/fuzz/corpus.py "$build" "$out/seeds"
for target in "$@"; do
	if fuzz "$target" >"$log" 2>&1 </dev/null; then
		execs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
		echo "ok $target: $execs inputs, $coverage edges, from $(find "$out/seeds/$target" -type f | wc -l) seeds"
		n_passed=$((n_passed + 1))
	else
		echo "FAIL $target"
		tail -n 60 "$log"
		n_failed=$((n_failed + 1))
	fi
done

echo "$n_passed passed, $n_failed failed, 0 skipped"
[ $n_failed -eq 0 ]
