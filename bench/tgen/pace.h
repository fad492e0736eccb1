/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When to start what. At a rate, starts are due at even distances whatever
 * happened to those before, and latency counts from when one was due: a server
 * that stalls is charged for all who had to wait (no coordinated omission).
 */
#pragma once

#include "engine/base/tick.h"

#define PACE_FRACTION 16 /* bits behind the microsecond: room for 9 years of uptime */

struct pace {
	uint64_t next;   /* when the next start is due */
	uint64_t period; /* from one to the next; 0: as fast as it goes */
	bool on;
};

/* `rate`: starts per second of all `workers`, one of which this is; 0: no limit. */
static inline void pace_begin(struct pace *p, uint64_t rate, uint16_t workers, usec_t now)
{
	p->next = now << PACE_FRACTION;
	p->period = rate ? (((uint64_t)workers * 1000000) << PACE_FRACTION) / rate : 0;
	p->on = true;
}

/* True when a start is due. */
static ALWAYS_INLINE bool pace_is_due(const struct pace *p, usec_t now)
{
	return p->on && (p->period == 0 || p->next >> PACE_FRACTION <= now);
}

/* Takes the start that is due; when it was. */
static ALWAYS_INLINE usec_t pace_take(struct pace *p, usec_t now)
{
	usec_t at = p->period ? p->next >> PACE_FRACTION : now;

	p->next += p->period;
	return at;
}
