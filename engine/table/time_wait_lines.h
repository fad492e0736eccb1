/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TIME_WAIT records of one shard (M12): 24 bytes each, 32 all in.
 *
 * They are the most numerous objects by far, and all that happens to nearly every one is that its
 * wait ends; and waits of one length end in the order in which they began. So records stand in
 * lines, one for each length, in chunks of 64: what is new is written behind what was written just
 * before, and what ends is read in the order in which it was written. There is no timer node, no
 * neighbour to link and no place to look for; only the table in front of them knows where each is.
 *
 * A chunk ends when its last record does. It takes records for a 256th of its line's wait at
 * most, so none waits for much longer than it must. A record that ends early leaves a hole; a chunk
 * of holes is free at once, and where chunks run short records move into the holes of later
 * chunks, until one is free.
 *
 * Sized once, never grows. One thread.
 */
#pragma once

#include "engine/base/tick.h"

#define TW_CHUNK 64	    /* records of a chunk */
#define TW_NONE	 UINT32_MAX

/* A closed connection that still guards its tuple. */
struct time_wait {
	uint32_t raddr; /* these three as in struct tuple */
	uint16_t rport_be;
	uint16_t lport_be;
	uint32_t rcv_nxt;
	uint32_t snd_nxt;
	uint32_t ts_recent;
	uint32_t local : 10;   /* index of the local address */
	uint32_t profile : 11; /* of the connection: its listener, or its source port's pool */
	uint32_t backend : 10; /* of a pool's connection, which owns a source port */
	uint32_t used : 1;     /* it has not ended */
};
static_assert(sizeof(struct time_wait) == 24, "");

struct tw_chunk {
	uint32_t next, prev; /* in its line, TW_NONE at the ends; next: of free ones as well */
	tick_t since, until; /* when its first and its last record were entered */
	uint32_t timestamps[2]; /* a bit a record: ts_recent is valid */
	uint8_t nb;	     /* records entered */
	uint8_t live;	     /* of them, those that have not ended */
	uint16_t line;
	struct time_wait records[TW_CHUNK];
};
static_assert(sizeof(struct tw_chunk) == 28 + TW_CHUNK * 24, "24.4 bytes a record");

/* Records that wait for the same time, oldest first. */
struct tw_line {
	uint32_t wait;	      /* ticks */
	uint32_t first, last; /* chunks, TW_NONE: none */
};

/* Called when the record `from` has become the record `to`. */
typedef void (*tw_moved_fn)(void *ctx, uint32_t from, uint32_t to);

struct tw_lines {
	tw_moved_fn moved;
	void *ctx;
	struct tw_chunk *chunks;
	struct tw_line *lines;
	uint32_t nb_chunks, nb_lines;
	uint32_t free_head; /* chunk given back last, TW_NONE: none */
	uint32_t fresh;	    /* lowest chunk never used */
	uint32_t used;	    /* records that have not ended */
	uint32_t capacity;  /* of them at most */
	uint32_t looked_at; /* chunk up to which holes were looked for */
	uint32_t holed;	    /* of which a record ended last */
};

/* Bytes for `capacity` records in `nb_lines` lines, a multiple of a cache line. */
size_t tw_lines_bytes(uint32_t capacity, uint32_t nb_lines);

/* `mem` holds tw_lines_bytes() zeroed bytes, cache-line aligned. */
void tw_lines_init(struct tw_lines *t, void *mem, uint32_t capacity, uint32_t nb_lines,
		   tw_moved_fn moved, void *ctx);

/* Adds a line of records that wait for so long; returns its number. There must be room for it. */
uint16_t tw_add_line(struct tw_lines *t, uint32_t wait_ticks);

/* Room for a record at the end of a line, TW_NONE: there is none. The caller writes all of it,
 * `used` with the rest; it ends after the line's wait. */
uint32_t tw_enter(struct tw_lines *t, uint16_t line, tick_t now, bool timestamps);

/* The record ends now. */
void tw_remove(struct tw_lines *t, uint32_t index);

static inline struct tw_chunk *tw_chunk_of(const struct tw_lines *t, uint32_t index)
{
	return &t->chunks[index / TW_CHUNK];
}

static inline struct time_wait *tw_at(const struct tw_lines *t, uint32_t index)
{
	return &tw_chunk_of(t, index)->records[index % TW_CHUNK];
}

static inline bool tw_has_timestamps(const struct tw_lines *t, uint32_t index)
{
	return tw_chunk_of(t, index)->timestamps[index % TW_CHUNK / 32] >> index % 32 & 1;
}

/* When it ends if nothing ends it sooner. */
static inline tick_t tw_end_of(const struct tw_lines *t, uint32_t index)
{
	const struct tw_chunk *c = tw_chunk_of(t, index);

	return c->until + t->lines[c->line].wait;
}

#define TW_BATCH 16 /* records that are handed over together */

/* Called with records whose wait is over, for each of which it calls tw_remove(). */
typedef void (*tw_over_fn)(void *ctx, const uint32_t *indexes, uint32_t n);

/* Hands over what is over, about `budget` records at most. Returns how many. */
uint32_t tw_expire(struct tw_lines *t, tick_t now, uint32_t budget, tw_over_fn over, void *ctx);

/* Sets *at to when tw_expire() has something to do next; false: never. */
bool tw_next(const struct tw_lines *t, tick_t *at);

/* Indexes are below it. */
static inline uint32_t tw_index_end(const struct tw_lines *t)
{
	return t->fresh * TW_CHUNK;
}

/* Walks everything; true when links and counts agree. For tests. */
bool tw_check(const struct tw_lines *t);
