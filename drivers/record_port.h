/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port that wraps another one and writes every frame, received and sent, to a
 * pcapng file with nanosecond times and direction flags. Traffic does not depend
 * on the file: at the first write error recording stops for good, the frames that
 * the file misses are counted, and they go their way.
 */
#pragma once

#include "drivers/port.h"
#include "drivers/report.h"

struct record_stats {
	uint64_t frames; /* in the file, or on the way there while there is no error */
	uint64_t missed; /* not in the file, because of a write error */
	int error;       /* errno of the write that failed; 0: all is well */
};

/*
 * Wraps `inner`, which from now on belongs to the new port and is closed with
 * it. The file is created, readable by its owner only, or emptied. After a write
 * error it ends with a whole frame. Sums that a device would fill in later
 * would be wrong in the file, so the new port offers no transmit offload.
 * Queues of several threads share the file. NULL with report->error set: the
 * file cannot be written, or is no regular one; `inner` is then still the caller's.
 */
struct port *record_port_create(struct port *inner, const char *path, struct report *report);

/* Writes what is still in memory, which closing the port would do as well without
 * telling how that went; any thread. */
void record_port_flush(struct port *p);

/* Of a port that record_port_create() made; any thread. */
void record_port_stats(struct port *p, struct record_stats *out);
