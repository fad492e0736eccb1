/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections remember times in 32-bit ticks. However many there are room for, each is looked at
 * before a time that was young enough at the last look is 2^31 ticks back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/mman.h>

#include "engine/tcp/internal.h"
#include "tests/lib/testconf.h"

#define TICKS 1000

static const uint32_t rooms[] = {100, 30000000, 100000000, CONF_MAX_OBJECTS};

static uint32_t plenty(void *ctx)
{
	(void)ctx;
	return UINT32_MAX;
}

/* A shard with room for so many, of which no page is touched that is not used. */
static struct shard *make(struct testconf *tc, uint32_t room, void **mem, size_t *bytes)
{
	static const struct net_link link = {.mtu = 1500};
	static const struct buf_ops no_bufs = {.available = plenty, .total = 1000};
	struct shard_args args = {
	    .conf = &tc->conf, .links = &link, .buf_ops = &no_bufs, .nb_shards = 1};

	testconf_init(tc);
	testconf_port(tc, 1500);
	testconf_iface(tc, 0, 0);
	testconf_addr(tc, "192.0.2.1", 24, 0);
	testconf_listener(tc, 0, 80, CONF_SERVICE_ECHO, CONF_NONE);
	tc->conf.memory.connections = room;
	tc->conf.memory.transfers = tc->conf.memory.sessions = 1000;
	*bytes = shard_bytes(&tc->conf);
	*mem = mmap(NULL, *bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(*mem != MAP_FAILED);
	return shard_init(*mem, &args);
}

/* `step`: ticks between two turns. Returns looks in TICKS ticks. */
static uint32_t looks(struct shard *sh, uint32_t step)
{
	uint32_t before;

	shard_set_time(sh, USEC_PER_TICK);
	shard_timers(sh, 256);
	before = sh->swept;
	for (uint32_t t = step; t <= TICKS; t += step) {
		shard_set_time(sh, (usec_t)(1 + t) * USEC_PER_TICK);
		shard_timers(sh, 256);
	}
	return sh->swept - before;
}

static void check_rounds(uint32_t step)
{
	for (size_t i = 0; i < ARRAY_SIZE(rooms); i++) {
		struct testconf tc;
		size_t bytes;
		void *mem;
		struct shard *sh = make(&tc, rooms[i], &mem, &bytes);
		uint64_t in_time = ((1ull << 31) - PAWS_IDLE_TICKS) / TICKS;

		assert_true(looks(sh, step) * in_time >= rooms[i]);
		munmap(mem, bytes);
	}
}

static void test_each_tick(void **state)
{
	(void)state;
	check_rounds(1);
}

/* Turns that are late make up for the ticks they have missed. */
static void test_every_tenth_tick(void **state)
{
	(void)state;
	check_rounds(10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_tick),
	    cmocka_unit_test(test_every_tenth_tick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
