/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/table/conn_table.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

/* Mean references per ten-slot bucket at capacity: about one bucket in eleven
 * then has an overflow bucket, at 10 bytes per reference all in. */
#define TARGET_LOAD 7

static uint32_t nb_buckets(uint32_t capacity)
{
	return MAX(capacity / TARGET_LOAD + 1, 16u);
}

static uint32_t nb_overflow(uint32_t capacity)
{
	return MAX(nb_buckets(capacity) / 6, 64u);
}

size_t table_bytes(uint32_t capacity)
{
	return (size_t)nb_buckets(capacity) * sizeof(struct table_bucket) +
	       pool_bytes(nb_overflow(capacity), sizeof(struct table_bucket));
}

void table_init(struct conn_table *t, void *mem, uint32_t capacity)
{
	uint32_t n = nb_buckets(capacity);

	t->buckets = mem;
	t->nb = n;
	t->used = 0;
	pool_init(&t->overflow, t->buckets + n, nb_overflow(capacity), sizeof(struct table_bucket));
}

static struct table_bucket *next_bucket(const struct conn_table *t, const struct table_bucket *b)
{
	return b->next == POOL_NIL ? NULL : pool_at(&t->overflow, b->next);
}

/* A bit for each slot with this tag, used or not. */
static inline uint32_t slots_with(const struct table_bucket *b, uint16_t tag)
{
#ifdef __SSE2__
	__m128i want = _mm_set1_epi16((int16_t)tag);
	__m128i low = _mm_loadu_si128((const void *)&b->tag[0]);
	__m128i high = _mm_loadl_epi64((const void *)&b->tag[8]); /* two tags, and what follows */
	__m128i same = _mm_packs_epi16(_mm_cmpeq_epi16(low, want), _mm_cmpeq_epi16(high, want));

	return (uint32_t)_mm_movemask_epi8(same) & ((1u << TABLE_BUCKET_SLOTS) - 1);
#else
	uint32_t same = 0;

	for (uint32_t i = 0; i < TABLE_BUCKET_SLOTS; i++)
		same |= (uint32_t)(b->tag[i] == tag) << i;
	return same;
#endif
}

uint32_t table_hint(const struct conn_table *t, uint64_t hash)
{
	const struct table_bucket *b = table_bucket(t, hash);
	uint16_t tag = table_tag(hash);

	for (uint32_t same = slots_with(b, tag); same; same &= same - 1) {
		uint32_t ref = b->ref[__builtin_ctz(same)];

		if (ref)
			return ref;
	}
	return 0;
}

uint32_t table_find(const struct conn_table *t, uint64_t hash, table_match_fn match,
		    const void *ctx)
{
	uint16_t tag = table_tag(hash);

	for (const struct table_bucket *b = table_bucket(t, hash); b; b = next_bucket(t, b))
		for (uint32_t same = slots_with(b, tag); same; same &= same - 1) {
			uint32_t ref = b->ref[__builtin_ctz(same)];

			if (ref && match(ctx, ref))
				return ref;
		}
	return 0;
}

static int free_slot(const struct table_bucket *b)
{
	for (int i = 0; i < TABLE_BUCKET_SLOTS; i++)
		if (!b->ref[i])
			return i;
	return -1;
}

bool table_insert(struct conn_table *t, uint64_t hash, uint32_t ref)
{
	struct table_bucket *b = table_bucket(t, hash);
	int slot = free_slot(b);

	for (int depth = 1; slot < 0; depth++) {
		if (b->next == POOL_NIL) {
			uint32_t i = depth < TABLE_CHAIN_MAX ? pool_get(&t->overflow) : POOL_NIL;

			if (i == POOL_NIL)
				return false;
			memset(pool_at(&t->overflow, i), 0, sizeof(*b));
			b->next = i;
		}
		b = next_bucket(t, b);
		slot = free_slot(b);
	}
	b->ref[slot] = ref;
	b->tag[slot] = table_tag(hash);
	t->used++;
	return true;
}

/* Where `ref` is stored; it must be. */
static uint32_t *locate(const struct conn_table *t, uint64_t hash, uint32_t ref, uint16_t **tag)
{
	for (struct table_bucket *b = table_bucket(t, hash); b; b = next_bucket(t, b))
		for (int i = 0; i < TABLE_BUCKET_SLOTS; i++)
			if (b->ref[i] == ref) {
				*tag = &b->tag[i];
				return &b->ref[i];
			}
	INVARIANT(false);
	return NULL;
}

void table_remove(struct conn_table *t, uint64_t hash, uint32_t ref)
{
	struct table_bucket *last = table_bucket(t, hash), *before = NULL;
	uint16_t *tag = NULL;
	uint32_t *slot = locate(t, hash, ref, &tag);
	int end;

	while (last->next != POOL_NIL) {
		before = last;
		last = next_bucket(t, last);
	}
	end = free_slot(last);
	end = end < 0 ? TABLE_BUCKET_SLOTS - 1 : end - 1;
	*slot = last->ref[end];
	*tag = last->tag[end];
	last->ref[end] = 0;
	if (end == 0 && before) {
		pool_put(&t->overflow, before->next);
		before->next = POOL_NIL;
	}
	t->used--;
}

void table_replace(struct conn_table *t, uint64_t hash, uint32_t from, uint32_t to)
{
	uint16_t *tag = NULL;

	*locate(t, hash, from, &tag) = to;
}

bool table_check(const struct conn_table *t)
{
	uint32_t used = 0, overflow = 0;

	for (uint32_t i = 0; i < t->nb; i++) {
		int depth = 1;

		for (const struct table_bucket *b = &t->buckets[i]; b; b = next_bucket(t, b)) {
			int end = free_slot(b);

			end = end < 0 ? TABLE_BUCKET_SLOTS : end;
			for (int s = end; s < TABLE_BUCKET_SLOTS; s++)
				if (b->ref[s])
					return false;
			if (b->next != POOL_NIL &&
			    (end < TABLE_BUCKET_SLOTS || ++depth > TABLE_CHAIN_MAX))
				return false;
			used += (uint32_t)end;
			overflow += b->next != POOL_NIL;
		}
	}
	return used == t->used && overflow == t->overflow.used;
}
