/* SPDX-License-Identifier: BSD-3-Clause */
/* A shard on its own, with an address of each family on one port and a listener on port 80: for
 * tests of what a shard computes rather than what it sends. */
#pragma once

#include "tests/lib/rig.h"

struct solo {
	struct testconf tc;
	struct mem_pool *pool;
	struct rig rig;
	struct shard *sh;
};

/* Local address 0 is 192.0.2.1/24, 1 is 2001:db8::1/64. `seed`, `now`: as rig_init(). */
void solo_start(struct solo *s, uint64_t seed, usec_t now);
void solo_stop(struct solo *s);
