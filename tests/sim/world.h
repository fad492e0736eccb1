/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two or three nodes joined by in-memory links that lose, repeat, reorder and harm
 * frames, in virtual time that jumps from event to event:
 *   client --- server
 *   client --- proxy engine --- server
 * Client and server are engines or strangers (alien.h), at least one node an engine;
 * in front of each end of a link stands a router (hop.h).
 *
 * world.c is the run, start.c makes and ends nodes and links, turn.c is what happens on
 * a node at one time, weather.c takes buffers and memories away, attack.c attacks,
 * balance.c counts.
 */
#pragma once

#include "tests/lib/rig.h"
#include "tests/sim/attack.h"
#include "tests/sim/observer.h"
#include "tests/sim/peer.h"
#include "tests/sim/plan.h"
#include "tests/sim/watch.h"

#define WORLD_SHARDS 2
#define WORLD_INBOX  1024

struct alien;
struct port;

struct node {
	struct rig rigs[WORLD_SHARDS]; /* of an engine */
	struct watch watches[WORLD_SHARDS];
	/* Frames that one shard has handed to another, as the workers' rings hold them. */
	struct buf *inbox[WORLD_SHARDS][WORLD_INBOX];
	uint32_t nb_inbox[WORLD_SHARDS];
	struct alien *alien; /* NULL: an engine */
	uint32_t last_seq;   /* of the alien before a reboot */
	struct outbox {      /* frames of the alien's that no port has taken yet */
		struct mem_pool *pool;
		struct txq q;
	} outbox;
	struct testconf tc;
	struct port *ports[2], *hops[2]; /* hops: within the ports, which own them */
	uint32_t nb_ports;

	/* Counted beside the engine's own counters, or over its reboots. */
	uint64_t past[STAT_COUNT];
	uint64_t frames_sent, frames_received; /* by an alien */
	uint64_t lost;                         /* received frames that no shard has got */
	uint64_t forged;                       /* the attacker's that came in beside the ports */
	uint32_t reboots;
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
	uint64_t fcs_dropped, activity;
	uint32_t coin; /* which shard gets the next frame */
	struct mem_pool *pool;
	struct buf *hoard; /* buffers taken away during a drought */
	uint32_t drought;  /* index of the next one, or of the one that lasts */
	uint32_t reboot;   /* index of the next one */
	struct attack attack;
	struct observer observer;
	char why[400]; /* what went wrong, "": nothing */
};

/* A pool with enough buffers for any plan; it may serve many worlds in turn. */
struct mem_pool *world_pool(void);

/* Runs a plan to its end and verifies everything; false: w->why. */
bool world_run(struct world *w, const struct plan *plan, struct mem_pool *pool, bool trace);

/* Notes the first thing that went wrong; returns false. */
PRINTF_LIKE(2, 3) bool world_failed(struct world *w, const char *fmt, ...);

/* ---- start.c ---- */

/* Makes nodes and links; false: w->why. */
bool world_start(struct world *w, const struct plan *plan, struct mem_pool *pool);

/* Ends them; buffers that do not come back are a failure. */
void world_stop(struct world *w);

/* Ends one node without a word, and starts it again with nothing in mind. */
bool world_restart(struct world *w, uint32_t node);

/* ---- weather.c ---- */

/* Droughts and reboots that are due; false: w->why. */
bool weather(struct world *w);

/* When there is more of it, PEER_NEVER: never. */
usec_t weather_next(const struct world *w);

/* Gives back what a drought holds. */
void weather_end(struct world *w);

/* ---- balance.c ---- */

/* Verifies that frames, segments and bytes are all accounted for; false: w->why. */
bool balance(struct world *w);
