/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port that wraps another one and harms what it receives: loss, duplicates,
 * bit errors, reordering and delay, by a seeded generator of its own. Harm is
 * done on receipt only, so that in a pair each direction is harmed once; what
 * is sent goes straight through. The same seed and the same input give the same
 * output.
 */
#pragma once

#include "drivers/port.h"
#include "engine/conf.h"

/* Frames held back at most, per queue; beyond it they are delivered early. */
#define FAULT_HOLD_MAX 8192

/* Frames since the port was opened, over all queues; readable by any thread. */
struct fault_stats {
	uint64_t passed; /* came in from the inner port */
	uint64_t dropped, duplicated, reordered, corrupted;
	uint64_t no_copy; /* to be duplicated, but no buf was left */
	uint64_t hurried; /* delivered before its time: too many were held */
	uint64_t held;	  /* waiting for their time now */
};

/*
 * Wraps `inner`, which from now on belongs to the new port and is closed with
 * it. `bufs` gives copies and takes dropped frames, on the thread of each queue;
 * it is copied. NULL: out of memory, and `inner` is still the caller's.
 *
 * Corruption flips one to three bits of one 16-bit word of the frame, counted
 * from its start: an error that the Internet checksum always shows where it
 * covers the word, so a stream checked end to end must still come out intact.
 */
struct port *fault_port_create(struct port *inner, const struct conf_fault *conf,
			       const struct buf_ops *bufs);

/* Of a port that fault_port_create() made. */
void fault_port_stats(struct port *p, struct fault_stats *out);
