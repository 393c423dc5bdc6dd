/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/labels collector/name_text collector/line collector/strbuf */
/* uses: collector/scope */
#include "labels.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct labels *labels;
static char err[ERR_LEN];

static int tear_down(void **state)
{
	(void)state;
	labels_free(labels);
	labels = NULL;
	return 0;
}

static void read_text(const char *text)
{
	if (labels_parse(text, strlen(text), &labels, err) < 0)
		fail_msg("%s", err);
}

static void expect(const char *text, const char *name)
{
	struct addr addr;
	const char *found;

	assert_int_equal(addr_parse(text, &addr), 0);
	found = labels_find(labels, &addr);
	if (!name && found)
		fail_msg("%s is '%s'", text, found);
	if (name && (!found || strcmp(found, name) != 0))
		fail_msg("%s is '%s', not '%s'", text, found ? found : "-", name);
}

static void the_longest_prefix_wins(void **state)
{
	(void)state;
	read_text("10.0.0.0/8 wide\n10.1.0.0/16 middle\n10.1.2.0/24 narrow\n10.1.2.3 host\n");
	expect("10.9.9.9", "wide");
	expect("10.1.9.9", "middle");
	expect("10.1.2.9", "narrow");
	expect("10.1.2.3", "host");
	expect("11.0.0.0", NULL);
	expect("9.255.255.255", NULL);
	assert_int_equal(labels_count(labels), 4);
}

static void ipv6_and_ipv4_do_not_meet(void **state)
{
	(void)state;
	read_text("0.0.0.0/0 four\n2001:db8::/32 docs\n2001:db8:1::/48 lab\n");
	expect("192.0.2.1", "four");
	expect("2001:db8:1::5", "lab");
	expect("2001:db8:2::5", "docs");
	expect("2001:db9::1", NULL);
	expect("::1", NULL);
}

static void a_label_of_ipv4_names_it_behind_nat64_too(void **state)
{
	(void)state;
	read_text("10.0.0.0/8 corp\n10.1.0.0/16 site\n64:ff9b::/96 nat64\n"
		  "64:ff9b::10.2.0.0/112 by-nat64\n::/0 all\n");
	expect("64:ff9b::10.9.9.9", "corp");
	expect("64:ff9b::10.1.0.1", "site");
	expect("64:ff9b::10.2.0.1", "by-nat64");
	expect("10.2.0.1", "corp");
	expect("64:ff9b::192.0.2.1", "nat64");
	expect("64:ff9b:1::10.1.0.1", "all");
	expect("192.0.2.1", NULL);
}

static void comments_blanks_and_line_ends_of_all_kinds_are_taken(void **state)
{
	(void)state;
	read_text("# site plan\n\n   \t\r\n  10.0.0.0/8\t Office-Berlin  # since 2019\r\n"
		  "198.51.100.0/24 last");
	expect("10.1.1.1", "Office-Berlin");
	expect("198.51.100.7", "last");
}

static void an_empty_file_names_nothing(void **state)
{
	(void)state;
	read_text("");
	expect("10.1.1.1", NULL);
	assert_int_equal(labels_count(labels), 0);
}

static void a_bad_line_is_told_by_its_number_and_what_was_expected(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{"10.0.0.0/8 a\nnonsense b\n", "line 2: 'nonsense'; expected a prefix"},
		{"10.0.0.0/33 a\n", "line 1: '10.0.0.0/33'; expected a prefix"},
		{"\n\n10.0.0.0/8\n", "line 3: '10.0.0.0/8'; expected a name behind it"},
		{"10.0.0.0/8 # office\n", "line 1: '10.0.0.0/8'; expected a name behind it"},
		{"10.0.0.0/8 an office\n", "line 1: 'office'; expected the line's end"},
		{"10.0.0.0/8 ~other\n", "line 1: '~other'; expected a name"},
		{"10.0.0.0/8 192.0.2.1\n", "line 1: '192.0.2.1'; expected a name"},
		{"10.0.0.0/8 -\n", "line 1: '-'; expected a name"},
		{"10.0.0.0/8 a,b=c\n", "line 1: 'a,b=c'; expected a name"},
		{"10.0.0.0/8 \x1b[31m\"\n", "line 1: '?[31m?'; expected a name"},
		{"::/0 a\n::ffff:10.0.0.0/104 b\n",
			"line 2: '::ffff:10.0.0.0/104'; expected the IPv4 prefix, as "
			"10.0.0.0/8"},
		{"::ffff:0:0/96 a\n", "line 1: '::ffff:0:0/96'; expected the IPv4 prefix"},
		{"10.0.0.0/8 a\n10.0.0.0/8 b\n", "line 2: 'b'; expected each prefix once; this "
						 "one is in line 1 too"},
		{"10.0.0.0/8 a\n10.1.2.3/8 b\n", "line 2: 'b'; expected each prefix once"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = cases[i].text;

		assert_int_equal(labels_parse(text, strlen(text), &labels, err), -EINVAL);
		if (strncmp(err, cases[i].says, strlen(cases[i].says)) != 0)
			fail_msg("'%s', not '%s'", err, cases[i].says);
	}
	assert_null(labels);
}

static void a_nul_byte_hides_nothing(void **state)
{
	static const char text[] = "10.0.0.0/8 a\0b\n";

	(void)state;
	assert_int_equal(labels_parse(text, sizeof(text) - 1, &labels, err), -EINVAL);
}

static void a_name_of_253_bytes_is_taken_and_one_of_300_is_not(void **state)
{
	char text[400] = "10.0.0.0/8 ";
	size_t len = strlen(text);

	(void)state;
	memset(text + len, 'x', 253);
	read_text(text);
	tear_down(NULL);
	memset(text + len, 'x', 300);
	assert_int_equal(labels_parse(text, strlen(text), &labels, err), -EINVAL);
}

/* Each /24 below 10.0.0.0/8 has a name of its own; the array is given in an order of its own. */
static size_t many(char *text, unsigned n)
{
	size_t len = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned net = i * 40503u % 65536u;

		len += (size_t)snprintf(text + len, LABELS_TEXT_MAX - len, "10.%u.%u.0/24 net-%u\n",
			net / 256, net % 256, net);
	}
	return len;
}

static void tens_of_thousands_are_told_apart_and_one_more_is_refused(void **state)
{
	char *text = malloc(LABELS_TEXT_MAX);
	size_t len = many(text, LABELS_MAX);

	(void)state;
	assert_int_equal(labels_parse(text, len, &labels, err), 0);
	assert_int_equal(labels_count(labels), LABELS_MAX);
	expect("10.0.0.0", "net-0");
	expect("10.0.0.255", "net-0");
	expect("10.1.0.1", "net-256");
	expect("10.255.255.255", "net-65535");
	tear_down(NULL);
	len += (size_t)snprintf(text + len, LABELS_TEXT_MAX - len, "192.0.2.0/24 more\n");
	assert_int_equal(labels_parse(text, len, &labels, err), -EINVAL);
	assert_non_null(strstr(err, "line 65537: "));
	free(text);
}

/* Against a look at every prefix. */
static void every_answer_is_that_of_a_scan(void **state)
{
	static struct cidr prefixes[2000];
	static char text[2000 * 40];
	unsigned random = 1;
	size_t n = 0, len = 0;

	(void)state;
	while (n < 2000) {
		uint8_t bytes[4];
		char prefix[64], host[ADDR_STRLEN];
		struct addr addr;
		bool is_known = false;

		for (int i = 0; i < 4; i++) {
			random = random * 1103515245u + 12345u;
			bytes[i] = (uint8_t)(random >> 16 & (i < 2 ? 0x83 : 0xff));
		}
		addr = addr_v4(bytes);
		addr_format(&addr, host);
		random = random * 1103515245u + 12345u;
		snprintf(prefix, sizeof(prefix), "%s/%u", host, (random >> 16) % 33);
		assert_int_equal(cidr_parse(prefix, &prefixes[n]), 0);
		for (size_t i = 0; i < n; i++)
			is_known |= prefixes[i].bits == prefixes[n].bits &&
				    addr_equal(&prefixes[i].addr, &prefixes[n].addr);
		if (is_known)
			continue;
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s n%zu\n", prefix, n);
		n++;
	}
	read_text(text);
	for (unsigned probe = 0; probe < 20000; probe++) {
		uint8_t bytes[4];
		struct addr addr;
		const struct cidr *best = NULL;
		char name[16], host[ADDR_STRLEN];

		for (int i = 0; i < 4; i++) {
			random = random * 1103515245u + 12345u;
			bytes[i] = (uint8_t)(random >> 16 & (i < 2 ? 0x83 : 0xff));
		}
		addr = addr_v4(bytes);
		for (size_t i = 0; i < n; i++)
			if (cidr_contains(&prefixes[i], &addr) &&
				(!best || prefixes[i].bits > best->bits))
				best = &prefixes[i];
		snprintf(name, sizeof(name), "n%zu", best ? (size_t)(best - prefixes) : 0);
		addr_format(&addr, host);
		expect(host, best ? name : NULL);
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_longest_prefix_wins),
		TEST(ipv6_and_ipv4_do_not_meet),
		TEST(a_label_of_ipv4_names_it_behind_nat64_too),
		TEST(comments_blanks_and_line_ends_of_all_kinds_are_taken),
		TEST(an_empty_file_names_nothing),
		TEST(a_bad_line_is_told_by_its_number_and_what_was_expected),
		TEST(a_nul_byte_hides_nothing),
		TEST(a_name_of_253_bytes_is_taken_and_one_of_300_is_not),
		TEST(tens_of_thousands_are_told_apart_and_one_more_is_refused),
		TEST(every_answer_is_that_of_a_scan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
