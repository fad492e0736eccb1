/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a second worker adds: the same connections by one worker, then by two at once, each on a
 * CPU of its own with the clients that hash to it. What they get in each other's way, by
 * caches, memory or anything they share, shows in the cycles of the slower one.
 *
 * A round counts when before and after it two loops ran as fast as one (cores.h), and one worker on
 * either CPU as on the other.
 */
#include <pthread.h>
#include <stdio.h>

#include "bench/cores.h"
#include "bench/options.h"
#include "bench/result.h"
#include "bench/visit.h"
#include "bench/whole.h"

#define WORKERS    CORES
#define ROUNDS_MAX 99
#define TRIES      4   /* rounds that may be spoilt, for each that counts */
#define SAME_SPEED 1.1 /* that much slower may one CPU be than the other, at most */

struct worker {
	pthread_t thread;
	pthread_barrier_t *begin; /* all are set up */
	uint64_t connections;
	uint64_t cycles; /* out */
	uint16_t id, nb;
	int cpu;
};

static void set_up(struct bench *b, const struct worker *w, uint64_t connections)
{
	char yaml[1024];

	snprintf(yaml, sizeof(yaml),
		 "workers: {count: %u}\n"
		 "memory: {connections: 65536, half_open: 65536, time_wait: %lu, transfers: 65536, "
		 "sessions: 64, buffers: 8192}\n" PEER_PORT PEER_HTTP,
		 w->nb, (unsigned long)(2 * connections * w->nb));
	bench_init_shard(b, yaml, true, w->id);
}

/* Clients from *next on that are this worker's. */
static void come_and_go(struct bench *b, uint32_t *next, uint64_t connections)
{
	for (uint64_t done = 0; done < connections; done += VISIT_BATCH) {
		uint32_t clients[VISIT_BATCH], n = 0;

		for (; n < VISIT_BATCH; ++*next)
			if (peer_is_ours(b, *next))
				clients[n++] = *next;
		visit_by(b, clients);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	uint32_t next = 0;
	struct bench b;

	cores_pin(w->cpu);
	set_up(&b, w, w->connections);
	come_and_go(&b, &next, w->connections / 10);
	pthread_barrier_wait(w->begin);
	bench_restart_count(&b);
	come_and_go(&b, &next, w->connections);
	w->cycles = b.cycles;
	bench_fini(&b);
	return NULL;
}

/* Cycles that the slowest of nb workers takes for its share. */
static uint64_t run(uint16_t nb, uint64_t connections, const int *cpus)
{
	struct worker workers[WORKERS];
	pthread_barrier_t begin;
	uint64_t slowest = 0;

	pthread_barrier_init(&begin, NULL, nb);
	for (uint16_t i = 0; i < nb; i++) {
		workers[i] = (struct worker){.begin = &begin,
					     .connections = connections / nb,
					     .id = i,
					     .nb = nb,
					     .cpu = cpus[i]};
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			bench_die("no thread for a worker");
	}
	for (uint16_t i = 0; i < nb; i++) {
		pthread_join(workers[i].thread, NULL);
		slowest = MAX(slowest, workers[i].cycles);
	}
	pthread_barrier_destroy(&begin);
	return slowest;
}

static void print_median(struct result *r, const char *key, int digits, double *v, uint64_t n)
{
	if (n)
		result_number(r, key, median(v, n), digits);
	else
		result_missing(r, key, "the CPUs share a core, or others use them");
}

/* Turn by turn, so that both are measured under the same conditions. */
static void measure(struct result *r, uint64_t connections, uint64_t rounds, const int *cpus)
{
	double one[ROUNDS_MAX], two[ROUNDS_MAX], speedup[ROUNDS_MAX];
	uint64_t n = 0, spoilt = 0;

	while (n < rounds && spoilt < TRIES * rounds) {
		bool fine = cores_are_two(cpus);
		double first = (double)run(1, connections, cpus);
		double other = (double)run(1, connections, cpus + 1);

		two[n] = (double)run(WORKERS, connections, cpus) * WORKERS / (double)connections;
		one[n] = (first + other) / 2 / (double)connections;
		speedup[n] = WORKERS * one[n] / two[n];
		fine &= MAX(first, other) < SAME_SPEED * MIN(first, other);
		if (fine && cores_are_two(cpus))
			n++;
		else
			spoilt++;
	}
	result_count(r, "rounds", n);
	result_count(r, "spoilt", spoilt);
	print_median(r, "speedup", 2, speedup, n);
	print_median(r, "cycles_per_connection_of_one", 0, one, n);
	print_median(r, "cycles_per_connection_of_two", 0, two, n);
}

int shards_main(int argc, char **argv)
{
	uint64_t connections = 200000, rounds = 5;
	const struct option list[] = {
	    {"connections", "in each run", &connections, 20 * VISIT_BATCH, 20000000},
	    {"rounds", "of one run by one worker and one by two", &rounds, 1, ROUNDS_MAX},
	};
	struct options o = {.bench = "shards",
			    .what = "what a second worker adds",
			    .list = list,
			    .count = ARRAY_SIZE(list)};
	int cpus[WORKERS];
	struct result r;

	options_parse(&o, argc, argv);
	result_begin(&r, o.json, o.bench);
	result_count(&r, "workers", WORKERS);
	result_count(&r, "connections", connections);
	if (cores_find(cpus))
		measure(&r, connections, rounds, cpus);
	else
		result_missing(&r, "speedup", "there is one CPU only");
	result_end(&r);
	return 0;
}
