/* SPDX-License-Identifier: Apache-2.0 */
#include "wire_ack.h"
#include "wire_encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N_RANDOM 200000
#define BARE_LEN 20 /* the boot id, and what protobuf puts around it */

static const struct ack good = {.boot_id = "boot-0123456789",
	.contiguous = 300,
	.bitmap = {0x81, 0x00, 0x03},
	.bitmap_len = 3};

static struct ack long_ack(void)
{
	struct ack ack = good;

	ack.contiguous = UINT64_MAX;
	ack.bitmap_len = ACK_BITMAP_MAX;
	for (size_t i = 0; i < ACK_BITMAP_MAX; i++)
		ack.bitmap[i] = (uint8_t)(i * 7 + 1);
	return ack;
}

static void assert_same(const struct ack *got, const struct ack *expected)
{
	assert_memory_equal(got->boot_id, expected->boot_id, BOOT_ID_LEN);
	assert_int_equal(got->contiguous, expected->contiguous);
	assert_int_equal(got->bitmap_len, expected->bitmap_len);
	assert_memory_equal(got->bitmap, expected->bitmap, expected->bitmap_len);
}

/* A copy on the heap, of just this length: a sanitizer sees the first byte that is read behind it.
 */
static enum wire_result decode(const uint8_t *data, size_t len, struct ack *ret)
{
	uint8_t *copy = malloc(len ? len : 1);
	enum wire_result result;

	assert_non_null(copy);
	memcpy(copy, data, len);
	result = wire_ack_decode(len ? copy : copy + 1, len, ret);
	free(copy);
	return result;
}

static void what_is_encoded_comes_back(void **state)
{
	const struct ack acks[] = {good, long_ack(), {.boot_id = "x"}, {.contiguous = 1}};
	uint8_t buf[WIRE_DATAGRAM_MAX];
	struct ack got;

	(void)state;
	for (size_t i = 0; i < sizeof(acks) / sizeof(*acks); i++) {
		size_t len = wire_ack_encode(&acks[i], WIRE_DATAGRAM_MAX, buf);

		assert_true(len > 0);
		assert_int_equal(decode(buf, len, &got), WIRE_OK);
		assert_same(&got, &acks[i]);
	}
}

static void without_a_bitmap_it_is_a_few_bytes(void **state)
{
	const struct ack ack = {.boot_id = "boot-0123456789", .contiguous = 100000};
	uint8_t buf[WIRE_DATAGRAM_MAX];

	(void)state;
	assert_in_range(wire_ack_encode(&ack, WIRE_DATAGRAM_MAX, buf), 1, BARE_LEN + 4);
}

static void the_bitmap_is_cut_to_what_fits_and_never_longer(void **state)
{
	const struct ack ack = long_ack();
	uint8_t buf[WIRE_DATAGRAM_MAX];
	size_t bitmap_len = 0;
	struct ack got;

	(void)state;
	for (size_t max = 0; max <= WIRE_DATAGRAM_MAX; max++) {
		size_t len = wire_ack_encode(&ack, max, buf);

		assert_true(len <= max);
		if (len == 0) {
			assert_true(max < BARE_LEN + 11);
			continue;
		}
		assert_int_equal(decode(buf, len, &got), WIRE_OK);
		assert_int_equal(got.contiguous, ack.contiguous);
		assert_true(got.bitmap_len >= bitmap_len && got.bitmap_len <= ack.bitmap_len);
		assert_memory_equal(got.bitmap, ack.bitmap, got.bitmap_len);
		assert_true(len + 4 >= max || got.bitmap_len == ack.bitmap_len);
		bitmap_len = got.bitmap_len;
	}
	assert_int_equal(bitmap_len, ACK_BITMAP_MAX);
}

static void a_larger_maximum_is_cut_to_a_datagram(void **state)
{
	const struct ack ack = long_ack();
	uint8_t buf[WIRE_DATAGRAM_MAX];

	(void)state;
	assert_true(wire_ack_encode(&ack, SIZE_MAX, buf) <= WIRE_DATAGRAM_MAX);
}

static void no_truncation_is_taken_for_another_acknowledgement(void **state)
{
	const struct ack ack = long_ack();
	uint8_t buf[WIRE_DATAGRAM_MAX];
	size_t len = wire_ack_encode(&ack, WIRE_DATAGRAM_MAX, buf);
	struct ack got;

	(void)state;
	for (size_t cut = 0; cut < len; cut++)
		assert_int_not_equal(decode(buf, cut, &got), WIRE_OK);
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
	return (uint32_t)(*seed >> 33) % below;
}

static void random_bytes_are_survived_and_within_the_limits(void **state)
{
	uint8_t data[64];
	uint64_t seed = 5;
	struct ack got;

	(void)state;
	for (int i = 0; i < N_RANDOM; i++) {
		size_t len = draw(&seed, sizeof(data) + 1);

		for (size_t k = 0; k < len; k++)
			data[k] = (uint8_t)draw(&seed, 256);
		if (len > 1 && i % 2) {
			data[0] = 0x12; /* Packet.ack */
			data[1] = (uint8_t)(len - 2);
		}
		if (decode(data, len, &got) == WIRE_OK)
			assert_true(got.bitmap_len <= ACK_BITMAP_MAX);
	}
}

static void a_spoilt_acknowledgement_is_survived(void **state)
{
	const struct ack ack = long_ack();
	uint8_t buf[WIRE_DATAGRAM_MAX], spoilt[WIRE_DATAGRAM_MAX];
	size_t len = wire_ack_encode(&ack, WIRE_DATAGRAM_MAX, buf);
	uint64_t seed = 6;
	struct ack got;

	(void)state;
	for (int i = 0; i < N_RANDOM / 10; i++) {
		memcpy(spoilt, buf, len);
		for (uint32_t n = draw(&seed, 4); n < 4; n++)
			spoilt[draw(&seed, (uint32_t)len)] = (uint8_t)draw(&seed, 256);
		if (decode(spoilt, len, &got) == WIRE_OK)
			assert_true(got.bitmap_len <= ACK_BITMAP_MAX);
	}
}

static void many_unknown_fields_are_refused_or_taken_without_memory(void **state)
{
	uint8_t data[WIRE_DATAGRAM_MAX];
	struct ack got;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(data); i += 2) {
		data[i] = 0x78; /* field 15, a number */
		data[i + 1] = 1;
	}
	assert_int_not_equal(decode(data, sizeof(data), &got), WIRE_OK);
}

static void a_report_is_no_acknowledgement(void **state)
{
	struct wire_encoder *encoder = wire_encoder_new();
	struct report report = {.sequence = 1, .oldest = 1, .interval_ms = 1000, .parts = 1};
	uint8_t buf[WIRE_DATAGRAM_MAX];
	struct ack got;
	size_t len;

	(void)state;
	len = wire_encode(encoder, &report, NULL, 0, buf);
	assert_true(len > 0);
	assert_int_equal(decode(buf, len, &got), WIRE_NOT_REPORT);
	wire_encoder_free(encoder);
}

static void what_is_outside_the_limits_leaves_the_result_untouched(void **state)
{
	struct ack before = long_ack(), got = before;
	uint8_t short_id[] = {0x12, 3, 0x0a, 1, 'x'};
	uint8_t too_long[WIRE_DATAGRAM_MAX + 1] = {0};
	uint8_t bitmap[24 + ACK_BITMAP_MAX + 1] = {0x12, 0x96, 0x02, 0x0a, 16};

	(void)state;
	memcpy(bitmap + 21, (uint8_t[]){0x1a, 0x81, 0x02}, 3);
	assert_int_equal(decode(short_id, sizeof(short_id), &got), WIRE_LIMIT);
	assert_int_equal(decode(bitmap, sizeof(bitmap), &got), WIRE_LIMIT);
	assert_int_equal(decode(too_long, sizeof(too_long), &got), WIRE_OVERSIZE);
	assert_int_equal(decode(too_long, 0, &got), WIRE_UNDECODABLE);
	assert_same(&got, &before);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_encoded_comes_back),
		TEST(without_a_bitmap_it_is_a_few_bytes),
		TEST(the_bitmap_is_cut_to_what_fits_and_never_longer),
		TEST(a_larger_maximum_is_cut_to_a_datagram),
		TEST(no_truncation_is_taken_for_another_acknowledgement),
		TEST(random_bytes_are_survived_and_within_the_limits),
		TEST(a_spoilt_acknowledgement_is_survived),
		TEST(many_unknown_fields_are_refused_or_taken_without_memory),
		TEST(a_report_is_no_acknowledgement),
		TEST(what_is_outside_the_limits_leaves_the_result_untouched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
