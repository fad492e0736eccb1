/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a thousand live connections to ten million and more: what each costs in memory, and
 * what a segment costs when the next one is always for a connection chosen at random: a
 * request of 64 bytes in, its echo out.
 */
#include <stdio.h>

#include "bench/crowd.h"
#include "bench/options.h"
#include "bench/result.h"
#include "bench/whole.h"

#define PAYLOAD 64
#define FIRST   1000 /* connections */
#define STEP    10
#define FEW     100000

static void start(struct bench *b, uint32_t nb)
{
	char yaml[1024];

	snprintf(yaml, sizeof(yaml),
		 "workers: {count: 1}\n"
		 "memory: {connections: %u, half_open: 65536, time_wait: 1024, transfers: 65536, "
		 "sessions: 64, buffers: 8192}\n" PEER_PORT PEER_ECHO,
		 nb + 64);
	bench_init_lazily(b, yaml, true, 0);
}

/* Memory of a shard. */
struct occupied {
	uint64_t resident; /* that has been touched */
	size_t reserved;
};

/* What it takes whatever it is made for. */
static struct occupied occupied_by_none(void)
{
	struct occupied o = {.resident = bench_resident_bytes()};
	struct bench b;

	start(&b, 0);
	peer_connect(&b, 0, CROWD_BATCH, NULL, NULL);
	o.resident = bench_resident_bytes() - o.resident;
	o.reserved = b.mem_bytes;
	bench_fini(&b);
	return o;
}

/* What has become resident; of few connections, which share huge pages with all else, what is
 * reserved. */
static double bytes_each(const struct occupied *with, const struct occupied *without, uint32_t nb)
{
	if (nb < FEW)
		return (double)(with->reserved - without->reserved) / nb;
	return (double)(with->resident - without->resident) / nb;
}

/* Prints a line for `nb` connections; returns cycles per segment. */
static double measure(const struct options *o, uint32_t nb, uint64_t requests,
		      const struct occupied *without, double smallest)
{
	static const uint8_t request[PAYLOAD];
	struct occupied with;
	struct crowd c;
	double cycles;
	struct result r;
	struct bench b;

	crowd_init(&c, nb, request, sizeof(request), true);
	with.resident = bench_resident_bytes();
	start(&b, nb);
	crowd_connect(&c, &b);
	with.resident = bench_resident_bytes() - with.resident;
	with.reserved = b.mem_bytes;
	for (uint64_t i = 0; i < requests / 4; i += CROWD_BATCH)
		crowd_exchange(&c, &b);
	bench_restart_count(&b);
	for (uint64_t i = 0; i < requests; i += CROWD_BATCH)
		crowd_exchange(&c, &b);
	if (b.sh->conns.used != nb)
		bench_die("%u of %u connections are left", b.sh->conns.used, nb);
	cycles = (double)b.cycles / (double)(b.received + b.sent);
	result_begin(&r, o->json, o->bench);
	result_count(&r, "connections", nb);
	result_number(&r, "bytes_per_connection", bytes_each(&with, without, nb), 1);
	result_number(&r, "cycles_per_segment", cycles, 0);
	result_number(&r, "growth", smallest > 0 ? cycles / smallest : 1, 2);
	result_end(&r);
	bench_fini(&b);
	crowd_fini(&c);
	return cycles;
}

int scale_main(int argc, char **argv)
{
	uint64_t most = 10000000, requests = 1000000;
	const struct option list[] = {
	    {"connections", "the most that are tried; from 1000 on, ten times as many each time",
	     &most, FIRST, 500000000},
	    {"requests", "of each size", &requests, CROWD_BATCH, 1000000000},
	};
	struct options o = {.bench = "scale",
			    .what = "memory and cycles against the number of live connections",
			    .list = list,
			    .count = ARRAY_SIZE(list)};
	double smallest = 0;
	struct occupied none;

	options_parse(&o, argc, argv);
	none = occupied_by_none();
	for (uint64_t nb = FIRST; nb <= most; nb *= STEP) {
		double cycles = measure(&o, (uint32_t)nb, requests, &none, smallest);

		if (smallest == 0)
			smallest = cycles;
	}
	return 0;
}
