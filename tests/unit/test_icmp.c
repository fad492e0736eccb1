/* SPDX-License-Identifier: BSD-3-Clause */
/* Echo requests: which are answered, and that the answers are right to the bit. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "tests/lib/sent.h"
#include "tests/unit/rng.h"

static const uint8_t peer_mac[6] = {0x02, 0x00, 0x5e, 0x00, 0x53, 0x42};

struct fixture {
	struct testconf tc;
	struct mem_pool *pool;
	struct rig rig;
	struct sent sent;
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
	testconf_addr(&f->tc, "203.0.113.1", 24, 1);
	f->pool = mem_pool_create(256, 0, 0); /* the shard keeps some at hand */
	rig_init(&f->rig, &f->tc, f->pool, 0, 1, false, 0);
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

static struct frame request(const struct fixture *f, const char *from, const char *to)
{
	struct frame q = {
	    .kind = FRAME_ICMP, .saddr = testconf_ip(from), .daddr = testconf_ip(to), .ttl = 64};
	bool v6 = q.saddr.family == IP_V6;

	memcpy(q.dst, f->rig.links[0].mac, 6);
	memcpy(q.src, peer_mac, 6);
	q.proto = v6 ? 58 : 1;
	q.icmp = (struct frame_icmp){v6 ? 128 : 8, 0, 0x12340001};
	return q;
}

/* Sends a frame; false: no answer came. */
static bool ping(struct fixture *f, const struct frame *q)
{
	sent_upon(&f->sent, &f->rig, q);
	return f->sent.count > 0;
}

static void check_reply(const struct fixture *f, const struct frame *q)
{
	const struct frame r = f->sent.last;

	assert_int_equal(r.kind, FRAME_ICMP);
	assert_memory_equal(r.dst, q->src, 6);
	assert_memory_equal(r.src, f->rig.links[0].mac, 6);
	assert_int_equal(r.vlan, q->vlan);
	assert_true(ipaddr_equal(&r.saddr, &q->daddr));
	assert_true(ipaddr_equal(&r.daddr, &q->saddr));
	assert_int_equal(r.icmp.type, q->saddr.family == IP_V6 ? 129 : 0);
	assert_int_equal(r.icmp.code, 0);
	assert_int_equal(r.icmp.rest, q->icmp.rest);
	assert_int_equal(r.payload_len, q->payload_len);
	if (q->payload_len)
		assert_memory_equal(r.payload, q->payload, q->payload_len);
}

static void test_answers(void **state)
{
	static const char *const pairs[][2] = {{"192.0.2.9", "192.0.2.1"},
					       {"198.51.100.9", "192.0.2.1"},
					       {"2001:db8::9", "2001:db8::1"},
					       {"203.0.113.9", "203.0.113.1"}};
	struct fixture *f = *state;
	struct rng rng = {1};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		for (uint32_t len = 0; len < 1400; len += 1 + len / 8) {
			struct frame q = request(f, pairs[i][0], pairs[i][1]);
			uint8_t payload[1400];

			rng_fill(&rng, payload, len);
			q.payload = payload;
			q.payload_len = len;
			q.icmp.rest = (uint32_t)rng_u64(&rng);
			q.vlan = i == 3 ? 7 : 0;
			assert_true(ping(f, &q));
			check_reply(f, &q);
		}
}

/* A message of zeros: the sum of the answer is all ones, not the other zero. */
static void test_nothing_but_zeros(void **state)
{
	static const uint8_t zeros[64];
	struct fixture *f = *state;

	for (uint32_t len = 0; len <= sizeof(zeros); len++) {
		struct frame q = request(f, "192.0.2.9", "192.0.2.1");

		q.icmp.rest = 0;
		q.payload = zeros;
		q.payload_len = len;
		assert_true(ping(f, &q));
		check_reply(f, &q);
	}
}

/* The answer has its own way to go: what is left of the request's hops must not
 * limit it, or the last line of a traceroute never comes. */
static void test_hop_limit_is_our_own(void **state)
{
	static const char *const pairs[][2] = {{"198.51.100.9", "192.0.2.1"},
					       {"2001:db8::9", "2001:db8::1"}};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct frame q = request(f, pairs[i][0], pairs[i][1]);

		q.ttl = 1;
		assert_true(ping(f, &q));
		assert_int_equal(f->sent.last.ttl, f->tc.conf.tcp.ttl);
	}
}

static void test_silence(void **state)
{
	struct fixture *f = *state;
	struct frame q = request(f, "192.0.2.9", "192.0.2.2");

	assert_false(ping(f, &q)); /* another host */
	q = request(f, "192.0.2.9", "192.0.2.1");
	q.icmp.code = 1;
	assert_false(ping(f, &q));
	q = request(f, "192.0.2.9", "192.0.2.1");
	q.icmp.type = 0; /* an answer nobody asked for */
	assert_false(ping(f, &q));
	q = request(f, "192.0.2.9", "192.0.2.1");
	memset(q.dst, 0xff, 6);
	assert_false(ping(f, &q));
	q = request(f, "192.0.2.9", "192.0.2.1");
	q.harm.l4_csum = true;
	assert_false(ping(f, &q));
	q = request(f, "::", "2001:db8::1");
	assert_false(ping(f, &q));
	q = request(f, "2001:db8::9", "ff02::1");
	memcpy(q.dst, "\x33\x33\0\0\0\1", 6);
	assert_false(ping(f, &q));
	assert_int_equal(f->rig.sh->stats[STAT_icmp_echo], 0);
	/* Each was counted where it was dropped. */
	assert_int_equal(f->rig.sh->stats[STAT_drop_bad_icmp_csum], 1);
	assert_int_equal(f->rig.sh->stats[STAT_drop_unused_icmp], 6);
}

/* Padding of short frames is not part of the answer. */
static void test_padding(void **state)
{
	struct fixture *f = *state;
	struct frame q = request(f, "192.0.2.9", "192.0.2.1");

	q.harm.pad = 18;
	assert_true(ping(f, &q));
	check_reply(f, &q);
	assert_int_equal(f->sent.len, 42);
}

/* Port unreachable: within its rate limit, as long as an error may be, and the whole packet
 * quoted where it fits. */
static void test_unreachable(void **state)
{
	static const char *const pairs[][2] = {{"192.0.2.9", "192.0.2.1"},
					       {"2001:db8::9", "2001:db8::1"}};
	static const uint8_t payload[1400];
	static const uint32_t lens[] = {0, 1, 400, 1400};
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 8; i++) {
		struct frame q = request(f, pairs[i % 2][0], pairs[i % 2][1]);
		uint32_t ip = i % 2 ? 40 : 20, most = i % 2 ? 1280 : 576;
		const struct frame *r = &f->sent.last;

		f->tc.addrs[i % 2].refuse = CONF_REFUSE_UNREACHABLE;
		q.kind = FRAME_TCP;
		q.proto = 6;
		q.tcp = (struct frame_tcp){.sport = 5, .dport = 6, .flags = FRAME_SYN};
		q.payload = payload;
		q.payload_len = lens[i / 2];
		assert_true(ping(f, &q));
		assert_int_equal(r->icmp.type, i % 2 ? 1 : 3);
		assert_int_equal(r->icmp.code, i % 2 ? 4 : 3);
		assert_int_equal(r->ttl, f->tc.conf.tcp.ttl);
		assert_int_equal(f->sent.len, 14 + MIN(most, ip + 8 + ip + 20 + q.payload_len));
	}
}

static void test_unreachable_is_limited(void **state)
{
	struct fixture *f = *state;
	struct frame q = request(f, "192.0.2.9", "192.0.2.1");
	const uint64_t *stats = f->rig.sh->stats;

	f->tc.addrs[0].refuse = CONF_REFUSE_UNREACHABLE;
	q.kind = FRAME_TCP;
	q.proto = 6;
	q.tcp = (struct frame_tcp){.sport = 5, .dport = 6, .flags = FRAME_SYN};
	for (uint32_t second = 1; second <= 3; second++) {
		uint32_t sent = 0;

		shard_set_time(f->rig.sh, second * 1000000);
		for (uint32_t i = 0; i < 2000; i++)
			sent += ping(f, &q);
		assert_in_range(sent, 500, 1500);
		assert_int_equal(stats[STAT_icmp_unreachable_sent] + stats[STAT_drop_icmp_limited],
				 second * 2000);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_answers),
	    TEST(test_nothing_but_zeros),
	    TEST(test_hop_limit_is_our_own),
	    TEST(test_silence),
	    TEST(test_padding),
	    TEST(test_unreachable),
	    TEST(test_unreachable_is_limited),
	};
#undef TEST

	return cmocka_run_group_tests_name("icmp", tests, NULL, NULL);
}
