/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reassembly of IP fragments (RFC 791 §3.2, RFC 8200 §4.5, RFC 1122 §3.3.2) within
 * bounds that an attacker cannot move: FRAG_MAX datagrams at once in a shard, each
 * one packet buffer large, FRAG_TIMEOUT_MS long. A segment of the size that we
 * announce fits; what is larger could not be queued and is dropped. Pieces that
 * overlap are no accident: their datagram is given up (RFC 5722, RFC 8200 §4.5).
 *
 * All fragments between two addresses belong to one shard, since only the first
 * of them names ports. Per shard, one thread.
 */
#pragma once

#include "engine/base/tick.h"
#include "engine/wire/parse.h"

#define FRAG_SETS	8
#define FRAG_WAYS	8
#define FRAG_MAX	(FRAG_SETS * FRAG_WAYS)
#define FRAG_RANGES	16    /* pieces of a datagram that do not touch, at most */
#define FRAG_TIMEOUT_MS 30000 /* ipfrag_time */

struct shard;

/* A datagram that is being put together. */
struct frag {
	struct buf *b;		  /* NULL: not in use; the frame as it will be */
	struct ipaddr src, dst;
	uint32_t id;		  /* of the IP header, 16 or 32 bits */
	uint16_t iface;		  /* it came in by */
	uint8_t proto;
	uint8_t ecn;		  /* CE when any piece was marked (RFC 3168 §5.3) */
	tick_t expires;
	uint32_t header;	  /* bytes of frame in front of the payload */
	uint32_t payload_len;	  /* of the datagram, 0: its end has not come */
	uint16_t nb_frames;	  /* received for it */
	uint16_t nb_ranges;
	struct frag_range {
		uint16_t start, end;
	} ranges[FRAG_RANGES];	  /* received payload, ascending, apart */
};

struct frags {
	struct frag at[FRAG_MAX];
	uint32_t used;
	tick_t expire_at; /* none of them is due before */
};

/*
 * Takes a fragment, s->iface set, and consumes s->buf. Returns the whole frame when
 * it was the last piece missing, to be parsed like any other; NULL: nothing yet, or
 * dropped and counted.
 */
struct buf *frag_input(struct shard *sh, struct seg *s);

/* Gives up what has waited too long. */
void frag_expire(struct shard *sh);

/* Earliest time at which frag_expire() has work; false: never. */
bool frag_next(const struct shard *sh, tick_t *at);

/* Frees every buffer; for shard_fini(). */
void frag_fini(struct shard *sh);
