/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The wheel of groups against a list that remembers deadlines and nothing else: whatever is
 * armed, moved and cancelled, within one group or over several, nothing expires early, late (when
 * the budget allows) or twice, and nothing is lost.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/base/group_wheel.h"
#include "tests/unit/rng.h"

#define NB_OBJECTS 200 /* in four groups, of which the last is not full */
#define NB_GROUPS  (2 + NB_OBJECTS / WHEEL_GROUP)
#define STEPS	   4000

struct model {
	struct group_wheel wheel;
	struct wheel_group groups[NB_GROUPS];
	bool armed[NB_OBJECTS + 1];
	tick_t at[NB_OBJECTS + 1];
	uint64_t expired, arms;
	struct rng rng;
	bool reentrant; /* callbacks arm, move and cancel too */
	bool late;	/* the budget did not suffice for all that was due */
};

static void model_init(struct model *m, uint64_t seed, tick_t start)
{
	memset(m, 0, sizeof(*m));
	m->rng.state = seed;
	assert_int_equal(group_wheel_bytes(NB_OBJECTS), sizeof(m->groups));
	group_wheel_init(&m->wheel, m->groups, NB_OBJECTS, start);
}

static void model_arm(struct model *m, uint32_t i, tick_t at)
{
	tick_t now = m->wheel.wheel.now;

	group_wheel_arm(&m->wheel, i, at);
	m->arms++;
	m->armed[i] = true;
	m->at[i] = tick_reached(now, at) ? now + 1 : at;
	assert_true(group_wheel_is_armed(&m->wheel, i));
	assert_int_equal(group_wheel_at(&m->wheel, i), m->at[i]);
}

static void model_cancel(struct model *m, uint32_t i)
{
	group_wheel_cancel(&m->wheel, i);
	m->armed[i] = false;
	assert_false(group_wheel_is_armed(&m->wheel, i));
	assert_int_equal(group_wheel_at(&m->wheel, i), m->at[i]);
}

/* The groups that have anything to wait for are in the wheel, and no others. */
static void model_check(const struct model *m)
{
	bool waits[NB_GROUPS] = {false};
	uint32_t groups = 0;

	for (uint32_t i = 0; i <= NB_OBJECTS; i++) {
		assert_int_equal(group_wheel_is_armed(&m->wheel, i), m->armed[i]);
		waits[i / WHEEL_GROUP] |= m->armed[i];
	}
	for (uint32_t i = 0; i < NB_GROUPS; i++)
		groups += waits[i];
	assert_int_equal(m->wheel.wheel.armed, groups);
	assert_true(group_wheel_check(&m->wheel));
}

static uint32_t random_span(struct rng *r)
{
	static const uint32_t corners[] = {0, 1, 255, 256, 257, 65535, 65536, 1000000};

	return rng_below(r, 2) ? rng_below(r, 300) : corners[rng_below(r, ARRAY_SIZE(corners))];
}

static void on_expiry(void *ctx, uint32_t index)
{
	struct model *m = ctx;
	tick_t now = m->wheel.wheel.now;

	assert_in_range(index, 0, NB_OBJECTS);
	assert_true(m->armed[index]);
	assert_false(group_wheel_is_armed(&m->wheel, index));
	assert_true(tick_reached(now, m->at[index]));
	if (!m->late)
		assert_int_equal(now, m->at[index]);
	m->armed[index] = false;
	m->expired++;
	if (!m->reentrant)
		return;
	switch (rng_below(&m->rng, 4)) {
	case 0:
		model_arm(m, index, now + 1 + random_span(&m->rng));
		break;
	case 1: /* maybe one that is due as well */
		model_cancel(m, rng_range(&m->rng, 0, NB_OBJECTS));
		break;
	case 2:
		model_arm(m, rng_range(&m->rng, 0, NB_OBJECTS), now + random_span(&m->rng));
		break;
	}
}

/* One group_wheel_run(); true when nothing is due any more. */
static bool model_run(struct model *m, tick_t now, uint32_t budget)
{
	uint64_t before = m->expired;
	uint32_t done = group_wheel_run(&m->wheel, now, budget, on_expiry, m);

	assert_true(done <= budget);
	assert_true(m->expired - before <= done);
	m->late = done == budget;
	if (m->late)
		return false;
	assert_int_equal(m->wheel.wheel.now, now);
	for (uint32_t i = 0; i <= NB_OBJECTS; i++)
		assert_false(m->armed[i] && tick_reached(now, m->at[i]));
	return true;
}

/* Never too late, and never without a reason. */
static void model_check_next(struct model *m)
{
	bool any = false;
	tick_t at = 0, now = m->wheel.wheel.now;

	for (uint32_t i = 0; i <= NB_OBJECTS; i++)
		any |= m->armed[i];
	assert_int_equal(wheel_next(&m->wheel.wheel, &at), any);
	for (uint32_t i = 0; i <= NB_OBJECTS; i++)
		if (m->armed[i] && tick_before(now, m->at[i]))
			assert_true(tick_reached(m->at[i], at));
		else if (m->armed[i])
			assert_true(tick_reached(now + 1, at));
}

static void random_change(struct model *m, tick_t now)
{
	uint32_t i = rng_range(&m->rng, 0, NB_OBJECTS);

	/* Few times, so that those of a group meet. */
	if (rng_below(&m->rng, 3) == 0)
		model_cancel(m, i);
	else
		model_arm(m, i, (now | 31) + random_span(&m->rng));
}

static void run_model(uint64_t seed, tick_t start, bool reentrant)
{
	struct model m;
	tick_t now = start;

	model_init(&m, seed, start);
	m.reentrant = reentrant;
	for (int step = 0; step < STEPS; step++) {
		uint32_t budget = rng_below(&m.rng, 3) ? UINT32_MAX : rng_range(&m.rng, 1, 20);

		for (uint32_t n = rng_below(&m.rng, 30); n; n--)
			random_change(&m, now);
		model_check_next(&m);
		now += rng_below(&m.rng, 8) ? rng_below(&m.rng, 100) : 100000;
		model_run(&m, now, budget);
		model_check(&m);
	}
	m.reentrant = false;
	while (!model_run(&m, ++now, 7))
		model_check(&m);
	assert_true(m.expired > STEPS);
}

static void test_random(void **state)
{
	static const tick_t starts[] = {0, 255, 0x7fffff00, 0x80000000, 0xfffffff0, 123456789};

	(void)state;
	for (uint64_t seed = 0; seed < ARRAY_SIZE(starts); seed++) {
		run_model(seed, starts[seed], false);
		run_model(seed + 1000, starts[seed], true);
	}
}

/* An object that expires does so at its tick, whatever its neighbours are filed under. */
static void test_neighbours_expire_each_at_its_tick(void **state)
{
	struct model m;

	(void)state;
	model_init(&m, 1, 0xffffff00);
	for (uint32_t i = 0; i <= NB_OBJECTS; i++)
		model_arm(&m, i, 0xffffff01 + (i * 7919) % 3000);
	for (uint32_t t = 1; t <= 3000; t++)
		assert_true(model_run(&m, 0xffffff00 + t, UINT32_MAX));
	assert_int_equal(m.expired, NB_OBJECTS + 1);
	model_check(&m);
}

/* The one that a group is filed under goes, or later: the others keep their times. */
static void test_the_earliest_goes(void **state)
{
	struct model m;
	tick_t at;

	(void)state;
	model_init(&m, 1, 0);
	model_arm(&m, 1, 10);
	model_arm(&m, 2, 20);
	model_arm(&m, 3, 30);
	model_cancel(&m, 1);
	model_arm(&m, 2, 40);
	assert_true(model_run(&m, 29, UINT32_MAX));
	assert_int_equal(m.expired, 0);
	assert_true(model_run(&m, 30, UINT32_MAX));
	assert_int_equal(m.expired, 1);
	model_cancel(&m, 2);
	model_check(&m);
	assert_false(wheel_next(&m.wheel.wheel, &at));
}

static void test_past_deadline_waits_for_next_tick(void **state)
{
	struct model m;

	(void)state;
	model_init(&m, 1, 1000);
	model_arm(&m, 1, 1000);
	model_arm(&m, 2, 999);
	assert_true(model_run(&m, 1000, 100));
	assert_int_equal(m.expired, 0);
	assert_true(model_run(&m, 1001, 100));
	assert_int_equal(m.expired, 2);
}

/* What is due together is spread over turns, be it in one group or in many. */
static void test_budget_spreads_a_mass_expiry(void **state)
{
	struct model m;
	uint32_t turns = 0;

	(void)state;
	model_init(&m, 1, 3);
	for (uint32_t i = 0; i <= NB_OBJECTS; i++)
		model_arm(&m, i, 70000);
	assert_true(model_run(&m, 69999, UINT32_MAX));
	assert_int_equal(m.expired, 0);
	while (!model_run(&m, 70000 + turns, 9)) {
		turns++;
		assert_true(m.expired <= turns * 9);
		model_check(&m);
	}
	assert_int_equal(m.expired, NB_OBJECTS + 1);
	assert_in_range(turns, NB_OBJECTS / 9, NB_OBJECTS / 9 + NB_GROUPS * WHEEL_LEVELS);
}

/* Groups whose earliest object has gone: the looks are work as well. */
static void test_looks_for_nothing_are_counted(void **state)
{
	struct model m;

	(void)state;
	model_init(&m, 1, 0);
	for (uint32_t i = 0; i < 3 * WHEEL_GROUP; i += WHEEL_GROUP) {
		model_arm(&m, i, 10);
		model_arm(&m, i + 1, 20);
		model_cancel(&m, i);
	}
	assert_int_equal(group_wheel_run(&m.wheel, 10, 2, on_expiry, &m), 2);
	assert_int_equal(group_wheel_run(&m.wheel, 10, 2, on_expiry, &m), 1);
	assert_int_equal(m.expired, 0);
	assert_true(model_run(&m, 20, UINT32_MAX));
	assert_int_equal(m.expired, 3);
}

static void test_zero_budget_does_nothing(void **state)
{
	struct model m;

	(void)state;
	model_init(&m, 1, 0);
	model_arm(&m, 1, 5);
	assert_int_equal(group_wheel_run(&m.wheel, 100, 0, on_expiry, &m), 0);
	assert_int_equal(m.expired, 0);
	assert_true(model_run(&m, 100, 2));
	assert_int_equal(m.expired, 1);
}

/* Each arming costs one look at its group at most, and that one handling per level. */
static void test_cost_is_bounded(void **state)
{
	struct model m;
	uint64_t handled = 0;
	tick_t now = 0;

	(void)state;
	model_init(&m, 99, 0);
	for (int i = 0; i < 20000; i++) {
		model_arm(&m, rng_range(&m.rng, 0, NB_OBJECTS), now + random_span(&m.rng));
		now += rng_below(&m.rng, 20);
		handled += group_wheel_run(&m.wheel, now, UINT32_MAX, on_expiry, &m);
	}
	assert_true(handled <= m.arms * WHEEL_LEVELS);
	assert_true(m.expired > 1000);
}

/* A checker that finds nothing would make the tests above worthless. */
static void test_check_notices_damage(void **state)
{
	struct model m;

	(void)state;
	model_init(&m, 1, 0);
	model_arm(&m, 1, 10);
	model_arm(&m, 2, 20);
	model_arm(&m, 100, 300);
	assert_true(group_wheel_check(&m.wheel));
	m.groups[1].at[2] = 9; /* before what its group is filed under */
	assert_false(group_wheel_check(&m.wheel));
	m.groups[1].at[2] = 20;
	m.groups[3].armed = 1; /* in no slot */
	assert_false(group_wheel_check(&m.wheel));
	m.groups[3].armed = 0;
	m.groups[2].armed = 0; /* in a slot for nothing */
	assert_false(group_wheel_check(&m.wheel));
	m.groups[2].armed = 1ull << 100 % WHEEL_GROUP;
	m.wheel.wheel.armed++;
	assert_false(group_wheel_check(&m.wheel));
	m.wheel.wheel.armed--;
	assert_true(group_wheel_check(&m.wheel));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_neighbours_expire_each_at_its_tick),
	    cmocka_unit_test(test_the_earliest_goes),
	    cmocka_unit_test(test_past_deadline_waits_for_next_tick),
	    cmocka_unit_test(test_budget_spreads_a_mass_expiry),
	    cmocka_unit_test(test_looks_for_nothing_are_counted),
	    cmocka_unit_test(test_zero_budget_does_nothing),
	    cmocka_unit_test(test_cost_is_bounded),
	    cmocka_unit_test(test_check_notices_damage),
	};

	return cmocka_run_group_tests_name("group_wheel", tests, NULL, NULL);
}
