/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A benchmark's command line: whole numbers as --name=N, or --name N, and the two that all
 * have, --help and --json.
 */
#pragma once

#include "engine/base/compiler.h"

struct option {
	const char *name, *help;
	uint64_t *value; /* holds the default, gets what is given */
	uint64_t min, max;
};

struct options {
	const char *bench, *what; /* its name, and a sentence on what it measures */
	const struct option *list;
	uint32_t count;
	bool json; /* out: lines of JSON are wanted */
};

/* Takes the command line apart. Ends the program: after --help with 0, after anything that
 * it does not understand with 2 and a message. */
void options_parse(struct options *o, int argc, char **argv);
