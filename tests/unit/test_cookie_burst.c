/* SPDX-License-Identifier: BSD-3-Clause */
/* SYN cookies for SYNs that come in one burst, of whatever kinds: each is answered with its own,
 * and each ACK that brings one back opens its connection. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/tcp/internal.h"
#include "tests/lib/frame.h"
#include "tests/lib/rig.h"

#define BURST	  9
#define PERIOD_US 65536000u

struct burst {
	struct testconf tc;
	struct mem_pool *pool;
	struct rig rig;
	uint8_t bytes[BURST][FRAME_MAX];
	struct frame sent[BURST]; /* answers, payloads in `bytes` */
	uint32_t nb_sent;
};

static void start(struct burst *b, uint64_t seed)
{
	testconf_init(&b->tc);
	testconf_port(&b->tc, 1500);
	testconf_iface(&b->tc, 0, 0);
	testconf_addr(&b->tc, "192.0.2.1", 24, 0);
	testconf_addr(&b->tc, "2001:db8::1", 64, 0);
	b->tc.conf.tcp.syncookies = CONF_SYNCOOKIES_ALWAYS;
	testconf_listener(&b->tc, 0, 80, CONF_SERVICE_DISCARD, CONF_NONE);
	testconf_listener(&b->tc, 1, 80, CONF_SERVICE_DISCARD, CONF_NONE);
	b->pool = mem_pool_create(64, BUF_DATAROOM, 0);
	rig_init(&b->rig, &b->tc, b->pool, 0, seed, false, 1000000);
}

static void stop(struct burst *b)
{
	assert_int_equal(rig_fini_pool(&b->rig), 0);
}

static uint32_t take(void *ctx, struct buf **bufs, uint32_t n)
{
	struct burst *b = ctx;
	char why[80];

	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = b->nb_sent++;

		assert_true(at < BURST);
		memcpy(b->bytes[at], bufs[i]->data, bufs[i]->len);
		if (!frame_parse(b->bytes[at], bufs[i]->len, 0, &b->sent[at], why, sizeof(why)))
			fail_msg("%s", why);
		if (!(bufs[i]->flags & BUF_KEEP))
			mem_pool_put(b->pool, bufs[i]);
	}
	return n;
}

static void receive(struct burst *b, struct frame *frames, uint32_t n)
{
	struct buf *bufs[BURST];

	for (uint32_t i = 0; i < n; i++) {
		rig_mac(frames[i].dst, 0, 0);
		memcpy(frames[i].src, (uint8_t[]){2, 0, 0, 0, 0, (uint8_t)frames[i].tcp.sport}, 6);
		bufs[i] = mem_pool_get(b->pool);
		bufs[i]->len = frame_build(bufs[i]->data, &frames[i]);
		bufs[i]->port = 0;
	}
	b->nb_sent = 0;
	shard_receive(b->rig.sh, bufs, n);
	shard_finish(b->rig.sh);
	shard_transmit(b->rig.sh, 0, take, b);
}

/* What kinds of SYN there are: options a cookie keeps in its two ways, and those it can't. */
enum kind { ALL_OPTIONS, NO_OPTIONS, NO_TIMESTAMPS, OVER_IPV6, TINY_MSS, NB_KINDS };

static struct frame_tcp syn_of(enum kind kind, uint32_t i)
{
	static const uint8_t all[20] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0,
					0, 9, 0, 0,    0, 0, 1, 3,  3, 7};
	static const uint8_t some[8] = {2, 4, 5, 0xb4, 1, 1, 4, 2}, tiny[4] = {2, 4, 0, 100};
	struct frame_tcp t = {.sport = (uint16_t)(1024 + i),
			      .dport = 80,
			      .seq = 7000000 * (i + 1),
			      .wnd = 65535,
			      .flags = FRAME_SYN};
	const uint8_t *opts = kind == NO_TIMESTAMPS ? some : kind == TINY_MSS ? tiny : all;

	t.opts_len = opts == some ? sizeof(some) : opts == tiny ? sizeof(tiny) : sizeof(all);
	if (kind == NO_OPTIONS)
		t.opts_len = 0;
	memcpy(t.opts, opts, t.opts_len);
	return t;
}

static struct frame segment(enum kind kind, struct frame_tcp tcp)
{
	bool v6 = kind == OVER_IPV6;

	return (struct frame){.kind = FRAME_TCP,
			      .saddr = testconf_ip(v6 ? "2001:db8::77" : "192.0.2.77"),
			      .daddr = testconf_ip(v6 ? "2001:db8::1" : "192.0.2.1"),
			      .ttl = 64,
			      .proto = 6,
			      .tcp = tcp};
}

static const struct frame *answer_to(const struct burst *b, const struct frame *f)
{
	for (uint32_t i = 0; i < b->nb_sent; i++)
		if (b->sent[i].tcp.dport == f->tcp.sport)
			return &b->sent[i];
	fail_msg("no answer for port %u", f->tcp.sport);
	return NULL;
}

/* The ACK that the SYN-ACK asks for, which must be right in all else. */
static struct frame ack_of(const struct frame *syn, const struct frame *answer, enum kind kind)
{
	struct frame_tcp t = {.sport = syn->tcp.sport,
			      .dport = 80,
			      .seq = syn->tcp.seq + 1,
			      .ack = answer->tcp.seq + 1,
			      .wnd = 500,
			      .flags = FRAME_ACK};

	assert_int_equal(answer->tcp.flags, FRAME_SYN | FRAME_ACK);
	assert_int_equal(answer->tcp.ack, t.seq);
	assert_int_equal(answer->tcp.sport, 80);
	assert_memory_equal(answer->dst, syn->src, 6);
	assert_memory_equal(answer->src, syn->dst, 6);
	assert_true(ipaddr_equal(&answer->daddr, &syn->saddr));
	assert_true(ipaddr_equal(&answer->saddr, &syn->daddr));
	if (kind == ALL_OPTIONS || kind == OVER_IPV6) {
		/* MSS, SACK-permitted, timestamps, NOP, window scale: theirs comes back */
		assert_int_equal(answer->tcp.opts_len, 20);
		assert_memory_equal(answer->tcp.opts + 12, syn->tcp.opts + 8, 4);
		t.opts_len = 12;
		memcpy(t.opts, (uint8_t[]){1, 1, 8, 10, 0, 0, 0, 10}, 8);
		memcpy(t.opts + 8, answer->tcp.opts + 8, 4);
	}
	return segment(kind, t);
}

/* Bursts of `n` that begin with every kind, at a moment of a key's life. */
static void check_burst(struct burst *b, uint32_t n, uint32_t first)
{
	const uint64_t *stats = b->rig.sh->stats;
	uint64_t sent = stats[STAT_syncookies_sent], back = stats[STAT_syncookies_received];
	uint64_t opened = stats[STAT_syn_received];
	struct frame syns[BURST], acks[BURST];
	uint32_t tiny = 0;

	for (uint32_t i = 0; i < n; i++)
		syns[i] = segment((first + i) % NB_KINDS, syn_of((first + i) % NB_KINDS, i));
	receive(b, syns, n);
	assert_int_equal(b->nb_sent, n);
	for (uint32_t i = 0; i < n; i++) {
		enum kind kind = (first + i) % NB_KINDS;

		acks[i] = ack_of(&syns[i], answer_to(b, &syns[i]), kind);
		tiny += kind == TINY_MSS;
	}
	assert_int_equal(stats[STAT_syncookies_sent] - sent, n - tiny);
	assert_int_equal(stats[STAT_syn_received] - opened, tiny);
	receive(b, acks, n);
	assert_int_equal(stats[STAT_syncookies_received] - back, n - tiny);
	assert_int_equal(b->rig.sh->conns.used, n);
	assert_true(shard_check(b->rig.sh));
}

static void test_every_mixture(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= BURST; n++)
		for (uint32_t first = 0; first < NB_KINDS; first++) {
			struct burst b;

			memset(&b, 0, sizeof(b));
			start(&b, n * NB_KINDS + first);
			check_burst(&b, n, first);
			stop(&b);
		}
}

/* Timestamps are rounded down, so that a cookie with them may be of the period before. */
static void test_two_periods_in_one_burst(void **state)
{
	static const uint32_t after_ms[] = {0, 1, 7, 33, 62, 63, 64, 65};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(after_ms); i++) {
		struct burst b;
		usec_t now, clock_us;

		memset(&b, 0, sizeof(b));
		start(&b, 77 + i);
		now = b.rig.sh->now_us;
		clock_us = now + b.rig.sh->cookie_clock_ms * 1000;
		now += PERIOD_US - clock_us % PERIOD_US + after_ms[i] * 1000;
		shard_set_time(b.rig.sh, now);
		check_burst(&b, BURST, 0);
		stop(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_mixture),
	    cmocka_unit_test(test_two_periods_in_one_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
