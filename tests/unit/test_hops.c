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

static const uint8_t holder[6] = {2, 0, 0x5e, 0, 0x53, 0x01}, liar[6] = {2, 0, 0x5e, 0, 0x53, 0x66};

/* Two workers; all frames arrive at the first, and what it hands over is given back. */
struct link {
	struct testconf tc;
	struct mem_pool *pool;
	struct rig r[2];
	struct sent sent;
};

static void begin(struct link *l)
{
	*l = (struct link){.pool = mem_pool_create(1024, BUF_DATAROOM, 0)};
	set_conf(&l->tc);
	for (uint16_t i = 0; i < 2; i++)
		rig_init_shard(&l->r[i], &l->tc, l->pool, 0, i, 1, false, 1000000);
}

static void end(struct link *l)
{
	rig_fini(&l->r[1]);
	rig_fini(&l->r[0]);
	mem_pool_destroy(l->pool);
}

/* Returns how many copies went to the other worker. */
static uint32_t arrives(struct link *l, struct frame *f)
{
	struct shard *sh = l->r[0].sh;
	uint32_t copies;

	rig_mac(f->dst, 0, 0);
	sent_upon(&l->sent, &l->r[0], f);
	copies = sh->handover_count;
	sh->buf_ops->free_bulk(sh->buf_ops->ctx, sh->handover, copies);
	sh->handover_count = 0;
	return copies;
}

static uint32_t arp(struct link *l, uint16_t op, uint32_t whose_be, uint32_t to_be,
		    const uint8_t mac[6])
{
	struct frame f = {.kind = FRAME_ARP,
			  .arp = {.op = op, .spa_be = whose_be, .tpa_be = to_be}};

	memcpy(f.src, mac, 6);
	memcpy(f.arp.sha, mac, 6);
	return arrives(l, &f);
}

static uint32_t answer(struct link *l, uint32_t whose_be, const uint8_t mac[6])
{
	return arp(l, 2, whose_be, testconf_ip("192.0.2.1").v4_be, mac);
}

static uint32_t advertisement(struct link *l, uint8_t hop_limit)
{
	struct ipaddr target = testconf_ip(BACKEND6);
	uint8_t body[24] = {[16] = 2, 1}; /* the target's link-layer address */
	struct frame f = {.kind = FRAME_ICMP,
			  .proto = 58,
			  .ttl = hop_limit,
			  .saddr = target,
			  .daddr = testconf_ip("2001:db8::1"),
			  .icmp = {.type = 136, .rest = 0x60000000},
			  .payload = body,
			  .payload_len = sizeof(body)};

	memcpy(body, target.bytes, 16);
	memcpy(body + 18, holder, 6);
	memcpy(f.src, holder, 6);
	return arrives(l, &f);
}

static void test_answers_about_others(void **state)
{
	uint32_t copies = 0;
	struct link l;

	(void)state;
	begin(&l);
	for (uint32_t i = 0; i < 5000; i++)
		copies += answer(&l, __builtin_bswap32(0xc0000264 + i % 100), liar);
	assert_true(copies > 0 && copies < 5000);
	assert_true(l.r[0].sh->stats[STAT_neighbour_limited] > 0);
	assert_int_equal(answer(&l, testconf_ip(BACKEND).v4_be, holder), 1);
	end(&l);
}

/* Whoever claims a backend's address does not drown its holder. */
static void test_claims_of_a_liar(void **state)
{
	struct ipaddr backend = testconf_ip(BACKEND);
	uint32_t copies = 0;
	uint8_t mac[6];
	struct link l;

	(void)state;
	begin(&l);
	net_resolve(l.r[0].sh, 0, &backend, mac);
	assert_int_equal(answer(&l, backend.v4_be, holder), 1);
	for (uint32_t i = 0; i < 5000; i++)
		copies += answer(&l, backend.v4_be, liar);
	assert_true(copies > 0 && copies < 5000);
	assert_int_equal(answer(&l, backend.v4_be, holder), 1);
	end(&l);
}

/* RFC 5227 §3: an address is announced by a request. Questions are nobody else's business. */
static void test_announcement_by_request(void **state)
{
	uint32_t backend_be = testconf_ip(BACKEND).v4_be, ours_be = testconf_ip("192.0.2.1").v4_be;
	struct link l;

	(void)state;
	begin(&l);
	assert_int_equal(arp(&l, 1, backend_be, backend_be, holder), 1);
	assert_int_equal(arp(&l, 1, backend_be, ours_be, holder), 0);
	end(&l);
}

/* RFC 4861 §7.1.2: what a router has passed on is no advertisement. */
static void test_advertisements_from_afar(void **state)
{
	struct link l;

	(void)state;
	begin(&l);
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(advertisement(&l, 254), 0);
	assert_int_equal(advertisement(&l, 255), 1);
	end(&l);
}

/* However many claims a burst has, what is other workers' has its place behind them. */
static void test_room_behind_claims(void **state)
{
	struct shard *sh;
	struct link l;

	(void)state;
	begin(&l);
	sh = l.r[0].sh;
	for (uint32_t i = 0; i < 500; i++) {
		struct frame f = {.kind = FRAME_ARP,
				  .arp = {.op = 2, .spa_be = testconf_ip(BACKEND).v4_be}};

		rig_mac(f.dst, 0, 0);
		sent_upon(&l.sent, &l.r[0], &f);
	}
	assert_true(sh->handover_count > 0);
	assert_true(sh->handover_count + SHARD_BURST <= SHARD_HANDOVER);
	assert_int_equal(sh->stats[STAT_drop_handover_full], 0);
	sh->buf_ops->free_bulk(sh->buf_ops->ctx, sh->handover, sh->handover_count);
	sh->handover_count = 0;
	end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_filter),
	    cmocka_unit_test(test_answers_about_others),
	    cmocka_unit_test(test_claims_of_a_liar),
	    cmocka_unit_test(test_announcement_by_request),
	    cmocka_unit_test(test_advertisements_from_afar),
	    cmocka_unit_test(test_room_behind_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
