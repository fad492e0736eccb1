/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames on their way from one worker to another, by rings with many producers
 * and one consumer each: received frames whose connection lives elsewhere, and
 * finished frames for a port on which the sender has no queue of its own. A
 * frame in a ring belongs to the ring; whoever takes it owns it. No frame is in
 * two places: one that its connection keeps for retransmission is copied first.
 */
#pragma once

#include "drivers/report.h"
#include "engine/base/buf.h"
#include "engine/conf.h"

enum exchange_kind { EXCHANGE_RX, EXCHANGE_TX, EXCHANGE_NB_KINDS };

struct rte_ring;

struct exchange {
	uint16_t nb_workers;
	struct rte_ring *rings[EXCHANGE_NB_KINDS][CONF_MAX_WORKERS]; /* by consumer */
};

/* Creates the rings, none for a single worker. Start from an all-zero one; call
 * exchange_fini() in any case. */
bool exchange_init(struct exchange *x, uint16_t nb_workers, struct report *r);

/* Frees what is left in the rings, and the rings; all workers have stopped. */
void exchange_fini(struct exchange *x, const struct buf_ops *ops);

/* Passes the first k of n frames to worker `to` and returns k. Any worker. */
uint32_t exchange_put(struct exchange *x, enum exchange_kind kind, uint16_t to,
		      struct buf *const *bufs, uint32_t n);

/* Takes up to n frames for `worker`, whose own thread calls. */
uint32_t exchange_take(struct exchange *x, enum exchange_kind kind, uint16_t worker,
		       struct buf **bufs, uint32_t n);
