/* SPDX-License-Identifier: BSD-3-Clause */
/* Seeded random numbers for tests: the same seed gives the same run anywhere. */
#pragma once

#include "engine/base/compiler.h"

struct rng {
	uint64_t state;
};

/* splitmix64: every seed is a good one, 0 too. */
static inline uint64_t rng_u64(struct rng *r)
{
	uint64_t x = r->state += 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/* 0 .. n-1; n > 0. */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)((rng_u64(r) >> 32) * n >> 32);
}

/* lo .. hi, both included. */
static inline uint32_t rng_range(struct rng *r, uint32_t lo, uint32_t hi)
{
	return lo + (uint32_t)(rng_u64(r) % ((uint64_t)hi - lo + 1));
}

static inline void rng_fill(struct rng *r, void *dst, uint32_t len)
{
	for (uint8_t *p = dst; len--; p++)
		*p = (uint8_t)(rng_u64(r) >> 56);
}
