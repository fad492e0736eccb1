/* SPDX-License-Identifier: BSD-3-Clause */
/* The histogram of turn times against times whose order is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/run/turn_times.h"

static struct turn_times times;

static struct turn_summary summary(void)
{
	struct turn_summary s;

	turn_times_read(&times, &s);
	return s;
}

static int reset(void **state)
{
	(void)state;
	times = (struct turn_times){0};
	return 0;
}

static void test_nothing_yet(void **state)
{
	struct turn_summary s = summary();

	(void)state;
	assert_int_equal(s.turns, 0);
	assert_int_equal(s.max_cycles, 0);
	for (uint32_t q = 0; q < TURN_QUANTILES; q++)
		assert_int_equal(s.cycles[q], 0);
}

/* Each value is in a slot whose values are within a sixteenth of it, and slots are in order. */
static void test_slots(void **state)
{
	uint32_t last = 0;

	(void)state;
	for (uint64_t v = 0; v < 1ull << 20; v++) {
		uint32_t slot = turn_slot(v);

		assert_true(slot == last || slot == last + 1);
		if (slot != last && v >= 2 * TURN_STEPS)
			assert_int_equal(turn_slot(v + v / 32), slot);
		last = slot;
	}
	assert_int_equal(turn_slot(UINT64_MAX), turn_slot((1ull << TURN_BITS) - 1));
	assert_true(turn_slot(UINT64_MAX) < TURN_SLOTS);
	assert_true(turn_slot(1ull << (TURN_BITS - 1)) < turn_slot(UINT64_MAX));
}

/* One to ten thousand, in another order: the quantiles are the values with these places. */
static void test_quantiles(void **state)
{
	static const uint64_t exact[TURN_QUANTILES] = {5000, 9900, 9990};
	struct turn_summary s;

	(void)state;
	for (uint32_t i = 0; i < 10000; i++)
		turn_times_add(&times, 1 + i * 7919ull % 10000, true);
	s = summary();
	assert_int_equal(s.turns, 10000);
	assert_int_equal(s.busy_cycles, 50005000);
	assert_int_equal(s.idle_cycles, 0);
	assert_int_equal(s.max_cycles, 10000);
	for (uint32_t q = 0; q < TURN_QUANTILES; q++)
		assert_in_range(s.cycles[q], exact[q], exact[q] + exact[q] / 16);
}

/* One turn in a thousand is long: only the last quantile may show it, and the maximum does. */
static void test_rare_turns(void **state)
{
	struct turn_summary s;

	(void)state;
	for (uint32_t i = 0; i < 10000; i++)
		turn_times_add(&times, i % 500 == 0 ? 1000000 : 1000, true);
	s = summary();
	assert_in_range(s.cycles[TURN_P50], 1000, 1063);
	assert_in_range(s.cycles[TURN_P99], 1000, 1063);
	assert_int_equal(s.cycles[TURN_P99_9], 1000000);
	assert_int_equal(s.max_cycles, 1000000);
}

/* Turns without work count as time only; a counter that went back does not count. */
static void test_idle_and_backwards(void **state)
{
	struct turn_summary s;

	(void)state;
	turn_times_add(&times, 5000000, false);
	turn_times_add(&times, 300, true);
	turn_times_add(&times, (uint64_t)-40, true);
	turn_times_add(&times, (uint64_t)-40, false);
	s = summary();
	assert_int_equal(s.turns, 1);
	assert_int_equal(s.idle_cycles, 5000000);
	assert_int_equal(s.busy_cycles, 300);
	assert_int_equal(s.max_cycles, 300);
	assert_int_equal(s.cycles[TURN_P50], 300);
	assert_int_equal(s.cycles[TURN_P99_9], 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_nothing_yet, reset),
	    cmocka_unit_test_setup(test_slots, reset),
	    cmocka_unit_test_setup(test_quantiles, reset),
	    cmocka_unit_test_setup(test_rare_turns, reset),
	    cmocka_unit_test_setup(test_idle_and_backwards, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
