/* SPDX-License-Identifier: BSD-3-Clause */
/* When a worker shares its CPU, by what it is told of time and CPU time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/run/cpu_share.h"

#define MS    1000
#define STEP  (20 * MS) /* as long as a look at the CPU's use takes */
#define START 5000000

struct bench {
	struct cpu_share share;
	usec_t now;
	uint64_t cpu_us;
};

static struct bench begin(bool wanted)
{
	struct bench b = {.now = START, .cpu_us = 700};

	cpu_share_init(&b.share, wanted, b.now, b.cpu_us);
	return b;
}

static enum cpu_share_state look(struct bench *b)
{
	if (cpu_share_is_due(&b->share, b->now))
		atomic_store(&b->share.state, cpu_share_judge(&b->share, b->now, b->cpu_us));
	return cpu_share_state(&b->share);
}

/* n steps, of each of which the thread has run for `ran` and slept for `slept`. */
static enum cpu_share_state pass(struct bench *b, unsigned n, uint64_t ran, uint64_t slept)
{
	enum cpu_share_state is = cpu_share_state(&b->share);

	for (unsigned i = 0; i < n; i++) {
		b->now += STEP;
		b->cpu_us += ran;
		cpu_share_slept(&b->share, slept, slept);
		is = look(b);
	}
	return is;
}

/* The tenth of a second counts as a whole. */
static void test_others_have_it(void **state)
{
	struct bench b = begin(true);

	(void)state;
	assert_int_equal(pass(&b, 4, STEP / 2, 0), CPU_SHARE_OWN);
	assert_int_equal(pass(&b, 1, STEP / 2, 0), CPU_SHARE_SHARED);
}

static void test_in_the_middle_of_a_window(void **state)
{
	struct bench b = begin(true);

	(void)state;
	for (b.now += MS; b.now < START + STEP; b.now += MS)
		assert_false(cpu_share_is_due(&b.share, b.now));
	assert_true(cpu_share_is_due(&b.share, b.now));
}

static void test_own(void **state)
{
	struct bench b = begin(true);

	(void)state;
	assert_int_equal(pass(&b, 100, STEP, 0), CPU_SHARE_OWN);
	/* Interrupts, and what the hypervisor takes. */
	assert_int_equal(pass(&b, 100, STEP - STEP / 8, 0), CPU_SHARE_OWN);
	assert_int_equal(pass(&b, 100, STEP - STEP / 8 - 100, 0), CPU_SHARE_SHARED);
}

static void test_sleep_is_not_lost(void **state)
{
	struct bench b = begin(true);

	(void)state;
	assert_int_equal(pass(&b, 100, STEP / 100, STEP - STEP / 100), CPU_SHARE_OWN);
}

/* Who is woken late had others before it. */
static void test_late_wakeup_is_lost(void **state)
{
	struct bench b = begin(true);

	(void)state;
	for (int i = 0; i < 5; i++) {
		for (int k = 0; k < 5; k++)
			cpu_share_slept(&b.share, 50, 4 * MS);
		b.now += STEP;
		look(&b);
	}
	assert_int_equal(cpu_share_state(&b.share), CPU_SHARE_SHARED);
}

/* What comes and goes is no reason. */
static void test_one_quiet_window(void **state)
{
	struct bench b = begin(true);

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(pass(&b, 4, STEP / 2, 0), CPU_SHARE_OWN);
		assert_int_equal(pass(&b, 1, STEP, 0), CPU_SHARE_OWN);
	}
}

/* While it shares, what it loses says nothing: others have what it leaves them. After ten seconds
 * one window without tells. */
static void test_tries_without(void **state)
{
	struct bench b = begin(true);

	(void)state;
	pass(&b, 5, STEP / 2, 0);
	assert_int_equal(pass(&b, 499, STEP, 0), CPU_SHARE_SHARED);
	assert_int_equal(pass(&b, 1, STEP, 0), CPU_SHARE_OWN);
	assert_int_equal(pass(&b, 1, STEP / 2, 0), CPU_SHARE_SHARED);
	pass(&b, 500, STEP, 0);
	assert_int_equal(pass(&b, 1, STEP, 0), CPU_SHARE_OWN);
	assert_int_equal(pass(&b, 4, STEP / 2, 0), CPU_SHARE_OWN);
}

static void test_not_wanted(void **state)
{
	struct bench b = begin(false);

	(void)state;
	assert_int_equal(pass(&b, 1000, STEP / 2, 0), CPU_SHARE_OFF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_others_have_it),
	    cmocka_unit_test(test_in_the_middle_of_a_window),
	    cmocka_unit_test(test_own),
	    cmocka_unit_test(test_sleep_is_not_lost),
	    cmocka_unit_test(test_late_wakeup_is_lost),
	    cmocka_unit_test(test_one_quiet_window),
	    cmocka_unit_test(test_tries_without),
	    cmocka_unit_test(test_not_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
