/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Clients that wait for a session of a proxy. Sessions are shared by all pools: who waits for one
 * gets it, whichever pool had it before. And who waits takes no memory from who is served.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/net/neigh.h"
#include "engine/service/proxy.h"
#include "tests/lib/sent.h"

#define SESSIONS 16
#define BACKEND	 "192.0.2.99"
#define BUFFERS	 4096
#define CROWD	 40 /* clients who send 120 segments are more than that */
#define SEGMENT	 513 /* is kept in a buffer of its own */

struct world {
	struct testconf tc;
	struct mem_pool *pool;
	struct rig rig;
	struct sent sent;
};

/* Pool i has one backend and is behind listener i, at port 80 + i. */
static void start(struct world *w)
{
	struct ipaddr backend = testconf_ip(BACKEND);
	uint8_t mac[6] = {2, 0, 0x5e, 0, 0x53, 0x43}, unknown[6];

	memset(w, 0, sizeof(*w));
	testconf_init(&w->tc);
	w->tc.conf.memory.connections = 100;
	w->tc.conf.memory.half_open = 100;
	w->tc.conf.memory.sessions = SESSIONS;
	w->tc.conf.memory.buffers = BUFFERS;
	testconf_port(&w->tc, 1500);
	testconf_iface(&w->tc, 0, 0);
	testconf_addr(&w->tc, "192.0.2.1", 24, 0);
	for (uint16_t i = 0; i < 2; i++) {
		testconf_pool(&w->tc, 0);
		testconf_backend(&w->tc, i, BACKEND, (uint16_t)(8080 + i));
		testconf_listener(&w->tc, 0, (uint16_t)(80 + i), CONF_SERVICE_PROXY, i);
	}
	w->pool = mem_pool_create(BUFFERS, 0, 0);
	rig_init(&w->rig, &w->tc, w->pool, 0, 1, false, 1000000);
	net_resolve(w->rig.sh, 0, &backend, unknown);
	neigh_learn(w->rig.sh, 0, &backend, mac);
}

static void stop(struct world *w)
{
	rig_fini(&w->rig);
	mem_pool_destroy(w->pool);
}

static void tell(struct world *w, uint16_t dport, uint16_t port, uint8_t flags, uint32_t seq,
		 uint32_t ack, uint32_t len)
{
	static const uint8_t text[SEGMENT];

	struct frame f = {
	    .kind = FRAME_TCP,
	    .proto = 6,
	    .ttl = 64,
	    .saddr = testconf_ip("192.0.2.77"),
	    .daddr = testconf_ip("192.0.2.1"),
	    .tcp = {.sport = port, .dport = dport, .seq = seq, .ack = ack, .wnd = 1000,
		    .flags = flags},
	    .payload = text,
	    .payload_len = len,
	};

	rig_mac(f.dst, 0, 0);
	memcpy(f.src, (uint8_t[]){2, 0, 0x5e, 0, 0x53, 0x42}, 6);
	sent_upon(&w->sent, &w->rig, &f);
}

static void say(struct world *w, uint16_t dport, uint16_t port, uint8_t flags, uint32_t seq,
		uint32_t ack)
{
	tell(w, dport, port, flags, seq, ack, 0);
}

/* Returns what the client acknowledges. */
static uint32_t connect(struct world *w, uint16_t dport, uint16_t port)
{
	uint32_t ack;

	say(w, dport, port, FRAME_SYN, 1, 0);
	ack = w->sent.last.tcp.seq + 1;
	say(w, dport, port, FRAME_ACK, 2, ack);
	return ack;
}

static void test_what_another_pool_had(void **state)
{
	struct world w;
	struct shard *sh;

	(void)state;
	start(&w);
	sh = w.rig.sh;
	for (uint16_t i = 0; i < SESSIONS; i++)
		connect(&w, 80, (uint16_t)(1000 + i));
	assert_int_equal(sh->pools[0].sessions, SESSIONS);
	for (uint16_t i = 0; i < 3; i++)
		connect(&w, 81, (uint16_t)(2000 + i));
	assert_int_equal(sh->listeners[1].length, 3);
	say(&w, 80, 1000, FRAME_RST, 2, 0);
	assert_int_equal(sh->pools[1].sessions, 1);
	for (uint16_t i = 1; i < SESSIONS; i++)
		say(&w, 80, (uint16_t)(1000 + i), FRAME_RST, 2, 0);
	assert_int_equal(sh->pools[0].sessions, 0);
	assert_int_equal(sh->pools[1].sessions, 3);
	assert_int_equal(sh->listeners[1].length, 0);
	stop(&w);
}

/* Both have clients that wait: neither is served only when the other has none left. */
static void test_pools_take_turns(void **state)
{
	struct world w;
	struct shard *sh;

	(void)state;
	start(&w);
	sh = w.rig.sh;
	for (uint16_t i = 0; i < SESSIONS + 8; i++)
		connect(&w, 80, (uint16_t)(1000 + i));
	for (uint16_t i = 0; i < 8; i++)
		connect(&w, 81, (uint16_t)(2000 + i));
	for (uint16_t i = 0; i < 8; i++)
		say(&w, 80, (uint16_t)(1000 + i), FRAME_RST, 2, 0);
	assert_int_equal(sh->pools[0].sessions, SESSIONS - 4);
	assert_int_equal(sh->pools[1].sessions, 4);
	stop(&w);
}

/* A crowd of clients who send all that their windows take, and nobody takes it. */
static void test_who_waits_hoards_no_buffers(void **state)
{
	struct world w;
	struct shard *sh;
	uint64_t taken;
	uint32_t served = 0, ack;

	(void)state;
	start(&w);
	sh = w.rig.sh;
	for (uint16_t i = 0; i < SESSIONS; i++)
		served = connect(&w, 80, (uint16_t)(1000 + i));
	for (uint16_t i = 0; i < CROWD; i++) {
		ack = connect(&w, 80, (uint16_t)(2000 + i));
		for (uint32_t n = 0; n < 120; n++) {
			tell(&w, 80, (uint16_t)(2000 + i), FRAME_ACK, 2 + n * SEGMENT, ack,
			     SEGMENT);
			shard_set_time(sh, sh->now_us + 100);
			shard_timers(sh, UINT16_MAX);
		}
	}
	assert_int_equal(sh->listeners[0].length, CROWD);
	assert_true(sh->stats[STAT_drop_memory_full] > 0);
	assert_false(sh->pressure.full);
	/* Of each the first one is taken, and of who is served all. */
	taken = sh->stats[STAT_rx_bytes];
	ack = connect(&w, 81, 3000);
	for (uint32_t n = 0; n < 2; n++)
		tell(&w, 81, 3000, FRAME_ACK, 2 + n * SEGMENT, ack, SEGMENT);
	assert_int_equal(sh->stats[STAT_rx_bytes], taken + SEGMENT);
	for (uint32_t n = 0; n < 2; n++)
		tell(&w, 80, 1000 + SESSIONS - 1, FRAME_ACK, 2 + n * SEGMENT, served, SEGMENT);
	assert_int_equal(sh->stats[STAT_rx_bytes], taken + 3 * SEGMENT);
	stop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_another_pool_had),
	    cmocka_unit_test(test_pools_take_turns),
	    cmocka_unit_test(test_who_waits_hoards_no_buffers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
