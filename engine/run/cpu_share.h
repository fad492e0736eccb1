/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's manners on a CPU that others need as well: most of all the kernel's threads that
 * bring the frames of its own interfaces. Who polls there takes turns of milliseconds with them,
 * as a time-sharing scheduler has it, and for so long every frame waits. So a worker that was
 * kept waiting by them for much of the time, a tenth of a second long, becomes a real-time thread
 * of the lowest priority (SCHED_FIFO), which goes on at once whenever it wants to, and in return
 * lies down for a moment after each turn. What the others have to do for it is done then. Half a
 * second later it tries how things are without, and after longer and longer times if they are as
 * before: what came and went costs little, and what stays is seldom felt.
 *
 * Workers that may be on one CPU together do no such thing: one that had interrupted another in
 * the middle of a ring's or the buffer pool's operation would wait for its end, at a priority at
 * which that one never runs.
 *
 * Decisions need no system call and are made in any time that the caller says it is. A worker's
 * own thread alone calls these functions; other threads may read cpu_share_state().
 */
#pragma once

#include <stdatomic.h>

#include "engine/base/compiler.h"
#include "engine/base/tick.h"

#define CPU_SHARE_NAP_US   20 /* asked for after a turn: others go on for as long at least, */
#define CPU_SHARE_NAP_PART 8  /* and for such a part of a turn that was long */

enum cpu_share_state {
	CPU_SHARE_OWN,	   /* it seems to have the CPU for itself */
	CPU_SHARE_SHARED,  /* real-time priority, and naps */
	CPU_SHARE_OFF,	   /* it is not to share it, or was started with a policy of its own */
	CPU_SHARE_REFUSED, /* others want the CPU, and real-time priority is not to be had */
};

struct cpu_share {
	_Atomic uint32_t state; /* enum cpu_share_state */
	bool alone;		/* no other worker of this process can be on its CPU */
	unsigned long slack_ns; /* timer slack that the thread had before it shared */
	int schedstat;		/* where the kernel says how long it has waited, -1: nowhere */
	usec_t window_at;	/* a look at the CPU's use begins, */
	uint64_t window_waited_us; /* the thread had waited so long for it by then */
	uint32_t busy_windows;	/* so many in a row before this one were others' in good part */
	usec_t until;		/* in CPU_SHARE_SHARED: when to try without */
	usec_t stay_us;		/* how long to be in it the next time */
};

/* At the thread's begin, by its clock and the time that it has waited for a CPU that others had.
 * wanted: it may share; alone: with no other worker. */
void cpu_share_init(struct cpu_share *s, bool wanted, bool alone, usec_t now, uint64_t waited_us);

/* The same for the calling thread. */
void cpu_share_start(struct cpu_share *s, bool wanted, bool alone, usec_t now);

/* Whether there is something to judge. */
bool cpu_share_is_due(const struct cpu_share *s, usec_t now);

/* What it should be in from now on, when it is due; the caller sees to it that it is. */
enum cpu_share_state cpu_share_judge(struct cpu_share *s, usec_t now, uint64_t waited_us);

/* Once a millisecond or so: judges, and changes the calling thread's priority. */
void cpu_share_look(struct cpu_share *s, usec_t now);

/* Gives the calling thread the priority back that it began with: it naps no longer. */
void cpu_share_end(struct cpu_share *s);

static ALWAYS_INLINE enum cpu_share_state cpu_share_state(const struct cpu_share *s)
{
	return (enum cpu_share_state)atomic_load_explicit(&s->state, memory_order_relaxed);
}

/* How long to sleep after a turn, in CPU_SHARE_SHARED. */
static inline usec_t cpu_share_nap_us(usec_t turn_us)
{
	return MAX(turn_us / CPU_SHARE_NAP_PART, (usec_t)CPU_SHARE_NAP_US);
}
