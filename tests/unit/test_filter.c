/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/filter */
#include "filter.h"
#include "frame.h"

#include <netinet/in.h>
#include <pcap/pcap.h>
#include <sys/socket.h>
#include <unistd.h>

#define DNS_LEN  200
#define HEAD     FILTER_HEAD_BYTES
#define WHOLE    FILTER_DNS_BYTES
#define ETHERNET 14

/* One packet of each kind that matters. */
static const struct kind {
	unsigned int ip, proto, src_port, dst_port;
	bool is_dns;
} kinds[] = {
	{4, IPPROTO_UDP, 40000, 53, true},
	{4, IPPROTO_UDP, 53, 40000, true},
	{4, IPPROTO_UDP, 40000, 15053, true},
	{4, IPPROTO_UDP, 15053, 40000, true},
	{4, IPPROTO_UDP, 40000, 443, false},
	{4, IPPROTO_TCP, 40000, 53, true},
	{4, IPPROTO_TCP, 53, 40000, true},
	{4, IPPROTO_TCP, 443, 40000, false},
	{4, IPPROTO_SCTP, 53, 53, false},
	{6, IPPROTO_UDP, 40000, 53, true},
	{6, IPPROTO_UDP, 53, 40000, true},
	{6, IPPROTO_TCP, 53, 40000, true},
	{6, IPPROTO_TCP, 40000, 443, false},
	{6, IPPROTO_HOPOPTS, 53, 53, false},
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct frame frame_of(const struct kind *kind, bool has_ethernet)
{
	struct frame f = {.len = 0};

	if (has_ethernet)
		put_ethernet(&f, kind->ip == 4 ? 0x0800 : 0x86dd);
	if (kind->ip == 4)
		put_ipv4(&f, kind->proto, DNS_LEN);
	else
		put_ipv6(&f, kind->proto, DNS_LEN);
	put_u16(&f, kind->src_port);
	put_u16(&f, kind->dst_port);
	put_zeros(&f, DNS_LEN - 4);
	return f;
}

static unsigned int run(enum packet_link link, bool wants_dns, const struct frame *f, size_t len)
{
	struct sock_filter built[FILTER_INSTRUCTIONS_MAX];
	struct bpf_insn insns[FILTER_INSTRUCTIONS_MAX];
	size_t n = filter_build(link, wants_dns, built);

	assert_in_range(n, 1, FILTER_INSTRUCTIONS_MAX);
	for (size_t i = 0; i < n; i++)
		insns[i] = (struct bpf_insn){built[i].code, built[i].jt, built[i].jf, built[i].k};
	assert_true(bpf_validate(insns, (int)n));
	return bpf_filter(insns, f->data, (u_int)len, (u_int)len);
}

/*
 * As the kernel runs it on "any": libpcap has moved the offsets to a packet without the
 * pseudo-header, and asks the kernel for the protocol, which stands here as a constant.
 */
static unsigned int run_cooked(bool wants_dns, unsigned int type, const struct frame *ip)
{
	struct sock_filter built[FILTER_INSTRUCTIONS_MAX];
	struct bpf_insn insns[FILTER_INSTRUCTIONS_MAX];
	size_t n = filter_build(PACKET_SLL2, wants_dns, built);

	for (size_t i = 0; i < n; i++) {
		unsigned int mode = BPF_MODE(built[i].code);
		bool is_load =
			BPF_CLASS(built[i].code) == BPF_LD || BPF_CLASS(built[i].code) == BPF_LDX;

		insns[i] = (struct bpf_insn){built[i].code, built[i].jt, built[i].jf, built[i].k};
		if (is_load && (mode == BPF_ABS || mode == BPF_IND || mode == BPF_MSH))
			insns[i].k -= 20;
	}
	insns[2] = (struct bpf_insn)BPF_STMT(BPF_LD | BPF_IMM, type);
	return bpf_filter(insns, ip->data, (u_int)ip->len, (u_int)ip->len);
}

static void on_any_it_is_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		struct frame f = frame_of(&kinds[i], false);
		unsigned int type = kinds[i].ip == 4 ? 0x0800 : 0x86dd;
		size_t headers =
			(kinds[i].ip == 4 ? 20 : 40) + (kinds[i].proto == IPPROTO_UDP ? 8U : 20U);

		assert_int_equal(run_cooked(true, type, &f), kinds[i].is_dns ? WHOLE : HEAD);
		assert_int_equal(run_cooked(false, type, &f), kinds[i].is_dns ? headers : HEAD);
	}
}

static void messages_are_whole_where_names_are_wanted(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		struct frame f = frame_of(&kinds[i], true);

		assert_int_equal(
			run(PACKET_ETHERNET, true, &f, f.len), kinds[i].is_dns ? WHOLE : HEAD);
		f = frame_of(&kinds[i], false);
		assert_int_equal(
			run(PACKET_RAW_IP, true, &f, f.len), kinds[i].is_dns ? WHOLE : HEAD);
	}
}

static void nothing_of_a_message_is_captured_where_they_are_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		size_t headers =
			(kinds[i].ip == 4 ? 20 : 40) + (kinds[i].proto == IPPROTO_UDP ? 8U : 20U);
		struct frame f = frame_of(&kinds[i], true);

		for (size_t len = ETHERNET + headers; len <= f.len; len++)
			assert_int_equal(run(PACKET_ETHERNET, false, &f, len),
				kinds[i].is_dns ? ETHERNET + headers : HEAD);
		f = frame_of(&kinds[i], false);
		for (size_t len = headers; len <= f.len; len++)
			assert_int_equal(run(PACKET_RAW_IP, false, &f, len),
				kinds[i].is_dns ? headers : HEAD);
	}
}

/* A load beyond its end would lose it. */
static void no_packet_is_dropped_however_short_it_is(void **state)
{
	static const enum packet_link links[] = {
		PACKET_ETHERNET, PACKET_SLL, PACKET_SLL2, PACKET_RAW_IP};

	(void)state;
	for (size_t i = 0; i < 4 * N_KINDS; i++) {
		struct frame f = frame_of(&kinds[i / 4], links[i % 4] == PACKET_ETHERNET);

		for (size_t len = 0; len <= f.len; len++) {
			assert_int_not_equal(run(links[i % 4], true, &f, len), 0);
			if (links[i % 4] == PACKET_ETHERNET || links[i % 4] == PACKET_RAW_IP)
				assert_int_not_equal(run(links[i % 4], false, &f, len), 0);
		}
	}
}

/* It looks closer than libpcap does, which would go on without, and let all of each frame be
 * copied. Any socket takes a filter. */
static void the_kernel_takes_each_program(void **state)
{
	static const enum packet_link links[] = {
		PACKET_ETHERNET, PACKET_SLL, PACKET_SLL2, PACKET_RAW_IP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < 8; i++) {
		struct sock_filter built[FILTER_INSTRUCTIONS_MAX];
		struct sock_fprog program = {.filter = built};

		program.len = (unsigned short)filter_build(links[i / 2], i % 2, built);
		assert_int_equal(
			setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), 0);
	}
	close(fd);
}

static void options_of_ipv4_move_the_ports(void **state)
{
	struct frame f = frame_of(&kinds[0], true);
	struct frame moved = {.len = 0};

	(void)state;
	put(&moved, f.data, ETHERNET + 20);
	moved.data[ETHERNET] = 0x4f; /* forty bytes of options */
	put_zeros(&moved, 40);
	put(&moved, f.data + ETHERNET + 20, f.len - ETHERNET - 20);
	assert_int_equal(run(PACKET_ETHERNET, true, &moved, moved.len), WHOLE);
	assert_int_equal(run(PACKET_ETHERNET, false, &moved, moved.len), ETHERNET + 60 + 8);
	for (size_t len = 0; len <= moved.len; len++) {
		assert_int_not_equal(run(PACKET_ETHERNET, true, &moved, len), 0);
		assert_int_not_equal(run(PACKET_ETHERNET, false, &moved, len), 0);
	}
}

static void a_later_fragment_has_no_ports(void **state)
{
	struct frame f = frame_of(&kinds[0], true);

	(void)state;
	f.data[ETHERNET + 7] = 1;
	assert_int_equal(run(PACKET_ETHERNET, true, &f, f.len), HEAD);
	f.data[ETHERNET + 7] = 0;
	f.data[ETHERNET + 6] = 0x20; /* the first one, more follow */
	assert_int_equal(run(PACKET_ETHERNET, true, &f, f.len), WHOLE);
}

static void what_is_not_ip_is_its_head(void **state)
{
	struct frame f = frame_of(&kinds[0], true);

	(void)state;
	f.data[13] = 6; /* ARP */
	assert_int_equal(run(PACKET_ETHERNET, true, &f, f.len), HEAD);
	assert_int_equal(run(PACKET_ETHERNET, false, &f, f.len), HEAD);
}

static void a_bsd_loopback_has_no_filter(void **state)
{
	struct sock_filter built[FILTER_INSTRUCTIONS_MAX];

	(void)state;
	assert_int_equal(filter_build(PACKET_NULL, true, built), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_whole_where_names_are_wanted),
		cmocka_unit_test(nothing_of_a_message_is_captured_where_they_are_not),
		cmocka_unit_test(no_packet_is_dropped_however_short_it_is),
		cmocka_unit_test(on_any_it_is_the_same),
		cmocka_unit_test(the_kernel_takes_each_program),
		cmocka_unit_test(options_of_ipv4_move_the_ports),
		cmocka_unit_test(a_later_fragment_has_no_ports),
		cmocka_unit_test(what_is_not_ip_is_its_head),
		cmocka_unit_test(a_bsd_loopback_has_no_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
