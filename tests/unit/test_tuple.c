/* SPDX-License-Identifier: BSD-3-Clause */
/* Tuples: who has one, who owns it, and the addresses of IPv6 peers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>

#include "engine/base/toeplitz.h"
#include "engine/table/tuple.h"
#include "tests/lib/rig.h"
#include "tests/unit/rng.h"

struct fixture {
	struct testconf tc;
	struct mem_pool *pool;
	struct rig rig;
	struct shard *sh;
};

static void start(struct fixture *f, uint32_t time_waits)
{
	testconf_init(&f->tc);
	f->tc.conf.memory.time_wait = time_waits;
	testconf_port(&f->tc, 1500);
	testconf_iface(&f->tc, 0, 0);
	testconf_addr(&f->tc, "192.0.2.1", 24, 0);
	testconf_addr(&f->tc, "2001:db8::1", 64, 0);
	testconf_listener(&f->tc, 0, 80, CONF_SERVICE_ECHO, CONF_NONE);
	f->pool = mem_pool_create(64, 0, 0);
	rig_init(&f->rig, &f->tc, f->pool, 0, 1, false, 0);
	f->sh = f->rig.sh;
}

static void stop(struct fixture *f)
{
	assert_int_equal(rig_fini_pool(&f->rig), 0);
}

static int setup(void **state)
{
	static struct fixture f;

	start(&f, 64);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	stop(*state);
	return 0;
}

struct named_key {
	struct tuple_key key;
	uint8_t addr[16];
};

static struct tuple_key key_of(struct named_key *n, const char *addr, uint16_t rport,
			       uint16_t lport)
{
	struct ipaddr a = testconf_ip(addr);

	memcpy(n->addr, a.bytes, 16);
	n->key = (struct tuple_key){n->addr, htons(rport), htons(lport),
				    a.family == IP_V6 ? 1 | TUPLE_V6 : 0};
	return n->key;
}

/* Every bit that tells two tuples apart changes the hash. */
static void test_hash_covers_everything(void **state)
{
	static const char *const addrs[] = {"198.51.100.7", "2001:db8:1::7"};
	struct fixture *f = *state;

	for (int v = 0; v < 2; v++) {
		uint32_t alen = v ? 16 : 4;
		struct named_key n;
		struct tuple_key k = key_of(&n, addrs[v], 40000, 80);
		uint64_t hash = tuple_hash(f->sh, &k);
		struct prf_key key;

		for (uint32_t bit = 0; bit < alen * 8; bit++) {
			n.addr[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_true(tuple_hash(f->sh, &k) != hash);
			n.addr[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (uint32_t bit = 0; bit < 16; bit++) {
			k.rport_be ^= (uint16_t)(1 << bit);
			assert_true(tuple_hash(f->sh, &k) != hash);
			k.rport_be ^= (uint16_t)(1 << bit);
			k.lport_be ^= (uint16_t)(1 << bit);
			assert_true(tuple_hash(f->sh, &k) != hash);
			k.lport_be ^= (uint16_t)(1 << bit);
		}
		k.local ^= 2;
		assert_true(tuple_hash(f->sh, &k) != hash);
		k.local ^= 2;
		assert_true(tuple_hash(f->sh, &k) == hash);
		key = f->sh->table_key;
		prf_key_init(&f->sh->table_key, (const uint8_t *)"another secret..");
		assert_true(tuple_hash(f->sh, &k) != hash);
		f->sh->table_key = key;
	}
}

/* Bytes behind an IPv4 address are not part of it. */
static void test_ipv4_hash_reads_four_bytes(void **state)
{
	struct fixture *f = *state;
	struct named_key n;
	struct tuple_key k = key_of(&n, "198.51.100.7", 40000, 80);
	uint64_t hash = tuple_hash(f->sh, &k);

	memset(n.addr + 4, 0xff, 12);
	assert_true(tuple_hash(f->sh, &k) == hash);
}

static void test_set_and_clear(void **state)
{
	struct fixture *f = *state;
	struct named_key n4, n6;
	struct tuple_key k4 = key_of(&n4, "198.51.100.7", 40000, 80);
	struct tuple_key k6 = key_of(&n6, "2001:db8:1::7", 40001, 81), back;
	struct ipaddr a6 = testconf_ip("2001:db8:1::7"), got;
	struct tuple t4, t6, moved;

	assert_true(tuple_set(f->sh, &t4, &k4, 3));
	assert_int_equal(f->sh->addr6s.used, 0);
	assert_false(tuple_is_v6(&t4));
	assert_int_equal(t4.iface, 3);
	assert_int_equal(t4.rport_be, htons(40000));
	assert_int_equal(t4.lport_be, htons(80));
	assert_int_equal(tuple_local(&t4), 0);
	assert_memory_equal(tuple_raddr(f->sh, &t4), n4.addr, 4);
	got = tuple_ipaddr(f->sh, &t4);
	assert_int_equal(got.family, IP_V4);
	for (int i = 4; i < 16; i++)
		assert_int_equal(got.bytes[i], 0);

	assert_true(tuple_set(f->sh, &t6, &k6, 0));
	assert_int_equal(f->sh->addr6s.used, 1);
	assert_true(tuple_is_v6(&t6));
	assert_int_equal(tuple_local(&t6), 1);
	got = tuple_ipaddr(f->sh, &t6);
	assert_true(ipaddr_equal(&got, &a6));
	back = tuple_key_of(f->sh, &t6);
	assert_true(tuple_hash(f->sh, &back) == tuple_hash(f->sh, &k6));

	tuple_move(&moved, &t6);
	assert_int_equal(t6.local, TUPLE_FREE);
	tuple_clear(f->sh, &t6); /* has nothing any more */
	assert_int_equal(f->sh->addr6s.used, 1);
	tuple_clear(f->sh, &moved);
	assert_int_equal(f->sh->addr6s.used, 0);
	assert_int_equal(moved.local, TUPLE_FREE);
	tuple_clear(f->sh, &moved);
	tuple_clear(f->sh, &t4);
	assert_int_equal(t4.local, TUPLE_FREE);
	assert_int_equal(f->sh->addr6s.used, 0);
}

static void test_addresses_run_out(void **state)
{
	struct fixture *f = *state;
	struct tuple tuples[512], last;
	struct named_key n;
	struct tuple_key k = key_of(&n, "2001:db8:1::7", 40001, 81);
	uint32_t count = f->sh->addr6s.capacity;

	assert_in_range(count, 1, ARRAY_SIZE(tuples));
	for (uint32_t i = 0; i < count; i++) {
		n.addr[15] = (uint8_t)i;
		n.addr[14] = (uint8_t)(i >> 8);
		assert_true(tuple_set(f->sh, &tuples[i], &k, 0));
	}
	assert_false(tuple_set(f->sh, &last, &k, 0));
	assert_int_equal(last.local, TUPLE_FREE);
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *addr = tuple_raddr(f->sh, &tuples[i]);

		assert_int_equal(addr[14] << 8 | addr[15], i);
		tuple_clear(f->sh, &tuples[i]);
	}
	assert_true(tuple_set(f->sh, &last, &k, 0));
	tuple_clear(f->sh, &last);
}

static uint32_t enter_time_wait(struct shard *sh, const struct tuple_key *k)
{
	uint32_t i = tw_enter(&sh->time_waits, sh->cookie_line, sh->now, false);
	struct tuple t;

	assert_int_not_equal(i, TW_NONE);
	assert_true(tuple_set(sh, &t, k, 0));
	*tw_at(&sh->time_waits, i) = (struct time_wait){.raddr = t.raddr,
							.rport_be = t.rport_be,
							.lport_be = t.lport_be,
							.local = tuple_local(&t) & 0x3ff,
							.used = 1};
	assert_true(table_insert(&sh->table, tuple_hash(sh, k), ref_make(REF_TIME_WAIT, i)));
	return ref_make(REF_TIME_WAIT, i);
}

/* Enters an object of this kind with this tuple; returns its reference. */
static uint32_t enter(struct shard *sh, enum ref_kind kind, const struct tuple_key *k)
{
	struct pool *p = kind == REF_CONN ? &sh->conns : &sh->halves;
	uint32_t i;

	if (kind == REF_TIME_WAIT)
		return enter_time_wait(sh, k);
	i = pool_get(p);
	assert_int_not_equal(i, POOL_NIL);
	assert_true(tuple_set(sh, pool_at(p, i), k, 0));
	assert_true(table_insert(&sh->table, tuple_hash(sh, k), ref_make(kind, i)));
	return ref_make(kind, i);
}

static void leave(struct shard *sh, uint32_t ref, const struct tuple_key *k)
{
	struct pool *p = ref_kind(ref) == REF_CONN ? &sh->conns : &sh->halves;

	table_remove(&sh->table, tuple_hash(sh, k), ref);
	if (ref_kind(ref) == REF_TIME_WAIT) {
		struct tuple t = tuple_of_time_wait(sh, tw_at(&sh->time_waits, ref_index(ref)));

		tuple_clear(sh, &t);
		tw_remove(&sh->time_waits, ref_index(ref));
		return;
	}
	tuple_clear(sh, pool_at(p, ref_index(ref)));
	pool_put(p, ref_index(ref));
}

/* Every kind of object is found by its tuple and by no other. */
static void test_find(void **state)
{
	struct fixture *f = *state;
	struct named_key n[6], wrong;
	uint32_t refs[6];

	for (int i = 0; i < 6; i++) {
		struct tuple_key k = key_of(&n[i], i % 2 ? "2001:db8:1::7" : "198.51.100.7",
					    (uint16_t)(40000 + i), 80);

		refs[i] = enter(f->sh, (enum ref_kind)(1 + i / 2), &k);
	}
	for (int i = 0; i < 6; i++) {
		uint64_t hash = tuple_hash(f->sh, &n[i].key);

		assert_int_equal(tuple_find(f->sh, &n[i].key, hash), refs[i]);
		for (int j = 0; j < 6; j++)
			assert_int_equal(tuple_matches(f->sh, refs[j], &n[i].key), i == j);
		wrong = n[i];
		wrong.key.raddr = wrong.addr;
		wrong.addr[i % 2 ? 15 : 3] ^= 1;
		assert_int_equal(tuple_find(f->sh, &wrong.key, hash), 0);
		wrong.addr[i % 2 ? 15 : 3] ^= 1;
		assert_int_equal(tuple_find(f->sh, &wrong.key, hash), refs[i]);
		wrong.key.local ^= 1;
		assert_int_equal(tuple_find(f->sh, &wrong.key, hash), 0);
		wrong.key.local ^= 1;
		wrong.key.rport_be ^= 1;
		assert_int_equal(tuple_find(f->sh, &wrong.key, hash), 0);
		wrong.key.rport_be ^= 1;
		wrong.key.lport_be ^= 1;
		assert_int_equal(tuple_find(f->sh, &wrong.key, hash), 0);
	}
	for (int i = 0; i < 6; i++) {
		leave(f->sh, refs[i], &n[i].key);
		assert_false(tuple_matches(f->sh, refs[i], &n[i].key));
	}
}

/* A TIME_WAIT record that moves to close a hole is found where it is then. */
static void test_find_moved(void **state)
{
	static struct named_key names[2000];
	static struct fixture f;
	uint32_t refs[ARRAY_SIZE(names)], moved = 0;
	struct tw_lines *t;

	(void)state;
	start(&f, ARRAY_SIZE(names) + 1);
	t = &f.sh->time_waits;
	for (uint32_t n = 0; n < ARRAY_SIZE(names); n++) {
		struct tuple_key k = key_of(&names[n], n % 2 ? "2001:db8:1::7" : "198.51.100.7",
					    (uint16_t)(1024 + n), 80);

		refs[n] = enter(f.sh, REF_TIME_WAIT, &k);
		for (uint32_t i = 1; i < TW_CHUNK; i++) {
			uint32_t hole = tw_enter(t, f.sh->cookie_line, f.sh->now, false);

			tw_at(t, hole)->used = 1;
			tw_remove(t, hole);
		}
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(names); i++) {
		uint32_t ref = tuple_find(f.sh, &names[i].key, tuple_hash(f.sh, &names[i].key));

		assert_int_equal(ref_kind(ref), REF_TIME_WAIT);
		moved += ref != refs[i];
		leave(f.sh, ref, &names[i].key);
	}
	assert_true(moved > 0);
	assert_int_equal(t->used, 0);
	assert_true(tw_check(t));
	stop(&f);
}

/* RSS by its definition: source address, destination address, ports. */
static uint16_t owner_by_definition(const struct ipaddr *src, const struct ipaddr *dst,
				    uint16_t sport_be, uint16_t dport_be, uint16_t nb)
{
	uint32_t alen = src->family == IP_V4 ? 4 : 16;
	uint8_t input[36];
	uint32_t hash;

	memcpy(input, src->bytes, alen);
	memcpy(input + alen, dst->bytes, alen);
	memcpy(input + 2 * alen, &sport_be, 2);
	memcpy(input + 2 * alen + 2, &dport_be, 2);
	hash = toeplitz_reference(toeplitz_key, input, 2 * alen + 4);
	return (uint16_t)(hash % TOEPLITZ_SLOTS % nb);
}

/* Both directions have one owner, it is the one that RSS picks, and no worker
 * is left out. */
static void test_owner(void **state)
{
	static const uint16_t counts[] = {2, 3, 7, 16, 64};
	struct fixture *f = *state;
	struct toeplitz t;
	struct rng rng = {7};

	toeplitz_init(&t);
	assert_int_equal(
	    tuple_owner(f->sh, IP_V4, (const uint8_t *)"abcd", (const uint8_t *)"efgh", 1, 2), 0);
	f->sh->toeplitz = &t;
	for (uint32_t c = 0; c < ARRAY_SIZE(counts); c++) {
		uint32_t load[64] = {0};

		f->sh->nb_shards = counts[c];
		for (int i = 0; i < 20000; i++) {
			struct ipaddr a = {.family = i % 2 ? IP_V4 : IP_V6}, b = a;
			uint16_t pa = (uint16_t)rng_u64(&rng), pb = (uint16_t)rng_u64(&rng), o;

			rng_fill(&rng, a.bytes, i % 2 ? 4 : 16);
			rng_fill(&rng, b.bytes, i % 2 ? 4 : 16);
			o = tuple_owner(f->sh, a.family, a.bytes, b.bytes, pa, pb);
			assert_in_range(o, 0, counts[c] - 1);
			assert_int_equal(tuple_owner(f->sh, a.family, b.bytes, a.bytes, pb, pa), o);
			assert_int_equal(owner_by_definition(&a, &b, pa, pb, counts[c]), o);
			load[o]++;
		}
		for (uint16_t w = 0; w < counts[c]; w++)
			assert_true(load[w] > 20000u / counts[c] / 3);
	}
	f->sh->nb_shards = 1;
	f->sh->toeplitz = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hash_covers_everything),
	    cmocka_unit_test(test_ipv4_hash_reads_four_bytes),
	    cmocka_unit_test(test_set_and_clear),
	    cmocka_unit_test(test_addresses_run_out),
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_find_moved),
	    cmocka_unit_test(test_owner),
	};

	return cmocka_run_group_tests_name("tuple", tests, setup, teardown);
}
