#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# static.sh [ARCH [BUILD_DIR]]: the probe as one static file, with musl, for amd64 or arm64.
# Leaves BUILD_DIR/static/nstats-probe; of an architecture that is not this machine's, BUILD_DIR/static-ARCH/nstats-probe.
#
# Debian's libpcap.a cannot be linked statically (it wants D-Bus and libraries for RDMA), and is built against glibc: so
# libpcap and protobuf-c come from Debian's source packages, whose signatures apt checks. They are kept in
# BUILD_DIR/sources, and what is built of them in BUILD_DIR/musl-ARCH: a second run asks nobody. The same inputs give
# the same file, wherever the tree lies.
set -eu

own_arch=$(dpkg --print-architecture)
arch=${1:-$own_arch} # empty as if it were not given
max_bytes=$((400 * 1024))
cd "$(dirname "$0")/.."
mkdir -p "${2:-build}"
build=$(cd "${2:-build}" && pwd)
musl=$build/musl-$arch
sources=$build/sources
out=$build/static
[ "$arch" = "$own_arch" ] || out=$build/static-$arch

case $arch in
amd64) cpu=x86_64 ;;
arm64) cpu=aarch64 ;;
*)
	echo "static.sh: no such architecture: '$arch'; expected amd64 or arm64" >&2
	exit 2
	;;
esac
gcc=$cpu-linux-gnu-gcc
headers=/usr/$cpu-linux-gnu/include # of a cross compiler; this architecture's own are elsewhere
wanted="gcc-$(echo $cpu | tr _ -)-linux-gnu"
[ "$arch" = "$own_arch" ] || wanted="$wanted libc6-dev-$arch-cross"
if ! command -v $gcc >/dev/null || { [ "$arch" != "$own_arch" ] && [ ! -d "$headers/linux" ]; }; then
	echo "static.sh: for $arch are missing: apt-get install --no-install-recommends $wanted" >&2
	exit 1
fi
flags="-O2 -g0 -ffunction-sections -fdata-sections -ffile-prefix-map=$PWD=. -ffile-prefix-map=$out=build/static"

# This machine's own sources, as deb-src too, in a list and a state of their own.
private_apt() { # command [argument...]
	apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$sources/apt" \
		-o Dir::State::lists="$sources/lists" -o APT::Architectures="$own_arch,$arch" \
		-o APT::Sandbox::User=root "$@"
}

update_lists() {
	[ ! -e "$sources/lists/done-$arch" ] || return 0
	mkdir -p "$sources/apt" "$sources/lists/partial"
	for list in /etc/apt/sources.list.d/*.sources; do
		[ ! -e "$list" ] || sed 's/^Types:.*/Types: deb deb-src/' "$list" >"$sources/apt/${list##*/}"
	done
	for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ ! -e "$list" ] || sed -n 's/^deb \(.*\)/deb \1\ndeb-src \1/p' "$list" >"$sources/apt/${list##*/}.list"
	done
	# a third party's archive without sources is no reason to stop: what is missing then is said by who asks for it
	private_apt update || true
	touch "$sources/lists/done-$arch"
}

unpack_source() { # package
	if ! ls "$sources/$1"_*.dsc >/dev/null 2>&1; then
		update_lists
		(cd "$sources" && private_apt source --download-only "$1")
	fi
	rm -rf "${musl:?}/$1"
	dpkg-source -q --no-check -x "$sources/$1"_*.dsc "$musl/$1" # apt has checked it
}

# musl's own specs, turned from dynamic to static, position-independent programs; for another architecture with its
# package unpacked beside, so that no foreign architecture has to be added to this machine.
make_compiler() {
	root=
	if [ "$arch" != "$own_arch" ]; then
		root=$musl/root
		if ! ls "$sources"/musl-dev_*_"$arch".deb >/dev/null 2>&1; then
			update_lists
			(cd "$sources" && private_apt download "musl-dev:$arch")
		fi
		dpkg -x "$sources"/musl-dev_*_"$arch".deb "$root"
	fi
	sed -e "s|/usr/|$root/usr/|g" -e 's|Scrt1\.o|rcrt1.o|' \
		-e 's|-dynamic-linker [^ ]*|-static --no-dynamic-linker -z text|' \
		"$root/usr/lib/$cpu-linux-musl/musl-gcc.specs" >"$musl/specs"

	# of the kernel's headers these three and no more: the folder they are in belongs to glibc
	[ -d "$headers/linux" ] || headers=/usr/include
	mkdir -p "$musl/kernel" "$musl/include" "$musl/lib/pkgconfig"
	ln -sfn "$headers/linux" "$musl/kernel/linux"
	ln -sfn "$headers/asm-generic" "$musl/kernel/asm-generic"
	ln -sfn "$headers/asm" "$musl/kernel/asm"
	[ -d "$headers/asm" ] || ln -sfn "$headers/$cpu-linux-gnu/asm" "$musl/kernel/asm"
	ln -sfn /usr/include/xxhash.h "$musl/include/xxhash.h"
	cat >"$musl/cc" <<-END
		#!/bin/sh
		exec $gcc -specs $musl/specs -isystem $musl/include "\$@" -idirafter $musl/kernel
	END
	chmod 755 "$musl/cc"
}

make_libpcap() {
	unpack_source libpcap
	(
		cd "$musl/libpcap"
		./configure --host=$cpu-linux-gnu --prefix="$musl" --with-pcap=linux --disable-shared --without-libnl \
			--disable-dbus --disable-rdma --disable-bluetooth --disable-usb --disable-netmap --disable-remote \
			--without-dag --without-septel --without-snf --without-turbocap --without-dpdk \
			CC="$musl/cc" CFLAGS="$flags" >configure.log 2>&1 || { cat configure.log >&2 && exit 1; }
		make -s libpcap.a
		cp libpcap.a "$musl/lib"
		cp -r pcap.h pcap "$musl/include"
	)
}

make_protobuf_c() {
	unpack_source protobuf-c
	mkdir -p "$musl/include/protobuf-c"
	cp "$musl/protobuf-c/protobuf-c/protobuf-c.h" "$musl/include/protobuf-c"
	# shellcheck disable=SC2086 # words
	(cd "$musl/protobuf-c" && "$musl/cc" $flags -I. -c protobuf-c/protobuf-c.c -o protobuf-c.o)
	$cpu-linux-gnu-ar rcsD "$musl/lib/libprotobuf-c.a" "$musl/protobuf-c/protobuf-c.o"
}

package() { # name
	printf 'Name: %s\nDescription: %s\nVersion: 0\nLibs: -L%s -l%s\n' "$1" "$1" "$musl/lib" "${1#lib}" \
		>"$musl/lib/pkgconfig/$1.pc"
}

# Built again where this script, the compiler or musl has changed.
inputs=$({ cat tests/static.sh && $gcc --version && dpkg-query -W musl-dev; } | sha256sum)
if [ "$(cat "$musl/inputs" 2>/dev/null)" != "$inputs" ]; then
	rm -rf "$musl" "$out"
	mkdir -p "$musl" "$sources"
	make_compiler
	make_libpcap
	make_protobuf_c
	package libpcap
	package libprotobuf-c
	echo "$inputs" >"$musl/inputs"
fi

# With the product's own rules; what is set here stands in place of the ordinary compiler and libraries.
PKG_CONFIG_LIBDIR=$musl/lib/pkgconfig PKG_CONFIG_PATH='' \
	make --no-print-directory -s BUILD="$out" CC="$musl/cc" CFLAGS="$flags" SANITIZE= \
	LDFLAGS='-Wl,--gc-sections,--build-id=none -s' "$out/nstats-probe"

if readelf -lW "$out/nstats-probe" | grep -q INTERP || readelf -dW "$out/nstats-probe" | grep -q NEEDED; then
	echo "static.sh: $out/nstats-probe is not static" >&2
	exit 1
fi
bytes=$(stat -c %s "$out/nstats-probe")
if [ "$bytes" -gt $max_bytes ]; then
	echo "static.sh: $out/nstats-probe has $bytes bytes; $max_bytes are allowed" >&2
	exit 1
fi
echo "$out/nstats-probe: $arch, $bytes bytes"
