/* SPDX-License-Identifier: BSD-3-Clause */
/* The harming port over an in-memory pair: each harm alone, time, bounds, and
 * the same output for the same seed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "drivers/fault_port.h"
#include "drivers/mem_port.h"

#define FRAME_LEN 75 /* odd on purpose */

struct rig {
	struct mem_pool *pool;
	struct port *far;  /* what is sent here ... */
	struct port *near; /* ... is harmed on its way to here */
};

static void rig_up(struct rig *r, const struct conf_fault *conf, uint32_t nb_bufs)
{
	struct port *side[2];
	struct buf_ops ops;

	r->pool = mem_pool_create(nb_bufs, 128, 0);
	assert_non_null(r->pool);
	assert_true(mem_port_pair_create(&(struct mem_port_conf){.pool = r->pool,
								 .ring_size = 16384,
								 .caps = PORT_TX_IP_CSUM |
									 PORT_TX_TCP_CSUM},
					 side));
	ops = mem_pool_ops(r->pool);
	r->far = side[0];
	r->near = fault_port_create(side[1], conf, &ops);
	assert_non_null(r->near);
}

static void rig_down(struct rig *r)
{
	r->near->ops->close(r->near);
	r->far->ops->close(r->far);
	assert_int_equal(mem_pool_in_use(r->pool), 0);
	mem_pool_destroy(r->pool);
}

static void send(struct rig *r, uint32_t id)
{
	struct buf *b = mem_pool_get(r->pool);

	assert_non_null(b);
	memset(b->data, (int)id, FRAME_LEN);
	memcpy(b->data + 20, &id, sizeof(id));
	b->len = FRAME_LEN;
	assert_int_equal(port_tx(r->far, 0, &b, 1, 0), 1);
}

/* Receives one frame's id, or -1: none. */
static int64_t receive(struct rig *r, usec_t now)
{
	struct buf *b;
	uint32_t id;

	if (port_rx(r->near, 0, &b, 1, now) == 0)
		return -1;
	memcpy(&id, b->data + 20, sizeof(id));
	mem_pool_put(r->pool, b);
	return id;
}

static struct fault_stats stats_of(struct rig *r)
{
	struct fault_stats s;

	fault_port_stats(r->near, &s);
	return s;
}

static void test_no_harm_passes_everything(void **state)
{
	struct rig r;
	usec_t at;

	(void)state;
	rig_up(&r, &(struct conf_fault){.enabled = true, .seed = 1}, 64);
	assert_false(r.near->ops->next_event(r.near, &at));
	for (uint32_t i = 0; i < 20; i++)
		send(&r, i);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(receive(&r, 5), i);
	assert_int_equal(receive(&r, 5), -1);
	assert_int_equal(stats_of(&r).passed, 20);
	assert_true(r.near->ops->link_up(r.near));
	rig_down(&r);
}

static void test_drop(void **state)
{
	struct rig r;
	uint32_t got = 0;

	(void)state;
	rig_up(&r, &(struct conf_fault){.seed = 2, .drop_ppm = 250000}, 4096);
	for (uint32_t i = 0; i < 4000; i++)
		send(&r, i);
	for (uint32_t i = 0; i < 4000; i++)
		got += receive(&r, 1) >= 0;
	assert_in_range(stats_of(&r).dropped, 850, 1150);
	assert_int_equal(got, 4000 - stats_of(&r).dropped);
	rig_down(&r);

	rig_up(&r, &(struct conf_fault){.seed = 2, .drop_ppm = 1000000}, 64);
	send(&r, 1);
	assert_int_equal(receive(&r, 1), -1);
	rig_down(&r);
}

static void test_duplicate(void **state)
{
	struct rig r;
	struct buf *b[4];

	(void)state;
	rig_up(&r, &(struct conf_fault){.seed = 3, .duplicate_ppm = 1000000}, 3);
	send(&r, 77);
	assert_int_equal(port_rx(r.near, 0, b, 4, 1), 2);
	assert_ptr_not_equal(b[0], b[1]);
	assert_int_equal(b[0]->len, FRAME_LEN);
	assert_int_equal(b[0]->flags, BUF_RX_IP_CSUM_OK | BUF_RX_L4_CSUM_OK);
	assert_int_equal(b[1]->flags, b[0]->flags);
	assert_memory_equal(b[0]->data, b[1]->data, FRAME_LEN);
	/* One buf left, for the frame itself: no copy of it. */
	send(&r, 78);
	assert_int_equal(port_rx(r.near, 0, b + 2, 2, 1), 1);
	assert_int_equal(stats_of(&r).duplicated, 1);
	assert_int_equal(stats_of(&r).no_copy, 1);
	for (int i = 0; i < 3; i++)
		mem_pool_put(r.pool, b[i]);
	rig_down(&r);
}

static uint32_t ones_sum(const uint8_t *p)
{
	uint32_t sum = 0;

	for (int i = 0; i < FRAME_LEN; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Every corruption shows in an Internet checksum over the frame. */
static void test_corrupt(void **state)
{
	struct rig r;
	uint8_t sent[FRAME_LEN], touched[FRAME_LEN] = {0};

	(void)state;
	rig_up(&r, &(struct conf_fault){.seed = 4, .corrupt_ppm = 1000000}, 8);
	for (uint32_t i = 0; i < 5000; i++) {
		struct buf *b;
		int flips = 0;

		memset(sent, (int)i, sizeof(sent));
		memcpy(sent + 20, &i, sizeof(i));
		send(&r, i);
		assert_int_equal(port_rx(r.near, 0, &b, 1, i), 1);
		assert_int_equal(b->flags, 0);
		for (int k = 0; k < FRAME_LEN; k++) {
			flips += __builtin_popcount(b->data[k] ^ sent[k]);
			touched[k] |= b->data[k] != sent[k];
		}
		assert_in_range(flips, 1, 3);
		assert_int_not_equal(ones_sum(b->data), ones_sum(sent));
		mem_pool_put(r.pool, b);
	}
	for (int k = 0; k < FRAME_LEN; k++)
		assert_int_equal(touched[k], 1);
	assert_int_equal(stats_of(&r).corrupted, 5000);
	rig_down(&r);
}

static void test_delay(void **state)
{
	struct rig r;
	usec_t at;

	(void)state;
	rig_up(&r, &(struct conf_fault){.seed = 5, .delay_us = 500}, 8);
	send(&r, 1);
	assert_int_equal(receive(&r, 1000), -1);
	assert_true(r.near->ops->next_event(r.near, &at));
	assert_int_equal(at, 1500);
	send(&r, 2);
	assert_int_equal(receive(&r, 1100), -1);
	assert_int_equal(stats_of(&r).held, 2);
	assert_int_equal(receive(&r, 1499), -1);
	assert_int_equal(receive(&r, 1500), 1);
	assert_true(r.near->ops->next_event(r.near, &at));
	assert_int_equal(at, 1600);
	assert_int_equal(receive(&r, 1599), -1);
	assert_int_equal(receive(&r, 9999), 2);
	assert_false(r.near->ops->next_event(r.near, &at));
	rig_down(&r);
}

static void test_equal_times_keep_their_order(void **state)
{
	struct rig r;
	struct buf *b[64];

	(void)state;
	rig_up(&r, &(struct conf_fault){.seed = 9, .delay_us = 100}, 64);
	for (uint32_t i = 0; i < 50; i++)
		send(&r, i);
	assert_int_equal(port_rx(r.near, 0, b, 64, 10), 0);
	assert_int_equal(port_rx(r.near, 0, b, 64, 110), 50);
	for (uint32_t i = 0; i < 50; i++) {
		assert_int_equal(b[i]->data[20], i);
		mem_pool_put(r.pool, b[i]);
	}
	rig_down(&r);
}

static void test_reorder(void **state)
{
	struct rig r;
	int64_t last = -1, id;
	uint32_t got = 0, backwards = 0;

	(void)state;
	rig_up(&r, &(struct conf_fault){.seed = 6, .reorder_ppm = 100000, .reorder_us = 30}, 2048);
	for (uint32_t i = 0; i < 1000; i++) {
		send(&r, i);
		while ((id = receive(&r, i * 10)) >= 0) {
			got++;
			backwards += id < last;
			last = id;
		}
	}
	while (receive(&r, 1000000) >= 0)
		got++;
	assert_int_equal(got, 1000);
	assert_in_range(stats_of(&r).reordered, 60, 140);
	assert_in_range(backwards, 50, 140);
	rig_down(&r);
}

/* Frames that come faster than they may leave are delivered early, never lost. */
static void test_hold_queue_is_bounded(void **state)
{
	struct rig r;
	struct buf *b[64];
	uint32_t got = 0;

	(void)state;
	rig_up(&r, &(struct conf_fault){.seed = 7, .delay_us = 1000000}, 2 * FAULT_HOLD_MAX);
	for (uint32_t i = 0; i < FAULT_HOLD_MAX + 4000; i++)
		send(&r, i);
	for (int turn = 0; turn < 1000; turn++) {
		uint16_t n = port_rx(r.near, 0, b, 64, 10);

		for (uint16_t i = 0; i < n; i++)
			mem_pool_put(r.pool, b[i]);
		got += n;
		assert_true(stats_of(&r).held <= FAULT_HOLD_MAX);
	}
	assert_int_equal(stats_of(&r).passed, FAULT_HOLD_MAX + 4000);
	assert_int_equal(stats_of(&r).hurried, got);
	assert_int_equal(got + stats_of(&r).held, FAULT_HOLD_MAX + 4000);
	assert_true(got >= 4000);
	rig_down(&r); /* with frames held */
}

/* Everything at once; returns a digest of what came out, and when. */
static uint64_t run_all_harms(uint64_t seed)
{
	struct conf_fault conf = {.seed = seed, .drop_ppm = 50000, .duplicate_ppm = 50000,
				  .corrupt_ppm = 50000, .reorder_ppm = 100000, .delay_us = 20,
				  .reorder_us = 100};
	struct rig r;
	uint64_t digest = 14695981039346656037u;
	struct buf *b[8];

	rig_up(&r, &conf, 4096);
	for (uint32_t i = 0; i < 2000; i++) {
		uint16_t n;

		send(&r, i);
		n = port_rx(r.near, 0, b, 8, i * 7);
		for (uint16_t k = 0; k < n; k++) {
			for (uint32_t at = 0; at < b[k]->len; at++)
				digest = (digest ^ b[k]->data[at]) * 1099511628211u;
			digest = (digest ^ i) * 1099511628211u;
			mem_pool_put(r.pool, b[k]);
		}
	}
	rig_down(&r);
	return digest;
}

static void test_same_seed_same_harm(void **state)
{
	(void)state;
	assert_int_equal(run_all_harms(42), run_all_harms(42));
	assert_int_not_equal(run_all_harms(42), run_all_harms(43));
}

static void test_sending_is_untouched(void **state)
{
	struct rig r;
	struct buf *b;

	(void)state;
	rig_up(&r, &(struct conf_fault){.seed = 8, .drop_ppm = 1000000}, 4);
	b = mem_pool_get(r.pool);
	assert_non_null(b);
	b->len = 60;
	assert_int_equal(port_tx(r.near, 0, &b, 1, 0), 1);
	assert_int_equal(port_rx(r.far, 0, &b, 1, 0), 1);
	mem_pool_put(r.pool, b);
	rig_down(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_harm_passes_everything),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_duplicate),
		cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_equal_times_keep_their_order),
		cmocka_unit_test(test_reorder),
		cmocka_unit_test(test_hold_queue_is_bounded),
		cmocka_unit_test(test_same_seed_same_harm),
		cmocka_unit_test(test_sending_is_untouched),
	};

	return cmocka_run_group_tests_name("fault_port", tests, NULL, NULL);
}
