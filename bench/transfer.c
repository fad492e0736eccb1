/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bulk data in full segments on one connection: received and thrown away (receive), and sent
 * back as it comes (relay, both ways at once). The rate is what one core would carry if it did
 * nothing else.
 */
#include <stdio.h>

#include "bench/crowd.h"
#include "bench/options.h"
#include "bench/result.h"

#define SEGMENT 1448 /* bytes: 1500 less IPv4, TCP and timestamps */

static const uint8_t data[SEGMENT];

struct direction {
	const char *name, *service;
};

static void start(struct bench *b, const char *service)
{
	char yaml[1024];

	snprintf(yaml, sizeof(yaml),
		 "workers: {count: 1}\n"
		 "memory: {connections: 64, half_open: 64, time_wait: 64, transfers: 64, "
		 "sessions: 64, buffers: 8192}\n"
		 "ports:\n"
		 "  - {name: p, device: net_null0, addresses: [" PEER_ENGINE_CIDR "]}\n"
		 "listeners:\n"
		 "  - {name: bulk, address: \"" PEER_ENGINE ":80\", service: %s}\n",
		 service);
	bench_init(b, yaml, true);
}

static void measure(const struct options *o, const struct direction *d, uint64_t segments)
{
	uint64_t bytes;
	struct result r;
	struct crowd c;
	struct bench b;

	crowd_init(&c, 1, data, SEGMENT, false);
	start(&b, d->service);
	crowd_connect(&c, &b);
	for (uint64_t i = 0; i < 10000; i += CROWD_BATCH)
		crowd_exchange(&c, &b);
	bench_restart_count(&b);
	bytes = b.sh->stats[STAT_rx_bytes] + b.sh->stats[STAT_tx_bytes];
	for (uint64_t i = 0; i < segments; i += CROWD_BATCH)
		crowd_exchange(&c, &b);
	bytes = b.sh->stats[STAT_rx_bytes] + b.sh->stats[STAT_tx_bytes] - bytes;
	result_begin(&r, o->json, o->bench);
	result_word(&r, "direction", d->name);
	result_count(&r, "bytes", bytes);
	result_number(&r, "gbit_per_s", (double)bytes * 8 * bench_tsc_hz() / (double)b.cycles / 1e9,
		      1);
	result_number(&r, "cycles_per_segment",
		      (double)b.cycles / (double)(b.received + b.sent), 0);
	result_number(&r, "cycles_per_byte", (double)b.cycles / (double)bytes, 3);
	result_end(&r);
	bench_fini(&b);
	crowd_fini(&c);
}

int main(int argc, char **argv)
{
	static const struct direction directions[] = {{"receive", "discard"}, {"relay", "echo"}};
	uint64_t segments = 2000000;
	const struct option list[] = {
	    {"segments", "that the client sends, in each direction", &segments, 1000, 10000000000},
	};
	struct options o = {.bench = "transfer",
			    .what = "bulk data in full segments: cycles of segments and bytes",
			    .list = list,
			    .count = ARRAY_SIZE(list)};

	options_parse(&o, argc, argv);
	for (uint32_t i = 0; i < ARRAY_SIZE(directions); i++)
		measure(&o, &directions[i], segments);
	return 0;
}
