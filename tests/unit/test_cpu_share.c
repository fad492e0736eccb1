/* SPDX-License-Identifier: BSD-3-Clause */
/* When a worker shares its CPU, by what it is told of time and waiting, and for real. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

#include "engine/run/cpu_share.h"
#include "tests/unit/skip.h"

#define SLACK_NS 1234

#define MS    1000
#define STEP  (20 * MS) /* as long as a look at the CPU's use takes */
#define START 5000000

struct bench {
	struct cpu_share share;
	usec_t now;
	uint64_t waited_us;
};

static struct bench begin(bool wanted)
{
	struct bench b = {.now = START, .waited_us = 700};

	cpu_share_init(&b.share, wanted, true, b.now, b.waited_us);
	return b;
}

static enum cpu_share_state look(struct bench *b)
{
	if (cpu_share_is_due(&b->share, b->now))
		atomic_store(&b->share.state, cpu_share_judge(&b->share, b->now, b->waited_us));
	return cpu_share_state(&b->share);
}

/* n steps, of each of which the thread was kept waiting for `waited`. */
static enum cpu_share_state pass(struct bench *b, unsigned n, uint64_t waited)
{
	enum cpu_share_state is = cpu_share_state(&b->share);

	for (unsigned i = 0; i < n; i++) {
		b->now += STEP;
		b->waited_us += waited;
		is = look(b);
	}
	return is;
}

/* The tenth of a second counts as a whole. */
static void test_others_have_it(void **state)
{
	struct bench b = begin(true);

	(void)state;
	assert_int_equal(pass(&b, 4, STEP / 2), CPU_SHARE_OWN);
	assert_int_equal(pass(&b, 1, STEP / 2), CPU_SHARE_SHARED);
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
	assert_int_equal(pass(&b, 100, 0), CPU_SHARE_OWN);
	/* Threads of the kernel that come now and then. */
	assert_int_equal(pass(&b, 100, STEP / 8), CPU_SHARE_OWN);
	assert_int_equal(pass(&b, 100, STEP / 8 + 100), CPU_SHARE_SHARED);
}

/* What comes and goes is no reason. */
static void test_one_quiet_window(void **state)
{
	struct bench b = begin(true);

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(pass(&b, 4, STEP / 2), CPU_SHARE_OWN);
		assert_int_equal(pass(&b, 1, 0), CPU_SHARE_OWN);
	}
}

/* The steps that it shares until it tries without. What it loses meanwhile says nothing: others
 * have what it leaves them. */
static unsigned steps_shared(struct bench *b)
{
	unsigned n = 1;

	while (pass(b, 1, 0) == CPU_SHARE_SHARED)
		n++;
	return n;
}

/* One window without tells whether it is as before. */
static void test_tries_without(void **state)
{
	struct bench b = begin(true);

	(void)state;
	pass(&b, 5, STEP / 2);
	assert_int_equal(steps_shared(&b), 25); /* half a second */
	assert_int_equal(pass(&b, 1, STEP / 2), CPU_SHARE_SHARED);
	steps_shared(&b);
	assert_int_equal(pass(&b, 1, 0), CPU_SHARE_OWN);
	assert_int_equal(pass(&b, 4, STEP / 2), CPU_SHARE_OWN);
}

static void test_tries_less_and_less_often(void **state)
{
	static const unsigned steps[] = {25, 50, 100, 200, 400, 500, 500};
	struct bench b = begin(true);

	(void)state;
	pass(&b, 5, STEP / 2);
	for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
		assert_int_equal(steps_shared(&b), steps[i]);
		assert_int_equal(pass(&b, 1, STEP / 2), CPU_SHARE_SHARED);
	}
	steps_shared(&b);
	pass(&b, 1, 0); /* a window of its own: it begins anew */
	assert_int_equal(pass(&b, 5, STEP / 2), CPU_SHARE_SHARED);
	assert_int_equal(steps_shared(&b), 25);
}

static void test_not_wanted(void **state)
{
	struct bench b = begin(false);

	(void)state;
	assert_int_equal(pass(&b, 1000, STEP / 2), CPU_SHARE_OFF);
}

/* It might wait for one that it has interrupted. */
static void test_with_other_workers(void **state)
{
	struct bench b = {.now = START};

	(void)state;
	cpu_share_init(&b.share, true, false, b.now, b.waited_us);
	assert_int_equal(pass(&b, 4, STEP / 2), CPU_SHARE_OWN);
	assert_int_equal(pass(&b, 1000, STEP / 2), CPU_SHARE_REFUSED);
}

static void test_naps(void **state)
{
	(void)state;
	assert_int_equal(cpu_share_nap_us(0), 20);
	assert_int_equal(cpu_share_nap_us(160), 20);
	assert_int_equal(cpu_share_nap_us(800), 100); /* less than sched_rt_runtime_us is left */
}

static void rest(usec_t us)
{
	nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

/* Sleep, and clocks that go on meanwhile, are no others' doing. */
static void test_alone_for_real(void **state)
{
	struct cpu_share s;
	usec_t now = START;

	(void)state;
	cpu_share_start(&s, true, true, now);
	for (int i = 0; i < 20; i++) {
		rest(STEP / 4);
		/* Of a second nobody can have waited an eighth meanwhile. */
		cpu_share_look(&s, now += 1000 * MS);
	}
	assert_int_equal(cpu_share_state(&s), CPU_SHARE_OWN);
	cpu_share_end(&s);
}

static void *busy(void *arg)
{
	atomic_bool *stop = arg;

	while (!atomic_load(stop))
		;
	return NULL;
}

/* Two threads that want one CPU, of which this one shares it: slack and priority are as before
 * when it has tried without. */
static void *share_for_real(void *arg)
{
	struct timespec at;
	struct cpu_share s;
	usec_t now = START;

	prctl(PR_SET_TIMERSLACK, SLACK_NS);
	cpu_share_start(&s, true, true, now);
	for (int i = 0; i < 500 && cpu_share_state(&s) == CPU_SHARE_OWN; i++) {
		clock_gettime(CLOCK_MONOTONIC, &at);
		for (struct timespec t = at; t.tv_sec * 1000 + t.tv_nsec / 1000000 <
					     at.tv_sec * 1000 + at.tv_nsec / 1000000 + 20;)
			clock_gettime(CLOCK_MONOTONIC, &t);
		cpu_share_look(&s, now += STEP);
	}
	assert_int_equal(cpu_share_state(&s), CPU_SHARE_SHARED);
	assert_int_equal(sched_getscheduler(0), SCHED_FIFO);
	cpu_share_look(&s, now += 10000 * MS);
	assert_int_equal(cpu_share_state(&s), CPU_SHARE_OWN);
	assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
	assert_int_equal(prctl(PR_GET_TIMERSLACK), SLACK_NS);
	cpu_share_end(&s);
	*(bool *)arg = true;
	return NULL;
}

static void test_two_on_one_cpu(void **state)
{
	atomic_bool stop = false;
	bool done = false;
	pthread_t other, thread;
	cpu_set_t all, one;

	(void)state;
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0); /* theirs as well */
	assert_int_equal(pthread_create(&other, NULL, busy, &stop), 0);
	assert_int_equal(pthread_create(&thread, NULL, share_for_real, &done), 0);
	pthread_join(thread, NULL);
	atomic_store(&stop, true);
	pthread_join(other, NULL);
	sched_setaffinity(0, sizeof(all), &all);
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
	    cmocka_unit_test(test_one_quiet_window),
	    cmocka_unit_test(test_tries_without),
	    cmocka_unit_test(test_tries_less_and_less_often),
	    cmocka_unit_test(test_not_wanted),
	    cmocka_unit_test(test_with_other_workers),
	    cmocka_unit_test(test_naps),
	    cmocka_unit_test(test_alone_for_real),
	    unit_test_if(may_have_real_time(), test_two_on_one_cpu, NULL,
			 "no real-time priority (CAP_SYS_NICE)"),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
