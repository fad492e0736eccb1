/* SPDX-License-Identifier: BSD-3-Clause */
/* When a worker shares its CPU, by what it is told of time and CPU time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#include "engine/run/cpu_share.h"
#include "tests/unit/skip.h"

#define SLACK_NS 1234

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

	cpu_share_init(&b.share, wanted, true, b.now, b.cpu_us);
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

/* It might wait for one that it has interrupted. */
static void test_with_other_workers(void **state)
{
	struct bench b = {.now = START};

	(void)state;
	cpu_share_init(&b.share, true, false, b.now, b.cpu_us);
	assert_int_equal(pass(&b, 4, STEP / 2, 0), CPU_SHARE_OWN);
	assert_int_equal(pass(&b, 1000, STEP / 2, 0), CPU_SHARE_REFUSED);
}

static void test_naps(void **state)
{
	(void)state;
	assert_int_equal(cpu_share_nap_us(0), 20);
	assert_int_equal(cpu_share_nap_us(160), 20);
	assert_int_equal(cpu_share_nap_us(800), 100); /* less than sched_rt_runtime_us is left */
}

/* By a thread of its own, whose slack and priority are to be as they were. */
static void *share_for_real(void *arg)
{
	struct cpu_share s;
	usec_t now = START;

	prctl(PR_SET_TIMERSLACK, SLACK_NS);
	cpu_share_start(&s, true, true, now);
	for (int i = 0; i < 5; i++)
		cpu_share_look(&s, now += STEP); /* of which it has hardly run at all */
	if (cpu_share_state(&s) == CPU_SHARE_REFUSED)
		return NULL;
	assert_int_equal(cpu_share_state(&s), CPU_SHARE_SHARED);
	assert_int_equal(sched_getscheduler(0), SCHED_FIFO);
	cpu_share_look(&s, now += 10000 * MS);
	assert_int_equal(cpu_share_state(&s), CPU_SHARE_OWN);
	assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
	assert_int_equal(prctl(PR_GET_TIMERSLACK), SLACK_NS);
	*(bool *)arg = true;
	return NULL;
}

static void test_all_is_as_before(void **state)
{
	bool done = false;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, share_for_real, &done), 0);
	pthread_join(thread, NULL);
	assert_true(done);
}

static bool may_have_real_time(void)
{
	struct sched_param param = {.sched_priority = 1}, before = {0};

	return sched_setscheduler(0, SCHED_FIFO, &param) == 0 &&
	       sched_setscheduler(0, SCHED_OTHER, &before) == 0;
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
	    cmocka_unit_test(test_with_other_workers),
	    cmocka_unit_test(test_naps),
	    unit_test_if(may_have_real_time(), test_all_is_as_before, NULL,
			 "no real-time priority (CAP_SYS_NICE)"),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
