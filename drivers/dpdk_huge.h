/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether the engine's memory comes from huge pages: what the kernel has free
 * of them, what the configuration asks for, and the words for the operator when
 * the two do not agree. Reads /sys only; no DPDK.
 */
#pragma once

#include "drivers/report.h"
#include "engine/conf.h"

#define DPDK_HUGE_ROOT	"/sys/kernel/mm/hugepages"
#define DPDK_HUGE_SIZES 8

struct dpdk_huge_size {
	uint64_t page_kb;
	uint64_t reserved; /* pages in the kernel's pool */
	uint64_t free;	   /* of these, not used and not promised to anyone */
	uint64_t piece_max; /* bytes that DPDK gives out in one piece at most */
};

/* One entry per page size of this kernel, smallest first. */
struct dpdk_huge {
	uint32_t nb_sizes;
	struct dpdk_huge_size sizes[DPDK_HUGE_SIZES];
};

struct dpdk_memory_plan {
	bool huge;
	uint64_t bytes; /* of memory for everything */
};

/* Reads what there is; `root` is DPDK_HUGE_ROOT except in tests. A kernel
 * without huge pages has no sizes. */
void dpdk_huge_probe(const char *root, struct dpdk_huge *out);

/* What is to be had of memory: `bytes` for everything, DPDK's own included, and of them
 * `piece` in one piece. */
struct dpdk_memory_need {
	uint64_t bytes, piece;
};

/*
 * Decides on the memory. False, with report->error set, when huge pages are
 * required and not enough of one size that DPDK can make the piece of are free;
 * when they are merely preferred, a notice says what would be needed.
 */
bool dpdk_huge_plan(const struct dpdk_huge *have, enum conf_huge want,
		    const struct dpdk_memory_need *need, struct dpdk_memory_plan *out,
		    struct report *report);
