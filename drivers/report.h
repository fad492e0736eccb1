/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the drivers tell the operator when something is opened: why it failed,
 * or what is not as asked for although it works. The caller prints both; the
 * drivers print nothing themselves.
 */
#pragma once

#include <stdio.h>

#include "engine/base/compiler.h"

#define REPORT_MAX 1024

/* Start from an all-zero one; both texts end in NUL and never in a newline. */
struct report {
	char error[REPORT_MAX];	 /* one line: what is wrong and what to do about it; "": nothing */
	char notice[REPORT_MAX]; /* lines separated by '\n', "": none */
};

/* Sets the error, overwriting an earlier one. Always returns false, so that a
 * failing function can end in `return report_error(...)`. */
bool report_error(struct report *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Adds one line to the notices; what no longer fits is cut off. */
void report_notice(struct report *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Prints the notices, each line behind "<program>: ", and forgets them. */
void report_print_notices(struct report *r, const char *program, FILE *out);

/* Puts "<prefix>: " in front of the error and of every notice. */
void report_prefix(struct report *r, const char *prefix);
