/* SPDX-License-Identifier: BSD-3-Clause */
/* What the generator prints: a result line for each step, and progress meanwhile. */
#pragma once

#include "bench/tgen/plan.h"
#include "bench/tgen/tally.h"

/* A step that is over. */
struct outcome {
	uint32_t step;      /* counted from 1 */
	uint64_t rate;      /* asked for, PLAN_RATE_MAX: no limit */
	double seconds;     /* that were measured, without what was waited for afterwards */
	uint64_t rx_missed; /* frames that our own port has dropped */
	struct tally run;   /* at the end of these */
	struct tally total; /* and of the wait */
};

/* Started in a second. */
double outcome_offered(const struct outcome *o);

/* The share of what was begun that did not end as it should; 0 to 1. */
double outcome_loss(const struct outcome *o, const struct plan *plan);

void show_outcome(const struct outcome *o, const struct plan *plan, bool json);

/* The last line of a search; `rate` 0: none was good. */
void show_found(uint64_t rate, const struct plan *plan, bool json);

/* A line on stderr: what was counted between two looks that lie `seconds` apart. */
void show_progress(const struct tally *before, const struct tally *now, double seconds,
		   const struct plan *plan);
