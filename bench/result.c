/* SPDX-License-Identifier: BSD-3-Clause */
/* See result.h. */
#include "bench/result.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void key_of(const struct result *r, const char *key)
{
	printf(r->json ? ", \"%s\": " : " %s=", key);
}

void result_begin(struct result *r, bool json, const char *bench)
{
	r->json = json;
	printf(json ? "{\"bench\": \"%s\"" : "%s", bench);
}

void result_count(struct result *r, const char *key, uint64_t value)
{
	key_of(r, key);
	printf("%" PRIu64, value);
}

void result_number(struct result *r, const char *key, double value, int digits)
{
	key_of(r, key);
	printf("%.*f", digits, value);
}

void result_word(struct result *r, const char *key, const char *word)
{
	key_of(r, key);
	printf(r->json ? "\"%s\"" : "%s", word);
}

void result_missing(struct result *r, const char *key, const char *why)
{
	key_of(r, key);
	printf(r->json ? "null" : "missing");
	fprintf(stderr, "%s is missing: %s\n", key, why);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(double *v, uint64_t n)
{
	qsort(v, n, sizeof(*v), compare);
	return (v[(n - 1) / 2] + v[n / 2]) / 2;
}

void result_end(struct result *r)
{
	puts(r->json ? "}" : "");
	fflush(stdout);
}
