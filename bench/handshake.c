/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole connections: SYN, SYN-ACK, ACK with a request, response with FIN, FIN-ACK, last ACK:
 * three segments in, three out, arbitrary 4-tuples, options parsed, timers armed, TIME_WAIT
 * kept. Prints what the engine alone spends.
 */
#include "bench/instructions.h"
#include "bench/options.h"
#include "bench/result.h"
#include "bench/visit.h"
#include "bench/whole.h"

#define COUNTED        2048     /* connections in a run that counts instructions */
#define TIME_WAIT_USEC 60000000 /* as in the configuration: */

static const char config[] = "workers: {count: 1}\n"
			     "memory: {connections: 65536, half_open: 65536, time_wait: 4000000, "
			     "transfers: 65536, sessions: 64, buffers: 8192}\n"
			     "tcp: {time_wait: 60s}\n" PEER_PORT PEER_HTTP;

static void print(const struct options *o, struct bench *b, uint64_t done)
{
	const char *const args[] = {b->csum_offload ? "--csum_offload=1" : "--csum_offload=0",
				    NULL};
	const struct counted_run run = {.option = "connections", .units = COUNTED, .args = args};
	struct result r;

	result_begin(&r, o->json, o->bench);
	result_count(&r, "connections", done);
	result_word(&r, "csum_offload", b->csum_offload ? "yes" : "no");
	result_number(&r, "cycles_per_connection", (double)b->cycles / (double)done, 0);
	result_number(&r, "cycles_per_segment", (double)b->cycles / (double)(b->received + b->sent),
		      0);
	instructions_result(&r, "instructions_per_connection", &run);
	result_count(&r, "time_wait", b->sh->time_waits.used);
	result_end(&r);
}

int handshake_main(int argc, char **argv)
{
	uint64_t nb = 1000000, csum_offload = 1;
	const struct option list[] = {
	    {"connections", "how many", &nb, VISIT_BATCH, 100000000},
	    {"csum_offload", "the port fills in checksums", &csum_offload, 0, 1},
	};
	struct options o = {.bench = "handshake",
			    .what = "cycles and instructions of whole connections",
			    .list = list,
			    .count = ARRAY_SIZE(list)};
	uint64_t warm, begun, i = 0;
	struct bench b;

	options_parse(&o, argc, argv);
	warm = instructions_are_counted() ? 0 : nb / 10;
	bench_init(&b, config, csum_offload);
	for (; i < warm; i += VISIT_BATCH)
		visit(&b, (uint32_t)i);
	begun = b.sh->stats[STAT_time_wait];
	bench_restart_count(&b);
	for (; i < nb + warm; i += VISIT_BATCH)
		visit(&b, (uint32_t)i);
	if (instructions_count_only("expiry")) {
		bench_phase(&b, "expiry");
		visit_settle(&b, TIME_WAIT_USEC + 1000000);
	}
	if (!instructions_are_counted())
		print(&o, &b, b.sh->stats[STAT_time_wait] - begun);
	bench_fini(&b);
	return 0;
}
