/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connection table against a list of what was put in. Hashes are drawn from
 * few values, so that buckets overflow, tags collide and walks reach their limit,
 * which honest hashes would do once in a lifetime.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "engine/table/conn_table.h"
#include "tests/unit/rng.h"

#define MAX_REFS 4096

struct entry {
	uint64_t hash;
	uint32_t ref;
	uint32_t key; /* what the match function looks for; unique among equal hashes */
};

struct model {
	struct conn_table table;
	void *mem;
	uint32_t capacity;
	uint32_t count;
	struct entry entries[MAX_REFS];
	uint32_t key_of_index[MAX_REFS + 1]; /* by ref_index */
	uint16_t tag_of_index[MAX_REFS + 1];
	uint32_t free_index[MAX_REFS];	     /* a stack of indexes not in use */
	uint32_t nb_free;
};

static struct model *model_create(uint32_t capacity)
{
	struct model *m = calloc(1, sizeof(*m));
	size_t bytes = table_bytes(capacity);

	assert_non_null(m);
	assert_int_equal(bytes % CACHE_LINE, 0);
	m->mem = aligned_alloc(CACHE_LINE, bytes);
	assert_non_null(m->mem);
	memset(m->mem, 0, bytes);
	m->capacity = capacity;
	table_init(&m->table, m->mem, capacity);
	for (uint32_t i = MAX_REFS; i > 0; i--)
		m->free_index[m->nb_free++] = i;
	return m;
}

static void model_destroy(struct model *m)
{
	free(m->mem);
	free(m);
}

struct wanted {
	const struct model *m;
	uint32_t key;
	uint16_t tag;
};

static bool match(const void *ctx, uint32_t ref)
{
	const struct wanted *w = ctx;

	assert_in_range(ref_index(ref), 1, MAX_REFS);
	/* Objects are not touched for a tag that does not fit. */
	assert_int_equal(w->m->tag_of_index[ref_index(ref)], w->tag);
	return w->m->key_of_index[ref_index(ref)] == w->key;
}

static uint32_t find(const struct model *m, uint64_t hash, uint32_t key)
{
	struct wanted w = {m, key, table_tag(hash)};

	return table_find(&m->table, hash, match, &w);
}

static bool model_insert(struct model *m, uint64_t hash, uint32_t key, enum ref_kind kind)
{
	uint32_t index = m->free_index[m->nb_free - 1];
	uint32_t ref = ref_make(kind, index);

	if (!table_insert(&m->table, hash, ref))
		return false;
	m->nb_free--;
	m->key_of_index[index] = key;
	m->tag_of_index[index] = table_tag(hash);
	m->entries[m->count++] = (struct entry){hash, ref, key};
	return true;
}

static void model_remove(struct model *m, uint32_t i)
{
	struct entry *e = &m->entries[i];

	table_remove(&m->table, e->hash, e->ref);
	m->key_of_index[ref_index(e->ref)] = 0;
	m->free_index[m->nb_free++] = ref_index(e->ref);
	*e = m->entries[--m->count];
}

/* A connection changes its kind of object. */
static void model_replace(struct model *m, uint32_t i, enum ref_kind kind)
{
	struct entry *e = &m->entries[i];
	uint32_t index = m->free_index[m->nb_free - 1];
	uint32_t to = ref_make(kind, index);

	table_replace(&m->table, e->hash, e->ref, to);
	m->key_of_index[index] = e->key;
	m->tag_of_index[index] = table_tag(e->hash);
	m->key_of_index[ref_index(e->ref)] = 0;
	m->free_index[m->nb_free - 1] = ref_index(e->ref);
	e->ref = to;
}

static void model_check(const struct model *m)
{
	assert_true(table_check(&m->table));
	assert_int_equal(m->table.used, m->count);
	for (uint32_t i = 0; i < m->count; i++) {
		assert_true(table_may_have(&m->table, m->entries[i].hash));
		assert_int_equal(find(m, m->entries[i].hash, m->entries[i].key),
				 m->entries[i].ref);
	}
}

/* A hash by bucket and tag, as table_bucket() and table_tag() take it apart. */
static uint64_t hash_for(const struct model *m, uint32_t bucket, uint16_t tag)
{
	uint64_t low = (((uint64_t)bucket << 32) + m->table.nb - 1) / m->table.nb;

	return (uint64_t)tag << 48 | low;
}

static void test_refs(void **state)
{
	(void)state;
	for (int kind = REF_CONN; kind <= REF_TIME_WAIT; kind++) {
		uint32_t ref = ref_make((enum ref_kind)kind, REF_INDEX_MAX);

		assert_int_equal(ref_kind(ref), kind);
		assert_int_equal(ref_index(ref), REF_INDEX_MAX);
		assert_int_not_equal(ref_make((enum ref_kind)kind, 1), 0);
	}
}

static void test_hash_is_spread_over_all_buckets(void **state)
{
	struct model *m = model_create(1000);

	(void)state;
	for (uint32_t b = 0; b < m->table.nb; b++)
		assert_ptr_equal(table_bucket(&m->table, hash_for(m, b, 7)), &m->table.buckets[b]);
	assert_ptr_equal(table_bucket(&m->table, 0), m->table.buckets);
	assert_ptr_equal(table_bucket(&m->table, UINT64_MAX), &m->table.buckets[m->table.nb - 1]);
	model_destroy(m);
}

/* Nothing is left of what has been there. */
static void check_empty(const struct model *m)
{
	for (uint32_t i = 0; i < m->table.nb; i++) {
		assert_int_equal(m->table.buckets[i].away, 0);
		assert_int_equal(m->table.buckets[i].reach, 0);
		assert_false(table_may_have(&m->table, hash_for(m, i, 0)));
	}
}

static void run_random(uint64_t seed, uint32_t nb_buckets, uint32_t nb_tags)
{
	struct model *m = model_create(500);
	struct rng rng = {seed};
	uint32_t refused = 0, next_key = 1;

	for (int step = 0; step < 20000; step++) {
		uint64_t hash = hash_for(m, rng_below(&rng, nb_buckets),
					 (uint16_t)rng_below(&rng, nb_tags));
		uint32_t at = m->count ? rng_below(&rng, m->count) : 0;
		uint32_t op = rng_below(&rng, 100);
		bool grow = step / 2000 % 2 == 0;

		if (op < (grow ? 60u : 30u))
			refused += !model_insert(m, hash, next_key++,
						 (enum ref_kind)rng_range(&rng, 1, 3));
		else if (op < 90 && m->count)
			model_remove(m, at);
		else if (op < 95 && m->count)
			model_replace(m, at, (enum ref_kind)rng_range(&rng, 1, 3));
		else
			assert_int_equal(find(m, hash, UINT32_MAX), 0);
		if (step % 50 == 0)
			model_check(m);
	}
	model_check(m);
	assert_true(refused > 0);
	while (m->count)
		model_remove(m, rng_below(&rng, m->count));
	model_check(m);
	check_empty(m);
	model_destroy(m);
}

static void test_random_against_model(void **state)
{
	(void)state;
	run_random(1, 1, 1);
	run_random(2, 1, 65536);
	run_random(3, 2, 2);
	run_random(4, 5, 3);
	run_random(5, 20, 65536);
	run_random(6, 60, 65536);
}

/* The same tag in the same bucket: the objects decide, not the table. */
static void test_equal_hashes(void **state)
{
	struct model *m = model_create(100);
	uint64_t hash = hash_for(m, 3, 0);

	(void)state;
	for (uint32_t key = 1; key <= 30; key++)
		assert_true(model_insert(m, hash, key, REF_CONN));
	model_check(m);
	while (m->count) {
		model_remove(m, 0);
		model_check(m);
	}
	assert_int_equal(find(m, hash, 1), 0);
	model_destroy(m);
}

static void test_walk_limit(void **state)
{
	struct model *m = model_create(2000);
	uint32_t n = 0;

	(void)state;
	while (model_insert(m, hash_for(m, 9, (uint16_t)n), n + 1, REF_HALF))
		n++;
	assert_int_equal(n, TABLE_BUCKET_SLOTS * (TABLE_WALK + 1));
	model_check(m);
	/* A refusal changes nothing, and other buckets are not affected. */
	assert_false(model_insert(m, hash_for(m, 9, 1), 999, REF_HALF));
	assert_true(model_insert(m, hash_for(m, 10, 1), 998, REF_HALF));
	model_check(m);
	model_remove(m, 5);
	assert_true(model_insert(m, hash_for(m, 9, 77), 997, REF_HALF));
	model_check(m);
	model_destroy(m);
}

static void test_every_slot_is_used(void **state)
{
	struct model *m = model_create(1000);

	(void)state;
	for (uint32_t b = 0; b < m->table.nb; b++)
		for (uint32_t i = 0; i < 15; i++)
			model_insert(m, hash_for(m, b, (uint16_t)i), m->count + 1, REF_CONN);
	assert_int_equal(m->count, m->table.nb * TABLE_BUCKET_SLOTS);
	model_check(m);
	while (m->count)
		model_remove(m, m->count - 1);
	check_empty(m);
	model_destroy(m);
}

/* With honest hashes a table holds what it was made for. */
static void test_capacity_is_reached(void **state)
{
	static const uint32_t capacities[] = {1, 8, 16, 17, 100, 1000, 4000};

	(void)state;
	for (uint32_t c = 0; c < ARRAY_SIZE(capacities); c++)
		for (uint64_t seed = 0; seed < 10; seed++) {
			struct model *m = model_create(capacities[c]);
			struct rng rng = {seed};

			for (uint32_t i = 0; i < capacities[c]; i++)
				assert_true(model_insert(m, rng_u64(&rng), i + 1, REF_CONN));
			model_check(m);
			model_destroy(m);
		}
}

/* A hint is an entry of the home bucket with the right tag, or none. */
static void test_hint(void **state)
{
	struct model *m = model_create(100);
	uint64_t hash = hash_for(m, 2, 500);

	(void)state;
	assert_int_equal(table_hint(&m->table, hash), 0);
	/* The tag 0 of a free slot is not mistaken for an entry's. */
	assert_int_equal(table_hint(&m->table, hash_for(m, 2, 0)), 0);
	assert_true(model_insert(m, hash_for(m, 2, 499), 1, REF_CONN));
	assert_int_equal(table_hint(&m->table, hash), 0);
	assert_true(model_insert(m, hash, 2, REF_TIME_WAIT));
	assert_int_equal(table_hint(&m->table, hash), m->entries[1].ref);
	model_remove(m, 1);
	assert_int_equal(table_hint(&m->table, hash), 0);
	model_destroy(m);
}

/* What did not fit into its own bucket may be anywhere: a hint does not deny it. */
static void test_hint_is_unsure_of_what_is_away(void **state)
{
	struct model *m = model_create(100);
	uint64_t away = hash_for(m, 2, 500);
	uint32_t n = 0;

	(void)state;
	for (; n < TABLE_BUCKET_SLOTS; n++) {
		assert_true(model_insert(m, hash_for(m, 2, 600 + n), n + 1, REF_CONN));
		assert_int_equal(table_hint(&m->table, away), 0);
	}
	assert_true(model_insert(m, away, n + 1, REF_CONN));
	assert_int_equal(table_hint(&m->table, away), TABLE_UNSURE);
	assert_int_equal(ref_kind(TABLE_UNSURE), 0);
	assert_int_equal(table_hint_elsewhere(&m->table, away), m->entries[n].ref);
	assert_int_equal(table_hint_elsewhere(&m->table, hash_for(m, 2, 501)), 0);
	assert_int_equal(table_hint(&m->table, hash_for(m, 3, 501)), 0);
	assert_int_equal(m->table.inserted, TABLE_BUCKET_SLOTS + 1);
	model_remove(m, n);
	assert_int_equal(table_hint(&m->table, away), 0);
	assert_int_equal(m->table.inserted, TABLE_BUCKET_SLOTS + 1);
	model_destroy(m);
}

static void test_check_notices_damage(void **state)
{
	struct model *m = model_create(100);
	struct table_bucket *b = &m->table.buckets[4];

	(void)state;
	for (uint32_t i = 0; i < 12; i++)
		assert_true(model_insert(m, hash_for(m, 4, (uint16_t)i), i + 1, REF_CONN));
	for (uint32_t i = 0; i < 3; i++)
		assert_true(model_insert(m, hash_for(m, 5, (uint16_t)i), i + 50, REF_CONN));
	assert_true(table_check(&m->table));
	m->table.used++;
	assert_false(table_check(&m->table));
	m->table.used--;
	assert_int_equal(b->away, 2);
	assert_int_equal(b->reach, 1);
	b->away = 0;
	assert_false(table_check(&m->table));
	b->away = 2;
	b->reach = TABLE_WALK + 1;
	assert_false(table_check(&m->table));
	model_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refs),
	    cmocka_unit_test(test_hash_is_spread_over_all_buckets),
	    cmocka_unit_test(test_random_against_model),
	    cmocka_unit_test(test_equal_hashes),
	    cmocka_unit_test(test_walk_limit),
	    cmocka_unit_test(test_every_slot_is_used),
	    cmocka_unit_test(test_capacity_is_reached),
	    cmocka_unit_test(test_hint),
	    cmocka_unit_test(test_hint_is_unsure_of_what_is_away),
	    cmocka_unit_test(test_check_notices_damage),
	};

	return cmocka_run_group_tests_name("conn_table", tests, NULL, NULL);
}
