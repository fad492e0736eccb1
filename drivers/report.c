/* SPDX-License-Identifier: BSD-3-Clause */
/* Texts for the operator; see report.h. */
#include "drivers/report.h"

#include <stdarg.h>

bool report_error(struct report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->error, sizeof(r->error), fmt, ap);
	va_end(ap);
	return false;
}

void report_notice(struct report *r, const char *fmt, ...)
{
	size_t at = strlen(r->notice);
	va_list ap;

	if (at > 0 && at + 1 < sizeof(r->notice))
		r->notice[at++] = '\n';
	va_start(ap, fmt);
	vsnprintf(r->notice + at, sizeof(r->notice) - at, fmt, ap);
	va_end(ap);
}

static void prefix_lines(char *text, const char *prefix)
{
	char old[REPORT_MAX], *rest = old, *line;
	size_t at = 0;

	memcpy(old, text, sizeof(old));
	text[0] = '\0';
	while (at + 1 < REPORT_MAX && (line = strsep(&rest, "\n")) != NULL)
		at += (size_t)snprintf(text + at, REPORT_MAX - at, "%s%s: %s", at > 0 ? "\n" : "",
				       prefix, line);
}

void report_prefix(struct report *r, const char *prefix)
{
	if (r->error[0] != '\0')
		prefix_lines(r->error, prefix);
	if (r->notice[0] != '\0')
		prefix_lines(r->notice, prefix);
}

void report_print_notices(struct report *r, const char *program, FILE *out)
{
	char *rest = r->notice, *line;

	while (rest && *rest && (line = strsep(&rest, "\n")))
		fprintf(out, "%s: %s\n", program, line);
	r->notice[0] = '\0';
	fflush(out);
}
