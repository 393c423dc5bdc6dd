/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/ledger collector/ledger_boot collector/ledger_forget collector/ledger_runs */
/* uses: collector/ledger_table collector/ledger_touches */
/*
 * Seeded schedules of loss, duplication, reordering, full rings, restarts, failed commits and
 * crashes, against a model that knows which datagram was committed how often. NSTATS_SEEDS gives
 * how many are run.
 */
#include "ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEP_MS       10000
#define N_STEPS       3000
#define MAX_BOOTS     12
#define MAX_SEQUENCE  4000
#define MAX_WAITING   200
#define MAX_INTERVALS 600
#define MAX_K         256
#define N_OBSERVERS   2

struct datagram {
	uint64_t oldest;
	uint64_t sealed_bytes;
	uint64_t row_bytes;
	uint32_t interval;
	int committed;
};

struct probe {
	uint8_t id[BOOT_ID_LEN];
	int observer;
	uint64_t oldest; /* in the ring */
	uint64_t newest; /* sealed; 0: none yet */
	uint64_t told;   /* highest oldest that reached the ledger */
	struct datagram datagrams[MAX_SEQUENCE + 1];
};

struct wait {
	int probe;
	uint64_t sequence;
};

struct stored {
	char table[16];
	uint8_t key[32];
	size_t key_len;
	uint8_t value[1024];
	size_t value_len;
};

struct store {
	struct stored rows[MAX_BOOTS + N_OBSERVERS];
	size_t n;
};

static struct model {
	uint64_t random;
	struct ledger *ledger;
	struct probe probes[MAX_BOOTS];
	int n_probes;
	struct wait waiting[MAX_WAITING];
	size_t n_waiting;
	struct store disk;
	struct store next; /* the disk, should the transaction succeed */
	uint32_t interval;
	uint8_t k_used[N_OBSERVERS][MAX_INTERVALS][MAX_K];
} m;

static uint64_t below(uint64_t n)
{
	m.random ^= m.random << 13;
	m.random ^= m.random >> 7;
	m.random ^= m.random << 17;
	return (m.random >> 11) % n;
}

static const char *observer_name(int observer)
{
	return observer ? "pod-b" : "pod-a";
}

static void start_probe(int observer)
{
	struct probe *probe = &m.probes[m.n_probes];

	memset(probe, 0, sizeof(*probe));
	memset(probe->id, 'A' + m.n_probes++, BOOT_ID_LEN);
	probe->observer = observer;
	probe->oldest = 1;
}

static void seal(struct probe *probe)
{
	struct datagram *d;

	if (probe->newest == MAX_SEQUENCE)
		return;
	if (below(3) == 0 && m.interval + 1 < MAX_INTERVALS)
		m.interval++;
	d = &probe->datagrams[++probe->newest];
	d->row_bytes = below(10) ? below(2000) : 0;
	d->sealed_bytes = d[-1].sealed_bytes + d->row_bytes;
	d->interval = m.interval;
	if (below(40) == 0)
		probe->oldest += below(probe->newest - probe->oldest + 1);
	if (probe->newest - probe->oldest > 2500)
		probe->oldest = probe->newest - 2500;
	d->oldest = probe->oldest;
}

static void drop_waiting(size_t i)
{
	m.waiting[i] = m.waiting[--m.n_waiting];
}

static bool is_waiting(int probe, uint64_t sequence)
{
	size_t i;

	for (i = 0; i < m.n_waiting; i++)
		if (m.waiting[i].probe == probe && m.waiting[i].sequence == sequence)
			return true;
	return false;
}

static void deliver(int at, uint64_t sequence)
{
	struct probe *probe = &m.probes[at];
	const struct datagram *d = &probe->datagrams[sequence];
	const struct ledger_claim claim = {
		.boot_id = probe->id,
		.sequence = sequence,
		.oldest = d->oldest,
		.sealed_bytes = d->sealed_bytes,
		.observer = observer_name(probe->observer),
	};
	enum ledger_verdict verdict = ledger_offer(m.ledger, &claim);

	if (d->oldest > probe->told)
		probe->told = d->oldest;
	switch (verdict) {
	case LEDGER_NEW:
		assert_int_equal(d->committed, 0);
		assert_false(is_waiting(at, sequence));
		m.waiting[m.n_waiting++] = (struct wait){at, sequence};
		break;
	case LEDGER_WAITING:
		assert_true(is_waiting(at, sequence));
		break;
	case LEDGER_DUPLICATE: /* acknowledged: it is stored, or the ring gave it up */
		assert_true(d->committed == 1 || sequence < probe->told);
		break;
	case LEDGER_LATE:
		assert_true(d->committed == 0 && sequence < probe->told);
		break;
	default:
		assert_int_equal(verdict, LEDGER_AHEAD);
	}
	if (m.n_waiting == MAX_WAITING) {
		struct wait last = m.waiting[m.n_waiting - 1];

		ledger_forget(m.ledger, m.probes[last.probe].id, last.sequence);
		m.n_waiting--;
	}
}

static void deliver_some(void)
{
	int at = (int)below((uint64_t)m.n_probes);
	struct probe *probe = &m.probes[at];
	uint64_t back;

	if (probe->newest == 0)
		return;
	/* Mostly what is new; at times anything it ever sent. */
	back = below(below(4) ? 8 : probe->newest);
	deliver(at, back < probe->newest ? probe->newest - back : 1);
}

static bool store_next(void *ctx, const struct ledger_entry *entry)
{
	struct stored *row = m.next.rows;
	struct stored *end = row + m.next.n;

	(void)ctx;
	while (row < end &&
		(strcmp(row->table, entry->table) != 0 || row->key_len != entry->key_len ||
			memcmp(row->key, entry->key, row->key_len) != 0))
		row++;
	if (row == end)
		m.next.n++;
	assert_true(entry->key_len <= sizeof(row->key));
	assert_true(entry->value_len <= sizeof(row->value));
	snprintf(row->table, sizeof(row->table), "%s", entry->table);
	memcpy(row->key, entry->key, entry->key_len);
	row->key_len = entry->key_len;
	memcpy(row->value, entry->value, entry->value_len);
	row->value_len = entry->value_len;
	return true;
}

static void reload(void)
{
	size_t i;

	ledger_free(m.ledger);
	m.ledger = ledger_new(&(struct ledger_config){.hash_seed = m.random});
	m.n_waiting = 0;
	for (i = 0; i < m.disk.n; i++) {
		const struct stored *row = &m.disk.rows[i];
		const struct ledger_entry entry = {
			row->table, row->key, row->key_len, row->value, row->value_len};

		assert_true(ledger_load(m.ledger, &entry));
	}
}

static void reached_the_disk(const struct wait *batch, const uint32_t *ks, size_t n)
{
	size_t i, j;

	for (i = 0; i < n; i++) {
		struct probe *probe = &m.probes[batch[i].probe];
		struct datagram *d = &probe->datagrams[batch[i].sequence];

		assert_int_equal(++d->committed, 1);
		assert_true(ks[i] < MAX_K);
		for (j = 0; j < i; j++) /* rows of one batch share their k */
			if (m.probes[batch[j].probe].observer == probe->observer &&
				m.probes[batch[j].probe].datagrams[batch[j].sequence].interval ==
					d->interval)
				break;
		if (j < i)
			assert_int_equal(ks[j], ks[i]);
		else
			assert_int_equal(m.k_used[probe->observer][d->interval][ks[i]]++, 0);
	}
	m.disk = m.next;
}

/* Nothing is called lost that may still come, or that is stored. */
static void check_losses(void)
{
	int i;

	for (i = 0; i < m.n_probes; i++) {
		const struct probe *probe = &m.probes[i];
		struct ledger_boot_state state;
		uint64_t lost = 0, sequence;

		if (!ledger_boot(m.ledger, probe->id, &state))
			continue;
		for (sequence = 1; sequence <= state.contiguous; sequence++)
			if (!probe->datagrams[sequence].committed)
				lost += probe->datagrams[sequence].row_bytes;
		assert_true(state.lost_bytes <= lost);
	}
}

/* A batch of some of what waits; more arrives while it flies. */
static void commit_some(bool all)
{
	struct wait batch[MAX_WAITING] = {0};
	uint32_t ks[MAX_WAITING] = {0};
	size_t i = 0, n = 0;
	uint64_t fate = all ? 99 : below(20);

	ledger_batch_begin(m.ledger);
	m.next = m.disk;
	while (i < m.n_waiting) {
		const struct wait w = m.waiting[i];
		const struct probe *probe = &m.probes[w.probe];
		const struct datagram *d = &probe->datagrams[w.sequence];

		if (!all && below(3) == 0) {
			i++;
			continue;
		}
		ledger_batch_add(m.ledger, probe->id, w.sequence, d->row_bytes);
		ks[n] = ledger_batch_k(m.ledger, observer_name(probe->observer),
			(uint64_t)d->interval * STEP_MS, STEP_MS);
		batch[n++] = w;
		drop_waiting(i);
	}
	assert_true(ledger_batch_entries(m.ledger, store_next, NULL));
	if (fate == 0) { /* killed, before or after the disk had it */
		if (below(2))
			reached_the_disk(batch, ks, n);
		reload();
		return;
	}
	if (fate == 1) {
		ledger_batch_abort(m.ledger, NULL, NULL);
		return;
	}
	reached_the_disk(batch, ks, n);
	for (i = 0; !all && i < 3 && m.n_waiting + 1 < MAX_WAITING; i++) {
		struct probe *probe = &m.probes[m.n_probes - 1];

		seal(probe);
		/* Not what flies: the model holds that in batch[]. */
		if (probe->datagrams[probe->newest].committed == 0 &&
			!is_waiting(m.n_probes - 1, probe->newest))
			deliver(m.n_probes - 1, probe->newest);
	}
	ledger_batch_commit(m.ledger, NULL, NULL);
}

static void step(void)
{
	switch (below(12)) {
	case 0:
		commit_some(false);
		check_losses();
		return;
	case 1:
		if (below(100) == 0 && m.n_probes < MAX_BOOTS)
			start_probe((int)below(N_OBSERVERS));
		return;
	case 2:
		if (m.n_waiting > 0 && below(5) == 0) {
			size_t i = below(m.n_waiting);

			ledger_forget(
				m.ledger, m.probes[m.waiting[i].probe].id, m.waiting[i].sequence);
			drop_waiting(i);
		}
		return;
	case 3:
	case 4:
	case 5:
		seal(&m.probes[below(2) ? m.n_probes - 1 : (int)below((uint64_t)m.n_probes)]);
		return;
	default:
		deliver_some();
	}
}

/* Each probe sends what its ring has until it is stored, as with acknowledgements. */
static void drain(void)
{
	int at;

	for (at = 0; at < m.n_probes; at++) {
		uint64_t sequence;

		seal(&m.probes[at]);
		for (sequence = m.probes[at].oldest; sequence <= m.probes[at].newest; sequence++) {
			deliver(at, sequence);
			if (m.n_waiting > MAX_WAITING / 2)
				commit_some(true);
		}
		commit_some(true);
	}
}

static void check_probe(const struct probe *probe, uint64_t *lost_sum)
{
	struct ledger_boot_state state;
	uint64_t stored = 0, lost = 0, sequence;

	for (sequence = 1; sequence <= probe->newest; sequence++) {
		const struct datagram *d = &probe->datagrams[sequence];

		if (d->committed)
			stored += d->row_bytes;
		else
			lost += d->row_bytes;
		assert_true(d->committed || sequence < probe->oldest);
	}
	assert_true(ledger_boot(m.ledger, probe->id, &state));
	assert_int_equal(state.contiguous, probe->newest);
	assert_int_equal(state.stored_bytes, stored);
	assert_int_equal(state.lost_bytes, lost);
	*lost_sum += lost;
}

static void run_schedule(uint64_t seed)
{
	uint64_t lost = 0;
	int i;

	memset(&m, 0, sizeof(m));
	m.random = seed * 0x9e3779b97f4a7c15u + 1;
	m.ledger = ledger_new(&(struct ledger_config){.hash_seed = seed});
	start_probe(0);
	for (i = 0; i < N_STEPS; i++)
		step();
	drain();
	for (i = 0; i < m.n_probes; i++)
		check_probe(&m.probes[i], &lost);
	assert_int_equal(ledger_lost_bytes(m.ledger), lost);
	ledger_free(m.ledger);
}

static void every_schedule_counts_each_datagram_at_most_once_and_knows_its_losses(void **state)
{
	const char *text = getenv("NSTATS_SEEDS");
	uint64_t n = text ? strtoull(text, NULL, 10) : 200;
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= n; seed++)
		run_schedule(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			every_schedule_counts_each_datagram_at_most_once_and_knows_its_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
