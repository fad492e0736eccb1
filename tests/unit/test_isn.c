/* SPDX-License-Identifier: BSD-3-Clause */
/* Initial sequence numbers: RFC 6528's formula, seen from outside. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/tcp/internal.h"
#include "tests/lib/solo.h"

static struct tuple tuple_of(struct solo *f, const char *peer, uint16_t rport_be,
			     uint16_t lport_be)
{
	struct ipaddr a = testconf_ip(peer);
	struct tuple_key key = {a.bytes, rport_be, lport_be,
				a.family == IP_V6 ? 1 | TUPLE_V6 : 0};
	struct tuple t;

	assert_true(tuple_set(f->sh, &t, &key, 0));
	return t;
}

/* A shard follows a leap in steps, each after its timers. */
static void go_to(struct shard *sh, usec_t now)
{
	while (sh->now_us < now) {
		shard_timers(sh, 1000);
		shard_set_time(sh, now);
	}
}

/* M: one step every 4 µs, round and round. */
static void test_clock(void **state)
{
	static const usec_t starts[] = {0, 1, 1000000, 17179869183ull, 1ull << 40};
	struct solo f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		struct tuple t;
		uint32_t first;

		solo_start(&f, 1, starts[i] / 4 * 4);
		t = tuple_of(&f, "198.51.100.7", 1, 2);
		first = isn_of(f.sh, &t);
		for (uint64_t us = 0; us < 100000; us += 333) {
			shard_set_time(f.sh, starts[i] / 4 * 4 + us);
			assert_int_equal(isn_of(f.sh, &t), first + (uint32_t)(us / 4));
		}
		/* 4.55 hours later it has come round. */
		go_to(f.sh, starts[i] / 4 * 4 + (4ull << 32));
		assert_int_equal(isn_of(f.sh, &t), first);
		solo_stop(&f);
	}
}

/* F: every part of the tuple counts, and the secret. */
static void test_tuple_and_secret(void **state)
{
	struct solo f;
	struct tuple t;
	uint32_t base;
	struct prf_key key;

	(void)state;
	solo_start(&f, 1, 5000);
	t = tuple_of(&f, "198.51.100.7", 10, 20);
	base = isn_of(f.sh, &t);
	for (uint32_t bit = 0; bit < 32; bit++) {
		struct tuple other = t;

		other.raddr ^= 1u << bit;
		assert_int_not_equal(isn_of(f.sh, &other), base);
	}
	for (uint32_t bit = 0; bit < 16; bit++) {
		struct tuple other = t;

		other.rport_be ^= (uint16_t)(1 << bit);
		assert_int_not_equal(isn_of(f.sh, &other), base);
		other = t;
		other.lport_be ^= (uint16_t)(1 << bit);
		assert_int_not_equal(isn_of(f.sh, &other), base);
	}
	for (uint32_t bit = 0; bit < 16; bit++) {
		struct tuple one = t, two = t;

		/* The same bit of another field is another tuple. */
		one.lport_be = (uint16_t)(1 << bit);
		two.lport_be = 0;
		two.local = (uint16_t)(1 << bit) & (uint16_t)~TUPLE_V6;
		assert_int_not_equal(isn_of(f.sh, &one), isn_of(f.sh, &two));
	}
	key = f.sh->isn_key;
	prf_key_init(&f.sh->isn_key, (const uint8_t *)"another secret..");
	assert_int_not_equal(isn_of(f.sh, &t), base);
	f.sh->isn_key = key;
	/* Not the interface, nor the table's key: a moved route changes nothing. */
	t.iface = 9;
	prf_key_init(&f.sh->table_key, (const uint8_t *)"another secret..");
	assert_int_equal(isn_of(f.sh, &t), base);
	solo_stop(&f);

	solo_start(&f, 2, 5000);
	t = tuple_of(&f, "198.51.100.7", 10, 20);
	assert_int_not_equal(isn_of(f.sh, &t), base);
	solo_stop(&f);
}

/* An IPv6 peer's address counts to its last bit, and where it is stored does not. */
static void test_ipv6(void **state)
{
	struct solo f;
	struct tuple a, b, same;

	(void)state;
	solo_start(&f, 1, 5000);
	a = tuple_of(&f, "2001:db8:1::7", 10, 20);
	b = tuple_of(&f, "2001:db8:1::6", 10, 20);
	same = tuple_of(&f, "2001:db8:1::7", 10, 20);
	assert_int_not_equal(a.raddr, same.raddr);
	assert_int_equal(isn_of(f.sh, &a), isn_of(f.sh, &same));
	assert_int_not_equal(isn_of(f.sh, &a), isn_of(f.sh, &b));
	solo_stop(&f);
}

/* What one client sees says nothing about the next: differences between the
 * numbers of neighbouring tuples are spread over the whole space. */
static void test_no_pattern(void **state)
{
	uint32_t buckets[64] = {0};
	struct solo f;

	(void)state;
	solo_start(&f, 1, 5000);
	for (uint16_t port = 0; port < 64 * 256; port++) {
		struct tuple a = tuple_of(&f, "198.51.100.7", port, 20);
		struct tuple b = tuple_of(&f, "198.51.100.7", (uint16_t)(port + 1), 20);

		buckets[(isn_of(f.sh, &a) - isn_of(f.sh, &b)) >> 26]++;
	}
	for (int i = 0; i < 64; i++)
		assert_in_range(buckets[i], 180, 340); /* 256 expected, σ is 16 */
	solo_stop(&f);
}

/* The timestamp clock runs in milliseconds from a secret beginning. */
static void test_timestamp_clock(void **state)
{
	struct solo f, g;
	uint32_t first;

	(void)state;
	solo_start(&f, 1, 7000);
	solo_start(&g, 2, 7000);
	first = ts_now(f.sh);
	assert_int_not_equal(first, ts_now(g.sh));
	assert_int_not_equal(first, 7);
	shard_set_time(f.sh, 7999);
	assert_int_equal(ts_now(f.sh), first);
	shard_set_time(f.sh, 8000);
	assert_int_equal(ts_now(f.sh), first + 1);
	go_to(f.sh, 7000 + (1000ull << 32));
	assert_int_equal(ts_now(f.sh), first);
	solo_stop(&f);
	solo_stop(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_clock),
	    cmocka_unit_test(test_tuple_and_secret),
	    cmocka_unit_test(test_ipv6),
	    cmocka_unit_test(test_no_pattern),
	    cmocka_unit_test(test_timestamp_clock),
	};

	return cmocka_run_group_tests_name("isn", tests, NULL, NULL);
}
