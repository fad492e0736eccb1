/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * struct buf: one packet buffer as the core sees it. Under DPDK it lives in the
 * private area right behind the rte_mbuf, so mbuf <-> buf is a constant offset;
 * other ports supply plain memory. One buf is one contiguous piece of memory.
 *
 * A buf has one owner at a time: the port, a burst, or one queue of one
 * connection. The single exception is a transmitted segment that may have to be
 * sent again: the connection keeps it queued (BUF_KEEP) while the port holds a
 * reference of its own until the frame has left.
 */
#pragma once

#include "engine/base/compiler.h"

/* Room that ports leave in front of a received frame: what a reply's longer
 * headers may grow into (Ethernet 14 + VLAN 4 + IPv6 40 + TCP 60 = 118). */
#define BUF_HEADROOM 128

/* Bytes behind the headroom of every buf: a 1,500-byte MTU frame and slack. */
#define BUF_DATAROOM 2048

enum buf_flags {
	/* Receive: what the port has already verified. */
	BUF_RX_IP_CSUM_OK = 1 << 0,
	BUF_RX_L4_CSUM_OK = 1 << 1,
	/* Receive: the port found the sum wrong; software looks again before
	 * it drops, since some devices report on fragments. */
	BUF_RX_CSUM_BAD = 1 << 2,
	/* Receive: rss_hash holds the port's hash of the 4-tuple. */
	BUF_RX_HASH = 1 << 3,
	/* Receive: a copy handed over by another worker for learning only
	 * (ARP and neighbour discovery); it is never answered. */
	BUF_RX_LEARN_ONLY = 1 << 4,
	/* Receive: put together from fragments. */
	BUF_RX_WHOLE = 1 << 18,
	/* Transmit: the port fills in the IPv4 / TCP sum (pseudo sum is in place). */
	BUF_TX_IP_CSUM = 1 << 5,
	BUF_TX_L4_CSUM = 1 << 6,
	/* Transmit: IPv6 frame (offload needs to know). */
	BUF_TX_IPV6 = 1 << 7,
	/* Transmit: the sender keeps the buf for retransmission; the port takes
	 * its own reference and drops it when the frame has left. */
	BUF_KEEP = 1 << 8,
	/* Queued: payload_csum holds the sum of exactly the queued payload. */
	BUF_PAYLOAD_CSUM = 1 << 9,
	/* Queued: sent at least once / more than once (Karn's rule). */
	BUF_SENT = 1 << 10,
	BUF_RESENT = 1 << 11,
	/* Queued and sent: the peer holds it out of order (RFC 2018); it counts as
	 * lost; it went again since it was found lost. */
	BUF_SACKED = 1 << 15,
	BUF_LOST = 1 << 16,
	BUF_RETRANS = 1 << 17,
	/* Waits in a shard's transmit queue: no port has seen it yet. */
	BUF_IN_TXQ = 1 << 13,
	/* Queued out of order: a FIN follows the payload. */
	BUF_FIN = 1 << 14,
	/* Queued: last byte of a push (RFC 9293 §3.9.1.2). */
	BUF_PSH = 1 << 12,
};

struct buf {
	uint8_t *data;	  /* first valid byte: of the frame, or of the payload when queued */
	struct buf *next; /* link of the one queue the buf is on */
	uint8_t *start;	  /* first byte of the memory, headroom included */
	uint32_t len;	  /* valid bytes from data */
	uint32_t room;	  /* bytes of memory from start */
	uint32_t flags;	  /* enum buf_flags */
	uint32_t seq;	  /* queued: sequence number of data[0], host order */
	uint32_t sent_us; /* queued: low 32 bits of the time of the last transmission */
	uint32_t rss_hash;
	uint16_t payload_csum; /* sum of the payload, not inverted, in memory order */
	uint8_t hdr_len;       /* queued: header bytes at data, in front of the payload */
	uint8_t port;	       /* index of the port it came in by / goes out by */
	uint8_t l2_len, l3_len, l4_len; /* transmit offload: header lengths in bytes */
	uint8_t owner;			/* worker this frame is handed over to */
};
static_assert(sizeof(struct buf) <= CACHE_LINE, "struct buf is one cache line");

/* A singly linked queue of bufs with its byte count. */
struct bufq {
	struct buf *head;
	struct buf *tail;
	uint32_t bytes;
	uint32_t count;
};

static inline void bufq_append(struct bufq *q, struct buf *b)
{
	b->next = NULL;
	if (q->tail)
		q->tail->next = b;
	else
		q->head = b;
	q->tail = b;
	q->bytes += b->len;
	q->count++;
}

static inline struct buf *bufq_pop(struct bufq *q)
{
	struct buf *b = q->head;

	if (!b)
		return NULL;
	q->head = b->next;
	if (!q->head)
		q->tail = NULL;
	q->bytes -= b->len;
	q->count--;
	b->next = NULL;
	return b;
}

static inline uint32_t buf_headroom(const struct buf *b)
{
	return (uint32_t)(b->data - b->start);
}

static inline uint32_t buf_tailroom(const struct buf *b)
{
	return b->room - buf_headroom(b) - b->len;
}

/*
 * Where a shard's buffers come from. Filled in by whoever owns the memory (the
 * DPDK pool, or plain memory in tests); called by one thread. `ctx` is passed
 * back as it was given.
 */
struct buf_ops {
	void *ctx;
	/* Fills out[0..n) with fresh bufs (data at start + BUF_HEADROOM, len 0,
	 * flags 0); returns false and touches nothing when fewer are left. */
	bool (*alloc_bulk)(void *ctx, struct buf **out, uint32_t n);
	/* Gives up one reference each. */
	void (*free_bulk)(void *ctx, struct buf *const *bufs, uint32_t n);
	/* True while a port still holds a reference to a BUF_KEEP buf. */
	bool (*in_port)(void *ctx, const struct buf *b);
	/* Bufs that may still be taken, nearly. */
	uint32_t (*available)(void *ctx);
	uint32_t total; /* bufs that there are */
};
