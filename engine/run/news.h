/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines on a standard output that may be a pipe which nobody empties. What belongs to the start is
 * waited for, what is told later is not: a line that cannot be written at once is dropped, and how
 * many were is said when there is room again.
 */
#pragma once

#include "drivers/report.h"

struct news {
	int fd;
	bool patient;  /* waits for room, until a signal is heard */
	uint32_t lost; /* lines since the last that was written */
};

/* Patient at first. */
void news_open(struct news *n, int fd);

/* Writes the line, which is no longer than a report, behind "terminus: ". */
void news_say(struct news *n, const char *line);

/* Says the notices, and forgets them. */
void news_say_notices(struct news *n, struct report *r);
