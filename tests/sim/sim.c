/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Simulates seeds one after the other and reports in TAP, a hundred seeds to a
 * test case. A seed that fails is printed with the command that repeats it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/world.h"

#define GROUP 100 /* seeds to a test case */

struct options {
	uint64_t first, last;
	struct plan_wishes wishes;
	bool verbose, trace;
};

static int usage(void)
{
	fprintf(stderr,
		"usage: sim [--seed N | --seeds A-B] [--loss PERCENT] [--duplicate PERCENT]\n"
		"           [--reorder PERCENT] [--corrupt PERCENT] [--aborts] [--proxy]\n"
		"           [--starve] [--busy] [--shards N] [-v] [--trace]\n");
	return 2;
}

static bool parse_percent(const char *text, uint32_t *ppm)
{
	char *end;
	double percent = strtod(text, &end);

	*ppm = (uint32_t)(percent * 10000 + 0.5);
	return *end == '\0' && percent >= 0 && percent < 100;
}

static bool parse_seeds(const char *text, struct options *o)
{
	char *end;

	o->first = o->last = strtoull(text, &end, 10);
	if (*end == '-')
		o->last = strtoull(end + 1, &end, 10);
	return end != text && *end == '\0' && o->first <= o->last;
}

static bool take_option(int opt, const char *arg, struct options *o)
{
	struct plan_wishes *w = &o->wishes;

	switch (opt) {
	case 's':
		return parse_seeds(arg, o);
	case 'l':
		return parse_percent(arg, &w->drop_ppm);
	case 'd':
		return parse_percent(arg, &w->duplicate_ppm);
	case 'r':
		return parse_percent(arg, &w->reorder_ppm);
	case 'c':
		return parse_percent(arg, &w->corrupt_ppm);
	case 'w':
		w->shards = (uint32_t)atoi(arg);
		return w->shards >= 1 && w->shards <= WORLD_SHARDS;
	case 'a':
		return w->aborts = true;
	case 'p':
		return w->proxy = true;
	case 'b':
		return w->busy = true;
	case 'h':
		return w->starve = true;
	case 't':
		return o->trace = true;
	case 'v':
		return o->verbose = true;
	default:
		return false;
	}
}

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
	    {"seed", required_argument, NULL, 's'},
	    {"seeds", required_argument, NULL, 's'},
	    {"loss", required_argument, NULL, 'l'},
	    {"duplicate", required_argument, NULL, 'd'},
	    {"reorder", required_argument, NULL, 'r'},
	    {"corrupt", required_argument, NULL, 'c'},
	    {"aborts", no_argument, NULL, 'a'},
	    {"proxy", no_argument, NULL, 'p'},
	    {"starve", no_argument, NULL, 'h'},
	    {"busy", no_argument, NULL, 'b'},
	    {"shards", required_argument, NULL, 'w'},
	    {"trace", no_argument, NULL, 't'},
	    {NULL, 0, NULL, 0},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "v", longs, NULL)) != -1)
		if (!take_option(opt, optarg, o))
			return false;
	return optind == argc;
}

static void print_command(const struct options *o, uint64_t seed)
{
	const struct plan_wishes *w = &o->wishes;

	printf("# sim --seed %llu --loss %g --duplicate %g --reorder %g --corrupt %g --shards %u",
	       (unsigned long long)seed, w->drop_ppm / 10000.0, w->duplicate_ppm / 10000.0,
	       w->reorder_ppm / 10000.0, w->corrupt_ppm / 10000.0, w->shards);
	printf("%s%s%s%s\n", w->aborts ? " --aborts" : "", w->proxy ? " --proxy" : "",
	       w->starve ? " --starve" : "", w->busy ? " --busy" : "");
}

/* How each flow stands, for whoever looks into a failed seed. */
static void print_flows(const struct world *w)
{
	static const char *const kinds[] = {"stream", "echo", "discard"};

	for (uint32_t i = 0; i < w->plan->nb_flows; i++) {
		const struct flow *f = &w->peers.flows[i];

		printf("# flow %u: %s IPv%u from port %u at %u us\n", i, kinds[f->plan->kind],
		       f->plan->family, f->plan->lport, f->plan->start_us);
		for (int s = 0; s < 2; s++) {
			const struct side *x = &f->side[s];

			printf("#   %s: sent %llu of %u, received %llu%s%s%s%s%s, reason %s\n",
			       s ? "server" : "client", (unsigned long long)x->sent,
			       f->plan->side[s].total, (unsigned long long)x->received,
			       x->opened ? ", opened" : "", x->shut ? ", shut" : "",
			       x->eof ? ", eof" : "", x->ended ? ", ended" : "",
			       x->aborted ? ", aborted" : "", tcp_close_reason_name(x->reason));
		}
	}
	printf("# ended after %.6f s, %llu steps\n", (double)(w->now - w->begin) / 1e6,
	       (unsigned long long)w->steps);
}

static bool run_seed(struct world *w, struct mem_pool *pool, const struct options *o, uint64_t seed)
{
	struct plan plan;
	bool fine;

	plan_make(&plan, seed, &o->wishes);
	fine = world_run(w, &plan, pool, o->trace);
	if (!fine) {
		print_command(o, seed);
		printf("# %s\n", w->why);
	}
	if (o->verbose)
		print_flows(w);
	return fine;
}

int main(int argc, char **argv)
{
	struct options o = {.first = 1, .last = GROUP, .wishes = {.shards = 1}};
	struct mem_pool *pool;
	struct world *w;
	unsigned number = 0, bad = 0;

	if (!parse(argc, argv, &o))
		return usage();
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
