/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the engine's answers to text for people. Rows and objects are those of
 * docs/operations.md; missing or mistyped members read as 0 or "".
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "engine/run/cli_table.h"

/* Connections, listeners among them, as ss -tano prints them. */
void show_connections_start(struct table *t, FILE *out);
void show_connection(struct table *t, const json_t *row, bool internal);

/* `internal`: a line below each with its counters, by Linux' names (nstat). */
void show_listeners(FILE *out, const json_t *rows, bool internal);
void show_pools(FILE *out, const json_t *pools);
void show_objects(FILE *out, const json_t *objects);
void show_ports(FILE *out, const json_t *rows);
void show_workers(FILE *out, const json_t *rows);
void show_sources(FILE *out, const json_t *rows);
void show_lists(FILE *out, const json_t *lists);
void show_info(FILE *out, const json_t *info);

/* Which counters to print: those whose name fits one of the shell patterns. */
struct show_counters {
	char *const *patterns;
	int nb_patterns; /* 0: every name */
	bool zero;       /* also those that are 0 and not named in full */
};

/* Zeros are left out, unless all are wanted or this one is asked for by its whole name. */
bool is_wanted(const struct show_counters *which, const char *name, uint64_t v);

void show_counters(FILE *out, const json_t *counters, const struct show_counters *which);

/* The first of the patterns that fits no name in {name: ...}; NULL: each fits one. */
const char *unfit_pattern(const struct show_counters *which, const json_t *counters);

/* Takes out of {name: ...} what no pattern fits; zeros stay. */
void keep_counters(json_t *counters, const struct show_counters *which);

/* What was added between two readings, in all and per second. */
void show_rates(FILE *out, const json_t *before, const json_t *after, double seconds,
		const struct show_counters *which);

/* What each counter of this version counts, {name: text}. The caller frees it;
 * NULL: no memory. */
json_t *explanations(void);
void show_explanations(FILE *out, const json_t *texts, const struct show_counters *which);

/* Rows of backends, as the engine gives them, by pool: [{name, sessions, limit,
 * backends: [...]}]. The caller frees it; NULL: no memory. */
json_t *group_pools(const json_t *rows);

#define SHOW_TIME_MAX 32

/* Milliseconds as ss(8) writes them: "204ms", "1.234sec", "12sec", "1min23sec",
 * "12min". Returns buf. */
const char *show_time(char buf[SHOW_TIME_MAX], uint64_t ms);
