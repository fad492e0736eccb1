/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two or three engines joined by in-memory links that lose, repeat, reorder and
 * harm frames, in virtual time that jumps from event to event:
 *   client engine --- server engine
 *   client engine --- proxy engine --- server engine
 */
#pragma once

#include "tests/lib/rig.h"
#include "tests/sim/peer.h"
#include "tests/sim/plan.h"

#define WORLD_SHARDS 2
#define WORLD_INBOX  1024

struct port;

struct node {
	struct rig rigs[WORLD_SHARDS];
	/* Frames that one shard has handed to another, as the workers' rings hold them. */
	struct buf *inbox[WORLD_SHARDS][WORLD_INBOX];
	uint32_t nb_inbox[WORLD_SHARDS];
	struct testconf tc;
	struct port *ports[2];
	uint32_t nb_ports;
};

struct world {
	const struct plan *plan;
	struct peers peers;
	struct node nodes[PLAN_NODES];
	uint32_t nb_nodes, nb_shards;
	usec_t begin; /* what the plan's times count from */
	usec_t now;
	uint64_t steps;
	bool trace; /* every segment is printed */
	uint64_t fcs_dropped;
	uint32_t coin; /* which shard gets the next frame */
	struct mem_pool *pool;
	struct buf *hoard; /* buffers taken away during a drought */
	uint32_t drought;  /* index of the next one, or of the one that lasts */
	char why[400];     /* what went wrong, "": nothing */
};

/* A pool with enough buffers for any plan; it may serve many worlds in turn. */
struct mem_pool *world_pool(void);

/* Runs a plan to its end and verifies everything; false: w->why. */
bool world_run(struct world *w, const struct plan *plan, struct mem_pool *pool, bool trace);
