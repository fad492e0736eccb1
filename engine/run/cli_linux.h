/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters by the names that Linux has for what they count, as nstat(8) prints them, for those
 * who know these and for the tools that read them.
 */
#pragma once

#include "engine/run/cli_show.h"

/* {Linux' name: value} of {our name: value}, which it frees; NULL: no memory. */
json_t *linux_counters(json_t *counters);

/* {Linux' name: the counters that it is the sum of}. The caller frees it; NULL: no memory. */
json_t *linux_explanations(void);

/* As nstat -a, a line each: name, value, and a rate, which is 0.0. */
void show_linux_counters(FILE *out, const json_t *counters, const struct show_counters *which);
