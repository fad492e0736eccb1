/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops that the configuration names, and what a flood of answers about others does to them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/net/hops.h"
#include "tests/lib/sent.h"

#define BACKEND	 "192.0.2.99"
#define BACKEND6 "2001:db8::99"

static void set_conf(struct testconf *tc)
{
	testconf_init(tc);
	tc->conf.nb_workers = 2;
	testconf_port(tc, 1500);
	testconf_iface(tc, 0, 0);
	testconf_addr(tc, "192.0.2.1", 24, 0);
	testconf_addr(tc, "2001:db8::1", 64, 0);
	testconf_pool(tc, 0);
	testconf_backend(tc, 0, BACKEND, 80);
	testconf_pool(tc, 1);
	testconf_backend(tc, 1, BACKEND6, 80);
}

static bool has(const struct hops *h, const char *address)
{
	struct ipaddr a = testconf_ip(address);

	return hops_may_have(h, a.family, a.bytes);
}

static void test_filter(void **state)
{
	struct siphash_key key = {{1, 2}};
	struct testconf tc;
	struct hops h;
	uint32_t others = 0;

	(void)state;
	set_conf(&tc);
	hops_init(&h, &tc.conf, &key);
	assert_true(has(&h, BACKEND));
	assert_true(has(&h, BACKEND6));
	for (uint32_t i = 0; i < 10000; i++) {
		struct ipaddr a = ipaddr_v4(__builtin_bswap32(0xc6336400 + i));

		others += hops_may_have(&h, a.family, a.bytes);
	}
	assert_true(others < 30); /* of 4,096 bits two are set */
}

/* Returns how many copies went to the other worker. */
static uint32_t answer(struct rig *r, struct sent *sent, uint32_t whose_be)
{
	struct frame f = {.kind = FRAME_ARP};
	struct shard *sh = r->sh;
	uint32_t copies;

	f.arp.op = 2;
	rig_mac(f.dst, 0, 0);
	memcpy(f.src, (uint8_t[]){2, 0, 0x5e, 0, 0x53, 0x66}, 6);
	memcpy(f.arp.sha, f.src, 6);
	f.arp.spa_be = whose_be;
	f.arp.tpa_be = testconf_ip("192.0.2.1").v4_be;
	sent_upon(sent, r, &f);
	copies = sh->handover_count;
	sh->buf_ops->free_bulk(sh->buf_ops->ctx, sh->handover, copies);
	sh->handover_count = 0;
	return copies;
}

static void test_answers_about_others(void **state)
{
	struct testconf tc;
	struct mem_pool *pool = mem_pool_create(1024, BUF_DATAROOM, 0);
	struct rig r[2];
	struct sent sent = {0};
	uint32_t copies = 0;

	(void)state;
	set_conf(&tc);
	for (uint16_t i = 0; i < 2; i++)
		rig_init_shard(&r[i], &tc, pool, 0, i, 1, false, 1000000);
	for (uint32_t i = 0; i < 5000; i++)
		copies += answer(&r[0], &sent, __builtin_bswap32(0xc0000264 + i % 100));
	assert_true(copies > 0 && copies < 5000);
	assert_true(r[0].sh->stats[STAT_neighbour_limited] > 0);
	assert_int_equal(answer(&r[0], &sent, testconf_ip(BACKEND).v4_be), 1);
	rig_fini(&r[1]);
	rig_fini(&r[0]);
	mem_pool_destroy(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_filter),
	    cmocka_unit_test(test_answers_about_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
