/* SPDX-License-Identifier: BSD-3-Clause */
/* Pieces of one packet of which some have a priority tag (VLAN 0) and some have none. All else
 * about pieces is in the scripts. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/lib/sent.h"

#define PIECE 512

struct bench {
	struct testconf tc;
	struct mem_pool *pool;
	struct rig rig;
	uint8_t payload[BUF_DATAROOM];
};

static void begin(struct bench *b)
{
	*b = (struct bench){.pool = mem_pool_create(64, 0, 0)};
	testconf_init(&b->tc);
	testconf_port(&b->tc, 1500);
	testconf_iface(&b->tc, 0, 0);
	testconf_addr(&b->tc, "192.0.2.1", 24, 0);
	testconf_addr(&b->tc, "2001:db8::1", 64, 0);
	rig_init(&b->rig, &b->tc, b->pool, 0, 1, false, 1000000);
}

static void end(struct bench *b)
{
	rig_fini(&b->rig);
	mem_pool_destroy(b->pool);
}

static uint32_t tag(uint8_t *frame, uint32_t len)
{
	static const uint8_t priority_5[4] = {0x81, 0, 0xa0, 0};

	memmove(frame + 16, frame + 12, len - 12);
	memcpy(frame + 12, priority_5, sizeof(priority_5));
	return len + 4;
}

/* From `start` on: a PIECE, or all that is left. */
static void arrives(struct bench *b, const uint8_t *frame, uint32_t len, uint32_t start,
		    bool tagged)
{
	struct buf *in = mem_pool_get(b->pool);

	in->len = frame_fragment(in->data, frame, len, start, start ? UINT16_MAX : PIECE, 7);
	if (tagged)
		in->len = tag(in->data, in->len);
	in->port = 0;
	shard_receive(b->rig.sh, &in, 1);
	shard_finish(b->rig.sh);
}

/* A ping in two pieces. */
static void ping(struct bench *b, bool v6, uint32_t len, const bool tagged[2])
{
	struct frame f = {.kind = FRAME_ICMP,
			  .proto = v6 ? 58 : 1,
			  .ttl = 64,
			  .saddr = testconf_ip(v6 ? "2001:db8::9" : "192.0.2.9"),
			  .daddr = testconf_ip(v6 ? "2001:db8::1" : "192.0.2.1"),
			  .icmp = {.type = v6 ? 128 : 8},
			  .payload = b->payload,
			  .payload_len = len};
	uint8_t frame[FRAME_MAX];
	uint32_t n;

	rig_mac(f.dst, 0, 0);
	memcpy(f.src, (uint8_t[]){2, 0, 0x5e, 0, 0x53, 0x66}, 6);
	n = frame_build(frame, &f);
	arrives(b, frame, n, 0, tagged[0]);
	arrives(b, frame, n, PIECE, tagged[1]);
}

static void test_put_together(void **state)
{
	static const bool tags[][2] = {{false, false}, {true, true}, {false, true}, {true, false}};
	uint64_t answered = 0;
	struct bench b;

	(void)state;
	begin(&b);
	for (uint32_t i = 0; i < 2 * ARRAY_SIZE(tags); i++) {
		ping(&b, i % 2, 1000, tags[i / 2]);
		assert_int_equal(b.rig.sh->stats[STAT_icmp_echo], ++answered);
	}
	end(&b);
}

/* The second one would end behind the buffer, since the first one's header is longer. */
static void test_room(void **state)
{
	static const bool tags[2] = {true, false};
	struct bench b;

	(void)state;
	begin(&b);
	ping(&b, true, BUF_DATAROOM - 14 - 40 - 8, tags);
	assert_int_equal(b.rig.sh->stats[STAT_drop_fragment_too_big], 1);
	assert_int_equal(b.rig.sh->stats[STAT_reassembled], 0);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_put_together),
	    cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
