/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the microbenches share: one shard over plain memory, and a cycle counter that runs
 * only while the engine does. The peer's work happens while the counter stands still.
 */
#pragma once

#include "drivers/mem_pool.h"
#include "engine/shard.h"

#define BENCH_BUFS	   8192 /* in the pool of a shard */
#define BENCH_TIMER_BUDGET 256	/* expiries in one turn at most, as the worker has it */

struct bench {
	struct conf *conf;
	struct mem_pool *pool;
	struct buf_ops buf_ops;
	struct net_link links[CONF_MAX_PORTS];
	struct shard *sh;
	void *mem;
	size_t mem_bytes;
	bool csum_offload;
	bool beside; /* configuration and pool are another shard's */
	bool aside; /* the turns of now are of a phase that is not counted */
	/* What a worker does that has others beside it, when they are set after the start: once the
	 * frames of its own have been received, and when all is finished, before it is sent. */
	void (*take)(struct bench *b);
	void (*pass)(struct bench *b);
	void *user; /* for these */
	usec_t now;
	uint32_t timer_budget;	  /* BENCH_TIMER_BUDGET unless it is set after the start */
	uint32_t turns;		  /* so far, and */
	uint64_t took[2];	  /* cycles of the last two, number n in took[n % 2] */
	uint64_t cycles;    /* spent inside the engine */
	uint64_t received;  /* frames that the engine got, and */
	uint64_t sent;      /* gave, while cycles were counted */
	uint32_t nb_frames; /* that the engine has sent and the peer not yet taken */
	struct buf *frames[CONF_MAX_PORTS * SHARD_TX_RING];
};

/* Ends the program with a message. */
PRINTF_LIKE(1, 2) __attribute__((noreturn)) void bench_die(const char *fmt, ...);

/* Starts a shard from a config in YAML; ends the program with a message when that fails.
 * `csum_offload`: the ports verify and fill in checksums. */
void bench_init(struct bench *b, const char *yaml, bool csum_offload);

/* The same for shard `id` of the config's workers, which differ by it. */
void bench_init_shard(struct bench *b, const char *yaml, bool csum_offload, uint16_t id);

/* The same, with memory that becomes resident when it is used for the first time. */
void bench_init_lazily(struct bench *b, const char *yaml, bool csum_offload, uint16_t id);

/* Shard `id` of the same configuration, with the same pool; ends before the other one. Not more
 * than one thread at a time may have a turn then. */
void bench_init_beside(struct bench *b, const struct bench *other, uint16_t id);
void bench_fini(struct bench *b);

/* One turn of the worker on n received frames, counted; what it sent is in b->frames
 * afterwards, each the peer's to free or to send back. */
void bench_turn(struct bench *b, struct buf **bufs, uint32_t n);

/* What the turns from now on do, for runs that count instructions of one phase only. */
void bench_phase(struct bench *b, const char *name);

/* What was counted so far was the warm-up. */
void bench_restart_count(struct bench *b);

/* The time-stamp counter now. */
uint64_t bench_tsc(void);

/* Zeroed memory that asks for huge pages; ends the program when there is none. */
void *bench_memory(size_t bytes);
void bench_memory_free(void *mem, size_t bytes);

/* Cycles of the time-stamp counter per second, measured once. */
double bench_tsc_hz(void);

/* Bytes of memory that the process occupies now. */
uint64_t bench_resident_bytes(void);
