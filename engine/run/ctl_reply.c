/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/ctl_reply.h"

#include <stdarg.h>
#include <stdio.h>

#include <rte_version.h>

#if RTE_VERSION < RTE_VERSION_NUM(23, 3, 0, 0)
#define rte_tel_data_add_dict_uint rte_tel_data_add_dict_u64
#endif

static struct rte_tel_data *new_dict(void)
{
	struct rte_tel_data *d = rte_tel_data_alloc();

	if (d)
		rte_tel_data_start_dict(d);
	return d;
}

void reply_start(struct reply *p, struct rte_tel_data *top)
{
	*p = (struct reply){.top = top, .rows = new_dict()};
	rte_tel_data_start_dict(top);
}

void reply_finish(struct reply *p)
{
	if (p->rows)
		reply_add_dict(p->top, "rows", p->rows);
}

struct rte_tel_data *reply_row(struct reply *p)
{
	return p->rows ? new_dict() : NULL;
}

void reply_add_row(struct reply *p, struct rte_tel_data *row)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", p->count++);
	reply_add_dict(p->rows, name, row);
}

void reply_add_dict(struct rte_tel_data *d, const char *name, struct rte_tel_data *val)
{
	if (rte_tel_data_add_dict_container(d, name, val, 0) != 0)
		rte_tel_data_free(val);
}

void reply_number(struct rte_tel_data *d, const char *name, uint64_t v)
{
	rte_tel_data_add_dict_uint(d, name, v);
}

/* DPDK 22.11 takes each byte above 0x7f for a control character and writes it as an escape that
 * JSON does not know; then nobody can read the answer. */
static const char *ascii(const char *text, char *out, size_t size)
{
	size_t i;

	for (i = 0; text[i] && i + 1 < size; i++)
		out[i] = (uint8_t)text[i] < 0x80 ? text[i] : '?';
	out[i] = '\0';
	return out;
}

void reply_text(struct rte_tel_data *d, const char *name, const char *text)
{
	char safe[RTE_TEL_MAX_STRING_LEN];

	rte_tel_data_add_dict_string(d, name, ascii(text, safe, sizeof(safe)));
}

void reply_failure(struct rte_tel_data *top, const char *text)
{
	char safe[RTE_TEL_MAX_SINGLE_STRING_LEN];

	rte_tel_data_string(top, ascii(text, safe, sizeof(safe)));
}

void reply_error(struct rte_tel_data *top, const char *fmt, ...)
{
	char text[RTE_TEL_MAX_STRING_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	rte_tel_data_start_dict(top);
	reply_text(top, "error", text);
}
