#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD_DIR [NAME...]: each case of LIST (or those named) through the probe, compared with
# what make.py knows of how its file was made. A name that is not in LIST is an error, code 2. A case is added in cases_*.py
# and LIST; nothing is stored.
set -eu

build=$1
shift
wanted=" $* "
here=$(dirname "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n_passed=0
n_failed=0
n_skipped=0

cases() { # "name options" a line
	while read -r name options; do
		case $name in '#'* | '') continue ;; esac
		case $wanted in '  ' | *" $name "*) echo "$name ${options%%#*}" ;; esac
	done <"$here/LIST"
}

# Whatever is in NAME.err is a failure: an error, a sanitizer's report, the exit code.
run_probe() { # name, options...
	name=$1
	shift
	if [ ! -f "$dir/$name.pcap" ]; then
		echo "make.py does not know this case" >"$dir/$name.err"
		return
	fi
	timeout 20 "$build/nstats-probe" -r "$dir/$name.pcap" --print --interval 2 --host golden \
		--log-level error "$@" >"$dir/$name.out" 2>"$dir/$name.err" </dev/null ||
		echo "exit code $?" >>"$dir/$name.err"
}

report() { # name, what is wrong
	if [ -z "$2" ]; then
		echo "ok $1"
		n_passed=$((n_passed + 1))
	else
		printf 'FAIL %s\n%s\n' "$1" "$2"
		n_failed=$((n_failed + 1))
	fi
}

for name; do
	grep -q "^$name\( \|\$\)" "$here/LIST" || {
		echo "run.sh: no case '$name' in LIST" >&2
		exit 2
	}
done
python3 "$here/make.py" "$dir" >"$dir/made"
cases >"$dir/cases"
while read -r name options; do
	# shellcheck disable=SC2086 # options are words
	run_probe "$name" $options
done <"$dir/cases"
python3 "$here/canonical.py" "$dir"

while read -r name options; do
	wrong=$(
		cat "$dir/$name.err"
		[ ! -f "$dir/$name.got" ] ||
			diff -u --label expected --label printed "$dir/$name.expected" "$dir/$name.got"
	) || true
	report "$name" "$wrong"
done <"$dir/cases"

if [ "$wanted" = '  ' ]; then
	unlisted=$(cut -d ' ' -f 1 "$dir/cases" "$dir/cases" | sort - "$dir/made" | uniq -u)
	[ -z "$unlisted" ] || report LIST "no line for: $unlisted"
fi

echo "$n_passed passed, $n_failed failed, $n_skipped skipped"
[ "$n_failed" -eq 0 ]
