/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits for clients that get nowhere (guard.c), as engine/tcp/timer.c asks for them. */
#pragma once

#include "engine/tcp/internal.h"

/* Of a connection in CLOSE_WAIT, or in FIN_WAIT_2 and not closed by its service, with
 * nothing in flight: when half_close_timeout ends it at the earliest; false: never. */
bool guard_half_close_deadline(const struct shard *sh, const struct conn *c, tick_t *at);

/* That time has come: the connection is reset, or was not so idle after all. */
void guard_half_close_expired(struct shard *sh, struct conn *c);

/* The same for one with something in flight, closed on one side at least. */
bool guard_half_close_stalled(const struct shard *sh, const struct conn *c, const struct xfer *x,
			      tick_t *at);

/* Begins to look at the rate of a listener's connection, or ends it; by LIMIT_MIN_RATE. */
void guard_watch(struct shard *sh, struct conn *c, struct xfer *x);

/* When first_byte_timeout or min_rate are due next; false: they are not. */
bool guard_deadline(const struct shard *sh, const struct conn *c, tick_t *at);

/* Ends the connection if one of them, or tcp_limit(), says so. */
void guard_expired(struct shard *sh, struct conn *c);
