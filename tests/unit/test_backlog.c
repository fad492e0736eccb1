/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose half-open entry gives way to whom, wherever in their pool the entries lie. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/lib/sent.h"

#define US      "192.0.2.1"
#define ENTRIES 65536
#define FORGED  1000000 /* addresses from here on are nobody's */
#define AGAIN   100000	/* a number far behind all that a connection used */

struct bench {
	struct testconf tc;
	struct mem_pool *pool;
	struct rig rig;
	struct sent sent;
};

/* Listeners at 80, 81, … that take in all so many half-open entries. */
static void prepare(struct bench *b, uint16_t listeners, uint32_t entries)
{
	*b = (struct bench){.pool = mem_pool_create(1024, BUF_DATAROOM, 0)};
	testconf_init(&b->tc);
	b->tc.conf.memory.half_open = entries;
	b->tc.conf.memory.time_wait = 1024;
	b->tc.conf.memory.connections = 1024;
	testconf_port(&b->tc, 1500);
	testconf_iface(&b->tc, 0, 0);
	testconf_addr(&b->tc, US, 24, 0);
	for (uint16_t i = 0; i < listeners; i++)
		testconf_listener(&b->tc, 0, (uint16_t)(80 + i), CONF_SERVICE_DISCARD, CONF_NONE);
}

static void begin(struct bench *b)
{
	testconf_share_tcp(&b->tc);
	rig_init(&b->rig, &b->tc, b->pool, 0, 1, false, 1000000);
}

static void end(struct bench *b)
{
	assert_true(shard_check(b->rig.sh));
	rig_fini(&b->rig);
	mem_pool_destroy(b->pool);
}

static struct frame segment(uint32_t from, uint16_t dport, uint8_t flags, uint32_t seq,
			    uint32_t ack)
{
	struct frame f = {.kind = FRAME_TCP,
			  .proto = 6,
			  .ttl = 64,
			  .saddr = ipaddr_v4(__builtin_bswap32(0x0a000001 + from)),
			  .daddr = testconf_ip(US),
			  .tcp = {.sport = 5000,
				  .dport = dport,
				  .seq = seq,
				  .ack = ack,
				  .wnd = 1000,
				  .flags = flags}};

	rig_mac(f.dst, 0, 0);
	memcpy(f.src, (uint8_t[]){2, 0, 0x5e, 0, 0x53, 0x42}, 6);
	return f;
}

/* True when it is answered with a SYN-ACK. */
static bool syn(struct bench *b, uint32_t from, uint16_t dport, uint32_t seq)
{
	struct frame f = segment(from, dport, FRAME_SYN, seq, 0);

	sent_upon(&b->sent, &b->rig, &f);
	return b->sent.count == 1 && b->sent.last.tcp.flags == (FRAME_SYN | FRAME_ACK);
}

static uint32_t syns(struct bench *b, uint32_t from, uint32_t n, uint16_t dport)
{
	uint32_t answered = 0;

	for (uint32_t i = 0; i < n; i++)
		answered += syn(b, from + i, dport, 1);
	return answered;
}

/* A visit that the server ends: it is in TIME_WAIT then. */
static void visit(struct bench *b, uint32_t from, uint16_t dport)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	uint32_t len = sizeof(request) - 1;
	struct frame f;

	assert_true(syn(b, from, dport, 1));
	f = segment(from, dport, FRAME_ACK | FRAME_PSH, 2, b->sent.last.tcp.seq + 1);
	f.payload = (const uint8_t *)request;
	f.payload_len = len;
	sent_upon(&b->sent, &b->rig, &f);
	f = segment(from, dport, FRAME_ACK | FRAME_FIN, 2 + len,
		    b->sent.last.tcp.seq + b->sent.last.payload_len + 1);
	sent_upon(&b->sent, &b->rig, &f);
}

/* Floods of two listeners lie one behind the other in the pool; each has its share, so who comes
 * back from TIME_WAIT can only have an entry of its own listener's. */
static void test_from_time_wait(void **state)
{
	struct bench b;

	(void)state;
	prepare(&b, 2, ENTRIES);
	b.tc.listeners[1].service = CONF_SERVICE_HTTP;
	b.tc.listeners[1].http_body =
	    testconf_body(&b.tc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	begin(&b);
	for (uint32_t i = 0; i < 100; i++)
		visit(&b, i, 81);
	syns(&b, FORGED, ENTRIES + 4464, 80);
	syns(&b, FORGED, ENTRIES / 2 + 7232, 81);
	assert_int_equal(b.rig.sh->listeners[0].half_open, ENTRIES / 2);
	assert_int_equal(b.rig.sh->listeners[1].half_open, ENTRIES / 2);
	for (uint32_t i = 0; i < 100; i++)
		assert_true(syn(&b, i, 81, AGAIN));
	end(&b);
}

/* The few entries of a small listener among the many of a large one. */
static void test_small_among_many(void **state)
{
	struct bench b;

	(void)state;
	prepare(&b, 2, ENTRIES);
	b.tc.conf.tcp.syncookies = CONF_SYNCOOKIES_NEVER;
	testconf_share_tcp(&b.tc);
	b.tc.listeners[0].tcp.max_syn_backlog = 0;
	b.tc.listeners[1].tcp.max_syn_backlog = 64;
	rig_init(&b.rig, &b.tc, b.pool, 0, 1, false, 1000000);
	syns(&b, FORGED, ENTRIES - 536, 80);
	assert_int_equal(syns(&b, FORGED, 20000, 81), 20000);
	assert_int_equal(b.rig.sh->listeners[1].half_open, 64);
	end(&b);
}

/* More listeners than entries: who comes gets one of who has several. */
static void test_more_listeners_than_entries(void **state)
{
	struct bench b;

	(void)state;
	prepare(&b, TESTCONF_LISTENERS, TESTCONF_LISTENERS / 2);
	b.tc.conf.tcp.syncookies = CONF_SYNCOOKIES_NEVER;
	begin(&b);
	syns(&b, FORGED, 300, 80);
	for (uint16_t i = 1; i < TESTCONF_LISTENERS / 2; i++)
		assert_true(syn(&b, i, (uint16_t)(80 + i), 1));
	end(&b);
}

/* One listener has more than its share; the others get theirs from it, whoever flooded last. */
static void test_share_of_each(void **state)
{
	struct bench b;

	(void)state;
	prepare(&b, 4, ENTRIES);
	b.tc.conf.tcp.syncookies = CONF_SYNCOOKIES_NEVER;
	begin(&b);
	syns(&b, FORGED, ENTRIES, 80);
	for (uint16_t i = 1; i < 4; i++)
		assert_int_equal(syns(&b, FORGED, ENTRIES / 4, (uint16_t)(80 + i)), ENTRIES / 4);
	for (uint16_t i = 0; i < 4; i++)
		assert_int_equal(b.rig.sh->listeners[i].half_open, ENTRIES / 4);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_from_time_wait),
	    cmocka_unit_test(test_small_among_many),
	    cmocka_unit_test(test_more_listeners_than_entries),
	    cmocka_unit_test(test_share_of_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
