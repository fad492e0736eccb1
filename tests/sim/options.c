/* SPDX-License-Identifier: BSD-3-Clause */
/* See options.h. One list says what there is; parsing and printing follow it. */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/options.h"
#include "tests/sim/world.h"

struct wish {
	const char *name;
	size_t offset; /* in struct plan_wishes */
	bool percent;  /* a uint32_t in parts per million; else a bool */
};

#define PERCENT(name, field)                                                                       \
	{                                                                                          \
		name, offsetof(struct plan_wishes, field), true                                    \
	}
#define FLAG(name, field)                                                                          \
	{                                                                                          \
		name, offsetof(struct plan_wishes, field), false                                   \
	}

static const struct wish wishes[] = {
    PERCENT("loss", drop_ppm),
    PERCENT("duplicate", duplicate_ppm),
    PERCENT("reorder", reorder_ppm),
    PERCENT("corrupt", corrupt_ppm),
    FLAG("aborts", aborts),
    FLAG("proxy", proxy),
    FLAG("starve", starve),
    FLAG("busy", busy),
    FLAG("alien-client", alien_client),
    FLAG("alien-server", alien_server),
    FLAG("narrow", narrow),
    FLAG("router", router),
    FLAG("reboots", reboots),
    FLAG("sources", sources),
    FLAG("attack", attack),
};

/* Values of getopt_long() for what is not a wish. */
enum { OPT_SEEDS = ARRAY_SIZE(wishes) + 1000, OPT_SHARDS, OPT_MIX, OPT_TRACE, OPT_MINUTES };
#define OPT_WISH 256 /* and the index of the wish */

static bool usage(void)
{
	fprintf(stderr,
		"usage: sim [--seeds N | --seeds A-B] [--minutes M] [--mix] [WISH...] [-v] "
		"[--trace]\n"
		"  --minutes M       from the first seed on, for so long\n"
		"  --mix             each seed decides for itself what happens, but for --attack\n"
		"wishes:\n"
		"  --loss, --duplicate, --reorder, --corrupt PERCENT   of all frames\n"
		"  --shards 1|2      of each engine\n"
		"  --proxy           an engine between client and server\n"
		"  --alien-client, --alien-server\n"
		"                    that end is a TCP of another kind; one node is an engine\n"
		"  --narrow          links have a rate and a queue\n"
		"  --router          links have an MTU of their own, which changes\n"
		"  --sources         connections of sources are counted, and limited beyond reach\n"
		"  --attack          engines are attacked by somebody who is not on the path\n"
		"  --aborts --reboots --starve --busy\n");
	return false;
}

static bool parse_percent(const char *text, uint32_t *ppm)
{
	char *end;
	double percent = strtod(text, &end);

	*ppm = (uint32_t)(percent * 10000 + 0.5);
	return *end == '\0' && end != text && percent >= 0 && percent < 100;
}

static bool parse_seeds(const char *text, struct options *o)
{
	char *end;

	o->first = o->last = strtoull(text, &end, 10);
	if (end == text)
		return false;
	if (*end == '-')
		o->last = strtoull(end + 1, &end, 10);
	return *end == '\0' && o->first <= o->last;
}

static bool parse_shards(const char *text, struct plan_wishes *w)
{
	w->shards = (uint32_t)atoi(text);
	return w->shards >= 1 && w->shards <= WORLD_SHARDS;
}

static bool take_wish(const struct wish *wish, const char *arg, struct plan_wishes *w)
{
	void *field = (char *)w + wish->offset;

	if (wish->percent)
		return parse_percent(arg, field);
	*(bool *)field = true;
	return true;
}

static bool take_option(int opt, const char *arg, struct options *o)
{
	if (opt >= OPT_WISH && opt < OPT_WISH + (int)ARRAY_SIZE(wishes))
		return take_wish(&wishes[opt - OPT_WISH], arg, &o->wishes);
	switch (opt) {
	case OPT_SEEDS:
		return parse_seeds(arg, o);
	case OPT_SHARDS:
		return parse_shards(arg, &o->wishes);
	case OPT_MIX:
		return o->mix = true;
	case OPT_TRACE:
		return o->trace = true;
	case OPT_MINUTES:
		o->minutes = (uint32_t)atoi(arg);
		return o->minutes > 0;
	case 'v':
		return o->verbose = true;
	default:
		return false;
	}
}

/* Who has only strangers has nothing to test. */
static bool has_engine(const struct plan_wishes *w)
{
	return w->proxy || !w->alien_client || !w->alien_server;
}

bool options_parse(struct options *o, int argc, char **argv)
{
	struct option longs[ARRAY_SIZE(wishes) + 6] = {
	    {"seeds", required_argument, NULL, OPT_SEEDS},
	    {"shards", required_argument, NULL, OPT_SHARDS},
	    {"mix", no_argument, NULL, OPT_MIX},
	    {"trace", no_argument, NULL, OPT_TRACE},
	    {"minutes", required_argument, NULL, OPT_MINUTES},
	};
	int opt;

	for (uint32_t i = 0; i < ARRAY_SIZE(wishes); i++)
		longs[i + 5] = (struct option){wishes[i].name,
					       wishes[i].percent ? required_argument : no_argument,
					       NULL, OPT_WISH + (int)i};
	*o = (struct options){.first = 1, .last = 100, .wishes = {.shards = 1}};
	while ((opt = getopt_long(argc, argv, "v", longs, NULL)) != -1)
		if (!take_option(opt, optarg, o))
			return usage();
	return (optind == argc && has_engine(&o->wishes)) || usage();
}

void options_print(const struct options *o, uint64_t seed)
{
	printf("# sim --seeds %llu", (unsigned long long)seed);
	if (o->mix) {
		printf(" --mix%s\n", o->wishes.attack ? " --attack" : "");
		return;
	}
	if (o->wishes.shards > 1)
		printf(" --shards %u", o->wishes.shards);
	for (uint32_t i = 0; i < ARRAY_SIZE(wishes); i++) {
		const void *field = (const char *)&o->wishes + wishes[i].offset;

		if (wishes[i].percent && *(const uint32_t *)field)
			printf(" --%s %g", wishes[i].name, *(const uint32_t *)field / 10000.0);
		if (!wishes[i].percent && *(const bool *)field)
			printf(" --%s", wishes[i].name);
	}
	printf("\n");
}
