/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory whose end is the end of the readable world: bytes are placed right in
 * front of a page without access, so reading one byte too many ends the test,
 * under any compiler and without a sanitizer.
 */
#pragma once

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/base/compiler.h"

struct guard {
	uint8_t *map;
	size_t size; /* bytes in front of the closed page */
	size_t page;
};

/* Room for `size` bytes at least; ends the program when there is no memory. */
static inline void guard_init(struct guard *g, size_t size)
{
	g->page = (size_t)sysconf(_SC_PAGESIZE);
	g->size = ALIGN_UP(size, g->page);
	g->map = mmap(NULL, g->size + g->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (g->map == MAP_FAILED || mprotect(g->map + g->size, g->page, PROT_NONE) != 0)
		abort();
}

static inline void guard_fini(struct guard *g)
{
	munmap(g->map, g->size + g->page);
}

/* Copies `len` bytes (or none, with NULL) so that they end where the page begins. */
static inline uint8_t *guard_place(const struct guard *g, const void *bytes, size_t len)
{
	uint8_t *p = g->map + g->size - len;

	if (bytes && len)
		memcpy(p, bytes, len);
	return p;
}
