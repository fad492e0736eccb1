/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fixed-size objects by 32-bit index over memory that the caller owns. Nothing
 * is allocated and no page is touched before the object in it is first used.
 * Index 0 is never handed out: POOL_NIL. The free list is last-in first-out,
 * so a recycled object is likely still in cache. One thread.
 *
 * An object's first 4 bytes are the free-list link while it is free; its owner
 * clears the object when it takes it.
 */
#pragma once

#include "engine/base/compiler.h"

#define POOL_NIL 0u

struct pool {
	uint8_t *base;	    /* object i lives at base + i * stride */
	uint32_t stride;    /* bytes */
	uint32_t capacity;  /* objects that can be in use at once */
	uint32_t used;	    /* objects in use now */
	uint32_t fresh;	    /* lowest index never used yet */
	uint32_t free_head; /* POOL_NIL or most recently freed index */
};

/* Bytes that a pool of `capacity` objects of `stride` bytes needs (slot 0 included). */
static inline size_t pool_bytes(uint32_t capacity, uint32_t stride)
{
	return ((size_t)capacity + 1) * stride;
}

/* `mem` holds pool_bytes() bytes, zeroed or not, and outlives the pool. */
static inline void pool_init(struct pool *p, void *mem, uint32_t capacity, uint32_t stride)
{
	*p = (struct pool){.base = mem, .stride = stride, .capacity = capacity, .fresh = 1};
}

static inline void *pool_at(const struct pool *p, uint32_t index)
{
	return p->base + (size_t)index * p->stride;
}

static inline uint32_t pool_index(const struct pool *p, const void *obj)
{
	return (uint32_t)((size_t)((const uint8_t *)obj - p->base) / p->stride);
}

/* True when there is none to take. */
static inline bool pool_is_empty(const struct pool *p)
{
	return p->used == p->capacity;
}

/* Takes an object; returns POOL_NIL when all are in use. Contents are undefined. */
static inline uint32_t pool_get(struct pool *p)
{
	uint32_t i = p->free_head;

	if (i != POOL_NIL) {
		memcpy(&p->free_head, pool_at(p, i), sizeof(p->free_head));
	} else {
		if (unlikely(p->fresh > p->capacity))
			return POOL_NIL;
		i = p->fresh++;
	}
	p->used++;
	return i;
}

/* Gives an object back; its first 4 bytes are overwritten. */
static inline void pool_put(struct pool *p, uint32_t index)
{
	INVARIANT(index != POOL_NIL && index < p->fresh && p->used > 0);
	memcpy(pool_at(p, index), &p->free_head, sizeof(p->free_head));
	p->free_head = index;
	p->used--;
}
