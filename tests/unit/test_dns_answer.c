/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/dns_answer probe/dns_message */
#include "dns_answer.h"
#include "dns_of.h"

#include <stdio.h>
#include <stdlib.h>

#define ID    0x1234
#define HTTPS DNS_TYPE_HTTPS
#define V4    "\x0a\0\0\x01"
#define V6    "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07"

static struct message m;
static struct dns_found found;

static enum dns_answer_result read_answer(void)
{
	/* A copy of exact size, so that ASan sees a read past it. */
	uint8_t *exact = test_malloc(m.len);
	struct cursor c = cursor_at(exact, m.len);
	enum dns_answer_result r = DNS_ANSWER_MALFORMED;
	struct dns_question question;
	struct dns_head head;

	memcpy(exact, m.data, m.len);
	memset(&found, 0xee, sizeof(found));
	if (dns_read_head(&c, &head) && dns_read_question(&c, &question))
		r = dns_answer_read(c, &head, &question, &found);
	test_free(exact);
	return r;
}

/* priority, target, parameters */
static void put_service(const char *owner, uint16_t type, unsigned priority, const char *target,
	const void *params, size_t len)
{
	size_t len_at;

	put_record(&m, owner, type, "", 0);
	len_at = m.len - 2;
	put_u16(&m, priority);
	put_name(&m, target);
	put(&m, params, len);
	m.data[len_at] = (uint8_t)((m.len - len_at - 2) >> 8);
	m.data[len_at + 1] = (uint8_t)(m.len - len_at - 2);
}

static void set_ttl(size_t record_at, uint8_t ttl_s)
{
	m.data[record_at + 9] = ttl_s; /* owner as a pointer, type, class */
}

static void hints_of_both_families_are_addresses(void **state)
{
	(void)state;
	answer_to(&m, ID, "a.example", HTTPS);
	put_service(NULL, HTTPS, 1, "",
		"\0\1\0\3\2h2"
		"\0\4\0\10\xc0\0\2\1\xc0\0\2\2"
		"\0\6\0\20" V6,
		7 + 12 + 20);
	assert_int_equal(read_answer(), DNS_ANSWER_FOUND);
	assert_int_equal(found.n, 3);
	assert_memory_equal(found.addrs[1].bytes, "\xc0\0\2\2", 4);
	assert_int_equal(found.addrs[2].len, 16);
	assert_memory_equal(found.addrs[2].bytes, V6, 16);
}

static void an_alias_record_leads_to_another_name_s_hints(void **state)
{
	(void)state;
	answer_to(&m, ID, "a.example", HTTPS);
	put_service(NULL, HTTPS, 0, "b.example", "", 0);
	put_service("b.example", HTTPS, 1, "", "\0\4\0\4\xc0\0\2\1", 8);
	assert_int_equal(read_answer(), DNS_ANSWER_FOUND);
	assert_int_equal(found.n, 1);
}

static void a_service_without_hints_is_empty(void **state)
{
	(void)state;
	answer_to(&m, ID, "a.example", DNS_TYPE_SVCB);
	put_service(NULL, DNS_TYPE_SVCB, 1, "b.example", "\0\3\0\2\x1f\x90", 6);
	assert_int_equal(read_answer(), DNS_ANSWER_EMPTY);
}

static void hints_that_lie_are_malformed(void **state)
{
	static const struct {
		const char *params;
		size_t len;
	} cases[] = {
		{"\0\4\0\0", 4},                              /* an empty list */
		{"\0\4\0\3\xc0\0\2", 7},                      /* not a whole address */
		{"\0\6\0\4\xc0\0\2\1", 8},                    /* of the other family */
		{"\0\4\0\4\xc0\0\2", 7},                      /* beyond the record's end */
		{"\0\4\0", 3},                                /* no length */
		{"\0\4\0\4\xc0\0\2\1\0\4\0\4\xc0\0\2\1", 16}, /* a key twice */
		{"\0\4\0\4\xc0\0\2\1\0\1\0\0", 12},           /* keys not in order */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		answer_to(&m, ID, "a.example", HTTPS);
		put_service(NULL, HTTPS, 1, "", cases[i].params, cases[i].len);
		assert_int_equal(read_answer(), DNS_ANSWER_MALFORMED);
	}
	answer_to(&m, ID, "a.example", HTTPS);
	put_record(&m, NULL, HTTPS, "\0", 1);
	assert_int_equal(read_answer(), DNS_ANSWER_MALFORMED);
}

static void the_smallest_ttl_of_the_chain_counts(void **state)
{
	size_t alias, first, second;

	(void)state;
	answer_to(&m, ID, "a.example", DNS_TYPE_A);
	alias = m.len;
	put_alias(&m, NULL, "b.example");
	first = m.len;
	put_record(&m, "b.example", DNS_TYPE_A, V4, 4);
	second = m.len;
	put_record(&m, NULL, DNS_TYPE_AAAA, V6, 16); /* does not belong to it */
	set_ttl(second, 1);
	assert_int_equal(read_answer(), DNS_ANSWER_FOUND);
	assert_int_equal(found.ttl_s, DNS_OF_TTL_S);
	set_ttl(alias, 30);
	assert_int_equal(read_answer(), DNS_ANSWER_FOUND);
	assert_int_equal(found.ttl_s, 30);
	m.data[first + 11 + 7] = 20;
	assert_int_equal(read_answer(), DNS_ANSWER_FOUND);
	assert_int_equal(found.ttl_s, 20);
}

static void addresses_beyond_256_are_left_out_and_counted(void **state)
{
	static uint8_t params[4 + 300 * 4] = {0, 4, (300 * 4) >> 8, (300 * 4) & 0xff};

	(void)state;
	answer_to(&m, ID, "a.example", HTTPS);
	put_service(NULL, HTTPS, 1, "", params, sizeof(params));
	assert_int_equal(read_answer(), DNS_ANSWER_FOUND);
	assert_int_equal(found.n, 256);
	assert_int_equal(found.n_left_out, 44);
}

static void what_stands_behind_the_answers_must_be_records_too(void **state)
{
	(void)state;
	answer_to(&m, ID, "a.example", DNS_TYPE_A);
	put_record(&m, NULL, DNS_TYPE_A, V4, 4);
	m.data[11] = 1; /* an additional record, RFC 6891's */
	put(&m, "\0\0\x29\x10\0\0\0\0\0\0\0", 11);
	assert_int_equal(read_answer(), DNS_ANSWER_FOUND);
	m.len--;
	assert_int_equal(read_answer(), DNS_ANSWER_MALFORMED);
}

static void every_truncation_of_good_answers_is_rejected(void **state)
{
	(void)state;
	answer_to(&m, ID, "a.example", HTTPS);
	put_alias(&m, NULL, "b.example");
	put_service("b.example", HTTPS, 1, "",
		"\0\4\0\4\xc0\0\2\1"
		"\0\6\0\20" V6,
		8 + 20);
	m.data[9] = 1; /* an authority record */
	put(&m, "\xc0\x0c\0\2\0\1\0\0\0\1\0\2\xc0\x0c", 14);
	assert_int_equal(read_answer(), DNS_ANSWER_FOUND);
	while (m.len-- > 1)
		assert_int_equal(read_answer(), DNS_ANSWER_MALFORMED);
}

static void a_name_as_text_is_what_was_in_the_message(void **state)
{
	char text[ADDR_HOST_LEN], longest[ADDR_HOST_LEN];
	struct dns_name name;

	(void)state;
	assert_true(dns_name_from_text("API.Stripe.com.", &name));
	assert_true(dns_name_to_text(&name, text));
	assert_string_equal(text, "api.stripe.com");
	for (size_t i = 0; i < 253; i++)
		longest[i] = i % 2 ? '.' : 'a';
	longest[253] = '\0';
	assert_true(dns_name_from_text(longest, &name));
	assert_true(dns_name_to_text(&name, text));
	assert_string_equal(text, longest);
}

static void a_label_that_no_text_can_show_has_none(void **state)
{
	static const char *const labels[] = {"a.b", "a b", "a\\b", "a\nb", "a\x7f", "\xc3\xa4", ""};
	char text[ADDR_HOST_LEN] = "untouched";

	(void)state;
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		uint8_t wire[16] = {(uint8_t)strlen(labels[i])};
		struct cursor c = cursor_at(wire, sizeof(wire));
		struct dns_name name;

		memcpy(wire + 1, labels[i], strlen(labels[i]));
		assert_true(dns_read_name(&c, &name));
		assert_false(dns_name_to_text(&name, text));
		assert_string_equal(text, "untouched");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hints_of_both_families_are_addresses),
		cmocka_unit_test(an_alias_record_leads_to_another_name_s_hints),
		cmocka_unit_test(a_service_without_hints_is_empty),
		cmocka_unit_test(hints_that_lie_are_malformed),
		cmocka_unit_test(the_smallest_ttl_of_the_chain_counts),
		cmocka_unit_test(addresses_beyond_256_are_left_out_and_counted),
		cmocka_unit_test(what_stands_behind_the_answers_must_be_records_too),
		cmocka_unit_test(every_truncation_of_good_answers_is_rejected),
		cmocka_unit_test(a_name_as_text_is_what_was_in_the_message),
		cmocka_unit_test(a_label_that_no_text_can_show_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
