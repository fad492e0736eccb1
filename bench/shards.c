/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a second worker adds: the same connections by one worker, then by two at once, each on a
 * CPU of its own with the clients that hash to it. What they get in each other's way, by
 * caches, memory or anything they share, shows in the cycles of the slower one.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/options.h"
#include "bench/result.h"
#include "bench/visit.h"

#define WORKERS	   2
#define ROUNDS_MAX 99

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
		 "sessions: 64, buffers: 8192}\n"
		 "ports:\n"
		 "  - {name: p, device: net_null0, addresses: [" PEER_ENGINE_CIDR "]}\n"
		 "listeners:\n"
		 "  - {name: web, address: \"" PEER_ENGINE ":80\", service: http,\n"
		 "     http: {size: 64}, backlog: 65536}\n",
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
	cpu_set_t set;
	struct bench b;

	CPU_ZERO(&set);
	CPU_SET((size_t)w->cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
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

/* The first CPUs that this process may use; false: there are fewer. */
static bool find_cpus(int cpus[WORKERS])
{
	uint32_t n = 0;
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	for (int cpu = 0; cpu < CPU_SETSIZE && n < WORKERS; cpu++)
		if (CPU_ISSET((size_t)cpu, &set))
			cpus[n++] = cpu;
	return n == WORKERS;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, uint64_t n)
{
	qsort(v, n, sizeof(*v), compare);
	return (v[(n - 1) / 2] + v[n / 2]) / 2;
}

/* Turn by turn, so that both are measured under the same conditions. */
static void measure(struct result *r, uint64_t connections, uint64_t rounds, const int *cpus)
{
	double one[ROUNDS_MAX], two[ROUNDS_MAX], speedup[ROUNDS_MAX];

	for (uint64_t i = 0; i < rounds; i++) {
		one[i] = (double)run(1, connections, cpus) / (double)connections;
		two[i] = (double)run(WORKERS, connections, cpus) * WORKERS / (double)connections;
		speedup[i] = WORKERS * one[i] / two[i];
	}
	result_number(r, "speedup", median(speedup, rounds), 2);
	result_number(r, "lowest", speedup[0], 2);
	result_number(r, "highest", speedup[rounds - 1], 2);
	result_number(r, "cycles_per_connection_of_one", median(one, rounds), 0);
	result_number(r, "cycles_per_connection_of_two", median(two, rounds), 0);
}

int main(int argc, char **argv)
{
	uint64_t connections = 400000, rounds = 5;
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
	if (find_cpus(cpus))
		measure(&r, connections, rounds, cpus);
	else
		result_missing(&r, "speedup", "there is one CPU only");
	result_end(&r);
	return 0;
}
