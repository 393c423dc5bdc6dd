#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# closure.sh PROGRAM ROOT: copies a program's loader and all the libraries that it needs, and they need, to where its
# loader finds them below ROOT. Reads them instead of running them, as ldd would, so that they may be another
# architecture's.
set -eu

program=$1
root=$2

loader=$(readelf -lW "$program" | sed -n 's/.*program interpreter: \(.*\)\]$/\1/p')
case $loader in
*x86-64*) triplet=x86_64-linux-gnu ;;
*aarch64*) triplet=aarch64-linux-gnu ;;
*)
	echo "closure.sh: $program: unknown loader: '$loader'" >&2
	exit 1
	;;
esac

needs() { # file
	readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p'
}

find_library() { # name
	for directory in /lib/$triplet /usr/lib/$triplet; do
		[ ! -e "$directory/$1" ] || { echo "$directory/$1" && return; }
	done
	echo "closure.sh: $1 is not there for $triplet" >&2
	exit 1
}

# -L: the file under the name that asks for it, not the link to it
mkdir -p "$root/lib/$triplet" "$root${loader%/*}"
cp -L "$(find_library "${loader##*/}")" "$root$loader"

todo=$(needs "$program")
while [ -n "$todo" ]; do
	next=
	for name in $todo; do
		[ "$name" != "${loader##*/}" ] || continue
		[ ! -e "$root/lib/$triplet/$name" ] || continue
		library=$(find_library "$name")
		cp -L "$library" "$root/lib/$triplet/$name"
		next="$next $(needs "$library")"
	done
	todo=$(echo "$next" | xargs)
done
