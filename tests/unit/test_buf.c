/* SPDX-License-Identifier: BSD-3-Clause */
/* Buffers: queues of them, and how a shard takes them from and returns them to
 * whoever owns the memory, with a port that may still hold some. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "tests/lib/rig.h"

#define NB_BUFS 300

struct fixture {
	struct testconf tc;
	struct mem_pool *pool;
	struct rig rig;
	struct shard *sh;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	testconf_init(&f->tc);
	testconf_port(&f->tc, 1500);
	testconf_iface(&f->tc, 0, 0);
	testconf_addr(&f->tc, "192.0.2.1", 24, 0);
	f->pool = mem_pool_create(NB_BUFS, 0, 0);
	rig_init(&f->rig, &f->tc, f->pool, 0, 1, false, 0);
	f->sh = f->rig.sh;
	*state = f;
	return 0;
}

/* Every test ends with every buffer back. */
static int teardown(void **state)
{
	struct fixture *f = *state;
	uint32_t missing = rig_fini_pool(&f->rig);

	free(f);
	return missing ? -1 : 0;
}

static void test_queue(void **state)
{
	struct buf bufs[5] = {{.len = 10}, {.len = 0}, {.len = 300}, {.len = 1}, {.len = 7}};
	struct bufq q = {0};
	uint32_t bytes = 0;

	(void)state;
	assert_null(bufq_pop(&q));
	for (uint32_t i = 0; i < 5; i++) {
		bufs[i].next = &bufs[0]; /* whatever it was before */
		bufq_append(&q, &bufs[i]);
		bytes += bufs[i].len;
		assert_int_equal(q.bytes, bytes);
		assert_int_equal(q.count, i + 1);
		assert_ptr_equal(q.head, &bufs[0]);
		assert_ptr_equal(q.tail, &bufs[i]);
		assert_null(q.tail->next);
	}
	for (uint32_t i = 0; i < 5; i++) {
		assert_ptr_equal(bufq_pop(&q), &bufs[i]);
		assert_null(bufs[i].next);
		bytes -= bufs[i].len;
		assert_int_equal(q.bytes, bytes);
		assert_int_equal(q.count, 4 - i);
	}
	assert_null(q.head);
	assert_null(q.tail);
	assert_null(bufq_pop(&q));
	bufq_append(&q, &bufs[3]);
	assert_ptr_equal(q.head, &bufs[3]);
	assert_ptr_equal(q.tail, &bufs[3]);
}

static void test_room(void **state)
{
	uint8_t memory[1000];
	struct buf b = {.start = memory, .data = memory + 128, .room = sizeof(memory), .len = 60};

	(void)state;
	assert_int_equal(buf_headroom(&b), 128);
	assert_int_equal(buf_tailroom(&b), 1000 - 128 - 60);
	b.data -= 128;
	b.len += 128 + 812;
	assert_int_equal(buf_headroom(&b), 0);
	assert_int_equal(buf_tailroom(&b), 0);
}

static void check_fresh(const struct buf *b)
{
	assert_non_null(b);
	assert_int_equal(buf_headroom(b), BUF_HEADROOM);
	assert_true(buf_tailroom(b) >= BUF_DATAROOM);
	assert_int_equal(b->len, 0);
	assert_int_equal(b->flags, 0);
	assert_null(b->next);
	assert_int_equal(b->hdr_len, 0);
}

/* Leaves traces of a whole life in a buf. */
static void wear(struct buf *b)
{
	memset(b->start, 0x77, b->room);
	b->data = b->start + 7;
	b->len = 99;
	b->flags = BUF_SENT | BUF_RESENT | BUF_PSH | BUF_FIN | BUF_PAYLOAD_CSUM | BUF_RX_HASH;
	b->hdr_len = 66;
	b->next = b;
}

static void test_alloc_gives_all_of_them(void **state)
{
	struct fixture *f = *state;
	struct buf *bufs[NB_BUFS];

	for (uint32_t i = 0; i < NB_BUFS; i++) {
		bufs[i] = shard_buf_alloc(f->sh);
		check_fresh(bufs[i]);
		for (uint32_t k = 0; k < i; k++)
			assert_ptr_not_equal(bufs[i], bufs[k]);
	}
	assert_int_equal(f->sh->stats[STAT_drop_no_buffer], 0);
	assert_null(shard_buf_alloc(f->sh));
	assert_null(shard_buf_alloc(f->sh));
	assert_int_equal(f->sh->stats[STAT_drop_no_buffer], 2);
	for (uint32_t i = 0; i < NB_BUFS; i++) {
		wear(bufs[i]);
		shard_buf_free(f->sh, bufs[i]);
		assert_true(f->sh->cache.count <= SHARD_BUF_CACHE);
	}
	for (uint32_t i = 0; i < NB_BUFS; i++) {
		bufs[i] = shard_buf_alloc(f->sh);
		check_fresh(bufs[i]);
	}
	assert_null(shard_buf_alloc(f->sh));
	for (uint32_t i = 0; i < NB_BUFS; i++)
		shard_buf_free(f->sh, bufs[i]);
}

/* A buf that a port has freed bears the marks of its transmission. */
static void test_freed_by_a_port_is_fresh_again(void **state)
{
	struct fixture *f = *state;
	struct buf_ops ops = mem_pool_ops(f->pool);
	struct buf *bufs[NB_BUFS];

	for (uint32_t i = 0; i < NB_BUFS; i++) {
		bufs[i] = shard_buf_alloc(f->sh);
		wear(bufs[i]);
	}
	ops.free_bulk(ops.ctx, bufs, NB_BUFS);
	for (uint32_t i = 0; i < NB_BUFS; i++) {
		bufs[i] = shard_buf_alloc(f->sh);
		check_fresh(bufs[i]);
	}
	for (uint32_t i = 0; i < NB_BUFS; i++)
		shard_buf_free(f->sh, bufs[i]);
}

static void test_last_freed_is_taken_first(void **state)
{
	struct fixture *f = *state;
	struct buf *a = shard_buf_alloc(f->sh), *b = shard_buf_alloc(f->sh);

	shard_buf_free(f->sh, a);
	shard_buf_free(f->sh, b);
	assert_ptr_equal(shard_buf_alloc(f->sh), b);
	assert_ptr_equal(shard_buf_alloc(f->sh), a);
	shard_buf_free(f->sh, a);
	shard_buf_free(f->sh, b);
}

/* Takes what it is offered, up to *ctx frames. */
static uint32_t take_some(void *ctx, struct buf **bufs, uint32_t n)
{
	uint32_t *left = ctx;
	uint32_t k = MIN(n, *left);

	for (uint32_t i = 0; i < n; i++)
		assert_false(bufs[i]->flags & BUF_IN_TXQ); /* a port sees no such thing */
	*left -= k;
	return k;
}

/* Frames leave in order, and those not taken wait for the next turn. */
static void test_transmit_in_parts(void **state)
{
	struct fixture *f = *state;
	struct buf *bufs[10];
	uint32_t left = 4;

	for (uint32_t i = 0; i < 10; i++) {
		bufs[i] = shard_buf_alloc(f->sh);
		bufs[i]->len = 60;
		shard_tx(f->sh, 0, bufs[i]);
		assert_int_equal(shard_tx_room(f->sh, 0), SHARD_TX_RING - i - 1);
	}
	assert_int_equal(f->sh->stats[STAT_tx_frames], 10);
	assert_int_equal(shard_transmit(f->sh, 0, take_some, &left), 4);
	assert_int_equal(f->sh->tx[0].count, 6);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(!!(bufs[i]->flags & BUF_IN_TXQ), i >= 4);
	for (uint32_t i = 0; i < 6; i++)
		assert_ptr_equal(f->sh->tx[0].bufs[i], bufs[4 + i]);
	left = 100;
	assert_int_equal(shard_transmit(f->sh, 0, take_some, &left), 6);
	assert_int_equal(shard_transmit(f->sh, 0, take_some, &left), 0);
	for (uint32_t i = 0; i < 10; i++)
		mem_pool_put(f->pool, bufs[i]);
}

/* A kept buf is its sender's and the port's: both orders of letting go. */
static void test_kept_bufs(void **state)
{
	struct fixture *f = *state;
	struct buf *b = shard_buf_alloc(f->sh);
	uint32_t left = 1, in_use = mem_pool_in_use(f->pool);

	assert_false(shard_buf_busy(f->sh, b));
	b->flags |= BUF_KEEP | BUF_SENT;
	shard_tx(f->sh, 0, b);
	assert_true(shard_buf_busy(f->sh, b));
	assert_int_equal(shard_transmit(f->sh, 0, take_some, &left), 1);
	mem_pool_hold(b); /* the port's reference */
	assert_true(shard_buf_busy(f->sh, b));
	mem_pool_put(f->pool, b);
	assert_false(shard_buf_busy(f->sh, b));
	shard_buf_free_kept(f->sh, b);
	assert_int_equal(mem_pool_in_use(f->pool), in_use);
	assert_ptr_equal(shard_buf_alloc(f->sh), b);

	/* Acknowledged while the device still reads it. */
	b->flags |= BUF_KEEP | BUF_SENT;
	shard_tx(f->sh, 0, b);
	left = 1;
	shard_transmit(f->sh, 0, take_some, &left);
	mem_pool_hold(b);
	shard_buf_free_kept(f->sh, b);
	assert_int_equal(mem_pool_in_use(f->pool), in_use);
	mem_pool_put(f->pool, b);
	assert_int_equal(mem_pool_in_use(f->pool), in_use - 1);
}

/* Acknowledged, or its connection gone, before it has left: it leaves all the
 * same, and then it is the port's to free. */
static void test_kept_buf_let_go_in_the_queue(void **state)
{
	struct fixture *f = *state;
	struct buf *b = shard_buf_alloc(f->sh);
	uint32_t left = 1, in_use = mem_pool_in_use(f->pool);

	b->flags |= BUF_KEEP | BUF_SENT;
	shard_tx(f->sh, 0, b);
	shard_buf_free_kept(f->sh, b);
	assert_int_equal(mem_pool_in_use(f->pool), in_use);
	assert_false(b->flags & BUF_KEEP);
	assert_int_equal(f->sh->tx[0].count, 1);
	assert_int_equal(shard_transmit(f->sh, 0, take_some, &left), 1);
	mem_pool_put(f->pool, b);
	assert_int_equal(mem_pool_in_use(f->pool), in_use - 1);
}

/* What waits in a transmit queue when the shard ends goes back as well. */
static void test_fini_returns_queued_frames(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 20; i++) {
		struct buf *b = shard_buf_alloc(f->sh);

		b->len = 60;
		shard_tx(f->sh, 0, b);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_queue),
	    cmocka_unit_test(test_room),
	    TEST(test_alloc_gives_all_of_them),
	    TEST(test_freed_by_a_port_is_fresh_again),
	    TEST(test_last_freed_is_taken_first),
	    TEST(test_transmit_in_parts),
	    TEST(test_kept_bufs),
	    TEST(test_kept_buf_let_go_in_the_queue),
	    TEST(test_fini_returns_queued_frames),
	};
#undef TEST

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
