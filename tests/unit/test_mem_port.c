/* SPDX-License-Identifier: BSD-3-Clause */
/* The plain-memory pool and the in-memory pair of ports. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "drivers/mem_port.h"

static struct buf *frame(struct mem_pool *pool, uint32_t id, uint32_t len)
{
	struct buf *b = mem_pool_get(pool);

	assert_non_null(b);
	memset(b->data, (int)(id & 0xff), len);
	memcpy(b->data, &id, sizeof(id));
	b->len = len;
	return b;
}

static uint32_t id_of(const struct buf *b)
{
	uint32_t id;

	memcpy(&id, b->data, sizeof(id));
	return id;
}

static void pair(const struct mem_port_conf *conf, struct port *side[2])
{
	assert_true(mem_port_pair_create(conf, side));
}

static void close_pair(struct port *side[2])
{
	side[0]->ops->close(side[0]);
	side[1]->ops->close(side[1]);
}

static void test_pool_gives_fresh_bufs(void **state)
{
	struct mem_pool *pool = mem_pool_create(4, 100, 0);
	struct buf_ops ops = mem_pool_ops(pool);
	struct buf *b[4], *more;

	(void)state;
	assert_int_equal(ops.total, 4);
	assert_int_equal(ops.available(ops.ctx), 4);
	assert_true(ops.alloc_bulk(ops.ctx, b, 4));
	assert_int_equal(mem_pool_in_use(pool), 4);
	assert_int_equal(ops.available(ops.ctx), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(buf_headroom(b[i]), BUF_HEADROOM);
		assert_int_equal(buf_tailroom(b[i]), 100);
		assert_int_equal(b[i]->len, 0);
		b[i]->flags = BUF_KEEP;
		b[i]->data += 17;
		b[i]->len = 3;
		memset(b[i]->start, 0xee, b[i]->room);
	}
	assert_false(ops.alloc_bulk(ops.ctx, &more, 1));
	ops.free_bulk(ops.ctx, b, 4);
	assert_int_equal(mem_pool_in_use(pool), 0);

	assert_false(ops.alloc_bulk(ops.ctx, b, 5));
	assert_true(ops.alloc_bulk(ops.ctx, b, 1));
	assert_int_equal(b[0]->flags, 0);
	assert_int_equal(b[0]->len, 0);
	assert_int_equal(buf_headroom(b[0]), BUF_HEADROOM);
	ops.free_bulk(ops.ctx, b, 1);
	mem_pool_destroy(pool);
}

static void test_pool_counts_references(void **state)
{
	struct mem_pool *pool = mem_pool_create(2, 0, 0);
	struct buf_ops ops = mem_pool_ops(pool);
	struct buf *b = mem_pool_get(pool);

	(void)state;
	assert_false(ops.in_port(ops.ctx, b));
	mem_pool_hold(b);
	assert_true(ops.in_port(ops.ctx, b));
	mem_pool_put(pool, b);
	assert_false(ops.in_port(ops.ctx, b));
	assert_int_equal(mem_pool_in_use(pool), 1);
	mem_pool_put(pool, b);
	assert_int_equal(mem_pool_in_use(pool), 0);
	mem_pool_destroy(pool);
}

static void test_frames_cross_in_order(void **state)
{
	struct mem_pool *pool = mem_pool_create(64, 0, 0);
	struct port *side[2];
	struct buf *b[8];
	struct port_stats st;

	(void)state;
	pair(&(struct mem_port_conf){.pool = pool, .nb_queues = 2}, side);
	assert_int_equal(side[0]->nb_queues, 2);
	assert_int_equal(side[0]->mtu, 1500);
	assert_memory_not_equal(side[0]->mac, side[1]->mac, 6);
	assert_true(side[0]->ops->link_up(side[0]));

	for (uint32_t i = 0; i < 8; i++) {
		b[i] = frame(pool, i, 60);
		b[i]->flags = BUF_SENT | BUF_PSH;
	}
	assert_int_equal(port_tx(side[0], 1, b, 8, 0), 8);
	assert_int_equal(port_rx(side[1], 0, b, 8, 0), 0);
	assert_int_equal(port_rx(side[0], 1, b, 8, 0), 0);
	assert_int_equal(port_rx(side[1], 1, b, 5, 0), 5);
	assert_int_equal(port_rx(side[1], 1, b + 5, 8, 0), 3);
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(id_of(b[i]), i);
		assert_int_equal(b[i]->flags, 0);
		mem_pool_put(pool, b[i]);
	}
	side[1]->ops->stats(side[1], &st);
	assert_int_equal(st.rx_frames, 8);
	assert_int_equal(st.rx_missed, 0);
	side[0]->ops->stats(side[0], &st);
	assert_int_equal(st.tx_frames, 8);
	close_pair(side);
	assert_int_equal(mem_pool_in_use(pool), 0);
	mem_pool_destroy(pool);
}

static void test_kept_bufs_are_copied(void **state)
{
	struct mem_pool *pool = mem_pool_create(3, 0, 0);
	struct port *side[2];
	struct buf *kept, *held, *got[4];
	struct port_stats st;

	(void)state;
	pair(&(struct mem_port_conf){.pool = pool}, side);
	kept = frame(pool, 7, 60);
	kept->data -= 100; /* a longer header grew into the headroom */
	kept->len += 100;
	kept->flags = BUF_KEEP;
	assert_int_equal(port_tx(side[0], 0, &kept, 1, 0), 1);
	assert_true(mem_pool_is_sole(kept));
	assert_int_equal(port_rx(side[1], 0, got, 4, 0), 1);
	assert_ptr_not_equal(got[0], kept);
	assert_int_equal(got[0]->len, 160);
	assert_int_equal(buf_headroom(got[0]), BUF_HEADROOM);
	assert_memory_equal(got[0]->data, kept->data, 160);
	assert_int_equal(got[0]->flags, 0);

	/* Someone else's reference: handed over as a copy, this one given up. */
	held = frame(pool, 8, 60);
	mem_pool_hold(held);
	mem_pool_put(pool, got[0]);
	assert_int_equal(port_tx(side[0], 0, &held, 1, 0), 1);
	assert_true(mem_pool_is_sole(held));
	assert_int_equal(port_rx(side[1], 0, got, 4, 0), 1);
	assert_ptr_not_equal(got[0], held);

	/* No buf left for the copy: lost on the way. */
	assert_int_equal(mem_pool_in_use(pool), 3);
	assert_int_equal(port_tx(side[0], 0, &kept, 1, 0), 1);
	side[1]->ops->stats(side[1], &st);
	assert_int_equal(st.rx_missed, 1);
	assert_int_equal(port_rx(side[1], 0, got + 1, 1, 0), 0);
	mem_pool_put(pool, got[0]);
	mem_pool_put(pool, held);
	mem_pool_put(pool, kept);
	close_pair(side);
	assert_int_equal(mem_pool_in_use(pool), 0);
	mem_pool_destroy(pool);
}

static void test_full_ring_takes_fewer(void **state)
{
	struct mem_pool *pool = mem_pool_create(16, 0, 0);
	struct port *side[2];
	struct buf *b[8];

	(void)state;
	pair(&(struct mem_port_conf){.pool = pool, .ring_size = 4}, side);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 6; i++)
			b[i] = frame(pool, i, 60);
		assert_int_equal(port_tx(side[1], 0, b, 6, 0), 4);
		mem_pool_put(pool, b[4]);
		mem_pool_put(pool, b[5]);
		assert_int_equal(port_rx(side[0], 0, b, 8, 0), 4);
		for (uint32_t i = 0; i < 4; i++) {
			assert_int_equal(id_of(b[i]), i);
			mem_pool_put(pool, b[i]);
		}
	}
	close_pair(side);
	mem_pool_destroy(pool);
}

static void test_offloaded_sums_are_trusted(void **state)
{
	struct mem_pool *pool = mem_pool_create(2, 0, 0);
	struct port *side[2];
	struct buf *b;

	(void)state;
	pair(&(struct mem_port_conf){.pool = pool, .caps = PORT_TX_IP_CSUM | PORT_TX_TCP_CSUM},
	     side);
	assert_int_equal(side[1]->caps, PORT_TX_IP_CSUM | PORT_TX_TCP_CSUM);
	b = frame(pool, 1, 60);
	b->flags = BUF_TX_IP_CSUM | BUF_TX_L4_CSUM;
	assert_int_equal(port_tx(side[0], 0, &b, 1, 0), 1);
	assert_int_equal(port_rx(side[1], 0, &b, 1, 0), 1);
	assert_int_equal(b->flags, BUF_RX_IP_CSUM_OK | BUF_RX_L4_CSUM_OK);
	mem_pool_put(pool, b);
	close_pair(side);
	mem_pool_destroy(pool);
}

static uint16_t steer_by_id(void *ctx, const struct buf *b)
{
	(*(uint32_t *)ctx)++;
	return (uint16_t)id_of(b);
}

static void test_steering_chooses_the_queue(void **state)
{
	struct mem_pool *pool = mem_pool_create(64, 0, 0);
	struct port *side[2];
	struct buf *b[6];
	uint32_t calls = 0;

	(void)state;
	pair(&(struct mem_port_conf){.pool = pool, .nb_queues = 3, .steer = steer_by_id,
				     .steer_ctx = &calls},
	     side);
	for (uint32_t i = 0; i < 6; i++)
		b[i] = frame(pool, i, 60);
	assert_int_equal(port_tx(side[0], 0, b, 3, 0), 3);
	assert_int_equal(port_tx(side[0], 2, b + 3, 3, 0), 3);
	assert_int_equal(calls, 6);
	for (uint16_t q = 0; q < 3; q++) {
		assert_int_equal(port_rx(side[1], q, b, 6, 0), 2);
		assert_int_equal(id_of(b[0]) % 3, q);
		assert_int_equal(id_of(b[1]) % 3, q);
		mem_pool_put(pool, b[0]);
		mem_pool_put(pool, b[1]);
	}
	close_pair(side);
	assert_int_equal(mem_pool_in_use(pool), 0);
	mem_pool_destroy(pool);
}

static void test_close_returns_frames_under_way(void **state)
{
	struct mem_pool *pool = mem_pool_create(16, 0, 0);
	struct port *side[2];
	struct buf *b[4];
	struct port_stats st;

	(void)state;
	pair(&(struct mem_port_conf){.pool = pool}, side);
	for (uint32_t i = 0; i < 4; i++)
		b[i] = frame(pool, i, 60);
	assert_int_equal(port_tx(side[0], 0, b, 2, 0), 2);
	assert_int_equal(port_tx(side[1], 0, b + 2, 1, 0), 1);
	side[1]->ops->close(side[1]);
	assert_int_equal(mem_pool_in_use(pool), 2);
	assert_false(side[0]->ops->link_up(side[0]));
	assert_int_equal(port_tx(side[0], 0, b + 3, 1, 0), 1);
	side[0]->ops->stats(side[0], &st);
	assert_int_equal(st.tx_errors, 1);
	side[0]->ops->close(side[0]);
	assert_int_equal(mem_pool_in_use(pool), 0);
	mem_pool_destroy(pool);
}

struct far_side {
	struct port *port;
	struct mem_pool *pool;
	atomic_bool stop;
};

/* Sends back what it receives, as a peer on another core does. */
static void *echo_thread(void *arg)
{
	struct far_side *f = arg;
	struct buf *b[16];

	while (!atomic_load(&f->stop)) {
		uint16_t n = port_rx(f->port, 0, b, 16, 0), sent = 0;

		if (n == 0)
			sched_yield();
		while (sent < n)
			sent += port_tx(f->port, 0, b + sent, n - sent, 0);
	}
	return NULL;
}

#define ECHOES 20000u

static void test_two_threads(void **state)
{
	struct mem_pool *pool = mem_pool_create(256, 0, MEM_POOL_SHARED);
	struct port *side[2];
	struct far_side far;
	pthread_t thread;
	uint32_t sent = 0, back = 0;

	(void)state;
	pair(&(struct mem_port_conf){.pool = pool, .ring_size = 64}, side);
	far.port = side[1];
	far.pool = pool;
	atomic_init(&far.stop, false);
	assert_int_equal(pthread_create(&thread, NULL, echo_thread, &far), 0);
	while (back < ECHOES) {
		bool keep = sent % 3 == 0;
		struct buf *b[16];
		uint16_t n;

		/* Never more under way than one ring holds, so the echo never blocks. */
		if (sent < ECHOES && sent - back < 60) {
			b[0] = frame(pool, sent, 64);
			b[0]->flags = keep ? BUF_KEEP : 0;
			n = port_tx(side[0], 0, b, 1, 0);
			sent += n;
			if (n == 0 || keep)
				mem_pool_put(pool, b[0]);
		}
		n = port_rx(side[0], 0, b, 16, 0);
		if (n == 0)
			sched_yield();
		for (uint16_t i = 0; i < n; i++) {
			assert_int_equal(id_of(b[i]), back++);
			mem_pool_put(pool, b[i]);
		}
	}
	atomic_store(&far.stop, true);
	pthread_join(thread, NULL);
	close_pair(side);
	assert_int_equal(mem_pool_in_use(pool), 0);
	mem_pool_destroy(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool_gives_fresh_bufs),
		cmocka_unit_test(test_pool_counts_references),
		cmocka_unit_test(test_frames_cross_in_order),
		cmocka_unit_test(test_kept_bufs_are_copied),
		cmocka_unit_test(test_full_ring_takes_fewer),
		cmocka_unit_test(test_offloaded_sums_are_trusted),
		cmocka_unit_test(test_steering_chooses_the_queue),
		cmocka_unit_test(test_close_returns_frames_under_way),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests_name("mem_port", tests, NULL, NULL);
}
