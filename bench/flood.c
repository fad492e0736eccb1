/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A flood of SYNs, each from an address and port of its own, answered with cookies, or with resets
 * since nobody listens: what the engine spends on one, and what is left of a million of them in
 * its memory, which is nothing.
 */
#include <stdio.h>

#include "bench/instructions.h"
#include "bench/options.h"
#include "bench/peer.h"
#include "bench/result.h"
#include "bench/whole.h"
#include "engine/wire/wire.h"

#define BATCH   32
#define COUNTED 2048 /* SYNs in a run that counts instructions */

static const char config[] = "workers: {count: 1}\n"
			     "memory: {connections: 64, half_open: 64, time_wait: 64, "
			     "transfers: 64, sessions: 64, buffers: 8192}\n"
			     "tcp: {syncookies: always}\n" PEER_PORT "listeners:\n"
			     "  - {name: web, address: \"" PEER_ENGINE ":%u\", service: http,\n"
			     "     http: {size: 64}}\n";

static void start(struct bench *b, bool csum_offload, bool closed)
{
	char yaml[sizeof(config) + 16];

	snprintf(yaml, sizeof(yaml), config, closed ? 81 : 80);
	bench_init(b, yaml, csum_offload);
}

static void flood(struct bench *b, uint32_t first, uint32_t n)
{
	for (uint32_t at = 0; at < n; at += BATCH) {
		struct buf *bufs[BATCH];

		for (uint32_t i = 0; i < BATCH; i++)
			bufs[i] = peer_make(b, &(struct peer_seg){.client = first + at + i,
								  .flags = TCP_SYN,
								  .seq = peer_isn(first + at + i)});
		bench_turn(b, bufs, BATCH);
		peer_ignore(b);
	}
}

static void print(const struct options *o, const struct bench *b, uint64_t syns, uint64_t sent,
		  bool closed)
{
	const struct shard *sh = b->sh;
	const char *const args[] = {b->csum_offload ? "--csum_offload=1" : "--csum_offload=0",
				    closed ? "--closed=1" : "--closed=0", NULL};
	const struct counted_run run = {.option = "syns", .units = COUNTED, .args = args};
	struct result r;

	result_begin(&r, o->json, o->bench);
	result_count(&r, "syns", syns);
	result_word(&r, "answer", closed ? "reset" : "cookie");
	result_word(&r, "csum_offload", b->csum_offload ? "yes" : "no");
	result_number(&r, "cycles_per_syn", (double)b->cycles / (double)syns, 0);
	instructions_result(&r, "instructions_per_syn", &run);
	result_number(&r, "answered", (double)sent / (double)syns, 4);
	result_count(&r, "objects", sh->halves.used + sh->conns.used + sh->time_waits.used);
	result_end(&r);
}

int flood_main(int argc, char **argv)
{
	uint64_t syns = 4000000, csum_offload = 1, closed = 0;
	const struct option list[] = {
	    {"syns", "how many", &syns, BATCH, 1000000000},
	    {"closed", "nobody listens", &closed, 0, 1},
	    {"csum_offload", "the port fills in checksums", &csum_offload, 0, 1},
	};
	struct options o = {
	    .bench = "flood",
	    .what = "cycles and instructions of SYNs answered with a cookie, or a reset",
	    .list = list,
	    .count = ARRAY_SIZE(list)};
	const uint64_t *sent;
	uint64_t warm, begun;
	struct bench b;

	options_parse(&o, argc, argv);
	syns = ALIGN_UP(syns, BATCH);
	warm = instructions_are_counted() ? 0 : ALIGN_UP(syns / 10, BATCH);
	start(&b, csum_offload, closed);
	sent = &b.sh->stats[closed ? STAT_rst_sent : STAT_syncookies_sent];
	flood(&b, 0, (uint32_t)warm);
	begun = *sent;
	bench_restart_count(&b);
	flood(&b, (uint32_t)warm, (uint32_t)syns);
	if (!instructions_are_counted())
		print(&o, &b, syns, *sent - begun, closed);
	bench_fini(&b);
	return 0;
}
