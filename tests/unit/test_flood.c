/* SPDX-License-Identifier: BSD-3-Clause */
/* What answers a flood frame by frame against the way that everything else goes: two shards alike,
 * one of which never takes the short way, have to say the same to all that comes, to the bit. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/tcp/flood.h"
#include "engine/tcp/internal.h"
#include "tests/lib/frame.h"
#include "tests/lib/rig.h"

#define BURST	  32
#define ROUNDS	  1500
#define PERIOD_US 65536000u

struct side {
	struct testconf tc;
	struct mem_pool *pool;
	struct rig rig;
	unsigned pending; /* sums that the port is to fill in */
	uint32_t nb_sent;
	uint32_t len[BURST];
	uint8_t sent[BURST][128];
};

/* What differs from run to run. */
struct setting {
	enum conf_syncookies syncookies;
	bool csum_offload;
	uint8_t dscp;
	uint16_t mss;
	uint32_t max_connections;
};

static void start(struct side *s, const struct setting *set, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	testconf_init(&s->tc);
	testconf_port(&s->tc, 1500);
	testconf_iface(&s->tc, 0, 0);
	testconf_addr(&s->tc, "192.0.2.1", 24, 0);
	testconf_addr(&s->tc, "192.0.2.2", 24, 0);
	s->tc.conf.tcp.syncookies = set->syncookies;
	s->tc.conf.tcp.dscp = set->dscp;
	s->tc.conf.tcp.mss = set->mss;
	s->tc.conf.memory.half_open = 65536;
	s->tc.conf.tcp.synack_retries = 0;
	if (set->syncookies == CONF_SYNCOOKIES_AUTO)
		s->tc.conf.tcp.max_syn_backlog = 1;
	testconf_listener(&s->tc, 0, 80, CONF_SERVICE_DISCARD, CONF_NONE);
	testconf_listener(&s->tc, 0, 81, CONF_SERVICE_DISCARD, CONF_NONE);
	s->tc.listeners[0].max_connections = set->max_connections;
	s->pending = set->csum_offload ? FRAME_IP_SUM_PENDING | FRAME_L4_SUM_PENDING : 0;
	s->pool = mem_pool_create(256, BUF_DATAROOM, 0);
	rig_init(&s->rig, &s->tc, s->pool, 0, seed, set->csum_offload, 1000000);
}

static void stop(struct side *s)
{
	assert_int_equal(rig_fini_pool(&s->rig), 0);
}

static uint32_t take(void *ctx, struct buf **bufs, uint32_t n)
{
	struct side *s = ctx;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = s->nb_sent++;

		assert_true(at < BURST && bufs[i]->len <= sizeof(s->sent[at]));
		memset(s->sent[at], 0, sizeof(s->sent[at]));
		memcpy(s->sent[at], bufs[i]->data, bufs[i]->len);
		s->len[at] = bufs[i]->len;
		assert_int_equal(bufs[i]->l2_len + bufs[i]->l3_len + bufs[i]->l4_len, s->len[at]);
		if (!(bufs[i]->flags & BUF_KEEP))
			mem_pool_put(s->pool, bufs[i]);
	}
	return n;
}

struct wire {
	uint8_t bytes[FRAME_MAX];
	uint32_t len;
	bool sums_known; /* by the port */
};

static void receive(struct side *s, const struct wire *w, uint32_t n, usec_t now, bool shortcut)
{
	struct buf *bufs[BURST];

	for (uint32_t i = 0; i < n; i++) {
		bufs[i] = mem_pool_get(s->pool);
		memcpy(bufs[i]->data, w[i].bytes, w[i].len);
		bufs[i]->len = w[i].len;
		bufs[i]->port = 0;
		bufs[i]->flags |= w[i].sums_known ? BUF_RX_IP_CSUM_OK | BUF_RX_L4_CSUM_OK : 0;
	}
	shard_set_time(s->rig.sh, now);
	s->rig.sh->flooded = shortcut;
	s->nb_sent = 0;
	shard_receive(s->rig.sh, bufs, n);
	shard_timers(s->rig.sh, UINT16_MAX);
	shard_finish(s->rig.sh);
	shard_transmit(s->rig.sh, 0, take, s);
}

static uint32_t below(uint64_t *state, uint32_t n)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((*state >> 33) % n);
}

/* Mostly the SYN of a flood; a third have something else about them. No two of a burst, of which it
 * is the i-th, have one tuple: the short way overtakes the other. */
static void make(struct wire *w, uint32_t i, uint64_t *random)
{
	static const uint16_t msss[] = {1460, 1460, 1220, 536, 535, 0, 9000, 1439};
	struct frame f = {.kind = FRAME_TCP,
			  .saddr = testconf_ip("198.51.100.0"),
			  .daddr = testconf_ip("192.0.2.1"),
			  .ttl = 64,
			  .proto = 6,
			  .tcp = {.dport = 80, .wnd = 64240, .flags = FRAME_SYN, .opts_len = 20}};
	uint16_t mss = msss[below(random, 4) ? 0 : below(random, ARRAY_SIZE(msss))];
	uint8_t opts[20] = {2, 4, (uint8_t)(mss >> 8), (uint8_t)mss, 4, 2, 8, 10, 1, 2,
			    3, 4, 0, 0, 0, 0, 1, 3, 3, (uint8_t)below(random, 17)};

	rig_mac(f.dst, 0, 0);
	memcpy(f.src, (uint8_t[]){2, 0, 0, 0, 9, (uint8_t)below(random, 8)}, 6);
	f.saddr.bytes[2] = (uint8_t)below(random, 256);
	f.saddr.bytes[3] = (uint8_t)below(random, 256);
	f.tcp.sport = (uint16_t)(1024 + i + BURST * below(random, 4));
	f.tcp.seq = below(random, 1u << 31) * 2 + below(random, 2);
	opts[11] = (uint8_t)below(random, 256);
	switch (below(random, 80)) {
	case 0: f.tcp.dport = 81; break;
	case 1: f.tcp.dport = 82; break;
	case 2: f.daddr = testconf_ip("192.0.2.2"); break;
	case 3: f.daddr = testconf_ip("192.0.2.3"); break;
	case 4: f.saddr = testconf_ip("192.0.2.1"); break;
	case 5: f.saddr = testconf_ip("224.0.0.1"); break;
	case 6: f.saddr = testconf_ip("192.0.2.255"); break;
	case 7: f.tcp.flags |= FRAME_ECE | FRAME_CWR; break;
	case 8: f.tcp.flags |= FRAME_ACK; break;
	case 9: f.tcp.flags |= FRAME_FIN; break;
	case 10: f.tcp.flags = FRAME_RST; break;
	case 11: f.tcp.opts_len = 0; break;
	case 12: f.tcp.opts_len = 16; break;
	case 13: opts[5] = 3; break;
	case 14: opts[17] = 4; break;
	case 15: f.payload = (const uint8_t *)"data", f.payload_len = 4; break;
	case 16: f.harm.ip_csum = true; break;
	case 17: f.harm.l4_csum = true; break;
	case 18: f.harm.ip_option_words = 1; break;
	case 19: f.harm.has_frag = true, f.harm.frag = 0x2000; break;
	case 20: f.harm.pad = 3; break;
	case 21: f.harm.cut = 1; break;
	case 22: f.dst[5] ^= 1; break;
	case 23: f.vlan = 7; break;
	case 24: f.tos = 0xb8 | 3; break;
	case 25: f.harm.data_offset = 9; break;
	case 26: f.tcp.urp = 5, f.tcp.flags |= FRAME_URG; break;
	case 27: f.ttl = 1; break;
	case 28: f.tcp.ack = 77; break;
	default: break;
	}
	memcpy(f.tcp.opts, opts, f.tcp.opts_len);
	w->len = frame_build(w->bytes, &f);
	w->sums_known = !f.harm.ip_csum && !f.harm.l4_csum && below(random, 2);
}

/* The ACK of the first answer that has timestamps, and where it came from. False: none has. */
static bool complete(const struct side *s, struct wire *w, struct frame *from)
{
	static const uint8_t head[4] = {1, 1, 8, 10};
	struct frame got;
	char why[80];

	for (uint32_t i = 0; i < s->nb_sent; i++) {
		if (!frame_parse(s->sent[i], s->len[i], s->pending, &got, why, sizeof(why)))
			fail_msg("%s", why);
		if (got.tcp.flags != (FRAME_SYN | FRAME_ACK) || got.tcp.opts_len != 20)
			continue;
		*from = (struct frame){.kind = FRAME_TCP,
				       .saddr = got.daddr,
				       .daddr = got.saddr,
				       .ttl = 64,
				       .proto = 6,
				       .tcp = {.sport = got.tcp.dport,
					       .dport = got.tcp.sport,
					       .seq = got.tcp.ack,
					       .ack = got.tcp.seq + 1,
					       .wnd = 500,
					       .flags = FRAME_ACK,
					       .opts_len = 12}};
		memcpy(from->dst, got.src, 6);
		memcpy(from->src, got.dst, 6);
		memcpy(from->tcp.opts, head, 4);
		memcpy(from->tcp.opts + 4, got.tcp.opts + 12, 4);
		memcpy(from->tcp.opts + 8, got.tcp.opts + 8, 4);
		w->len = frame_build(w->bytes, from);
		return true;
	}
	return false;
}

/* A flood's SYN of somebody who is connected. */
static void make_again(struct wire *w, const struct frame *from)
{
	static const uint8_t opts[20] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0,
					 0, 9, 0, 0,   0, 0, 1, 3,  3, 7};
	struct frame f = *from;

	f.tcp.flags = FRAME_SYN;
	f.tcp.opts_len = sizeof(opts);
	memcpy(f.tcp.opts, opts, sizeof(opts));
	w->len = frame_build(w->bytes, &f);
	w->sums_known = false;
}

/* Frames may leave in another order, one of a kind each. */
static void same_frames(const struct side *a, const struct side *b)
{
	bool found[BURST] = {false};

	assert_int_equal(a->nb_sent, b->nb_sent);
	for (uint32_t i = 0; i < a->nb_sent; i++) {
		uint32_t k = 0;

		while (k < b->nb_sent && (found[k] || a->len[i] != b->len[k] ||
					  memcmp(a->sent[i], b->sent[k], a->len[i]) != 0))
			k++;
		if (k == b->nb_sent)
			fail_msg("a frame that only one side has sent");
		found[k] = true;
	}
}

static void same_counts(const struct side *a, const struct side *b)
{
	for (uint32_t i = 0; i < STAT_COUNT; i++)
		if (a->rig.sh->stats[i] != b->rig.sh->stats[i])
			fail_msg("%s: %lu, %lu", stat_name(i), a->rig.sh->stats[i],
				 b->rig.sh->stats[i]);
	for (uint32_t l = 0; l < a->tc.conf.nb_listeners; l++) {
		const struct listener_state *x = &a->rig.sh->listeners[l];
		const struct listener_state *y = &b->rig.sh->listeners[l];

		assert_int_equal(x->drops, y->drops);
		assert_int_equal(x->half_open, y->half_open);
		assert_int_equal(x->pressure.syns, y->pressure.syns);
		assert_int_equal(x->pressure.cookies_sent, y->pressure.cookies_sent);
	}
}

/* A moment before keys change: cookies of what comes right behind it are made with either. */
static usec_t before_next_key(const struct side *s, usec_t now)
{
	usec_t then = now + 20000, clock = then + s->rig.sh->cookie_clock_ms * USEC_PER_TICK;

	return now + PERIOD_US - clock % PERIOD_US;
}

static void compare(const struct setting *set, uint64_t seed)
{
	static struct side a, b;
	static struct wire burst[BURST], ack;
	struct frame client = {0};
	bool known = false;
	uint64_t random = seed, shortened = 0;
	usec_t now = 1000000;

	start(&a, set, seed);
	start(&b, set, seed);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		bool leap = below(&random, 50) == 0 || round == 0;
		/* Who takes the last entry there is depends on the order. */
		uint32_t n = leap ? 1 : 1 + below(&random, BURST);

		for (uint32_t i = 0; i < n; i++)
			make(&burst[i], i, &random);
		if (known && below(&random, 4) == 0)
			make_again(&burst[0], &client);
		now = leap ? before_next_key(&a, now) : now + below(&random, 30000);
		receive(&a, burst, n, now, false);
		receive(&b, burst, n, now, true);
		shortened += b.rig.sh->flooded;
		same_frames(&a, &b);
		same_counts(&a, &b);
		if (round % 16 == 0 && complete(&a, &ack, &client)) {
			known = true;
			receive(&a, &ack, 1, now, false);
			receive(&b, &ack, 1, now, true);
			same_frames(&a, &b);
			same_counts(&a, &b);
		}
	}
	assert_true(known);
	assert_true(shortened > 0 || set->max_connections ||
		    set->syncookies == CONF_SYNCOOKIES_NEVER);
	stop(&a);
	stop(&b);
}

static void test_always(void **state)
{
	(void)state;
	compare(&(struct setting){.syncookies = CONF_SYNCOOKIES_ALWAYS}, 1);
}

static void test_auto(void **state)
{
	(void)state;
	compare(&(struct setting){.syncookies = CONF_SYNCOOKIES_AUTO, .dscp = 46}, 2);
}

static void test_never(void **state)
{
	(void)state;
	compare(&(struct setting){.syncookies = CONF_SYNCOOKIES_NEVER}, 3);
}

static void test_offload(void **state)
{
	(void)state;
	compare(&(struct setting){.syncookies = CONF_SYNCOOKIES_ALWAYS, .csum_offload = true,
				  .mss = 1200}, 4);
}

/* A listener that has to be asked. */
static void test_limited(void **state)
{
	(void)state;
	compare(&(struct setting){.syncookies = CONF_SYNCOOKIES_ALWAYS, .max_connections = 1}, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_always),  cmocka_unit_test(test_auto),
	    cmocka_unit_test(test_never),   cmocka_unit_test(test_offload),
	    cmocka_unit_test(test_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
