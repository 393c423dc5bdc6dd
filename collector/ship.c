/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A state machine on the loop's thread:
 *
 *   idle ─kick─▶ reading ─body─▶ posting ─delivered─▶ settling ─▶ reading ─none─▶ idle
 *                   ▲            ▲ │  └─kept─▶ waiting ─┐             └─failed─▶ waiting
 *                   │            └─┘ refused: its halves │
 *                   └────────────────────────────────────┘
 *
 * While all that is left waits for its turn, it is idle with the timer set, and can be kicked.
 * Reading and settling are jobs of the worker. A kept body is let go and read again after the wait:
 * meanwhile it may have been evicted. One that is being cut stays in memory, and so does what could
 * not be settled: that is tried again, and not posted again. After a crash a cut begins anew, which
 * only overwrites points.
 */
#include "ship.h"

#include "clock.h"
#include "hash.h"
#include "http_client.h"
#include "log.h"
#include "ship_auth.h"
#include "ship_body.h"
#include "ship_create.h"
#include "ship_health.h"
#include "ship_settle.h"
#include "ship_turn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SPOOL_AGAIN_MS 1000 /* our own disk's failures end at once, and it minds no try */

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
	struct ship_create *create; /* NULL: not configured */
	struct loop_timer timer;
	char url[SHIP_URL_LEN];
	char authorization[SHIP_AUTH_LEN];

	enum state state;
	bool is_kicked; /* while it was busy */
	bool is_closed; /* freed by the job that is under way */
	struct ship_health health;
	bool is_spool_failing;
	bool is_auth_failing;
	unsigned failures; /* posts in a row that were not taken */

	struct ship_turn turn;
	struct ship_body under_way;
	bool is_settle_due;        /* body is to be settled, as soon as the spool can */
	struct ship_answer answer; /* the last one */

	/* Filled by the job on the worker's thread, read by its done(). */
	struct worker_job job;
	struct ship_settle settle;
	int read_result;
	struct spool_state read_state;
	char read_err[ERR_LEN];
};

static void read_start(struct ship *ship);
static void settle_start(struct ship *ship);
static void post_start(struct ship *ship);

static void ship_free(struct ship *ship)
{
	ship_body_release(&ship->under_way);
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

static void spool_failed(struct ship *ship, const char *msg, const char *err)
{
	ship->stats->spool_errors++;
	if (!ship->is_spool_failing)
		log_error(msg, "error=\"%s\" act=\"tried again\"", err);
	ship->is_spool_failing = true;
	wait_start(ship, SPOOL_AGAIN_MS);
}

static void spool_worked(struct ship *ship)
{
	if (ship->is_spool_failing)
		log_info("spool works again", "");
	ship->is_spool_failing = false;
}

static void settle_run(void *ctx)
{
	struct ship *ship = ctx;

	ship_settle_run(&ship->settle);
}

static void settle_done(void *ctx)
{
	struct ship *ship = ctx;

	spool_state_show(&ship->settle.state, ship->stats);
	ship_settle_count(&ship->settle, ship->stats);
	if (ship->settle.r > 0 && ship->settle.dead.lines > 0)
		ship_health_refused(&ship->health, &ship->settle.why, ship->settle.dead.lines,
			ship->under_way.body.lines);
	if (ship->is_closed) {
		ship_free(ship);
		return;
	}
	if (ship->settle.r < 0) {
		spool_failed(ship, "cannot take a body out of the spool", ship->settle.err);
		return;
	}
	spool_worked(ship);
	ship_turn_settled(&ship->turn, ship->settle.state.bodies);
	if (ship->settle.r > 0 && ship->settle.rest.lines > 0)
		ship_turn_rest(&ship->turn, ship->under_way.body.id);
	ship_body_release(&ship->under_way);
	ship->is_settle_due = false;
	read_start(ship);
}

static void settle_start(struct ship *ship)
{
	ship->is_settle_due = true;
	ship->settle = (struct ship_settle){.spool = ship->spool,
		.body = &ship->under_way.body,
		.cut = ship->under_way.cut,
		.answer = &ship->answer};
	job_start(ship, SETTLING, settle_run, settle_done);
}

static bool is_html(const char *content_type)
{
	return strncasecmp(content_type, "text/html", strlen("text/html")) == 0;
}

static void let_go(struct ship *ship, enum retry_act act)
{
	int64_t id = ship->under_way.body.id;
	int64_t now_ms = clock_mono_ms();
	bool is_stuck = ship_body_kept(&ship->under_way, act, now_ms);

	ship->stats->posts_kept++;
	ship->failures++;
	if (is_stuck && !ship->under_way.cut) /* of a cut the rest is put behind as it is settled */
		ship_turn_behind(&ship->turn, id, now_ms, hash_random_seed());
	else
		ship_turn_again(&ship->turn, id);
}

static void keep(struct ship *ship, int64_t retry_after_s)
{
	let_go(ship, ship->answer.act);
	wait_start(ship, retry_delay_ms(ship->answer.act, ship->failures, retry_after_s,
				 hash_random_seed()));
}

static void go_on(struct ship *ship, bool is_accepted, bool has_more)
{
	ship->failures = 0;
	ship_turn_taken(&ship->turn, ship->under_way.body.id, is_accepted);
	if (has_more)
		post_start(ship);
	else
		settle_start(ship);
}

static void refused(struct ship *ship, const struct retry_answer *judged)
{
	bool has_more;

	if (ship_body_refused(
		    &ship->under_way, judged, &ship->answer, clock_mono_ms(), &has_more) == 0) {
		go_on(ship, false, has_more);
		return;
	}
	ship->answer.act = RETRY_KEEP; /* no memory */
	keep(ship, -1);
}

static void resume(struct ship *ship);

static void created(void *ctx, bool is_created)
{
	struct ship *ship = ctx;

	if (is_created) {
		resume(ship);
		return;
	}
	ship_health_update(&ship->health, &ship->answer, ship->under_way.body.id, ship->url);
	wait_start(ship, RETRY_DELAY_SLOW_MS);
}

static bool is_create_asked(struct ship *ship, const struct retry_answer *judged)
{
	return ship->create && retry_is_database_missing(judged) &&
	       ship_create_ask(ship->create, ship->authorization[0] ? ship->authorization : NULL,
		       ship->config.ca_file, created, ship);
}

static void act_on(
	struct ship *ship, const struct retry_answer *judged, const struct http_answer *answer)
{
	if (is_create_asked(ship, judged)) {
		let_go(ship, RETRY_KEEP); /* it is the database that is at fault */
		return;
	}
	ship_health_update(&ship->health, &ship->answer, ship->under_way.body.id, ship->url);
	if (ship->answer.act == RETRY_DELIVERED)
		go_on(ship, true, ship_body_taken(&ship->under_way, clock_mono_ms()));
	else if (ship->answer.act == RETRY_REFUSED)
		refused(ship, judged);
	else
		keep(ship, retry_parse_after(answer->retry_after, clock_wall_ms() / 1000));
}

static enum retry_act act_of(struct ship *ship, const struct retry_answer *judged)
{
	if (retry_is_perhaps_of_body(judged) &&
		ship_turn_is_suspect(&ship->turn, ship->under_way.body.id))
		return RETRY_KEEP_BEHIND;
	return retry_act_of(judged, ship->under_way.tries);
}

static void answer_arrived(void *ctx, const struct http_answer *answer)
{
	struct ship *ship = ctx;
	struct retry_answer judged = {.status = answer->status,
		.body = answer->body,
		.is_html = is_html(answer->content_type)};

	ship_body_answered(&ship->under_way);
	ship->answer.act = act_of(ship, &judged);
	ship->answer.status = answer->status;
	ship_reason_set(&ship->answer, answer->status ? answer->body : answer->error);
	log_debug("influx answered", "status=%d error=\"%s\" body=%lld try=%u act=\"%s\"",
		ship->answer.status, ship->answer.reason, (long long)ship->under_way.body.id,
		ship->under_way.tries, retry_act_name(ship->answer.act));
	act_on(ship, &judged, answer);
}

static int post(struct ship *ship)
{
	struct http_request request = {.url = ship->url,
		.authorization = ship->authorization[0] ? ship->authorization : NULL,
		.ca_file = ship->config.ca_file,
		.content_type = "text/plain; charset=utf-8",
		.content_encoding = "gzip"};
	int r = ship_body_data(&ship->under_way, &request.body, &request.body_len);

	return r < 0 ? r : http_client_post(ship->client, &request, answer_arrived, ship);
}

static void post_start(struct ship *ship)
{
	ship->state = POSTING;
	if (post(ship) < 0) {
		ship_body_answered(&ship->under_way);
		ship->answer.act = RETRY_KEEP;
		keep(ship, -1);
		return;
	}
	ship->stats->posts++;
}

static void read_run(void *ctx)
{
	struct ship *ship = ctx;

	ship->read_result = ship_turn_read(
		&ship->turn, ship->spool, clock_mono_ms(), &ship->under_way.body, ship->read_err);
	spool_state(ship->spool, &ship->read_state);
}

static void read_done(void *ctx)
{
	struct ship *ship = ctx;

	spool_state_show(&ship->read_state, ship->stats);
	if (ship->is_closed) {
		ship_free(ship);
		return;
	}
	if (ship->read_result < 0) {
		spool_failed(ship, "cannot read the spool", ship->read_err);
		return;
	}
	spool_worked(ship);
	if (ship->read_result > 0) {
		ship_body_begin(&ship->under_way, clock_mono_ms());
		post_start(ship);
		return;
	}
	ship->state = IDLE;
	if (ship->is_kicked)
		read_start(ship);
	else if (ship->turn.due_ms > 0)
		loop_timer_set(ship->loop, &ship->timer, ship->turn.due_ms);
}

static void read_start(struct ship *ship)
{
	ship->is_kicked = false;
	loop_timer_cancel(ship->loop, &ship->timer); /* idle, it may have had one for what waits */
	job_start(ship, READING, read_run, read_done);
}

/* Credentials rotate: what the files say now is tried next. Whatever the answer was: who comes with
 * old ones may be sent to a login page. */
static void auth_refresh(struct ship *ship)
{
	char err[ERR_LEN];
	int r = ship_auth_read(&ship->config, ship->authorization, err);

	if (r < 0 && !ship->is_auth_failing)
		log_warn("cannot read the credentials", "error=\"%s\" act=\"the former ones used\"",
			err);
	ship->is_auth_failing = r < 0;
}

static void resume(struct ship *ship)
{
	if (!ship->under_way.body.data)
		read_start(ship);
	else if (!ship->is_settle_due && ship_body_has_more(&ship->under_way, clock_mono_ms()))
		post_start(ship);
	else
		settle_start(ship);
}

static void wait_over(void *ctx, int64_t now_ms)
{
	struct ship *ship = ctx;

	(void)now_ms;
	auth_refresh(ship);
	resume(ship);
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
	return ship->state == WAITING || (ship->state == IDLE && ship->turn.due_ms > 0);
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
		r = ship_auth_check_ca(config, err);
	if (r == 0)
		r = http_client_open(loop, &ship->client, err);
	if (r == 0 && config->is_create_db)
		r = ship_create_open(ship->client, config, &ship->create, err);
	if (r < 0) {
		http_client_close(ship->client);
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
	ship_create_free(ship->create);
	ship->create = NULL;
	if (ship->state == READING || ship->state == SETTLING)
		ship->is_closed =
			true; /* the job's done() frees it, in worker_close at the latest */
	else
		ship_free(ship);
}
