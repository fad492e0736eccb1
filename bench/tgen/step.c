/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/tgen/step.h"

/* Started may be as much below the rate: the clock's grain and the ends of a step. */
#define OFFERED_SHARE 0.98

void steps_init(struct steps *s, const struct plan *plan)
{
	*s = (struct steps){.plan = plan};
}

static bool next_of_ramp(struct steps *s, struct step *out)
{
	const struct plan_ramp *r = &s->plan->ramp;
	int64_t width = (int64_t)(r->to - r->from);

	if (s->taken == r->steps)
		return false;
	out->rate = (uint64_t)((int64_t)r->from + width * s->taken / (r->steps - 1));
	out->hold_us = r->hold_us;
	return true;
}

/* The lower end first, then the upper one, then the middle of what is left. */
static bool next_of_search(struct steps *s, struct step *out)
{
	const struct plan_search *r = &s->plan->search;

	out->hold_us = r->hold_us;
	if (s->taken == 0)
		out->rate = r->from;
	else if (s->low == 0)
		return false;
	else if (s->high == 0 && s->low < r->to)
		out->rate = r->to;
	else if (s->high == 0 ||
		 (double)(s->high - s->low) <= (double)s->low * r->precision_ppm / 1e6)
		return false;
	else
		out->rate = s->low + (s->high - s->low) / 2;
	return out->rate != s->low;
}

bool steps_next(struct steps *s, struct step *out)
{
	bool any = s->taken == 0;

	if (s->plan->ramp.on)
		any = next_of_ramp(s, out);
	else if (s->plan->search.on)
		any = next_of_search(s, out);
	else
		*out = (struct step){.rate = s->plan->rate, .hold_us = s->plan->duration_us};
	s->taken += any;
	return any;
}

void steps_judge(struct steps *s, const struct step *step, double loss, double offered)
{
	if (!s->plan->search.on)
		return;
	if (loss * 1e6 <= s->plan->search.loss_ppm && offered >= (double)step->rate * OFFERED_SHARE)
		s->low = step->rate;
	else
		s->high = step->rate;
}

uint64_t steps_found(const struct steps *s)
{
	return s->low;
}
