/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a second worker adds: the same connections by one worker, then by two at once, each on a
 * CPU of its own with the clients that hash to it. What they get in each other's way, by
 * caches, memory or anything they share, shows in the cycles of the slower one. Two that are
 * processes of their own have nothing in common but the machine: what they lose as well is its.
 *
 * A round counts when before and after it two loops ran as fast as one (cores.h), and one worker on
 * either CPU as on the other.
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

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
	union {
		pthread_t thread;
		pid_t process;
	};
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

/* Memory that processes have in common. */
struct crew {
	struct worker workers[WORKERS];
	pthread_barrier_t begin;
};

static struct crew *gather(uint16_t nb, uint64_t connections, const int *cpus)
{
	struct crew *c =
	    mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_barrierattr_t shared;

	if (c == MAP_FAILED)
		bench_die("no memory for the workers");
	pthread_barrierattr_init(&shared);
	pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&c->begin, &shared, nb);
	pthread_barrierattr_destroy(&shared);
	for (uint16_t i = 0; i < nb; i++)
		c->workers[i] = (struct worker){.begin = &c->begin,
						.connections = connections / nb,
						.id = i,
						.nb = nb,
						.cpu = cpus[i]};
	return c;
}

static void start(struct worker *w, bool apart)
{
	if (!apart) {
		if (pthread_create(&w->thread, NULL, work, w) != 0)
			bench_die("no thread for a worker");
		return;
	}
	w->process = fork();
	if (w->process == 0) {
		work(w);
		_exit(0);
	}
	if (w->process < 0)
		bench_die("no process for a worker");
}

static void await(const struct worker *w, bool apart)
{
	int status = 0;

	if (!apart)
		pthread_join(w->thread, NULL);
	else if (waitpid(w->process, &status, 0) < 0 || status != 0)
		bench_die("a worker's process has failed");
}

/* Cycles that the slowest of nb workers takes for its share; apart: as processes. */
static uint64_t run(uint16_t nb, uint64_t connections, const int *cpus, bool apart)
{
	struct crew *c = gather(nb, connections, cpus);
	uint64_t slowest = 0;

	for (uint16_t i = 0; i < nb; i++)
		start(&c->workers[i], apart);
	for (uint16_t i = 0; i < nb; i++) {
		await(&c->workers[i], apart);
		slowest = MAX(slowest, c->workers[i].cycles);
	}
	pthread_barrier_destroy(&c->begin);
	munmap(c, sizeof(*c));
	return slowest;
}

static void print_median(struct result *r, const char *key, int digits, double *v, uint64_t n)
{
	if (n)
		result_number(r, key, median(v, n), digits);
	else
		result_missing(r, key, "the CPUs share a core, or others use them");
}

/* Cycles of a connection, of the slower one of two workers. */
static double run_two(uint64_t connections, const int *cpus, bool apart)
{
	return (double)run(WORKERS, connections, cpus, apart) * WORKERS / (double)connections;
}

/* Turn by turn, so that all are measured under the same conditions. */
static void measure(struct result *r, uint64_t connections, uint64_t rounds, const int *cpus)
{
	double one[ROUNDS_MAX], two[ROUNDS_MAX], speedup[ROUNDS_MAX], apart[ROUNDS_MAX];
	uint64_t n = 0, spoilt = 0;

	while (n < rounds && spoilt < TRIES * rounds) {
		bool fine = cores_are_two(cpus);
		double first = (double)run(1, connections, cpus, false);
		double other = (double)run(1, connections, cpus + 1, false);

		one[n] = (first + other) / 2 / (double)connections;
		two[n] = run_two(connections, cpus, false);
		speedup[n] = WORKERS * one[n] / two[n];
		apart[n] = WORKERS * one[n] / run_two(connections, cpus, true);
		fine &= MAX(first, other) < SAME_SPEED * MIN(first, other);
		if (fine && cores_are_two(cpus))
			n++;
		else
			spoilt++;
	}
	result_count(r, "rounds", n);
	result_count(r, "spoilt", spoilt);
	print_median(r, "speedup", 2, speedup, n);
	print_median(r, "speedup_apart", 2, apart, n);
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
