/* SPDX-License-Identifier: Apache-2.0 */
#include "probe_host.h"

#include "deliver.h"
#include "fake_send.h"
#include "kernel.h"
#include "net.h"
#include "traffic.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_MS  8000 /* as in meter.c */
#define PORT      4747
#define SPINS_MAX 1000 /* wake-ups without time going on */
#define BUSY_MS   100  /* until the one that waits is asked again */
#define FILE_MS   1000 /* between two intervals of a file */

struct probe {
	struct probe_plan plan;
	struct host clock;
	unsigned index;
	bool is_up;
	bool is_stopping;
	bool is_waiting; /* inside a call that lets the world go on */
	bool is_doomed;  /* killed while it did */
	uint64_t life;   /* events of an earlier one, and wake-ups that were moved, are stale */
	int64_t wake_ms;
	unsigned spins;

	struct deliver *deliver;
	struct sender *sender;
	struct resolver *resolver;
	struct account *account;
	struct report head;
	int64_t opened_ms;
	int64_t end_ms; /* of the interval */
};

static struct {
	struct probe list[NET_PROBES_MAX];
	unsigned n;
	uint64_t last_life;
	uint64_t sent; /* by those that are gone */
	bool is_quiet;
	unsigned n_waiting; /* at most one: the others' time would stand still under it */
} hosts;

static void wake(void *ctx, uint64_t life);
static void bury(struct probe *p, enum account_state state);

void probe_host_begin(void)
{
	memset(&hosts, 0, sizeof(hosts));
}

void probe_host_end(void)
{
	for (unsigned i = 0; i < hosts.n; i++)
		if (hosts.list[i].is_up)
			bury(&hosts.list[i], ACCOUNT_KILLED);
}

unsigned probe_host_add(const struct probe_plan *plan)
{
	struct probe *p = &hosts.list[hosts.n];

	assert(hosts.n < NET_PROBES_MAX);
	*p = (struct probe){.plan = *plan, .index = hosts.n};
	return hosts.n++;
}

unsigned probe_host_count(void)
{
	return hosts.n;
}

bool probe_host_is_up(unsigned probe)
{
	return hosts.list[probe].is_up;
}

uint16_t probe_host_port(unsigned probe)
{
	return fake_sender_port(hosts.list[probe].sender);
}

void probe_host_quiet(void)
{
	hosts.is_quiet = true;
}

uint64_t probe_host_sent(void)
{
	uint64_t sent = hosts.sent;

	for (unsigned i = 0; i < hosts.n; i++)
		if (hosts.list[i].is_up)
			sent += fake_sender_count(hosts.list[i].sender);
	return sent;
}

void probe_host_step_clock(unsigned probe, int64_t by_ms)
{
	hosts.list[probe].clock.wall_ahead_ms += by_ms;
	world_trace("probe %u: the clock steps by %lld ms", probe, (long long)by_ms);
}

/* As cycle.c's: on the wall clock's grid, ended by the monotonic one. */
static void open_interval(struct probe *p)
{
	int64_t length = p->plan.interval_ms;
	int64_t wall_ms, line_ms;

	world_enter(&p->clock);
	wall_ms = (int64_t)world_wall_ms();
	line_ms = (wall_ms + length / 1000 + 1) / length * length;
	p->head.start_ms = (uint64_t)line_ms;
	p->opened_ms = world_now_ms();
	p->end_ms = p->opened_ms + line_ms + length - wall_ms;
	if (p->plan.is_patient)
		p->end_ms = p->opened_ms + FILE_MS;
	if (hosts.is_quiet)
		p->end_ms = INT64_MAX;
}

/* Its intervals lie in the past, and follow each other. */
static void next_interval(struct probe *p)
{
	uint64_t start_ms = p->head.start_ms;

	open_interval(p);
	if (p->plan.is_patient)
		p->head.start_ms = start_ms + (uint64_t)p->plan.interval_ms;
}

static void begin_wait(struct probe *p)
{
	p->is_waiting = true;
	hosts.n_waiting++;
}

static void end_wait(struct probe *p)
{
	p->is_waiting = false;
	hosts.n_waiting--;
}

static void close_interval(struct probe *p, bool is_final)
{
	struct record rows[TRAFFIC_ROWS_MAX];
	size_t n = hosts.is_quiet && !is_final ? 0 : traffic_make(p->index, p->plan.rows_max, rows);
	int64_t length_ms = world_now_ms() - p->opened_ms;

	p->head.interval_ms = length_ms > 0 ? (uint32_t)length_ms : 1;
	if (p->plan.is_patient)
		p->head.interval_ms = (uint32_t)p->plan.interval_ms;
	p->head.is_final = is_final;
	p->head.totals.evicted_bytes = deliver_evicted_bytes(p->deliver);
	account_generated(p->account, rows, n);
	if (p->plan.is_patient)
		begin_wait(p);
	deliver_rows(p->deliver, &p->head, rows, n);
	if (p->plan.is_patient)
		end_wait(p);
}

static void wake_at(struct probe *p, int64_t at_ms)
{
	p->wake_ms = at_ms;
	p->life = ++hosts.last_life;
	world_after(&p->clock, at_ms - world_now_ms(), wake, p, p->life);
}

static void finish(struct probe *p)
{
	bool is_complete;

	world_trace("probe %u: ends", p->index);
	close_interval(p, true);
	begin_wait(p);
	is_complete = deliver_flush(p->deliver, FLUSH_MS);
	end_wait(p);
	bury(p, is_complete && !p->is_doomed ? ACCOUNT_COMPLETE : ACCOUNT_KILLED);
}

static void look_out_for_spinning(struct probe *p, int64_t due_ms)
{
	p->spins = due_ms > world_now_ms() ? 0 : p->spins + 1;
	if (p->spins > SPINS_MAX)
		world_fail("probe %u spins: what is due stays due", p->index);
}

static void wake(void *ctx, uint64_t life)
{
	struct probe *p = ctx;
	bool may_wait = hosts.n_waiting == 0;
	int64_t due_ms;

	if (!p->is_up || p->life != life || p->is_waiting)
		return;
	if (p->is_stopping && may_wait) {
		finish(p);
		return;
	}
	/* After quiet the pod has nothing more to say, not even its totals. */
	if (world_now_ms() >= p->end_ms && (may_wait || !p->plan.is_patient)) {
		if (!hosts.is_quiet)
			close_interval(p, false);
		next_interval(p);
	}
	if (p->is_doomed) {
		bury(p, ACCOUNT_KILLED);
		return;
	}
	due_ms = deliver_step(p->deliver, world_now_ms());
	look_out_for_spinning(p, due_ms);
	if (p->is_stopping || p->end_ms <= world_now_ms())
		wake_at(p, world_now_ms() + BUSY_MS); /* another one waits */
	else
		wake_at(p, due_ms < p->end_ms ? due_ms : p->end_ms);
}

static void open_delivery(struct probe *p)
{
	struct deliver_config config = {.port = PORT,
		.ring_bytes = p->plan.ring_bytes,
		.spread_ms = p->plan.is_patient ? 0 : p->plan.interval_ms / 2,
		.is_patient = p->plan.is_patient};
	char err[ERR_LEN];
	int r;

	config.sender = p->sender = fake_sender_new(p->index);
	config.resolver = p->resolver = fake_resolver_new();
	r = deliver_new(&config, &p->deliver, err);
	assert(r == 0);
	(void)r;
	p->account = account_open(kernel_last_random(), p->plan.observer);
	fake_sender_keep_books(p->sender, p->account);
}

void probe_host_start(unsigned probe)
{
	struct probe *p = &hosts.list[probe];

	if (p->is_up)
		return;
	p->is_up = true;
	p->is_stopping = false;
	p->is_doomed = false;
	p->spins = 0;
	p->head = (struct report){0};
	traffic_identify(p->plan.observer, &p->head.identity);
	open_delivery(p);
	open_interval(p);
	world_trace("probe %u: starts as pod-%u, interval %llu", probe, p->plan.observer,
		(unsigned long long)p->head.start_ms);
	wake_at(p, world_now_ms());
}

static void bury(struct probe *p, enum account_state state)
{
	p->account->evicted = deliver_evicted_bytes(p->deliver);
	p->account->state = state;
	hosts.sent += fake_sender_count(p->sender);
	deliver_free(p->deliver);
	sender_close(p->sender);
	resolver_close(p->resolver);
	p->is_up = false;
	world_trace("probe %u: is gone, %s", p->index,
		state == ACCOUNT_COMPLETE ? "all was acknowledged" : "killed, or given up");
}

void probe_host_kill(unsigned probe)
{
	struct probe *p = &hosts.list[probe];

	if (!p->is_up)
		return;
	world_trace("probe %u: SIGKILL", probe);
	if (p->is_waiting)
		p->is_doomed = true; /* its stack is below us */
	else
		bury(p, ACCOUNT_KILLED);
}

void probe_host_stop(unsigned probe)
{
	struct probe *p = &hosts.list[probe];

	if (!p->is_up || p->is_stopping)
		return;
	p->is_stopping = true;
	if (!p->is_waiting)
		wake_at(p, world_now_ms());
}

void probe_host_ack(unsigned probe, uint16_t port, const uint8_t *data, size_t len)
{
	struct probe *p = &hosts.list[probe];

	if (!p->is_up || p->is_doomed || !fake_sender_deliver(p->sender, port, data, len))
		return;
	if (!p->is_waiting && p->wake_ms > world_now_ms())
		wake_at(p, world_now_ms());
}
