/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers that share the one queue of a port: each gets something of it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <rte_ring.h>

#include "engine/run/exchange.h"
#include "tests/lib/rig.h"

#define TURNS	 1000
#define OF_OTHER 10  /* frames that the worker without a queue has to send in a turn */
#define TAKES	 100 /* frames that the port takes in one */

struct wire {
	struct mem_pool *pool;
	uint32_t takes, sent[2]; /* by worker */
};

static uint32_t wire_take(void *ctx, struct buf **bufs, uint32_t n)
{
	struct wire *w = ctx;

	n = MIN(n, w->takes);
	for (uint32_t i = 0; i < n; i++) {
		w->sent[bufs[i]->owner]++;
		mem_pool_put(w->pool, bufs[i]);
	}
	return n;
}

static void enqueue(struct shard *sh)
{
	struct buf *b = shard_buf_alloc(sh);

	assert_non_null(b);
	b->len = 60;
	b->owner = (uint8_t)sh->id;
	shard_tx(sh, 0, b);
}

struct world {
	struct testconf tc;
	struct rig rigs[2];
	struct exchange exchange;
	struct wire wire;
};

/* No EAL: rings in memory of ours. */
static void start(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->wire = (struct wire){.pool = mem_pool_create(8192, BUF_DATAROOM, 0), .takes = TAKES};
	testconf_init(&w->tc);
	w->tc.conf.nb_workers = 2;
	testconf_port(&w->tc, 1500);
	testconf_iface(&w->tc, 0, 0);
	testconf_addr(&w->tc, "192.0.2.1", 24, 0);
	w->exchange.nb_workers = 2;
	for (uint16_t i = 0; i < 2; i++) {
		rig_init_shard(&w->rigs[i], &w->tc, w->wire.pool, 0, i, 1, false, 1000000);
		for (int k = 0; k < EXCHANGE_NB_KINDS; k++) {
			struct rte_ring *r = aligned_alloc(
			    CACHE_LINE, (size_t)rte_ring_get_memsize(EXCHANGE_FRAMES));

			rte_ring_init(r, "ring", EXCHANGE_FRAMES, RING_F_SC_DEQ);
			w->exchange.rings[k][i] = r;
		}
	}
}

static void stop(struct world *w)
{
	for (uint16_t i = 0; i < 2; i++)
		for (int k = 0; k < EXCHANGE_NB_KINDS; k++)
			free(w->exchange.rings[k][i]);
	rig_fini(&w->rigs[1]);
	rig_fini(&w->rigs[0]);
	mem_pool_destroy(w->wire.pool);
}

/* Worker 0 has the queue and more to send than the port takes; in the order of a worker's turn. */
static void turn(struct world *w)
{
	struct shard *owner = w->rigs[0].sh, *other = w->rigs[1].sh;

	for (int i = 0; i < OF_OTHER && shard_tx_room(other, 0); i++)
		enqueue(other);
	exchange_send(&w->exchange, other, 0, 0);
	exchange_collect(&w->exchange, owner);
	while (shard_tx_room(owner, 0))
		enqueue(owner);
	shard_transmit(owner, 0, wire_take, &w->wire);
}

static void test_busy_owner(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	for (int i = 0; i < TURNS; i++)
		turn(&w);
	assert_int_equal(w.rigs[0].sh->stats[STAT_drop_tx_full], 0);
	assert_true(w.wire.sent[1] >= TURNS * OF_OTHER * 9 / 10);
	assert_true(w.wire.sent[0] > w.wire.sent[1]);
	stop(&w);
}

/* Little room is used up, and what is too much waits where it is. */
static void test_slow_port(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	w.wire.takes = OF_OTHER / 2;
	for (int i = 0; i < TURNS; i++)
		turn(&w);
	assert_int_equal(w.rigs[0].sh->stats[STAT_drop_tx_full], 0);
	assert_true(w.wire.sent[1] > TURNS);
	stop(&w);
}

/* The link is down: others' frames are lost as our own replies are, and hold up nothing. */
static void test_dead_port(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	w.wire.takes = 0;
	for (int i = 0; i < TURNS; i++)
		turn(&w);
	assert_true(w.rigs[0].sh->stats[STAT_drop_tx_full] > 0);
	assert_int_equal(rte_ring_count(w.exchange.rings[EXCHANGE_TX][0]), 0);
	stop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_busy_owner),
	    cmocka_unit_test(test_slow_port),
	    cmocka_unit_test(test_dead_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
