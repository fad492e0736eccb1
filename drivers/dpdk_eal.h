/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starts and ends DPDK's environment layer (EAL) for a configuration, and gives
 * out its memory. EAL can be started once in the life of a process, so there is
 * one struct dpdk_eal, and its functions belong to the main thread.
 */
#pragma once

#include <stdio.h>

#include "drivers/dpdk_args.h"
#include "drivers/report.h"

struct dpdk_eal {
	struct dpdk_args args; /* EAL keeps pointers into it */
	FILE *log;
	bool huge; /* memory is in huge pages */
};

/*
 * `need`: memory for everything, pools, tables and DPDK's own, and the largest piece that
 * dpdk_mem_alloc() will be asked for.
 * Afterwards the calling thread is the main lcore, and worker i can be launched
 * on lcore DPDK_WORKER_LCORE(i). False with report->error set: EAL is not
 * started, but a second try may need a new process. Notices may be set either
 * way.
 */
bool dpdk_eal_init(struct dpdk_eal *eal, const struct conf *conf,
		   const struct dpdk_memory_need *need, struct report *report);

/* Ports are closed, pools and memory freed, and workers have returned. */
void dpdk_eal_fini(struct dpdk_eal *eal);

/*
 * Zeroed memory for a shard's tables, aligned to a cache line, from NUMA node
 * `socket` (negative: any), or from another node when that one has none left, of
 * which a notice tells. NULL with report->error set. `name` is for statistics.
 */
void *dpdk_mem_alloc(const char *name, size_t bytes, int socket, struct report *report);

/* NULL is fine. */
void dpdk_mem_free(void *mem);
