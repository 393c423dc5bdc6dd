/* SPDX-License-Identifier: Apache-2.0 */
/* A pipeline and all that it works with, and what came out of it: points and acknowledgements. */
#pragma once

#include "pipeline.h"

#include "clock.h"
#include "series.h"
#include "wire_ack.h"
#include "wire_encode.h"

#include <libdeflate.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define GUARD_MS    10000
#define START_MS    1795378530000
#define SPOOL_MAX   (16 * 1024 * 1024)
#define TEXT_MAX    (8 * 1024 * 1024)
#define WORKER_JOBS 4

/* Real modules but for the network: datagrams are handed in, and DNS answers come from the loop. */
struct fixture {
	char dir[64];
	char path[128];
	struct loop *loop;
	struct stats stats;
	struct spool *spool;
	struct worker *worker;
	struct ledger *ledger;
	struct series *series; /* NULL: no budget */
	struct probes *probes;
	struct names *names;
	struct figures *figures; /* NULL: off, since its points come by the clock */
	struct pipeline *pipeline;
	struct wire_encoder *encoder;
	struct loop_timer guard;
	unsigned n_committed;
	int dns_fd;
	char *text;               /* all lines in the spool */
	struct receive_from from; /* what every datagram came from; len tells */
	unsigned n_acks;
	struct ack last_ack;
};

static inline bool acknowledged(
	void *ctx, const struct receive_from *to, const uint8_t *data, size_t len)
{
	struct fixture *f = ctx;

	assert_int_equal(to->len, f->from.len);
	assert_int_equal(wire_ack_decode(data, len, &f->last_ack), WIRE_OK);
	f->n_acks++;
	return true;
}

static inline void committed(void *ctx)
{
	struct fixture *f = ctx;

	f->n_committed++;
	loop_stop(f->loop);
}

static inline void stopped(void *ctx)
{
	struct fixture *f = ctx;

	loop_stop(f->loop);
}

static inline void guard_fired(void *ctx, int64_t now_ms)
{
	(void)now_ms;
	stopped(ctx);
}

/* Every address has the name "Same.Example." */
static inline void dns_serve(void *ctx, uint32_t events)
{
	static const uint8_t record[] = {0xc0, 12, 0, 12, 0, 1, 0, 0, 1, 0, 0, 14, 4, 'S', 'a', 'm',
		'e', 7, 'E', 'x', 'a', 'm', 'p', 'l', 'e', 0};
	struct fixture *f = ctx;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	uint8_t packet[600];
	ssize_t n = recvfrom(f->dns_fd, packet, 512, MSG_DONTWAIT, (struct sockaddr *)&from, &len);

	(void)events;
	if (n < 12)
		return;
	packet[2] |= 0x80;
	packet[7] = 1;
	memcpy(packet + n, record, sizeof(record));
	sendto(f->dns_fd, packet, (size_t)n + sizeof(record), 0, (struct sockaddr *)&from, len);
}

static inline void dns_start(struct fixture *f, char server[static 64])
{
	const uint8_t localhost[] = {127, 0, 0, 1};
	struct addr addr = addr_v4(localhost);
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&addr, 0, &ss);
	uint16_t port;

	f->dns_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->dns_fd, (struct sockaddr *)&ss, len), 0);
	len = sizeof(ss);
	assert_int_equal(getsockname(f->dns_fd, (struct sockaddr *)&ss, &len), 0);
	addr_from_sockaddr(&ss, &addr, &port);
	snprintf(server, 64, "127.0.0.1:%u", (unsigned)port);
	assert_int_equal(loop_watch(f->loop, f->dns_fd, EPOLLIN, dns_serve, f), 0);
}

static inline void pipeline_start(struct fixture *f, const struct names_config *names)
{
	struct pipeline_parts parts = {.loop = f->loop,
		.ledger = f->ledger,
		.series = f->series,
		.probes = f->probes,
		.spool = f->spool,
		.worker = f->worker,
		.stats = &f->stats,
		.figures = f->figures,
		.cluster = "test",
		.committed = committed,
		.committed_ctx = f,
		.reply = acknowledged,
		.reply_ctx = f};
	char err[ERR_LEN];

	assert_int_equal(names_open(f->loop, names, &f->stats, &f->names, err), 0);
	parts.names = f->names;
	assert_int_equal(pipeline_open(&parts, &f->pipeline, err), 0);
}

static inline int set_up_bare(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char err[ERR_LEN] = "";

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/nstats-test-pipeline-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/spool.db", f->dir);
	assert_int_equal(loop_new(&f->loop, err), 0);
	if (spool_open(f->path, SPOOL_MAX, &f->spool, err) < 0)
		fail_msg("%s", err);
	assert_int_equal(worker_open(f->loop, WORKER_JOBS, &f->worker, err), 0);
	f->ledger = ledger_new(&(struct ledger_config){.hash_seed = 1});
	f->probes = probes_new(1);
	f->encoder = wire_encoder_new();
	f->guard = (struct loop_timer){.fn = guard_fired, .ctx = f};
	f->dns_fd = -1;
	f->from.len = 7;
	*state = f;
	return 0;
}

static inline int set_up(void **state)
{
	struct names_config off = {0};

	set_up_bare(state);
	pipeline_start(*state, &off);
	return 0;
}

static inline int set_up_with_budget(void **state)
{
	struct names_config off = {0};
	struct fixture *f;

	set_up_bare(state);
	f = *state;
	f->series = series_new(10, 7, 1);
	assert_non_null(f->series);
	pipeline_start(f, &off);
	return 0;
}

static inline int set_up_with_names(void **state)
{
	struct names_config on = {.is_ptr_on = true};
	char server[64];

	set_up_bare(state);
	dns_start(*state, server);
	on.dns_server = server;
	pipeline_start(*state, &on);
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	pipeline_close(f->pipeline);
	worker_close(f->worker);
	figures_free(f->figures);
	names_close(f->names);
	wire_encoder_free(f->encoder);
	probes_free(f->probes);
	series_free(f->series);
	ledger_free(f->ledger);
	spool_close(f->spool);
	loop_timer_cancel(f->loop, &f->guard);
	if (f->dns_fd >= 0)
		close(f->dns_fd);
	loop_free(f->loop);
	snprintf(command, sizeof(command), "rm -r '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f->text);
	free(f);
	return 0;
}

static inline struct report report_of(uint64_t sequence)
{
	struct report report = {.boot_id = "boot-0123456789",
		.sequence = sequence,
		.oldest = 1,
		.start_ms = START_MS,
		.interval_ms = 2000,
		.parts = 1};

	snprintf(report.identity.host, sizeof(report.identity.host), "web-0");
	return report;
}

static inline struct record flow_to(uint8_t last, uint64_t tx_bytes)
{
	const uint8_t local[] = {10, 0, 0, 5}, remote[] = {192, 0, 2, last};

	return (struct record){.kind = RECORD_FLOW,
		.proto = 6,
		.port = 443,
		.local = addr_v4(local),
		.remote = addr_v4(remote),
		.sum = {.tx_bytes = tx_bytes, .tx_packets = 1}};
}

static inline void send_report(
	struct fixture *f, const struct report *report, const struct record *records, size_t n)
{
	uint8_t data[WIRE_DATAGRAM_MAX];
	size_t len = wire_encode(f->encoder, report, records, n, data);

	assert_true(len > 0);
	pipeline_datagram(f->pipeline, data, len, &f->from);
}

static inline void send_flow(struct fixture *f, uint64_t sequence, uint8_t last, uint64_t tx_bytes)
{
	struct report report = report_of(sequence);
	struct record record = flow_to(last, tx_bytes);

	report.sealed_bytes = sequence * tx_bytes;
	send_report(f, &report, &record, 1);
}

static inline void run(struct fixture *f)
{
	loop_timer_set(f->loop, &f->guard, clock_mono_ms() + GUARD_MS);
	assert_int_equal(loop_run(f->loop), 0);
	assert_true(f->guard.is_set);
}

static inline void flush(struct fixture *f)
{
	unsigned n = f->n_committed;

	pipeline_flush(f->pipeline, stopped, f);
	while (f->n_committed == n)
		run(f);
}

static inline void gunzip(const struct spool_body *body, char *ret, size_t *len)
{
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	size_t n;

	assert_int_equal(libdeflate_gzip_decompress(
				 d, body->data, body->len, ret + *len, TEXT_MAX - *len - 1, &n),
		LIBDEFLATE_SUCCESS);
	*len += n;
	ret[*len] = '\0';
	libdeflate_free_decompressor(d);
}

/* All that is in the spool, as text. */
static inline const char *spooled(struct fixture *f, unsigned *ret_bodies)
{
	struct spool_body body = {0};
	char err[ERR_LEN];
	size_t len = 0;

	free(f->text);
	f->text = calloc(1, TEXT_MAX);
	assert_non_null(f->text);
	*ret_bodies = 0;
	while (spool_next(f->spool, body.id, &body, err) == 1) {
		gunzip(&body, f->text, &len);
		free(body.data);
		(*ret_bodies)++;
	}
	return f->text;
}

static inline const char *spooled_text(struct fixture *f)
{
	unsigned n_bodies;

	return spooled(f, &n_bodies);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
