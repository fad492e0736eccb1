/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watches one shard from inside, turn by turn: states change only as RFC 9293 figure
 * 5 lets them, a timer runs wherever something is owed, and no connection holds more
 * than its buffers allow. What the state was before is the watch's own memory.
 */
#pragma once

#include "engine/shard.h"

#define WATCH_CONNS 512 /* control blocks of a shard at most */

struct watch {
	struct {
		struct tuple tuple;
		tick_t opened;
		uint8_t state; /* enum tcp_state; TCP_CLOSED: block not in use */
	} seen[WATCH_CONNS];
};

/* Looks at the states after a turn; false: `why` (size bytes) says what is wrong. */
bool watch_states(struct watch *w, struct shard *sh, char *why, size_t size);

/* Looks at timers and memory. */
bool watch_objects(struct shard *sh, char *why, size_t size);
