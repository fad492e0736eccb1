/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's clock: the processor's cycle counter, scaled to microseconds and
 * set by the kernel's clock ten times a second. Reading it costs a multiply;
 * the kernel's clock is the truth. So it stays right when the machine was
 * suspended, when the counter's rate was measured badly, and when the thread
 * moved to a core whose counter reads differently. It never goes back.
 *
 * The counter's and the kernel's readings are arguments: no clock is read here.
 * One thread per clock.
 */
#pragma once

#include "engine/base/tick.h"

/* Kernel time in microseconds, time in suspend included (CLOCK_BOOTTIME). */
typedef usec_t (*run_clock_fn)(void);

struct run_clock {
	run_clock_fn kernel;
	uint64_t base_cycles;  /* counter at the last setting */
	uint64_t sync_cycles;  /* cycles until the next one */
	uint64_t us_per_cycle; /* times 2^32 */
	usec_t base_us;        /* time at the last setting */
	usec_t last_us;        /* what was read last */
};

/* `hz`: rate of the counter, at least 1 MHz; `cycles`: its reading now. */
void run_clock_init(struct run_clock *c, uint64_t hz, uint64_t cycles, run_clock_fn kernel);

/* Sets the clock by the kernel's and returns the time. */
usec_t run_clock_sync(struct run_clock *c, uint64_t cycles);

/* The time, given the counter's reading. */
static inline usec_t run_clock_read(struct run_clock *c, uint64_t cycles)
{
	uint64_t passed = cycles - c->base_cycles;
	usec_t now;

	/* A counter that went back, or was stopped and reset, passed by a lot. */
	if (unlikely(passed >= c->sync_cycles))
		return run_clock_sync(c, cycles);
	now = c->base_us + (passed * c->us_per_cycle >> 32);
	if (likely(now > c->last_us))
		c->last_us = now;
	return c->last_us;
}
