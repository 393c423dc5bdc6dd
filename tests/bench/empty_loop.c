/* SPDX-License-Identifier: Apache-2.0 */
/* What reading a file costs at least: libpcap, and a callback that adds up lengths. */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>

struct sum {
	uint64_t packets;
	uint64_t bytes;
};

static void count(unsigned char *ctx, const struct pcap_pkthdr *header, const unsigned char *data)
{
	struct sum *sum = (struct sum *)(void *)ctx;

	(void)data;
	sum->packets++;
	sum->bytes += header->len;
}

int main(int argc, char **argv)
{
	char err[PCAP_ERRBUF_SIZE];
	struct sum sum = {0};
	pcap_t *pcap;

	if (argc != 2)
		return 2;
	pcap = pcap_open_offline(argv[1], err);
	if (!pcap) {
		fprintf(stderr, "empty_loop: %s\n", err);
		return 1;
	}
	pcap_loop(pcap, -1, count, (unsigned char *)&sum);
	pcap_close(pcap);
	printf("%" PRIu64 " %" PRIu64 "\n", sum.packets, sum.bytes);
	return 0;
}
