#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD_DIR: what can be said of images, compose file, dashboards and manifests without a container. Runs each
# check_* here, which prints "ok NAME", "FAIL NAME" and why, or "skip NAME: reason", a line each; then their sum.
set -eu

build=$1
cd "$(dirname "$0")/../.."
here=tests/manifests
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# The schemas come from npm, by the lock beside this file; again only where that has changed.
if command -v npm >/dev/null && ! cmp -s $here/package-lock.json $here/node_modules/.nstats-lock; then
	if (cd $here && npm ci --silent --no-audit --no-fund --ignore-scripts >&2); then
		cp $here/package-lock.json $here/node_modules/.nstats-lock
	fi
fi

check() { # name command...
	name=$1
	shift
	code=0
	timeout -k 5 120 "$@" "$build" >"$log.one" 2>&1 </dev/null || code=$?
	cat "$log.one"
	if [ $code -ne 0 ] && ! grep -q '^FAIL ' "$log.one"; then
		echo "FAIL $name"
		echo "ended with code $code"
	elif ! grep -qE '^(ok|FAIL|skip) ' "$log.one"; then
		echo "FAIL $name"
		echo "checked nothing"
	fi
	rm -f "$log.one"
}

for file in "$here"/check_*.py "$here"/check_*.mjs; do
	case $file in
	*'*'*) continue ;;
	*.py) check "$(basename "$file" .py)" /usr/bin/python3 "$file" ;;
	*.mjs)
		name=$(basename "$file" .mjs)
		if command -v node >/dev/null && [ -d $here/node_modules ]; then
			check "$name" node "$file"
		else
			echo "skip $name: node or the npm packages are missing"
		fi
		;;
	esac
done | tee "$log"

awk '/^ok / { ok++ } /^FAIL / { failed++ } /^skip / { skipped++ }
	END { printf "%d passed, %d failed, %d skipped\n", ok, failed, skipped; exit failed > 0 }' "$log"
