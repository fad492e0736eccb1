/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Simulates seeds one after the other and reports in TAP, a hundred seeds to a
 * test case. A seed that fails is printed with the command that repeats it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/options.h"
#include "tests/sim/show.h"
#include "tests/sim/world.h"

#define GROUP 100 /* seeds to a test case */

static bool run_seed(struct world *w, struct mem_pool *pool, const struct options *o, uint64_t seed)
{
	struct plan_wishes wishes = o->wishes;
	struct plan plan;
	bool fine;

	if (o->mix)
		plan_mix(&wishes, seed);
	plan_make(&plan, seed, &wishes);
	fine = world_run(w, &plan, pool, o->trace);
	if (!fine) {
		options_print(o, seed);
		printf("# %s\n", w->why);
	}
	if (o->verbose)
		show_world(w);
	return fine;
}

int main(int argc, char **argv)
{
	struct options o;
	struct mem_pool *pool;
	struct world *w;
	unsigned number = 0, bad = 0;

	if (!options_parse(&o, argc, argv))
		return 2;
	w = malloc(sizeof(*w));
	if (!w)
		return 2;
	pool = world_pool();
	printf("1..%llu\n", (unsigned long long)((o.last - o.first) / GROUP + 1));
	for (uint64_t seed = o.first; seed <= o.last; seed += GROUP) {
		uint64_t end = MIN(seed + GROUP - 1, o.last);
		bool fine = true;

		for (uint64_t s = seed; s <= end; s++)
			fine &= run_seed(w, pool, &o, s);
		printf("%s %u - seeds %llu to %llu\n", fine ? "ok" : "not ok", ++number,
		       (unsigned long long)seed, (unsigned long long)end);
		fflush(stdout);
		bad += !fine;
	}
	mem_pool_destroy(pool);
	free(w);
	return bad ? 1 : 0;
}
