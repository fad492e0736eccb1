/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/table/source_table.h"

/* A rate: 20 bits of the second, 22 of the connections in the one before, 22 in it. */
#define RATE_BITS   22
#define RATE_MASK   ((1u << RATE_BITS) - 1)
#define SECOND_MASK ((1u << (64 - 2 * RATE_BITS)) - 1)
static_assert(SOURCE_RATE_MAX * 2 < RATE_MASK, "what is beyond a limit can be told");

#define CAPACITY_MIN 48 /* sources: a table of 8 buckets */
#define CELLS_MIN    64

struct rate {
	uint32_t second, before, in;
};

static struct rate rate_unpack(uint64_t word)
{
	return (struct rate){.second = (uint32_t)(word >> 2 * RATE_BITS),
			     .before = (uint32_t)(word >> RATE_BITS) & RATE_MASK,
			     .in = (uint32_t)word & RATE_MASK};
}

static uint64_t rate_pack(struct rate r)
{
	return (uint64_t)r.second << 2 * RATE_BITS | (uint64_t)r.before << RATE_BITS | r.in;
}

/* The same as seen in the second of `now`. Another shard's clock may be a little ahead. */
static struct rate rate_at(uint64_t word, usec_t now)
{
	uint32_t second = (uint32_t)(now / 1000000) & SECOND_MASK;
	struct rate r = rate_unpack(word);
	uint32_t age = (second - r.second) & SECOND_MASK;

	if (age == 0 || age == SECOND_MASK)
		return r;
	return (struct rate){.second = second, .before = age == 1 ? r.in : 0};
}

static uint64_t rate_milli(uint64_t word, usec_t now)
{
	struct rate r = rate_at(word, now);
	uint32_t gone_milli = (uint32_t)(now / 1000 % 1000);

	return (uint64_t)r.in * 1000 + (uint64_t)r.before * (1000 - gone_milli);
}

static void rate_change(source_rate_t *rate, usec_t now, int by)
{
	struct rate r = rate_at(atomic_load_explicit(rate, memory_order_relaxed), now);

	if (by > 0 ? r.in < RATE_MASK : r.in > 0)
		r.in += (uint32_t)by;
	atomic_store(rate, rate_pack(r));
}

/* One writer: no read-modify-write is needed, only that others see it in order. */
static uint32_t change(_Atomic uint32_t *count, int by)
{
	uint32_t n = atomic_load_explicit(count, memory_order_relaxed) + (uint32_t)by;

	atomic_store(count, n);
	return n;
}

static uint32_t power_of_two_from(uint32_t n, uint32_t min)
{
	uint32_t p = min;

	while (p < n)
		p *= 2;
	return p;
}

/* A quarter of the ways is left for chance, which fills some buckets more than others. */
static uint32_t buckets_for(uint32_t capacity)
{
	return power_of_two_from((MAX(capacity, (uint32_t)CAPACITY_MIN) + 5) / 6, 8);
}

static uint32_t cells_for(uint32_t capacity)
{
	return power_of_two_from(capacity / 8, CELLS_MIN);
}

static size_t keys_bytes(uint32_t capacity)
{
	return (size_t)buckets_for(capacity) * SOURCE_WAYS * sizeof(uint64_t);
}

static size_t entries_bytes(uint32_t capacity)
{
	return ALIGN_UP((size_t)buckets_for(capacity) * SOURCE_WAYS * sizeof(struct source_entry),
			(size_t)CACHE_LINE);
}

size_t source_table_bytes(uint32_t capacity)
{
	return keys_bytes(capacity) + entries_bytes(capacity) +
	       (size_t)cells_for(capacity) * SOURCE_ROWS * sizeof(struct source_cell);
}

void source_table_init(struct source_table *t, void *mem, uint32_t capacity)
{
	uint8_t *base = mem;

	*t = (struct source_table){
	    .keys = (void *)base,
	    .entries = (void *)(base + keys_bytes(capacity)),
	    .cells = (void *)(base + keys_bytes(capacity) + entries_bytes(capacity)),
	    .nb_buckets = buckets_for(capacity),
	    .row_cells = cells_for(capacity),
	};
}

/* First slot of either of the two buckets that a source may be in. */
static uint32_t bucket_of(const struct source_table *t, uint64_t key, uint32_t which)
{
	uint64_t hash = which ? key * 0x9e3779b97f4a7c15ull : key;

	return ((uint32_t)(hash >> 40) & (t->nb_buckets - 1)) * SOURCE_WAYS;
}

/* The row's cell: two hashes make all of them (Kirsch, Mitzenmacher 2006). */
static struct source_cell *cell_of(const struct source_table *t, uint64_t key, uint32_t row)
{
	uint32_t i = (uint32_t)key + row * ((uint32_t)(key >> 24) | 1);

	return &t->cells[row * t->row_cells + (i & (t->row_cells - 1))];
}

static int64_t find_in(const struct source_table *t, uint64_t key, uint32_t first)
{
	for (uint32_t i = first; i < first + SOURCE_WAYS; i++)
		if (atomic_load(&t->keys[i]) == key)
			return i;
	return -1;
}

/* Slot of the key, -1: it has none. */
static int64_t find(const struct source_table *t, uint64_t key)
{
	int64_t i = find_in(t, key, bucket_of(t, key, 0));

	return i >= 0 ? i : find_in(t, key, bucket_of(t, key, 1));
}

void source_table_prefetch(const struct source_table *t, uint64_t key)
{
	for (uint32_t which = 0; which < 2; which++)
		__builtin_prefetch((const void *)(uintptr_t)&t->keys[bucket_of(t, key, which)]);
}

static void add_sketch(const struct source_table *t, uint64_t key, usec_t now,
		       struct source_count *sum)
{
	struct source_count least = {UINT64_MAX, UINT64_MAX};

	for (uint32_t row = 0; row < SOURCE_ROWS; row++) {
		const struct source_cell *c = cell_of(t, key, row);
		uint64_t connections = atomic_load(&c->connections);
		uint64_t recent = rate_milli(atomic_load(&c->rate), now);

		least.connections = MIN(least.connections, connections);
		least.recent_milli = MIN(least.recent_milli, recent);
	}
	sum->connections += least.connections;
	sum->recent_milli += least.recent_milli;
}

void source_table_add(const struct source_table *t, uint64_t key, usec_t now,
		      struct source_count *sum)
{
	int64_t i = find(t, key);

	if (i >= 0) {
		uint32_t connections = atomic_load(&t->entries[i].connections);
		uint64_t rate = atomic_load(&t->entries[i].rate);

		/* The entry may have become another's meanwhile: then it had nothing to tell. */
		if (likely(atomic_load(&t->keys[i]) == key)) {
			sum->connections += connections;
			sum->recent_milli += rate_milli(rate, now);
		}
	}
	if (unlikely(atomic_load(&t->crowded)))
		add_sketch(t, key, now, sum);
}

static bool is_idle(const struct source_entry *e, usec_t now)
{
	struct rate r = rate_at(atomic_load_explicit(&e->rate, memory_order_relaxed), now);

	return atomic_load_explicit(&e->connections, memory_order_relaxed) == 0 && r.in == 0 &&
	       r.before == 0;
}

/* How many of the bucket's entries may be taken, and the first of them. */
static uint32_t count_idle(const struct source_table *t, uint32_t bucket, usec_t now,
			   uint32_t *slot)
{
	uint32_t n = 0;

	for (uint32_t i = bucket + SOURCE_WAYS; i-- > bucket;)
		if (is_idle(&t->entries[i], now)) {
			*slot = i;
			n++;
		}
	return n;
}

/* A slot for a source that has none, -1: all are others'. The emptier bucket takes it, so that
 * both are full only when nearly all are (Azar et al., Balanced allocations, 1999). */
static int64_t take_slot(struct source_table *t, const struct source_id *id, usec_t now)
{
	uint32_t slots[2], idle[2], i;
	struct source_entry *e;

	for (uint32_t which = 0; which < 2; which++)
		idle[which] = count_idle(t, bucket_of(t, id->key, which), now, &slots[which]);
	if (idle[0] + idle[1] == 0)
		return -1;
	i = slots[idle[1] > idle[0]];
	e = &t->entries[i];
	atomic_store(&t->keys[i], 0);
	atomic_store(&e->rate, 0);
	e->refused = 0;
	memcpy(e->addr, id->addr, sizeof(e->addr));
	e->listener = id->listener;
	e->family = id->family;
	e->prefix_len = id->prefix_len;
	atomic_store(&t->keys[i], id->key);
	return i;
}

enum source_place source_table_enter(struct source_table *t, const struct source_id *id, usec_t now)
{
	int64_t i = find(t, id->key);

	if (i < 0)
		i = take_slot(t, id, now);
	if (likely(i >= 0)) {
		rate_change(&t->entries[i].rate, now, 1);
		t->live += change(&t->entries[i].connections, 1) == 1;
		return SOURCE_EXACT;
	}
	t->sketched++;
	atomic_store(&t->crowded, true);
	for (uint32_t row = 0; row < SOURCE_ROWS; row++) {
		rate_change(&cell_of(t, id->key, row)->rate, now, 1);
		change(&cell_of(t, id->key, row)->connections, 1);
	}
	return SOURCE_SKETCH;
}

void source_table_leave(struct source_table *t, uint64_t key, enum source_place place)
{
	int64_t i;

	if (place == SOURCE_EXACT) {
		i = find(t, key);
		INVARIANT(i >= 0); /* nobody takes the entry while it has connections */
		t->live -= change(&t->entries[i].connections, -1) == 0;
		return;
	}
	t->sketched--;
	for (uint32_t row = 0; row < SOURCE_ROWS; row++)
		change(&cell_of(t, key, row)->connections, -1);
}

void source_table_undo(struct source_table *t, uint64_t key, enum source_place place, usec_t now)
{
	source_table_leave(t, key, place);
	if (place == SOURCE_EXACT) {
		rate_change(&t->entries[find(t, key)].rate, now, -1);
		return;
	}
	for (uint32_t row = 0; row < SOURCE_ROWS; row++)
		rate_change(&cell_of(t, key, row)->rate, now, -1);
}

void source_table_refused(struct source_table *t, uint64_t key)
{
	int64_t i = find(t, key);

	if (i >= 0 && t->entries[i].refused < UINT32_MAX)
		t->entries[i].refused++;
}

void source_table_entry(const struct source_table *t, uint32_t slot, usec_t now,
			struct source_count *count)
{
	const struct source_entry *e = &t->entries[slot];

	count->connections = atomic_load_explicit(&e->connections, memory_order_relaxed);
	count->recent_milli = rate_milli(atomic_load_explicit(&e->rate, memory_order_relaxed), now);
}

bool source_table_check(const struct source_table *t, uint64_t exact, uint64_t sketched)
{
	uint64_t sum = 0, live = 0;

	for (uint32_t i = 0; i < source_table_slots(t); i++) {
		uint32_t n = atomic_load(&t->entries[i].connections);

		if (n > 0 && !atomic_load(&t->keys[i]))
			return false;
		live += n > 0;
		sum += n;
	}
	if (sum != exact || live != t->live || t->sketched != sketched)
		return false;
	for (uint32_t row = 0; row < SOURCE_ROWS; row++) {
		sum = 0;
		for (uint32_t i = 0; i < t->row_cells; i++)
			sum += atomic_load(&t->cells[row * t->row_cells + i].connections);
		if (sum != sketched)
			return false;
	}
	return true;
}
