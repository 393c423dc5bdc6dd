/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A state machine on the loop's thread:
 *
 *   idle ─kick─▶ reading ─body─▶ posting ─delivered, refused─▶ settling ─▶ reading ─none─▶ idle
 *                   ▲               └─kept─▶ waiting ─┐                       └─failed─▶ waiting
 *                   └─────────────────────────────────┘
 *
 * Reading and settling are jobs of the worker. A kept body is let go and read again after the wait:
 * meanwhile it may have been evicted. What could not be deleted is deleted later and not posted
 * again.
 */
#include "ship.h"

#include "clock.h"
#include "hash.h"
#include "http_client.h"
#include "log.h"
#include "ship_auth.h"
#include "ship_health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define URL_LEN 2048

enum state {
	IDLE,
	READING,
	POSTING,
	SETTLING,
	WAITING,
};

struct ship {
	struct loop *loop;
	struct ship_config config;
	struct spool *spool;
	struct worker *worker;
	struct stats *stats;
	struct http_client *client;
	struct loop_timer timer;
	char url[URL_LEN];
	char authorization[SHIP_AUTH_LEN];

	enum state state;
	bool is_kicked; /* while it was busy */
	bool is_closed; /* freed by the job that is under way */
	enum ship_health health;
	bool is_spool_failing;
	bool is_auth_failing;
	unsigned failures;       /* posts in a row that were not taken */
	unsigned spool_failures; /* jobs in a row that failed */
	int64_t tried_id;
	unsigned tries; /* of tried_id */

	struct spool_body body;
	struct ship_answer answer; /* the last one */

	/* Filled by the job on the worker's thread, read by its done(). */
	struct worker_job job;
	int job_result;
	bool is_settled_here; /* the body was there, and is no more */
	struct spool_state job_state;
	char job_err[ERR_LEN];
};

static void read_start(struct ship *ship);
static void settle_start(struct ship *ship);

static void body_release(struct ship *ship)
{
	free(ship->body.data);
	ship->body.data = NULL;
}

static void ship_free(struct ship *ship)
{
	body_release(ship);
	free(ship);
}

static void wait_start(struct ship *ship, int64_t delay_ms)
{
	ship->state = WAITING;
	loop_timer_set(ship->loop, &ship->timer, clock_mono_ms() + delay_ms);
}

static void job_start(
	struct ship *ship, enum state state, void (*run)(void *), void (*done)(void *))
{
	ship->job = (struct worker_job){.run = run, .done = done, .ctx = ship};
	ship->state = state;
	if (!worker_submit(ship->worker, &ship->job))
		wait_start(ship, RETRY_DELAY_MIN_MS);
}

static void spool_failed(struct ship *ship, const char *msg)
{
	ship->stats->spool_errors++;
	ship->spool_failures++;
	if (!ship->is_spool_failing)
		log_error(msg, "error=\"%s\" act=\"tried again\"", ship->job_err);
	ship->is_spool_failing = true;
	wait_start(ship, retry_delay_ms(RETRY_KEEP, ship->spool_failures, -1, hash_random_seed()));
}

static void spool_worked(struct ship *ship)
{
	if (ship->is_spool_failing)
		log_info("spool works again", "");
	ship->is_spool_failing = false;
	ship->spool_failures = 0;
}

static void settle_run(void *ctx)
{
	struct ship *ship = ctx;
	struct spool_state before;

	spool_state(ship->spool, &before);
	if (ship->answer.act == RETRY_DELIVERED)
		ship->job_result = spool_delete(ship->spool, ship->body.id, ship->job_err);
	else
		ship->job_result = spool_reject(ship->spool, ship->body.id, ship->answer.status,
			ship->answer.reason, ship->job_err);
	spool_state(ship->spool, &ship->job_state);
	ship->is_settled_here = ship->job_state.bodies < before.bodies;
}

/* A body that was evicted during its POST is counted there and nowhere else. */
static void settle_count(struct ship *ship)
{
	const struct spool_body *body = &ship->body;

	if (!ship->is_settled_here)
		return;
	if (ship->answer.act == RETRY_DELIVERED) {
		ship->stats->delivered_lines += body->lines;
		ship->stats->delivered_bytes += body->traffic_bytes;
		stats_note_longest(&ship->stats->delivery_us, clock_wall_ms() - body->since_ms);
		return;
	}
	ship->stats->rejected_lines += body->lines;
	ship->stats->rejected_bytes += body->traffic_bytes;
	log_error("influx refused a body", "status=%d error=\"%s\" lines=%u act=\"%s\"",
		ship->answer.status, ship->answer.reason, (unsigned)body->lines,
		retry_act_name(ship->answer.act));
}

static void settle_done(void *ctx)
{
	struct ship *ship = ctx;

	spool_state_show(&ship->job_state, ship->stats);
	if (ship->job_result == 0)
		settle_count(ship);
	if (ship->is_closed) {
		ship_free(ship);
		return;
	}
	if (ship->job_result < 0 && ship->job_result != -ENOENT) {
		spool_failed(ship, "cannot take a body out of the spool");
		return;
	}
	spool_worked(ship);
	body_release(ship);
	read_start(ship);
}

static void settle_start(struct ship *ship)
{
	job_start(ship, SETTLING, settle_run, settle_done);
}

static bool is_html(const char *content_type)
{
	return strncasecmp(content_type, "text/html", strlen("text/html")) == 0;
}

static void keep(struct ship *ship, int64_t retry_after_s)
{
	ship->stats->posts_kept++;
	ship->failures++;
	body_release(ship);
	wait_start(ship, retry_delay_ms(ship->answer.act, ship->failures, retry_after_s,
				 hash_random_seed()));
}

static void answer_arrived(void *ctx, const struct http_answer *answer)
{
	struct ship *ship = ctx;
	struct retry_answer judged = {.status = answer->status,
		.body = answer->body,
		.is_html = is_html(answer->content_type)};

	ship->tries++;
	ship->answer.act = retry_act_of(&judged, ship->tries);
	ship->answer.status = answer->status;
	ship_reason_set(&ship->answer, answer->status ? answer->body : answer->error);
	log_debug("influx answered", "status=%d error=\"%s\" body=%lld try=%u act=\"%s\"",
		ship->answer.status, ship->answer.reason, (long long)ship->body.id, ship->tries,
		retry_act_name(ship->answer.act));
	ship_health_update(&ship->health, &ship->answer, ship->url);
	if (ship->answer.act != RETRY_DELIVERED && ship->answer.act != RETRY_REJECT) {
		keep(ship, retry_parse_after(answer->retry_after, clock_wall_ms() / 1000));
		return;
	}
	ship->failures = 0;
	settle_start(ship);
}

static void post_start(struct ship *ship)
{
	struct http_request request = {.url = ship->url,
		.authorization = ship->authorization[0] ? ship->authorization : NULL,
		.ca_file = ship->config.ca_file,
		.content_type = "text/plain; charset=utf-8",
		.content_encoding = "gzip",
		.body = ship->body.data,
		.body_len = ship->body.len};

	if (ship->body.id != ship->tried_id) {
		ship->tried_id = ship->body.id;
		ship->tries = 0;
	}
	ship->state = POSTING;
	if (http_client_post(ship->client, &request, answer_arrived, ship) < 0) {
		ship->answer.act = RETRY_KEEP;
		keep(ship, -1);
		return;
	}
	ship->stats->posts++;
}

static void read_run(void *ctx)
{
	struct ship *ship = ctx;

	ship->job_result = spool_next(ship->spool, 0, &ship->body, ship->job_err);
	spool_state(ship->spool, &ship->job_state);
}

static void read_done(void *ctx)
{
	struct ship *ship = ctx;

	spool_state_show(&ship->job_state, ship->stats);
	if (ship->is_closed) {
		ship_free(ship);
		return;
	}
	if (ship->job_result < 0) {
		spool_failed(ship, "cannot read the spool");
		return;
	}
	spool_worked(ship);
	if (ship->job_result > 0) {
		post_start(ship);
		return;
	}
	ship->state = IDLE;
	if (ship->is_kicked)
		read_start(ship);
}

static void read_start(struct ship *ship)
{
	ship->is_kicked = false;
	job_start(ship, READING, read_run, read_done);
}

/* Credentials rotate: what the files say now is tried next. */
static void auth_refresh(struct ship *ship)
{
	char err[ERR_LEN];
	int r = ship_auth_read(&ship->config, ship->authorization, err);

	if (r < 0 && !ship->is_auth_failing)
		log_warn("cannot read the credentials", "error=\"%s\" act=\"the former ones used\"",
			err);
	ship->is_auth_failing = r < 0;
}

static void wait_over(void *ctx, int64_t now_ms)
{
	struct ship *ship = ctx;

	(void)now_ms;
	if (ship->body.data) {
		settle_start(ship);
		return;
	}
	if (ship->answer.act == RETRY_KEEP_AUTH)
		auth_refresh(ship);
	read_start(ship);
}

void ship_kick(struct ship *ship)
{
	if (ship->state == IDLE)
		read_start(ship);
	else
		ship->is_kicked = true;
}

bool ship_is_waiting(const struct ship *ship)
{
	return ship->state == WAITING;
}

/* curl would say so at the first POST only, and each time. */
static int ca_check(const struct ship_config *config, char err[static ERR_LEN])
{
	int r;

	if (!config->ca_file || access(config->ca_file, R_OK) == 0)
		return 0;
	r = -errno;
	snprintf(
		err, ERR_LEN, "--ca-file: cannot read '%.100s': %s", config->ca_file, strerror(-r));
	return r;
}

int ship_open(struct loop *loop, const struct ship_config *config, struct spool *spool,
	struct worker *worker, struct stats *stats, struct ship **ret, char err[static ERR_LEN])
{
	struct ship *ship = calloc(1, sizeof(*ship));
	int r = -ENOMEM;

	if (!ship) {
		snprintf(err, ERR_LEN, "ship: %s", strerror(ENOMEM));
		return r;
	}
	ship->loop = loop;
	ship->config = *config;
	ship->spool = spool;
	ship->worker = worker;
	ship->stats = stats;
	ship->timer = (struct loop_timer){.fn = wait_over, .ctx = ship};
	r = ship_url(config, ship->url, sizeof(ship->url), err);
	if (r == 0)
		r = ship_auth_read(config, ship->authorization, err);
	if (r == 0)
		r = ca_check(config, err);
	if (r == 0)
		r = http_client_open(loop, &ship->client, err);
	if (r < 0) {
		free(ship);
		return r;
	}
	*ret = ship;
	return 0;
}

void ship_close(struct ship *ship)
{
	if (!ship)
		return;
	loop_timer_cancel(ship->loop, &ship->timer);
	http_client_close(ship->client);
	ship->client = NULL;
	if (ship->state == READING || ship->state == SETTLING)
		ship->is_closed =
			true; /* the job's done() frees it, in worker_close at the latest */
	else
		ship_free(ship);
}
