/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/gzip */
#include "gzip.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* By gzip(1): a decoder that is not the encoder's own. */
static void gunzip(const uint8_t *data, size_t len, char *ret, size_t cap, size_t *ret_len)
{
	char path[] = "/tmp/nstats-test-gzip-XXXXXX";
	char command[128];
	int fd = mkstemp(path);
	FILE *out;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
	snprintf(command, sizeof(command), "gzip -dc <%s", path);
	out = popen(command, "r");
	assert_non_null(out);
	*ret_len = fread(ret, 1, cap, out);
	assert_int_equal(pclose(out), 0);
	unlink(path);
}

static void round_trip(struct gzip *gzip, const char *data, size_t len, size_t *ret_len)
{
	char *back = malloc(len + 1);
	uint8_t *packed = NULL;
	size_t back_len;

	assert_int_equal(gzip_compress(gzip, data, len, &packed, ret_len), 0);
	gunzip(packed, *ret_len, back, len + 1, &back_len);
	assert_int_equal(back_len, len);
	if (len)
		assert_memory_equal(back, data, len);
	free(back);
	back = NULL;
	assert_int_equal(gzip_expand(packed, *ret_len, len, &back, &back_len), 0);
	assert_int_equal(back_len, len);
	if (len)
		assert_memory_equal(back, data, len);
	free(packed);
	free(back);
}

static void what_is_packed_unpacks_with_the_system_s_gzip(void **state)
{
	struct gzip *gzip = gzip_new();
	size_t packed, len = 0;
	char *text = malloc(256 * 1024);
	int i;

	(void)state;
	for (i = 0; len < 250 * 1024; i++)
		len += (size_t)snprintf(text + len, 100, "nstat,hosts=web-%d tx_bytes=%di %d\n",
			i % 50, i * 7919, 1000 + i);
	round_trip(gzip, text, len, &packed);
	assert_true(packed < len / 4);
	free(text);
	gzip_free(gzip);
}

static void nothing_packs_to_an_empty_member(void **state)
{
	struct gzip *gzip = gzip_new();
	size_t packed;

	(void)state;
	round_trip(gzip, "", 0, &packed);
	assert_true(packed >= 18); /* RFC 1952: header 10, an empty block, trailer 8 */
	gzip_free(gzip);
}

static void noise_fits_though_it_does_not_shrink(void **state)
{
	struct gzip *gzip = gzip_new();
	char noise[70000];
	uint32_t x = 1;
	size_t i, packed;

	(void)state;
	for (i = 0; i < sizeof(noise); i++) {
		x = x * 1664525 + 1013904223;
		noise[i] = (char)(x >> 24);
	}
	round_trip(gzip, noise, sizeof(noise), &packed);
	gzip_free(gzip);
}

static void one_compressor_serves_many_bodies(void **state)
{
	struct gzip *gzip = gzip_new();
	size_t packed;

	(void)state;
	round_trip(gzip, "aaaa", 4, &packed);
	round_trip(gzip, "bbbbbb", 6, &packed);
	gzip_free(gzip);
}

static void what_is_longer_than_allowed_or_damaged_does_not_expand(void **state)
{
	struct gzip *gzip = gzip_new();
	uint8_t *packed = NULL;
	size_t len, back_len;
	char *back = NULL;

	(void)state;
	assert_int_equal(gzip_compress(gzip, "abcdefgh", 8, &packed, &len), 0);
	assert_int_equal(gzip_expand(packed, len, 7, &back, &back_len), -EBADMSG);
	for (size_t n = 0; n < len; n++)
		assert_int_equal(gzip_expand(packed, n, 8, &back, &back_len), -EBADMSG);
	packed[len - 6] ^= 1; /* of the checksum */
	assert_int_equal(gzip_expand(packed, len, 8, &back, &back_len), -EBADMSG);
	assert_null(back);
	free(packed);
	gzip_free(gzip);
}

static void freeing_nothing_is_fine(void **state)
{
	(void)state;
	gzip_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_unpacks_with_the_system_s_gzip),
		cmocka_unit_test(nothing_packs_to_an_empty_member),
		cmocka_unit_test(noise_fits_though_it_does_not_shrink),
		cmocka_unit_test(one_compressor_serves_many_bodies),
		cmocka_unit_test(what_is_longer_than_allowed_or_damaged_does_not_expand),
		cmocka_unit_test(freeing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
