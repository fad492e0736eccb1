/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's clock over counters and kernel clocks that misbehave. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/run/clock.h"

#define HZ 2300000000ull

static usec_t kernel_us;

static usec_t kernel(void)
{
	return kernel_us;
}

static struct run_clock start(void)
{
	struct run_clock c;

	kernel_us = 1000000;
	run_clock_init(&c, HZ, 5000, kernel);
	return c;
}

static void test_follows_the_counter(void **state)
{
	struct run_clock c = start();

	(void)state;
	assert_int_equal(run_clock_read(&c, 5000), 1000000);
	assert_in_range(run_clock_read(&c, 5000 + HZ / 1000), 1000999, 1001000);
	assert_in_range(run_clock_read(&c, 5000 + HZ / 20), 1049999, 1050000);
}

static void test_kernel_is_the_truth(void **state)
{
	struct run_clock c = start();

	(void)state;
	kernel_us += 150000; /* the counter runs at two thirds of its rate */
	assert_int_equal(run_clock_read(&c, 5000 + HZ / 10), 1150000);
	assert_in_range(run_clock_read(&c, 5000 + HZ / 10 + HZ / 1000), 1150999, 1151000);
}

static void test_never_goes_back(void **state)
{
	struct run_clock c = start();
	usec_t before = run_clock_read(&c, 5000 + HZ / 11), now;

	(void)state;
	now = run_clock_read(&c, 5000 + HZ / 12);
	assert_true(now >= before);
	now = run_clock_read(&c, 100); /* a reset counter; the kernel stands still */
	assert_true(now >= before);
	kernel_us = 500000;
	now = run_clock_read(&c, 5000 + HZ);
	assert_true(now >= before);
	kernel_us = 2000000;
	assert_int_equal(run_clock_read(&c, 5000 + 2 * HZ), 2000000);
}

static void test_counts_time_in_suspend(void **state)
{
	struct run_clock c = start();

	(void)state;
	kernel_us += 3600ull * 1000000;
	assert_int_equal(run_clock_read(&c, 17), 3601000000ull);
	assert_in_range(run_clock_read(&c, 17 + HZ / 1000), 3601000999ull, 3601001000ull);
}

static void test_long_suspend_comes_in_steps(void **state)
{
	struct run_clock c = start();
	usec_t last = 1000000, now;
	uint64_t cycles = 5000;
	int steps = 0;

	(void)state;
	kernel_us += 100ull * 86400 * 1000000;
	do {
		now = run_clock_read(&c, cycles += HZ);
		assert_true((now - last) / USEC_PER_TICK < 1ull << 31);
		last = now;
		assert_true(++steps < 20);
	} while (now < kernel_us);
	assert_true(steps > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_follows_the_counter),
	    cmocka_unit_test(test_kernel_is_the_truth),
	    cmocka_unit_test(test_never_goes_back),
	    cmocka_unit_test(test_counts_time_in_suspend),
	    cmocka_unit_test(test_long_suspend_comes_in_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
