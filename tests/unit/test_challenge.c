/* SPDX-License-Identifier: BSD-3-Clause */
/* The limits on challenge ACKs (RFC 5961 §7), from many connections at once. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/tcp/internal.h"
#include "tests/lib/rig.h"

#define START 1000000

struct fixture {
	struct testconf tc;
	struct mem_pool *pool;
	struct rig rig;
};

static struct shard *start(struct fixture *f)
{
	testconf_init(&f->tc);
	testconf_port(&f->tc, 1500);
	testconf_iface(&f->tc, 0, 0);
	testconf_addr(&f->tc, "192.0.2.1", 24, 0);
	f->pool = mem_pool_create(16, 0, 0);
	rig_init(&f->rig, &f->tc, f->pool, 0, 1, false, START);
	return f->rig.sh;
}

static void stop(struct fixture *f)
{
	assert_int_equal(rig_fini_pool(&f->rig), 0);
}

/* How many of `n` connections are challenged, each for the first time. */
static uint32_t challenged(struct shard *sh, uint32_t n, uint32_t salt)
{
	uint32_t count = 0;

	for (uint32_t i = 1; i <= n; i++)
		count += challenge_allowed(sh, ref_make(REF_CONN, i), salt);
	return count;
}

static void test_a_shard_has_a_budget_for_each_second(void **state)
{
	struct fixture f;
	struct shard *sh = start(&f);
	uint32_t first = challenged(sh, 5000, 1), second;
	bool varies = false;

	(void)state;
	assert_in_range(first, 500, 1500);
	assert_int_equal(challenged(sh, 5000, 2), 0);
	for (uint32_t i = 1; i <= 10; i++) {
		shard_set_time(sh, START + i * 1000000);
		second = challenged(sh, 5000, i + 2);
		assert_in_range(second, 500, 1500);
		varies |= second != first;
	}
	assert_true(varies); /* CVE-2016-5696 */
	stop(&f);
}

static void test_a_connection_is_challenged_twice_a_second(void **state)
{
	struct fixture f;
	struct shard *sh = start(&f);
	uint32_t ref = ref_make(REF_CONN, 7);

	(void)state;
	assert_true(challenge_allowed(sh, ref, 1));
	assert_false(challenge_allowed(sh, ref, 1));
	shard_set_time(sh, START + 499000);
	assert_false(challenge_allowed(sh, ref, 1));
	shard_set_time(sh, START + 500000);
	assert_true(challenge_allowed(sh, ref, 1));
	assert_int_equal(sh->stats[STAT_challenge_acks], 2);
	assert_int_equal(sh->stats[STAT_challenge_acks_limited], 2);
	stop(&f);
}

/* What the budget has refused was not sent: an answer to a keepalive is still owed. */
static void test_a_refusal_is_no_challenge(void **state)
{
	struct fixture f;
	struct shard *sh = start(&f);
	uint32_t ref = ref_make(REF_HALF, 1);

	(void)state;
	challenged(sh, 5000, 1);
	assert_false(challenge_allowed(sh, ref, 1));
	assert_false(challenge_repeats(sh, ref, 1));
	assert_true(challenge_repeats(sh, ref, 1));
	stop(&f);
}

static void test_others_do_not_count(void **state)
{
	struct fixture f;
	struct shard *sh = start(&f);

	(void)state;
	assert_true(challenge_allowed(sh, ref_make(REF_CONN, 7), 1));
	/* The next connection in its place, a half-open entry, and some that share its entry. */
	assert_true(challenge_allowed(sh, ref_make(REF_CONN, 7), 2));
	assert_true(challenge_allowed(sh, ref_make(REF_HALF, 7), 1));
	for (uint32_t i = 1; i <= 4 * SHARD_CHALLENGED; i++)
		assert_true(challenge_allowed(sh, ref_make(REF_CONN, 100 + i), 1));
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_shard_has_a_budget_for_each_second),
	    cmocka_unit_test(test_a_connection_is_challenged_twice_a_second),
	    cmocka_unit_test(test_a_refusal_is_no_challenge),
	    cmocka_unit_test(test_others_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
