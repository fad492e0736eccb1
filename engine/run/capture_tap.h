/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker does for a capture: it runs the filter on the frames that pass
 * and copies those that match into its ring. A worker has a tap only while a
 * capture runs (capture_slot.h), and calls with it from its own thread.
 */
#pragma once

#include "engine/base/buf.h"
#include "engine/run/capture_filter.h"
#include "engine/run/capture_ring.h"

#define CAPTURE_HELD_MAX     64  /* frames of one capture_tap_hold() */
#define CAPTURE_COUNTERS_MAX 255 /* at least STAT_COUNT, whose header rules out <sys/stat.h> */

/* What to capture, the same for all workers; nobody writes while a tap uses it. */
struct capture_rules {
	struct capture_filter filter;
	uint32_t snaplen; /* bytes kept of a frame at most */
	uint32_t ports;   /* bit i: the frames of port i */
	bool drops_only;  /* received frames that raised a drop counter, nothing else */
	uint8_t nb_drops;
	uint8_t drops[CAPTURE_COUNTERS_MAX]; /* these counters tell, enum stat */
};

/* Fills in which counters tell of a dropped frame. */
void capture_rules_init(struct capture_rules *r);

struct capture_tap {
	const struct capture_rules *rules;
	struct capture_ring ring;
	_Atomic uint64_t missed; /* frames that found no room; the worker writes */
	_Atomic usec_t turn_us;  /* what is older is committed; the worker writes */

	/* The worker's own, between the two calls of a pair. */
	struct {
		uint64_t end; /* in the ring, with this frame */
		uint32_t missed;
	} held[CAPTURE_HELD_MAX];        /* sums over the frames held, this one included */
	struct capture_record *expected; /* NULL: the frame does not match, or found no room */
	bool expected_missed;
	uint64_t mark;                          /* in the ring, before the frame */
	uint64_t counted[CAPTURE_COUNTERS_MAX]; /* of rules->drops, before the frame */
};

/* A tap with a ring of `ring_bytes`; see capture_ring_init(). */
bool capture_tap_init(struct capture_tap *t, const struct capture_rules *rules, size_t ring_bytes);

/* No worker uses it any more. */
void capture_tap_fini(struct capture_tap *t);

/* At the beginning of a turn, whose frames will have this time. */
static inline void capture_tap_turn(struct capture_tap *t, usec_t now)
{
	atomic_store_explicit(&t->turn_us, now, memory_order_release);
}

static inline bool capture_tap_wants_drops(const struct capture_tap *t)
{
	return t->rules->drops_only;
}

/* Frames just received, buf.port filled in; nothing when the rules want drops. */
void capture_tap_received(struct capture_tap *t, struct buf *const *bufs, uint32_t n, usec_t now);

/* Frames about to be offered to a port, n <= CAPTURE_HELD_MAX, which may change
 * them; then how many of them it took. Nothing when the rules want drops. */
void capture_tap_hold(struct capture_tap *t, struct buf *const *bufs, uint32_t n, uint16_t port,
		      usec_t now);
void capture_tap_sent(struct capture_tap *t, uint32_t n);

/* For drops: a frame about to be processed, which may change it; then the
 * counters after that. Between the two no other frame is processed. */
void capture_tap_expect(struct capture_tap *t, const struct buf *b, const uint64_t *stats,
			usec_t now);
void capture_tap_settle(struct capture_tap *t, const uint64_t *stats);
