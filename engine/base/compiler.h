/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attributes, cache-line arithmetic and assertions used everywhere. Nothing in
 * here pulls in a library symbol, so that the core stays free of them.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CACHE_LINE	  64
#define CACHE_ALIGNED	  __attribute__((aligned(CACHE_LINE)))
#define PACKED		  __attribute__((packed))
#define NOINLINE	  __attribute__((noinline))
#define COLD		  __attribute__((cold, noinline)) /* what few segments need */
#define ALWAYS_INLINE	  __attribute__((always_inline)) inline
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define UNUSED		  __attribute__((unused))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a)		   (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(p, type, mem) ((type *)((char *)(p)-offsetof(type, mem)))
#define MIN(a, b)		   ((a) < (b) ? (a) : (b))
#define MAX(a, b)		   ((a) > (b) ? (a) : (b))
#define ALIGN_UP(n, a)		   (((n) + (a)-1) / (a) * (a))

#define PREFETCH(p)	  __builtin_prefetch((p), 0, 3)
#define PREFETCH_WRITE(p) __builtin_prefetch((p), 1, 3)

/* Asks for a line by a load whose value nobody wants. Where many misses are under way processors
 * drop prefetches; loads they keep, and go on meanwhile. For what a burst asks for at once. */
#define FETCH(p) ((void)*(const volatile uint8_t *)(p))

/* memset() to zero of a multiple of a cache line, known to the compiler, by stores: of more than a
 * line it would make a string instruction, which takes its time to begin. */
static ALWAYS_INLINE void zero_lines(void *p, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += CACHE_LINE)
		memset((uint8_t *)p + at, 0, CACHE_LINE);
}

/*
 * INVARIANT states what our own code guarantees; a peer's mistake is never one
 * (that is a counter). It traps instead of calling abort() because the core
 * imports no libc symbol beyond the mem* family. NDEBUG removes the check.
 */
#ifdef NDEBUG
#define INVARIANT(x) ((void)sizeof(!!(x)))
#else
#define INVARIANT(x)                                                                               \
	do {                                                                                       \
		if (unlikely(!(x)))                                                                \
			__builtin_trap();                                                          \
	} while (0)
#endif
