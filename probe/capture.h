/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpcap, and the only file that includes it. A live capture is non-blocking and not promiscuous,
 * and its filter makes the kernel copy 96 bytes of a packet (see filter.h): without that TPACKET_V3
 * copies whole 64 KiB frames.
 */
#pragma once

#include "err.h"
#include "packet.h"

struct capture;

/* The year 2100: later times are taken for the second before it. */
#define CAPTURE_TIME_END_S 4102444800

struct capture_frame {
	const uint8_t *data;
	size_t cap_len;
	size_t wire_len;
	int64_t time_us; /* Unix time of the packet */
};

typedef void capture_fn(void *ctx, enum packet_link link, const struct capture_frame *frame);

struct capture_config {
	const char *interface;
	size_t buffer_bytes;
	bool wants_dns; /* DNS messages whole; else nothing of them */
};

/* A sentence in err that names the interface, or NET_RAW where that is what is missing. 0 or
 * -errno. */
int capture_open_live(
	const struct capture_config *config, struct capture **ret, char err[static ERR_LEN]);
/* "-" is standard input. pcap and pcapng. */
int capture_open_file(const char *path, struct capture **ret, char err[static ERR_LEN]);
void capture_close(struct capture *capture);

/* For poll(2); -1 for a file. */
int capture_fd(const struct capture *capture);

/*
 * Up to max packets to fn. Returns how many; 0: none waiting, or the file's end; -errno with a
 * sentence: -ENETDOWN when the interface went away or down, -EINVAL for a broken file.
 */
int capture_dispatch(
	struct capture *capture, int max, capture_fn *fn, void *ctx, char err[static ERR_LEN]);

/* Longest that a packet may lie in the kernel's ring before fd becomes readable. */
#define CAPTURE_RETIRE_MS 100

/* Packets that the kernel dropped since the open. */
uint64_t capture_kernel_drops(struct capture *capture);
