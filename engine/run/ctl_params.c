/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/ctl_params.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool fail(char *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

static bool fail(char *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, CTL_ERROR_MAX, fmt, ap);
	va_end(ap);
	return false;
}

/* A decimal number below 2^64 with nothing behind it but `*end`; false: not one. */
static bool read_number(const char *text, uint64_t *v, const char **end)
{
	char *stop;

	errno = 0;
	*v = strtoull(text, &stop, 10);
	*end = stop;
	return isdigit((unsigned char)*text) && errno == 0;
}

bool ctl_worker_param(const char *params, uint16_t nb_workers, uint16_t *first, uint16_t *end,
		      char err[CTL_ERROR_MAX])
{
	const char *rest;
	uint64_t v;

	*first = 0;
	*end = nb_workers;
	if (!*params)
		return true;
	if (!read_number(params, &v, &rest) || *rest || v >= nb_workers)
		return fail(err, "\"%.40s\" is not a worker: 0 to %u", params, nb_workers - 1u);
	*first = (uint16_t)v;
	*end = (uint16_t)(v + 1);
	return true;
}

bool ctl_row_param(const char *params, uint32_t *first, char err[CTL_ERROR_MAX])
{
	const char *rest = params;
	uint64_t v = 0;

	if (*params && (!read_number(params, &v, &rest) || *rest || v > UINT32_MAX))
		return fail(err, "\"%.40s\" is not the number of a row", params);
	*first = (uint32_t)v;
	return true;
}

bool ctl_connection_params(const char *params, uint64_t *cursor, struct filter *f,
			   char err[CTL_ERROR_MAX])
{
	const char *rest = params;

	*cursor = 0;
	if (*params && (!read_number(params, cursor, &rest) || (*rest && *rest != ',')))
		return fail(err, "\"%.40s\" does not begin with a cursor: 0, or an answer's next",
			    params);
	return filter_parse(f, *rest ? rest + 1 : "", err);
}

bool ctl_capture_param(const char *params, uint32_t *id, char err[CTL_ERROR_MAX])
{
	const char *rest = params;
	uint64_t v = 0;

	if (*params && (strncmp(params, "id=", 3) != 0 || !read_number(params + 3, &v, &rest) ||
			*rest || v > UINT32_MAX))
		return fail(err, "\"%.40s\" is not id=NUMBER of a capture", params);
	*id = (uint32_t)v;
	return true;
}
