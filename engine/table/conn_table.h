/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The 4-tuple table of one shard: buckets of one cache line, each with ten
 * 16-bit tags and ten 32-bit references, 7.5 bytes a reference all in. It stores
 * no keys: the object that a reference names holds the tuple, and the caller
 * confirms it. So a lookup costs one expected miss here and one in the object,
 * both of which a burst prefetches; a bit for each bucket says without a miss that
 * nothing is there.
 *
 * When a bucket is full its references go to one of those behind it; it counts
 * them and knows how far to look for them, so a search ends where it must, what
 * is removed leaves no tombstone and nothing decays (open addressing by bucket).
 * Placement comes from a keyed hash, so that is as rare and as near as chance
 * makes it whatever tuples an attacker picks. Sized once; never grows. One thread.
 */
#pragma once

#include "engine/base/compiler.h"

#define TABLE_BUCKET_SLOTS 10
#define TABLE_WALK	   128 /* buckets that a reference may be away from its own at most */

/* A reference: kind of object in the top two bits, its index below. 0: none. */
enum ref_kind { REF_CONN = 1, REF_HALF = 2, REF_TIME_WAIT = 3 };
#define REF_INDEX_MAX 0x3fffffffu
#define TABLE_UNSURE  1u /* of no kind */

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
	uint32_t ref[TABLE_BUCKET_SLOTS]; /* 0: free */
	uint16_t tag[TABLE_BUCKET_SLOTS];
	uint16_t away; /* references of this bucket that are in another one, */
	uint16_t reach; /* none of them more than this many buckets on */
};
static_assert(sizeof(struct table_bucket) == CACHE_LINE, "a bucket is one cache line");

struct conn_table {
	struct table_bucket *buckets;
	uint64_t *homes; /* a bit for each bucket, 0: nothing is stored for it in any */
	uint32_t nb;	  /* buckets, any number */
	uint32_t used;	  /* references stored */
	uint32_t inserted; /* ever: while it stays the same, what was not there is not */
};

/* Answers whether the object behind `ref` has the tuple looked for. */
typedef bool (*table_match_fn)(const void *ctx, uint32_t ref);

/* Bytes for a table of up to `capacity` references, multiple of a cache line. */
size_t table_bytes(uint32_t capacity);

/* `mem` holds table_bytes(capacity) zeroed bytes, cache-line aligned. */
void table_init(struct conn_table *t, void *mem, uint32_t capacity);

static inline uint32_t table_home(const struct conn_table *t, uint64_t hash)
{
	return (uint32_t)((uint64_t)(uint32_t)hash * t->nb >> 32);
}

static inline struct table_bucket *table_bucket(const struct conn_table *t, uint64_t hash)
{
	return &t->buckets[table_home(t, hash)];
}

/* False when nothing is stored for this hash, which costs no miss: a table made for the busiest
 * hour is nearly empty in most others, and a flood's SYNs ask for places that nobody has. */
static inline bool table_may_have(const struct conn_table *t, uint64_t hash)
{
	uint32_t home = table_home(t, hash);

	return t->homes[home / 64] >> home % 64 & 1;
}

static inline uint16_t table_tag(uint64_t hash)
{
	return (uint16_t)(hash >> 48);
}

static inline void table_prefetch(const struct conn_table *t, uint64_t hash)
{
	PREFETCH(table_bucket(t, hash));
}

/* First reference in its own bucket whose tag fits, for prefetching the object: unconfirmed.
 * 0: none is stored for this hash, in whatever bucket; TABLE_UNSURE: perhaps in another one. */
uint32_t table_hint(const struct conn_table *t, uint64_t hash);

/* After TABLE_UNSURE: the first reference in the buckets behind its own whose tag fits,
 * unconfirmed. 0: none is stored for this hash. */
uint32_t table_hint_elsewhere(const struct conn_table *t, uint64_t hash);

/* The reference for which `match` is true, 0: none. */
uint32_t table_find(const struct conn_table *t, uint64_t hash, table_match_fn match,
		    const void *ctx);

/* False when there is no room within TABLE_WALK buckets. */
bool table_insert(struct conn_table *t, uint64_t hash, uint32_t ref);

/* `ref` must be stored under `hash`. */
void table_remove(struct conn_table *t, uint64_t hash, uint32_t ref);

/* Puts `to` in the place of `from`: a connection changes its kind of object. */
void table_replace(struct conn_table *t, uint64_t hash, uint32_t from, uint32_t to);

/* Walks everything; true when counts agree. For tests. */
bool table_check(const struct conn_table *t);
