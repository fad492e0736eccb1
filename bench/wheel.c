/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The timing wheel with many timers armed: arming, moving, cancelling one chosen at random,
 * and a turn of a millisecond in which some expire and are armed anew.
 */
#include "bench/harness.h"
#include "bench/options.h"
#include "bench/result.h"
#include "engine/base/wheel.h"

#define SPAN 120000 /* ticks that deadlines are spread over: two minutes */

struct timers {
	struct wheel wheel;
	struct wheel_node *nodes;
	uint64_t random, fired;
};

static uint32_t any(struct timers *t, uint32_t n)
{
	t->random = t->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((t->random >> 33) % n);
}

static void expired(void *ctx, uint32_t index)
{
	struct timers *t = ctx;

	t->fired++;
	wheel_arm(&t->wheel, index, t->wheel.now + 1 + any(t, SPAN));
}

static uint64_t arm_all(struct timers *t, uint32_t nb)
{
	uint64_t start = bench_tsc();

	for (uint32_t i = 1; i <= nb; i++)
		wheel_arm(&t->wheel, i, t->wheel.now + 1 + any(t, SPAN));
	return bench_tsc() - start;
}

static uint64_t move(struct timers *t, uint32_t nb, uint64_t times)
{
	uint64_t start = bench_tsc();

	for (uint64_t i = 0; i < times; i++)
		wheel_arm(&t->wheel, 1 + any(t, nb), t->wheel.now + 1 + any(t, SPAN));
	return bench_tsc() - start;
}

static uint64_t cancel_and_arm(struct timers *t, uint32_t nb, uint64_t times)
{
	uint64_t start = bench_tsc();

	for (uint64_t i = 0; i < times; i++) {
		uint32_t index = 1 + any(t, nb);

		wheel_cancel(&t->wheel, index);
		wheel_arm(&t->wheel, index, t->wheel.now + 1 + any(t, SPAN));
	}
	return bench_tsc() - start;
}

/* Cycles for `ticks` milliseconds; *worst: of the longest one. */
static uint64_t turns(struct timers *t, uint32_t ticks, uint64_t *worst)
{
	uint64_t sum = 0;

	*worst = 0;
	for (uint32_t i = 0; i < ticks; i++) {
		uint64_t start = bench_tsc(), took;

		wheel_run(&t->wheel, t->wheel.now + 1, UINT32_MAX, expired, t);
		took = bench_tsc() - start;
		sum += took;
		*worst = MAX(*worst, took);
	}
	return sum;
}

int main(int argc, char **argv)
{
	uint64_t nb = 1000000, times = 5000000, ticks = 2000, arm, moved, cancelled, ran, worst;
	const struct option list[] = {
	    {"timers", "that are armed", &nb, 1000, 100000000},
	    {"times", "that one is moved, or cancelled", &times, 1000, 10000000000},
	    {"ticks", "milliseconds that pass", &ticks, 10, 1000000},
	};
	struct options o = {.bench = "wheel",
			    .what = "cycles of the timing wheel's operations",
			    .list = list,
			    .count = ARRAY_SIZE(list)};
	struct timers t = {.random = 1};
	struct result r;
	size_t bytes;

	options_parse(&o, argc, argv);
	bytes = (nb + 1) * sizeof(*t.nodes);
	t.nodes = bench_memory(bytes);
	wheel_init(&t.wheel, t.nodes, sizeof(*t.nodes), 0);
	arm_all(&t, (uint32_t)nb); /* pages are there from now on */
	arm = arm_all(&t, (uint32_t)nb);
	moved = move(&t, (uint32_t)nb, times);
	cancelled = cancel_and_arm(&t, (uint32_t)nb, times);
	ran = turns(&t, (uint32_t)ticks, &worst);
	if (t.wheel.armed != nb)
		bench_die("%u of %u timers are armed", t.wheel.armed, (uint32_t)nb);
	result_begin(&r, o.json, o.bench);
	result_count(&r, "timers", nb);
	result_number(&r, "cycles_per_arm", (double)arm / (double)nb, 0);
	result_number(&r, "cycles_per_move", (double)moved / (double)times, 0);
	result_number(&r, "cycles_per_cancel_and_arm", (double)cancelled / (double)times, 0);
	result_number(&r, "cycles_per_expiry", (double)ran / (double)MAX(t.fired, (uint64_t)1), 0);
	result_number(&r, "longest_turn_us", (double)worst * 1e6 / bench_tsc_hz(), 0);
	result_end(&r);
	bench_memory_free(t.nodes, bytes);
	return 0;
}
