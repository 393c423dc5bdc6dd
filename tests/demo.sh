#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# demo.sh BUILD_DIR: collector (with the live table) and probe on this machine, until Ctrl-C. IFACE, INFLUX, IDB and every
# NSTATS_... of the environment reach the programs as they are. The spool is ./nstats.db.
set -eu

build=$1
log=/dev/stderr
if [ -t 1 ]; then
	log=nstats.log # else the log would be written over the table
	echo "what the programs log goes to ./$log; Ctrl-C ends both" >&2
fi

collector=
probe=
is_asked=
trap 'is_asked=yes' INT TERM HUP

# In sessions of their own, so that Ctrl-C reaches this script alone: the probe is ended first, and the collector takes
# its last interval.
setsid "$build/nstats-collector" --live 2>>"$log" </dev/null &
collector=$!
setsid "$build/nstats-probe" 2>>"$log" </dev/null &
probe=$!

# Prints nothing and returns the program's exit code; 0 where it was ended by the signal that we sent.
end() { # pid
	local code=0

	kill -TERM "$1" 2>/dev/null || true
	# a trap interrupts wait
	while kill -0 "$1" 2>/dev/null; do
		wait "$1" || true
	done
	wait "$1" || code=$?
	[ $code -ne 143 ] || code=0
	return $code
}

# A probe waits for its interface, and here somebody waits for the probe: what keeps it is said, and not to the log alone.
why="one of the programs ended by itself"
does_capture() {
	local said

	for _ in {1..20}; do
		[ -z "$is_asked" ] && kill -0 "$probe" 2>/dev/null || return 0
		said=$("$build/nstats-probe" healthcheck 2>&1) && return 0
		case $said in *'nothing is captured'*)
			why=$said
			return 1
			;;
		esac
		sleep 0.1
	done
}

first=0
if ! does_capture; then
	first=1
elif [ -z "$is_asked" ]; then
	wait -n "$collector" "$probe" || first=$?
fi
code=0
end "$probe" || code=$?
sleep 0.2 # its last datagrams are on their way
end "$collector" || code=$?
if [ -z "$is_asked" ]; then
	[ "$log" = /dev/stderr ] || why="$why; see ./$log"
	echo "$why (code $first)" >&2
	[ $first -eq 0 ] || code=$first
	[ $code -ne 0 ] || code=1
fi
exit $code
