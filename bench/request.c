/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests on connections that are kept: one segment in, which acknowledges the answer before,
 * one segment out; the next request is always on a connection chosen at random.
 */
#include <stdio.h>

#include "bench/crowd.h"
#include "bench/instructions.h"
#include "bench/options.h"
#include "bench/result.h"
#include "bench/whole.h"

#define COUNTED 4000 /* requests in a run that counts instructions */

static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

static void start(struct bench *b, uint32_t nb)
{
	char yaml[1024];

	snprintf(yaml, sizeof(yaml),
		 "workers: {count: 1}\n"
		 "memory: {connections: %u, half_open: 65536, time_wait: 1024, transfers: %u, "
		 "sessions: 64, buffers: 8192}\n" PEER_PORT PEER_HTTP,
		 nb + 64, nb + 64);
	bench_init(b, yaml, true);
}

static void print(const struct options *o, const struct bench *b, uint32_t connections,
		  uint64_t requests)
{
	const struct counted_run run = {.option = "requests", .units = COUNTED};
	struct result r;

	result_begin(&r, o->json, o->bench);
	result_count(&r, "connections", connections);
	result_count(&r, "requests", requests);
	result_number(&r, "cycles_per_request", (double)b->cycles / (double)requests, 0);
	instructions_result(&r, "instructions_per_request", &run);
	result_end(&r);
}

int request_main(int argc, char **argv)
{
	uint64_t connections = 1000, requests = 2000000, served;
	const struct option list[] = {
	    {"connections", "that send them", &connections, 100, 4000},
	    {"requests", "in all", &requests, 1000, 10000000000},
	};
	struct options o = {.bench = "request",
			    .what = "cycles and instructions of requests on kept connections",
			    .list = list,
			    .count = ARRAY_SIZE(list)};
	struct crowd c;
	struct bench b;

	options_parse(&o, argc, argv);
	crowd_init(&c, (uint32_t)connections, request, sizeof(request) - 1, false);
	start(&b, c.nb);
	crowd_connect(&c, &b);
	for (uint64_t i = 0; i < 10 * connections; i += CROWD_BATCH)
		crowd_exchange(&c, &b);
	served = b.sh->stats[STAT_http_requests];
	bench_restart_count(&b);
	for (uint64_t i = 0; i < requests; i += CROWD_BATCH)
		crowd_exchange(&c, &b);
	served = b.sh->stats[STAT_http_requests] - served;
	if (!instructions_are_counted())
		print(&o, &b, c.nb, served);
	bench_fini(&b);
	crowd_fini(&c);
	return 0;
}
