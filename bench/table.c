/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table that finds connections: entries put in, found in random order one by one and in
 * bursts that overlap their cache misses, and taken out. A find ends with a look at the object,
 * a cache line of its own, as in the engine.
 */
#include "bench/harness.h"
#include "bench/options.h"
#include "bench/result.h"
#include "engine/table/conn_table.h"

#define BURST 32

struct object {
	CACHE_ALIGNED uint64_t key;
};

struct objects {
	struct object *at;
	uint64_t key; /* that is looked for */
};

static uint64_t hash_of(uint64_t key)
{
	key = (key ^ key >> 31) * 0x7fb5d329728ea185ull;
	key = (key ^ key >> 27) * 0x81dadef4bc2dd44dull;
	return key ^ key >> 33;
}

static bool matches(const void *ctx, uint32_t ref)
{
	const struct objects *o = ctx;

	return o->at[ref_index(ref)].key == o->key;
}

static uint32_t any(uint64_t *state, uint32_t nb)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((*state >> 33) % nb);
}

static uint64_t insert_all(struct conn_table *t, struct objects *o, uint32_t nb)
{
	uint64_t start = bench_tsc();

	for (uint32_t i = 0; i < nb; i++) {
		o->at[i].key = i;
		if (!table_insert(t, hash_of(i), ref_make(REF_CONN, i)))
			bench_die("entry %u of %u found no place", i, nb);
	}
	return bench_tsc() - start;
}

static uint64_t remove_all(struct conn_table *t, uint32_t nb)
{
	uint64_t start = bench_tsc();

	for (uint32_t i = 0; i < nb; i++)
		table_remove(t, hash_of(i), ref_make(REF_CONN, i));
	return bench_tsc() - start;
}

static void must_find(struct conn_table *t, struct objects *o, uint64_t key)
{
	o->key = key;
	if (!table_find(t, hash_of(key), matches, o))
		bench_die("an entry is lost");
}

static uint64_t find_singly(struct conn_table *t, struct objects *o, uint32_t nb, uint64_t finds)
{
	uint64_t random = 1, start = bench_tsc();

	for (uint64_t i = 0; i < finds; i++)
		must_find(t, o, any(&random, nb));
	return bench_tsc() - start;
}

static uint64_t find_in_bursts(struct conn_table *t, struct objects *o, uint32_t nb, uint64_t finds)
{
	uint64_t random = 1, start = bench_tsc();

	for (uint64_t i = 0; i < finds; i += BURST) {
		uint32_t key[BURST];

		for (uint32_t k = 0; k < BURST; k++) {
			key[k] = any(&random, nb);
			table_prefetch(t, hash_of(key[k]));
		}
		for (uint32_t k = 0; k < BURST; k++)
			PREFETCH(&o->at[ref_index(table_hint(t, hash_of(key[k])))]);
		for (uint32_t k = 0; k < BURST; k++)
			must_find(t, o, key[k]);
	}
	return bench_tsc() - start;
}

int main(int argc, char **argv)
{
	uint64_t entries = 1000000, finds = 5000000, in, out, one, burst;
	const struct option list[] = {
	    {"entries", "in the table", &entries, 1000, 100000000},
	    {"finds", "of each kind", &finds, BURST, 10000000000},
	};
	struct options o = {.bench = "table",
			    .what = "cycles of the connection table's operations",
			    .list = list,
			    .count = ARRAY_SIZE(list)};
	struct objects objects;
	struct conn_table t;
	struct result r;
	size_t bytes;
	uint32_t nb;
	void *mem;

	options_parse(&o, argc, argv);
	nb = (uint32_t)entries;
	finds = ALIGN_UP(finds, BURST);
	bytes = table_bytes(nb);
	mem = bench_memory(bytes);
	objects.at = bench_memory(nb * sizeof(*objects.at));
	table_init(&t, mem, nb);
	insert_all(&t, &objects, nb); /* pages are there from now on */
	remove_all(&t, nb);
	in = insert_all(&t, &objects, nb);
	one = find_singly(&t, &objects, nb, finds);
	burst = find_in_bursts(&t, &objects, nb, finds);
	out = remove_all(&t, nb);
	result_begin(&r, o.json, o.bench);
	result_count(&r, "entries", nb);
	result_number(&r, "cycles_per_insert", (double)in / nb, 0);
	result_number(&r, "cycles_per_find", (double)one / (double)finds, 0);
	result_number(&r, "cycles_per_find_in_burst", (double)burst / (double)finds, 0);
	result_number(&r, "cycles_per_remove", (double)out / nb, 0);
	result_number(&r, "bytes_per_entry", (double)bytes / nb, 1);
	result_end(&r);
	bench_memory_free(mem, bytes);
	bench_memory_free(objects.at, nb * sizeof(*objects.at));
	return 0;
}
