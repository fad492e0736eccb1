/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/table/conn_table.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

/* At most 17 slots of 20 are used: then one reference in eleven is away from its bucket. */
static uint32_t nb_buckets(uint32_t capacity)
{
	return (uint32_t)((uint64_t)capacity * 20 / (TABLE_BUCKET_SLOTS * 17)) + 2;
}

static size_t home_bytes(uint32_t nb)
{
	return ALIGN_UP((nb + 63) / 64 * sizeof(uint64_t), (size_t)CACHE_LINE);
}

size_t table_bytes(uint32_t capacity)
{
	uint32_t nb = nb_buckets(capacity);

	return nb * sizeof(struct table_bucket) + home_bytes(nb);
}

void table_init(struct conn_table *t, void *mem, uint32_t capacity)
{
	*t = (struct conn_table){.buckets = mem, .nb = nb_buckets(capacity)};
	t->homes = (uint64_t *)(t->buckets + t->nb);
}

static uint64_t home_bit(const struct conn_table *t, const struct table_bucket *home,
			 uint64_t **word)
{
	size_t at = (size_t)(home - t->buckets);

	*word = &t->homes[at / 64];
	return 1ull << at % 64;
}

static struct table_bucket *next_bucket(const struct conn_table *t, const struct table_bucket *b)
{
	size_t next = (size_t)(b - t->buckets) + 1;

	return t->buckets + (next == t->nb ? 0 : next);
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

/* Nothing is here; is nothing anywhere? */
static inline uint32_t none_in(const struct table_bucket *home)
{
	return likely(home->reach == 0) ? 0 : TABLE_UNSURE;
}

/* The first reference here with this tag, 0: none has it. */
static inline uint32_t tagged(const struct table_bucket *b, uint16_t tag)
{
	for (uint32_t same = slots_with(b, tag); same; same &= same - 1) {
		uint32_t ref = b->ref[__builtin_ctz(same)];

		if (ref)
			return ref;
	}
	return 0;
}

uint32_t table_hint(const struct conn_table *t, uint64_t hash)
{
	const struct table_bucket *b = table_bucket(t, hash);
	uint32_t ref = tagged(b, table_tag(hash));

	return ref ? ref : none_in(b);
}

uint32_t table_hint_elsewhere(const struct conn_table *t, uint64_t hash)
{
	const struct table_bucket *home = table_bucket(t, hash), *b = home;
	uint32_t ref = 0;

	for (uint32_t walked = 0; !ref && walked < home->reach; walked++) {
		b = next_bucket(t, b);
		ref = tagged(b, table_tag(hash));
	}
	return ref;
}

uint32_t table_find(const struct conn_table *t, uint64_t hash, table_match_fn match,
		    const void *ctx)
{
	struct table_bucket *home = table_bucket(t, hash), *b = home;
	uint16_t tag = table_tag(hash);

	for (uint32_t walked = 0;; walked++, b = next_bucket(t, b)) {
		for (uint32_t same = slots_with(b, tag); same; same &= same - 1) {
			uint32_t ref = b->ref[__builtin_ctz(same)];

			if (ref && match(ctx, ref))
				return ref;
		}
		if (likely(walked == home->reach))
			return 0;
	}
}

/* The slot of the bucket that holds `ref`, 0: a free one; TABLE_BUCKET_SLOTS: none does. */
static uint32_t slot_of(const struct table_bucket *b, uint32_t ref)
{
	uint32_t i = 0;

	while (i < TABLE_BUCKET_SLOTS && b->ref[i] != ref)
		i++;
	return i;
}

bool table_insert(struct conn_table *t, uint64_t hash, uint32_t ref)
{
	struct table_bucket *home = table_bucket(t, hash), *b = home;
	uint32_t walked = 0, slot;
	uint64_t *word, bit;

	while ((slot = slot_of(b, 0)) == TABLE_BUCKET_SLOTS) {
		if (walked++ == TABLE_WALK)
			return false;
		b = next_bucket(t, b);
	}
	b->ref[slot] = ref;
	b->tag[slot] = table_tag(hash);
	bit = home_bit(t, home, &word);
	*word |= bit;
	if (unlikely(walked)) {
		home->away++;
		home->reach = (uint16_t)MAX(home->reach, walked);
	}
	t->used++;
	t->inserted++;
	return true;
}

/* The bucket and slot in which `ref` is stored; it must be. */
static struct table_bucket *locate(const struct conn_table *t, uint64_t hash, uint32_t ref,
				   uint32_t *slot)
{
	struct table_bucket *b = table_bucket(t, hash);

	for (uint32_t walked = 0; (*slot = slot_of(b, ref)) == TABLE_BUCKET_SLOTS; walked++) {
		INVARIANT(walked < TABLE_WALK);
		b = next_bucket(t, b);
	}
	return b;
}

static bool is_empty(const struct table_bucket *b)
{
	uint32_t any = 0;

	for (uint32_t i = 0; i < TABLE_BUCKET_SLOTS; i++)
		any |= b->ref[i];
	return any == 0;
}

/* What another bucket has here keeps the bit: to be sure costs more than it gains. */
static void clear_if_empty(struct conn_table *t, const struct table_bucket *b)
{
	uint64_t *word, bit;

	if (b->reach > 0 || !is_empty(b))
		return;
	bit = home_bit(t, b, &word);
	*word &= ~bit;
}

void table_remove(struct conn_table *t, uint64_t hash, uint32_t ref)
{
	struct table_bucket *home = table_bucket(t, hash), *b;
	uint32_t slot;

	b = locate(t, hash, ref, &slot);
	b->ref[slot] = 0;
	t->used--;
	clear_if_empty(t, b);
	if (unlikely(b != home) && --home->away == 0) {
		home->reach = 0;
		clear_if_empty(t, home);
	}
}

void table_replace(struct conn_table *t, uint64_t hash, uint32_t from, uint32_t to)
{
	uint32_t slot;
	struct table_bucket *b = locate(t, hash, from, &slot);

	b->ref[slot] = to;
}

bool table_check(const struct conn_table *t)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < t->nb; i++) {
		const struct table_bucket *b = &t->buckets[i];

		for (uint32_t s = 0; s < TABLE_BUCKET_SLOTS; s++)
			used += b->ref[s] != 0;
		if (!b->away != !b->reach || b->reach > TABLE_WALK)
			return false;
	}
	return used == t->used;
}
