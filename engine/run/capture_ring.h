/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captured frames on their way from a worker to the thread that writes them to
 * the file: a ring of bytes with one producer and one consumer, made before the
 * capture begins. It never waits: a frame that finds no room is not captured.
 *
 * What the producer puts is seen by the consumer after capture_ring_commit()
 * only, so frames can be laid out before it is known whether they are wanted.
 */
#pragma once

#include <stdatomic.h>

#include "engine/base/compiler.h"
#include "engine/base/tick.h"

enum capture_sums { CAPTURE_IP_SUM = 1 << 0, CAPTURE_L4_SUM = 1 << 1 };

/* A frame in the ring; its bytes follow. */
struct capture_record {
	usec_t time_us;
	const char *drop; /* why it was dropped, a static text; NULL: it was not */
	uint32_t kept;    /* bytes of the frame that follow */
	uint32_t len;     /* bytes of the frame */
	uint8_t port;
	uint8_t direction;      /* enum pcapng_direction, never 0 */
	uint8_t sums;           /* enum capture_sums: those that its port has to fill in, */
	uint8_t l2_len, l3_len; /* of the headers behind these */
};
#define CAPTURE_RECORD_ALIGN 32
static_assert(sizeof(struct capture_record) <= CAPTURE_RECORD_ALIGN, "one fits any gap");

static inline uint8_t *capture_record_bytes(struct capture_record *r)
{
	return (uint8_t *)r + CAPTURE_RECORD_ALIGN;
}

/* Positions count bytes and never go back; a ring's size is a power of two. */
struct capture_ring {
	/* Set before the start. */
	uint8_t *mem;
	size_t size;

	/* The producer's own. */
	uint64_t put CACHE_ALIGNED; /* what is laid out ends here */
	uint64_t tail_seen;         /* the tail when it was looked at last */

	/* The consumer's own. */
	uint64_t got CACHE_ALIGNED; /* the first record not taken yet */
	uint64_t head_seen;

	_Atomic uint64_t head CACHE_ALIGNED; /* what is committed ends here */
	_Atomic uint64_t tail CACHE_ALIGNED; /* what was given back ends here */
};

/* `size` bytes of memory, a power of two of at least 4096, all of it touched.
 * False: there is none. */
bool capture_ring_init(struct capture_ring *r, size_t size);

/* Neither side uses it any more. An all-zero ring is fine. */
void capture_ring_fini(struct capture_ring *r);

/* Producer: a record with room for `kept` bytes behind it, which are at most half
 * the ring; `kept` is filled in, a direction has to be. NULL: the ring is full. */
struct capture_record *capture_ring_put(struct capture_ring *r, uint32_t kept);

/* Producer: gives up what was put after put was `mark`, and is not committed. */
static inline void capture_ring_rewind(struct capture_ring *r, uint64_t mark)
{
	r->put = mark;
}

/* Producer: the consumer may have all that was put. */
static inline void capture_ring_commit(struct capture_ring *r)
{
	atomic_store_explicit(&r->head, r->put, memory_order_release);
}

/* Consumer: the oldest record not taken, NULL: none. It is the consumer's to
 * write to until it is given back. */
struct capture_record *capture_ring_first(struct capture_ring *r);

/* Consumer: takes what capture_ring_first() returned and gives its room back. */
void capture_ring_take(struct capture_ring *r);
