/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The timer wheel against a list that remembers deadlines and nothing else.
 * Whatever is armed, moved, cancelled and however time jumps: nothing fires
 * early, late (when the budget allows) or twice, and nothing is lost.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/base/wheel.h"
#include "tests/unit/rng.h"

#define NB_OBJECTS 200
#define TICK_MAX   0x7fffffffu /* the furthest a deadline or a jump may lie ahead */
#define STEPS	   4000

/* As in a pool: the node lies somewhere inside, object 0 exists and is not used. */
struct object {
	uint64_t before;
	struct wheel_node timer;
	uint32_t after;
};

struct model {
	struct wheel wheel;
	struct object objects[NB_OBJECTS + 1];
	bool armed[NB_OBJECTS + 1];
	tick_t at[NB_OBJECTS + 1];
	tick_t target;	/* argument of the wheel_run() going on */
	uint32_t fired;
	uint64_t arms;	/* wheel_arm() calls: each costs one handling per level at most */
	struct rng rng;
	bool reentrant; /* callbacks arm, move and cancel too */
};

static void model_init(struct model *m, uint64_t seed, tick_t start)
{
	memset(m, 0, sizeof(*m));
	m->rng.state = seed;
	wheel_init(&m->wheel, &m->objects[0].timer, sizeof(struct object), start);
}

static void model_arm(struct model *m, uint32_t i, tick_t at)
{
	wheel_arm(&m->wheel, i, at);
	m->arms++;
	m->armed[i] = true;
	m->at[i] = tick_reached(m->wheel.now, at) ? m->wheel.now + 1 : at;
	assert_true(wheel_is_armed(&m->wheel, i));
	assert_int_equal(wheel_node(&m->wheel, i)->at, m->at[i]);
}

static void model_cancel(struct model *m, uint32_t i)
{
	wheel_cancel(&m->wheel, i);
	m->armed[i] = false;
	assert_false(wheel_is_armed(&m->wheel, i));
}

static void model_check(const struct model *m)
{
	uint32_t armed = 0;

	for (uint32_t i = 1; i <= NB_OBJECTS; i++) {
		assert_int_equal(wheel_is_armed(&m->wheel, i), m->armed[i]);
		armed += m->armed[i];
		assert_int_equal(m->objects[i].before, 0);
		assert_int_equal(m->objects[i].after, 0);
	}
	assert_int_equal(m->wheel.armed, armed);
	assert_true(wheel_check(&m->wheel));
}

/* Ticks from the wheel's present to the earliest deadline; false: none. */
static bool model_soonest(const struct model *m, uint32_t *ticks)
{
	bool any = false;

	for (uint32_t i = 1; i <= NB_OBJECTS; i++) {
		uint32_t d = m->at[i] - m->wheel.now;

		if (m->armed[i] && (!any || d < *ticks)) {
			*ticks = d;
			any = true;
		}
	}
	return any;
}

/* Lengths of time around every boundary between the wheel's levels. */
static uint32_t random_span(struct rng *r, uint32_t max)
{
	static const uint32_t corners[] = {0, 1, 2, 255, 256, 257, 511, 512, 65535, 65536, 65537,
					   131072, 16777215, 16777216, 16777217, TICK_MAX};
	uint32_t span;

	switch (rng_below(r, 4)) {
	case 0:
		span = corners[rng_below(r, ARRAY_SIZE(corners))];
		break;
	case 1:
		span = rng_below(r, 300);
		break;
	case 2:
		span = rng_below(r, 1u << rng_below(r, 31));
		break;
	default:
		span = rng_range(r, 0, TICK_MAX);
	}
	return MIN(span, max);
}

static void on_expiry(void *ctx, uint32_t index)
{
	struct model *m = ctx;

	assert_in_range(index, 1, NB_OBJECTS);
	assert_true(m->armed[index]);
	assert_false(wheel_is_armed(&m->wheel, index));
	/* Exactly at its tick: the wheel stands still there until all are done. */
	assert_int_equal(m->wheel.now, m->at[index]);
	assert_int_equal(wheel_node(&m->wheel, index)->at, m->at[index]);
	assert_true(tick_reached(m->target, m->at[index]));
	m->armed[index] = false;
	m->fired++;
	if (!m->reentrant)
		return;
	switch (rng_below(&m->rng, 5)) {
	case 0:
		/* As the engine does: from the time of the turn, not the wheel's. */
		model_arm(m, index, m->target + 1 + random_span(&m->rng, 100000));
		break;
	case 1:
		model_arm(m, index, m->wheel.now);
		break;
	case 2:
		model_cancel(m, rng_range(&m->rng, 1, NB_OBJECTS));
		break;
	case 3:
		model_arm(m, rng_range(&m->rng, 1, NB_OBJECTS),
			  m->target + random_span(&m->rng, 100000));
		break;
	}
}

/* One wheel_run(); true when nothing is due any more. */
static bool model_run(struct model *m, tick_t now, uint32_t budget)
{
	tick_t before = m->wheel.now;
	uint32_t done;

	m->target = now;
	done = wheel_run(&m->wheel, now, budget, on_expiry, m);
	assert_true(done <= budget);
	assert_true(tick_reached(m->wheel.now, before));
	assert_true(tick_reached(now, m->wheel.now));
	if (done == budget)
		return false;
	assert_int_equal(m->wheel.now, now);
	for (uint32_t i = 1; i <= NB_OBJECTS; i++)
		assert_false(m->armed[i] && tick_reached(now, m->at[i]));
	return true;
}

/* The promise of wheel_next(): never too late, and not always at once. */
static void model_check_next(struct model *m)
{
	uint32_t soonest = 0;
	tick_t at = 0;

	if (!model_soonest(m, &soonest)) {
		assert_false(wheel_next(&m->wheel, &at));
		return;
	}
	assert_true(wheel_next(&m->wheel, &at));
	assert_true(at - m->wheel.now <= soonest);
}

static void random_change(struct model *m, tick_t now)
{
	uint32_t i = rng_range(&m->rng, 1, NB_OBJECTS);
	/* While the wheel lags behind, what it is told must still be within reach. */
	uint32_t reach = TICK_MAX - (now - m->wheel.now);

	switch (rng_below(&m->rng, 4)) {
	case 0:
		model_cancel(m, i);
		break;
	case 1:
		model_arm(m, i, m->wheel.now - random_span(&m->rng, TICK_MAX));
		break;
	default:
		model_arm(m, i, now + random_span(&m->rng, reach));
	}
}

static void run_model(uint64_t seed, tick_t start, bool reentrant)
{
	struct model m;
	tick_t now = start;

	model_init(&m, seed, start);
	m.reentrant = reentrant;
	for (int step = 0; step < STEPS; step++) {
		uint32_t budget = rng_below(&m.rng, 3) ? UINT32_MAX : rng_range(&m.rng, 1, 20);

		for (uint32_t n = rng_below(&m.rng, 6); n; n--)
			random_change(&m, now);
		model_check_next(&m);
		/* Time goes on while the wheel lags, but stays within its reach. */
		if (m.wheel.now == now)
			now += random_span(&m.rng, rng_below(&m.rng, 8) ? 2000000 : TICK_MAX);
		else if (now - m.wheel.now < TICK_MAX / 2)
			now += rng_below(&m.rng, 1000);
		model_run(&m, now, budget);
		model_check(&m);
	}
	while (!model_run(&m, now, 7))
		model_check(&m);
	assert_true(m.fired > STEPS / 10);
}

static void test_random(void **state)
{
	static const tick_t starts[] = {0, 1, 255, 0x7fffff00, 0x7fffffff, 0x80000000, 0xfffffff0,
					0xffff0001, 0xff000000, 123456789};

	(void)state;
	for (uint64_t seed = 0; seed < ARRAY_SIZE(starts); seed++) {
		run_model(seed, starts[seed], false);
		run_model(seed + 1000, starts[seed], true);
	}
}

/* One node, every distance around a power of two, from awkward presents. */
static void test_each_distance_is_exact(void **state)
{
	static const tick_t starts[] = {0, 1, 255, 256, 0xffff, 0x00ffffff, 0x7fffffff, 0xffffffff};

	(void)state;
	for (uint32_t s = 0; s < ARRAY_SIZE(starts); s++)
		for (uint32_t bit = 0; bit < 31; bit++)
			for (int32_t off = -1; off <= 1; off++) {
				uint32_t span = MIN((1u << bit) + (uint32_t)off, TICK_MAX);
				struct model m;

				if (span == 0)
					continue;
				model_init(&m, 1, starts[s]);
				model_arm(&m, 1, starts[s] + span);
				assert_true(model_run(&m, starts[s] + span - 1, 100));
				assert_int_equal(m.fired, 0);
				assert_true(model_run(&m, starts[s] + span, 100));
				assert_int_equal(m.fired, 1);
			}
}

/* Whoever sleeps until wheel_next() misses nothing and does not spin. */
static void test_sleeping_by_next(void **state)
{
	struct model m;
	tick_t now = 0xfffffe00;

	(void)state;
	model_init(&m, 7, now);
	for (uint32_t i = 1; i <= NB_OBJECTS; i++)
		model_arm(&m, i, now + random_span(&m.rng, TICK_MAX));
	for (uint32_t wakes = 0; m.fired < NB_OBJECTS; wakes++) {
		uint32_t soonest = 0;
		tick_t at;

		assert_true(model_soonest(&m, &soonest));
		assert_true(wheel_next(&m.wheel, &at));
		assert_true(at - m.wheel.now <= soonest);
		if (soonest < WHEEL_SLOTS && at != m.wheel.now + soonest)
			/* A slot of a higher level begins before: it must be one. */
			assert_int_equal(at % WHEEL_SLOTS, 0);
		model_run(&m, at, UINT32_MAX);
		assert_true(wakes < NB_OBJECTS * WHEEL_LEVELS);
	}
	assert_false(wheel_next(&m.wheel, &now));
}

static void test_past_deadline_waits_for_next_tick(void **state)
{
	struct model m;

	(void)state;
	model_init(&m, 1, 1000);
	model_arm(&m, 1, 1000);
	model_arm(&m, 2, 999);
	model_arm(&m, 3, 1000 - TICK_MAX);
	assert_true(model_run(&m, 1000, 100));
	assert_int_equal(m.fired, 0);
	assert_true(model_run(&m, 1001, 100));
	assert_int_equal(m.fired, 3);
}

static void test_moving_and_cancelling(void **state)
{
	struct model m;

	(void)state;
	model_init(&m, 1, 0);
	model_cancel(&m, 5);
	model_arm(&m, 5, 10);
	model_arm(&m, 5, 100000);
	model_arm(&m, 5, 20);
	assert_int_equal(m.wheel.armed, 1);
	assert_true(model_run(&m, 19, 100));
	assert_int_equal(m.fired, 0);
	assert_true(model_run(&m, 20, 100));
	assert_int_equal(m.fired, 1);
	model_arm(&m, 5, 30);
	model_cancel(&m, 5);
	model_cancel(&m, 5);
	assert_true(model_run(&m, 1000000, 100));
	assert_int_equal(m.fired, 1);
}

/* A mass expiry is spread over turns, and so is a cascade. */
static void test_budget_spreads_a_mass_expiry(void **state)
{
	struct model m;
	uint32_t turns = 0;

	(void)state;
	model_init(&m, 1, 3);
	for (uint32_t i = 1; i <= NB_OBJECTS; i++)
		model_arm(&m, i, 70000);
	assert_true(model_run(&m, 69999, UINT32_MAX));
	assert_int_equal(m.fired, 0);
	while (!model_run(&m, 70000 + turns, 9)) {
		turns++;
		assert_true(m.fired <= turns * 9);
		model_check(&m);
	}
	assert_int_equal(m.fired, NB_OBJECTS);
	assert_in_range(turns, NB_OBJECTS / 9, NB_OBJECTS * WHEEL_LEVELS / 9 + 1);
}

/* Each arming costs one handling per level at most. */
static void test_cost_is_bounded(void **state)
{
	struct model m;
	uint64_t handled = 0;
	tick_t now = 0;

	(void)state;
	model_init(&m, 99, 0);
	for (int i = 0; i < 2000; i++) {
		model_arm(&m, rng_range(&m.rng, 1, NB_OBJECTS),
			  now + random_span(&m.rng, TICK_MAX));
		now += random_span(&m.rng, 5000000);
		m.target = now;
		handled += wheel_run(&m.wheel, now, UINT32_MAX, on_expiry, &m);
	}
	assert_true(handled <= m.arms * WHEEL_LEVELS);
	assert_true(m.fired > 100);
}

static void test_zero_budget_does_nothing(void **state)
{
	struct model m;

	(void)state;
	model_init(&m, 1, 0);
	model_arm(&m, 1, 5);
	assert_int_equal(wheel_run(&m.wheel, 100, 0, on_expiry, &m), 0);
	assert_int_equal(m.fired, 0);
	assert_true(model_run(&m, 100, 2));
	assert_int_equal(m.fired, 1);
}

static void test_never_runs_backwards(void **state)
{
	struct model m;

	(void)state;
	model_init(&m, 1, 1000);
	model_arm(&m, 1, 1010);
	assert_int_equal(wheel_run(&m.wheel, 900, 100, on_expiry, &m), 0);
	assert_int_equal(m.wheel.now, 1000);
	assert_true(model_run(&m, 1010, 100));
	assert_int_equal(m.fired, 1);
}

/* A checker that finds nothing would make the tests above worthless. */
static void test_check_notices_damage(void **state)
{
	struct model m;

	(void)state;
	model_init(&m, 1, 0);
	model_arm(&m, 1, 10);
	model_arm(&m, 2, 10);
	model_arm(&m, 3, 300);
	assert_true(wheel_check(&m.wheel));
	m.wheel.armed++;
	assert_false(wheel_check(&m.wheel));
	m.wheel.armed--;
	m.wheel.occupied[0][0] ^= 1 << 10;
	assert_false(wheel_check(&m.wheel));
	m.wheel.occupied[0][0] ^= 1 << 10;
	m.wheel.occupied[2][1] ^= 1;
	assert_false(wheel_check(&m.wheel));
	m.wheel.occupied[2][1] ^= 1;
	m.objects[1].timer.prev ^= 1;
	assert_false(wheel_check(&m.wheel));
	m.objects[1].timer.prev ^= 1;
	m.objects[1].timer.next = 2; /* a loop */
	assert_false(wheel_check(&m.wheel));
	m.objects[1].timer.next = 0;
	assert_true(wheel_check(&m.wheel));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_each_distance_is_exact),
	    cmocka_unit_test(test_sleeping_by_next),
	    cmocka_unit_test(test_past_deadline_waits_for_next_tick),
	    cmocka_unit_test(test_moving_and_cancelling),
	    cmocka_unit_test(test_budget_spreads_a_mass_expiry),
	    cmocka_unit_test(test_cost_is_bounded),
	    cmocka_unit_test(test_zero_budget_does_nothing),
	    cmocka_unit_test(test_never_runs_backwards),
	    cmocka_unit_test(test_check_notices_damage),
	};

	return cmocka_run_group_tests_name("wheel", tests, NULL, NULL);
}
