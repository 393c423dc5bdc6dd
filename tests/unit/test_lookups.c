/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/lookups probe/questions probe/dns_answer probe/dns_message */
/* uses: probe/name_table probe/name_pool probe/direction */
#include "dns_of.h"
#include "lookups.h"

#include <netinet/in.h>
#include <stdlib.h>

#define A    DNS_TYPE_A
#define AAAA DNS_TYPE_AAAA
#define ID   0x1234
#define V4   "\xc0\0\2\x05"
#define V6   "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\5"

static const struct direction *const FILE_READ = NULL;
static const struct direction ETHERNET = {
	.has_mac = true,
	.mac = {2, 0, 0, 0, 0, 1},
	.locals = {{.addr = {4, {10, 0, 0, 1}}, .bits = 32}},
	.n_locals = 1,
};

static struct name_table *names;
static struct lookups *lookups;
static struct message m;

static int start(const struct direction *live)
{
	names = name_table_new(7);
	lookups = names ? lookups_new(names, live, 7) : NULL;
	return lookups ? 0 : -1;
}

static void end(void)
{
	lookups_free(lookups);
	name_table_free(names);
}

static int setup(void **state)
{
	(void)state;
	return start(&ETHERNET);
}

static int teardown(void **state)
{
	(void)state;
	end();
	return 0;
}

static void restart(const struct direction *live)
{
	end();
	assert_int_equal(start(live), 0);
}

static const struct lookups_stats *stats(void)
{
	return lookups_stats(lookups);
}

/* The pod at 10.0.0.1 asks the server at 10.0.0.53, or is answered. */
static struct packet packet_to_pod(uint8_t proto, bool is_answer)
{
	struct addr pod = addr_v4((uint8_t[]){10, 0, 0, 1});
	struct addr server = addr_v4((uint8_t[]){10, 0, 0, 53});

	return (struct packet){
		.src = is_answer ? server : pod,
		.dst = is_answer ? pod : server,
		.proto = proto,
		.has_ports = true,
		.src_port = is_answer ? 53 : 40000,
		.dst_port = is_answer ? 40000 : 53,
		.has_tcp = proto == IPPROTO_TCP,
	};
}

/* head is the transport's, exact so that ASan sees a read beyond what was captured. */
static void hand_over(struct packet packet, enum packet_way way, const void *head, size_t head_len,
	const void *payload, size_t len)
{
	uint8_t *data = test_malloc(head_len + len);

	memcpy(data, head, head_len);
	memcpy(data + head_len, payload, len);
	packet.transport_len = (uint32_t)(head_len + len);
	packet.payload_len = (uint32_t)len;
	assert_true(lookups_wants(&packet));
	lookups_add(lookups, &packet, way, data, 0);
	test_free(data);
}

static void send_udp(struct packet packet, enum packet_way way)
{
	const uint8_t head[8] = {[4] = (uint8_t)((m.len + 8) >> 8), [5] = (uint8_t)(m.len + 8)};

	hand_over(packet, way, head, sizeof(head), m.data, m.len);
}

static void ask(uint16_t id, const char *name, uint16_t type)
{
	ask_for(&m, id, name, type);
	send_udp(packet_to_pod(IPPROTO_UDP, false), PACKET_OUT);
}

static void answer(void)
{
	send_udp(packet_to_pod(IPPROTO_UDP, true), PACKET_IN);
}

static const char *name_of(const void *bytes, size_t len)
{
	struct addr addr = len == 4 ? addr_v4(bytes) : addr_v6(bytes);
	uint16_t ref = name_table_take(names, &addr, 0);
	const char *text = name_table_text(names, ref);

	name_table_drop(names, ref);
	return text;
}

static void put_good_answer(void)
{
	answer_to(&m, ID, "Api.Example", A);
	put_record(&m, NULL, A, V4, 4);
}

static void an_answer_names_its_addresses_by_what_was_asked(void **state)
{
	(void)state;
	ask(ID, "API.example", A);
	put_good_answer();
	answer();
	assert_string_equal(name_of(V4, 4), "api.example");
	assert_int_equal(stats()->names, 1);
	assert_int_equal(stats()->unasked + stats()->unread + stats()->unkept, 0);
}

static void through_aliases_the_name_is_the_one_that_was_asked(void **state)
{
	(void)state;
	ask(ID, "api.example", AAAA);
	answer_to(&m, ID, "api.example", AAAA);
	put_alias(&m, NULL, "edge.cdn.example");
	put_alias(&m, "edge.cdn.example", "pop7.cdn.example");
	put_record(&m, "pop7.cdn.example", AAAA, V6, 16);
	answer();
	assert_string_equal(name_of(V6, 16), "api.example");
}

static void hints_of_a_service_name_the_host_behind_its_labels(void **state)
{
	(void)state;
	ask(ID, "_8443._https.api.example", DNS_TYPE_HTTPS);
	answer_to(&m, ID, "_8443._https.api.example", DNS_TYPE_HTTPS);
	put_record(&m, NULL, DNS_TYPE_HTTPS, "\0\1\0\0\4\0\4" V4, 11);
	answer();
	assert_string_equal(name_of(V4, 4), "api.example");
}

static void what_answers_no_question_names_nothing_and_is_counted(void **state)
{
	struct packet forged[4];

	(void)state;
	put_good_answer();
	answer(); /* nobody asked */
	assert_int_equal(stats()->unasked, 1);

	ask(ID, "api.example", A);
	put_good_answer();
	for (size_t i = 0; i < 4; i++)
		forged[i] = packet_to_pod(IPPROTO_UDP, true);
	forged[0].dst_port++;
	forged[1].src = addr_v4((uint8_t[]){10, 0, 0, 54});
	forged[2].dst = addr_v4((uint8_t[]){10, 0, 0, 2});
	forged[3].src_port = LOOKUPS_MESH_PORT;
	for (size_t i = 0; i < 4; i++)
		send_udp(forged[i], PACKET_IN);
	m.data[0] ^= 1; /* another id */
	answer();
	answer_to(&m, ID, "evil.example", A);
	put_record(&m, NULL, A, V4, 4);
	answer();
	answer_to(&m, ID, "api.example", AAAA);
	put_record(&m, NULL, AAAA, V6, 16);
	answer();
	assert_int_equal(stats()->unasked, 8);
	assert_int_equal(stats()->names, 0);
	assert_null(name_of(V4, 4));

	put_good_answer(); /* the question is still open */
	answer();
	assert_non_null(name_of(V4, 4));
}

static void a_question_is_answered_once(void **state)
{
	(void)state;
	ask(ID, "api.example", A);
	put_good_answer();
	answer();
	answer_to(&m, ID, "api.example", A);
	put_record(&m, NULL, A, "\xc0\0\2\x06", 4);
	answer();
	assert_null(name_of("\xc0\0\2\x06", 4));
	assert_int_equal(stats()->unasked, 1);
}

/* The pod is a name server itself: others ask it, and it answers them. */
static void what_others_ask_the_pod_names_nothing(void **state)
{
	(void)state;
	ask_for(&m, ID, "api.example", A);
	send_udp(packet_to_pod(IPPROTO_UDP, false), PACKET_IN);
	put_good_answer();
	send_udp(packet_to_pod(IPPROTO_UDP, true), PACKET_OUT);
	assert_null(name_of(V4, 4));
	assert_int_equal(stats()->unasked, 0);
	answer();
	assert_int_equal(stats()->unasked, 1); /* the question was not the pod's */
}

static void on_loopback_both_directions_are_one_look_up(void **state)
{
	(void)state;
	ask(ID, "api.example", A);
	send_udp(packet_to_pod(IPPROTO_UDP, false), PACKET_IN);
	put_good_answer();
	send_udp(packet_to_pod(IPPROTO_UDP, true), PACKET_OUT);
	assert_null(name_of(V4, 4));
	answer();
	assert_non_null(name_of(V4, 4));
	assert_int_equal(stats()->unasked, 0);
}

/* libpcap leaves out the leaving half of what passes loopback. */
static void on_loopback_a_question_that_comes_in_is_the_pod_s_own(void **state)
{
	static const struct addr loopbacks[] = {{4, {127, 0, 0, 53}}, {16, {[15] = 1}}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct packet question = packet_to_pod(IPPROTO_UDP, false);
		struct packet reply = packet_to_pod(IPPROTO_UDP, true);

		question.dst = reply.src = loopbacks[i];
		question.is_loopback = reply.is_loopback = true;
		ask_for(&m, ID, "api.example", A);
		send_udp(question, PACKET_IN);
		put_good_answer();
		send_udp(reply, PACKET_IN);
		assert_int_equal(stats()->names, i + 1);
	}
}

/* A question and its answer, on an interface of which that much is known. */
struct exchange {
	const char *client;
	const char *server;
	bool has_src_mac;
	uint8_t src_mac; /* of the question, the last byte */
	enum packet_way said;
	bool is_loopback;
};

/* Whether the address got the name. */
static bool names_by(const struct direction *live, const struct exchange *e)
{
	struct packet question = packet_to_pod(IPPROTO_UDP, false);
	struct packet reply = packet_to_pod(IPPROTO_UDP, true);

	restart(live);
	assert_int_equal(addr_parse(e->client, &question.src), 0);
	assert_int_equal(addr_parse(e->server, &question.dst), 0);
	reply.src = question.dst;
	reply.dst = question.src;
	question.way = e->said;
	question.is_loopback = reply.is_loopback = e->is_loopback;
	question.has_src_mac = reply.has_src_mac = e->has_src_mac;
	memcpy(question.src_mac, (uint8_t[]){2, 0, 0, 0, 0, e->src_mac}, 6);
	memcpy(reply.src_mac, (uint8_t[]){2, 0, 0, 0, 0, 2}, 6);
	ask_for(&m, ID, "api.example", A);
	send_udp(question, live ? direction_of(live, &question) : question.way);
	put_good_answer();
	send_udp(reply, PACKET_IN);
	assert_int_equal(stats()->names + stats()->unasked, 1);
	return name_of(V4, 4) != NULL;
}

static void a_neighbour_who_asks_and_answers_himself_names_nothing(void **state)
{
	static const struct exchange frames[] = {
		{"127.0.0.1", "127.0.0.1", true, 2, PACKET_WAY_UNKNOWN, false},
		{"10.0.0.77", "127.0.0.9", true, 2, PACKET_WAY_UNKNOWN, false},
		{"10.0.0.1", "10.0.0.99", true, 2, PACKET_WAY_UNKNOWN, false},
		{"10.0.0.77", "10.0.0.99", true, 2, PACKET_WAY_UNKNOWN, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct exchange own = frames[i];

		assert_false(names_by(&ETHERNET, &frames[i]));
		own.src_mac = ETHERNET.mac[5];
		assert_true(names_by(&ETHERNET, &own));
	}
}

static void on_any_only_what_passed_loopback_or_left_is_the_pod_s_question(void **state)
{
	struct direction any = ETHERNET;
	struct exchange e = {"127.0.0.1", "127.0.0.1", false, 0, PACKET_IN, false};

	(void)state;
	any.has_mac = false;
	assert_false(names_by(&any, &e));
	e.is_loopback = true;
	assert_true(names_by(&any, &e));
	e = (struct exchange){"10.0.0.1", "10.0.0.99", false, 0, PACKET_IN, false};
	assert_false(names_by(&any, &e));
	e.said = PACKET_OUT;
	assert_true(names_by(&any, &e));
}

static void on_raw_ip_a_question_of_nobody_s_is_not_the_pod_s(void **state)
{
	static const struct exchange neither = {
		"10.0.0.77", "10.0.0.99", false, 0, PACKET_WAY_UNKNOWN, false};
	static const struct exchange both = {
		"10.0.0.1", "10.0.0.1", false, 0, PACKET_WAY_UNKNOWN, false};
	static const struct exchange own = {
		"10.0.0.1", "10.0.0.99", false, 0, PACKET_WAY_UNKNOWN, false};
	struct direction tunnel = ETHERNET;

	(void)state;
	tunnel.has_mac = false;
	assert_false(names_by(&tunnel, &neither));
	assert_false(names_by(&tunnel, &both));
	assert_true(names_by(&tunnel, &own));
	assert_true(names_by(FILE_READ, &neither));
}

static void where_lo_itself_is_captured_every_question_is_the_pod_s(void **state)
{
	static const struct direction lo = {.is_loopback = true};
	static const struct direction other = {.is_loopback = false};
	static const struct exchange e = {
		"127.0.0.1", "127.0.0.9", true, 0, PACKET_WAY_UNKNOWN, false};

	(void)state;
	assert_true(names_by(&lo, &e));
	assert_false(names_by(&other, &e));
}

static void in_a_file_the_ports_tell_who_asks_where_no_way_is_known(void **state)
{
	(void)state;
	restart(FILE_READ);
	ask_for(&m, ID, "api.example", A);
	send_udp(packet_to_pod(IPPROTO_UDP, false), PACKET_WAY_UNKNOWN);
	put_good_answer();
	send_udp(packet_to_pod(IPPROTO_UDP, true), PACKET_WAY_UNKNOWN);
	assert_non_null(name_of(V4, 4));
}

static void a_failure_names_nothing_and_ends_the_question(void **state)
{
	static const struct {
		size_t at;
		uint8_t bits;
	} failures[] = {{3, 3}, {3, 2}, {2, 2}}; /* NXDOMAIN, SERVFAIL, TC */

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		ask(ID, "api.example", A);
		put_good_answer();
		m.data[failures[i].at] |= failures[i].bits;
		answer();
		put_good_answer();
		answer();
		assert_int_equal(stats()->unasked, i + 1);
	}
	assert_null(name_of(V4, 4));
}

static void other_messages_are_none_of_our_business(void **state)
{
	(void)state;
	ask(ID, "5.2.0.192.in-addr.arpa", 12);
	answer_to(&m, ID, "5.2.0.192.in-addr.arpa", 12);
	put_record(&m, NULL, 12, "\1z\0", 3);
	answer();
	ask_for(&m, ID, "api.example", A); /* another class */
	m.data[m.len - 1] = 3;
	send_udp(packet_to_pod(IPPROTO_UDP, false), PACKET_OUT);
	ask_for(&m, ID, "api.example", A); /* a NOTIFY, RFC 1996 */
	m.data[2] |= 0x20;
	send_udp(packet_to_pod(IPPROTO_UDP, false), PACKET_OUT);
	assert_int_equal(stats()->unasked + stats()->unread + stats()->unkept, 0);
	put_good_answer();
	answer();
	assert_int_equal(stats()->unasked, 1);
}

static void a_malformed_answer_is_counted_and_the_good_one_still_believed(void **state)
{
	(void)state;
	ask(ID, "api.example", A);
	put_good_answer();
	m.data[m.len - 5]--; /* three bytes are no address */
	answer();
	assert_int_equal(stats()->unread, 1);
	assert_null(name_of(V4, 4));
	put_good_answer();
	answer();
	assert_non_null(name_of(V4, 4));
}

static void a_name_that_is_no_text_names_nothing(void **state)
{
	(void)state;
	ask(ID, "a b.example", A);
	answer_to(&m, ID, "a b.example", A);
	put_record(&m, NULL, A, V4, 4);
	answer();
	assert_null(name_of(V4, 4));
	assert_int_equal(stats()->unread, 1);
}

/* Both as the sender cut it, and as the capture did: the UDP length tells. */
static void every_truncation_of_a_good_answer_names_nothing(void **state)
{
	size_t full;

	(void)state;
	ask(ID, "api.example", A);
	answer_to(&m, ID, "api.example", A);
	put_alias(&m, NULL, "edge.example");
	put_record(&m, "edge.example", A, V4, 4);
	full = m.len;
	for (size_t cut = 0; cut < full; cut++) {
		const uint8_t head[8] = {[5] = (uint8_t)(full + 8)};
		uint64_t n_unread = stats()->unread;

		m.len = cut;
		answer();
		hand_over(packet_to_pod(IPPROTO_UDP, true), PACKET_IN, head, sizeof(head), m.data,
			cut);
		assert_in_range(stats()->unread, n_unread + 1, n_unread + 2);
		assert_null(name_of(V4, 4));
	}
	for (size_t cut = 0; cut < 8; cut++)
		hand_over(packet_to_pod(IPPROTO_UDP, true), PACKET_IN, "\0\0\0\0\0\x99\0\0", cut,
			"", 0);
	hand_over(packet_to_pod(IPPROTO_UDP, true), PACKET_IN, "\0\0\0\0\0\7\0\0", 8, m.data, full);
	assert_null(name_of(V4, 4));
	m.len = full;
	answer();
	assert_string_equal(name_of(V4, 4), "api.example");
}

static void put_tcp_message(uint8_t *segment, size_t *len)
{
	segment[(*len)++] = (uint8_t)(m.len >> 8);
	segment[(*len)++] = (uint8_t)m.len;
	memcpy(segment + *len, m.data, m.len);
	*len += m.len;
}

static void send_tcp(bool is_answer, const uint8_t *segment, size_t len)
{
	const uint8_t head[32] = {[12] = 0x80}; /* with twelve bytes of options */

	hand_over(packet_to_pod(IPPROTO_TCP, is_answer), is_answer ? PACKET_IN : PACKET_OUT, head,
		sizeof(head), segment, len);
}

static void over_tcp_each_whole_message_of_a_segment_is_read(void **state)
{
	uint8_t segment[1000];
	size_t len = 0;

	(void)state;
	ask_for(&m, ID, "api.example", A);
	put_tcp_message(segment, &len);
	ask_for(&m, ID + 1, "api.example", AAAA);
	put_tcp_message(segment, &len);
	send_tcp(false, segment, len);

	len = 0;
	put_good_answer();
	put_tcp_message(segment, &len);
	answer_to(&m, ID + 1, "api.example", AAAA);
	put_record(&m, NULL, AAAA, V6, 16);
	put_tcp_message(segment, &len);
	send_tcp(true, segment, len);
	assert_string_equal(name_of(V4, 4), "api.example");
	assert_string_equal(name_of(V6, 16), "api.example");
	send_tcp(true, segment, 0); /* an acknowledgement */
	assert_int_equal(stats()->unread + stats()->unasked, 0);
}

static void over_tcp_a_message_in_pieces_names_nothing(void **state)
{
	uint8_t segment[1000];
	size_t len = 0;

	(void)state;
	ask_for(&m, ID, "api.example", A);
	put_tcp_message(segment, &len);
	send_tcp(false, segment, len);
	len = 0;
	put_good_answer();
	put_tcp_message(segment, &len);
	for (size_t cut = 1; cut < len; cut++) {
		send_tcp(true, segment, cut);
		assert_int_equal(stats()->unread, cut);
		assert_null(name_of(V4, 4));
	}
	send_tcp(true, segment, len);
	assert_non_null(name_of(V4, 4));
}

static void over_tcp_sixteen_messages_of_a_segment_are_read(void **state)
{
	uint8_t segment[2000];
	size_t len = 0;

	(void)state;
	for (uint16_t i = 0; i < 17; i++) {
		ask_for(&m, i, "api.example", A);
		put_tcp_message(segment, &len);
	}
	send_tcp(false, segment, len);
	for (uint16_t i = 15; i < 17; i++) {
		len = 0;
		answer_to(&m, i, "api.example", A);
		put_record(&m, NULL, A, V4, 4);
		put_tcp_message(segment, &len);
		send_tcp(true, segment, len);
	}
	assert_int_equal(stats()->names, 1);
	assert_int_equal(stats()->unasked, 1);
}

/* An answer over TCP to what was asked over UDP is somebody else's. */
static void udp_and_tcp_are_not_mixed_up(void **state)
{
	uint8_t segment[200];
	size_t len = 0;

	(void)state;
	ask(ID, "api.example", A);
	put_good_answer();
	put_tcp_message(segment, &len);
	send_tcp(true, segment, len);
	assert_int_equal(stats()->unasked, 1);
	assert_null(name_of(V4, 4));
}

static void what_finds_no_room_is_counted(void **state)
{
	static uint8_t params[7 + 257 * 4] = {0, 1, 0, 0, 4, (257 * 4) >> 8, (257 * 4) & 0xff};

	(void)state;
	ask(ID, "api.example", DNS_TYPE_HTTPS);
	answer_to(&m, ID, "api.example", DNS_TYPE_HTTPS);
	put_record(&m, NULL, DNS_TYPE_HTTPS, params, sizeof(params));
	answer();
	assert_int_equal(stats()->unkept, 1);
	for (unsigned i = 0; i < 600; i++)
		ask((uint16_t)i, "api.example", A);
	assert_in_range(stats()->unkept, 1 + 600 - 512, 600);
}

/* Whatever is done to an answer: nothing but the asked name is ever given to anybody. */
static void mutated_answers_name_nothing_else(void **state)
{
	static struct message good;
	uint32_t x = 7;

	(void)state;
	answer_to(&good, ID, "api.example", A);
	put_alias(&good, NULL, "edge.example");
	put_record(&good, "edge.example", A, V4, 4);
	for (int i = 0; i < 50000; i++) {
		const char *name;

		ask(ID, "api.example", A);
		m = good;
		for (int j = 0; j < 3; j++) {
			x = x * 1664525 + 1013904223;
			m.data[(x >> 8) % m.len] = (uint8_t)(x >> 24);
		}
		answer();
		name = name_of(V4, 4);
		if (name)
			assert_string_equal(name, "api.example");
	}
	assert_in_range(stats()->names, 1, 50000);
	assert_in_range(stats()->unread, 1, 50000);
	assert_in_range(stats()->unasked, 1, 50000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_answer_names_its_addresses_by_what_was_asked),
		TEST(through_aliases_the_name_is_the_one_that_was_asked),
		TEST(hints_of_a_service_name_the_host_behind_its_labels),
		TEST(what_answers_no_question_names_nothing_and_is_counted),
		TEST(a_question_is_answered_once),
		TEST(what_others_ask_the_pod_names_nothing),
		TEST(on_loopback_both_directions_are_one_look_up),
		TEST(on_loopback_a_question_that_comes_in_is_the_pod_s_own),
		TEST(a_neighbour_who_asks_and_answers_himself_names_nothing),
		TEST(on_any_only_what_passed_loopback_or_left_is_the_pod_s_question),
		TEST(on_raw_ip_a_question_of_nobody_s_is_not_the_pod_s),
		TEST(where_lo_itself_is_captured_every_question_is_the_pod_s),
		TEST(in_a_file_the_ports_tell_who_asks_where_no_way_is_known),
		TEST(a_failure_names_nothing_and_ends_the_question),
		TEST(other_messages_are_none_of_our_business),
		TEST(a_malformed_answer_is_counted_and_the_good_one_still_believed),
		TEST(a_name_that_is_no_text_names_nothing),
		TEST(every_truncation_of_a_good_answer_names_nothing),
		TEST(over_tcp_each_whole_message_of_a_segment_is_read),
		TEST(over_tcp_a_message_in_pieces_names_nothing),
		TEST(over_tcp_sixteen_messages_of_a_segment_are_read),
		TEST(udp_and_tcp_are_not_mixed_up),
		TEST(what_finds_no_room_is_counted),
		TEST(mutated_answers_name_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
