/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulator's command line, and the line that repeats a seed. */
#pragma once

#include "tests/sim/plan.h"

struct options {
	uint64_t first, last; /* seeds */
	struct plan_wishes wishes;
	bool mix; /* the seed decides the wishes as well */
	bool verbose, trace;
	uint32_t minutes; /* go on behind `last` for so long, 0: do not */
};

/* False: the arguments are wrong, and how they should be has been printed. */
bool options_parse(struct options *o, int argc, char **argv);

/* Prints the command that repeats this seed alone. */
void options_print(const struct options *o, uint64_t seed);
