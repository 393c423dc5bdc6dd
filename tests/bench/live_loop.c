/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live_loop INTERFACE none|truncate: what a live capture costs at least, with the whole frame
 * copied into the ring or with a filter that returns 96. Until SIGTERM; prints packets, bytes and
 * kernel drops.
 */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define RING_BYTES  (1 << 20) /* as the probe has */
#define RETIRE_MS   100
#define TRUNCATE_AT 96
#define SNAPLEN     262144

struct sum {
	uint64_t packets;
	uint64_t bytes;
};

static volatile sig_atomic_t is_ending;

static void end(int number)
{
	(void)number;
	is_ending = 1;
}

static void count(unsigned char *ctx, const struct pcap_pkthdr *header, const unsigned char *data)
{
	struct sum *sum = (struct sum *)(void *)ctx;

	(void)data;
	sum->packets++;
	sum->bytes += header->len;
}

static pcap_t *open_live(const char *interface, int truncate, char err[PCAP_ERRBUF_SIZE])
{
	struct bpf_insn ret = {.code = BPF_RET | BPF_K, .k = TRUNCATE_AT};
	struct bpf_program program = {.bf_len = 1, .bf_insns = &ret};
	pcap_t *pcap = pcap_create(interface, err);

	if (!pcap)
		return NULL;
	pcap_set_snaplen(pcap, SNAPLEN);
	pcap_set_timeout(pcap, RETIRE_MS);
	pcap_set_buffer_size(pcap, RING_BYTES);
	if (pcap_activate(pcap) < 0 || (truncate && pcap_setfilter(pcap, &program) < 0) ||
		pcap_setnonblock(pcap, 1, err) < 0) {
		snprintf(err, PCAP_ERRBUF_SIZE, "%s", pcap_geterr(pcap));
		pcap_close(pcap);
		return NULL;
	}
	return pcap;
}

int main(int argc, char **argv)
{
	char err[PCAP_ERRBUF_SIZE];
	struct pcap_stat stat = {0};
	struct sum sum = {0};
	pcap_t *pcap;

	if (argc != 3)
		return 2;
	signal(SIGTERM, end);
	pcap = open_live(argv[1], strcmp(argv[2], "truncate") == 0, err);
	if (!pcap) {
		fprintf(stderr, "live_loop: %s\n", err);
		return 1;
	}
	while (!is_ending) {
		struct pollfd fd = {.fd = pcap_get_selectable_fd(pcap), .events = POLLIN};

		poll(&fd, 1, 200);
		pcap_dispatch(pcap, -1, count, (unsigned char *)&sum);
	}
	pcap_stats(pcap, &stat);
	pcap_close(pcap);
	printf("%" PRIu64 " %" PRIu64 " %u\n", sum.packets, sum.bytes, stat.ps_drop);
	return 0;
}
