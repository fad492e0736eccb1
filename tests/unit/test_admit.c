/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits for each source where scripts do not reach: with more sources than a table holds, under
 * forged SYNs, and over two shards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/info.h"
#include "engine/table/tuple.h"
#include "tests/lib/sent.h"

#define SHARDS_MAX 2

struct fixture {
	struct testconf tc;
	struct mem_pool *pool;
	struct rig rigs[SHARDS_MAX];
	uint16_t nb_shards;
	struct sent sent; /* upon the last segment */
};

static struct fixture *start(uint16_t nb_shards, uint32_t limit, uint32_t sources, bool cookies)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct shard *shards[SHARDS_MAX];

	testconf_init(&f->tc);
	f->tc.conf.nb_workers = f->nb_shards = nb_shards;
	f->tc.conf.memory.connections = f->tc.conf.memory.half_open = 2000;
	f->tc.conf.memory.sources = sources;
	if (cookies)
		f->tc.conf.tcp.syncookies = CONF_SYNCOOKIES_ALWAYS;
	testconf_port(&f->tc, 1500);
	testconf_iface(&f->tc, 0, 0);
	testconf_addr(&f->tc, "192.0.2.1", 24, 0);
	testconf_listener(&f->tc, 0, 80, CONF_SERVICE_DISCARD, CONF_NONE);
	f->tc.listeners[0].max_connections_per_source = limit;
	f->pool = mem_pool_create(1024, 0, 0);
	for (uint16_t i = 0; i < nb_shards; i++) {
		rig_init_shard(&f->rigs[i], &f->tc, f->pool, 0, i, 1, false, 1000000);
		shards[i] = f->rigs[i].sh;
	}
	shard_share_sources(shards, nb_shards);
	return f;
}

static void stop(struct fixture *f)
{
	for (uint16_t i = 0; i < f->nb_shards; i++)
		rig_fini(&f->rigs[i]);
	assert_int_equal(mem_pool_in_use(f->pool), 0);
	mem_pool_destroy(f->pool);
	free(f);
}

/* The shard that owns the tuple gets the frame; its answer is in *f. */
static void send(struct fixture *f, const struct frame *q)
{
	uint32_t raddr = q->saddr.v4_be, laddr = q->daddr.v4_be;
	uint16_t owner;

	owner = tuple_owner(f->rigs[0].sh, IP_V4, (uint8_t *)&raddr, (uint8_t *)&laddr,
			    __builtin_bswap16(q->tcp.sport), __builtin_bswap16(q->tcp.dport));
	sent_upon(&f->sent, &f->rigs[owner], q);
}

static struct frame segment(const struct fixture *f, uint32_t source, uint16_t port, uint8_t flags)
{
	struct frame q = {
	    .kind = FRAME_TCP,
	    .proto = 6,
	    .ttl = 64,
	    .daddr = testconf_ip("192.0.2.1"),
	    .saddr = ipaddr_v4(__builtin_bswap32(0x0a000001 + source)),
	    .tcp = {.sport = port, .dport = 80, .seq = 1, .wnd = 1000, .flags = flags}};

	memcpy(q.dst, f->rigs[0].links[0].mac, 6);
	memcpy(q.src, "\x02\x00\x5e\x00\x53\x42", 6);
	return q;
}

enum answer { NOTHING, RESET, SYN_ACK };

static enum answer answer(const struct fixture *f)
{
	if (f->sent.count == 0)
		return NOTHING;
	return f->sent.last.tcp.flags & FRAME_RST ? RESET : SYN_ACK;
}

/* A whole handshake; false: its SYN was refused. */
static bool connect_from(struct fixture *f, uint32_t source, uint16_t port)
{
	struct frame q = segment(f, source, port, FRAME_SYN);

	send(f, &q);
	if (answer(f) == RESET)
		return false;
	assert_int_equal(answer(f), SYN_ACK);
	q = segment(f, source, port, FRAME_ACK);
	q.tcp.seq = 2;
	q.tcp.ack = f->sent.last.tcp.seq + 1;
	send(f, &q);
	assert_int_equal(answer(f), NOTHING);
	return true;
}

static void reset_from(struct fixture *f, uint32_t source, uint16_t port)
{
	struct frame q = segment(f, source, port, FRAME_RST);

	q.tcp.seq = 2;
	send(f, &q);
}

static uint64_t stat(const struct fixture *f, enum stat s)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i < f->nb_shards; i++)
		sum += f->rigs[i].sh->stats[s];
	return sum;
}

static void check(const struct fixture *f)
{
	for (uint16_t i = 0; i < f->nb_shards; i++)
		assert_true(shard_check(f->rigs[i].sh));
}

/* A limit far away, so that those who share cells with others are within it too. */
static void crowd(bool cookies)
{
	struct fixture *f = start(1, 100, 48, cookies);
	uint32_t n = 10 * source_table_slots(&f->rigs[0].sh->sources->table);
	struct object_info o;

	for (uint32_t i = 0; i < n; i++)
		assert_true(connect_from(f, i, 1000));
	check(f);
	assert_int_equal(stat(f, STAT_passive_opens), n);
	assert_int_equal(stat(f, STAT_sources_crowded), n * 9 / 10);
	info_objects(f->rigs[0].sh, &o);
	assert_int_equal(o.used[INFO_SOURCES], n / 10);
	assert_int_equal(o.limit[INFO_SOURCES], n / 10);
	for (uint32_t i = 0; i < n; i++)
		reset_from(f, i, 1000);
	check(f);
	info_objects(f->rigs[0].sh, &o);
	assert_int_equal(o.used[INFO_SOURCES], 0);
	assert_int_equal(f->rigs[0].sh->sources->table.sketched, 0);
	assert_int_equal(f->rigs[0].sh->conns.used, 0);
	stop(f);
}

static void test_more_sources_than_room(void **state)
{
	(void)state;
	crowd(false);
	crowd(true);
}

/* Each has its limit though it has no entry. */
static void test_limits_hold_for_the_crowd(void **state)
{
	struct fixture *f = start(1, 2, 48, false);
	uint32_t n = 100, opened = 0, refused = 0;

	(void)state;
	for (uint32_t k = 0; k < 3; k++)
		for (uint32_t i = 0; i < n; i++)
			*(connect_from(f, i, (uint16_t)(1000 + k)) ? &opened : &refused) += 1;
	assert_int_equal(opened + refused, 3 * n);
	assert_true(opened <= 2 * n);
	assert_true(opened >= 2 * source_table_slots(&f->rigs[0].sh->sources->table));
	assert_int_equal(stat(f, STAT_source_limit_refused), refused);
	assert_true(stat(f, STAT_sources_crowded) > 0);
	check(f);
	stop(f);
}

/* Who proves nothing takes no entry, and uses up nobody's limit. */
static void test_forged_syns_take_no_room(void **state)
{
	struct fixture *f = start(1, 1, 48, true);
	struct object_info o;
	struct frame q;

	(void)state;
	for (uint32_t i = 0; i < 20000; i++) {
		q = segment(f, i % 5000, (uint16_t)(1000 + i), FRAME_SYN);
		send(f, &q);
		assert_int_equal(answer(f), SYN_ACK);
		q = segment(f, i % 5000, (uint16_t)(1000 + i), FRAME_ACK);
		q.tcp.seq = 2;
		q.tcp.ack = f->sent.last.tcp.seq + 77;
		send(f, &q);
	}
	info_objects(f->rigs[0].sh, &o);
	assert_int_equal(o.used[INFO_SOURCES], 0);
	for (uint32_t i = 0; i < source_table_slots(&f->rigs[0].sh->sources->table); i++)
		assert_int_equal(f->rigs[0].sh->sources->table.keys[i], 0);
	assert_true(connect_from(f, 7, 999));
	stop(f);
}

/* A limit is the engine's: it does not matter which of the shards have the connections. */
static void test_two_shards_have_one_limit(void **state)
{
	struct fixture *f = start(2, 10, 0, false);
	uint32_t at[2] = {0};

	(void)state;
	for (uint32_t source = 0; source < 20; source++) {
		for (uint16_t port = 1000; port < 1020; port++)
			assert_int_equal(connect_from(f, source, port), port < 1010);
		reset_from(f, source, 1003);
		assert_true(connect_from(f, source, 2000));
		assert_false(connect_from(f, source, 2001));
	}
	for (uint32_t i = 0; i < 2; i++)
		at[i] = f->rigs[i].sh->conns.used;
	assert_int_equal(at[0] + at[1], 200);
	assert_true(at[0] > 50 && at[1] > 50);
	assert_int_equal(stat(f, STAT_source_limit_refused), 20 * 11);
	check(f);
	stop(f);
}

static void test_listing(void **state)
{
	struct fixture *f = start(1, 3, 0, false);
	struct source_info out[4];
	uint32_t connections = 0, refused = 0, n = 0;
	uint64_t next = 0;

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		for (uint16_t port = 0; port < i; port++)
			connect_from(f, i, (uint16_t)(1000 + port));
	do {
		uint32_t got = info_sources(f->rigs[0].sh, next, out, ARRAY_SIZE(out), &next);

		for (uint32_t i = 0; i < got; i++) {
			uint32_t number = __builtin_bswap32(out[i].addr.v4_be) - 0x0a000001;

			assert_int_equal(out[i].connections, MIN(number, 3));
			assert_int_equal(out[i].refused, MAX(number, 3) - 3);
			assert_int_equal(out[i].recent_milli, out[i].connections * 1000);
			assert_int_equal(out[i].prefix_len, 32);
			assert_int_equal(out[i].listener, 0);
			connections += out[i].connections;
			refused += out[i].refused;
		}
		n += got;
	} while (next);
	assert_int_equal(n, 9);
	assert_int_equal(connections, 1 + 2 + 7 * 3);
	assert_int_equal(refused, 1 + 2 + 3 + 4 + 5 + 6);
	stop(f);
}

/* Without such limits there is no table. */
static void test_no_limit_no_memory(void **state)
{
	struct fixture *f = start(1, 0, 100000, false), *g = start(1, 1, 100000, false);
	size_t without = shard_bytes(&f->tc.conf);

	(void)state;
	assert_null(f->rigs[0].sh->sources);
	assert_true(connect_from(f, 1, 1000));
	f->tc.conf.memory.sources = 0;
	assert_int_equal(shard_bytes(&f->tc.conf), without);
	assert_true(shard_bytes(&g->tc.conf) >= without + source_table_bytes(100000));
	stop(f);
	stop(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_more_sources_than_room),
	    cmocka_unit_test(test_limits_hold_for_the_crowd),
	    cmocka_unit_test(test_forged_syns_take_no_room),
	    cmocka_unit_test(test_two_shards_have_one_limit),
	    cmocka_unit_test(test_listing),
	    cmocka_unit_test(test_no_limit_no_memory),
	};

	return cmocka_run_group_tests_name("admit", tests, NULL, NULL);
}
