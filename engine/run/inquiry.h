/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a control thread can ask a worker, and the answer: see mailbox.h. An
 * answer is one page of a listing; the cursor says where it begins.
 */
#pragma once

#include "engine/info.h"

#define INQUIRY_CONNS     22 /* rows in one answer */
#define INQUIRY_LISTENERS 64
#define INQUIRY_BACKENDS  64
#define INQUIRY_SOURCES	  64

enum inquiry_kind {
	INQUIRY_CONNECTIONS,
	INQUIRY_LISTENER_STATES,
	INQUIRY_BACKEND_STATES,
	INQUIRY_OBJECTS,
	INQUIRY_SOURCE_STATES,
	INQUIRY_SET_PREFIXES, /* not asked but told */
};

struct inquiry {
	enum inquiry_kind kind;
	uint64_t cursor;           /* connections: see info_connections(); others: first index */
	struct info_filter filter; /* connections */
	const struct prefix_set *prefixes; /* for shard_set_prefixes(): when the answer is there the
					    * worker looks into no other set any more */
	uint32_t max;              /* rows at most, within the limits above */

	uint32_t count; /* answer: rows, */
	uint64_t next;  /* and for connections and sources the cursor to go on with, 0: end */
	union {
		struct conn_info conns[INQUIRY_CONNS];
		struct listener_info listeners[INQUIRY_LISTENERS];
		struct backend_info backends[INQUIRY_BACKENDS];
		struct source_info sources[INQUIRY_SOURCES];
		struct object_info objects;
	};
};

/* Fills in the answer; on the shard's own thread. */
void inquiry_answer(struct inquiry *q, struct shard *sh);
