/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames on their way from one worker to another, by rings with many producers
 * and one consumer each: received frames whose connection lives elsewhere, and
 * finished frames for a port on which the sender has no queue of its own. A
 * frame in a ring belongs to the ring; whoever takes it owns it. No frame is in
 * two places: one that its connection keeps for retransmission is copied first.
 * Frames of a burst enter a ring together: to enter it is what costs.
 */
#pragma once

#include "drivers/report.h"
#include "engine/shard.h"

#define EXCHANGE_FRAMES 2048 /* power of two; a ring holds one less */

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

/* Passes on what the shard has received for other workers; what does not fit in their rings is
 * dropped and counted. The shard's thread calls, as for all of these. */
void exchange_hand_over(struct exchange *x, struct shard *sh);

/* Takes up to n frames that others have received for worker sh->id, and counts them. */
uint32_t exchange_take_over(struct exchange *x, struct shard *sh, struct buf **bufs, uint32_t n);

/* Passes what the shard has to send by `port` to worker `to`, whose queue of the port it shares;
 * returns how many frames. What does not fit stays for the next turn, and a frame that can't be
 * copied for want of memory is lost, as on a wire. */
uint32_t exchange_send(struct exchange *x, struct shard *sh, uint16_t port, uint16_t to);

/* Queues what other workers have finished for ports whose queue is the shard's; how many. What
 * finds no room stays for the next turn, but for a port whose queue is full it is dropped and
 * counted: it may be for good. Call it before shard_finish(). */
uint32_t exchange_collect(struct exchange *x, struct shard *sh);
