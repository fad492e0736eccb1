/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/clock.h"

#define SYNCS_PER_SEC 10

/* Timer wheels take jumps below 2^31 ms. After a longer suspend the clock
 * catches up in steps, one per setting. */
#define STEP_MAX_US ((usec_t)1000 << 30)

void run_clock_init(struct run_clock *c, uint64_t hz, uint64_t cycles, run_clock_fn kernel)
{
	*c = (struct run_clock){
	    .kernel = kernel,
	    .base_cycles = cycles,
	    .sync_cycles = hz / SYNCS_PER_SEC,
	    .us_per_cycle = (1000000ull << 32) / hz,
	    .base_us = kernel(),
	};
	c->last_us = c->base_us;
}

usec_t run_clock_sync(struct run_clock *c, uint64_t cycles)
{
	usec_t now = c->kernel();

	if (now < c->last_us)
		now = c->last_us;
	c->base_us = c->last_us = MIN(now, c->last_us + STEP_MAX_US);
	c->base_cycles = cycles;
	return c->base_us;
}
