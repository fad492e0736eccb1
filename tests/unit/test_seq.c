/* SPDX-License-Identifier: BSD-3-Clause */
/* Sequence numbers and ticks: order within half of the number space, wherever
 * it begins. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/base/tick.h"
#include "engine/tcp/seq.h"
#include "tests/unit/rng.h"

static const uint32_t origins[] = {0,	       1,	   0x7ffffffe, 0x7fffffff, 0x80000000,
				   0x80000001, 0xfffffffe, 0xffffffff, 0x12345678};
static const uint32_t spans[] = {1, 2, 255, 65536, 0x3fffffff, 0x40000000, 0x7ffffffe, 0x7fffffff};

static void check_seq(uint32_t a, uint32_t span)
{
	uint32_t b = a + span;

	assert_true(seq_lt(a, b));
	assert_false(seq_lt(b, a));
	assert_true(seq_leq(a, b));
	assert_false(seq_leq(b, a));
	assert_true(seq_gt(b, a));
	assert_false(seq_gt(a, b));
	assert_true(seq_geq(b, a));
	assert_false(seq_geq(a, b));
	assert_int_equal(seq_max(a, b), b);
	assert_int_equal(seq_max(b, a), b);
	assert_int_equal(seq_min(a, b), a);
	assert_int_equal(seq_min(b, a), a);
}

static void check_tick(tick_t a, uint32_t span)
{
	tick_t b = a + span;

	assert_true(tick_before(a, b));
	assert_false(tick_before(b, a));
	assert_true(tick_reached(b, a));
	assert_false(tick_reached(a, b));
	assert_int_equal(tick_min(a, b), a);
	assert_int_equal(tick_min(b, a), a);
}

static void test_corners(void **state)
{
	(void)state;
	for (uint32_t o = 0; o < ARRAY_SIZE(origins); o++)
		for (uint32_t s = 0; s < ARRAY_SIZE(spans); s++) {
			check_seq(origins[o], spans[s]);
			check_tick(origins[o], spans[s]);
		}
}

static void test_random(void **state)
{
	struct rng rng = {9293};

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint32_t a = (uint32_t)rng_u64(&rng);

		check_seq(a, rng_range(&rng, 1, 0x7fffffff));
		check_tick(a, rng_range(&rng, 1, 0x7fffffff));
	}
}

static void test_equal(void **state)
{
	(void)state;
	for (uint32_t o = 0; o < ARRAY_SIZE(origins); o++) {
		uint32_t a = origins[o];

		assert_true(seq_leq(a, a) && seq_geq(a, a));
		assert_false(seq_lt(a, a) || seq_gt(a, a));
		assert_int_equal(seq_max(a, a), a);
		assert_int_equal(seq_min(a, a), a);
		assert_true(tick_reached(a, a));
		assert_false(tick_before(a, a));
		assert_int_equal(tick_min(a, a), a);
	}
}

static void test_tick_of(void **state)
{
	(void)state;
	assert_int_equal(tick_of(0), 0);
	assert_int_equal(tick_of(999), 0);
	assert_int_equal(tick_of(1000), 1);
	assert_int_equal(tick_of((1ull << 32) * 1000 - 1), 0xffffffff);
	assert_int_equal(tick_of((1ull << 32) * 1000), 0);
	assert_int_equal(tick_of((1ull << 32) * 1000 + 5999), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_corners),
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_equal),
	    cmocka_unit_test(test_tick_of),
	};

	return cmocka_run_group_tests_name("seq", tests, NULL, NULL);
}
