/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions that the pod has asked and nobody has answered yet: only what answers one of them is
 * believed. Fixed size, the oldest of a place goes. Pure: time is passed in, in milliseconds.
 */
#pragma once

#include "dns_message.h"

#define QUESTIONS_MAX     512
#define QUESTIONS_LIFE_MS 30000 /* resolv.conf(5): no timeout is longer */

/* All that an answer must repeat. */
struct question_key {
	struct addr server;
	struct addr client;
	uint16_t server_port;
	uint16_t client_port;
	uint8_t proto; /* the transport's */
	uint16_t id;
	uint16_t type;
	const struct dns_name *name; /* borrowed for the call */
};

struct questions;
/* Allocates everything that it will ever use. NULL: out of memory. */
struct questions *questions_new(uint64_t seed);
void questions_free(struct questions *questions);

/* Asked again, its time begins anew. False: another one had to go that was still open. */
bool questions_ask(struct questions *questions, const struct question_key *key, int64_t now_ms);
bool questions_is_open(
	const struct questions *questions, const struct question_key *key, int64_t now_ms);
/* A second answer finds no question. */
void questions_close(struct questions *questions, const struct question_key *key);
