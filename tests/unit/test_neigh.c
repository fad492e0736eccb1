/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The neighbour cache: when it asks, what the question looks like on the wire,
 * whom it believes, and when it gives up.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "engine/net/neigh.h"
#include "tests/lib/sent.h"

static const uint8_t neighbour_mac[6] = {0x02, 0x00, 0x5e, 0x00, 0x53, 0x42};

struct fixture {
	struct testconf tc;
	struct mem_pool *pool;
	struct rig rig;
	struct shard *sh;
	struct sent sent; /* what left in the last look() */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	testconf_init(&f->tc);
	testconf_port(&f->tc, 1500);
	testconf_iface(&f->tc, 0, 0);
	testconf_iface(&f->tc, 0, 7);
	testconf_addr(&f->tc, "192.0.2.1", 24, 0);
	testconf_addr(&f->tc, "2001:db8::1", 64, 0);
	testconf_addr(&f->tc, "198.51.100.1", 24, 1);
	testconf_addr(&f->tc, "203.0.113.1", 24, 1);
	f->pool = mem_pool_create(256, 0, 0);
	rig_init(&f->rig, &f->tc, f->pool, 0, 1, false, 1000000000);
	f->sh = f->rig.sh;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	uint32_t missing = rig_fini_pool(&f->rig);

	free(f);
	return missing ? -1 : 0;
}

/* Asks for a next hop; true: it is known. f->sent says what was sent for it. */
static bool look(struct fixture *f, uint16_t iface, const char *hop)
{
	struct ipaddr a = testconf_ip(hop);
	uint8_t mac[6] = {0};
	bool known;

	known = net_resolve(f->sh, iface, &a, mac);
	sent_collect(&f->sent, &f->rig);
	if (known)
		assert_memory_equal(mac, neighbour_mac, 6);
	return known;
}

static void learn(struct fixture *f, uint16_t iface, const char *hop, const uint8_t *mac)
{
	struct ipaddr a = testconf_ip(hop);

	neigh_learn(f->sh, iface, &a, mac);
}

static bool dead(struct fixture *f, uint16_t iface, const char *hop)
{
	struct ipaddr a = testconf_ip(hop);

	return neigh_is_dead(f->sh, iface, &a);
}

static void wait_ms(struct fixture *f, uint32_t ms)
{
	shard_set_time(f->sh, f->sh->now_us + ms * 1000ull);
}

static void test_arp_question(void **state)
{
	struct fixture *f = *state;
	struct ipaddr target = testconf_ip("203.0.113.9"), source = testconf_ip("203.0.113.1");
	struct frame q;

	assert_false(look(f, 1, "203.0.113.9"));
	assert_int_equal(f->sent.count, 1);
	q = f->sent.last;
	assert_int_equal(q.kind, FRAME_ARP);
	assert_int_equal(q.vlan, 7);
	assert_memory_equal(q.dst, "\xff\xff\xff\xff\xff\xff", 6);
	assert_memory_equal(q.src, f->rig.links[0].mac, 6);
	assert_int_equal(q.arp.op, 1);
	assert_memory_equal(q.arp.sha, f->rig.links[0].mac, 6);
	assert_memory_equal(q.arp.tha, "\0\0\0\0\0\0", 6);
	assert_int_equal(q.arp.tpa_be, target.v4_be);
	/* Asked from the address whose network the target is in. */
	assert_int_equal(q.arp.spa_be, source.v4_be);
}

static void test_solicitation(void **state)
{
	struct fixture *f = *state;
	struct ipaddr target = testconf_ip("2001:db8::aabb:ccdd");
	struct ipaddr group = testconf_ip("ff02::1:ffbb:ccdd");
	struct ipaddr source = testconf_ip("2001:db8::1");
	struct frame q;

	assert_false(look(f, 0, "2001:db8::aabb:ccdd"));
	assert_int_equal(f->sent.count, 1);
	q = f->sent.last;
	assert_int_equal(q.kind, FRAME_ICMP);
	assert_int_equal(q.vlan, 0);
	assert_memory_equal(q.dst, "\x33\x33\xff\xbb\xcc\xdd", 6);
	assert_int_equal(q.icmp.type, 135);
	assert_int_equal(q.icmp.code, 0);
	assert_int_equal(q.icmp.rest, 0);
	assert_int_equal(q.ttl, 255);
	assert_true(ipaddr_equal(&q.daddr, &group));
	assert_true(ipaddr_equal(&q.saddr, &source));
	assert_int_equal(q.payload_len, 24);
	assert_memory_equal(q.payload, target.bytes, 16);
	assert_memory_equal(q.payload + 16, "\1\1", 2);
	assert_memory_equal(q.payload + 18, f->rig.links[0].mac, 6);
}

static void test_answer(void **state)
{
	struct fixture *f = *state;

	assert_false(look(f, 0, "192.0.2.9"));
	learn(f, 0, "192.0.2.9", neighbour_mac);
	assert_true(look(f, 0, "192.0.2.9"));
	assert_int_equal(f->sent.count, 0);
	assert_false(dead(f, 0, "192.0.2.9"));
	assert_int_equal(f->sh->stats[STAT_neighbour_requests], 1);
}

/* Asked three times 200 ms apart however often it is looked for, then dead for
 * two seconds, then asked again. */
static void test_silence(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < NEIGH_PROBES_MAX; i++) {
		assert_false(look(f, 0, "192.0.2.9"));
		assert_int_equal(f->sent.count, 1);
		for (int k = 0; k < 19; k++) {
			wait_ms(f, 10);
			assert_false(look(f, 0, "192.0.2.9"));
			assert_int_equal(f->sent.count, 0);
			assert_false(dead(f, 0, "192.0.2.9"));
		}
		wait_ms(f, 10);
	}
	assert_false(look(f, 0, "192.0.2.9"));
	assert_int_equal(f->sent.count, 0);
	assert_true(dead(f, 0, "192.0.2.9"));
	assert_int_equal(f->sh->stats[STAT_neighbour_failed], 1);
	assert_int_equal(f->sh->stats[STAT_neighbour_requests], NEIGH_PROBES_MAX);

	wait_ms(f, NEIGH_DEAD_TICKS - 201);
	assert_false(look(f, 0, "192.0.2.9"));
	assert_int_equal(f->sent.count, 0);
	assert_true(dead(f, 0, "192.0.2.9"));
	wait_ms(f, 1);
	assert_false(look(f, 0, "192.0.2.9"));
	assert_int_equal(f->sent.count, 1);
	assert_false(dead(f, 0, "192.0.2.9"));
	learn(f, 0, "192.0.2.9", neighbour_mac);
	assert_true(look(f, 0, "192.0.2.9"));
}

static void test_dead_neighbour_that_answers_after_all(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i <= NEIGH_PROBES_MAX; i++) {
		look(f, 0, "192.0.2.9");
		wait_ms(f, NEIGH_RETRY_TICKS);
	}
	assert_true(dead(f, 0, "192.0.2.9"));
	learn(f, 0, "192.0.2.9", neighbour_mac);
	assert_false(dead(f, 0, "192.0.2.9"));
	assert_true(look(f, 0, "192.0.2.9"));
}

/* A stale answer is used while it is asked for again, and no longer than that. */
static void test_refresh(void **state)
{
	struct fixture *f = *state;

	look(f, 0, "192.0.2.9");
	learn(f, 0, "192.0.2.9", neighbour_mac);
	wait_ms(f, NEIGH_FRESH_TICKS - 1);
	assert_true(look(f, 0, "192.0.2.9"));
	assert_int_equal(f->sent.count, 0);
	wait_ms(f, 1);
	for (int i = 0; i < NEIGH_PROBES_MAX; i++) {
		assert_true(look(f, 0, "192.0.2.9"));
		assert_int_equal(f->sent.count, 1);
		assert_true(look(f, 0, "192.0.2.9"));
		assert_int_equal(f->sent.count, 0);
		wait_ms(f, NEIGH_RETRY_TICKS);
	}
	assert_false(look(f, 0, "192.0.2.9"));
	assert_true(dead(f, 0, "192.0.2.9"));
}

/* An answer in the middle of the questions ends them. */
static void test_refresh_answered(void **state)
{
	struct fixture *f = *state;

	look(f, 0, "192.0.2.9");
	learn(f, 0, "192.0.2.9", neighbour_mac);
	wait_ms(f, NEIGH_FRESH_TICKS);
	assert_true(look(f, 0, "192.0.2.9"));
	assert_int_equal(f->sent.count, 1);
	learn(f, 0, "192.0.2.9", neighbour_mac);
	wait_ms(f, NEIGH_FRESH_TICKS - 1);
	assert_true(look(f, 0, "192.0.2.9"));
	assert_int_equal(f->sent.count, 0);
}

/* Nothing that arrives unasked makes an entry. */
static void test_unasked_answers(void **state)
{
	struct fixture *f = *state;

	learn(f, 0, "192.0.2.9", neighbour_mac);
	assert_false(look(f, 0, "192.0.2.9"));
	assert_int_equal(f->sent.count, 1);
	learn(f, 1, "192.0.2.9", neighbour_mac); /* on another interface */
	assert_false(look(f, 0, "192.0.2.9"));
	assert_false(dead(f, 0, "192.0.2.10"));
}

static const uint8_t other_mac[6] = {0x02, 0x00, 0x5e, 0x00, 0x53, 0x66};

/* Poison, or a partner that takes over: the next hop is asked, now and then. */
static void test_another_mac_is_asked_about(void **state)
{
	struct fixture *f = *state;

	look(f, 0, "192.0.2.9");
	learn(f, 0, "192.0.2.9", neighbour_mac);
	/* So soon after an answer nothing is done about it. */
	learn(f, 0, "192.0.2.9", other_mac);
	assert_true(look(f, 0, "192.0.2.9"));
	assert_int_equal(f->sent.count, 0);
	wait_ms(f, NEIGH_RETRY_TICKS);
	for (int i = 0; i < 10; i++)
		learn(f, 0, "192.0.2.9", other_mac);
	assert_int_equal(f->sh->stats[STAT_neighbour_requests], 2);
	assert_int_equal(f->sh->stats[STAT_neighbour_contested], 11);
}

static void assert_lives_at(struct fixture *f, const char *addr, const uint8_t *mac)
{
	struct ipaddr hop = testconf_ip(addr);
	uint8_t at[6];

	assert_true(net_resolve(f->sh, 0, &hop, at));
	assert_memory_equal(at, mac, 6);
}

static void test_poison_does_not_hold(void **state)
{
	struct fixture *f = *state;

	look(f, 0, "192.0.2.9");
	learn(f, 0, "192.0.2.9", neighbour_mac);
	for (int i = 0; i < 100; i++) {
		uint64_t asked = f->sh->stats[STAT_neighbour_requests];

		wait_ms(f, 100);
		learn(f, 0, "192.0.2.9", other_mac);
		if (f->sh->stats[STAT_neighbour_requests] > asked)
			learn(f, 0, "192.0.2.9", neighbour_mac); /* the owner defends it, */
		learn(f, 0, "192.0.2.9", other_mac);             /* and the attacker goes on */
		assert_lives_at(f, "192.0.2.9", neighbour_mac);
	}
	assert_in_range(f->sh->stats[STAT_neighbour_requests], 10, 51);
	assert_int_equal(f->sh->stats[STAT_neighbour_moved], 0);
}

static void test_partner_takes_over(void **state)
{
	struct fixture *f = *state;

	look(f, 0, "2001:db8::9");
	learn(f, 0, "2001:db8::9", neighbour_mac);
	learn(f, 0, "2001:db8::9", other_mac); /* unsolicited */
	for (int i = 0; i < NEIGH_PROBES_MAX; i++) {
		wait_ms(f, NEIGH_RETRY_TICKS);
		assert_lives_at(f, "2001:db8::9", neighbour_mac);
		learn(f, 0, "2001:db8::9", other_mac); /* the only answer */
	}
	wait_ms(f, NEIGH_RETRY_TICKS);
	assert_lives_at(f, "2001:db8::9", other_mac);
	assert_int_equal(f->sh->stats[STAT_neighbour_moved], 1);
}

#define ANSWERS 2000

/* Other workers are told of answers, but a flood of these does not fill their rings. */
static void test_flood_of_answers_is_not_passed_on(void **state)
{
	struct fixture *f = *state;
	struct frame answer = {.kind = FRAME_ARP, .arp = {.op = 2}};
	uint32_t passed = 0;
	struct rig two;

	f->tc.conf.nb_workers = 2;
	rig_init_shard(&two, &f->tc, f->pool, 0, 0, 1, false, 1000000000);
	memcpy(answer.dst, two.links[0].mac, 6);
	memcpy(answer.src, other_mac, 6);
	memcpy(answer.arp.sha, other_mac, 6);
	memcpy(answer.arp.tha, two.links[0].mac, 6);
	answer.arp.spa_be = testconf_ip("192.0.2.9").v4_be;
	answer.arp.tpa_be = testconf_ip("192.0.2.1").v4_be;
	for (uint32_t i = 0; i < ANSWERS; i++) {
		struct buf *b = mem_pool_get(f->pool);

		b->len = frame_build(b->data, &answer);
		b->port = 0;
		shard_receive(two.sh, &b, 1);
		passed += two.sh->handover_count;
		while (two.sh->handover_count)
			mem_pool_put(f->pool, two.sh->handover[--two.sh->handover_count]);
	}
	assert_in_range(passed, 500, 1500);
	assert_int_equal(two.sh->stats[STAT_neighbour_limited], ANSWERS - passed);
	rig_fini(&two);
	f->tc.conf.nb_workers = 1;
}

static void test_group_address_is_no_neighbour(void **state)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t group[6] = {0x01, 0x00, 0x5e, 0, 0, 1};
	struct fixture *f = *state;

	look(f, 0, "192.0.2.9");
	learn(f, 0, "192.0.2.9", all);
	learn(f, 0, "192.0.2.9", group);
	assert_false(look(f, 0, "192.0.2.9"));
}

/* The same address on two interfaces is two neighbours. */
static void test_interfaces_are_apart(void **state)
{
	struct fixture *f = *state;

	char hop[40];

	/* Many, so that some of them share a set of the cache. */
	for (int i = 0; i < NEIGH_MAX; i++) {
		snprintf(hop, sizeof(hop), "198.51.%d.%d", i / 250, 2 + i % 250);
		look(f, 0, hop);
		learn(f, 0, hop, neighbour_mac);
		assert_true(look(f, 0, hop));
		assert_false(look(f, 1, hop));
		assert_int_equal(f->sent.count, 1);
	}
}

/* After 49 days an old answer would look new again; one entry a tick is looked at. */
static void test_forgotten_before_the_clock_comes_round(void **state)
{
	struct fixture *f = *state;

	look(f, 0, "192.0.2.9");
	learn(f, 0, "192.0.2.9", neighbour_mac);
	for (int days = 0; days < 30; days += 10) {
		wait_ms(f, 10 * 24 * 3600 * 1000u);
		shard_timers(f->sh, 100);
	}
	for (uint32_t i = 0; i < NEIGH_MAX; i++) {
		wait_ms(f, 1);
		shard_timers(f->sh, 100);
	}
	assert_false(look(f, 0, "192.0.2.9"));
	assert_int_equal(f->sent.count, 1);
}

/* More neighbours than there is room for: those used last are known, the counter
 * tells, and nothing else breaks. */
static void test_full(void **state)
{
	struct fixture *f = *state;
	uint32_t known = 0;
	char hop[40];

	for (int i = 0; i < 2 * NEIGH_MAX; i++) {
		struct ipaddr a;

		snprintf(hop, sizeof(hop), "2001:db8::1:%x", i);
		a = testconf_ip(hop);
		look(f, 0, hop);
		neigh_learn(f->sh, 0, &a, neighbour_mac);
		assert_true(look(f, 0, hop));
		wait_ms(f, 1);
	}
	assert_in_range(f->sh->stats[STAT_neighbour_full], NEIGH_MAX, 2 * NEIGH_MAX);
	assert_true(look(f, 0, hop));
	for (int i = 0; i < 2 * NEIGH_MAX; i++) {
		struct ipaddr a;

		snprintf(hop, sizeof(hop), "2001:db8::1:%x", i);
		a = testconf_ip(hop);
		for (uint32_t k = 0; k < NEIGH_MAX; k++)
			known += f->sh->net.neighs[k].state != NEIGH_FREE &&
				 ipaddr_equal(&f->sh->net.neighs[k].addr, &a);
	}
	assert_in_range(known, NEIGH_MAX / 2, NEIGH_MAX);
}

/* A set that is full gives up the entry that has been silent longest. */
static void test_oldest_goes_first(void **state)
{
	struct fixture *f = *state;
	char hop[40];

	look(f, 0, "192.0.2.9");
	learn(f, 0, "192.0.2.9", neighbour_mac);
	for (int i = 0; i < 8 * NEIGH_MAX; i++) {
		wait_ms(f, 1);
		learn(f, 0, "192.0.2.9", neighbour_mac);
		snprintf(hop, sizeof(hop), "2001:db8::1:%x", i);
		wait_ms(f, 1);
		look(f, 0, hop);
	}
	assert_true(look(f, 0, "192.0.2.9"));
}

/* Without a source address there is nobody to ask as, and no frame to send. */
static void test_no_source_address(void **state)
{
	struct fixture *f = *state;

	assert_false(look(f, 1, "2001:db8::9"));
	assert_int_equal(f->sent.count, 0);
}

static void test_full_transmit_queue(void **state)
{
	struct fixture *f = *state;
	struct frame any = {.kind = FRAME_ARP, .arp = {.op = 1}};
	struct ipaddr a = testconf_ip("192.0.2.9");
	uint8_t mac[6];
	uint32_t count = 0;

	while (shard_tx_room(f->sh, 0)) {
		struct buf *b = shard_buf_alloc(f->sh);

		if (!b)
			break;
		b->len = frame_build(b->data, &any);
		shard_tx(f->sh, 0, b);
		count++;
	}
	assert_false(net_resolve(f->sh, 0, &a, mac));
	assert_int_equal(f->sh->tx[0].count, count);
	sent_collect(&f->sent, &f->rig);
	wait_ms(f, NEIGH_RETRY_TICKS);
	assert_false(look(f, 0, "192.0.2.9"));
	assert_int_equal(f->sent.count, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_arp_question),
	    TEST(test_solicitation),
	    TEST(test_answer),
	    TEST(test_silence),
	    TEST(test_dead_neighbour_that_answers_after_all),
	    TEST(test_refresh),
	    TEST(test_refresh_answered),
	    TEST(test_unasked_answers),
	    TEST(test_another_mac_is_asked_about),
	    TEST(test_poison_does_not_hold),
	    TEST(test_partner_takes_over),
	    TEST(test_flood_of_answers_is_not_passed_on),
	    TEST(test_group_address_is_no_neighbour),
	    TEST(test_interfaces_are_apart),
	    TEST(test_forgotten_before_the_clock_comes_round),
	    TEST(test_full),
	    TEST(test_oldest_goes_first),
	    TEST(test_no_source_address),
	    TEST(test_full_transmit_queue),
	};
#undef TEST

	return cmocka_run_group_tests_name("neigh", tests, NULL, NULL);
}
