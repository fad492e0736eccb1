/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parameters of the control commands: text from outside to checked values. What
 * is wrong is said in one line of at most CTL_ERROR_MAX bytes.
 */
#pragma once

#include "engine/run/filter.h"

#define CTL_ERROR_MAX FILTER_ERROR_MAX

/* Nothing: all of `nb_workers`, or one worker's number: the range from *first up to
 * but not with *end. */
bool ctl_worker_param(const char *params, uint16_t nb_workers, uint16_t *first, uint16_t *end,
		      char err[CTL_ERROR_MAX]);

/* Nothing, or the number of a row. */
bool ctl_row_param(const char *params, uint32_t *first, char err[CTL_ERROR_MAX]);

/* CURSOR or CURSOR,FILTER; nothing: from the beginning, all. The filter's names
 * are not looked up. */
bool ctl_connection_params(const char *params, uint64_t *cursor, struct filter *f,
			   char err[CTL_ERROR_MAX]);

/* Nothing, or id=NUMBER: of a capture, 0: the last one. */
bool ctl_capture_param(const char *params, uint32_t *id, char err[CTL_ERROR_MAX]);
