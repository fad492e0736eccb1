/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packet capture of the running engine: at most one at a time. Workers copy
 * frames into rings (capture_tap.h), and a thread that lives only as long as the
 * capture writes them to the file in the order of their times. Whoever started
 * the capture has to renew it; else it ends, so that none is forgotten.
 *
 * All functions are for control threads, any number of them.
 */
#pragma once

#include "drivers/port.h"
#include "engine/run/capture_request.h"
#include "engine/run/capture_slot.h"

struct capture;

/* What is captured from. Everything pointed to outlives the capture. */
struct capture_args {
	uint16_t nb_ports, nb_workers;
	const char *port_names[CONF_MAX_PORTS];
	const uint8_t *port_macs[CONF_MAX_PORTS];
	struct capture_slot *slots[CONF_MAX_WORKERS]; /* of the workers */
	usec_t (*now)(void); /* the clock that the workers' times come from */
};

enum capture_end {
	CAPTURE_RUNS,
	CAPTURE_STOPPED,
	CAPTURE_COUNT_REACHED,
	CAPTURE_TIME_IS_UP,
	CAPTURE_NOT_RENEWED,
	CAPTURE_READER_GONE,
	CAPTURE_WRITE_FAILED,
};

struct capture_info {
	uint32_t id; /* 0: there has been no capture yet */
	enum capture_end end;
	int error;       /* errno of the write that failed */
	uint64_t frames; /* in the file, or on the way to it while the capture runs */
	uint64_t missed; /* that found a ring full or no longer reached the file */
	uint64_t run_us;
	char file[CAPTURE_FILE_MAX];
	char filter[CAPTURE_FILTER_MAX + 1];
};

/* NULL: no memory. */
struct capture *capture_create(const struct capture_args *args);

/* Ends the capture that runs. The workers still turn. NULL is fine. */
void capture_destroy(struct capture *c);

/* Starts a capture. `filter` is the request's, compiled, which may have taken its time; it is taken
 * over, whatever comes of it. False with one line in err[] when one runs already, or when what is
 * asked for can't be had. */
bool capture_start(struct capture *c, const struct capture_request *q,
		   struct capture_filter *filter, struct capture_info *info,
		   char err[CAPTURE_ERROR_MAX]);

/* The next three are about capture `id`, or with 0 about the last one. False with
 * one line in err[] when there is none of this number any more. */

/* Renews a capture that runs. */
bool capture_keep(struct capture *c, uint32_t id, struct capture_info *info,
		  char err[CAPTURE_ERROR_MAX]);

/* Makes it end, which takes a moment: a second when the reader of a FIFO is slow. */
bool capture_stop(struct capture *c, uint32_t id, struct capture_info *info,
		  char err[CAPTURE_ERROR_MAX]);

bool capture_status(struct capture *c, uint32_t id, struct capture_info *info,
		    char err[CAPTURE_ERROR_MAX]);

/* "stopped", "count", ...; "" while it runs. A static text. */
const char *capture_end_word(enum capture_end end);
