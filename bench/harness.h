/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the microbenches share: one shard over plain memory, a cycle counter
 * that runs only while the engine does, and the output line. The peer's work
 * happens while the counter stands still.
 */
#pragma once

#include "drivers/mem_pool.h"
#include "engine/shard.h"

struct bench {
	struct conf *conf;
	struct mem_pool *pool;
	struct buf_ops buf_ops;
	struct net_link links[CONF_MAX_PORTS];
	struct shard *sh;
	void *mem;
	size_t mem_bytes;
	usec_t now;
	uint64_t cycles;    /* spent inside the engine */
	uint32_t nb_frames; /* that the engine has sent and the peer not yet taken */
	struct buf *frames[SHARD_TX_RING];
};

/* Starts a shard from a config in YAML; ends the program with a message when
 * that fails. `csum_offload`: the port verifies and fills in checksums. */
void bench_init(struct bench *b, const char *yaml, uint32_t nb_bufs, bool csum_offload);
void bench_fini(struct bench *b);

/* One turn of the worker on n received frames, counted; what it sent is in
 * b->frames afterwards, each the peer's to free or to send back. */
void bench_turn(struct bench *b, struct buf **bufs, uint32_t n);

/* A decimal option `--name=value` or its default. */
uint64_t bench_option(int argc, char **argv, const char *name, uint64_t fallback);

/* Cycles of the time-stamp counter per second, measured once. */
double bench_tsc_hz(void);
