# SPDX-License-Identifier: Apache-2.0
# The images: --target probe, collector or shop (the demo). The first two are cross-compiled for amd64 and arm64:
#
#   docker build --target probe -t nstats/probe:0.1.0 .
#   docker buildx build --platform linux/arm64 --target collector -t nstats/collector:0.1.0 .
#
# BuildKit is needed, which is Docker's default builder, or podman.
# podman 4.3 must be told where it builds: podman build --build-arg BUILDPLATFORM=linux/amd64 --platform linux/arm64 ...

ARG BASE=debian:bookworm-20260918-slim
ARG VERSION=0.1.0

FROM --platform=$BUILDPLATFORM ${BASE} AS tools
WORKDIR /src
COPY tests/deps.sh tests/
RUN tests/deps.sh build static
ARG TARGETARCH
RUN case $TARGETARCH in amd64) cpu=x86-64 ;; arm64) cpu=aarch64 ;; *) exit 1 ;; esac \
	&& apt-get install -y -qq --no-install-recommends ca-certificates \
		gcc-$cpu-linux-gnu $([ $TARGETARCH = "$(dpkg --print-architecture)" ] || echo libc6-dev-$TARGETARCH-cross)

FROM tools AS probe-build
COPY tests/static.sh tests/
COPY Makefile ./
COPY proto proto/
COPY probe probe/
ARG TARGETARCH
RUN tests/static.sh $TARGETARCH && install -D build/static*/nstats-probe /root-of-probe/nstats-probe

FROM tools AS collector-build
ARG TARGETARCH
# the libraries of deps.sh, of the other architecture
RUN [ $TARGETARCH = "$(dpkg --print-architecture)" ] || { dpkg --add-architecture $TARGETARCH && apt-get update -qq \
	&& apt-get install -y -qq --no-install-recommends $(sed -n '/^build=/,/^$/p' tests/deps.sh \
		| grep -o 'lib[a-z0-9-]*-dev' | sed "s/$/:$TARGETARCH/"); }
COPY tests/closure.sh tests/
COPY Makefile ./
COPY proto proto/
COPY collector collector/
RUN case $TARGETARCH in amd64) gnu=x86_64-linux-gnu ;; arm64) gnu=aarch64-linux-gnu ;; esac \
	&& export PKG_CONFIG_LIBDIR=/usr/lib/$gnu/pkgconfig:/usr/share/pkgconfig \
	&& make -s CC=$gnu-gcc CFLAGS='-O2 -g0' LDFLAGS='-s -Wl,--as-needed' build/nstats-collector \
	&& root=/root-of-collector && mkdir -p $root/etc/ssl/certs /data \
	&& install build/nstats-collector $root/ && tests/closure.sh $root/nstats-collector $root \
	&& cp /etc/ssl/certs/ca-certificates.crt $root/etc/ssl/certs/ \
	&& echo 'nstats:x:65532:65532::/data:/nstats-collector' >$root/etc/passwd \
	&& echo 'nstats:x:65532:' >$root/etc/group \
	&& echo 'hosts: files dns' >$root/etc/nsswitch.conf

FROM scratch AS probe
ARG VERSION
LABEL org.opencontainers.image.title="nstats-probe" \
	org.opencontainers.image.description="Counts where a pod's bandwidth goes; needs NET_RAW and nothing else" \
	org.opencontainers.image.version="$VERSION" \
	org.opencontainers.image.licenses="Apache-2.0"
COPY --from=probe-build /root-of-probe /
USER 0:0
ENTRYPOINT ["/nstats-probe"]

FROM scratch AS collector
ARG VERSION
LABEL org.opencontainers.image.title="nstats-collector" \
	org.opencontainers.image.description="Names what the probes counted, keeps it on disk, writes it to InfluxDB" \
	org.opencontainers.image.version="$VERSION" \
	org.opencontainers.image.licenses="Apache-2.0"
COPY --from=collector-build /root-of-collector /
COPY --from=collector-build --chown=65532:65532 /data /data
ENV NSTATS_SPOOL=/data/nstats.db NSTATS_HTTP=[::]:9747
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 4747/udp 9747/tcp
ENTRYPOINT ["/nstats-collector"]

FROM ${BASE} AS shop
ARG VERSION
LABEL org.opencontainers.image.title="nstats-shop" \
	org.opencontainers.image.description="Three small services with traffic that is worth watching: the demo of nstats" \
	org.opencontainers.image.version="$VERSION" \
	org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
COPY demo/shop.py /shop.py
RUN chmod 755 /shop.py
USER 65532:65532
EXPOSE 8080/tcp 8081/tcp 8082/tcp
ENTRYPOINT ["/usr/bin/python3", "/shop.py"]
