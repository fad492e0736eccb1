/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One capture from its start to its end, and the thread that drains the workers'
 * rings. See capture.h, whose file alone uses this.
 */
#pragma once

#include <pthread.h>

#include "engine/run/capture.h"
#include "engine/run/capture_out.h"
#include "engine/run/capture_tap.h"

struct capture_session {
	/* Set before the thread starts. */
	uint32_t id;
	const struct capture_args *args;
	struct capture_request request;
	struct capture_rules rules;
	struct capture_tap *taps[CONF_MAX_WORKERS]; /* NULL: this worker is not captured */
	uint64_t wall_ns;                           /* wall-clock time at usec 0 */
	usec_t start_us;
	pthread_t thread;

	/* The thread's own. */
	struct capture_out out;

	/* Between the thread and control threads. */
	_Atomic bool stop;
	_Atomic usec_t lease_end_us;
	_Atomic uint64_t frames; /* laid out for the file */
	_Atomic uint64_t lost;   /* taken from the rings, or left there, and not written */
	_Atomic usec_t end_us;
	_Atomic int error;
	_Atomic uint32_t end; /* enum capture_end; set last, when the file is complete */
};

/* Makes everything and starts the thread. Takes the filter, and leaves one that lets everything
 * pass. NULL with one line in err[]. */
struct capture_session *capture_session_start(const struct capture_args *args, uint32_t id,
					      const struct capture_request *q,
					      struct capture_filter *filter,
					      char err[CAPTURE_ERROR_MAX]);

/* Makes it end, waits for that and frees it. NULL is fine. */
void capture_session_finish(struct capture_session *s);

/* How it stands; any control thread. */
void capture_session_info(struct capture_session *s, struct capture_info *info);
