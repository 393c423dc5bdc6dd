/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/dns collector/loop */
#include "dns.h"

#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define GUARD_MS       10000
#define PACKET_MAX     4096
#define RCODE_SERVFAIL 2
#define RCODE_NXDOMAIN 3
#define TYPE_A         1
#define TYPE_CNAME     5
#define TYPE_PTR       12

struct packet {
	uint8_t data[PACKET_MAX];
	size_t len;
};

/* A DNS server on the test's own loop, whose answer is made by one function of the test. */
struct fixture {
	struct loop *loop;
	struct dns *dns;
	int fd;
	void (*answer)(struct packet *packet); /* holds the question; len 0: no answer */
	struct loop_timer guard;
	unsigned n_questions;
	struct packet question; /* the last one */

	unsigned n_results;
	enum dns_outcome outcome;
	char name[2048];
	uint32_t ttl_s;
};

static void serve(void *ctx, uint32_t events)
{
	struct fixture *f = ctx;
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	struct packet packet;
	ssize_t n = recvfrom(
		f->fd, packet.data, 512, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);

	(void)events;
	if (n < 12)
		return;
	packet.len = (size_t)n;
	f->question = packet;
	f->n_questions++;
	packet.data[2] |= 0x80;
	packet.data[3] = 0x80;
	f->answer(&packet);
	if (packet.len)
		sendto(f->fd, packet.data, packet.len, 0, (struct sockaddr *)&from, from_len);
}

static void answered(void *ctx, const struct addr *addr, enum dns_outcome outcome, const char *name,
	uint32_t ttl_s)
{
	struct fixture *f = ctx;

	(void)addr;
	f->n_results++;
	f->outcome = outcome;
	f->ttl_s = ttl_s;
	snprintf(f->name, sizeof(f->name), "%s", name);
	loop_stop(f->loop);
}

static void guard_fired(void *ctx, int64_t now_ms)
{
	struct fixture *f = ctx;

	(void)now_ms;
	loop_stop(f->loop);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_storage ss;
	struct addr addr;
	char err[ERR_LEN], server[64];
	socklen_t len;
	uint16_t port;

	assert_non_null(f);
	assert_int_equal(loop_new(&f->loop, err), 0);
	assert_int_equal(addr_parse("127.0.0.1", &addr), 0);
	len = addr_to_sockaddr(&addr, 0, &ss);
	f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&ss, len), 0);
	len = sizeof(ss);
	assert_int_equal(getsockname(f->fd, (struct sockaddr *)&ss, &len), 0);
	addr_from_sockaddr(&ss, &addr, &port);
	assert_int_equal(loop_watch(f->loop, f->fd, EPOLLIN, serve, f), 0);
	snprintf(server, sizeof(server), "127.0.0.1:%u", (unsigned)port);
	assert_int_equal(dns_open(f->loop, server, answered, f, &f->dns, err), 0);
	f->guard = (struct loop_timer){.fn = guard_fired, .ctx = f};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	dns_close(f->dns);
	loop_unwatch(f->loop, f->fd);
	close(f->fd);
	loop_timer_cancel(f->loop, &f->guard);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void ask(struct fixture *f, const char *text, void (*answer)(struct packet *packet))
{
	struct addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	f->answer = answer;
	assert_true(dns_ask_ptr(f->dns, &addr));
	loop_timer_set(f->loop, &f->guard, clock_mono_ms() + GUARD_MS);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->n_results, 1);
}

static void put(struct packet *p, const void *data, size_t len)
{
	assert_true(p->len + len <= sizeof(p->data));
	memcpy(p->data + p->len, data, len);
	p->len += len;
}

static void put16(struct packet *p, unsigned value)
{
	put(p, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

/* owner: a pointer to the question's name (RFC 1035 4.1.4). */
static void put_record(struct packet *p, unsigned type, uint32_t ttl, const void *rdata, size_t len)
{
	p->data[7]++;
	put16(p, 0xc00c);
	put16(p, type);
	put16(p, 1);
	put16(p, ttl >> 16);
	put16(p, ttl & 0xffff);
	put16(p, (unsigned)len);
	put(p, rdata, len);
}

/* name: labels with their length bytes; the root's is sizeof's NUL. */
#define PUT_PTR(p, ttl, name) put_record(p, TYPE_PTR, ttl, name, sizeof(name))

static void answer_name(struct packet *p)
{
	PUT_PTR(p, 300, "\3web\7example\3com");
}

static void a_ptr_record_gives_its_name_and_ttl(void **state)
{
	struct fixture *f = *state;

	ask(f, "192.0.2.1", answer_name);
	assert_int_equal(f->outcome, DNS_NAME);
	assert_string_equal(f->name, "web.example.com");
	assert_int_equal(f->ttl_s, 300);
}

static void an_ipv4_address_is_asked_in_reverse(void **state)
{
	struct fixture *f = *state;

	ask(f, "192.0.2.1", answer_name);
	assert_memory_equal(f->question.data + 12,
		"\1"
		"1\1"
		"2\1"
		"0\3"
		"192\7in-addr\4arpa\0\0\14",
		26);
}

static void an_ipv6_address_is_asked_by_half_bytes(void **state)
{
	static const char expected[] = "\1"
				       "1\1"
				       "0\1"
				       "0\1"
				       "0";
	struct fixture *f = *state;

	ask(f, "2001:db8::1", answer_name);
	assert_memory_equal(f->question.data + 12, expected, sizeof(expected) - 1);
	assert_memory_equal(f->question.data + 12 + 64, "\3ip6\4arpa\0\0\14", 12);
}

static void answer_several(struct packet *p)
{
	PUT_PTR(p, 300, "\6longer\7example");
	PUT_PTR(p, 50, "\2wb\7example");
	PUT_PTR(p, 900, "\2WA\7example");
}

static void of_several_the_shortest_then_the_first_is_taken(void **state)
{
	struct fixture *f = *state;

	ask(f, "192.0.2.1", answer_several);
	assert_string_equal(f->name, "WA.example");
}

static void of_several_the_smallest_ttl_holds(void **state)
{
	struct fixture *f = *state;

	ask(f, "192.0.2.1", answer_several);
	assert_int_equal(f->ttl_s, 50);
}

static void answer_cname(struct packet *p)
{
	static const char target[] = "\1"
				     "1\4sub1\4arpa";

	put_record(p, TYPE_CNAME, 10, target, sizeof(target));
	PUT_PTR(p, 300, "\3web\7example");
}

static void a_cname_before_the_record_is_passed_over(void **state)
{
	struct fixture *f = *state;

	ask(f, "192.0.2.1", answer_cname);
	assert_string_equal(f->name, "web.example");
}

static void answer_other_type(struct packet *p)
{
	put_record(p, TYPE_A, 10, "\1\2\3\4", 4);
}

static void an_answer_without_a_ptr_record_is_none(void **state)
{
	struct fixture *f = *state;

	ask(f, "192.0.2.1", answer_other_type);
	assert_int_equal(f->outcome, DNS_NONE);
}

static void answer_empty(struct packet *p)
{
	(void)p;
}

static void an_empty_answer_is_none(void **state)
{
	struct fixture *f = *state;

	ask(f, "192.0.2.1", answer_empty);
	assert_int_equal(f->outcome, DNS_NONE);
}

static void answer_nxdomain(struct packet *p)
{
	p->data[3] |= RCODE_NXDOMAIN;
}

static void nxdomain_is_none(void **state)
{
	struct fixture *f = *state;

	ask(f, "192.0.2.1", answer_nxdomain);
	assert_int_equal(f->outcome, DNS_NONE);
}

static void answer_servfail(struct packet *p)
{
	p->data[3] |= RCODE_SERVFAIL;
}

static void servfail_is_a_failure(void **state)
{
	struct fixture *f = *state;

	ask(f, "192.0.2.1", answer_servfail);
	assert_int_equal(f->outcome, DNS_FAILED);
}

static void answer_nothing(struct packet *p)
{
	p->len = 0;
}

static void no_answer_is_a_failure_within_the_pipelines_two_seconds(void **state)
{
	struct fixture *f = *state;
	int64_t before_ms = clock_mono_ms();

	ask(f, "192.0.2.1", answer_nothing);
	assert_int_equal(f->outcome, DNS_FAILED);
	assert_int_equal(f->n_questions, 2);
	assert_true(clock_mono_ms() - before_ms < 3000);
}

static void answer_truncated(struct packet *p)
{
	p->data[2] |= 0x02;
}

static void a_truncated_answer_without_tcp_is_a_failure(void **state)
{
	struct fixture *f = *state;

	ask(f, "192.0.2.1", answer_truncated);
	assert_int_equal(f->outcome, DNS_FAILED);
}

static void answer_cut_record(struct packet *p)
{
	answer_name(p);
	p->len -= 3;
}

static void a_record_that_ends_too_early_is_a_failure(void **state)
{
	struct fixture *f = *state;

	ask(f, "192.0.2.1", answer_cut_record);
	assert_int_equal(f->outcome, DNS_FAILED);
}

static void answer_lying_length(struct packet *p)
{
	static const char name[] = "\3web\7example\0more";

	put_record(p, TYPE_PTR, 1, name, sizeof(name));
}

static void a_record_that_is_longer_than_its_name_is_a_failure(void **state)
{
	struct fixture *f = *state;

	ask(f, "192.0.2.1", answer_lying_length);
	assert_int_equal(f->outcome, DNS_FAILED);
}

static void answer_loop(struct packet *p)
{
	unsigned at = (unsigned)p->len + 12;

	put_record(p, TYPE_PTR, 1, (uint8_t[]){(uint8_t)(0xc0 | at >> 8), (uint8_t)at}, 2);
}

static void a_name_that_points_to_itself_is_a_failure(void **state)
{
	struct fixture *f = *state;

	ask(f, "192.0.2.1", answer_loop);
	assert_int_equal(f->outcome, DNS_FAILED);
}

static void answer_hostile(struct packet *p)
{
	PUT_PTR(p, 1,
		"\22"
		"a\nb,c d=e\"f\\\x1b[0mzz\1\\");
}

static void hostile_bytes_come_as_one_printable_text_or_fail(void **state)
{
	struct fixture *f = *state;

	ask(f, "192.0.2.1", answer_hostile);
	assert_int_equal(f->outcome, DNS_NAME);
	assert_null(strchr(f->name, '\n'));
}

static void answer_root(struct packet *p)
{
	PUT_PTR(p, 1, "");
}

static void the_root_is_an_empty_name(void **state)
{
	struct fixture *f = *state;

	ask(f, "192.0.2.1", answer_root);
	assert_int_equal(f->outcome, DNS_NAME);
	assert_string_equal(f->name, "");
}

static void answer_huge_ttl(struct packet *p)
{
	PUT_PTR(p, 0xffffffff, "\3web\7example");
}

static void a_ttl_above_31_bits_is_zero(void **state)
{
	struct fixture *f = *state;

	ask(f, "192.0.2.1", answer_huge_ttl);
	assert_int_equal(f->ttl_s, 0);
}

static uint32_t seed;

static void answer_mutated(struct packet *p)
{
	answer_several(p);
	for (int i = 0; i < 4; i++) {
		seed = seed * 1664525 + 1013904223;
		p->data[6 + seed % (p->len - 6)] = (uint8_t)(seed >> 24);
	}
}

/* An answer that c-ares does not believe costs a time-out: all are asked at once. */
static void mutated_answers_end_each_question_once(void **state)
{
	struct fixture *f = *state;
	struct addr addr;

	f->answer = answer_mutated;
	for (unsigned i = 0; i < 2000; i++) {
		const uint8_t bytes[4] = {192, 0, (uint8_t)(i >> 8), (uint8_t)i};

		addr = addr_v4(bytes);
		assert_true(dns_ask_ptr(f->dns, &addr));
	}
	loop_timer_set(f->loop, &f->guard, clock_mono_ms() + GUARD_MS);
	while (f->n_results < 2000 && f->guard.is_set)
		assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->n_results, 2000);
}

static void closing_with_a_question_under_way_calls_nobody(void **state)
{
	struct fixture *f = *state;
	struct addr addr;

	assert_int_equal(addr_parse("192.0.2.1", &addr), 0);
	assert_true(dns_ask_ptr(f->dns, &addr));
	dns_close(f->dns);
	f->dns = NULL;
	assert_int_equal(f->n_results, 0);
}

static void a_bad_server_is_refused_with_a_sentence(void **state)
{
	struct fixture *f = *state;
	char err[ERR_LEN] = "";
	struct dns *dns = NULL;

	assert_true(dns_open(f->loop, "nonsense", answered, f, &dns, err) < 0);
	assert_non_null(strstr(err, "--dns-server: 'nonsense'"));
	assert_null(dns);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_ptr_record_gives_its_name_and_ttl),
		TEST(an_ipv4_address_is_asked_in_reverse),
		TEST(an_ipv6_address_is_asked_by_half_bytes),
		TEST(of_several_the_shortest_then_the_first_is_taken),
		TEST(of_several_the_smallest_ttl_holds),
		TEST(a_cname_before_the_record_is_passed_over),
		TEST(an_answer_without_a_ptr_record_is_none),
		TEST(an_empty_answer_is_none),
		TEST(nxdomain_is_none),
		TEST(servfail_is_a_failure),
		TEST(no_answer_is_a_failure_within_the_pipelines_two_seconds),
		TEST(a_truncated_answer_without_tcp_is_a_failure),
		TEST(a_record_that_ends_too_early_is_a_failure),
		TEST(a_record_that_is_longer_than_its_name_is_a_failure),
		TEST(a_name_that_points_to_itself_is_a_failure),
		TEST(hostile_bytes_come_as_one_printable_text_or_fail),
		TEST(the_root_is_an_empty_name),
		TEST(a_ttl_above_31_bits_is_zero),
		TEST(mutated_answers_end_each_question_once),
		TEST(closing_with_a_question_under_way_calls_nobody),
		TEST(a_bad_server_is_refused_with_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
