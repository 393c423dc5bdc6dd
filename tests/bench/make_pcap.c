/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_pcap FILE PACKETS FLOWS: Ethernet frames of a pod at 10.0.0.1 that talks to many, the first
 * 96 bytes of each, as the probe's filter leaves them. TCP, every eighth flow UDP; the flows in
 * random order, always the same; 350,000 packets a second.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPTURED   96
#define PACKET_US  3
#define FILE_MAGIC 0xa1b2c3d4u /* microseconds; pcap-savefile(5) */

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snaplen, link;
};

struct packet_header {
	uint32_t s, us, captured, length;
};

static uint64_t state = 88172645463325252u;

/* xorshift64 */
static uint32_t random_below(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 33) % n;
}

static void put_16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_32(uint8_t *at, uint32_t value)
{
	put_16(at, value >> 16);
	put_16(at + 2, value);
}

static void put_ip(uint8_t *ip, uint32_t flow, int is_out, uint32_t ip_len)
{
	uint32_t pod = 0x0a000001, remote = 0x0a010000 + flow / 4;

	ip[0] = 0x45;
	put_16(ip + 2, ip_len);
	ip[8] = 64;
	ip[9] = flow % 8 == 0 ? 17 : 6;
	put_32(ip + 12, is_out ? pod : remote);
	put_32(ip + 16, is_out ? remote : pod);
}

static void put_transport(uint8_t *transport, uint32_t flow, int is_out, uint32_t sequence)
{
	uint32_t own = 20000 + flow, service = flow % 8 == 0 ? 53 : 443;

	put_16(transport, is_out ? own : service);
	put_16(transport + 2, is_out ? service : own);
	if (flow % 8 == 0)
		return;
	put_32(transport + 4, sequence);
	transport[12] = 0x80; /* 32 bytes: with timestamps */
	transport[13] = 0x10; /* ACK */
}

static uint32_t make_frame(uint8_t frame[static CAPTURED], uint32_t flow, uint32_t sequence)
{
	int is_out = (int)random_below(2);
	uint32_t length = random_below(3) ? 1514 : 66 + random_below(300);
	uint8_t pod[6] = {2, 0, 0, 0, 0, 1}, router[6] = {2, 0, 0, 0, 0, 2};

	memset(frame, 0, CAPTURED);
	memcpy(frame, is_out ? router : pod, 6);
	memcpy(frame + 6, is_out ? pod : router, 6);
	put_16(frame + 12, 0x0800);
	put_ip(frame + 14, flow, is_out, length - 14);
	put_transport(frame + 34, flow, is_out, sequence);
	return length;
}

static int write_all(FILE *file, uint64_t packets, uint32_t flows)
{
	const struct file_header header = {FILE_MAGIC, 2, 4, 0, 0, 65535, 1};
	uint8_t frame[CAPTURED];

	fwrite(&header, sizeof(header), 1, file);
	for (uint64_t i = 0; i < packets; i++) {
		uint64_t us = i * PACKET_US;
		struct packet_header packet = {(uint32_t)(1700000000 + us / 1000000),
			(uint32_t)(us % 1000000), CAPTURED, 0};

		packet.length = make_frame(frame, random_below(flows), (uint32_t)i * 1448);
		if (packet.length < CAPTURED)
			packet.captured = packet.length;
		fwrite(&packet, sizeof(packet), 1, file);
		fwrite(frame, packet.captured, 1, file);
	}
	return ferror(file);
}

int main(int argc, char **argv)
{
	FILE *file;
	int failed;

	if (argc != 4)
		return 2;
	file = fopen(argv[1], "wb");
	if (!file) {
		perror(argv[1]);
		return 1;
	}
	failed = write_all(file, strtoull(argv[2], NULL, 10), (uint32_t)strtoul(argv[3], NULL, 10));
	if (fclose(file) != 0 || failed) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
