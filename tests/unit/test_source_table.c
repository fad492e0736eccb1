/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts of sources against a plain list of what was counted, and two owners at once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/table/source_table.h"
#include "tests/unit/rng.h"

#define SECOND 1000000ull

static struct source_table *create(uint32_t capacity)
{
	struct source_table *t = malloc(sizeof(*t));
	size_t bytes = source_table_bytes(capacity);
	void *mem = aligned_alloc(CACHE_LINE, ALIGN_UP(bytes, (size_t)CACHE_LINE));

	assert_non_null(t);
	assert_non_null(mem);
	memset(mem, 0, bytes);
	source_table_init(t, mem, capacity);
	return t;
}

static void destroy(struct source_table *t)
{
	free((void *)(uintptr_t)t->keys);
	free(t);
}

/* Keys as good as hashes are. */
static struct source_id source(uint32_t number)
{
	struct rng rng = {number};
	struct source_id id = {.key = rng_u64(&rng) | 1, .family = IP_V4, .prefix_len = 32};

	memcpy(id.addr, &number, sizeof(number));
	return id;
}

static struct source_count count(const struct source_table *t, uint32_t number, usec_t now)
{
	struct source_count n = {0};

	source_table_prefetch(t, source(number).key);
	source_table_add(t, source(number).key, now, &n);
	return n;
}

static enum source_place enter(struct source_table *t, uint32_t number, usec_t now)
{
	struct source_id id = source(number);

	return source_table_enter(t, &id, now);
}

static void test_in_and_out(void **state)
{
	struct source_table *t = create(100);
	usec_t now = 5 * SECOND;

	(void)state;
	assert_int_equal(count(t, 1, now).connections, 0);
	for (uint32_t i = 1; i <= 3; i++) {
		assert_int_equal(enter(t, 1, now), SOURCE_EXACT);
		assert_int_equal(count(t, 1, now).connections, i);
		assert_int_equal(count(t, 1, now).recent_milli, i * 1000);
	}
	assert_int_equal(count(t, 2, now).connections, 0);
	assert_int_equal(t->live, 1);
	source_table_leave(t, source(1).key, SOURCE_EXACT);
	assert_int_equal(count(t, 1, now).connections, 2);
	assert_int_equal(count(t, 1, now).recent_milli, 3000);
	source_table_undo(t, source(1).key, SOURCE_EXACT, now);
	assert_int_equal(count(t, 1, now).connections, 1);
	assert_int_equal(count(t, 1, now).recent_milli, 2000);
	assert_true(source_table_check(t, 1, 0));
	assert_false(source_table_check(t, 2, 0));
	assert_false(source_table_check(t, 1, 1));
	destroy(t);
}

/* Half of the second before counts when half of this one has gone; two seconds later nothing. */
static void test_recent(void **state)
{
	struct source_table *t = create(100);

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		enter(t, 1, 7 * SECOND + i * 100000);
	assert_int_equal(count(t, 1, 7 * SECOND + 999999).recent_milli, 10000);
	assert_int_equal(count(t, 1, 8 * SECOND).recent_milli, 10000);
	assert_int_equal(count(t, 1, 8 * SECOND + 250000).recent_milli, 7500);
	enter(t, 1, 8 * SECOND + 500000);
	assert_int_equal(count(t, 1, 8 * SECOND + 500000).recent_milli, 6000);
	assert_int_equal(count(t, 1, 9 * SECOND + 500000).recent_milli, 500);
	assert_int_equal(count(t, 1, 10 * SECOND).recent_milli, 0);
	/* A shard whose clock is behind sees the newest counts as well. */
	enter(t, 1, 20 * SECOND);
	assert_int_equal(count(t, 1, 20 * SECOND - 1).recent_milli, 1000);
	/* The second has 20 bits, and the time more. */
	enter(t, 2, (SECOND << 20) - 1);
	assert_int_equal(count(t, 2, SECOND << 20).recent_milli, 1000);
	destroy(t);
}

static void test_refusals_are_remembered(void **state)
{
	struct source_table *t = create(100);

	(void)state;
	source_table_refused(t, source(1).key); /* who has no entry gets none by that */
	enter(t, 1, 0);
	source_table_refused(t, source(1).key);
	source_table_refused(t, source(1).key);
	for (uint32_t i = 0, seen = 0; i < source_table_slots(t); i++) {
		seen += t->entries[i].refused;
		if (i + 1 == source_table_slots(t))
			assert_int_equal(seen, 2);
	}
	destroy(t);
}

/* Sources that are gone make room; those with connections, or new ones, do not. */
static void test_room_is_made(void **state)
{
	struct source_table *t = create(48);
	uint32_t n = source_table_slots(t) * 4;
	usec_t now = 3 * SECOND;

	(void)state;
	for (uint32_t i = 0; i < n; i++) {
		source_table_leave(t, source(i).key, enter(t, i, now));
		assert_int_equal(t->live, 0);
	}
	assert_true(t->crowded);
	assert_true(source_table_check(t, 0, 0));
	now += 2 * SECOND;
	/* Two seconds later all entries may be taken again. */
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(enter(t, n + i, now), SOURCE_EXACT);
	assert_int_equal(t->live, 8);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(count(t, n + i, now).connections, 1);
	destroy(t);
}

/* ---- a model: a list of connections ---- */

#define SOURCES 300
#define OPEN    600

struct model {
	struct source_table *t;
	uint32_t connections[SOURCES];
	struct {
		uint32_t source;
		enum source_place place;
	} open[OPEN];
	uint32_t nb_open, exact, sketched;
};

static void open_one(struct model *m, struct rng *rng, usec_t now)
{
	/* Few have many. */
	uint32_t number = rng_below(rng, 1 + rng_below(rng, SOURCES));
	enum source_place place = enter(m->t, number, now);

	assert_true(place == SOURCE_EXACT || place == SOURCE_SKETCH);
	if (rng_below(rng, 10) == 0) {
		source_table_undo(m->t, source(number).key, place, now);
		return;
	}
	m->open[m->nb_open].source = number;
	m->open[m->nb_open++].place = place;
	m->connections[number]++;
	*(place == SOURCE_EXACT ? &m->exact : &m->sketched) += 1;
}

static void close_one(struct model *m, struct rng *rng)
{
	uint32_t i = rng_below(rng, m->nb_open);

	source_table_leave(m->t, source(m->open[i].source).key, m->open[i].place);
	m->connections[m->open[i].source]--;
	*(m->open[i].place == SOURCE_EXACT ? &m->exact : &m->sketched) -= 1;
	m->open[i] = m->open[--m->nb_open];
}

/* Never too low; exact while nothing is in the sketch. */
static void compare(const struct model *m, usec_t now)
{
	assert_true(source_table_check(m->t, m->exact, m->sketched));
	for (uint32_t i = 0; i < SOURCES; i++) {
		uint64_t n = count(m->t, i, now).connections;

		assert_true(n >= m->connections[i]);
		assert_true(n <= m->connections[i] + m->sketched);
	}
}

static void run_model(uint64_t seed, uint32_t capacity, uint32_t most_open)
{
	struct model m = {.t = create(capacity)};
	struct rng rng = {seed};
	usec_t now = SECOND;

	for (uint32_t i = 0; i < 8000; i++) {
		now += rng_below(&rng, 2000);
		if (m.nb_open < most_open && rng_below(&rng, 100) < 52)
			open_one(&m, &rng, now);
		else if (m.nb_open > 0)
			close_one(&m, &rng);
		if (i % 50 == 0)
			compare(&m, now);
	}
	while (m.nb_open > 0)
		close_one(&m, &rng);
	compare(&m, now);
	for (uint32_t i = 0; i < SOURCES; i++)
		assert_int_equal(count(m.t, i, now).connections, 0);
	assert_int_equal(m.t->live, 0);
	destroy(m.t);
}

static void test_against_a_list(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		run_model(seed, 48, OPEN); /* far too small: most are in the sketch */
		run_model(seed, 250, OPEN);
		run_model(seed, 4096, OPEN); /* room for all */
	}
}

/* With room for all of them nothing is ever rough. */
static void test_exact_with_room(void **state)
{
	struct source_table *t = create(3072); /* 4096 slots: the least there are for so many */

	(void)state;
	for (uint32_t i = 0; i < 3072; i++)
		for (uint32_t k = 0; k <= i % 3; k++)
			assert_int_equal(enter(t, i, SECOND), SOURCE_EXACT);
	for (uint32_t i = 0; i < 3072; i++)
		assert_int_equal(count(t, i, SECOND).connections, i % 3 + 1);
	assert_false(t->crowded);
	destroy(t);
}

/* ---- two owners: a limit over both tables ---- */

#define LIMIT    20
#define ATTEMPTS 100000

struct owner {
	struct source_table *own, *const *all;
	_Atomic uint32_t *admitted;
	uint32_t most, opened, refused;
	uint64_t seed;
	pthread_barrier_t *start;
	pthread_t thread;
};

static bool admit(struct owner *o, struct source_id *id, usec_t now)
{
	enum source_place place = source_table_enter(o->own, id, now);
	struct source_count n = {0};

	for (uint32_t i = 0; i < 2; i++)
		source_table_add(o->all[i], id->key, now, &n);
	if (n.connections <= LIMIT)
		return true;
	source_table_undo(o->own, id->key, place, now);
	return false;
}

static void *open_and_close(void *arg)
{
	struct owner *o = arg;
	struct rng rng = {o->seed};
	struct source_id id = source(7);
	uint32_t mine = 0;

	pthread_barrier_wait(o->start);
	for (uint32_t i = 0; i < ATTEMPTS; i++) {
		if (mine > 0 && rng_below(&rng, 3) == 0) {
			atomic_fetch_sub(o->admitted, 1);
			source_table_leave(o->own, id.key, SOURCE_EXACT);
			mine--;
		} else if (admit(o, &id, i)) {
			uint32_t n = atomic_fetch_add(o->admitted, 1) + 1;

			o->most = MAX(o->most, n);
			o->opened++;
			mine++;
		} else {
			o->refused++;
		}
	}
	for (; mine > 0; mine--) {
		atomic_fetch_sub(o->admitted, 1);
		source_table_leave(o->own, id.key, SOURCE_EXACT);
	}
	return NULL;
}

static void test_two_owners_keep_a_limit(void **state)
{
	struct source_table *tables[2] = {create(48), create(48)};
	_Atomic uint32_t admitted = 0;
	pthread_barrier_t start;
	struct owner owners[2];

	(void)state;
	pthread_barrier_init(&start, NULL, 2);
	for (uint32_t i = 0; i < 2; i++) {
		owners[i] = (struct owner){.own = tables[i],
					   .all = tables,
					   .admitted = &admitted,
					   .seed = i,
					   .start = &start};
		pthread_create(&owners[i].thread, NULL, open_and_close, &owners[i]);
	}
	for (uint32_t i = 0; i < 2; i++)
		pthread_join(owners[i].thread, NULL);
	pthread_barrier_destroy(&start);
	assert_true(owners[0].opened + owners[1].opened > LIMIT);
	assert_true(owners[0].refused + owners[1].refused > 0);
	for (uint32_t i = 0; i < 2; i++) {
		assert_true(owners[i].most <= LIMIT);
		assert_true(source_table_check(tables[i], 0, 0));
		destroy(tables[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_in_and_out),
	    cmocka_unit_test(test_recent),
	    cmocka_unit_test(test_refusals_are_remembered),
	    cmocka_unit_test(test_room_is_made),
	    cmocka_unit_test(test_against_a_list),
	    cmocka_unit_test(test_exact_with_room),
	    cmocka_unit_test(test_two_owners_keep_a_limit),
	};

	return cmocka_run_group_tests_name("source_table", tests, NULL, NULL);
}
