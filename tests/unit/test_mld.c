/* SPDX-License-Identifier: BSD-3-Clause */
/* Multicast listener reports, byte for byte, and which queries are answered. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/net/mld.h"
#include "engine/wire/csum.h"
#include "engine/wire/wire.h"
#include "tests/lib/rig.h"

#define MESSAGE (ETH_HLEN + IPV6_HLEN + 8) /* behind the router alert */

static const uint8_t querier[16] = {0xfe, 0x80, [15] = 0x99};
static const uint8_t group_1[16] = {0xff, 0x02, [11] = 1, 0xff, 0, 0, 0x01};
static const uint8_t group_2[16] = {0xff, 0x02, [11] = 1, 0xff, 0x12, 0x34, 0x56};
static const uint8_t any[16];

struct bench {
	struct testconf tc;
	struct conf_addr addrs[80]; /* when there are many */
	struct mem_pool *pool;
	struct rig rig;
};

static void begin(struct bench *b, uint16_t more)
{
	*b = (struct bench){.pool = mem_pool_create(256, BUF_DATAROOM, 0)};
	testconf_init(&b->tc);
	testconf_port(&b->tc, 1500);
	testconf_iface(&b->tc, 0, 0);
	testconf_addr(&b->tc, "192.0.2.1", 24, 0);
	testconf_addr(&b->tc, "2001:db8::1", 64, 0);
	testconf_addr(&b->tc, "2001:db8::12:3456", 64, 0);
	if (more) {
		for (uint16_t i = 0; i < 3 + more; i++)
			b->addrs[i] = b->tc.addrs[MIN(i, 2)];
		b->tc.conf.addrs = b->addrs;
		b->tc.conf.nb_addrs = (uint16_t)(3 + more);
	}
	rig_init(&b->rig, &b->tc, b->pool, 0, 1, false, 1000000);
}

static void end(struct bench *b)
{
	rig_fini(&b->rig);
	mem_pool_destroy(b->pool);
}

static struct txq *queue(struct bench *b)
{
	return &b->rig.sh->tx[0];
}

/* The frame's message of `type`, its headers being those of a report to `dst`. */
static const uint8_t *message(const struct buf *b, uint8_t type, const uint8_t dst[16])
{
	static const uint8_t alert[8] = {58, 0, 5, 2, 0, 0, 1, 0};
	const uint8_t *ip = b->data + ETH_HLEN, *m = b->data + MESSAGE;
	uint32_t len = b->len - MESSAGE;

	assert_memory_equal(b->data, ((uint8_t[]){0x33, 0x33, dst[12], dst[13], dst[14], dst[15]}),
			    6);
	assert_int_equal(get_be16(b->data + 12), ETH_TYPE_IPV6);
	assert_int_equal(get_be16(ip + 4), 8 + len);
	assert_int_equal(ip[6], 0); /* hop by hop */
	assert_int_equal(ip[7], 1);
	assert_memory_equal(ip + 8, any, 16);
	assert_memory_equal(ip + 24, dst, 16);
	assert_memory_equal(m - sizeof(alert), alert, sizeof(alert));
	assert_int_equal(csum_fold(csum_pseudo6(ip + 8, ip + 24, 58, len) + csum_partial(m, len)),
			 0xffff);
	assert_int_equal(m[0], type);
	return m;
}

static void is_record(const uint8_t *p, uint8_t kind, const uint8_t group[16])
{
	const uint8_t head[4] = {kind};

	assert_memory_equal(p, head, 4);
	assert_memory_equal(p + 4, group, 16);
}

static void is_report(const struct buf *b, uint8_t kind)
{
	static const uint8_t routers[16] = {0xff, 2, [15] = 0x16};
	const uint8_t *m = message(b, 143, routers);

	assert_int_equal(b->len, MESSAGE + 8 + 2 * 20);
	assert_int_equal(get_be16(m + 6), 2);
	is_record(m + 8, kind, group_1);
	is_record(m + 28, kind, group_2);
}

/* A query about `group`; `longer` is what a version 2 one has more. */
static void query(struct bench *b, const uint8_t src[16], uint8_t hop_limit,
		  const uint8_t group[16], uint32_t longer)
{
	static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
	uint32_t len = 24 + longer;
	struct buf *in = mem_pool_get(b->pool);
	uint8_t *ip = in->data + ETH_HLEN, *m = in->data + MESSAGE;
	uint16_t csum;

	memset(in->data, 0, MESSAGE + len);
	memcpy(in->data, (uint8_t[]){0x33, 0x33, 0, 0, 0, 1, 2, 0, 0x5e, 0, 0x53, 0x99}, 12);
	put_be16(in->data + 12, ETH_TYPE_IPV6);
	ip[0] = 0x60;
	put_be16(ip + 4, (uint16_t)(8 + len));
	ip[7] = hop_limit;
	memcpy(ip + 8, src, 16);
	memcpy(ip + 24, all_nodes, 16);
	memcpy(m - 8, (uint8_t[]){58, 0, 5, 2, 0, 0, 1, 0}, 8);
	m[0] = 130;
	memcpy(m + 8, group, 16);
	csum = csum_finish(csum_pseudo6(src, all_nodes, 58, len) + csum_partial(m, len));
	memcpy(m + 2, &csum, 2);
	in->len = MESSAGE + len;
	in->port = 0;
	shard_receive(b->rig.sh, &in, 1);
}

static void test_announced(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, 0);
	mld_announce(b.rig.sh);
	assert_int_equal(queue(&b)->count, 1);
	is_report(queue(&b)->bufs[0], 4);
	end(&b);
}

static void test_query(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, 0);
	query(&b, querier, 1, any, 4);
	assert_int_equal(queue(&b)->count, 1);
	is_report(queue(&b)->bufs[0], 2);
	assert_int_equal(b.rig.sh->stats[STAT_mld_replies], 1);
	end(&b);
}

static void test_query_about_a_group(void **state)
{
	static const uint8_t other[16] = {0xff, 0x02, [11] = 1, 0xff, 0, 0, 0x02};
	static const uint8_t routers[16] = {0xff, 2, [15] = 0x16};
	const uint8_t *m;
	struct bench b;

	(void)state;
	begin(&b, 0);
	query(&b, querier, 1, group_2, 4);
	assert_int_equal(queue(&b)->count, 1);
	m = message(queue(&b)->bufs[0], 143, routers);
	assert_int_equal(get_be16(m + 6), 1);
	is_record(m + 8, 2, group_2);
	query(&b, querier, 1, other, 4);
	query(&b, querier, 1, other, 0);
	assert_int_equal(queue(&b)->count, 1);
	assert_int_equal(b.rig.sh->stats[STAT_mld_replies], 1);
	end(&b);
}

/* RFC 2710: a report for each group, to the group. */
static void test_old_query(void **state)
{
	struct bench b;
	const uint8_t *m;

	(void)state;
	begin(&b, 0);
	query(&b, querier, 1, any, 0);
	assert_int_equal(queue(&b)->count, 2);
	m = message(queue(&b)->bufs[0], 131, group_1);
	assert_memory_equal(m + 8, group_1, 16);
	m = message(queue(&b)->bufs[1], 131, group_2);
	assert_memory_equal(m + 8, group_2, 16);
	assert_int_equal(queue(&b)->bufs[1]->len, MESSAGE + 24);
	end(&b);
}

static void test_from_elsewhere(void **state)
{
	static const uint8_t global[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x99};
	struct bench b;

	(void)state;
	begin(&b, 0);
	query(&b, global, 1, any, 4);
	query(&b, querier, 2, any, 4);
	assert_int_equal(queue(&b)->count, 0);
	assert_int_equal(b.rig.sh->stats[STAT_drop_bad_nd], 2);
	end(&b);
}

/* More than a frame takes. */
static void test_many(void **state)
{
	struct bench b;
	uint32_t records = 0;

	(void)state;
	begin(&b, 70);
	mld_announce(b.rig.sh);
	for (uint32_t i = 0; i < queue(&b)->count; i++) {
		const struct buf *out = queue(&b)->bufs[i];

		assert_true(out->len <= ETH_HLEN + 1280);
		records += get_be16(out->data + MESSAGE + 6);
	}
	assert_int_equal(records, 72);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_announced),
	    cmocka_unit_test(test_query),
	    cmocka_unit_test(test_query_about_a_group),
	    cmocka_unit_test(test_old_query),
	    cmocka_unit_test(test_from_elsewhere),
	    cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
