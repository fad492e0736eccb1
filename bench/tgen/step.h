/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rates of a run, one after the other: a single one, a ramp's, or those that
 * the search for the highest rate without loss tries by bisection. Pure.
 */
#pragma once

#include "bench/tgen/plan.h"

struct step {
	uint64_t rate;  /* PLAN_RATE_MAX: no limit */
	usec_t hold_us; /* 0: until a signal, or all connections were started */
};

struct steps {
	const struct plan *plan;
	uint32_t taken;
	uint64_t low, high; /* search: the highest good rate, the lowest bad one; 0: none yet */
};

void steps_init(struct steps *s, const struct plan *plan);

/* The next step; false: there is none. After each one steps_judge(). */
bool steps_next(struct steps *s, struct step *out);

/* How the last step went: the share that was lost, and what was really started in a second.
 * A rate that the generator itself did not reach counts as too high. */
void steps_judge(struct steps *s, const struct step *step, double loss, double offered);

/* The highest good rate of a search; 0: none was. */
uint64_t steps_found(const struct steps *s);
