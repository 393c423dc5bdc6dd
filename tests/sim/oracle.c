/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle.h"

#include "account.h"
#include "collector_host.h"
#include "destinations.h"
#include "disk.h"
#include "ledger_table.h"
#include "points.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

#define SERIES_AT_MOST 100 /* more than any schedule's budget */

enum where {
	IN_BACKEND,
	IN_SPOOL,
	EVICTED,
	REFUSED,
	N_WHERES,
};

/* Bytes by observer: where points are, and what the boots say. */
struct books {
	uint64_t points[N_WHERES][N_OBSERVERS][N_DESTINATIONS];
	uint64_t generated[N_OBSERVERS][N_DESTINATIONS];
	uint64_t committed[N_OBSERVERS];
	uint64_t missing[N_OBSERVERS]; /* lost, whoever declares it */
	uint64_t series[SERIES_AT_MOST];
	unsigned n_series;
	unsigned max_series; /* 0: no budget */
	uint64_t lost;
	uint64_t lost_known; /* to the ledger still */
};

/* But the remainders, which the budget leaves out. */
static void note_series(struct books *books, const struct point *point)
{
	if (point->destination >= N_PLACES)
		return;
	for (unsigned i = 0; i < books->n_series; i++)
		if (books->series[i] == point->series)
			return;
	if (books->n_series < SERIES_AT_MOST)
		books->series[books->n_series++] = point->series;
}

static void add_stored(void *ctx, const struct point *point)
{
	struct books *books = ctx;

	books->points[IN_BACKEND][point->observer][point->destination] += point->bytes;
	if (books->max_series)
		note_series(books, point);
}

static void add_body(struct books *books, enum where where, const struct spool_body *body)
{
	const char *text = (const char *)body->data;
	struct points_reader reader = {text, text + body->len};
	struct point point;

	while (points_read(&reader, &point)) {
		if (books->max_series)
			note_series(books, &point);
		if (!points_has(point.key))
			books->points[where][point.observer][point.destination] += point.bytes;
	}
}

static void find_points(struct books *books)
{
	static const enum where of_disk[N_DISK_WHERES] = {
		[DISK_SPOOL] = IN_SPOOL, [DISK_EVICTED] = EVICTED, [DISK_DEAD] = REFUSED};

	points_each(add_stored, books);
	for (unsigned i = 0; i < N_DISK_WHERES; i++)
		for (size_t j = 0; j < disk_count((enum disk_where)i); j++)
			add_body(books, of_disk[i], disk_body((enum disk_where)i, j));
}

/* The names are the linker's. A boot that comes back after it was forgotten counts twice here. */
void __wrap_ledger_table_remove(struct ledger_table *table, const struct node *node);
void __real_ledger_table_remove(struct ledger_table *table, const struct node *node);

void __wrap_ledger_table_remove(struct ledger_table *table, const struct node *node)
{
	for (size_t i = 0; i < account_count(); i++) {
		struct account *account = account_at(i);

		if (node->key_len != BOOT_ID_LEN ||
			memcmp(node->key, account->boot_id, BOOT_ID_LEN) != 0)
			continue;
		account->forgotten_stored += ((const struct boot_node *)node)->boot.stored_bytes;
		account->forgotten_lost += ((const struct boot_node *)node)->boot.lost_bytes;
		account->is_old_story = false;
		world_trace("ledger: forgets a boot of pod-%u", account->observer);
	}
	__real_ledger_table_remove(table, node);
}

void oracle_reloaded(const struct ledger *ledger)
{
	struct ledger_boot_state state;

	for (size_t i = 0; i < account_count(); i++) {
		struct account *account = account_at(i);

		account->is_old_story = true;
		if (!ledger_boot(ledger, account->boot_id, &state))
			continue;
		account->forgotten_stored = 0;
		account->forgotten_lost = 0;
	}
}

static void check_boot(struct books *books, const struct account *account)
{
	struct ledger_boot_state there = {0};
	uint64_t known;

	(void)ledger_boot(collector_host_ledger(), account->boot_id, &there);
	if (!account->is_old_story)
		books->lost_known += there.lost_bytes + account->forgotten_lost;
	else
		books->lost_known += there.lost_bytes;
	there.stored_bytes += account->forgotten_stored;
	there.lost_bytes += account->forgotten_lost;
	known = there.stored_bytes + there.lost_bytes;
	books->committed[account->observer] += there.stored_bytes;
	books->lost += there.lost_bytes;
	books->missing[account->observer] += account->generated - there.stored_bytes;
	for (unsigned i = 0; i < N_DESTINATIONS; i++)
		books->generated[account->observer][i] += account->by_destination[i];

	if (known > account->generated ||
		(account->state == ACCOUNT_COMPLETE && known != account->generated))
		world_fail("pod-%u generated %" PRIu64 " bytes, of which %" PRIu64
			   " are committed and %" PRIu64 " declared lost: %" PRId64 " differ",
			account->observer, account->generated, there.stored_bytes, there.lost_bytes,
			(int64_t)(account->generated - known));
	if (there.lost_bytes > account->evicted)
		world_fail("pod-%u: the ledger declares %" PRIu64
			   " bytes lost, its ring evicted %" PRIu64,
			account->observer, there.lost_bytes, account->evicted);
	/* What is acknowledged was committed, or had left the ring and was stepped over. */
	if (account->acked > there.stored_bytes + account->evicted)
		world_fail("pod-%u: %" PRIu64 " bytes were acknowledged, %" PRIu64
			   " are committed, its ring evicted %" PRIu64,
			account->observer, account->acked, there.stored_bytes, account->evicted);
}

static bool is_folded_into(unsigned place)
{
	return place == N_PLACES; /* "~other" */
}

static void check_place(const struct books *books, unsigned observer, unsigned place)
{
	uint64_t there = 0, generated = books->generated[observer][place];

	for (unsigned i = 0; i < N_WHERES; i++)
		there += books->points[i][observer][place];
	if (books->max_series && is_folded_into(place))
		return; /* the observer's sum is exact all the same */
	if (books->max_series && place < N_PLACES && there < generated)
		return;
	if (there > generated || (there != generated && books->missing[observer] == 0))
		world_fail("pod-%u, destination %u: generated %" PRIu64 " bytes, %" PRIu64
			   " are there",
			observer, place, generated, there);
}

static void check_observer(const struct books *books, unsigned observer)
{
	uint64_t there = 0;

	for (unsigned i = 0; i < N_WHERES; i++)
		for (unsigned place = 0; place < N_DESTINATIONS; place++)
			there += books->points[i][observer][place];
	if (there != books->committed[observer])
		world_fail("pod-%u: its boots committed %" PRIu64 " bytes, its points hold %" PRIu64
			   ": %" PRId64 " differ",
			observer, books->committed[observer], there,
			(int64_t)(books->committed[observer] - there));
	for (unsigned place = 0; place < N_DESTINATIONS; place++)
		check_place(books, observer, place);
}

static uint64_t sum_of(const uint64_t points[N_OBSERVERS][N_DESTINATIONS])
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < N_OBSERVERS; i++)
		for (unsigned j = 0; j < N_DESTINATIONS; j++)
			sum += points[i][j];
	return sum;
}

void oracle_check(unsigned max_series, struct oracle_sums *ret)
{
	struct books books;

	memset(&books, 0, sizeof(books));
	books.max_series = max_series;
	find_points(&books);
	if (books.n_series > max_series)
		world_fail("%u series were begun, with a budget of %u", books.n_series, max_series);
	for (size_t i = 0; i < account_count(); i++)
		check_boot(&books, account_at(i));
	for (unsigned i = 0; i < N_OBSERVERS; i++)
		check_observer(&books, i);
	if (ledger_lost_bytes(collector_host_ledger()) != books.lost_known)
		world_fail("the ledger's sum of lost bytes is not that of its boots");
	ret->generated = sum_of(books.generated);
	ret->stored = sum_of(books.points[IN_BACKEND]);
	ret->pending = sum_of(books.points[IN_SPOOL]);
	ret->evicted = sum_of(books.points[EVICTED]);
	ret->refused = sum_of(books.points[REFUSED]);
	ret->lost_ring = books.lost;
	ret->lost_probe = ret->generated - ret->stored - ret->pending - ret->evicted -
			  ret->refused - ret->lost_ring;
}
