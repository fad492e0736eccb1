/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole connections that are carried to a backend over connections of the engine's own, and
 * what share of those that it answers itself one core can carry.
 */
#include "bench/backend.h"
#include "bench/instructions.h"
#include "bench/options.h"
#include "bench/result.h"
#include "bench/visit.h"
#include "bench/whole.h"

#define ROUNDS  5    /* of both kinds in turn */
#define COUNTED 1280 /* connections in a run that counts instructions */

#define MEMORY                                                                                     \
	"workers: {count: 1}\n"                                                                    \
	"memory: {connections: 65536, half_open: 65536, time_wait: 4000000, transfers: 65536, "    \
	"sessions: 65536, buffers: 8192}\n"                                                        \
	"tcp: {time_wait: 60s}\n"

static const char terminated[] = MEMORY PEER_PORT PEER_HTTP;

static const char proxied[] = MEMORY PEER_PORT
    "  - {name: q, device: net_null1, addresses: [" BACKEND_ENGINE_CIDR "]}\n"
    "listeners:\n"
    "  - {name: web, address: \"" PEER_ENGINE ":80\", service: proxy, pool: back, backlog: 65536}\n"
    "pools:\n"
    "  - {name: back, sources: [10.0.0.1], backends: [{name: b, address: \"" BACKEND ":80\"}]}\n";

struct side {
	struct bench b;
	uint32_t next; /* client */
};

/* More visits; ends the program unless each of them was served to its end. */
static void visits(struct side *s, uint64_t nb)
{
	uint64_t before = s->b.sh->stats[STAT_time_wait], done;

	for (uint64_t i = 0; i < nb; i += VISIT_BATCH) {
		visit(&s->b, s->next);
		s->next += VISIT_BATCH;
	}
	done = s->b.sh->stats[STAT_time_wait] - before;
	if (done < nb)
		bench_die("%u of %u connections came to their end", (uint32_t)done, (uint32_t)nb);
}

static void print(const struct options *o, uint64_t nb, const struct bench *own,
		  const struct bench *carried)
{
	const struct counted_run run = {.option = "connections", .units = COUNTED};
	struct result r;

	result_begin(&r, o->json, o->bench);
	result_count(&r, "connections", nb);
	result_number(&r, "cycles_per_connection", (double)carried->cycles / (double)nb, 0);
	result_number(&r, "cycles_per_terminated", (double)own->cycles / (double)nb, 0);
	result_number(&r, "share_of_terminated", (double)own->cycles / (double)carried->cycles, 2);
	instructions_result(&r, "instructions_per_connection", &run);
	result_end(&r);
}

int proxy_main(int argc, char **argv)
{
	uint64_t nb = 500000;
	const struct option list[] = {
	    {"connections", "of each kind", &nb, ROUNDS * VISIT_BATCH, 100000000},
	};
	struct options o = {.bench = "proxy",
			    .what = "cycles of connections carried to a backend",
			    .list = list,
			    .count = ARRAY_SIZE(list)};
	static struct side own, carried;

	options_parse(&o, argc, argv);
	nb = ALIGN_UP(nb, ROUNDS * VISIT_BATCH);
	bench_init(&carried.b, proxied, true);
	/* The first connections wait for the backend's address. */
	visit(&carried.b, 0);
	carried.next = VISIT_BATCH;
	visit_settle(&carried.b, 5000000);
	if (instructions_are_counted()) {
		visits(&carried, nb);
		bench_fini(&carried.b);
		return 0;
	}
	bench_init(&own.b, terminated, true);
	visits(&own, nb / 10);
	visits(&carried, nb / 10);
	bench_restart_count(&own.b);
	bench_restart_count(&carried.b);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		visits(&own, nb / ROUNDS);
		visits(&carried, nb / ROUNDS);
	}
	print(&o, nb, &own.b, &carried.b);
	bench_fini(&own.b);
	bench_fini(&carried.b);
	return 0;
}
