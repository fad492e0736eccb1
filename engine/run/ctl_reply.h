/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Building an answer for telemetry: a dictionary of values and of rows. DPDK
 * cuts an answer off at 16 KB without a word, so rows come in pages that fit.
 */
#pragma once

#include <rte_telemetry.h>

#include "engine/base/compiler.h"

struct reply {
	struct rte_tel_data *top;
	struct rte_tel_data *rows; /* NULL before the first */
	uint32_t count;            /* rows so far */
};

void reply_start(struct reply *p, struct rte_tel_data *top);

/* Attaches the rows as "rows": {"0": {...}, "1": {...}}. Without rows: {}. */
void reply_finish(struct reply *p);

/* A new row, NULL: no memory. */
struct rte_tel_data *reply_row(struct reply *p);

/* Adds a row that was filled in. */
void reply_add_row(struct reply *p, struct rte_tel_data *row);

/* Adds a dictionary under `name`, or frees it when there is no room. */
void reply_add_dict(struct rte_tel_data *d, const char *name, struct rte_tel_data *val);

void reply_number(struct rte_tel_data *d, const char *name, uint64_t v);

/* Texts are cut at 127 bytes; what is not ASCII becomes a question mark, here and below. */
void reply_text(struct rte_tel_data *d, const char *name, const char *text);

/* Makes the whole answer a text, of any length: what went wrong. */
void reply_failure(struct rte_tel_data *top, const char *text);

/* Makes the whole answer {"error": text}. */
void reply_error(struct rte_tel_data *top, const char *fmt, ...) PRINTF_LIKE(2, 3);
