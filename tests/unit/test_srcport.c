/* SPDX-License-Identifier: BSD-3-Clause */
/* Source ports: each taken once, all of them in the end, back to their worker. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdlib.h>

#include "engine/base/toeplitz.h"
#include "engine/table/srcport.h"
#include "engine/table/tuple.h"
#include "tests/lib/testconf.h"
#include "tests/unit/rng.h"

#define FIRST 20000
#define LAST  20999
#define COUNT (LAST - FIRST + 1)

/* Only what srcport.c reads of a shard. */
struct fixture {
	struct testconf tc;
	struct shard *sh;
	struct toeplitz toeplitz;
	struct srcport_map *maps;
	uint32_t nb_maps, turn;
};

static struct fixture *create(uint16_t nb_shards, uint16_t id, const char *backend)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	testconf_init(&f->tc);
	testconf_port(&f->tc, 1500);
	testconf_iface(&f->tc, 0, 0);
	testconf_addr(&f->tc, "192.0.2.1", 24, 0);
	testconf_addr(&f->tc, "2001:db8::1", 64, 0);
	testconf_addr(&f->tc, "192.0.2.2", 24, 0);
	testconf_pool(&f->tc, 0);
	f->tc.pools[0].nb_sources = 3;
	for (uint16_t i = 0; i < 3; i++)
		f->tc.pools[0].sources[i] = i;
	f->tc.pools[0].source_port_min = FIRST;
	f->tc.pools[0].source_port_max = LAST;
	testconf_backend(&f->tc, 0, backend, 8080);
	f->sh = calloc(1, sizeof(*f->sh));
	assert_non_null(f->sh);
	f->sh->conf = &f->tc.conf;
	f->sh->nb_shards = nb_shards;
	f->sh->id = id;
	toeplitz_init(&f->toeplitz);
	f->sh->toeplitz = &f->toeplitz;
	f->nb_maps = srcport_nb_maps(&f->tc.conf, &f->tc.pools[0], 0);
	f->maps = calloc(f->nb_maps, sizeof(*f->maps));
	assert_non_null(f->maps);
	srcport_init(f->sh, f->maps, &f->tc.pools[0], 0);
	return f;
}

static void destroy(struct fixture *f)
{
	free(f->maps);
	free(f->sh);
	free(f);
}

static bool take(struct fixture *f, uint16_t *local, uint16_t *port)
{
	uint16_t port_be = 0;

	*local = *port = 0;
	if (!srcport_take(f->maps, f->nb_maps, &f->turn, local, &port_be))
		return false;
	*port = ntohs(port_be);
	assert_in_range(*port, FIRST, LAST);
	return true;
}

static void test_sources_of_the_backends_family(void **state)
{
	struct fixture *f = create(1, 0, "192.0.2.50");

	(void)state;
	assert_int_equal(f->nb_maps, 2);
	assert_int_equal(f->maps[0].local, 0);
	assert_int_equal(f->maps[1].local, 2);
	destroy(f);
	f = create(1, 0, "2001:db8::50");
	assert_int_equal(f->nb_maps, 1);
	assert_int_equal(f->maps[0].local, 1);
	destroy(f);
}

/* Each port of each source once, the sources in turn, then no more. */
static void test_takes_all(void **state)
{
	struct fixture *f = create(1, 0, "192.0.2.50");
	static bool taken[3][65536];
	uint16_t local = 0, port = 0, before = CONF_NONE;

	(void)state;
	memset(taken, 0, sizeof(taken));
	for (uint32_t i = 0; i < 2 * COUNT; i++) {
		assert_true(take(f, &local, &port));
		assert_true(local == 0 || local == 2);
		assert_int_not_equal(local, before);
		before = local;
		assert_false(taken[local][port]);
		taken[local][port] = true;
	}
	assert_int_equal(f->maps[0].free + f->maps[1].free, 0);
	assert_false(take(f, &local, &port));
	srcport_put(f->sh, f->maps, f->nb_maps, 2, htons(FIRST + 7));
	assert_true(take(f, &local, &port));
	assert_int_equal(local, 2);
	assert_int_equal(port, FIRST + 7);
	assert_false(take(f, &local, &port));
	destroy(f);
}

static void test_random_against_model(void **state)
{
	struct fixture *f = create(1, 0, "192.0.2.50");
	static bool taken[3][65536];
	uint32_t free_ports[3] = {COUNT, 0, COUNT};
	struct rng rng = {1};
	uint16_t local = 0, port = 0;

	(void)state;
	memset(taken, 0, sizeof(taken));
	for (int step = 0; step < 100000; step++) {
		if (rng_below(&rng, 100) < (step / 10000 % 2 ? 60u : 40u)) {
			bool any = free_ports[0] + free_ports[2];

			assert_int_equal(take(f, &local, &port), any);
			if (!any)
				continue;
			assert_false(taken[local][port]);
			taken[local][port] = true;
			free_ports[local]--;
		} else {
			local = rng_below(&rng, 2) ? 0 : 2;
			port = (uint16_t)rng_range(&rng, FIRST, LAST);
			if (!taken[local][port])
				continue;
			srcport_put(f->sh, f->maps, f->nb_maps, local, htons(port));
			taken[local][port] = false;
			free_ports[local]++;
		}
		assert_int_equal(f->maps[0].free, free_ports[0]);
		assert_int_equal(f->maps[1].free, free_ports[2]);
		assert_int_equal(f->maps[0].capacity, COUNT);
	}
	destroy(f);
}

/* A port just given back is not the next one to be taken: its last connection
 * may still be remembered on the other side. */
static void test_reuse_is_late(void **state)
{
	struct fixture *f = create(1, 0, "2001:db8::50");
	uint16_t local, port, first;

	(void)state;
	assert_true(take(f, &local, &first));
	srcport_put(f->sh, f->maps, f->nb_maps, local, htons(first));
	for (int i = 0; i < 15; i++) {
		assert_true(take(f, &local, &port));
		assert_int_not_equal(port, first);
	}
	destroy(f);
}

/* Pools with the same backend: what one has taken the others have not, within their own ports. */
static void test_joined(void **state)
{
	struct fixture *a = create(1, 0, "2001:db8::50"), *b = create(1, 0, "2001:db8::50");
	struct fixture *c = create(1, 0, "2001:db8::50");
	uint16_t local, port = 0;

	(void)state;
	c->tc.pools[0].source_port_max = FIRST + 9;
	memset(c->maps, 0, sizeof(*c->maps));
	srcport_init(c->sh, c->maps, &c->tc.pools[0], 0);
	srcport_join(a->maps, b->maps);
	srcport_join(a->maps, c->maps);
	srcport_join(b->maps, c->maps); /* they have met */
	while (c->maps->free)
		assert_true(take(c, &local, &port));
	assert_int_equal(a->maps->free, COUNT - 10);
	assert_int_equal(b->maps->free, COUNT - 10);
	for (int i = 0; i < COUNT - 10; i++) {
		assert_true(take(i % 2 ? a : b, &local, &port));
		assert_in_range(port, FIRST + 10, LAST);
	}
	assert_false(take(a, &local, &port));
	assert_false(take(b, &local, &port));
	srcport_put(a->sh, a->maps, a->nb_maps, 1, htons(FIRST + 3));
	srcport_put(a->sh, a->maps, a->nb_maps, 1, htons(LAST));
	assert_int_equal(a->maps->free, 2);
	assert_int_equal(b->maps->free, 2);
	assert_int_equal(c->maps->free, 1);
	destroy(c);
	destroy(b);
	destroy(a);
}

/* What was never a worker's own must not become so by being given back. */
static void test_put_ignores_strangers(void **state)
{
	struct fixture *f = create(4, 2, "192.0.2.50");
	uint32_t before = f->maps[0].free;
	uint16_t local = 0, port = 0;

	(void)state;
	srcport_put(f->sh, f->maps, f->nb_maps, 0, htons(FIRST - 1));
	srcport_put(f->sh, f->maps, f->nb_maps, 0, htons(LAST + 1));
	srcport_put(f->sh, f->maps, f->nb_maps, 0, 0);
	srcport_put(f->sh, f->maps, f->nb_maps, 1, htons(FIRST));
	srcport_put(f->sh, f->maps, f->nb_maps, CONF_NONE, htons(FIRST));
	for (uint16_t p = FIRST; p <= LAST; p++) /* most are other workers' */
		srcport_put(f->sh, f->maps, f->nb_maps, 0, htons(p));
	assert_int_equal(f->maps[0].free, before);
	assert_int_equal(f->maps[0].free, f->maps[0].capacity);
	while (take(f, &local, &port))
		assert_int_equal(tuple_owner(f->sh, IP_V4, f->tc.backends[0][0].addr.bytes,
					     f->tc.addrs[local].addr.bytes, htons(8080),
					     htons(port)), 2);
	destroy(f);
}

/* The workers share the ports: none is missing, none has two owners, and what a
 * backend answers comes back to the worker that asked. */
static void test_workers_share_all_ports(void **state)
{
	static const char *const backends[] = {"192.0.2.50", "2001:db8::50"};
	static const uint16_t counts[] = {2, 3, 8};

	(void)state;
	for (uint32_t b = 0; b < ARRAY_SIZE(backends); b++)
		for (uint32_t c = 0; c < ARRAY_SIZE(counts); c++) {
			static uint8_t owners[3][65536];
			uint32_t total = 0;

			memset(owners, 0, sizeof(owners));
			for (uint16_t id = 0; id < counts[c]; id++) {
				struct fixture *f = create(counts[c], id, backends[b]);
				const struct conf_backend *to = &f->tc.backends[0][0];
				uint16_t local = 0, port = 0;

				while (take(f, &local, &port)) {
					assert_int_equal(owners[local][port], 0);
					owners[local][port] = 1;
					total++;
					assert_int_equal(
					    tuple_owner(f->sh, to->addr.family, to->addr.bytes,
							f->tc.addrs[local].addr.bytes,
							to->port_be, htons(port)), id);
				}
				destroy(f);
			}
			assert_int_equal(total, b ? COUNT : 2 * COUNT);
		}
}

/* One port, and the highest one there is. */
static void test_smallest_range(void **state)
{
	struct fixture *f = create(1, 0, "2001:db8::50");
	uint16_t local = 0, port_be = 0;

	(void)state;
	memset(f->maps, 0, sizeof(*f->maps));
	f->tc.pools[0].source_port_min = f->tc.pools[0].source_port_max = 65535;
	srcport_init(f->sh, f->maps, &f->tc.pools[0], 0);
	assert_int_equal(f->maps[0].capacity, 1);
	for (int i = 0; i < 3; i++) {
		assert_true(srcport_take(f->maps, 1, &f->turn, &local, &port_be));
		assert_int_equal(port_be, 0xffff);
		assert_false(srcport_take(f->maps, 1, &f->turn, &local, &port_be));
		srcport_put(f->sh, f->maps, 1, local, port_be);
	}
	destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sources_of_the_backends_family),
	    cmocka_unit_test(test_takes_all),
	    cmocka_unit_test(test_random_against_model),
	    cmocka_unit_test(test_reuse_is_late),
	    cmocka_unit_test(test_joined),
	    cmocka_unit_test(test_put_ignores_strangers),
	    cmocka_unit_test(test_workers_share_all_ports),
	    cmocka_unit_test(test_smallest_range),
	};

	return cmocka_run_group_tests_name("srcport", tests, NULL, NULL);
}
