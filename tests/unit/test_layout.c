/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a connection costs, all in, as the operator pays it: the difference that
 * one more object makes to the memory of a shard, table share, timer link and
 * rounding included. The figures are printed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "engine/shard.h"
#include "tests/lib/testconf.h"

#define SMALL 100000
#define LARGE 1100000

/* Bytes per object of the kind that `limit` sets, by two sizes of it. */
static double bytes_each(struct testconf *tc, uint32_t *limit)
{
	size_t small, large;

	*limit = SMALL;
	small = shard_bytes(&tc->conf);
	*limit = LARGE;
	large = shard_bytes(&tc->conf);
	*limit = SMALL;
	return (double)(large - small) / (LARGE - SMALL);
}

static void setup(struct testconf *tc, bool ipv6)
{
	testconf_init(tc);
	testconf_port(tc, 1500);
	testconf_iface(tc, 0, 0);
	testconf_addr(tc, "192.0.2.1", 24, 0);
	if (ipv6)
		testconf_addr(tc, "2001:db8::1", 64, 0);
	testconf_listener(tc, 0, 80, CONF_SERVICE_ECHO, CONF_NONE);
	/* An idle connection has neither: they are limits of their own. */
	tc->conf.memory.transfers = 1000;
	tc->conf.memory.sessions = 1000;
}

static void check(const char *what, double bytes, double limit)
{
	print_message("# %-28s %6.1f bytes, limit %.0f\n", what, bytes, limit);
	assert_true(bytes >= 16); /* less than any object: the measurement is wrong */
	assert_true(bytes <= limit);
}

static void test_ipv4(void **state)
{
	struct testconf tc;

	(void)state;
	setup(&tc, false);
	check("half-open", bytes_each(&tc, &tc.conf.memory.half_open), 48);
	check("TIME_WAIT", bytes_each(&tc, &tc.conf.memory.time_wait), 64);
	check("idle established", bytes_each(&tc, &tc.conf.memory.connections), 256);
}

/* The peer's address does not fit the tuple: 16 bytes more. */
static void test_ipv6(void **state)
{
	struct testconf tc;

	(void)state;
	setup(&tc, true);
	check("half-open, IPv6", bytes_each(&tc, &tc.conf.memory.half_open), 64);
	check("TIME_WAIT, IPv6", bytes_each(&tc, &tc.conf.memory.time_wait), 80);
	check("idle established, IPv6", bytes_each(&tc, &tc.conf.memory.connections), 272);
}

/* What data in flight and a proxied pair add. */
static void test_extras(void **state)
{
	struct testconf tc;

	(void)state;
	setup(&tc, false);
	check("transfer", bytes_each(&tc, &tc.conf.memory.transfers), 256);
	check("session", bytes_each(&tc, &tc.conf.memory.sessions), 32);
}

/* Limits are shared by the workers: nobody pays for them twice. */
static void test_workers_share(void **state)
{
	struct testconf tc;
	size_t one, four;

	(void)state;
	setup(&tc, false);
	tc.conf.memory.connections = LARGE;
	tc.conf.memory.half_open = LARGE;
	tc.conf.memory.time_wait = LARGE;
	one = shard_bytes(&tc.conf);
	tc.conf.nb_workers = 4;
	four = shard_bytes(&tc.conf);
	assert_true(four * 4 < one + one / 20);
	assert_true(four * 4 > one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ipv4),
	    cmocka_unit_test(test_ipv6),
	    cmocka_unit_test(test_extras),
	    cmocka_unit_test(test_workers_share),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
