/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long turns of the worker take while millions of timers run out together: idle connections
 * whose timeout has come for all of them at once, and a thousand others whose requests go on.
 * Each turn handles so many timers at most; the rest of them wait, the requests do not.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "bench/crowd.h"
#include "bench/options.h"
#include "bench/result.h"
#include "bench/whole.h"
#include "engine/run/turn_times.h"

#define REQUESTERS 1000
#define FEW        1000 /* timers to compare with */
#define TIMEOUT_US (600ull * 1000000)
#define MARGIN_US  (5ull * 1000000) /* before the first timer runs out: for the quiet turns */

static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

static void start(struct bench *b, uint32_t nb)
{
	char yaml[1024];

	snprintf(yaml, sizeof(yaml),
		 "workers: {count: 1}\n"
		 "memory: {connections: %u, half_open: 65536, time_wait: 1024, transfers: 65536, "
		 "sessions: 64, buffers: 8192}\n" PEER_PORT "tcp: {idle_timeout: %u}\n" PEER_HTTP,
		 nb + 64, (uint32_t)(TIMEOUT_US / 1000000));
	bench_init_lazily(b, yaml, true, 0);
}

/* What a phase is measured by. */
struct phase {
	const char *name;
	struct turn_times times;
	uint64_t spoilt; /* turns that are not in them: another process had the CPU meanwhile */
	uint64_t requests, expired, before_requests, before_expired;
};

static void phase_begin(struct phase *p, const char *name, struct bench *b)
{
	*p = (struct phase){.name = name,
			    .before_requests = b->sh->stats[STAT_http_requests],
			    .before_expired = b->sh->stats[STAT_idle_expired]};
}

static void phase_end(struct phase *p, struct bench *b)
{
	p->requests = b->sh->stats[STAT_http_requests] - p->before_requests;
	p->expired = b->sh->stats[STAT_idle_expired] - p->before_expired;
}

static void print(const struct options *o, const struct phase *p, uint64_t timers, uint64_t budget)
{
	static const char *const keys[TURN_QUANTILES] = {"turn_us_p50", "turn_us_p99",
							 "turn_us_p99_9"};
	double us = 1e6 / bench_tsc_hz();
	struct turn_summary s;
	struct result r;

	turn_times_read(&p->times, &s);
	result_begin(&r, o->json, o->bench);
	result_count(&r, "timers", timers);
	result_word(&r, "phase", p->name);
	result_count(&r, "budget", budget);
	result_count(&r, "turns", s.turns);
	result_count(&r, "spoilt", p->spoilt);
	result_count(&r, "requests", p->requests);
	result_count(&r, "expired", p->expired);
	for (uint32_t q = 0; q < TURN_QUANTILES; q++)
		result_number(&r, keys[q], (double)s.cycles[q] * us, 1);
	result_number(&r, "turn_us_max", (double)s.max_cycles * us, 1);
	result_end(&r);
}

/* How often the CPU was given to others in the middle of something. */
static long preemptions(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return u.ru_nivcsw;
}

/* Two turns: requests, and the ACKs of their answers. */
static void exchange_once(struct crowd *c, struct bench *b, struct phase *p)
{
	long before = preemptions();

	crowd_exchange(c, b);
	if (preemptions() != before) {
		p->spoilt += 2;
		return;
	}
	for (uint32_t i = 0; i < 2; i++)
		turn_times_add(&p->times, b->took[i], true);
}

/* Requests for so many turns, 0: until the requesters are the only ones left. */
static void exchange(struct crowd *c, struct bench *b, struct phase *p, uint64_t turns)
{
	uint64_t asked = 0, served = b->sh->stats[STAT_http_requests];

	for (uint64_t i = 0; turns ? i < turns : b->sh->conns.used > c->nb; i += 2) {
		exchange_once(c, b, p);
		asked += CROWD_BATCH;
	}
	if (b->sh->stats[STAT_http_requests] - served != asked)
		bench_die("of %llu requests %llu were answered", (unsigned long long)asked,
			  (unsigned long long)(b->sh->stats[STAT_http_requests] - served));
}

static void measure(const struct options *o, uint32_t timers, uint32_t budget, uint64_t turns)
{
	struct phase phase;
	struct crowd c;
	struct bench b;
	usec_t first, last;

	crowd_init(&c, REQUESTERS, request, sizeof(request) - 1, true);
	start(&b, timers + REQUESTERS);
	b.timer_budget = budget;
	first = b.now;
	peer_connect(&b, REQUESTERS, timers, NULL, NULL);
	last = b.now;
	b.now = first + TIMEOUT_US - MARGIN_US;
	crowd_connect(&c, &b);
	phase_begin(&phase, "warm-up", &b);
	exchange(&c, &b, &phase, turns);
	phase_begin(&phase, "quiet", &b);
	exchange(&c, &b, &phase, turns);
	phase_end(&phase, &b);
	print(o, &phase, timers, budget);
	/* All of them are due now. */
	b.now = last + TIMEOUT_US + MARGIN_US;
	phase_begin(&phase, "storm", &b);
	exchange(&c, &b, &phase, 0);
	phase_end(&phase, &b);
	if (phase.expired != timers)
		bench_die("%llu of %u timers have run out", (unsigned long long)phase.expired,
			  timers);
	print(o, &phase, timers, budget);
	bench_fini(&b);
	crowd_fini(&c);
}

int loop_main(int argc, char **argv)
{
	uint64_t timers = 10000000, budget = BENCH_TIMER_BUDGET, turns = 20000;
	const struct option list[] = {
	    {"timers", "that run out together, after a run with 1000", &timers, FEW, 100000000},
	    {"budget", "of them that a turn handles at most", &budget, 1, 400},
	    {"turns", "without a timer that is due, before", &turns, 100, 200000},
	};
	struct options o = {.bench = "loop",
			    .what = "turns of the worker while millions of timers run out at once",
			    .list = list,
			    .count = ARRAY_SIZE(list)};

	options_parse(&o, argc, argv);
	measure(&o, FEW, (uint32_t)budget, turns);
	if (timers > FEW)
		measure(&o, (uint32_t)timers, (uint32_t)budget, turns);
	return 0;
}
