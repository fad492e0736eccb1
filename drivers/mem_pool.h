/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pool of packet buffers in plain memory: what tests, simulator and benches
 * give to shards and in-memory ports in the place of DPDK's. Every buf has a
 * reference count, and the pool knows how many are out, so that a leak or a
 * second free shows at once. Under AddressSanitizer a free buf is poisoned.
 */
#pragma once

#include "engine/base/buf.h"

enum mem_pool_flags {
	/* Several threads allocate and free; costs a lock per call. */
	MEM_POOL_SHARED = 1 << 0,
};

struct mem_pool;

/*
 * nb_bufs buffers with `room` bytes behind their headroom; BUF_DATAROOM when 0.
 * All memory is taken here. NULL: out of memory. The caller destroys it.
 */
struct mem_pool *mem_pool_create(uint32_t nb_bufs, uint32_t room, uint32_t flags);

/* Frees the memory of all bufs, whoever still holds one. NULL is fine. */
void mem_pool_destroy(struct mem_pool *p);

/* The pool as a shard sees it; valid as long as the pool. */
struct buf_ops mem_pool_ops(struct mem_pool *p);

/* One buf as alloc_bulk would give it; NULL when none is left. */
struct buf *mem_pool_get(struct mem_pool *p);

/* Gives up one reference. */
void mem_pool_put(struct mem_pool *p, struct buf *b);

/* Takes one more reference of a buf that is in use. */
void mem_pool_hold(struct buf *b);

/* True when the caller's reference is the only one. */
bool mem_pool_is_sole(const struct buf *b);

/* Bufs that are not free; 0 at the end of a test that leaks nothing. */
uint32_t mem_pool_in_use(struct mem_pool *p);
