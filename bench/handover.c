/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What it costs that a segment arrives at the wrong worker. Requests of 64 bytes are echoed by the
 * worker that owns their connections, in three ways turn by turn:
 *   right      they arrive at the owner;
 *   handed     they arrive at another worker, which passes them on by ring;
 *   one_queue  so they do, and that worker also sends the answers, as it alone has a queue.
 * Each worker has a CPU of its own. One waits while the other has its turn, so that only what they
 * share is measured: frames, buffers and rings that are in the other's cache. A frame begins in
 * the cache of the CPU where it arrives.
 */
#include <math.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <rte_ring.h>

#include "bench/cores.h"
#include "bench/crowd.h"
#include "bench/instructions.h"
#include "bench/options.h"
#include "bench/result.h"
#include "bench/whole.h"
#include "engine/run/exchange.h"

#define CLIENTS    2000 /* about half of them are the owner's */
#define PAYLOAD    64
#define WARM_UP    3200 /* segments */
#define COUNTED    1024 /* segments whose instructions are counted */
#define ROUNDS_MAX 999
#define TRIES      4 /* rounds that may be spoilt, for each that counts */

enum worker { GIVER, OWNER, WORKERS };

static const char config[] =
    "workers: {count: 2}\n"
    "memory: {connections: 4096, half_open: 1024, time_wait: 1024, transfers: 4096, "
    "sessions: 64, buffers: 8192}\n" PEER_PORT PEER_ECHO;

static const uint8_t request[PAYLOAD];

struct way {
	const char *name;
	bool handed;                 /* they arrive at the giver, */
	bool one_queue;              /* which sends the answers as well */
	const char *phases[WORKERS]; /* names of their turns */
};

static const struct way ways[] = {
    {"right", false, false, {"right_giver", "right_owner"}},
    {"handed", true, false, {"handed_giver", "handed_owner"}},
    {"one_queue", true, true, {"one_queue_giver", "one_queue_owner"}},
};

#define NB_WAYS ARRAY_SIZE(ways)

/* What was measured of a way. */
struct cost {
	double cycles[WORKERS][ROUNDS_MAX];
	double instructions[WORKERS];
};

struct pair {
	struct bench workers[WORKERS];
	struct exchange exchange;
	struct crowd crowd;
	const struct way *way;
	bool alone; /* one thread has everybody's turns */
	int cpus[CORES];
	pthread_t
	    thread; /* the giver's: it acts when `step` is odd, the main one when it is even */
	_Atomic bool stop;
	alignas(CACHE_LINE) _Atomic uint32_t step;
};

/* As the worker does: what is another's goes to him, and what he has of ours is received. */
static void take(struct bench *b)
{
	struct pair *p = b->user;
	struct buf *bufs[SHARD_BURST];
	uint32_t n;

	exchange_hand_over(&p->exchange, b->sh);
	n = exchange_take_over(&p->exchange, b->sh, bufs, SHARD_BURST);
	if (n > 0)
		shard_receive(b->sh, bufs, n);
}

static void pass(struct bench *b)
{
	struct pair *p = b->user;

	exchange_collect(&p->exchange, b->sh);
	if (p->way->one_queue && b->sh->id == OWNER)
		exchange_send(&p->exchange, b->sh, 0, GIVER);
}

static void giver_turn(struct pair *p)
{
	struct bench *giver = &p->workers[GIVER];
	struct buf *bufs[CROWD_BATCH];

	crowd_requests(&p->crowd, &p->workers[OWNER], bufs);
	bench_turn(giver, bufs, CROWD_BATCH);
	crowd_answered(&p->crowd, giver, NULL);
}

static void owner_turn(struct pair *p)
{
	struct bench *owner = &p->workers[OWNER];
	struct buf *bufs[CROWD_BATCH];

	if (!p->way->handed)
		crowd_requests(&p->crowd, owner, bufs);
	bench_turn(owner, bufs, p->way->handed ? 0 : CROWD_BATCH);
	crowd_answered(&p->crowd, owner, NULL);
}

static void *give(void *arg)
{
	struct pair *p = arg;

	cores_pin(p->cpus[GIVER]);
	while (!atomic_load(&p->stop)) {
		if (atomic_load(&p->step) % 2 == 0)
			continue;
		giver_turn(p);
		atomic_fetch_add(&p->step, 1);
	}
	return NULL;
}

static void have_giver_turn(struct pair *p)
{
	if (p->alone) {
		giver_turn(p);
		return;
	}
	atomic_fetch_add(&p->step, 1);
	while (atomic_load(&p->step) % 2)
		;
}

/* So many segments, this way. */
static void run(struct pair *p, const struct way *way, uint64_t segments)
{
	p->way = way;
	for (int w = 0; w < WORKERS; w++) {
		bench_phase(&p->workers[w], way->phases[w]);
		bench_restart_count(&p->workers[w]);
	}
	if (way->handed && !p->alone) {
		p->stop = false;
		if (pthread_create(&p->thread, NULL, give, p) != 0)
			bench_die("no thread for a worker");
	}
	for (uint64_t done = 0; done < segments; done += CROWD_BATCH) {
		if (way->handed)
			have_giver_turn(p);
		owner_turn(p);
	}
	if (way->handed && !p->alone) {
		p->stop = true;
		pthread_join(p->thread, NULL);
	}
}

/* A ring without the memory of EAL's. */
static struct rte_ring *ring_create(void)
{
	ssize_t bytes = rte_ring_get_memsize(EXCHANGE_FRAMES);
	struct rte_ring *r = bytes > 0 ? aligned_alloc(CACHE_LINE, (size_t)bytes) : NULL;

	if (!r || rte_ring_init(r, "bench", EXCHANGE_FRAMES, RING_F_SC_DEQ) != 0)
		bench_die("no memory for a ring");
	return r;
}

static void start(struct pair *p)
{
	for (int k = 0; k < EXCHANGE_NB_KINDS; k++)
		for (int w = 0; w < WORKERS; w++)
			p->exchange.rings[k][w] = ring_create();
	p->exchange.nb_workers = WORKERS;
	p->way = &ways[0];
	bench_init_shard(&p->workers[OWNER], config, true, OWNER);
	bench_init_beside(&p->workers[GIVER], &p->workers[OWNER], GIVER);
	for (int w = 0; w < WORKERS; w++) {
		p->workers[w].user = p;
		p->workers[w].take = take;
		p->workers[w].pass = pass;
	}
	crowd_init(&p->crowd, CLIENTS, request, sizeof(request), false);
	crowd_connect(&p->crowd, &p->workers[OWNER]);
	p->alone = instructions_are_counted() || !cores_find(p->cpus);
	if (!p->alone)
		cores_pin(p->cpus[OWNER]);
}

static void stop(struct pair *p)
{
	bench_fini(&p->workers[GIVER]);
	bench_fini(&p->workers[OWNER]);
	crowd_fini(&p->crowd);
	for (int k = 0; k < EXCHANGE_NB_KINDS; k++)
		for (int w = 0; w < WORKERS; w++)
			free(p->exchange.rings[k][w]);
}

/* Rounds that count; those during which others used the CPUs do not. */
struct rounds {
	uint64_t wanted, n, spoilt;
};

static bool undisturbed(const struct pair *p)
{
	return p->alone || cores_are_two(p->cpus);
}

/* Way by way in each round, so that all are measured under the same conditions. */
static void measure(struct pair *p, struct cost *costs, uint64_t segments, struct rounds *r)
{
	bool fine;

	for (uint32_t i = 0; i < NB_WAYS; i++)
		run(p, &ways[i], WARM_UP);
	fine = undisturbed(p);
	while (r->n < r->wanted && r->spoilt < TRIES * r->wanted) {
		for (uint32_t i = 0; fine && i < NB_WAYS; i++) {
			run(p, &ways[i], segments);
			for (int w = 0; w < WORKERS; w++)
				costs[i].cycles[w][r->n] =
				    (double)p->workers[w].cycles / (double)segments;
		}
		if (fine && (fine = undisturbed(p))) {
			r->n++;
		} else {
			r->spoilt++;
			fine = undisturbed(p);
		}
	}
}

/* Nothing was lost, refused or left lying, or the figures would be of something else. */
static void check(const struct pair *p, uint64_t least)
{
	const uint64_t *giver = p->workers[GIVER].sh->stats, *owner = p->workers[OWNER].sh->stats;

	if (giver[STAT_handed_over] != owner[STAT_taken_over] ||
	    owner[STAT_taken_over] < (NB_WAYS - 1) * least ||
	    owner[STAT_rx_data_segments] < NB_WAYS * least || giver[STAT_rx_data_segments] != 0)
		bench_die("segments are missing");
}

static void count_instructions(struct cost *costs)
{
	static const char *const args[] = {"--rounds=1", NULL};

	for (uint32_t i = 0; i < NB_WAYS; i++)
		for (int w = 0; w < WORKERS; w++) {
			const struct counted_run run = {.option = "segments",
							.units = COUNTED,
							.args = args,
							.phase = ways[i].phases[w]};

			costs[i].instructions[w] = 0;
			if ((w == OWNER || ways[i].handed) &&
			    !instructions_of(&run, &costs[i].instructions[w]))
				costs[i].instructions[OWNER] = NAN;
		}
}

/* What both take, what each of them does, and how much of it is for the detour. */
static void print_cost(struct result *r, const char *const keys[4], const double *of,
		       const double *right, const char *missing)
{
	const double values[] = {of[GIVER] + of[OWNER], of[GIVER], of[OWNER],
				 of[GIVER] + of[OWNER] - right[GIVER] - right[OWNER]};

	for (uint32_t i = 0; i < ARRAY_SIZE(values); i++)
		if (missing)
			result_missing(r, keys[i], missing);
		else
			result_number(r, keys[i], values[i], 0);
}

static void print(const struct options *o, const struct pair *p, struct cost *costs,
		  uint64_t segments, const struct rounds *rounds)
{
	static const char *const cycles[] = {"cycles_per_segment", "giver_cycles", "owner_cycles",
					     "added_cycles"};
	static const char *const instructions[] = {"instructions_per_segment", "giver_instructions",
						   "owner_instructions", "added_instructions"};
	double of[NB_WAYS][WORKERS] = {0};
	const char *missing = NULL;
	bool counted = true;

	if (p->alone)
		missing = "there is one CPU only";
	else if (rounds->n == 0)
		missing = "the CPUs share a core, or others use them";
	for (uint32_t i = 0; i < NB_WAYS; i++)
		for (int w = 0; w < WORKERS; w++) {
			if (!missing)
				of[i][w] = median(costs[i].cycles[w], rounds->n);
			counted &= !isnan(costs[i].instructions[w]);
		}
	for (uint32_t i = 0; i < NB_WAYS; i++) {
		struct result r;

		result_begin(&r, o->json, o->bench);
		result_word(&r, "way", ways[i].name);
		result_count(&r, "segments", segments);
		result_count(&r, "rounds", rounds->n);
		result_count(&r, "spoilt", rounds->spoilt);
		print_cost(&r, cycles, of[i], of[0], missing);
		print_cost(&r, instructions, costs[i].instructions, costs[0].instructions,
			   counted ? NULL : INSTRUCTIONS_MISSING);
		result_end(&r);
	}
}

int handover_main(int argc, char **argv)
{
	struct rounds rounds = {.wanted = 25};
	uint64_t segments = 20000;
	const struct option list[] = {
	    {"segments", "in each round, each way", &segments, 1000, 10000000},
	    {"rounds", "of all ways", &rounds.wanted, 1, ROUNDS_MAX},
	};
	struct options o = {.bench = "handover",
			    .what = "what it costs that a segment arrives at the wrong worker",
			    .list = list,
			    .count = ARRAY_SIZE(list)};
	static struct cost costs[NB_WAYS];
	static struct pair pair;

	options_parse(&o, argc, argv);
	segments = ALIGN_UP(segments, CROWD_BATCH);
	start(&pair);
	measure(&pair, costs, segments, &rounds);
	check(&pair, WARM_UP + rounds.n * segments);
	if (!instructions_are_counted()) {
		count_instructions(costs);
		print(&o, &pair, costs, segments, &rounds);
	}
	stop(&pair);
	return 0;
}
