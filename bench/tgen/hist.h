/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A histogram of latencies in microseconds, log-linear as HdrHistogram's: 64
 * steps to each doubling, so a value is kept to 1.6 %, from 1 us to 134 s.
 * Adding one costs a shift and a store. One writer; merged by whoever owns both.
 */
#pragma once

#include "engine/base/compiler.h"

#define HIST_STEP_BITS 6
#define HIST_STEPS     (1u << HIST_STEP_BITS)
#define HIST_BITS      27 /* larger values count as 2^27 - 1 */
#define HIST_SLOTS     ((HIST_BITS - HIST_STEP_BITS + 1) * HIST_STEPS)

struct hist {
	uint32_t max_us;
	uint64_t slots[HIST_SLOTS];
};

static ALWAYS_INLINE uint32_t hist_slot(uint32_t us)
{
	uint32_t shift;

	us = MIN(us, (1u << HIST_BITS) - 1);
	shift = 31u - (uint32_t)__builtin_clz(us | HIST_STEPS) - HIST_STEP_BITS;
	/* The first two rows of steps count single microseconds. */
	return (shift << HIST_STEP_BITS) + (us >> shift);
}

static ALWAYS_INLINE void hist_add(struct hist *h, uint32_t us)
{
	h->slots[hist_slot(us)]++;
	h->max_us = MAX(h->max_us, us);
}

/* Adds all of `from`. */
void hist_merge(struct hist *h, const struct hist *from);

uint64_t hist_count(const struct hist *h);

/* The value that `share` (0 to 1) of all are at or below: the upper end of its
 * step, and never above the largest value; 0 without any. */
uint32_t hist_quantile(const struct hist *h, double share);
