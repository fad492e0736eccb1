/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's counters where other threads may read them: copied there by the
 * worker once in a while, each one whole, all of them from nearly one moment.
 * Readers take no lock and cost the worker nothing.
 */
#pragma once

#include <stdatomic.h>

#include "engine/base/stat.h"

struct stat_board {
	_Atomic uint64_t stats[STAT_COUNT];
};

static inline void stat_board_publish(struct stat_board *b, const uint64_t stats[STAT_COUNT])
{
	for (uint32_t i = 0; i < STAT_COUNT; i++)
		atomic_store_explicit(&b->stats[i], stats[i], memory_order_relaxed);
}

/* Adds the published counters to sum[]. */
static inline void stat_board_add(const struct stat_board *b, uint64_t sum[STAT_COUNT])
{
	for (uint32_t i = 0; i < STAT_COUNT; i++)
		sum[i] += atomic_load_explicit(&b->stats[i], memory_order_relaxed);
}
