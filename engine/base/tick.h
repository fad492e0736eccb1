/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time as the core sees it. No clock is read here or anywhere in the core: the
 * worker samples one once a turn and passes it down, so a turn never sees two
 * times, and tests own time altogether.
 */
#pragma once

#include "engine/base/compiler.h"

/* Microseconds since an arbitrary origin; 64 bits do not wrap in practice. */
typedef uint64_t usec_t;

/* Milliseconds, modulo 2^32: wraps after 49.7 days, compare only with tick_*(). */
typedef uint32_t tick_t;

#define USEC_PER_TICK 1000u
#define TICKS_PER_SEC 1000u

static inline tick_t tick_of(usec_t us)
{
	return (tick_t)(us / USEC_PER_TICK);
}

/* True when `now` is at or after `deadline`; the two lie within 2^31 ticks. */
static inline bool tick_reached(tick_t now, tick_t deadline)
{
	return (int32_t)(now - deadline) >= 0;
}

static inline bool tick_before(tick_t a, tick_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline tick_t tick_min(tick_t a, tick_t b)
{
	return tick_before(a, b) ? a : b;
}
