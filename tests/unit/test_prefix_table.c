/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of prefixes against a matcher that looks at one prefix after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include "tests/lib/prefix_model.h"
#include "tests/unit/rng.h"

#define MANY 100000

static struct prefix_table *build(const struct prefix *prefixes, uint32_t n, bool refused)
{
	struct prefix *copy = malloc((n + 1) * sizeof(*copy));
	struct prefix_table *t;
	void *mem = aligned_alloc(16, prefix_table_bytes(n));

	assert_non_null(copy);
	assert_non_null(mem);
	if (n > 0)
		memcpy(copy, prefixes, n * sizeof(*copy));
	t = prefix_table_build(mem, copy, n, refused);
	assert_ptr_equal(t, mem);
	assert_true(prefix_table_used(t) <= prefix_table_bytes(n));
	free(copy);
	return t;
}

static struct ipaddr ip(const char *text)
{
	struct ipaddr a = {.family = strchr(text, ':') ? IP_V6 : IP_V4};

	assert_int_equal(inet_pton(a.family == IP_V6 ? AF_INET6 : AF_INET, text, a.bytes), 1);
	return a;
}

static bool refuses(const struct prefix_table *t, const char *text)
{
	struct ipaddr a = ip(text);

	return prefix_table_refuses(t, a.family, a.bytes);
}

static void mask(struct ipaddr *a, uint8_t len)
{
	for (unsigned bit = len; bit < (a->family == IP_V4 ? 32 : 128); bit++)
		a->bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

static void test_none(void **state)
{
	struct prefix_table *all = build(NULL, 0, false), *nobody = build(NULL, 0, true);

	(void)state;
	assert_false(refuses(all, "0.0.0.0"));
	assert_false(refuses(all, "255.255.255.255"));
	assert_false(refuses(all, "2001:db8::1"));
	assert_true(refuses(nobody, "0.0.0.0"));
	assert_true(refuses(nobody, "255.255.255.255"));
	assert_true(refuses(nobody, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	free(all);
	free(nobody);
}

static void test_longest_decides(void **state)
{
	const struct prefix p[] = {
	    {ip("203.0.113.0"), 24, true},   {ip("203.0.113.64"), 26, false},
	    {ip("203.0.113.80"), 32, true},  {ip("2001:db8::"), 32, true},
	    {ip("2001:db8:1::"), 48, false},
	};
	struct prefix_table *t = build(p, ARRAY_SIZE(p), false);

	(void)state;
	assert_false(refuses(t, "203.0.112.255"));
	assert_true(refuses(t, "203.0.113.0"));
	assert_true(refuses(t, "203.0.113.63"));
	assert_false(refuses(t, "203.0.113.64"));
	assert_true(refuses(t, "203.0.113.80"));
	assert_false(refuses(t, "203.0.113.81"));
	assert_true(refuses(t, "203.0.113.128"));
	assert_true(refuses(t, "203.0.113.255"));
	assert_false(refuses(t, "203.0.114.0"));
	assert_true(refuses(t, "2001:db8::1"));
	assert_false(refuses(t, "2001:db8:1:ffff::"));
	assert_true(refuses(t, "2001:db8:2::"));
	assert_false(refuses(t, "2001:db9::"));
	assert_int_equal(t->nb_v4, 6);
	free(t);
}

static void test_of_equals_the_refusal_wins(void **state)
{
	const struct prefix p[] = {
	    {ip("192.0.2.0"), 24, false}, {ip("192.0.2.0"), 24, true}, {ip("0.0.0.0"), 0, true},
	    {ip("0.0.0.0"), 0, false},    {ip("::"), 0, false},        {ip("::"), 0, false},
	};
	struct prefix_table *t = build(p, ARRAY_SIZE(p), true);

	(void)state;
	assert_true(refuses(t, "192.0.2.1"));
	assert_true(refuses(t, "0.0.0.0"));
	assert_true(refuses(t, "255.255.255.255"));
	assert_false(refuses(t, "::"));
	assert_false(refuses(t, "ffff::"));
	assert_int_equal(t->nb_v4, 0);
	assert_int_equal(t->nb_v6, 0);
	free(t);
}

/* Neighbours with one verdict are one range. */
static void test_neighbours_are_joined(void **state)
{
	const struct prefix p[] = {
	    {ip("10.0.0.0"), 24, true},   {ip("10.0.1.0"), 24, true},  {ip("10.0.2.0"), 23, true},
	    {ip("10.0.2.128"), 25, true}, {ip("128.0.0.0"), 1, false}, {ip("0.0.0.0"), 8, false},
	};
	struct prefix_table *t = build(p, ARRAY_SIZE(p), false);

	(void)state;
	assert_int_equal(t->nb_v4, 2);
	assert_int_equal(prefix_table_used(t), ALIGN_UP(sizeof(*t), (size_t)16) + 8);
	assert_false(refuses(t, "9.255.255.255"));
	assert_true(refuses(t, "10.0.0.0"));
	assert_true(refuses(t, "10.0.3.255"));
	assert_false(refuses(t, "10.0.4.0"));
	free(t);
}

/* Prefixes that nest and touch: few bits of the address vary. */
static struct prefix random_prefix(struct rng *rng, bool dense)
{
	struct prefix p = {.refused = rng_u64(rng) & 1};
	unsigned bits, from;

	p.addr.family = rng_u64(rng) & 1 ? IP_V4 : IP_V6;
	bits = p.addr.family == IP_V4 ? 32 : 128;
	from = dense ? (rng_u64(rng) & 1 ? 0 : bits - 6) : 0;
	rng_fill(rng, p.addr.bytes, bits / 8);
	if (dense)
		for (unsigned bit = 0; bit < bits; bit++)
			if (bit < from || bit >= from + 6)
				p.addr.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	p.len = (uint8_t)(dense ? from + rng_u64(rng) % 7 : rng_u64(rng) % (bits + 1));
	mask(&p.addr, p.len);
	return p;
}

static void test_against_the_naive_matcher(void **state)
{
	struct prefix p[64];
	struct rng rng = {7};

	(void)state;
	for (uint32_t round = 0; round < 3000; round++) {
		uint32_t n = (uint32_t)(rng_u64(&rng) % (ARRAY_SIZE(p) + 1));
		bool refused = rng_u64(&rng) & 1;
		struct prefix_table *t;

		for (uint32_t i = 0; i < n; i++)
			p[i] = random_prefix(&rng, round % 4 != 0);
		t = build(p, n, refused);
		for (uint32_t i = 0; i < 5 * n; i++) {
			struct ipaddr a = i < 4 * n ? prefix_model_edge(&p[i / 4], i % 4)
						    : random_prefix(&rng, round % 4 != 0).addr;

			assert_int_equal(prefix_table_refuses(t, a.family, a.bytes),
					 prefix_model_refuses(p, n, refused, &a));
		}
		free(t);
	}
}

/* A hundred thousand prefixes, half of them within others, are built at once and found. */
static void test_many(void **state)
{
	struct prefix *p = malloc(MANY * sizeof(*p));
	struct prefix_table *t;
	struct rng rng = {9};
	clock_t begun = clock();

	(void)state;
	assert_non_null(p);
	for (uint32_t i = 0; i < MANY; i++) {
		p[i] = random_prefix(&rng, false);
		if (i % 2)
			p[i].addr = p[i - 1].addr;
		p[i].len = p[i].addr.family == IP_V4 ? (uint8_t)rng_range(&rng, 12, 32)
						     : (uint8_t)rng_range(&rng, 20, 128);
		mask(&p[i].addr, p[i].len);
	}
	t = build(p, MANY, false);
	assert_true((double)(clock() - begun) / CLOCKS_PER_SEC < 20);
	assert_true(t->nb_v4 > MANY / 8 && t->nb_v6 > MANY / 8);
	for (uint32_t i = 0; i < 200; i++) {
		struct ipaddr a = prefix_model_edge(&p[rng_u64(&rng) % MANY], i % 4);

		assert_int_equal(prefix_table_refuses(t, a.family, a.bytes),
				 prefix_model_refuses(p, MANY, false, &a));
	}
	free(t);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_none),
	    cmocka_unit_test(test_longest_decides),
	    cmocka_unit_test(test_of_equals_the_refusal_wins),
	    cmocka_unit_test(test_neighbours_are_joined),
	    cmocka_unit_test(test_against_the_naive_matcher),
	    cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("prefix_table", tests, NULL, NULL);
}
