/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two ports joined in memory: what one sends, the other receives. For tests,
 * simulator and benches. Each queue is a single-producer single-consumer ring,
 * so the two sides, and the queues of one side, may run on different threads
 * (the pool then has to be MEM_POOL_SHARED).
 */
#pragma once

#include "drivers/mem_pool.h"
#include "drivers/port.h"

struct mem_port_conf {
	struct mem_pool *pool; /* of all frames sent on either side; outlives both ports */
	uint16_t nb_queues;    /* of each side; 1 when 0 */
	uint32_t ring_size;    /* frames per queue, rounded up to a power of two; 1024 when 0 */
	uint16_t mtu;	       /* bytes of IP packet; 1500 when 0 */
	/* Announced by both sides. With PORT_TX_IP_CSUM | PORT_TX_TCP_CSUM sums
	 * are neither filled in nor looked at: received bufs carry
	 * BUF_RX_IP_CSUM_OK | BUF_RX_L4_CSUM_OK. PORT_RSS is a promise that
	 * `steer` keeps, not this port. */
	uint32_t caps;
	/* The receive queue for a frame, taken modulo nb_queues; called by the
	 * sending thread. NULL: the queue it was sent on. */
	uint16_t (*steer)(void *ctx, const struct buf *b);
	void *steer_ctx;
};

/*
 * Makes the pair; the sides are named "mem0" and "mem1" and have the addresses
 * 02:00:00:00:00:01 and :02. False: out of memory, `out` is untouched.
 *
 * Sending hands a buf over as it is, except one that others still refer to or
 * that has BUF_KEEP: the receiver gets a copy of it. When no buf is left for the
 * copy, the frame is lost and counted in the receiver's rx_missed. A full ring
 * makes tx_burst take fewer. Received bufs start at the frame, are the
 * receiver's to write to, and have no flags beyond those of `caps`.
 *
 * Once one side is closed the other's link is down and what it sends is dropped
 * and counted in its tx_errors. A side is closed when its threads are done.
 */
bool mem_port_pair_create(const struct mem_port_conf *conf, struct port *out[2]);
