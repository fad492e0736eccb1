/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * News of listeners that begin to send SYN cookies for want of half-open entries, and that end
 * it (tcp.syncookies: auto). The packet path only notes it; the main thread looks here.
 */
#pragma once

#include "drivers/report.h"
#include "engine/base/tick.h"
#include "engine/conf.h"

struct engine;

/* What was told last. All zero at the start. */
struct pressure_watch {
	uint64_t begun;    /* the counter of beginnings when listeners were last looked at */
	uint32_t nb_under; /* listeners that have been told of and are under pressure still */
	struct {
		bool under;
		usec_t since;            /* when there was no room first */
		uint64_t sent, received; /* cookies by the end before: none are sent between */
	} listeners[CONF_MAX_LISTENERS];
};

/* A notice for each listener that has changed since the last call; main thread, once a second.
 * Workers are only asked when there is something to know. What there is no room for, or no
 * answer about, is told the next time. */
void pressure_news(struct engine *e, struct report *r);
