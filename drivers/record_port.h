/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port that wraps another one and writes every frame, received and sent, to a
 * pcapng file with nanosecond times and direction flags. Traffic does not depend
 * on the file: at the first write error recording stops, the frames that it
 * misses are counted, and they go their way.
 */
#pragma once

#include "drivers/port.h"
#include "drivers/report.h"

struct record_stats {
	uint64_t frames; /* in the file, both directions */
	uint64_t missed; /* not recorded, after a write error */
};

/*
 * Wraps `inner`, which from now on belongs to the new port and is closed with
 * it. The file is created or emptied. Sums that a device would fill in later
 * would be wrong in the file, so the new port offers no transmit offload.
 * Queues of several threads share the file. NULL with report->error set: the
 * file cannot be written; `inner` is then still the caller's.
 */
struct port *record_port_create(struct port *inner, const char *path, struct report *report);

/* Of a port that record_port_create() made; any thread. */
void record_port_stats(struct port *p, struct record_stats *out);
