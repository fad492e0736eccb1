/* SPDX-License-Identifier: BSD-3-Clause */
/* Listeners by address and port, against a walk over all of them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "engine/table/listen_table.h"
#include "tests/unit/rng.h"

#define NB_LOCALS 20

/* Only what listen_table.c reads of a shard. */
struct fixture {
	struct conf conf;
	struct conf_listener *listeners;
	struct shard sh;
};

static struct fixture *create(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->listeners = calloc(CONF_MAX_LISTENERS, sizeof(*f->listeners));
	assert_non_null(f->listeners);
	f->conf.listeners = f->listeners;
	f->sh.conf = &f->conf;
	return f;
}

static void build(struct fixture *f)
{
	uint32_t slots = listen_table_slots(&f->conf);

	assert_int_equal(slots & (slots - 1), 0);
	assert_true(slots >= 2u * f->conf.nb_listeners);
	f->sh.listen_table = calloc(slots, sizeof(uint16_t));
	assert_non_null(f->sh.listen_table);
	listen_table_build(&f->sh);
}

static void destroy(struct fixture *f)
{
	free(f->sh.listen_table);
	free(f->listeners);
	free(f);
}

static uint8_t family_of_local(uint16_t local)
{
	return local % 2 ? IP_V6 : IP_V4;
}

static uint16_t scan(const struct fixture *f, uint8_t family, uint16_t local, uint16_t port_be)
{
	for (uint16_t i = 0; i < f->conf.nb_listeners; i++) {
		const struct conf_listener *l = &f->listeners[i];

		if (l->addr.family == family && l->local == local && l->port_be == port_be)
			return i;
	}
	return CONF_NONE;
}

static void add(struct fixture *f, uint8_t family, uint16_t local, uint16_t port_be)
{
	if (scan(f, family, local, port_be) != CONF_NONE)
		return;
	f->listeners[f->conf.nb_listeners++] = (struct conf_listener){
	    .addr = {.family = family}, .local = local, .port_be = port_be};
}

static void check(const struct fixture *f, uint16_t local, uint16_t port_be)
{
	uint8_t family = family_of_local(local);
	uint16_t want = scan(f, family, local, port_be);

	if (want == CONF_NONE)
		want = scan(f, family, CONF_NONE, port_be);
	assert_int_equal(listen_table_find(&f->sh, family, local, port_be), want);
}

static void test_no_listener(void **state)
{
	struct fixture *f = create();

	(void)state;
	build(f);
	for (uint32_t port = 0; port < 65536; port++)
		assert_int_equal(listen_table_find(&f->sh, IP_V4, 0, (uint16_t)port), CONF_NONE);
	destroy(f);
}

/* The address itself comes before any address, in its own family only. */
static void test_precedence(void **state)
{
	struct fixture *f = create();

	(void)state;
	add(f, IP_V4, CONF_NONE, 80);
	add(f, IP_V4, 0, 80);
	add(f, IP_V6, CONF_NONE, 81);
	add(f, IP_V6, 1, 82);
	build(f);
	assert_int_equal(listen_table_find(&f->sh, IP_V4, 0, 80), 1);
	assert_int_equal(listen_table_find(&f->sh, IP_V4, 2, 80), 0);
	assert_int_equal(listen_table_find(&f->sh, IP_V6, 1, 80), CONF_NONE);
	assert_int_equal(listen_table_find(&f->sh, IP_V6, 1, 81), 2);
	assert_int_equal(listen_table_find(&f->sh, IP_V4, 0, 81), CONF_NONE);
	assert_int_equal(listen_table_find(&f->sh, IP_V6, 1, 82), 3);
	assert_int_equal(listen_table_find(&f->sh, IP_V6, 3, 82), CONF_NONE);
	destroy(f);
}

/* Port and any-address of both families at once. */
static void test_both_families_on_one_port(void **state)
{
	struct fixture *f = create();

	(void)state;
	add(f, IP_V4, CONF_NONE, 443);
	add(f, IP_V6, CONF_NONE, 443);
	build(f);
	assert_int_equal(listen_table_find(&f->sh, IP_V4, 0, 443), 0);
	assert_int_equal(listen_table_find(&f->sh, IP_V6, 1, 443), 1);
	destroy(f);
}

static void run_random(uint64_t seed, uint32_t count, uint32_t nb_ports)
{
	struct fixture *f = create();
	struct rng rng = {seed};

	for (uint32_t i = 0; i < count; i++) {
		uint16_t local = (uint16_t)rng_below(&rng, NB_LOCALS);

		add(f, family_of_local(local), rng_below(&rng, 4) ? local : CONF_NONE,
		    (uint16_t)rng_below(&rng, nb_ports));
	}
	build(f);
	for (uint16_t i = 0; i < f->conf.nb_listeners; i++) {
		const struct conf_listener *l = &f->listeners[i];

		if (l->local != CONF_NONE)
			assert_int_equal(
			    listen_table_find(&f->sh, l->addr.family, l->local, l->port_be), i);
	}
	for (uint16_t local = 0; local < NB_LOCALS; local++)
		for (uint32_t port = 0; port < nb_ports + 10; port++)
			check(f, local, (uint16_t)port);
	destroy(f);
}

static void test_random_against_a_walk(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		run_random(seed, 1 + (uint32_t)seed, 3);
		run_random(seed, 100, 50);
		run_random(seed, CONF_MAX_LISTENERS, 200);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_listener),
	    cmocka_unit_test(test_precedence),
	    cmocka_unit_test(test_both_families_on_one_port),
	    cmocka_unit_test(test_random_against_a_walk),
	};

	return cmocka_run_group_tests_name("listen_table", tests, NULL, NULL);
}
