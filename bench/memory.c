/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a connection occupies in each of the states that it can stay in for long, its share of
 * the table and its timer included: memory that has become resident, over how many there are.
 */
#include <stdio.h>

#include "bench/options.h"
#include "bench/result.h"
#include "bench/visit.h"
#include "engine/wire/wire.h"

#define LEAST (2u * VISIT_BATCH) /* of each, what the configuration takes */

static void start(struct bench *b, uint32_t connections, uint32_t half_open, uint32_t time_wait)
{
	char yaml[1024];

	snprintf(yaml, sizeof(yaml),
		 "workers: {count: 1}\n"
		 "memory: {connections: %u, half_open: %u, time_wait: %u, transfers: 65536, "
		 "sessions: 64, buffers: 8192}\n"
		 "tcp: {rto_initial_ms: 60s, time_wait: 60s}\n" PEER_PORT PEER_HTTP,
		 connections, half_open, time_wait);
	bench_init_lazily(b, yaml, true, 0);
}

/* VISIT_BATCH more clients leave the engine with as many more objects. */
static void half_open(struct bench *b, uint32_t first)
{
	struct buf *bufs[VISIT_BATCH];

	for (uint32_t i = 0; i < VISIT_BATCH; i++)
		bufs[i] = peer_make(b, &(struct peer_seg){.client = first + i,
							  .flags = TCP_SYN,
							  .seq = peer_isn(first + i)});
	bench_turn(b, bufs, VISIT_BATCH);
	peer_ignore(b);
}

static void establish(struct bench *b, uint32_t first)
{
	peer_connect(b, first, VISIT_BATCH, NULL, NULL);
}

struct kind {
	const char *key;
	void (*more)(struct bench *b, uint32_t first);
	size_t used;                            /* in struct shard: how many there are */
	bool connections, half_open, time_wait; /* which limit counts */
};

static const struct kind kinds[] = {
    {"syn_received", half_open, offsetof(struct shard, halves.used), .half_open = true},
    {"time_wait", visit, offsetof(struct shard, time_waits.used), .time_wait = true},
    {"established", establish, offsetof(struct shard, conns.used), .connections = true},
};

/* Bytes that a shard occupies which is made for n objects of a kind and has them. */
static uint64_t occupied(const struct kind *k, uint32_t n)
{
	uint64_t before = bench_resident_bytes(), bytes;
	uint32_t used;
	struct bench b;

	start(&b, k->connections ? n : LEAST, k->half_open ? n : LEAST, k->time_wait ? n : LEAST);
	for (uint32_t i = 0; i < n; i += VISIT_BATCH)
		k->more(&b, i);
	bytes = bench_resident_bytes() - before;
	memcpy(&used, (const char *)b.sh + k->used, sizeof(used));
	if (used != n)
		bench_die("%u of %u are there: %s", used, n, k->key);
	bench_fini(&b);
	return bytes;
}

/* What does not grow with them falls out. */
static double each(const struct kind *k, uint32_t n)
{
	uint64_t fixed = occupied(k, LEAST);

	return (double)(occupied(k, n) - fixed) / (n - LEAST);
}

int main(int argc, char **argv)
{
	uint64_t count = 1000000;
	const struct option list[] = {
	    {"count", "of objects of each kind", &count, 10000, 200000000},
	};
	struct options o = {.bench = "memory",
			    .what = "bytes of memory of each connection, by its state",
			    .list = list,
			    .count = ARRAY_SIZE(list)};
	struct result r;
	uint32_t n;

	options_parse(&o, argc, argv);
	n = ALIGN_UP((uint32_t)count, VISIT_BATCH);
	result_begin(&r, o.json, o.bench);
	result_count(&r, "count", n);
	for (uint32_t i = 0; i < ARRAY_SIZE(kinds); i++)
		result_number(&r, kinds[i].key, each(&kinds[i], n), 1);
	result_end(&r);
	return 0;
}
