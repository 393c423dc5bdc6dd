#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tidy.sh GENERATED_HEADERS: clang-tidy over all modules, two processes at a time, less what tidy-known.txt excuses.
# Which checks, and why not the others, stands in .clang-tidy.
set -eu

generated=$1
known=$(dirname "$0")/tidy-known.txt
found=$(mktemp)
trap 'rm -f "$found"' EXIT

# The flags that the Makefile compiles with; the files go before "--".
# shellcheck disable=SC2016 # the inner shell expands
find proto probe collector -maxdepth 1 -name '*.c' -print0 |
	xargs -0 -P 2 -n 4 sh -c 'generated=$0; clang-tidy --quiet --warnings-as-errors="*" "$@" -- -std=gnu17 \
		-D_GNU_SOURCE -DNSTATS_VERSION="\"lint\"" -Iproto -Iprobe -Icollector -isystem "$generated"' \
		"$generated" >"$found" 2>&1 || true

# "/tree/probe/ring.c:12:3: error: sentence [check,-warnings-as-errors]"
awk -v tree="$PWD/" '
	FNR == NR { if ($1 !~ /^#/) known[$1 " " $2] = 1; next }
	/: (error|warning): / {
		file = $1
		sub(tree, "", file)
		sub(/:.*/, "", file)
		check = $0
		sub(/.*\[/, "", check)
		sub(/[],].*/, "", check)
		if (!((file " " check) in known)) { print; wrong = 1 }
	}
	END { exit wrong }' "$known" "$found"
