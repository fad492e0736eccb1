/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many stateless connections are under way: begun less done, by the time of
 * their beginning, which every segment carries. What has not come back after
 * about a second counts as lost and makes room, so that losses do not close the
 * window bit by bit.
 */
#pragma once

#include "engine/base/tick.h"

#define WINDOW_SHIFT 16 /* a slot is 2^16 us */
#define WINDOW_SLOTS 32
#define WINDOW_LIVE  16 /* slots that count */

struct window {
	int64_t open;
	uint64_t limit; /* 0: none */
	uint16_t at;    /* the newest slot's number */
	int64_t slots[WINDOW_SLOTS];
};

static ALWAYS_INLINE bool window_is_live(const struct window *w, uint32_t us)
{
	return (uint16_t)(w->at - (us >> WINDOW_SHIFT)) < WINDOW_LIVE;
}

/* Brings the window to the time `us`, low 32 bits of microseconds as below. */
static inline void window_advance(struct window *w, uint32_t us)
{
	uint16_t ahead = (uint16_t)((us >> WINDOW_SHIFT) - w->at);

	if (likely(ahead == 0))
		return;
	if (ahead > WINDOW_SLOTS)
		w->at = (uint16_t)((us >> WINDOW_SHIFT) - WINDOW_SLOTS);
	while (w->at != (uint16_t)(us >> WINDOW_SHIFT)) {
		int64_t *old = &w->slots[(++w->at - WINDOW_LIVE) & (WINDOW_SLOTS - 1)];

		w->open -= *old;
		*old = 0;
	}
}

/* A connection that began at `us` is under way, or is done. */
static ALWAYS_INLINE void window_add(struct window *w, uint32_t us, int64_t n)
{
	if (likely(window_is_live(w, us))) {
		w->slots[(us >> WINDOW_SHIFT) & (WINDOW_SLOTS - 1)] += n;
		w->open += n;
	}
}

static ALWAYS_INLINE bool window_has_room(const struct window *w)
{
	return w->limit == 0 || w->open < (int64_t)w->limit;
}
