/* SPDX-License-Identifier: Apache-2.0 */
#include "resend.h"

#define TOKEN_MS      (1000 / RESEND_RATE)
#define TOKENS_MAX_MS (RESEND_BURST * TOKEN_MS)

/* xorshift64* (Marsaglia; Vigna 2016): jitter needs no more. */
static uint64_t next_random(struct resend *resend)
{
	uint64_t x = resend->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	resend->random = x;
	return x * 0x2545F4914F6CDD1D;
}

void resend_init(struct resend *resend, uint64_t seed, int64_t now_ms)
{
	*resend = (struct resend){
		.random = seed | 1, /* 0 would stay 0 */
		.tokens_ms = TOKENS_MAX_MS,
		.filled_ms = now_ms,
		.round_ms = now_ms - RESEND_ROUND_MIN_MS,
	};
}

static bool is_silent(const struct resend *resend)
{
	return resend->fruitless >= RESEND_PATIENCE;
}

static bool is_hasty(const struct resend *resend)
{
	return resend->is_heard_ending && resend->fruitless < RESEND_HASTE_ROUNDS;
}

static void fill(struct resend *resend, int64_t now_ms)
{
	int64_t speed = is_hasty(resend) ? RESEND_HASTE : 1;

	resend->tokens_ms += (now_ms - resend->filled_ms) * speed;
	if (resend->tokens_ms > TOKENS_MAX_MS)
		resend->tokens_ms = TOKENS_MAX_MS;
	resend->filled_ms = now_ms;
}

bool resend_may(struct resend *resend, int64_t now_ms)
{
	fill(resend, now_ms);
	if (resend->tokens_ms < TOKEN_MS)
		return false;
	if (is_silent(resend) && now_ms < resend->quiet_until_ms)
		return false;
	resend->tokens_ms -= TOKEN_MS;
	return true;
}

int64_t resend_may_at(const struct resend *resend, int64_t now_ms)
{
	int64_t at_ms = now_ms + (is_hasty(resend) ? 1 : TOKEN_MS);

	if (is_silent(resend) && resend->quiet_until_ms > at_ms)
		return resend->quiet_until_ms;
	return at_ms;
}

/* Half of it is jitter, so that probes that lost one collector do not find it again in step. */
static int64_t delay_ms(struct resend *resend, uint32_t tries)
{
	int64_t delay = RESEND_FIRST_MS;

	for (; tries > 1 && delay < RESEND_MAX_MS; tries--)
		delay *= 2;
	if (delay > RESEND_MAX_MS)
		delay = RESEND_MAX_MS;
	return delay * 3 / 4 + (int64_t)(next_random(resend) % (uint64_t)(delay / 2));
}

static void count_round(struct resend *resend, int64_t now_ms)
{
	if (now_ms - resend->round_ms >= RESEND_ROUND_MIN_MS) {
		resend->round_ms = now_ms;
		resend->fruitless++;
		if (resend->fruitless % RESEND_PATIENCE == 0 && !resend->is_ending)
			resend->wants_path = true;
	}
	if (is_silent(resend))
		resend->quiet_until_ms =
			now_ms + delay_ms(resend, resend->fruitless - RESEND_PATIENCE + 1);
}

void resend_hurry(struct resend *resend, int64_t now_ms)
{
	resend->is_ending = true;
	if (resend->quiet_until_ms > now_ms)
		resend->quiet_until_ms = now_ms;
}

int64_t resend_sent(struct resend *resend, uint32_t tries, int64_t now_ms)
{
	if (tries > 1)
		count_round(resend, now_ms);
	return now_ms + delay_ms(resend, tries);
}

void resend_failed(struct resend *resend, int64_t now_ms)
{
	count_round(resend, now_ms);
}

bool resend_heard(struct resend *resend)
{
	bool was_silent = is_silent(resend);

	resend->fruitless = 0;
	resend->wants_path = false;
	resend->is_heard_ending = resend->is_ending;
	return was_silent || resend->is_ending;
}

bool resend_take_path(struct resend *resend)
{
	bool wants = resend->wants_path;

	resend->wants_path = false;
	return wants;
}
