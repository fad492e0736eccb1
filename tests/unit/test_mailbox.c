/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions to a worker: answered, late, never, and from several threads. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "engine/run/mailbox.h"

#define SECOND_US    1000000
#define NB_ASKERS    4
#define NB_QUESTIONS 200

struct worker_thread {
	struct mailbox box;
	_Atomic bool stop;
	uint32_t delay_us; /* before each answer */
	_Atomic uint32_t sleep_us; /* when there is no question */
	pthread_t thread;
};

static void *serve(void *arg)
{
	struct worker_thread *w = arg;

	while (!w->stop) {
		struct inquiry *q = mailbox_take(&w->box);

		if (!q && w->sleep_us)
			mailbox_sleep(&w->box, w->sleep_us);
		if (!q)
			continue;
		if (w->delay_us)
			usleep(w->delay_us);
		q->next = q->cursor + 1;
		mailbox_answer(&w->box);
	}
	return NULL;
}

static struct worker_thread *start(uint32_t delay_us)
{
	struct worker_thread *w = test_calloc(1, sizeof(*w));

	mailbox_init(&w->box);
	w->delay_us = delay_us;
	assert_int_equal(pthread_create(&w->thread, NULL, serve, w), 0);
	return w;
}

static void stop(struct worker_thread *w)
{
	w->stop = true;
	pthread_join(w->thread, NULL);
	test_free(w);
}

static void test_answer(void **state)
{
	struct worker_thread *w = start(0);
	struct inquiry q = {.cursor = 41};

	(void)state;
	assert_true(mailbox_ask(&w->box, &q, SECOND_US));
	assert_int_equal(q.next, 42);
	q.cursor = 7;
	assert_true(mailbox_ask(&w->box, &q, SECOND_US));
	assert_int_equal(q.next, 8);
	stop(w);
}

static void test_nobody_there(void **state)
{
	struct mailbox *m = test_calloc(1, sizeof(*m));
	struct inquiry q = {.cursor = 1, .next = 99};

	(void)state;
	assert_false(mailbox_ask(m, &q, 20000));
	assert_int_equal(q.next, 99);
	/* The question was withdrawn: a worker that wakes up finds nothing. */
	assert_null(mailbox_take(m));
	assert_false(mailbox_ask(m, &q, 1000));
	test_free(m);
}

static void test_late_answer_is_thrown_away(void **state)
{
	struct worker_thread *w = start(100000);
	struct inquiry q = {.cursor = 1, .next = 99};

	(void)state;
	assert_false(mailbox_ask(&w->box, &q, 20000));
	assert_int_equal(q.next, 99);
	q.cursor = 5;
	assert_true(mailbox_ask(&w->box, &q, SECOND_US));
	assert_int_equal(q.next, 6);
	stop(w);
}

static void test_question_wakes(void **state)
{
	struct worker_thread *w = start(0);
	struct inquiry q = {.cursor = 41};

	(void)state;
	w->sleep_us = 60 * SECOND_US;
	for (int i = 0; i < 10; i++) {
		usleep(10000);
		q.cursor = (uint64_t)i;
		assert_true(mailbox_ask(&w->box, &q, SECOND_US));
		assert_int_equal(q.next, i + 1);
	}
	w->stop = true;
	mailbox_ask(&w->box, &q, SECOND_US);
	stop(w);
}

static void test_sleep_ends_without_a_question(void **state)
{
	struct mailbox *m = test_calloc(1, sizeof(*m));
	struct timespec begin, end;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	mailbox_sleep(m, 20000);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000 >=
		    20);
	test_free(m);
}

static void *ask_often(void *arg)
{
	struct worker_thread *w = arg;

	for (uint64_t i = 0; i < NB_QUESTIONS; i++) {
		struct inquiry q = {.cursor = i * 1000};

		if (!mailbox_ask(&w->box, &q, 10 * SECOND_US) || q.next != i * 1000 + 1)
			return w;
	}
	return NULL;
}

static void test_many_ask(void **state)
{
	struct worker_thread *w = start(0);
	pthread_t askers[NB_ASKERS];
	void *failed;

	(void)state;
	for (int i = 0; i < NB_ASKERS; i++)
		assert_int_equal(pthread_create(&askers[i], NULL, ask_often, w), 0);
	for (int i = 0; i < NB_ASKERS; i++) {
		pthread_join(askers[i], &failed);
		assert_null(failed);
	}
	stop(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answer),
	    cmocka_unit_test(test_nobody_there),
	    cmocka_unit_test(test_late_answer_is_thrown_away),
	    cmocka_unit_test(test_question_wakes),
	    cmocka_unit_test(test_sleep_ends_without_a_question),
	    cmocka_unit_test(test_many_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
