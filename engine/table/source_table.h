/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many connections each source has, and how many it has opened lately. A source is a
 * prefix of client addresses at a listener; only who has completed a handshake is counted, so
 * forged addresses take no room. Each shard has a table, which only it writes to; to admit a
 * client it adds up what the tables of all shards say.
 *
 * A bucket is a cache line of eight keys with an entry behind each, and a source has two buckets
 * to be in. An entry whose source has no connection, and opened none in this second and the last,
 * may be another's. Where both are full of others the source is counted in a count-min sketch
 * beside the table instead (Cormode, Muthukrishnan 2005): never too low, but too high for those
 * that share all their cells with others. A connection remembers where it was counted and is
 * taken off there, so whatever is counted where, all of it comes back to zero.
 *
 * Recent connections are those of this second and, of the second before, the share that is less
 * than a second ago. Unlike a bucket of tokens that can be added up over several tables.
 *
 * Keys, counts and rates may be read by any thread at any time. A table's owner counts first and
 * adds up then, both in the one order of sequential consistency: of two shards that do so at the
 * same time one at least sees the other, and a limit is never exceeded.
 */
#pragma once

#include <stdatomic.h>

#include "engine/base/ipaddr.h"
#include "engine/base/tick.h"

#define SOURCE_WAYS	8  /* keys in a bucket */
#define SOURCE_ROWS	4  /* of the sketch */
#define SOURCE_RATE_MAX 1000000 /* connections a second that can be told apart from more */

/* Where a connection is counted; two bits of it. */
enum source_place { SOURCE_NOWHERE, SOURCE_EXACT, SOURCE_SKETCH };

/* A source as whoever counts it names it. */
struct source_id {
	uint64_t key;	  /* keyed hash of all below, the same in every shard, not 0 */
	uint8_t addr[16]; /* no bit is set behind the prefix; IPv4: the first four bytes */
	uint16_t listener;
	uint8_t family, prefix_len;
};

/* Connections begun: in a second, and in the one before. A word, see source_table.c. */
typedef _Atomic uint64_t source_rate_t;

struct source_entry {
	source_rate_t rate;
	_Atomic uint32_t connections; /* now */
	uint32_t refused;	      /* SYNs and handshakes, since it has the entry */
	uint8_t addr[16];
	uint16_t listener;
	uint8_t family, prefix_len;
};

struct source_cell {
	source_rate_t rate;
	_Atomic uint32_t connections;
};

struct source_table {
	_Atomic uint64_t *keys; /* 0: never used */
	struct source_entry *entries;
	struct source_cell *cells; /* SOURCE_ROWS rows */
	uint32_t nb_buckets, row_cells; /* powers of two */
	uint32_t live;	   /* entries with connections */
	uint32_t sketched; /* connections that the sketch counts */
	_Atomic bool crowded; /* the sketch has been used: it is worth looking into */
};

/* What is known of a source: of one table, or the sum over several. */
struct source_count {
	uint64_t connections;
	uint64_t recent_milli; /* in thousandths of a connection */
};

/* Bytes for a table of at least `capacity` sources. */
size_t source_table_bytes(uint32_t capacity);

/* `mem` holds that many zeroed bytes at a cache line. */
void source_table_init(struct source_table *t, void *mem, uint32_t capacity);

/* Entries that the table has. */
static inline uint32_t source_table_slots(const struct source_table *t)
{
	return t->nb_buckets * SOURCE_WAYS;
}

/* Brings what a count of this source needs into the cache. Any thread, as the next. */
void source_table_prefetch(const struct source_table *t, uint64_t key);

/* Adds what the table knows to *sum. */
void source_table_add(const struct source_table *t, uint64_t key, usec_t now,
		      struct source_count *sum);

/* ---- the owner's ---- */

/* Counts a connection that begins now, and returns where; never SOURCE_NOWHERE. */
enum source_place source_table_enter(struct source_table *t, const struct source_id *id,
				     usec_t now);

/* A connection that was counted there ends. */
void source_table_leave(struct source_table *t, uint64_t key, enum source_place place);

/* A connection that was counted just now does not begin. */
void source_table_undo(struct source_table *t, uint64_t key, enum source_place place, usec_t now);

/* The source was refused something: told of it where it has an entry. */
void source_table_refused(struct source_table *t, uint64_t key);

/* What slot number `slot` knows of its source; zeros where it has none. */
void source_table_entry(const struct source_table *t, uint32_t slot, usec_t now,
			struct source_count *count);

/* True when so many connections are counted in entries and in the sketch. Slow. */
bool source_table_check(const struct source_table *t, uint64_t exact, uint64_t sketched);
