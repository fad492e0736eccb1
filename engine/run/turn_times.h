/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long a worker's turns take: a histogram of those that found something to do, log-linear
 * as HdrHistogram's with 16 steps to each doubling, so a time is kept to 6 %, and how the time
 * divides into those and the rest. Times are cycles of the time-stamp counter, from the
 * beginning of a turn to that of the next one or of the sleep before it.
 *
 * The worker alone writes, which costs it two additions and no locked instruction; other
 * threads read any time, each number whole.
 */
#pragma once

#include <stdatomic.h>

#include "engine/base/compiler.h"

#define TURN_STEP_BITS 4
#define TURN_STEPS     (1u << TURN_STEP_BITS)
#define TURN_BITS      40 /* longer turns, of minutes, count as 2^40 - 1 cycles */
#define TURN_SLOTS     ((TURN_BITS - TURN_STEP_BITS + 1) * TURN_STEPS)

struct turn_times {
	_Atomic uint64_t idle_cycles; /* of turns that found nothing, and of sleep */
	_Atomic uint64_t busy_cycles; /* of the others, */
	_Atomic uint64_t max_cycles;  /* of the longest one of these, */
	_Atomic uint64_t slots[TURN_SLOTS]; /* and how many of them took how long */
};

static ALWAYS_INLINE uint32_t turn_slot(uint64_t cycles)
{
	uint32_t shift;

	cycles = MIN(cycles, (1ull << TURN_BITS) - 1);
	shift = 63u - (uint32_t)__builtin_clzll(cycles | TURN_STEPS) - TURN_STEP_BITS;
	/* The first two rows of steps count single cycles. */
	return (shift << TURN_STEP_BITS) + (uint32_t)(cycles >> shift);
}

static ALWAYS_INLINE void turn_times_sum(_Atomic uint64_t *n, uint64_t more)
{
	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + more,
			      memory_order_relaxed);
}

/* A turn is over. By the worker only. */
static ALWAYS_INLINE void turn_times_add(struct turn_times *t, uint64_t cycles, bool busy)
{
	/* A thread that moves to another core may find its counter behind. */
	if (unlikely((int64_t)cycles < 0))
		return;
	if (!busy) {
		turn_times_sum(&t->idle_cycles, cycles);
		return;
	}
	turn_times_sum(&t->busy_cycles, cycles);
	turn_times_sum(&t->slots[turn_slot(cycles)], 1);
	if (unlikely(cycles > atomic_load_explicit(&t->max_cycles, memory_order_relaxed)))
		atomic_store_explicit(&t->max_cycles, cycles, memory_order_relaxed);
}

/* Quantiles that are told. */
enum turn_quantile { TURN_P50, TURN_P99, TURN_P99_9, TURN_QUANTILES };

struct turn_summary {
	uint64_t turns; /* that found something to do */
	uint64_t busy_cycles, idle_cycles, max_cycles;
	uint64_t cycles[TURN_QUANTILES]; /* upper end of the quantile's step, at most max_cycles */
};

/* Sums up what there is now; all 0 before the first turn. By any thread. */
void turn_times_read(const struct turn_times *t, struct turn_summary *out);
