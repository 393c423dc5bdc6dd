/* SPDX-License-Identifier: Apache-2.0 */
#include "points.h"

#include "destinations.h"
#include "hash.h"
#include "world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 4096 /* a power of two */
#define TEXT_MAX    1024 /* of a line: every identity here is short */

static struct {
	struct point *slots; /* key 0: empty */
	size_t n;
	size_t n_slots;
} points;

/* The value behind a key in a line; NULL: it has none. */
static const char *value_of(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	return at ? at + strlen(key) : NULL;
}

static bool parse(const char *line, const char *fields, struct point *ret)
{
	const char *host = value_of(line, ",hosts=pod-");
	const char *receiver = value_of(line, ",receiver=");
	const char *rx = value_of(fields, ",rx_bytes=");
	const char *tx = value_of(fields, ",tx_bytes=");
	const char *time = strrchr(fields, ' ');

	if (!host || !receiver || !rx || !tx || !time)
		return false;
	ret->bytes = strtoull(rx, NULL, 10) + strtoull(tx, NULL, 10);
	ret->observer = (unsigned)(host[0] - '0');
	ret->destination = destination_of_name(receiver);
	ret->is_shifted = strtoull(time + 1, NULL, 10) % 1000 != 0;
	ret->series = hash_bytes(line, (size_t)(fields - line), 0);
	ret->key = hash_bytes(line, (size_t)(fields - line), strtoull(time + 1, NULL, 10)) | 1;
	return ret->observer < N_OBSERVERS && ret->destination < N_DESTINATIONS;
}

/* What nstats says of itself accounts for no traffic. */
static void skip_own(struct points_reader *reader)
{
	static const char own[] = "nstats_probe,";

	while ((size_t)(reader->end - reader->at) > strlen(own) &&
		memcmp(reader->at, own, strlen(own)) == 0) {
		const char *feed = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));

		if (!feed)
			return;
		reader->at = feed + 1;
	}
}

bool points_read(struct points_reader *reader, struct point *ret)
{
	size_t left, len;
	const char *feed, *fields;
	char line[TEXT_MAX];

	skip_own(reader);
	left = (size_t)(reader->end - reader->at);
	feed = left ? memchr(reader->at, '\n', left) : NULL;
	len = feed ? (size_t)(feed - reader->at) : 0;
	if (left == 0)
		return false;
	if (feed && len < sizeof(line)) {
		memcpy(line, reader->at, len);
		line[len] = '\0';
		fields = strchr(line, ' ');
		reader->at = feed + 1;
		if (fields && parse(line, fields, ret))
			return true;
	}
	world_fail("a line that cannot be read: %.120s", reader->at);
	return false;
}

void points_begin(void)
{
	if (!points.slots) {
		points.n_slots = FIRST_SLOTS;
		points.slots = malloc(points.n_slots * sizeof(*points.slots));
		assert(points.slots);
	}
	memset(points.slots, 0, points.n_slots * sizeof(*points.slots));
	points.n = 0;
}

void points_end(void)
{
	free(points.slots);
	memset(&points, 0, sizeof(points));
}

static struct point *find(uint64_t key)
{
	size_t i = key >> 20 & (points.n_slots - 1);

	while (points.slots[i].key && points.slots[i].key != key)
		i = (i + 1) & (points.n_slots - 1);
	return &points.slots[i];
}

static void grow(void)
{
	struct point *before = points.slots;
	size_t n = points.n_slots;

	points.n_slots = n * 2;
	points.slots = calloc(points.n_slots, sizeof(*points.slots));
	assert(points.slots);
	for (size_t i = 0; i < n; i++)
		if (before[i].key)
			*find(before[i].key) = before[i];
	free(before);
}

void points_store(const struct point *point)
{
	struct point *slot = find(point->key);

	if (slot->key && slot->bytes != point->bytes)
		world_fail("a point of pod-%u, destination %u is overwritten: %llu bytes by %llu",
			point->observer, point->destination, (unsigned long long)slot->bytes,
			(unsigned long long)point->bytes);
	points.n += slot->key == 0;
	*slot = *point;
	if (points.n * 2 > points.n_slots)
		grow();
}

bool points_has(uint64_t key)
{
	return find(key)->key != 0;
}

void points_each(void (*fn)(void *ctx, const struct point *point), void *ctx)
{
	for (size_t i = 0; i < points.n_slots; i++)
		if (points.slots[i].key)
			fn(ctx, &points.slots[i]);
}
