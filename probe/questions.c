/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: of a question 64 bits are kept, a hash under a seed that nobody knows. Who wants to hit
 * one by guessing has 2^-64 a try, and 16 bytes a question are enough.
 */
#include "questions.h"

#include "hash.h"

#include <stdlib.h>

#define WAYS   4
#define N_SETS (QUESTIONS_MAX / WAYS) /* a power of two */

#define KEY_MAX (2 * sizeof(struct addr) + 9 + DNS_NAME_MAX)

struct place {
	uint64_t tag;
	int64_t until_ms; /* 0: free */
};

struct questions {
	uint64_t seed;
	struct place places[N_SETS][WAYS];
};

struct questions *questions_new(uint64_t seed)
{
	struct questions *questions = calloc(1, sizeof(*questions));

	if (questions)
		questions->seed = seed;
	return questions;
}

void questions_free(struct questions *questions)
{
	free(questions);
}

static uint64_t tag_of(const struct questions *questions, const struct question_key *key)
{
	const uint16_t numbers[] = {key->server_port, key->client_port, key->id, key->type};
	uint8_t packed[KEY_MAX];
	size_t len = 0;

	memcpy(packed, &key->server, sizeof(struct addr));
	len += sizeof(struct addr);
	memcpy(packed + len, &key->client, sizeof(struct addr));
	len += sizeof(struct addr);
	memcpy(packed + len, numbers, sizeof(numbers));
	len += sizeof(numbers);
	packed[len++] = key->proto;
	memcpy(packed + len, key->name->bytes, key->name->len);
	len += key->name->len;
	return hash_bytes(packed, len, questions->seed);
}

static size_t find(const struct place set[static WAYS], uint64_t tag)
{
	size_t i = 0;

	while (i < WAYS && (set[i].tag != tag || set[i].until_ms == 0))
		i++;
	return i;
}

static size_t oldest(const struct place set[static WAYS])
{
	size_t best = 0;

	for (size_t i = 1; i < WAYS; i++)
		if (set[i].until_ms < set[best].until_ms)
			best = i;
	return best;
}

bool questions_ask(struct questions *questions, const struct question_key *key, int64_t now_ms)
{
	uint64_t tag = tag_of(questions, key);
	struct place *set = questions->places[tag % N_SETS];
	size_t i = find(set, tag);
	bool is_lost = false;

	if (i == WAYS) {
		i = oldest(set);
		is_lost = set[i].until_ms > now_ms;
	}
	set[i] = (struct place){.tag = tag, .until_ms = now_ms + QUESTIONS_LIFE_MS};
	return !is_lost;
}

bool questions_is_open(
	const struct questions *questions, const struct question_key *key, int64_t now_ms)
{
	uint64_t tag = tag_of(questions, key);
	const struct place *set = questions->places[tag % N_SETS];
	size_t i = find(set, tag);

	return i < WAYS && set[i].until_ms > now_ms;
}

void questions_close(struct questions *questions, const struct question_key *key)
{
	uint64_t tag = tag_of(questions, key);
	struct place *set = questions->places[tag % N_SETS];
	size_t i = find(set, tag);

	if (i < WAYS)
		set[i] = (struct place){0};
}
