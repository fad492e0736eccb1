/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/cpu_share.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#define WINDOW_US  20000    /* several turns of the scheduler */
#define WINDOWS    5	    /* in a row have to be alike: others that come and go do not count */
#define LOST_SHARE 8	    /* one in so many of the time is much */
#define STAY_US    500000   /* until it is tried without, the first time; */
#define STAY_MAX   10000000 /* each time in vain makes it twice as long, up to this */

static void begin_window(struct cpu_share *s, usec_t now, uint64_t waited_us)
{
	s->window_at = now;
	s->window_waited_us = waited_us;
}

void cpu_share_init(struct cpu_share *s, bool wanted, bool alone, usec_t now, uint64_t waited_us)
{
	*s = (struct cpu_share){
	    .state = wanted ? CPU_SHARE_OWN : CPU_SHARE_OFF,
	    .alone = alone,
	    .schedstat = -1,
	    .stay_us = STAY_US,
	};
	begin_window(s, now, waited_us);
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

static enum cpu_share_state judge_own(struct cpu_share *s, usec_t now, uint64_t waited_us)
{
	uint64_t much = (now - s->window_at) / LOST_SHARE;

	if (waited_us - s->window_waited_us > much) {
		s->busy_windows++;
	} else {
		s->busy_windows = 0;
		s->stay_us = STAY_US;
	}
	begin_window(s, now, waited_us);
	if (s->busy_windows < WINDOWS)
		return CPU_SHARE_OWN;
	s->busy_windows = 0;
	s->until = now + s->stay_us;
	s->stay_us = MIN(2 * s->stay_us, (usec_t)STAY_MAX);
	return s->alone ? CPU_SHARE_SHARED : CPU_SHARE_REFUSED;
}

enum cpu_share_state cpu_share_judge(struct cpu_share *s, usec_t now, uint64_t waited_us)
{
	if (cpu_share_state(s) == CPU_SHARE_OWN)
		return judge_own(s, now, waited_us);
	/* One window tells, if it is as before. */
	s->busy_windows = WINDOWS - 1;
	begin_window(s, now, waited_us);
	return CPU_SHARE_OWN;
}

/* Who started us with another policy than the usual one had reasons. */
static bool priority_is_ours(void)
{
	return sched_getscheduler(0) == SCHED_OTHER;
}

/* For a CPU that other threads had. What a hypervisor takes, or a timer is late, is not among it:
 * of that no other thread had anything, and naps would not help. 0: the kernel does not say. */
static uint64_t waited_so_far_us(const struct cpu_share *s)
{
	uint64_t ran_ns, waited_ns;
	char text[64];
	ssize_t n = s->schedstat < 0 ? -1 : pread(s->schedstat, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	if (sscanf(text, "%" SCNu64 " %" SCNu64, &ran_ns, &waited_ns) != 2)
		return 0;
	return waited_ns / 1000;
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
	cpu_share_init(s, wanted && priority_is_ours(), alone, now, 0);
	s->schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	begin_window(s, now, waited_so_far_us(s));
}

void cpu_share_look(struct cpu_share *s, usec_t now)
{
	enum cpu_share_state was = cpu_share_state(s), is;

	if (!cpu_share_is_due(s, now))
		return;
	is = cpu_share_judge(s, now, waited_so_far_us(s));
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
	if (s->schedstat >= 0)
		close(s->schedstat);
	s->schedstat = -1;
	atomic_store_explicit(&s->state, CPU_SHARE_OFF, memory_order_relaxed);
}
