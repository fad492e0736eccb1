/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line that DPDK's environment layer (EAL) is started with, made
 * from the configuration. Text work only; no DPDK.
 *
 * The main lcore, number 0, floats over all CPUs of the process; worker i is
 * lcore 1 + i, on its configured CPU or floating as well.
 */
#pragma once

#include <sched.h>

#include "drivers/dpdk_huge.h"

/* The lcore that runs worker i. */
#define DPDK_WORKER_LCORE(i) (1u + (i))

#define DPDK_ARGS_MAX (24 + 2 * CONF_MAX_PORTS)

struct dpdk_args {
	int argc;
	char *argv[DPDK_ARGS_MAX + 1]; /* each from malloc(), ended by NULL */
};

/*
 * `cpus`: those this process may run on. Virtual devices are left out: they are
 * attached when their port is opened, where a failure can be put down to it.
 * False with report->error set: a worker's CPU is not among `cpus`, or memory is
 * short; nothing is to be freed then.
 */
bool dpdk_args_build(const struct conf *conf, const struct dpdk_memory_plan *memory,
		     const cpu_set_t *cpus, struct dpdk_args *out, struct report *report);

void dpdk_args_free(struct dpdk_args *a);
