/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The router in front of a node: a port that wraps another one and forwards what comes
 * in by it as a router would. A narrow line with a queue that overflows, or marks
 * what is ECN-capable before it does (RFC 3168 §5); an MTU that changes: what is
 * larger is cut where IPv4 allows it, else dropped and reported to its sender
 * (RFC 792, RFC 1191 §4, RFC 4443 §3.2). What the node sends passes unseen: the
 * router in that direction stands in front of its peer.
 */
#pragma once

#include "drivers/mem_pool.h"
#include "drivers/port.h"
#include "tests/sim/plan.h"

#define HOP_FCS 4 /* bytes of frame check sequence */

struct hop_conf {
	const struct hop_plan *plan; /* outlives the port */
	struct mem_pool *pool;       /* of everything that comes, and is made here */
	const usec_t *begin;         /* what the plan's times count from */
	uint64_t *activity;          /* raised whenever frames have been moved or made */
	uint64_t seed;
	bool fcs; /* frames leave with a frame check sequence (IEEE 802.3 §3.2.9) */
};

/* Frames since the start. */
struct hop_stats {
	uint64_t dropped; /* for want of room in the queue, or too large */
	uint64_t made;    /* reports sent back, and fragments beyond the first */
	uint64_t marked;
	uint64_t queued; /* now */
};

/* Wraps `inner`, which is closed with it. NULL: out of memory; inner stays the caller's. */
struct port *hop_create(struct port *inner, const struct hop_conf *conf);

/* Of a port that hop_create() made. */
void hop_stats(struct port *p, struct hop_stats *out);

/* ---- hop_packet.c: what a router does to a frame ---- */

/* Bytes of the IP packet in the frame, 0: it is none. */
uint32_t hop_packet_len(const struct buf *b);

/* True for IPv4 that may be cut. */
bool hop_may_cut(const struct buf *b);

/* Marks the packet when it is ECN-capable; false: it is not. */
bool hop_mark(struct buf *b);

/* Writes the report that the packet is too large for `mtu` to `out`, a fresh buf; 0,
 * for IPv4 alone: what would pass is not said. */
void hop_report(struct buf *out, const struct buf *b, uint32_t mtu);
