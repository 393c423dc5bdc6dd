/* SPDX-License-Identifier: Apache-2.0 */
#include "intern.h"

#include "hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct entry *next;
	uint32_t n_refs;
	uint32_t len;
	char text[];
};

struct intern {
	uint64_t seed;
	size_t mask;
	size_t n;
	struct entry **buckets;
};

struct intern *intern_new(size_t n_buckets, uint64_t hash_seed)
{
	struct intern *in = calloc(1, sizeof(*in));

	assert(n_buckets > 0 && (n_buckets & (n_buckets - 1)) == 0);
	if (!in)
		return NULL;
	in->seed = hash_seed;
	in->mask = n_buckets - 1;
	in->buckets = calloc(n_buckets, sizeof(struct entry *));
	if (!in->buckets) {
		free(in);
		return NULL;
	}
	return in;
}

void intern_free(struct intern *in)
{
	if (!in)
		return;
	for (size_t i = 0; i <= in->mask; i++) {
		struct entry *next;

		for (struct entry *entry = in->buckets[i]; entry; entry = next) {
			next = entry->next;
			free(entry);
		}
	}
	free(in->buckets);
	free(in);
}

/* The link that leads to the entry, or the one at the bucket's end. */
static struct entry **link_of(struct intern *in, const char *text, size_t len)
{
	struct entry **at = &in->buckets[hash_bytes(text, len, in->seed) & in->mask];

	while (*at && ((*at)->len != len || memcmp((*at)->text, text, len) != 0))
		at = &(*at)->next;
	return at;
}

const char *intern_get(struct intern *in, const char *text, size_t max_len)
{
	size_t len = strnlen(text, max_len);
	struct entry **at = link_of(in, text, len);
	struct entry *entry = *at;

	if (!entry) {
		entry = malloc(sizeof(*entry) + len + 1);
		if (!entry)
			return NULL;
		*entry = (struct entry){.len = (uint32_t)len};
		memcpy(entry->text, text, len);
		entry->text[len] = '\0';
		*at = entry;
		in->n++;
	}
	entry->n_refs++;
	return entry->text;
}

void intern_put(struct intern *in, const char *text)
{
	struct entry **at;
	struct entry *entry;

	if (!text)
		return;
	at = link_of(in, text, strlen(text));
	entry = *at;
	assert(entry && entry->text == text && entry->n_refs > 0);
	if (--entry->n_refs > 0)
		return;
	*at = entry->next;
	free(entry);
	in->n--;
}

size_t intern_count(const struct intern *in)
{
	return in->n;
}
