/* SPDX-License-Identifier: BSD-3-Clause */
/* A script's lines: comments and blank lines dropped, includes resolved. */
#pragma once

#include <stdio.h>

#include "engine/base/compiler.h"

#define SCRIPT_DEPTH_MAX 4 /* includes within includes */

struct script_line {
	const char *file; /* one of script.files */
	int number;
	char *text;
};

struct script {
	struct script_line *lines;
	size_t nb_lines;
	char **files;
	size_t nb_files;
};

/* Reads a file; false: `why` (size bytes) says which file and what is wrong, and
 * what was read so far is to be freed all the same. */
bool script_load(struct script *s, const char *path, char *why, size_t size);

void script_free(struct script *s);
