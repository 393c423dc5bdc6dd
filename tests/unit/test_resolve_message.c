/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/resolve_message probe/dns_answer probe/dns_message */
#include "dns_of.h"
#include "resolve_message.h"

#include <stdio.h>

#define A     DNS_TYPE_A
#define AAAA  DNS_TYPE_AAAA
#define CNAME DNS_TYPE_CNAME
#define ID    0x1234
#define CAP   8

static struct message m;
static struct addr found[CAP];
static size_t n_found;

static enum resolve_message_result read_as(const char *name, uint16_t type)
{
	/* A copy of exact size, so that ASan sees a read past it. */
	uint8_t *exact = test_malloc(m.len ? m.len : 1);
	enum resolve_message_result r;

	memcpy(exact, m.data, m.len);
	n_found = 99;
	r = resolve_message_read(exact, m.len, name, type, ID, found, CAP, &n_found);
	test_free(exact);
	return r;
}

static void a_question_is_laid_out_as_rfc_1035_says(void **state)
{
	static const uint8_t want[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
				      "\x01z\x07"
				      "example\x00\x00\x1c\x00\x01";
	uint8_t buf[RESOLVE_MESSAGE_MAX];

	(void)state;
	assert_int_equal(resolve_message_write("z.example.", AAAA, ID, buf), sizeof(want) - 1);
	assert_memory_equal(buf, want, sizeof(want) - 1);
}

static void what_is_no_dns_name_is_not_asked_for(void **state)
{
	uint8_t buf[RESOLVE_MESSAGE_MAX];
	char text[300];

	(void)state;
	assert_int_equal(resolve_message_write("", A, ID, buf), 0);
	assert_int_equal(resolve_message_write(".", A, ID, buf), 0);
	assert_int_equal(resolve_message_write("a..b", A, ID, buf), 0);
	assert_int_equal(resolve_message_write("a b", A, ID, buf), 0);
	memset(text, 'a', 64);
	text[64] = '\0';
	assert_int_equal(resolve_message_write(text, A, ID, buf), 0);
	for (size_t i = 0; i < 254; i++)
		text[i] = i % 2 ? '.' : 'a';
	text[253] = '\0'; /* 127 labels: the longest there is */
	assert_int_equal(resolve_message_write(text, A, ID, buf), 12 + 255 + 4);
	snprintf(text + 253, 3, ".a");
	assert_int_equal(resolve_message_write(text, A, ID, buf), 0);
}

static void addresses_of_the_name_are_found(void **state)
{
	(void)state;
	answer_to(&m, ID, "collector.nstats.svc", A);
	put_record(&m, NULL, A, "\x0a\0\0\x01", 4);
	put_record(&m, "COLLECTOR.nstats.Svc", A, "\x0a\0\0\x02", 4);
	put_record(&m, "other.nstats.svc", A, "\x0a\0\0\x03", 4);
	assert_int_equal(read_as("Collector.nstats.svc.", A), RESOLVE_MESSAGE_OK);
	assert_int_equal(n_found, 2);
	assert_memory_equal(found[1].bytes, "\x0a\0\0\x02", 4);
}

static void addresses_of_ipv6_are_found(void **state)
{
	(void)state;
	answer_to(&m, ID, "c.example", AAAA);
	put_record(&m, NULL, AAAA, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07", 16);
	assert_int_equal(read_as("c.example", AAAA), RESOLVE_MESSAGE_OK);
	assert_int_equal(n_found, 1);
	assert_int_equal(found[0].len, 16);
}

static void no_more_than_cap_addresses_are_written(void **state)
{
	(void)state;
	answer_to(&m, ID, "c.example", A);
	for (int i = 0; i < CAP + 3; i++)
		put_record(&m, NULL, A, "\x0a\0\0\x01", 4);
	assert_int_equal(read_as("c.example", A), RESOLVE_MESSAGE_OK);
	assert_int_equal(n_found, CAP);
}

static void aliases_are_followed_in_any_order(void **state)
{
	(void)state;
	answer_to(&m, ID, "c.example", A);
	put_record(&m, "z.example", A, "\x0a\0\0\x09", 4);
	put_alias(&m, "b.example", "Z.example");
	put_alias(&m, NULL, "b.example");
	assert_int_equal(read_as("c.example", A), RESOLVE_MESSAGE_OK);
	assert_int_equal(n_found, 1);
	assert_int_equal(found[0].bytes[3], 9);
}

static void sixteen_aliases_are_followed_and_no_more(void **state)
{
	(void)state;
	for (int n = 16; n <= 17; n++) {
		char owner[16], target[16];

		answer_to(&m, ID, "n0", A);
		for (int i = 0; i < n; i++) {
			snprintf(owner, sizeof(owner), "n%d", i);
			snprintf(target, sizeof(target), "n%d", i + 1);
			put_alias(&m, owner, target);
		}
		put_record(&m, target, A, "\x0a\0\0\x01", 4);
		assert_int_equal(
			read_as("n0", A), n == 16 ? RESOLVE_MESSAGE_OK : RESOLVE_MESSAGE_MALFORMED);
	}
}

static void aliases_in_a_circle_end(void **state)
{
	(void)state;
	answer_to(&m, ID, "a", A);
	put_alias(&m, "a", "b");
	put_alias(&m, "b", "a");
	assert_int_equal(read_as("a", A), RESOLVE_MESSAGE_MALFORMED);
}

static void an_answer_without_addresses_is_empty(void **state)
{
	(void)state;
	answer_to(&m, ID, "c.example", A);
	assert_int_equal(read_as("c.example", A), RESOLVE_MESSAGE_EMPTY);
	assert_int_equal(n_found, 0);
	put_record(&m, NULL, AAAA, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07", 16);
	assert_int_equal(read_as("c.example", A), RESOLVE_MESSAGE_EMPTY);
	m.data[3] |= 3; /* NXDOMAIN */
	assert_int_equal(read_as("c.example", A), RESOLVE_MESSAGE_EMPTY);
}

static void what_we_did_not_ask_is_not_ours(void **state)
{
	(void)state;
	answer_to(&m, ID, "c.example", A);
	put_record(&m, NULL, A, "\x0a\0\0\x01", 4);
	assert_int_equal(read_as("d.example", A), RESOLVE_MESSAGE_NOT_OURS);
	assert_int_equal(read_as("c.example", AAAA), RESOLVE_MESSAGE_NOT_OURS);
	m.data[0] ^= 1;
	assert_int_equal(read_as("c.example", A), RESOLVE_MESSAGE_NOT_OURS);
	m.data[0] ^= 1;
	m.data[2] &= 0x7f; /* a question */
	assert_int_equal(read_as("c.example", A), RESOLVE_MESSAGE_NOT_OURS);
}

static void a_refusal_or_a_truncated_answer_failed(void **state)
{
	(void)state;
	answer_to(&m, ID, "c.example", A);
	put_record(&m, NULL, A, "\x0a\0\0\x01", 4);
	m.data[3] |= 2; /* SERVFAIL */
	assert_int_equal(read_as("c.example", A), RESOLVE_MESSAGE_FAILED);
	m.data[3] = 0;
	m.data[2] |= 2; /* TC */
	assert_int_equal(read_as("c.example", A), RESOLVE_MESSAGE_FAILED);
}

static void every_cut_of_an_answer_is_malformed_or_not_ours(void **state)
{
	size_t full, question;

	(void)state;
	answer_to(&m, ID, "c.example", A);
	question = m.len;
	put_alias(&m, NULL, "b.example");
	put_record(&m, "b.example", A, "\x0a\0\0\x01", 4);
	full = m.len;
	for (m.len = 0; m.len < full; m.len++) {
		enum resolve_message_result r = read_as("c.example", A);

		if (m.len < 12 || m.len >= question)
			assert_int_equal(r, RESOLVE_MESSAGE_MALFORMED);
		else
			assert_int_equal(r, RESOLVE_MESSAGE_NOT_OURS);
		assert_int_equal(n_found, 99);
	}
	assert_int_equal(read_as("c.example", A), RESOLVE_MESSAGE_OK);
}

static void a_pointer_must_lead_backwards(void **state)
{
	size_t owner;

	(void)state;
	answer_to(&m, ID, "c.example", A);
	owner = m.len;
	put_record(&m, NULL, A, "\x0a\0\0\x01", 4);
	m.data[owner + 1] = (uint8_t)owner; /* to itself */
	assert_int_equal(read_as("c.example", A), RESOLVE_MESSAGE_MALFORMED);
	m.data[owner + 1] = (uint8_t)(owner + 2);
	assert_int_equal(read_as("c.example", A), RESOLVE_MESSAGE_MALFORMED);
	m.data[owner] = 0x80; /* a label type that is none */
	assert_int_equal(read_as("c.example", A), RESOLVE_MESSAGE_MALFORMED);
}

static void a_record_of_wrong_length_is_malformed(void **state)
{
	(void)state;
	answer_to(&m, ID, "c.example", A);
	put_record(&m, NULL, A, "\x0a\0\0\x01", 3);
	assert_int_equal(read_as("c.example", A), RESOLVE_MESSAGE_MALFORMED);
	answer_to(&m, ID, "c.example", A);
	put_record(&m, NULL, CNAME, "\x01z\0\0", 4);
	assert_int_equal(read_as("c.example", A), RESOLVE_MESSAGE_MALFORMED);
}

static void more_than_256_records_are_malformed(void **state)
{
	(void)state;
	answer_to(&m, ID, "c.example", A);
	for (int i = 0; i < 256; i++)
		put_record(&m, NULL, A, "\x0a\0\0\x01", 4);
	assert_int_equal(read_as("c.example", A), RESOLVE_MESSAGE_OK);
	put_record(&m, NULL, A, "\x0a\0\0\x01", 4);
	assert_int_equal(read_as("c.example", A), RESOLVE_MESSAGE_MALFORMED);
}

static void a_name_that_grows_past_255_bytes_by_pointers_is_malformed(void **state)
{
	char label[64];
	size_t at;

	(void)state;
	memset(label, 'x', 63);
	label[63] = '\0';
	answer_to(&m, ID, "c.example", A);
	at = 12;
	for (int i = 0; i < 5; i++) { /* each owner: one more label, then the one before */
		size_t mine = m.len;

		put(&m, "\x3f", 1);
		put(&m, label, 63);
		put_u16(&m, 0xc000 | (unsigned int)at);
		put_u16(&m, 16);
		put_u16(&m, 1);
		put(&m, "\0\0\0\0\0", 6);
		m.data[7]++;
		at = mine;
		assert_int_equal(read_as("c.example", A),
			i < 3 ? RESOLVE_MESSAGE_EMPTY : RESOLVE_MESSAGE_MALFORMED);
	}
}

static void mutated_answers_are_survived(void **state)
{
	uint32_t x = 7;
	struct message good;

	(void)state;
	answer_to(&m, ID, "c.example", A);
	put_alias(&m, NULL, "b.example");
	put_record(&m, "b.example", A, "\x0a\0\0\x01", 4);
	good = m;
	for (int i = 0; i < 20000; i++) {
		memcpy(m.data, good.data, good.len);
		for (int j = 0; j < 3; j++) {
			x = x * 1664525 + 1013904223;
			m.data[(x >> 8) % good.len] = (uint8_t)(x >> 24);
		}
		if (read_as("c.example", A) == RESOLVE_MESSAGE_OK)
			assert_in_range(n_found, 1, CAP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_laid_out_as_rfc_1035_says),
		cmocka_unit_test(what_is_no_dns_name_is_not_asked_for),
		cmocka_unit_test(addresses_of_the_name_are_found),
		cmocka_unit_test(addresses_of_ipv6_are_found),
		cmocka_unit_test(no_more_than_cap_addresses_are_written),
		cmocka_unit_test(aliases_are_followed_in_any_order),
		cmocka_unit_test(sixteen_aliases_are_followed_and_no_more),
		cmocka_unit_test(aliases_in_a_circle_end),
		cmocka_unit_test(an_answer_without_addresses_is_empty),
		cmocka_unit_test(what_we_did_not_ask_is_not_ours),
		cmocka_unit_test(a_refusal_or_a_truncated_answer_failed),
		cmocka_unit_test(every_cut_of_an_answer_is_malformed_or_not_ours),
		cmocka_unit_test(a_pointer_must_lead_backwards),
		cmocka_unit_test(a_record_of_wrong_length_is_malformed),
		cmocka_unit_test(more_than_256_records_are_malformed),
		cmocka_unit_test(a_name_that_grows_past_255_bytes_by_pointers_is_malformed),
		cmocka_unit_test(mutated_answers_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
