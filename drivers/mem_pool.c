/* SPDX-License-Identifier: BSD-3-Clause */
/* Buffers in plain memory; see mem_pool.h. Free bufs are kept on a stack, so the
 * one freed last, likely still in cache, is the next one used. */
#include "drivers/mem_pool.h"

#include <stdatomic.h>
#include <stdlib.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

/* In front of each buf's memory. The count stays readable while the buf is
 * free, which is how a second free is noticed. */
struct mem_buf {
	struct buf buf;
	_Atomic uint32_t refs;
} CACHE_ALIGNED;
static_assert(sizeof(struct mem_buf) == CACHE_LINE, "a buf's head is one cache line");
static_assert(sizeof(struct buf) % 8 == 0, "poison ends where refs begins");

struct mem_pool {
	uint8_t *memory;
	size_t stride; /* bytes from one struct mem_buf to the next */
	uint32_t nb_bufs;
	uint32_t nb_free;
	bool shared;
	atomic_flag busy;
	struct buf **free; /* a stack of nb_free */
};

static struct mem_buf *mem_buf_of(const struct buf *b)
{
	return CONTAINER_OF(b, struct mem_buf, buf);
}

static void lock(struct mem_pool *p)
{
	if (!p->shared)
		return;
	while (atomic_flag_test_and_set_explicit(&p->busy, memory_order_acquire))
		;
}

static void unlock(struct mem_pool *p)
{
	if (p->shared)
		atomic_flag_clear_explicit(&p->busy, memory_order_release);
}

/* Everything of a free buf but its reference count. */
static void poison(const struct mem_pool *p, struct buf *b)
{
	POISON(b, sizeof(*b));
	POISON(mem_buf_of(b) + 1, p->stride - sizeof(struct mem_buf));
}

static void unpoison(const struct mem_pool *p, struct buf *b)
{
	UNPOISON(b, sizeof(*b));
	UNPOISON(mem_buf_of(b) + 1, p->stride - sizeof(struct mem_buf));
}

struct mem_pool *mem_pool_create(uint32_t nb_bufs, uint32_t room, uint32_t flags)
{
	struct mem_pool *p = calloc(1, sizeof(*p));
	uint32_t size = BUF_HEADROOM + (room > 0 ? room : BUF_DATAROOM);

	if (!p)
		return NULL;
	p->stride = ALIGN_UP(sizeof(struct mem_buf) + size, CACHE_LINE);
	p->nb_bufs = nb_bufs;
	p->shared = flags & MEM_POOL_SHARED;
	atomic_flag_clear(&p->busy);
	p->memory = aligned_alloc(CACHE_LINE, p->stride * MAX(nb_bufs, 1u));
	p->free = calloc(MAX(nb_bufs, 1u), sizeof(*p->free));
	if (!p->memory || !p->free) {
		free(p->memory);
		free(p->free);
		free(p);
		return NULL;
	}
	for (uint32_t i = 0; i < nb_bufs; i++) {
		struct mem_buf *m = (struct mem_buf *)(p->memory + p->stride * i);

		m->buf = (struct buf){.start = (uint8_t *)(m + 1), .room = size};
		atomic_init(&m->refs, 0);
		p->free[nb_bufs - 1 - i] = &m->buf;
		poison(p, &m->buf);
	}
	p->nb_free = nb_bufs;
	return p;
}

void mem_pool_destroy(struct mem_pool *p)
{
	if (!p)
		return;
	UNPOISON(p->memory, p->stride * p->nb_bufs);
	free(p->memory);
	free(p->free);
	free(p);
}

static bool alloc_bulk(void *ctx, struct buf **out, uint32_t n)
{
	struct mem_pool *p = ctx;

	lock(p);
	if (p->nb_free < n) {
		unlock(p);
		return false;
	}
	for (uint32_t i = 0; i < n; i++)
		out[i] = p->free[--p->nb_free];
	unlock(p);

	for (uint32_t i = 0; i < n; i++) {
		struct buf *b = out[i];

		unpoison(p, b);
		atomic_store_explicit(&mem_buf_of(b)->refs, 1, memory_order_relaxed);
		b->data = b->start + BUF_HEADROOM;
		b->next = NULL;
		b->len = 0;
		b->flags = 0;
	}
	return true;
}

/* True when that was the last reference. */
static bool drop_ref(struct mem_pool *p, struct buf *b)
{
	_Atomic uint32_t *refs = &mem_buf_of(b)->refs;
	uint32_t left;

	if (p->shared) {
		left = atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel);
	} else {
		left = atomic_load_explicit(refs, memory_order_relaxed);
		atomic_store_explicit(refs, left - 1, memory_order_relaxed);
	}
	INVARIANT(left > 0);
	return left == 1;
}

static void free_bulk(void *ctx, struct buf *const *bufs, uint32_t n)
{
	struct mem_pool *p = ctx;

	lock(p);
	for (uint32_t i = 0; i < n; i++) {
		if (!drop_ref(p, bufs[i]))
			continue;
		poison(p, bufs[i]);
		p->free[p->nb_free++] = bufs[i];
	}
	unlock(p);
}

static bool in_port(void *ctx, const struct buf *b)
{
	(void)ctx;
	return !mem_pool_is_sole(b);
}

static uint32_t available(void *ctx)
{
	struct mem_pool *p = ctx;
	uint32_t n;

	lock(p);
	n = p->nb_free;
	unlock(p);
	return n;
}

struct buf_ops mem_pool_ops(struct mem_pool *p)
{
	return (struct buf_ops){.ctx = p,
				.alloc_bulk = alloc_bulk,
				.free_bulk = free_bulk,
				.in_port = in_port,
				.available = available,
				.total = p->nb_bufs};
}

struct buf *mem_pool_get(struct mem_pool *p)
{
	struct buf *b;

	return alloc_bulk(p, &b, 1) ? b : NULL;
}

void mem_pool_put(struct mem_pool *p, struct buf *b)
{
	free_bulk(p, &b, 1);
}

void mem_pool_hold(struct buf *b)
{
	uint32_t before =
		atomic_fetch_add_explicit(&mem_buf_of(b)->refs, 1, memory_order_relaxed);

	INVARIANT(before > 0);
}

bool mem_pool_is_sole(const struct buf *b)
{
	return atomic_load_explicit(&mem_buf_of(b)->refs, memory_order_acquire) == 1;
}

uint32_t mem_pool_in_use(struct mem_pool *p)
{
	uint32_t used;

	lock(p);
	used = p->nb_bufs - p->nb_free;
	unlock(p);
	return used;
}
