/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/capture_ring.h"

#include <sys/mman.h>

bool capture_ring_init(struct capture_ring *r, size_t size)
{
	/* Populated now: a worker must not meet page faults. */
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	*r = (struct capture_ring){.size = size};
	if (mem == MAP_FAILED)
		return false;
	r->mem = mem;
	return true;
}

void capture_ring_fini(struct capture_ring *r)
{
	if (r->mem)
		munmap(r->mem, r->size);
	*r = (struct capture_ring){0};
}

static struct capture_record *record_at(const struct capture_ring *r, uint64_t position)
{
	return (struct capture_record *)(void *)(r->mem + (position & (r->size - 1)));
}

/* Of a record and its bytes. */
static uint64_t size_of(uint32_t kept)
{
	return CAPTURE_RECORD_ALIGN + ALIGN_UP((uint64_t)kept, CAPTURE_RECORD_ALIGN);
}

static bool has_room(struct capture_ring *r, uint64_t bytes)
{
	if (r->put + bytes - r->tail_seen <= r->size)
		return true;
	r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
	return r->put + bytes - r->tail_seen <= r->size;
}

struct capture_record *capture_ring_put(struct capture_ring *r, uint32_t kept)
{
	uint64_t size = size_of(kept), to_end = r->size - (r->put & (r->size - 1));
	struct capture_record *record;

	if (size <= to_end)
		to_end = 0;
	if (!has_room(r, to_end + size))
		return NULL;
	/* A record is in one piece: one that would not be begins at the ring's
	 * beginning, behind a filler without a direction. */
	if (to_end)
		*record_at(r, r->put) =
		    (struct capture_record){.kept = (uint32_t)to_end - CAPTURE_RECORD_ALIGN};
	record = record_at(r, r->put + to_end);
	*record = (struct capture_record){.kept = kept};
	r->put += to_end + size;
	return record;
}

static bool is_empty(struct capture_ring *r)
{
	if (r->got == r->head_seen)
		r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
	return r->got == r->head_seen;
}

struct capture_record *capture_ring_first(struct capture_ring *r)
{
	struct capture_record *record;

	if (is_empty(r))
		return NULL;
	record = record_at(r, r->got);
	if (record->direction)
		return record;
	/* A filler is committed together with the record it makes room for. */
	r->got += size_of(record->kept);
	return record_at(r, r->got);
}

void capture_ring_take(struct capture_ring *r)
{
	r->got += size_of(record_at(r, r->got)->kept);
	atomic_store_explicit(&r->tail, r->got, memory_order_release);
}
