/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TIME_WAIT records against a plain model: none is over before its wait, all are soon after,
 * however time passes and wraps and whatever ends early; and as many fit as were asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/table/time_wait_lines.h"
#include "tests/unit/rng.h"

#define MODEL_MAX 2000
#define NB_LINES  3

static const uint32_t waits[NB_LINES] = {1000, 60000, 600000};

struct entry {
	uint32_t index; /* TW_NONE: not there */
	uint16_t line;
	tick_t at; /* when it was entered */
	bool timestamps;
	uint32_t mark;
};

struct model {
	struct tw_lines t;
	void *mem;
	struct rng rng;
	tick_t now;
	uint32_t over; /* handed over so far */
	struct entry entries[MODEL_MAX];
};

static struct entry *entry_of(struct model *m, uint32_t index)
{
	for (uint32_t i = 0; i < MODEL_MAX; i++)
		if (m->entries[i].index == index)
			return &m->entries[i];
	fail_msg("nobody has index %u", index);
	return NULL;
}

static void note_moved(void *ctx, uint32_t from, uint32_t to)
{
	entry_of(ctx, from)->index = to;
}

static void model_init(struct model *m, uint32_t capacity, uint64_t seed)
{
	size_t bytes = tw_lines_bytes(capacity, NB_LINES);

	assert_int_equal(bytes % CACHE_LINE, 0);
	*m = (struct model){.rng = {seed}};
	m->mem = aligned_alloc(CACHE_LINE, bytes);
	assert_non_null(m->mem);
	memset(m->mem, 0, bytes);
	tw_lines_init(&m->t, m->mem, capacity, NB_LINES, note_moved, m);
	for (uint16_t l = 0; l < NB_LINES; l++)
		assert_int_equal(tw_add_line(&m->t, waits[l]), l);
	for (uint32_t i = 0; i < MODEL_MAX; i++)
		m->entries[i].index = TW_NONE;
}

static bool enter(struct model *m, struct entry *e, uint16_t line)
{
	*e = (struct entry){.line = line,
			    .at = m->now,
			    .timestamps = rng_below(&m->rng, 2),
			    .mark = (uint32_t)rng_u64(&m->rng)};
	e->index = tw_enter(&m->t, line, m->now, e->timestamps);
	if (e->index == TW_NONE)
		return false;
	*tw_at(&m->t, e->index) = (struct time_wait){.snd_nxt = e->mark, .used = 1};
	return true;
}

static void leave(struct model *m, struct entry *e)
{
	tw_remove(&m->t, e->index);
	e->index = TW_NONE;
}

static void note_over(void *ctx, const uint32_t *indexes, uint32_t n)
{
	struct model *m = ctx;

	assert_in_range(n, 1, TW_BATCH);
	for (uint32_t i = 0; i < n; i++) {
		struct entry *e = entry_of(m, indexes[i]);

		assert_true(tick_reached(m->now, e->at + waits[e->line]));
		leave(m, e);
	}
	m->over += n;
}

static void expire_all(struct model *m, uint32_t budget)
{
	tick_t next;

	while (tw_next(&m->t, &next) && tick_reached(m->now, next)) {
		uint32_t before = m->over, done = tw_expire(&m->t, m->now, budget, note_over, m);

		assert_int_equal(done, m->over - before);
		assert_in_range(done, 1, (uint64_t)budget + TW_BATCH - 1);
	}
}

static void check(const struct model *m)
{
	uint32_t used = 0;

	assert_true(tw_check(&m->t));
	for (uint32_t i = 0; i < MODEL_MAX; i++) {
		const struct entry *e = &m->entries[i];

		if (e->index == TW_NONE)
			continue;
		used++;
		assert_true(e->index < tw_index_end(&m->t));
		assert_int_equal(tw_at(&m->t, e->index)->snd_nxt, e->mark);
		assert_int_equal(tw_has_timestamps(&m->t, e->index), e->timestamps);
		assert_in_range(tw_end_of(&m->t, e->index) - (e->at + waits[e->line]), 0,
				waits[e->line] / 256);
		assert_true(tick_before(m->now, tw_end_of(&m->t, e->index)));
	}
	assert_int_equal(m->t.used, used);
}

static void step(struct model *m)
{
	struct entry *e = &m->entries[rng_below(&m->rng, MODEL_MAX)];
	uint32_t op = rng_below(&m->rng, 100);

	if (op < 60 && e->index == TW_NONE) {
		assert_true(enter(m, e, (uint16_t)rng_below(&m->rng, NB_LINES)));
	} else if (op < 80 && e->index != TW_NONE) {
		leave(m, e);
	} else if (op >= 80) {
		m->now += rng_below(&m->rng, op == 99 ? 100000 : 100);
		expire_all(m, 1 + rng_below(&m->rng, 40));
	}
}

static void test_against_model(void **state)
{
	struct model *m = malloc(sizeof(*m));

	(void)state;
	assert_non_null(m);
	for (uint64_t seed = 1; seed <= 20; seed++) {
		model_init(m, MODEL_MAX, seed);
		m->now = seed & 1 ? (tick_t)-300000 : 77;
		for (uint32_t i = 0; i < 20000; i++) {
			step(m);
			if (i % 100 == 0)
				check(m);
		}
		m->now += 700000;
		expire_all(m, UINT32_MAX - TW_BATCH);
		check(m);
		assert_int_equal(m->t.used, 0);
		free(m->mem);
	}
	free(m);
}

/* As many as it was made for, whether they come at once or as slowly as they may and are there
 * together, in one line or in several; and not one more. */
static void test_capacity(void **state)
{
	static const uint32_t capacities[] = {1, 16, 63, 64, 65, 1000, MODEL_MAX};
	struct model *m = malloc(sizeof(*m));

	(void)state;
	assert_non_null(m);
	for (uint32_t c = 0; c < ARRAY_SIZE(capacities); c++)
		for (uint32_t pace = 0; pace < 3; pace++) {
			model_init(m, capacities[c], pace);
			for (uint32_t i = 0; i < capacities[c]; i++) {
				m->now += pace ? waits[pace == 1 ? 2 : 1] / (MODEL_MAX + 1) : 0;
				assert_true(enter(m, &m->entries[i],
						  pace == 1 ? 2 : (uint16_t)(i % 2 + 1)));
			}
			assert_int_equal(tw_enter(&m->t, 0, m->now, false), TW_NONE);
			assert_true(tw_check(&m->t));
			m->now += 700000;
			expire_all(m, 7);
			assert_int_equal(m->over, capacities[c]);
			free(m->mem);
		}
	free(m);
}

/* Where chunks run out because of holes, neighbours become one: of every 64 records one stays, and
 * still there is room for as many as were asked for. */
static void test_holes(void **state)
{
	struct model *m = malloc(sizeof(*m));

	(void)state;
	assert_non_null(m);
	model_init(m, MODEL_MAX, 1);
	for (uint32_t kept = 0; kept < MODEL_MAX; kept++) {
		struct entry *passing = &m->entries[(kept + 1) % MODEL_MAX];

		assert_true(enter(m, &m->entries[kept], 1 + kept / 64 % 2));
		for (uint32_t i = 0; i < TW_CHUNK - 1 && kept + 1 < MODEL_MAX; i++) {
			assert_true(enter(m, passing, m->entries[kept].line));
			leave(m, passing);
		}
		if (kept % 50 == 0)
			assert_true(tw_check(&m->t));
	}
	assert_int_equal(m->t.fresh, m->t.nb_chunks);
	check(m);
	m->now += 700000;
	expire_all(m, 3);
	assert_int_equal(m->t.used, 0);
	assert_true(tw_check(&m->t));
	free(m->mem);
	free(m);
}

static void ignore_moved(void *ctx, uint32_t from, uint32_t to)
{
	(void)ctx;
	(void)from;
	(void)to;
}

/* Of every 64 records `kept` stay, too many for two chunks to become one: until all that were asked
 * for are there none is refused. */
static void fill_with_holes(uint32_t kept)
{
	const uint32_t capacity = 65536;
	size_t bytes = tw_lines_bytes(capacity, 1);
	void *mem = aligned_alloc(CACHE_LINE, bytes);
	struct tw_lines t;

	assert_non_null(mem);
	memset(mem, 0, bytes);
	tw_lines_init(&t, mem, capacity, 1, ignore_moved, NULL);
	tw_add_line(&t, 60000);
	for (uint32_t n = 0; t.used < capacity; n++) {
		uint32_t i = tw_enter(&t, 0, 1000, false);

		assert_int_not_equal(i, TW_NONE);
		*tw_at(&t, i) = (struct time_wait){.used = 1};
		if (n % TW_CHUNK >= kept)
			tw_remove(&t, i);
	}
	assert_true(tw_check(&t));
	free(mem);
}

static void test_many_small_holes(void **state)
{
	(void)state;
	fill_with_holes(33);
	fill_with_holes(50);
	fill_with_holes(60);
}

static void test_next(void **state)
{
	struct model *m = malloc(sizeof(*m));
	tick_t at;

	(void)state;
	assert_non_null(m);
	model_init(m, 100, 1);
	m->now = 5000;
	assert_false(tw_next(&m->t, &at));
	assert_true(enter(m, &m->entries[0], 1));
	assert_true(tw_next(&m->t, &at));
	assert_int_equal(at, 65000);
	m->now = 5100; /* in the same chunk */
	assert_true(enter(m, &m->entries[1], 1));
	assert_true(enter(m, &m->entries[2], 2));
	assert_true(tw_next(&m->t, &at));
	assert_int_equal(at, 65100);
	assert_true(enter(m, &m->entries[3], 0));
	assert_true(tw_next(&m->t, &at));
	assert_int_equal(at, 6100);
	leave(m, &m->entries[3]);
	leave(m, &m->entries[1]);
	leave(m, &m->entries[0]);
	assert_true(tw_next(&m->t, &at));
	assert_int_equal(at, 605100);
	free(m->mem);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_against_model),
	    cmocka_unit_test(test_capacity),
	    cmocka_unit_test(test_holes),
	    cmocka_unit_test(test_many_small_holes),
	    cmocka_unit_test(test_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
