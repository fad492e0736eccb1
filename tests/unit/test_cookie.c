/* SPDX-License-Identifier: BSD-3-Clause */
/* SYN cookies: what they keep, what they round, how hard they are to forge. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/tcp/internal.h"
#include "tests/lib/solo.h"

/* A client's segments; the addresses are the caller's. */
struct client {
	struct ipaddr us, them;
	uint16_t port;
	uint32_t isn;
};

static struct client client_of(const char *them, const char *us)
{
	return (struct client){testconf_ip(us), testconf_ip(them), 0x1234, 1000000000};
}

static struct seg syn_of(const struct client *c)
{
	return (struct seg){.src = c->them.bytes,
			    .dst = c->us.bytes,
			    .family = c->us.family,
			    .sport_be = c->port,
			    .dport_be = 0x5000,
			    .seq = c->isn,
			    .flags = TCP_SYN};
}

/* The ACK that completes the handshake. */
static struct seg ack_of(const struct client *c, const struct half *sent, uint32_t tsval)
{
	struct seg s = syn_of(c);

	s.seq++;
	s.ack = sent->iss + 1;
	s.flags = TCP_ACK;
	if (sent->flags & CF_TIMESTAMPS) {
		s.opt.seen = TCPOPT_HAS_TS;
		s.opt.tsval = 77;
		s.opt.tsecr = tsval;
	}
	return s;
}

static void check_kept(struct solo *f, const struct client *c, const struct half *syn)
{
	struct half sent = *syn, got = {.profile = 0};
	struct seg s = syn_of(c);
	uint32_t tsval = 0;

	sent.irs = c->isn;
	assert_true(cookie_make(f->sh, &s, &sent, &tsval));
	s = ack_of(c, &sent, tsval);
	assert_int_equal(cookie_check(f->sh, &s, &got), COOKIE_GOOD);
	/* what went into the SYN-ACK is what comes back */
	assert_int_equal(got.iss, sent.iss);
	assert_int_equal(got.irs, sent.irs);
	assert_int_equal(got.mss, sent.mss);
	assert_int_equal(got.flags, sent.flags);
	assert_int_equal(got.wscale >> 4, sent.wscale >> 4);
	/* and no more than was offered */
	assert_true(got.mss <= syn->mss);
	assert_int_equal(got.flags & ~syn->flags, 0);
	assert_true(got.wscale >> 4 <= syn->wscale >> 4);
	assert_int_equal(got.flags & (CF_ECN | CF_SACK), syn->flags & (CF_ECN | CF_SACK));
	if (syn->flags & CF_TIMESTAMPS) {
		assert_int_equal(got.ts_recent, 77);
		assert_int_equal(got.wscale >> 4, syn->wscale >> 4);
		assert_true(seq_leq(tsval, ts_now(f->sh)));
	}
}

static void test_options_are_kept(void **state)
{
	static const uint16_t msss[] = {1220, 1300, 1380, 1400,  1439,
					1440, 1460, 1461, 8960, 65535};
	struct client both[] = {client_of("198.51.100.7", "192.0.2.1"),
				client_of("2001:db8:1::7", "2001:db8::1")};
	struct solo f;

	(void)state;
	solo_start(&f, 1, 5000000);
	for (uint32_t i = 0; i < ARRAY_SIZE(both) * ARRAY_SIZE(msss) * 16 * 16; i++) {
		struct half h = {.flags = i & 15};
		uint32_t wscale = i >> 4 & 15;

		h.mss = msss[(i >> 8) % ARRAY_SIZE(msss)];
		if (wscale == 15)
			h.flags &= (uint8_t)(15 & ~CF_WSCALE);
		if (h.flags & CF_WSCALE)
			h.wscale = (uint8_t)(wscale << 4);
		check_kept(&f, &both[(i >> 8) / ARRAY_SIZE(msss)], &h);
		shard_set_time(f.sh, f.sh->now_us + 777);
	}
	solo_stop(&f);
}

static void test_small_mss(void **state)
{
	struct client c = client_of("198.51.100.7", "192.0.2.1");
	struct solo f;

	(void)state;
	solo_start(&f, 1, 5000000);
	for (uint32_t ts = 0; ts < 2; ts++) {
		struct half h = {.mss = 535, .flags = ts ? CF_TIMESTAMPS : 0};
		struct seg s = syn_of(&c);
		uint32_t tsval;

		assert_false(cookie_make(f.sh, &s, &h, &tsval));
		h.mss = 536;
		assert_true(cookie_make(f.sh, &s, &h, &tsval));
	}
	solo_stop(&f);
}

#define FORGERIES (1u << 22)

/* With 2^25 (2^29) guesses for one that is good, four million hardly ever hold two. */
static void test_guesses(void **state)
{
	struct client c = client_of("198.51.100.7", "192.0.2.1");
	uint32_t x = 1;
	struct solo f;

	(void)state;
	solo_start(&f, 1, 5000000);
	for (uint32_t ts = 0; ts < 2; ts++) {
		struct half made = {.flags = ts ? CF_TIMESTAMPS : 0}, h;
		struct seg s = ack_of(&c, &made, ts_now(f.sh));
		uint32_t good = 0;

		for (uint32_t i = 0; i < FORGERIES; i++) {
			x = x * 1664525 + 1013904223;
			s.ack = x;
			h = (struct half){.profile = 0};
			good += cookie_check(f.sh, &s, &h) == COOKIE_GOOD;
		}
		assert_in_range(good, 0, 2);
	}
	solo_stop(&f);
}

/* Any other number, port, address or secret, any other bit of it, and it is none. */
static void test_all_is_covered(void **state)
{
	struct client c = client_of("198.51.100.7", "192.0.2.1"), other = c;
	struct solo f, g;

	(void)state;
	solo_start(&f, 1, 5000000);
	solo_start(&g, 2, 5000000);
	for (uint32_t ts = 0; ts < 2; ts++) {
		struct half made = {.irs = c.isn, .mss = 1460}, h = {0};
		struct seg s = syn_of(&c), good;
		uint32_t tsval = 0;

		made.flags = ts ? CF_TIMESTAMPS : 0;
		assert_true(cookie_make(f.sh, &s, &made, &tsval));
		good = s = ack_of(&c, &made, tsval);
		assert_int_equal(cookie_check(f.sh, &s, &h), COOKIE_GOOD);
		assert_int_equal(cookie_check(g.sh, &s, &h), COOKIE_FORGED);
		for (uint32_t bit = 0; bit < 32; bit++) {
			s = good;
			s.ack = ((good.ack - 1) ^ 1u << bit) + 1;
			assert_int_not_equal(cookie_check(f.sh, &s, &h), COOKIE_GOOD);
			s = good;
			s.seq ^= 1u << bit;
			assert_int_equal(cookie_check(f.sh, &s, &h), COOKIE_FORGED);
		}
		s = good;
		s.sport_be ^= 1;
		assert_int_equal(cookie_check(f.sh, &s, &h), COOKIE_FORGED);
		s = good;
		s.dport_be ^= 1;
		assert_int_equal(cookie_check(f.sh, &s, &h), COOKIE_FORGED);
		s = good;
		other.them.bytes[3] = (uint8_t)(c.them.bytes[3] ^ 1);
		s.src = other.them.bytes;
		assert_int_equal(cookie_check(f.sh, &s, &h), COOKIE_FORGED);
	}
	solo_stop(&g);
	solo_stop(&f);
}

/* Good in its period and the next, then known to be old, in the end not known at all. */
static void check_life(struct solo *f, const struct client *c, uint32_t flags)
{
	struct half made = {.irs = c->isn, .mss = 1460, .flags = (uint8_t)flags & 15}, h = {0};
	struct seg s = syn_of(c);
	uint32_t tsval = 0, seconds = 0;

	assert_true(cookie_make(f->sh, &s, &made, &tsval));
	s = ack_of(c, &made, tsval);
	while (cookie_check(f->sh, &s, &h) == COOKIE_GOOD) {
		shard_set_time(f->sh, f->sh->now_us + 1000000);
		seconds++;
	}
	assert_in_range(seconds, 65, 132);
	assert_int_equal(cookie_check(f->sh, &s, &h), COOKIE_STALE);
	shard_set_time(f->sh, f->sh->now_us + 60000000);
	assert_int_equal(cookie_check(f->sh, &s, &h), COOKIE_STALE);
}

static void test_life(void **state)
{
	struct client c = client_of("198.51.100.7", "192.0.2.1");
	struct solo f;

	(void)state;
	solo_start(&f, 1, 5000000);
	for (uint32_t i = 0; i < 40; i++) {
		check_life(&f, &c, i & 1 ? CF_TIMESTAMPS : 0);
		shard_set_time(f.sh, f.sh->now_us + 7000000);
	}
	solo_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_options_are_kept), cmocka_unit_test(test_small_mss),
	    cmocka_unit_test(test_guesses),	     cmocka_unit_test(test_all_is_covered),
	    cmocka_unit_test(test_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
