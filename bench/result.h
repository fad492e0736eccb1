/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a benchmark prints: a line of key=value pairs behind its name, or a JSON object with
 * the name under "bench". Keys are stable: reports and other people's scripts read them.
 */
#pragma once

#include "engine/base/compiler.h"

struct result {
	bool json;
};

/* Begins a line. */
void result_begin(struct result *r, bool json, const char *bench);

void result_count(struct result *r, const char *key, uint64_t value);
/* With so many digits behind the point. */
void result_number(struct result *r, const char *key, double value, int digits);
/* A word: letters, digits, - and _. */
void result_word(struct result *r, const char *key, const char *word);
/* What could not be measured, and why: a sentence without quotes. */
void result_missing(struct result *r, const char *key, const char *why);

void result_end(struct result *r);

/* Of n > 0 values, which are sorted. */
double median(double *v, uint64_t n);
