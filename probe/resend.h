/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to send a datagram again, and when to give up on the path. Pure: monotonic ms and random
 * bits are passed in.
 *
 * A datagram that is not acknowledged is due again after 5 s, doubling to 60 s, with jitter. Where
 * three rounds of that brought nothing, the collector is silent: then only one datagram goes again
 * at a time, with the same delays, so that a thousand probes with full rings do not shout at a dead
 * collector; new ones still go once each, and any acknowledgement ends the silence. Every third
 * fruitless round asks for a new path: another source port, since a stale conntrack entry may hold
 * the old one, and a fresh look-up of the collector's name.
 *
 * What cannot be sent at all is a fruitless round too: another of the name's addresses may do.
 *
 * A token bucket bounds what is sent again; new datagrams are never held up by it. At the end a
 * full ring has seconds to go in: from an acknowledgement on, which says that the collector is
 * well, the bucket fills faster, until a second round has brought no other.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RESEND_FIRST_MS     5000
#define RESEND_MAX_MS       60000
#define RESEND_RATE         50 /* datagrams a second, of those sent before */
#define RESEND_BURST        64
#define RESEND_HASTE        50   /* times that rate: a ring of 1 MiB goes within 2 s */
#define RESEND_HASTE_ROUNDS 2    /* fruitless ones, which end the haste */
#define RESEND_PATIENCE     3    /* fruitless rounds */
#define RESEND_ROUND_MIN_MS 3000 /* what is sent again within this is the same round */

struct resend {
	uint64_t random;   /* state */
	int64_t tokens_ms; /* in units of time: a token is 1000 / RESEND_RATE */
	int64_t filled_ms;
	int64_t round_ms; /* when the last round began */
	int64_t quiet_until_ms;
	unsigned fruitless; /* rounds since the last acknowledgement */
	bool wants_path;
	bool is_ending;
	bool is_heard_ending; /* an acknowledgement came since */
};

void resend_init(struct resend *resend, uint64_t seed, int64_t now_ms);

/* May one that was sent before go now? Takes a token. */
bool resend_may(struct resend *resend, int64_t now_ms);
/* While it may not: when to ask again. */
int64_t resend_may_at(const struct resend *resend, int64_t now_ms);

/* This is the end: there is no time for silence, one may go now, a token provided. No path is
 * wanted any more, and an acknowledgement brings haste. */
void resend_hurry(struct resend *resend, int64_t now_ms);

/* It went, for the tries-th time (from 1). Returns when it is due again. */
int64_t resend_sent(struct resend *resend, uint32_t tries, int64_t now_ms);

/* It could not be sent: that round is as fruitless. */
void resend_failed(struct resend *resend, int64_t now_ms);

/* An acknowledgement came. True: it ended a silence, or this is the end; what waits may go at once.
 */
bool resend_heard(struct resend *resend);

/* True once, when a new path is wanted. */
bool resend_take_path(struct resend *resend);
