/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Simulates seeds one after the other and reports in TAP, a hundred seeds to a
 * test case. A seed that fails is printed with the command that repeats it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

/* A hundred seeds, or what is left of them; false: one has failed. */
static bool run_group(struct world *w, struct mem_pool *pool, const struct options *o,
		      uint64_t first, unsigned number, uint64_t attacked[ATTACK_AIMS])
{
	uint64_t end = o->minutes ? first + GROUP - 1 : MIN(first + GROUP - 1, o->last);
	bool fine = true;

	for (uint64_t seed = first; seed <= end; seed++) {
		fine &= run_seed(w, pool, o, seed);
		for (uint32_t i = 0; i < ATTACK_AIMS; i++)
			attacked[i] += w->attack.frames[i];
	}
	printf("%s %u - seeds %llu to %llu\n", fine ? "ok" : "not ok", number,
	       (unsigned long long)first, (unsigned long long)end);
	fflush(stdout);
	return fine;
}

/* An attack that hits nothing shows nothing. */
static bool verify_attack(const uint64_t frames[ATTACK_AIMS])
{
	printf("# forged frames: %llu about connections, %llu about half-open entries, "
	       "%llu about TIME_WAIT, %llu about nothing\n",
	       (unsigned long long)frames[ATTACK_CONN], (unsigned long long)frames[ATTACK_HALF],
	       (unsigned long long)frames[ATTACK_TIME_WAIT],
	       (unsigned long long)frames[ATTACK_NOBODY]);
	for (uint32_t i = 0; i < ATTACK_AIMS; i++)
		if (frames[i] == 0)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	struct options o;
	struct mem_pool *pool;
	struct world *w;
	uint64_t attacked[ATTACK_AIMS] = {0};
	unsigned number = 0, bad = 0;
	time_t end = time(NULL);

	if (!options_parse(&o, argc, argv))
		return 2;
	w = malloc(sizeof(*w));
	if (!w)
		return 2;
	end += o.minutes * 60;
	pool = world_pool();
	for (uint64_t seed = o.first; o.minutes ? time(NULL) < end : seed <= o.last; seed += GROUP)
		bad += !run_group(w, pool, &o, seed, ++number, attacked);
	if (o.wishes.attack && !verify_attack(attacked) &&
	    (o.minutes || o.last - o.first >= GROUP - 1)) {
		printf("not ok %u - the attack has hit something of every kind\n", ++number);
		bad++;
	}
	printf("1..%u\n", number);
	mem_pool_destroy(pool);
	free(w);
	return bad ? 1 : 0;
}
