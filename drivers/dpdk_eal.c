/* SPDX-License-Identifier: BSD-3-Clause */
/* Start and end of EAL, and its memory; see dpdk_eal.h. */
#include "drivers/dpdk_eal.h"

#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_malloc.h>

#include "drivers/dpdk_quiet.h"

/* EAL itself knows a fixed number of lcores. */
static bool check_limits(const struct conf *conf, struct report *report)
{
	if (DPDK_WORKER_LCORE(conf->nb_workers) > RTE_MAX_LCORE)
		return report_error(report, "workers.count: %u is more than the %u that this DPDK "
					    "was built for", conf->nb_workers, RTE_MAX_LCORE - 1);
	return true;
}

static bool start(struct dpdk_eal *eal, struct report *report)
{
	struct dpdk_quiet quiet;
	char *argv[DPDK_ARGS_MAX + 1]; /* EAL reorders it */
	char cause[256];
	int rc;

	memcpy(argv, eal->args.argv, sizeof(argv));
	eal->log = dpdk_quiet_log();
	if (eal->log)
		rte_openlog_stream(eal->log);
	dpdk_quiet_begin(&quiet);
	rc = rte_eal_init(eal->args.argc, argv);
	dpdk_quiet_end(&quiet, cause, sizeof(cause));
	if (rc >= 0)
		return true;
	if (rte_errno == EACCES || rte_errno == EPERM)
		return report_error(report, "DPDK may not start: %s: run as root", cause);
	if (cause[0] == '\0')
		snprintf(cause, sizeof(cause), "%s", rte_strerror(rte_errno));
	return report_error(report, "DPDK does not start: %s: correct the ports' devices or "
				    "memory.huge_pages", cause);
}

static void release(struct dpdk_eal *eal)
{
	rte_openlog_stream(NULL);
	if (eal->log)
		fclose(eal->log);
	dpdk_args_free(&eal->args);
	*eal = (struct dpdk_eal){0};
}

bool dpdk_eal_init(struct dpdk_eal *eal, const struct conf *conf, uint64_t bytes,
		   struct report *report)
{
	struct dpdk_memory_plan memory;
	struct dpdk_huge have;
	cpu_set_t cpus;

	*eal = (struct dpdk_eal){0};
	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
		return report_error(report, "cannot find out which CPUs may be used: %s",
				    strerror(errno));
	dpdk_huge_probe(DPDK_HUGE_ROOT, &have);
	if (!check_limits(conf, report) ||
	    !dpdk_huge_plan(&have, conf->memory.huge_pages, bytes, &memory, report) ||
	    !dpdk_args_build(conf, &memory, &cpus, &eal->args, report))
		return false;
	eal->huge = memory.huge;
	if (!start(eal, report)) {
		release(eal);
		return false;
	}
	return true;
}

void dpdk_eal_fini(struct dpdk_eal *eal)
{
	struct dpdk_quiet quiet;

	dpdk_quiet_begin(&quiet);
	rte_eal_cleanup();
	dpdk_quiet_end(&quiet, NULL, 0);
	release(eal);
}

void *dpdk_mem_alloc(const char *name, size_t bytes, int socket, struct report *report)
{
	struct dpdk_quiet quiet;
	void *mem;

	dpdk_quiet_begin(&quiet);
	mem = rte_zmalloc_socket(name, bytes, CACHE_LINE, socket < 0 ? SOCKET_ID_ANY : socket);
	if (!mem && socket >= 0)
		mem = rte_zmalloc_socket(name, bytes, CACHE_LINE, SOCKET_ID_ANY);
	dpdk_quiet_end(&quiet, NULL, 0);
	if (!mem)
		report_error(report, "no %zu MB of memory left for %s: reserve more huge pages or "
				     "lower the limits in memory", (bytes >> 20) + 1, name);
	return mem;
}

void dpdk_mem_free(void *mem)
{
	rte_free(mem);
}
