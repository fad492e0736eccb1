/* SPDX-License-Identifier: BSD-3-Clause */
/* A port whose device takes nothing any more holds up its own connections and no others. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/lib/frame.h"
#include "tests/lib/rig.h"

#define CLIENTS 12000 /* more than are visited in one turn */

struct bench {
	struct testconf tc;
	struct mem_pool *pool;
	struct rig rig;
	struct frame last;
	uint32_t sent;
};

static void begin(struct bench *b)
{
	*b = (struct bench){.pool = mem_pool_create(2 * CLIENTS + 1024, BUF_DATAROOM, 0)};
	testconf_init(&b->tc);
	b->tc.conf.memory.connections = CLIENTS + 1024;
	for (uint16_t p = 0; p < 2; p++) {
		testconf_port(&b->tc, 1500);
		testconf_iface(&b->tc, p, 0);
		testconf_addr(&b->tc, p ? "198.51.100.1" : "192.0.2.1", 24, p);
		testconf_listener(&b->tc, p, 80, CONF_SERVICE_ECHO, CONF_NONE);
	}
	rig_init(&b->rig, &b->tc, b->pool, 0, 1, false, 1000000);
}

static uint32_t take(void *ctx, struct buf **bufs, uint32_t n)
{
	struct bench *b = ctx;
	char why[128];

	for (uint32_t i = 0; i < n; i++) {
		assert_true(
		    frame_parse(bufs[i]->data, bufs[i]->len, 0, &b->last, why, sizeof(why)));
		if (!(bufs[i]->flags & BUF_KEEP))
			mem_pool_put(b->pool, bufs[i]);
	}
	b->sent += n;
	return n;
}

static void arrives(struct bench *b, uint16_t port, uint32_t from, uint8_t flags, uint32_t ack,
		    uint32_t len)
{
	struct frame f = {.kind = FRAME_TCP,
			  .proto = 6,
			  .ttl = 64,
			  .saddr = ipaddr_v4(__builtin_bswap32(0x0a000001 + from)),
			  .daddr = testconf_ip(port ? "198.51.100.1" : "192.0.2.1"),
			  .payload = (const uint8_t *)"0123456789",
			  .payload_len = len,
			  .tcp = {.sport = 1000,
				  .dport = 80,
				  .seq = flags & FRAME_SYN ? 1 : 2,
				  .ack = ack,
				  .wnd = 1000,
				  .flags = flags}};
	uint8_t bytes[FRAME_MAX];
	struct buf *in = mem_pool_get(b->pool);

	rig_mac(f.dst, 0, port);
	memcpy(f.src, (uint8_t[]){2, 0, 0x5e, 0, 0x53, 0x42}, 6);
	in->len = frame_build(bytes, &f);
	memcpy(in->data, bytes, in->len);
	in->port = (uint8_t)port;
	shard_receive(b->rig.sh, &in, 1);
	shard_finish(b->rig.sh);
}

static void test_one_port_is_full(void **state)
{
	static uint32_t iss[CLIENTS];
	struct bench b;

	(void)state;
	begin(&b);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		arrives(&b, 0, i, FRAME_SYN, 0, 0);
		shard_transmit(b.rig.sh, 0, take, &b);
		iss[i] = b.last.tcp.seq;
		arrives(&b, 0, i, FRAME_ACK, iss[i] + 1, 0);
	}
	/* From here on nobody takes anything from port 0. */
	for (uint32_t i = 0; i < CLIENTS; i++)
		arrives(&b, 0, i, FRAME_ACK | FRAME_PSH, iss[i] + 1, 10);
	arrives(&b, 1, 0, FRAME_SYN, 0, 0);
	shard_transmit(b.rig.sh, 1, take, &b);
	arrives(&b, 1, 0, FRAME_ACK, b.last.tcp.seq + 1, 0);
	arrives(&b, 1, 0, FRAME_ACK | FRAME_PSH, b.last.tcp.seq + 1, 10);
	for (uint32_t turns = 0; turns < 3; turns++)
		shard_finish(b.rig.sh);
	b.sent = 0;
	shard_transmit(b.rig.sh, 1, take, &b);
	assert_int_equal(b.sent, 1);
	assert_int_equal(b.last.payload_len, 10);
	/* The others have lost nothing: all that waits goes as soon as it can. */
	b.sent = 0;
	for (uint32_t turns = 0; turns < CLIENTS / SHARD_TX_RING + 2; turns++) {
		shard_transmit(b.rig.sh, 0, take, &b);
		shard_finish(b.rig.sh);
	}
	shard_transmit(b.rig.sh, 0, take, &b);
	assert_int_equal(b.sent, CLIENTS);
	assert_true(shard_check(b.rig.sh));
	rig_fini(&b.rig);
	mem_pool_destroy(b.pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_port_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
