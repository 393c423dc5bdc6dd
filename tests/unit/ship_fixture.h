/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ship between a spool in memory and a scripted HTTP server, in a time of the test's own.
 */
#pragma once

#include "bisect.h"
#include "clock.h"
#include "gzip.h"
#include "http_script.h"
#include "ship.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define BODIES_MAX  64
#define DEAD_MAX    65536
#define LINES_MAX   1000
#define TICK_MS     2
#define SKIP_MS     250
#define GUARD_TICKS 10000

/* Time is ours: a tick of the test lets the program, curl included, believe that much more has
 * passed. */
static atomic_llong skipped_ms;

int clock_gettime(clockid_t id, struct timespec *t)
{
	long r = syscall(SYS_clock_gettime, id, t);
	long long ms = atomic_load(&skipped_ms);

	if (id == CLOCK_MONOTONIC) {
		t->tv_sec += (time_t)(ms / 1000);
		t->tv_nsec += (long)(ms % 1000) * 1000000;
		t->tv_sec += t->tv_nsec / 1000000000;
		t->tv_nsec %= 1000000000;
	}
	return (int)r;
}

/* A spool in memory. */
struct spool {
	struct spool_body bodies[BODIES_MAX];
	size_t n;
	struct spool_state state;
	uint64_t n_lines; /* of all that was added */
	unsigned n_settles_to_fail;
	unsigned n_blind_reads;
	unsigned n_dead; /* letters */
	int rejected_status;
	char rejected_reason[300];
	char dead[DEAD_MAX]; /* all letters' lines */
	uint64_t dead_bytes;
};

static inline void spool_put_at(struct spool *spool, int64_t id, const struct spool_body *body)
{
	struct spool_body *mine = &spool->bodies[id - 1];

	*mine = *body;
	mine->id = id;
	mine->data = malloc(body->len);
	memcpy(mine->data, body->data, body->len);
	spool->state.bodies++;
	spool->state.lines += body->lines;
	spool->state.traffic_bytes += body->traffic_bytes;
}

static inline void spool_put(
	struct spool *spool, const void *data, size_t len, uint32_t lines, uint64_t traffic_bytes)
{
	const struct spool_body body = {.lines = lines,
		.traffic_bytes = traffic_bytes,
		.data = (uint8_t *)(uintptr_t)data,
		.len = len};

	assert_true(spool->n < BODIES_MAX);
	spool_put_at(spool, (int64_t)++spool->n, &body);
}

/* No gzip. */
static inline void spool_add(struct spool *spool, const char *data)
{
	spool_put(spool, data, strlen(data), 10, 1000);
	spool->n_lines += 10;
}

static inline void spool_add_lines(struct spool *spool, const char *text)
{
	struct gzip *gzip = gzip_new();
	uint8_t *data;
	size_t len;

	assert_int_equal(gzip_compress(gzip, text, strlen(text), &data, &len), 0);
	spool_put(spool, data, len, bisect_lines(text, strlen(text)),
		bisect_traffic(text, strlen(text)));
	spool->n_lines += bisect_lines(text, strlen(text));
	free(data);
	gzip_free(gzip);
}

static inline bool spool_take(struct spool *spool, int64_t id)
{
	struct spool_body *body = &spool->bodies[id - 1];

	if (!body->data)
		return false;
	free(body->data);
	body->data = NULL;
	spool->state.bodies--;
	spool->state.lines -= body->lines;
	spool->state.traffic_bytes -= body->traffic_bytes;
	return true;
}

static inline int spool_give(const struct spool_body *body, struct spool_body *ret)
{
	*ret = *body;
	ret->data = malloc(body->len);
	memcpy(ret->data, body->data, body->len);
	return 1;
}

int spool_next(struct spool *spool, int64_t after, struct spool_body *ret, char err[static ERR_LEN])
{
	(void)err;
	if (spool->n_blind_reads) {
		spool->n_blind_reads--;
		return 0;
	}
	for (size_t i = 0; i < spool->n; i++)
		if (spool->bodies[i].data && spool->bodies[i].id > after)
			return spool_give(&spool->bodies[i], ret);
	return 0;
}

int spool_newest(
	struct spool *spool, int64_t after, struct spool_body *ret, char err[static ERR_LEN])
{
	(void)err;
	for (size_t i = spool->n; i > 0; i--)
		if (spool->bodies[i - 1].data && spool->bodies[i - 1].id > after)
			return spool_give(&spool->bodies[i - 1], ret);
	return 0;
}

static inline void spool_bury(struct spool *spool, const struct spool_body *dead)
{
	size_t used = strlen(spool->dead);
	char *text;
	size_t len;

	spool->dead_bytes += dead->traffic_bytes;
	spool->state.dead_lines += dead->lines;
	spool->n_dead++;
	if (gzip_expand(dead->data, dead->len, DEAD_MAX, &text, &len) < 0)
		return; /* of spool_add */
	assert_true(used + len < DEAD_MAX);
	memcpy(spool->dead + used, text, len);
	free(text);
}

int spool_settle(struct spool *spool, int64_t id, const struct spool_outcome *outcome,
	char err[static ERR_LEN])
{
	if (spool->n_settles_to_fail) {
		spool->n_settles_to_fail--;
		snprintf(err, ERR_LEN, "disk full");
		return -ENOSPC;
	}
	if (!spool->bodies[id - 1].data)
		return 0;
	if (outcome->dead || outcome->is_dead_whole) {
		spool->rejected_status = outcome->status;
		snprintf(spool->rejected_reason, sizeof(spool->rejected_reason), "%s",
			outcome->reason);
		spool_bury(spool, outcome->dead ? outcome->dead : &spool->bodies[id - 1]);
	}
	spool_take(spool, id);
	if (outcome->rest)
		spool_put_at(spool, id, outcome->rest);
	return 1;
}

void spool_state(const struct spool *spool, struct spool_state *ret)
{
	*ret = spool->state;
}

struct fixture {
	struct loop *loop;
	struct worker *worker;
	struct ship *ship;
	struct stats stats;
	struct spool spool;
	struct script script;
	const char *answers[8]; /* the last one again and again */
	size_t n_answered;
	char order[32]; /* first byte of each body; the judge's own, where there is one */
	bool (*is_done)(struct fixture *f);
	struct loop_timer tick;
	unsigned n_ticks;
	int64_t started_ms;
	char influx[40];
	char secret[40];
	struct ship_config config;
	bool evicts_while_posted;
	/* Where set: the answer to these lines, instead of `answers`; what gets TAKEN is stored. */
	const char *(*judge)(struct fixture *f, const char *lines);
	unsigned stored[LINES_MAX]; /* how often, by the line's number */
	char query[1000];           /* the last request to /query */
	const char *next_secret;    /* written to the file when a request came */
};

static inline void secret_write(struct fixture *f, const char *text)
{
	int fd = open(f->secret, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

#define TAKEN "HTTP/1.1 204 No Content\r\n\r\n"
#define AWAY  "HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n"
#define REFUSED                                                                                    \
	"HTTP/1.1 400 Bad\r\nContent-Length: 43\r\n\r\n{\"error\":\"unable to parse "              \
	"'x'\"}\nsecond line"

/* The number that a line begins with: "nstat,receiver=NUMBER ...". */
static inline unsigned line_number(const char *line)
{
	unsigned number = LINES_MAX;

	assert_int_equal(sscanf(line, "nstat,receiver=%u ", &number), 1);
	assert_true(number < LINES_MAX);
	return number;
}

static inline const char *next_line(const char *line)
{
	return strchr(line, '\n') + 1;
}

static inline const char *judged(struct fixture *f)
{
	const char *answer;
	size_t len;
	char *text;

	assert_int_equal(gzip_expand((const uint8_t *)f->script.last_body, f->script.last_body_len,
				 DEAD_MAX, &text, &len),
		0);
	text = realloc(text, len + 1);
	text[len] = '\0';
	answer = f->judge(f, text);
	for (const char *line = text; answer && strcmp(answer, TAKEN) == 0 && *line;
		line = next_line(line))
		f->stored[line_number(line)]++;
	free(text);
	return answer;
}

static inline const char *answer(void *ctx, const char *request)
{
	struct fixture *f = ctx;
	const char *answer = f->answers[f->n_answered];

	if (strstr(request, "/query?"))
		snprintf(f->query, sizeof(f->query), "%s", request);
	if (f->judge && strstr(f->script.last, "/write?"))
		return judged(f);
	if (f->script.n_requests <= sizeof(f->order))
		f->order[f->script.n_requests - 1] = f->script.last_body[0];
	if (f->answers[f->n_answered + 1])
		f->n_answered++;
	if (f->evicts_while_posted)
		spool_take(&f->spool, 1);
	if (f->next_secret)
		secret_write(f, f->next_secret);
	return answer;
}

static inline void ticked(void *ctx, int64_t now_ms)
{
	struct fixture *f = ctx;

	if (f->is_done(f)) {
		loop_stop(f->loop);
		return;
	}
	if (++f->n_ticks > GUARD_TICKS)
		fail_msg("what the test waits for did not come");
	atomic_fetch_add(&skipped_ms, SKIP_MS);
	loop_timer_set(f->loop, &f->tick, now_ms + SKIP_MS + TICK_MS);
}

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char err[ERR_LEN];
	int fd;

	assert_int_equal(loop_new(&f->loop, err), 0);
	assert_int_equal(worker_open(f->loop, 4, &f->worker, err), 0);
	f->script = (struct script){.answer = answer, .ctx = f};
	script_open(&f->script, f->loop);
	f->tick = (struct loop_timer){.fn = ticked, .ctx = f};
	snprintf(f->influx, sizeof(f->influx), "127.0.0.1:%u", f->script.port);
	snprintf(f->secret, sizeof(f->secret), "/tmp/nstats-test-ship-XXXXXX");
	fd = mkstemp(f->secret);
	assert_true(fd >= 0);
	close(fd);
	f->config = (struct ship_config){.influx = f->influx, .db = "nstats"};
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;

	ship_close(f->ship);
	worker_close(f->worker);
	script_close(&f->script);
	for (size_t i = 0; i < f->spool.n; i++)
		free(f->spool.bodies[i].data);
	loop_free(f->loop);
	unlink(f->secret);
	free(f);
	return 0;
}

static inline void start(struct fixture *f)
{
	char err[ERR_LEN] = "";
	int r = ship_open(f->loop, &f->config, &f->spool, f->worker, &f->stats, &f->ship, err);

	assert_string_equal(err, "");
	assert_int_equal(r, 0);
	f->started_ms = clock_mono_ms();
	ship_kick(f->ship);
}

static inline void run_until(struct fixture *f, bool (*is_done)(struct fixture *f))
{
	f->is_done = is_done;
	loop_timer_set(f->loop, &f->tick, clock_mono_ms() + TICK_MS);
	assert_int_equal(loop_run(f->loop), 0);
}

static inline int64_t elapsed_ms(const struct fixture *f)
{
	return clock_mono_ms() - f->started_ms;
}

static inline bool is_all_settled(struct fixture *f)
{
	return f->stats.delivered_lines + f->stats.rejected_lines == f->spool.n_lines;
}
