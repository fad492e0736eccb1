/* SPDX-License-Identifier: BSD-3-Clause */
/* Two pools with a backend and a source address in common: what one has connected the other does
 * not try to connect again. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/net/neigh.h"
#include "tests/lib/sent.h"

#define US	   "192.0.2.1"
#define BACKEND	   "192.0.2.99"
#define BACKEND_TCP 8080
#define CLIENTS	   100 /* of each pool */

struct bench {
	struct testconf tc;
	struct mem_pool *pool;
	struct rig rig;
	struct sent sent;
};

static void begin(struct bench *b)
{
	static const uint8_t mac[6] = {2, 0, 0x5e, 0, 0x53, 0x43};
	struct ipaddr backend = testconf_ip(BACKEND);
	uint8_t unknown[6];

	*b = (struct bench){.pool = mem_pool_create(1024, BUF_DATAROOM, 0)};
	testconf_init(&b->tc);
	b->tc.conf.memory.connections = 2 * 2 * CLIENTS;
	b->tc.conf.memory.sessions = 2 * CLIENTS;
	b->tc.conf.memory.transfers = 2 * 2 * CLIENTS;
	testconf_port(&b->tc, 1500);
	testconf_iface(&b->tc, 0, 0);
	testconf_addr(&b->tc, US, 24, 0);
	for (uint16_t i = 0; i < 2; i++) {
		testconf_pool(&b->tc, 0);
		testconf_backend(&b->tc, i, BACKEND, BACKEND_TCP);
		testconf_listener(&b->tc, 0, (uint16_t)(80 + i), CONF_SERVICE_PROXY, i);
	}
	rig_init(&b->rig, &b->tc, b->pool, 0, 1, false, 1000000);
	net_resolve(b->rig.sh, 0, &backend, unknown);
	neigh_learn(b->rig.sh, 0, &backend, mac);
}

static void end(struct bench *b)
{
	rig_fini(&b->rig);
	mem_pool_destroy(b->pool);
}

static void arrives(struct bench *b, const char *from, uint16_t sport, uint16_t dport,
		    uint8_t flags, uint32_t ack)
{
	struct frame f = {.kind = FRAME_TCP,
			  .proto = 6,
			  .ttl = 64,
			  .saddr = testconf_ip(from),
			  .daddr = testconf_ip(US),
			  .tcp = {.sport = sport,
				  .dport = dport,
				  .seq = flags & FRAME_SYN ? 1 : 2,
				  .ack = ack,
				  .wnd = 1000,
				  .flags = flags}};

	rig_mac(f.dst, 0, 0);
	memcpy(f.src, (uint8_t[]){2, 0, 0x5e, 0, 0x53, 0x42}, 6);
	sent_upon(&b->sent, &b->rig, &f);
}

/* A client of the listener `dport` is let in; returns from which port the backend is asked. */
static uint16_t client(struct bench *b, uint16_t sport, uint16_t dport)
{
	const struct frame *last = &b->sent.last;
	uint16_t port;

	arrives(b, "192.0.2.77", sport, dport, FRAME_SYN, 0);
	arrives(b, "192.0.2.77", sport, dport, FRAME_ACK, last->tcp.seq + 1);
	assert_int_equal(last->tcp.dport, BACKEND_TCP);
	assert_int_equal(last->tcp.flags, FRAME_SYN);
	port = last->tcp.sport;
	arrives(b, BACKEND, BACKEND_TCP, port, FRAME_SYN | FRAME_ACK, last->tcp.seq + 1);
	return port;
}

static void test_clients_of_both(void **state)
{
	static bool asked[65536];
	struct bench b;

	(void)state;
	begin(&b);
	for (uint16_t i = 0; i < 2 * CLIENTS; i++) {
		uint16_t port = client(&b, (uint16_t)(2000 + i), i < CLIENTS ? 80 : 81);

		assert_false(asked[port]);
		asked[port] = true;
	}
	assert_int_equal(b.rig.sh->stats[STAT_proxy_connect_failed], 0);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_clients_of_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
