/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/cpu_share.h"

#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

#define WINDOW_US  20000    /* several turns of the scheduler */
#define WINDOWS    5	    /* in a row have to be alike: others that come and go do not count */
#define LOST_SHARE 8	    /* one in so many of what was wanted is much */
#define WAKE_US    200	    /* a sleep may take so much longer on an idle CPU */
#define SHARED_US  10000000 /* until it is tried without */

static void begin_window(struct cpu_share *s, usec_t now, uint64_t cpu_us)
{
	s->window_at = now;
	s->window_cpu_us = cpu_us;
	s->slept_us = 0;
}

void cpu_share_init(struct cpu_share *s, bool wanted, bool alone, usec_t now, uint64_t cpu_us)
{
	*s = (struct cpu_share){.state = wanted ? CPU_SHARE_OWN : CPU_SHARE_OFF, .alone = alone};
	begin_window(s, now, cpu_us);
}

void cpu_share_slept(struct cpu_share *s, usec_t asked_us, usec_t took_us)
{
	s->slept_us += MIN(took_us, asked_us + WAKE_US);
}

/* True when others had the CPU for much of the window in which the thread wanted it. */
static bool others_were_busy(const struct cpu_share *s, usec_t now, uint64_t cpu_us)
{
	uint64_t wall = now - s->window_at, own = cpu_us - s->window_cpu_us + s->slept_us;

	return own < wall && wall - own > wall / LOST_SHARE;
}

bool cpu_share_is_due(const struct cpu_share *s, usec_t now)
{
	switch (cpu_share_state(s)) {
	case CPU_SHARE_OWN:
		return now - s->window_at >= WINDOW_US;
	case CPU_SHARE_SHARED:
		return now >= s->until;
	default:
		return false;
	}
}

static enum cpu_share_state judge_own(struct cpu_share *s, usec_t now, uint64_t cpu_us)
{
	s->busy_windows = others_were_busy(s, now, cpu_us) ? s->busy_windows + 1 : 0;
	begin_window(s, now, cpu_us);
	if (s->busy_windows < WINDOWS)
		return CPU_SHARE_OWN;
	s->busy_windows = 0;
	s->until = now + SHARED_US;
	return s->alone ? CPU_SHARE_SHARED : CPU_SHARE_REFUSED;
}

enum cpu_share_state cpu_share_judge(struct cpu_share *s, usec_t now, uint64_t cpu_us)
{
	if (cpu_share_state(s) == CPU_SHARE_OWN)
		return judge_own(s, now, cpu_us);
	/* One window tells, if it is as before. */
	s->busy_windows = WINDOWS - 1;
	begin_window(s, now, cpu_us);
	return CPU_SHARE_OWN;
}

/* Who started us with another policy than the usual one had reasons. */
static bool priority_is_ours(void)
{
	return sched_getscheduler(0) == SCHED_OTHER;
}

static uint64_t thread_cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static bool begin_real_time(struct cpu_share *s)
{
	struct sched_param param = {.sched_priority = 1};

	s->slack_ns = (unsigned long)prctl(PR_GET_TIMERSLACK);
	return sched_setscheduler(0, SCHED_FIFO, &param) == 0;
}

/* Needs no privilege. */
static void end_real_time(const struct cpu_share *s)
{
	struct sched_param param = {.sched_priority = 0};

	sched_setscheduler(0, SCHED_OTHER, &param);
	/* Linux from 6.12 on has forgotten it by then. */
	prctl(PR_SET_TIMERSLACK, s->slack_ns);
}

void cpu_share_start(struct cpu_share *s, bool wanted, bool alone, usec_t now)
{
	cpu_share_init(s, wanted && priority_is_ours(), alone, now, thread_cpu_us());
}

void cpu_share_look(struct cpu_share *s, usec_t now)
{
	enum cpu_share_state was = cpu_share_state(s), is;

	if (!cpu_share_is_due(s, now))
		return;
	is = cpu_share_judge(s, now, thread_cpu_us());
	if (is == was)
		return;
	if (was == CPU_SHARE_SHARED)
		end_real_time(s);
	if (is == CPU_SHARE_SHARED && !begin_real_time(s))
		is = CPU_SHARE_REFUSED;
	atomic_store_explicit(&s->state, is, memory_order_relaxed);
}

void cpu_share_end(struct cpu_share *s)
{
	if (cpu_share_state(s) == CPU_SHARE_SHARED)
		end_real_time(s);
	atomic_store_explicit(&s->state, CPU_SHARE_OFF, memory_order_relaxed);
}
