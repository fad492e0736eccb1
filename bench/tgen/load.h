/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's share of the load: what it starts, what it makes of the frames that
 * come, what it counts. It knows no DPDK, no clock and no allocation after
 * load_init(): a time and bursts of frames go in, frames come out. One thread.
 *
 * A turn is load_turn() with a port, or its parts: load_input() for what has
 * come, load_begin() for what is due, then the frames in load.tx are sent.
 */
#pragma once

#include "bench/tgen/frame.h"
#include "bench/tgen/inbound.h"
#include "bench/tgen/pace.h"
#include "bench/tgen/tally.h"
#include "bench/tgen/window.h"
#include "drivers/port.h"

#define LOAD_BURST  64
#define LOAD_TX     1024 /* frames waiting for the port at most */
#define LOAD_SPARE  256  /* free bufs kept at hand */
#define LOAD_FRAMES 5    /* templates of a mode at most */

/* Added to every ISN of a client that comes again: newer than all that the last
 * connection has used (RFC 6191), and told apart from it. */
#define LOAD_LAP (1u << 20)

struct client;

struct load {
	/* Set by load_init(). */
	const struct plan *plan;
	void (*input)(struct load *l, struct buf *const *bufs, uint32_t n);
	uint32_t (*begin)(struct load *l, uint32_t n); /* starts n; how many it did */
	void (*timers)(struct load *l);                /* NULL: none */
	struct client *client;                         /* mode client, else NULL */
	struct end target;
	uint64_t key; /* of ISNs */
	struct buf_ops buf_ops;
	uint8_t mac[6];
	uint16_t id;
	uint64_t share;     /* of plan.connections, UINT64_MAX: no limit */
	uint64_t wake_mask; /* wake: numbers to choose from, less one, all ones */
	uint64_t wake_end;  /* wake: the first number that is not among them */

	/* Changed in every turn. */
	usec_t now;
	uint32_t now_us; /* low 32 bits: what TSvals carry */
	usec_t since;    /* what began before is not counted as done */
	uint64_t begun;  /* starts since load_init(), against `share` */
	uint64_t number; /* of the next client */
	uint32_t lap;    /* times that all clients have had their turn */
	uint64_t random; /* garbage: state of its chance */
	struct pace pace;
	struct window window;
	struct {
		uint32_t count;
		struct buf *bufs[LOAD_TX];
	} tx;
	struct {
		uint32_t count;
		struct buf *bufs[LOAD_SPARE];
	} spare;
	struct tally tally;

	struct population clients;
	struct frame frames[LOAD_FRAMES];
};

/* What a load is made from; everything pointed to outlives it. */
struct load_args {
	const struct plan *plan;
	const struct buf_ops *buf_ops; /* copied */
	uint8_t mac[6];                /* of the port */
	uint8_t target_mac[6];
	uint16_t id; /* of the worker */
	usec_t now;
};

/* Bytes of memory for one worker's load. */
size_t load_bytes(const struct plan *plan);

/* `mem` holds load_bytes() zeroed bytes, cache-line aligned. Nothing is begun
 * before load_run(). */
struct load *load_init(void *mem, const struct load_args *args);

/* Gives back every buffer it holds. */
void load_fini(struct load *l);

/* Starts `rate` a second over all workers from now on, PLAN_RATE_MAX: as fast as it goes. */
void load_run(struct load *l, uint64_t rate);

/* Starts nothing any more; what is under way goes on. */
void load_rest(struct load *l);

/* Counts anew; what has begun before is not counted when it is done. */
void load_count(struct load *l);

/* True when nothing more will be started: plan.connections have been. */
static inline bool load_is_exhausted(const struct load *l)
{
	return l->begun >= l->share;
}

/* True when nothing is under way as far as can be told. */
bool load_is_idle(const struct load *l);

/* The time of the turn, never going back. */
static inline void load_set_time(struct load *l, usec_t now)
{
	l->now = now;
	l->now_us = (uint32_t)now;
	window_advance(&l->window, l->now_us);
}

/* Takes n <= LOAD_BURST received frames and owns them. */
void load_input(struct load *l, struct buf *const *bufs, uint32_t n);

/* Starts what is due, at most a burst; runs timers. How much was done. */
uint32_t load_begin(struct load *l);

/* A turn on queue l->id of a port; false: there was nothing to do. */
bool load_turn(struct load *l, struct port *p, usec_t now);

/* Earliest time at which load_begin() has work without a frame coming; false: never. */
bool load_next(const struct load *l, usec_t *at);
