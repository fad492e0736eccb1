/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hashed hierarchical timing wheel (Varghese & Lauck, SOSP 1987, scheme 7):
 * four levels of 256 slots of 1, 2^8, 2^16 and 2^24 ticks, so every deadline
 * within 2^31 ticks has a slot and arming, moving and cancelling cost O(1).
 *
 * Nodes are embedded in pooled objects and linked by 32-bit index, so the wheel
 * itself is 4 KiB plus bitmaps. wheel_run() goes from occupied slot to occupied
 * slot (bitmaps skip the empty ones, however far time jumped) and empties each
 * before it moves on, firing what is due and filing lower what is not. When the
 * caller's budget runs out it stays where it is and goes on in the next turn,
 * so neither a mass expiry nor a cascade stalls a turn. Time is an argument;
 * jumps and deadlines are below 2^31 ticks. One thread.
 */
#pragma once

#include "engine/base/compiler.h"
#include "engine/base/tick.h"

#define WHEEL_LEVELS 4
#define WHEEL_BITS   8
#define WHEEL_SLOTS  (1u << WHEEL_BITS)

/* Embedded in the object; all zero means not armed. */
struct wheel_node {
	uint32_t next; /* index of the next object in the slot, 0 at the end */
	uint32_t prev; /* index of the previous one; head: slot number | WHEEL_HEAD; 0 unarmed */
	tick_t at;     /* deadline it was filed under; kept after it fired */
};

struct wheel {
	uint8_t *base;	      /* object i's node is at base + i * stride */
	int32_t stride;	      /* bytes; below 0: objects lie last to first */
	tick_t now;	      /* the tick whose slots are being emptied or are empty */
	uint32_t armed;	      /* nodes in slots */
	uint64_t occupied[WHEEL_LEVELS][WHEEL_SLOTS / 64];
	uint32_t slot[WHEEL_LEVELS][WHEEL_SLOTS];
};

/* Called for each expired node; it is unarmed already and may be armed again. */
typedef void (*wheel_fn)(void *ctx, uint32_t index);

/* Objects are indexed from 1; `nodes` is where object 0's node would be. */
void wheel_init(struct wheel *w, void *nodes, int32_t stride, tick_t now);

static inline struct wheel_node *wheel_node(const struct wheel *w, uint32_t index)
{
	return (struct wheel_node *)(void *)(w->base + (ptrdiff_t)index * w->stride);
}

static inline bool wheel_node_is_armed(const struct wheel_node *n)
{
	return n->prev != 0;
}

static inline bool wheel_is_armed(const struct wheel *w, uint32_t index)
{
	return wheel_node_is_armed(wheel_node(w, index));
}

/* Arms, or moves, object `index` to expire at `at`; a deadline at or before
 * wheel.now is taken as the next tick, so it never fires in the same turn. */
void wheel_arm(struct wheel *w, uint32_t index, tick_t at);

/* Unarms; no effect on a node that is not armed. */
void wheel_cancel(struct wheel *w, uint32_t index);

/* Advances to `now` (never back) and handles at most `budget` nodes; what is
 * left stays due for the next call. Returns the number of nodes handled. */
uint32_t wheel_run(struct wheel *w, tick_t now, uint32_t budget, wheel_fn fn, void *ctx);

/* Sets *at to a time by which wheel_run() must be called for nothing to be
 * late (exact for the lowest level, early for the others); false: none armed. */
bool wheel_next(struct wheel *w, tick_t *at);

/* Walks everything; true when links, bitmaps, slots and count agree. For tests. */
bool wheel_check(const struct wheel *w);
