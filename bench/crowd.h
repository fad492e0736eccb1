/* SPDX-License-Identifier: BSD-3-Clause */
/* Established connections that send requests in random order and get an answer to each. */
#pragma once

#include "bench/peer.h"

#define CROWD_BATCH 32

struct crowd {
	uint32_t nb;
	uint32_t *snd_nxt, *rcv_nxt; /* where each client stands */
	uint64_t random;
	const void *request;
	uint32_t len;	/* of a request */
	bool acks;	/* answers are acknowledged by a segment of its own, else by the next
			 * request */
};

/* Memory for nb clients, resident. The shard need not exist yet. Ends the program when there
 * is none. */
void crowd_init(struct crowd *c, uint32_t nb, const void *request, uint32_t len, bool acks);
void crowd_fini(struct crowd *c);

/* Those of them that the shard owns; the others stay out of it. */
void crowd_connect(struct crowd *c, struct bench *b);

/* CROWD_BATCH requests and their answers. */
void crowd_exchange(struct crowd *c, struct bench *b);

/* The same in pieces, for who has turns of his own. Requests of clients that shard b owns: */
void crowd_requests(struct crowd *c, struct bench *b, struct buf **bufs);

/* Takes note of the answers among b's frames and frees those. Returns how many segments of the
 * clients' follow from them, at most as many as there were. */
uint32_t crowd_answered(struct crowd *c, struct bench *b, struct buf **bufs);
