/* SPDX-License-Identifier: Apache-2.0 */
#include "capture.h"

#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNAPLEN                                                                                    \
	262144 /* libpcap's maximum: the filter decides, and blocks hold frames of any size */
#define HEAD_BYTES  96 /* Ethernet, QinQ, IPv6 with an extension header or two, TCP */
#define WHOLE_BYTES 65535
#define SUBJECT_LEN 96
#define DNS_PORT    53

struct capture {
	pcap_t *pcap;
	enum packet_link link;
	bool is_live;
	char subject[SUBJECT_LEN]; /* "capture on 'eth0'", for messages */
	uint32_t last_drops;
	uint64_t drops;
	capture_fn *fn; /* of the capture_dispatch that is going on */
	void *ctx;
};

/* Where a link type keeps the kind of its payload, and where the payload starts. */
struct layout {
	uint16_t type_load;
	uint32_t type_at;
	uint32_t type_mask;
	uint32_t type_v4;
	uint32_t type_v6;
	uint32_t ip_at;
};

static bool find_link(int datalink, enum packet_link *ret)
{
	switch (datalink) {
	case DLT_EN10MB:
		*ret = PACKET_ETHERNET;
		return true;
	case DLT_LINUX_SLL:
		*ret = PACKET_SLL;
		return true;
	case DLT_LINUX_SLL2:
		*ret = PACKET_SLL2;
		return true;
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		*ret = PACKET_RAW_IP;
		return true;
	case DLT_NULL:
	case DLT_LOOP:
		*ret = PACKET_NULL;
		return true;
	default:
		return false;
	}
}

static int set_link(struct capture *capture, char err[static ERR_LEN])
{
	int datalink = pcap_datalink(capture->pcap);
	const char *name = pcap_datalink_val_to_name(datalink);

	if (find_link(datalink, &capture->link))
		return 0;
	snprintf(err, ERR_LEN,
		"%s: link type %s (%d) is not known: Ethernet, Linux cooked, raw IP and BSD "
		"loopback are",
		capture->subject, name ? name : "?", datalink);
	return -EPROTONOSUPPORT;
}

/* False: a link type whose filter we do not know; it is captured whole. */
static bool find_layout(enum packet_link link, struct layout *ret)
{
	struct layout layout = {
		.type_load = BPF_LD | BPF_H | BPF_ABS,
		.type_mask = 0xffff,
		.type_v4 = ETHERTYPE_IP,
		.type_v6 = ETHERTYPE_IPV6,
	};

	switch (link) {
	case PACKET_ETHERNET:
		layout.type_at = 12;
		layout.ip_at = 14;
		break;
	case PACKET_SLL:
		layout.type_at = 14;
		layout.ip_at = 16;
		break;
	case PACKET_SLL2:
		layout.type_at = 0;
		layout.ip_at = 20;
		break;
	case PACKET_RAW_IP:
		layout.type_load = BPF_LD | BPF_B | BPF_ABS;
		layout.type_mask = 0xf0;
		layout.type_v4 = 0x40;
		layout.type_v6 = 0x60;
		break;
	case PACKET_NULL:
		return false;
	}
	*ret = layout;
	return true;
}

/*
 * All of a packet from UDP port 53, the head of any other. A load beyond the packet's end would
 * make the kernel drop it (networking/filter.rst), so the length is asked first: what is not longer
 * than the head needs no telling apart, and every load lies within it.
 *
 * Offsets count the pseudo-header of cooked captures, which the kernel does not have: libpcap moves
 * them, and turns the protocol's into SKF_AD_PROTOCOL (fix_offset in its pcap-linux.c).
 */
static int set_filter(struct capture *capture, char err[static ERR_LEN])
{
	struct layout at;

	if (!find_layout(capture->link, &at))
		return 0;

		/* Jumps count from the next instruction: N is where an instruction stands. */
#define TO(n, from) ((uint8_t)((n) - (from)-1))
#define CUT         17
#define WHOLE       18
#define NOT_V4      11
	struct bpf_insn insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, HEAD_BYTES, 0, TO(CUT, 1)),
		BPF_STMT(at.type_load, at.type_at),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, at.type_mask),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, at.type_v4, 0, TO(NOT_V4, 4)),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, at.ip_at + 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, TO(CUT, 6)),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, at.ip_at + 6),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, TO(CUT, 8), 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, at.ip_at),
		BPF_JUMP(BPF_JMP | BPF_JA, 4, 0, 0), /* to the load of [x + port] */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, at.type_v6, 0, TO(CUT, NOT_V4)),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, at.ip_at + 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, TO(CUT, 13)),
		BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 40),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, at.ip_at),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DNS_PORT, TO(WHOLE, 16), 0),
		BPF_STMT(BPF_RET | BPF_K, HEAD_BYTES),
		BPF_STMT(BPF_RET | BPF_K, WHOLE_BYTES),
	};
#undef TO
#undef CUT
#undef WHOLE
#undef NOT_V4
	struct bpf_program program = {
		.bf_len = sizeof(insns) / sizeof(insns[0]),
		.bf_insns = insns,
	};

	if (pcap_setfilter(capture->pcap, &program) == 0)
		return 0;
	snprintf(err, ERR_LEN, "%s: filter: %s", capture->subject, pcap_geterr(capture->pcap));
	return -EIO;
}

static int explain_activate(struct capture *capture, int status, char err[static ERR_LEN])
{
	const char *detail;

	switch (status) {
	case PCAP_ERROR_PERM_DENIED:
		snprintf(err, ERR_LEN,
			"%s: permission denied: the CAP_NET_RAW capability is missing (run as "
			"root, or "
			"add NET_RAW)",
			capture->subject);
		return -EPERM;
	case PCAP_ERROR_NO_SUCH_DEVICE:
		snprintf(err, ERR_LEN, "%s: no such interface", capture->subject);
		return -ENODEV;
	case PCAP_ERROR_IFACE_NOT_UP:
		snprintf(err, ERR_LEN, "%s: the interface is down", capture->subject);
		return -ENETDOWN;
	default:
		detail = pcap_geterr(capture->pcap);
		snprintf(err, ERR_LEN, "%s: %s", capture->subject,
			*detail ? detail : pcap_statustostr(status));
		return -EIO;
	}
}

static int activate(struct capture *capture, size_t buffer_bytes, char err[static ERR_LEN])
{
	pcap_t *pcap = capture->pcap;
	char detail[PCAP_ERRBUF_SIZE];
	int r;

	pcap_set_snaplen(pcap, SNAPLEN);
	pcap_set_promisc(pcap, 0);
	pcap_set_timeout(pcap, CAPTURE_RETIRE_MS);
	pcap_set_buffer_size(pcap, buffer_bytes > INT32_MAX ? INT32_MAX : (int)buffer_bytes);
	r = pcap_activate(pcap);
	if (r < 0)
		return explain_activate(capture, r, err);
	if (pcap_setnonblock(pcap, 1, detail) < 0) {
		snprintf(err, ERR_LEN, "%s: %.150s", capture->subject, detail);
		return -EIO;
	}
	/* The newer header keeps the interface's index; an older libpcap has the older one only. */
	if (pcap_datalink(pcap) == DLT_LINUX_SLL)
		(void)pcap_set_datalink(pcap, DLT_LINUX_SLL2);
	r = set_link(capture, err);
	return r < 0 ? r : set_filter(capture, err);
}

int capture_open_live(
	const char *interface, size_t buffer_bytes, struct capture **ret, char err[static ERR_LEN])
{
	struct capture *capture = calloc(1, sizeof(*capture));
	char detail[PCAP_ERRBUF_SIZE] = "";
	int r;

	if (!capture) {
		snprintf(err, ERR_LEN, "capture: out of memory");
		return -ENOMEM;
	}
	capture->is_live = true;
	snprintf(capture->subject, sizeof(capture->subject), "capture on '%.64s'", interface);
	capture->pcap = pcap_create(interface, detail);
	if (!capture->pcap) {
		snprintf(err, ERR_LEN, "%s: %.150s", capture->subject, detail);
		r = -EIO;
		goto fail;
	}
	r = activate(capture, buffer_bytes, err);
	if (r < 0)
		goto fail;
	*ret = capture;
	return 0;

fail:
	capture_close(capture);
	return r;
}

int capture_open_file(const char *path, struct capture **ret, char err[static ERR_LEN])
{
	struct capture *capture = calloc(1, sizeof(*capture));
	char detail[PCAP_ERRBUF_SIZE] = "";
	int r;

	if (!capture) {
		snprintf(err, ERR_LEN, "capture: out of memory");
		return -ENOMEM;
	}
	snprintf(capture->subject, sizeof(capture->subject), "read '%.80s'", path);
	capture->pcap = pcap_open_offline(path, detail);
	if (!capture->pcap) {
		/* libpcap puts the path in front where fopen failed, and not elsewhere. */
		size_t len = strlen(path);
		bool has_path = strncmp(detail, path, len) == 0 && detail[len] == ':';

		snprintf(err, ERR_LEN, "%s: %.150s", capture->subject,
			has_path ? detail + len + 2 : detail);
		r = -EINVAL;
		goto fail;
	}
	r = set_link(capture, err);
	if (r < 0)
		goto fail;
	*ret = capture;
	return 0;

fail:
	capture_close(capture);
	return r;
}

void capture_close(struct capture *capture)
{
	if (!capture)
		return;
	if (capture->pcap)
		pcap_close(capture->pcap);
	free(capture);
}

int capture_fd(const struct capture *capture)
{
	return capture->is_live ? pcap_get_selectable_fd(capture->pcap) : -1;
}

/* A pcapng file may claim any 64 bits of seconds. */
static int64_t time_of(const struct pcap_pkthdr *header)
{
	int64_t seconds = header->ts.tv_sec;

	if (seconds < 0)
		return 0;
	if (seconds >= CAPTURE_TIME_END_S)
		seconds = CAPTURE_TIME_END_S - 1;
	return seconds * 1000000 + header->ts.tv_usec % 1000000;
}

static void on_packet(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
	struct capture *capture = (struct capture *)(void *)user;
	struct capture_frame frame = {
		.data = data,
		.cap_len = header->caplen,
		.wire_len = header->len,
		.time_us = time_of(header),
	};

	capture->fn(capture->ctx, capture->link, &frame);
}

int capture_dispatch(
	struct capture *capture, int max, capture_fn *fn, void *ctx, char err[static ERR_LEN])
{
	int r;

	capture->fn = fn;
	capture->ctx = ctx;
	r = pcap_dispatch(capture->pcap, max, on_packet, (u_char *)capture);
	if (r >= 0)
		return r;
	snprintf(err, ERR_LEN, "%s: %s", capture->subject, pcap_geterr(capture->pcap));
	return capture->is_live ? -ENETDOWN : -EINVAL;
}

uint64_t capture_kernel_drops(struct capture *capture)
{
	struct pcap_stat stat;

	if (!capture->is_live || pcap_stats(capture->pcap, &stat) < 0)
		return capture->drops;
	/* libpcap adds up the kernel's counts, in 32 bits. */
	capture->drops += (uint32_t)(stat.ps_drop - capture->last_drops);
	capture->last_drops = stat.ps_drop;
	return capture->drops;
}
