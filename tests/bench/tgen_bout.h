/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A load against the engine, or against another load, over ports in memory and
 * in virtual time. What goes wrong in the set-up ends the program.
 */
#pragma once

#include "bench/tgen/load.h"
#include "drivers/mem_pool.h"
#include "engine/shard.h"

#define BOUT_TURN_US 50

struct bout {
	struct mem_pool *pool;
	struct buf_ops ops;
	struct port *ports[2]; /* the load's, the other side's */
	usec_t now;
	struct plan *plan;
	struct load *load;

	/* The other side: an engine, or a load. */
	struct conf *conf;
	struct shard *sh;
	struct net_link link;
	void *mem;
	struct plan *rival_plan;
	struct load *rival;
};

/* `engine`: a configuration of the engine, with one port; NULL: a load with mode answer for
 * `family`. `fault`: what both sides suffer, NULL: nothing. */
void bout_init(struct bout *b, const char *engine, int family, const struct conf_fault *fault);

/* Puts a load, whose section `load` is given, in the place of the last one. */
void bout_load(struct bout *b, int family, const char *section);

/* A turn of both sides, and on to when something happens next. */
void bout_turn(struct bout *b);

/* Turns until the load has nothing more to do, or `limit` has passed; true: the former. */
bool bout_finish(struct bout *b, usec_t limit);

/* Turns for so long. */
void bout_pass(struct bout *b, usec_t time);

/* Ends both sides; returns the number of buffers that are missing. */
uint32_t bout_fini(struct bout *b);

static inline uint64_t bout_count(const struct bout *b, enum tally_count i)
{
	return b->load->tally.n[i];
}
