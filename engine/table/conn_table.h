/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The 4-tuple table of one shard: buckets of one cache line, each with ten
 * 16-bit tags and ten 32-bit references, chained to overflow buckets when full.
 * It stores no keys: the object that a reference names holds the tuple, and the
 * caller confirms it. So a lookup costs one expected miss here and one in the
 * object, both of which a burst prefetches.
 *
 * Placement comes from a keyed hash, so chains stay as short as chance makes
 * them whatever tuples an attacker picks; deletion moves the chain's last entry
 * into the hole, so nothing decays. Sized once; never grows. One thread.
 */
#pragma once

#include "engine/base/pool.h"

#define TABLE_BUCKET_SLOTS 10
#define TABLE_CHAIN_MAX	   8 /* buckets in one chain: 2^-60 with a full table */

/* A reference: kind of object in the top two bits, pool index below. 0: none. */
enum ref_kind { REF_CONN = 1, REF_HALF = 2, REF_TIME_WAIT = 3 };
#define REF_INDEX_MAX 0x3fffffffu

static inline uint32_t ref_make(enum ref_kind kind, uint32_t index)
{
	return (uint32_t)kind << 30 | index;
}

static inline enum ref_kind ref_kind(uint32_t ref)
{
	return (enum ref_kind)(ref >> 30);
}

static inline uint32_t ref_index(uint32_t ref)
{
	return ref & REF_INDEX_MAX;
}

struct table_bucket {
	uint32_t ref[TABLE_BUCKET_SLOTS]; /* 0: free; used slots come first */
	uint16_t tag[TABLE_BUCKET_SLOTS];
	uint32_t next; /* overflow bucket, POOL_NIL: none */
};
static_assert(sizeof(struct table_bucket) == CACHE_LINE, "a bucket is one cache line");

struct conn_table {
	struct table_bucket *buckets;
	struct pool overflow;
	uint32_t nb;	  /* buckets, any number */
	uint32_t used;	  /* references stored */
};

/* Answers whether the object behind `ref` has the tuple looked for. */
typedef bool (*table_match_fn)(const void *ctx, uint32_t ref);

/* Bytes for a table of up to `capacity` references, multiple of a cache line. */
size_t table_bytes(uint32_t capacity);

/* `mem` holds table_bytes(capacity) zeroed bytes, cache-line aligned. */
void table_init(struct conn_table *t, void *mem, uint32_t capacity);

static inline struct table_bucket *table_bucket(const struct conn_table *t, uint64_t hash)
{
	return &t->buckets[(uint64_t)(uint32_t)hash * t->nb >> 32];
}

static inline uint16_t table_tag(uint64_t hash)
{
	return (uint16_t)(hash >> 48);
}

static inline void table_prefetch(const struct conn_table *t, uint64_t hash)
{
	PREFETCH(table_bucket(t, hash));
}

/* First reference in the home bucket whose tag fits, 0: none. Unconfirmed: a
 * hint for prefetching the object. */
uint32_t table_hint(const struct conn_table *t, uint64_t hash);

/* The reference for which `match` is true, 0: none. */
uint32_t table_find(const struct conn_table *t, uint64_t hash, table_match_fn match,
		    const void *ctx);

/* False when the chain has reached its limit or no overflow bucket is left. */
bool table_insert(struct conn_table *t, uint64_t hash, uint32_t ref);

/* `ref` must be stored under `hash`. */
void table_remove(struct conn_table *t, uint64_t hash, uint32_t ref);

/* Puts `to` in the place of `from`: a connection changes its kind of object. */
void table_replace(struct conn_table *t, uint64_t hash, uint32_t from, uint32_t to);

/* Walks everything; true when used slots come first, chains are within their
 * limit and counts agree. For tests. */
bool table_check(const struct conn_table *t);
