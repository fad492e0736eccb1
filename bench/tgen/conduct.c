/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/tgen/conduct.h"

#include <time.h>

#include "bench/tgen/show.h"
#include "bench/tgen/step.h"

#define LOOK_US     20000 /* between two looks at the workers */
#define PROGRESS_US 1000000
#define FOREVER     UINT64_MAX

/* A run that goes on. */
struct conductor {
	struct crew *crew;
	const sigset_t *signals;
	bool json;
	bool stopped; /* by a signal */
	bool exhausted, idle;
	struct tally tally, shown;
	usec_t shown_at;
};

static void progress(struct conductor *c, usec_t now)
{
	if (c->json || now < c->shown_at + PROGRESS_US)
		return;
	show_progress(&c->shown, &c->tally, (double)(now - c->shown_at) / 1e6, c->crew->plan);
	c->shown = c->tally;
	c->shown_at = now;
}

static void look(struct conductor *c)
{
	crew_report(c->crew, &c->tally, &c->exhausted, &c->idle);
	progress(c, crew_now());
}

/* Until `until`, a signal, or everything was started. */
static void wait_until(struct conductor *c, usec_t until)
{
	for (usec_t now = crew_now(); now < until && !c->stopped && !c->exhausted;
	     now = crew_now()) {
		usec_t us = MIN(until - now, (usec_t)LOOK_US);
		struct timespec nap = {.tv_nsec = (long)us * 1000};

		c->stopped = sigtimedwait(c->signals, NULL, &nap) > 0;
		look(c);
	}
}

/* Time that `client` needs for its last retry, twice as long as its timers take: then
 * each connection has come to its end. */
static usec_t retries_us(const struct plan *plan)
{
	return (2000000ull << plan->retries) + plan->think_us;
}

/* Until nothing is under way, or for as long as that is worth waiting for. */
static void drain(struct conductor *c)
{
	const struct plan *plan = c->crew->plan;
	bool patient = plan->mode == PLAN_CLIENT && !c->stopped;
	usec_t now = crew_now();
	usec_t until = now + (patient ? MAX(plan->drain_us, retries_us(plan)) : plan->drain_us);

	for (; now < until && !c->idle; now = crew_now()) {
		struct timespec nap = {.tv_nsec = LOOK_US * 1000};

		if (sigtimedwait(c->signals, NULL, &nap) > 0) {
			c->stopped = true;
			return;
		}
		look(c);
	}
}

static void begin_count(struct conductor *c)
{
	crew_order(c->crew, CREW_COUNT, 0);
	c->shown = (struct tally){0};
	c->shown_at = crew_now();
}

/* Frames that the port has dropped so far for want of buffers or ring space. */
static uint64_t rx_missed(const struct conductor *c)
{
	struct port_stats s;

	c->crew->port->ops->stats(c->crew->port, &s);
	return s.rx_missed;
}

static void run_step(struct conductor *c, const struct step *s, struct outcome *o)
{
	uint64_t missed = rx_missed(c);
	usec_t begin = crew_now();

	begin_count(c);
	crew_order(c->crew, CREW_RUN, s->rate);
	wait_until(c, s->hold_us ? begin + s->hold_us : FOREVER);
	crew_order(c->crew, CREW_REST, 0);
	look(c);
	o->run = c->tally;
	o->seconds = (double)(crew_now() - begin) / 1e6;
	drain(c);
	look(c);
	o->total = c->tally;
	o->rx_missed = rx_missed(c) - missed;
}

static void warm_up(struct conductor *c, const struct step *first)
{
	c->shown_at = crew_now();
	crew_order(c->crew, CREW_RUN, first->rate);
	wait_until(c, crew_now() + c->crew->plan->warmup_us);
}

void conduct(struct crew *crew, const sigset_t *signals, bool json)
{
	struct outcome o;
	struct conductor c = {.crew = crew, .signals = signals, .json = json};
	struct steps steps;
	struct step s;

	steps_init(&steps, crew->plan);
	while (!c.stopped && !c.exhausted && steps_next(&steps, &s)) {
		o.step = steps.taken;
		o.rate = s.rate;
		if (o.step == 1 && crew->plan->warmup_us)
			warm_up(&c, &s);
		run_step(&c, &s, &o);
		show_outcome(&o, crew->plan, json);
		steps_judge(&steps, &s, outcome_loss(&o, crew->plan), outcome_offered(&o));
	}
	if (crew->plan->search.on)
		show_found(steps_found(&steps), crew->plan, json);
}
