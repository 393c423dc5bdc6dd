#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# deps.sh GROUP...: installs what is missing of these groups' Debian packages; silent when all is there.
set -eu

# What the two programs are built from.
build='gcc libc6-dev make pkg-config protobuf-c-compiler libprotobuf-c-dev libpcap-dev libxxhash-dev
libcurl4-openssl-dev libsqlite3-dev libc-ares-dev libmicrohttpd-dev libdeflate-dev libjson-c-dev'

# What tests and lint run. dnsmasq-base and not dnsmasq: the latter comes with a service.
test='clang libclang-rt-14-dev clang-format clang-tidy cppcheck shellcheck libcmocka-dev python3
influxdb victoria-metrics iftop iperf3 softflowd dnsmasq-base
nftables iproute2 curl procps sqlite3 util-linux openssl patch'

# The schemas that manifests and dashboards are checked against come from npm; nodejs of another origin brings it along.
command -v npm >/dev/null || test="$test nodejs npm"

# The static probe: a C library that can be linked statically, and what builds libpcap from Debian's source package.
static='musl-tools dpkg-dev bison flex xz-utils'

# Images, pods and the compose file. runc: podman's default wants more of the kernel than a container gives.
containers='podman runc netavark aardvark-dns iptables docker-compose debootstrap qemu-user-static openssl'

is_installed() { # package
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The packages of influxdb, victoria-metrics and softflowd start a service where one could be started;
# policy-rc.d is Debian's way to say no (policy-rc.d(8), invoke-rc.d(8)).
policy=/usr/sbin/policy-rc.d
install_quietly() { # packages
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod 755 $policy
		trap 'rm -f $policy' EXIT
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >&2
}

missing_of() { # packages
	for package in "$@"; do
		is_installed "$package" || printf ' %s' "$package"
	done
}

code=0
missing=
for group in "$@"; do
	case $group in
	build) packages=$build ;;
	test) packages=$test ;;
	static) packages=$static ;;
	containers) packages=$containers ;;
	*)
		echo "deps.sh: no such group: '$group'; expected build, test, static or containers" >&2
		exit 2
		;;
	esac
	# shellcheck disable=SC2086 # words
	lacking=$(missing_of $packages)
	[ -n "$lacking" ] || continue
	missing=$missing$lacking
	[ "$group" != build ] || code=1
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "missing, and only root may install it: apt-get install --no-install-recommends$missing" >&2
	[ $code -ne 0 ] || echo "tests that need it are skipped or fail" >&2
	exit $code
fi
echo "installing$missing" >&2
# shellcheck disable=SC2086 # words
install_quietly $missing
