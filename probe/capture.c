/* SPDX-License-Identifier: Apache-2.0 */
#include "capture.h"

#include "filter.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNAPLEN                                                                                    \
	262144 /* libpcap's maximum: the filter decides, and blocks hold frames of any size */
#define SUBJECT_LEN 96

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

static int set_filter(struct capture *capture, bool wants_dns, char err[static ERR_LEN])
{
	struct sock_filter built[FILTER_INSTRUCTIONS_MAX];
	struct bpf_insn insns[FILTER_INSTRUCTIONS_MAX];
	struct bpf_program program = {
		.bf_len = (u_int)filter_build(capture->link, wants_dns, built),
		.bf_insns = insns,
	};

	for (size_t i = 0; i < program.bf_len; i++)
		insns[i] = (struct bpf_insn){built[i].code, built[i].jt, built[i].jf, built[i].k};
	if (program.bf_len == 0 || pcap_setfilter(capture->pcap, &program) == 0)
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

static int activate(
	struct capture *capture, const struct capture_config *config, char err[static ERR_LEN])
{
	pcap_t *pcap = capture->pcap;
	char detail[PCAP_ERRBUF_SIZE];
	int r;

	pcap_set_snaplen(pcap, SNAPLEN);
	pcap_set_promisc(pcap, 0);
	pcap_set_timeout(pcap, CAPTURE_RETIRE_MS);
	pcap_set_buffer_size(
		pcap, config->buffer_bytes > INT32_MAX ? INT32_MAX : (int)config->buffer_bytes);
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
	return r < 0 ? r : set_filter(capture, config->wants_dns, err);
}

int capture_open_live(
	const struct capture_config *config, struct capture **ret, char err[static ERR_LEN])
{
	struct capture *capture = calloc(1, sizeof(*capture));
	char detail[PCAP_ERRBUF_SIZE] = "";
	int r;

	if (!capture) {
		snprintf(err, ERR_LEN, "capture: out of memory");
		return -ENOMEM;
	}
	capture->is_live = true;
	snprintf(capture->subject, sizeof(capture->subject), "capture on '%.64s'",
		config->interface);
	capture->pcap = pcap_create(config->interface, detail);
	if (!capture->pcap) {
		snprintf(err, ERR_LEN, "%s: %.150s", capture->subject, detail);
		r = -EIO;
		goto fail;
	}
	r = activate(capture, config, err);
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
