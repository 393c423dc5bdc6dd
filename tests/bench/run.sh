#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD_DIR: what has a budget and this machine can measure, side by side with peers. BENCH_PACKETS is
# the length of the file that is read.
set -eu

build=$1
here=$(dirname "$0")
mkdir -p "$build/bench"
for program in empty_loop live_loop make_pcap; do
	"${CC:-cc}" -std=gnu17 -O2 -D_GNU_SOURCE -Wall -Wextra -o "$build/bench/$program" "$here/$program.c" -lpcap
done
exec /usr/bin/python3 "$here/bench.py" "$build" "${BENCH_PACKETS:-1000000}"
