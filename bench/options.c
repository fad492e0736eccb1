/* SPDX-License-Identifier: BSD-3-Clause */
/* See options.h. */
#include "bench/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void help(const struct options *o)
{
	printf("%s: %s\n\n", o->bench, o->what);
	for (uint32_t i = 0; i < o->count; i++)
		printf("  --%s=N%*s  %s (%" PRIu64 " to %" PRIu64 ", default %" PRIu64 ")\n",
		       o->list[i].name, (int)(16 - MIN(strlen(o->list[i].name), 16u)), "",
		       o->list[i].help, o->list[i].min, o->list[i].max, *o->list[i].value);
	printf("  --json%*s  prints JSON, an object a line\n", 14, "");
	exit(0);
}

PRINTF_LIKE(2, 3) __attribute__((noreturn)) static void misuse(const struct options *o,
							      const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", o->bench);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, ": --help lists the options\n");
	exit(2);
}

static const struct option *find(const struct options *o, const char *name, size_t len)
{
	for (uint32_t i = 0; i < o->count; i++)
		if (strlen(o->list[i].name) == len && memcmp(o->list[i].name, name, len) == 0)
			return &o->list[i];
	return NULL;
}

static void take(const struct options *o, const struct option *opt, const char *text)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || v < opt->min || v > opt->max)
		misuse(o, "--%s takes a number from %" PRIu64 " to %" PRIu64 ", not \"%.40s\"",
		       opt->name, opt->min, opt->max, text);
	*opt->value = v;
}

void options_parse(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i] + 2, *equals = strchr(argv[i], '=');
		const struct option *opt;

		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			help(o);
		if (strcmp(argv[i], "--json") == 0) {
			o->json = true;
			continue;
		}
		if (strncmp(argv[i], "--", 2) != 0)
			misuse(o, "\"%.40s\" is no option", argv[i]);
		opt = find(o, name, equals ? (size_t)(equals - name) : strlen(name));
		if (!opt)
			misuse(o, "there is no option \"%.40s\"", argv[i]);
		if (!equals && i + 1 == argc)
			misuse(o, "--%s takes a number", opt->name);
		take(o, opt, equals ? equals + 1 : argv[++i]);
	}
}
