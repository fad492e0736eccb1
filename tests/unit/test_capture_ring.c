/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring between a worker and the thread that writes a capture: order, wrap,
 * overflow, what is laid out and given up again, and two threads at once. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "drivers/pcapng.h"
#include "engine/run/capture_ring.h"
#include "tests/unit/rng.h"

#define RING_BYTES  4096
#define LEN_MAX     700
#define NB_THREADED 300000

/* Frame number n has a length and bytes of its own. */
static uint32_t length_of(uint64_t n)
{
	struct rng r = {.state = n};

	return rng_range(&r, 0, LEN_MAX);
}

static bool put(struct capture_ring *ring, uint64_t n)
{
	uint32_t len = length_of(n);
	struct capture_record *r = capture_ring_put(ring, len);

	if (!r)
		return false;
	r->time_us = n;
	r->len = len;
	r->direction = PCAPNG_INBOUND;
	memset(capture_record_bytes(r), (int)(n & 0xff), len);
	return true;
}

static bool is_number(struct capture_record *r, uint64_t n)
{
	const uint8_t *bytes = capture_record_bytes(r);

	if (r->time_us != n || r->kept != length_of(n) || r->len != r->kept)
		return false;
	for (uint32_t i = 0; i < r->kept; i++)
		if (bytes[i] != (n & 0xff))
			return false;
	return true;
}

static void take(struct capture_ring *ring, uint64_t n)
{
	struct capture_record *r = capture_ring_first(ring);

	assert_non_null(r);
	assert_true(is_number(r, n));
	capture_ring_take(ring);
}

static void test_order_over_many_turns(void **state)
{
	struct rng rng = {.state = 7};
	uint64_t next_put = 0, next_take = 0;
	struct capture_ring ring;

	(void)state;
	assert_true(capture_ring_init(&ring, RING_BYTES));
	assert_null(capture_ring_first(&ring));
	while (next_take < 20000) {
		for (uint32_t i = rng_below(&rng, 8); i > 0 && put(&ring, next_put); i--)
			next_put++;
		capture_ring_commit(&ring);
		for (uint32_t i = rng_below(&rng, 8); i > 0 && next_take < next_put; i--)
			take(&ring, next_take++);
	}
	while (next_take < next_put)
		take(&ring, next_take++);
	assert_null(capture_ring_first(&ring));
	capture_ring_fini(&ring);
}

static void test_full(void **state)
{
	struct capture_ring ring;
	uint32_t n = 0;

	(void)state;
	assert_true(capture_ring_init(&ring, RING_BYTES));
	for (; capture_ring_put(&ring, 96); n++)
		;
	assert_int_equal(n, RING_BYTES / 128);
	assert_null(capture_ring_put(&ring, 0));
	/* Nothing was committed. */
	assert_null(capture_ring_first(&ring));
	capture_ring_rewind(&ring, 0);
	for (n = 0; put(&ring, n); n++)
		;
	capture_ring_commit(&ring);
	assert_true(n > 0);
	assert_false(put(&ring, n));
	for (uint32_t i = 0; i < n; i++)
		take(&ring, i);
	assert_true(put(&ring, n));
	capture_ring_fini(&ring);
}

static void test_larger_than_the_ring(void **state)
{
	struct capture_ring ring;

	(void)state;
	assert_true(capture_ring_init(&ring, RING_BYTES));
	assert_null(capture_ring_put(&ring, RING_BYTES));
	assert_null(capture_ring_put(&ring, UINT32_MAX));
	assert_non_null(capture_ring_put(&ring, RING_BYTES - CAPTURE_RECORD_ALIGN));
	capture_ring_fini(&ring);
}

/* Records given up, also those that lay behind a filler, leave no trace. */
static void test_rewind(void **state)
{
	struct rng rng = {.state = 11};
	struct capture_ring ring;
	uint64_t n = 0;

	(void)state;
	assert_true(capture_ring_init(&ring, RING_BYTES));
	for (int turn = 0; turn < 5000; turn++) {
		uint64_t mark = ring.put;

		for (uint32_t i = rng_below(&rng, 4); i > 0; i--)
			put(&ring, UINT64_MAX - i);
		capture_ring_rewind(&ring, mark);
		capture_ring_commit(&ring);
		assert_null(capture_ring_first(&ring));
		assert_true(put(&ring, n));
		mark = ring.put;
		put(&ring, UINT64_MAX - 9);
		capture_ring_rewind(&ring, mark);
		capture_ring_commit(&ring);
		take(&ring, n++);
	}
	capture_ring_fini(&ring);
}

struct shared {
	struct capture_ring ring;
	uint64_t refused;
};

static void *produce(void *arg)
{
	struct shared *s = arg;

	for (uint64_t n = 0; n < NB_THREADED;) {
		uint64_t mark = s->ring.put;

		/* Some are laid out and given up; the consumer must not see them. */
		if (n % 7 == 0 && put(&s->ring, UINT64_MAX - n))
			capture_ring_rewind(&s->ring, mark);
		if (put(&s->ring, n)) {
			n++;
		} else {
			s->refused++;
			sched_yield();
		}
		capture_ring_commit(&s->ring);
	}
	return NULL;
}

static void test_two_threads(void **state)
{
	struct shared *s = aligned_alloc(CACHE_LINE, sizeof(*s));
	pthread_t producer;
	uint64_t n = 0;

	(void)state;
	assert_non_null(s);
	memset(s, 0, sizeof(*s));
	assert_true(capture_ring_init(&s->ring, 1 << 16));
	assert_int_equal(pthread_create(&producer, NULL, produce, s), 0);
	while (n < NB_THREADED) {
		struct capture_record *r = capture_ring_first(&s->ring);

		if (!r) {
			sched_yield();
			continue;
		}
		if (!is_number(r, n))
			fail_msg("record %lu is another one", (unsigned long)n);
		capture_ring_take(&s->ring);
		n++;
	}
	pthread_join(producer, NULL);
	assert_null(capture_ring_first(&s->ring));
	capture_ring_fini(&s->ring);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order_over_many_turns), cmocka_unit_test(test_full),
	    cmocka_unit_test(test_larger_than_the_ring),  cmocka_unit_test(test_rewind),
	    cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
