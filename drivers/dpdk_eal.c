/* SPDX-License-Identifier: BSD-3-Clause */
/* Start and end of EAL, and its memory; see dpdk_eal.h. */
#include "drivers/dpdk_eal.h"

#include <errno.h>
#include <inttypes.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_memory.h>

#include "drivers/dpdk_quiet.h"

/* EAL itself knows a fixed number of lcores. */
static bool check_limits(const struct conf *conf, struct report *report)
{
	if (DPDK_WORKER_LCORE(conf->nb_workers) > RTE_MAX_LCORE)
		return report_error(report, "workers.count: %u is more than the %u that this DPDK "
					    "was built for", conf->nb_workers, RTE_MAX_LCORE - 1);
	return true;
}

static bool has_free_pages(void)
{
	struct dpdk_huge now;
	uint64_t pages = 0;

	dpdk_huge_probe(DPDK_HUGE_ROOT, &now);
	for (uint32_t i = 0; i < now.nb_sizes; i++)
		pages += now.sizes[i].free;
	return pages > 0;
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
	/* EAL cannot be tried again, with normal pages, by the same process. */
	if (rte_errno == EACCES && eal->huge && !has_free_pages())
		return report_error(report, "another program took the free huge pages while this "
					    "one started: start it again, or set "
					    "memory.huge_pages to \"never\"");
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

/* DPDK keeps pages in lists of limited length, and a piece is within one of them. */
static void limit_pieces(struct dpdk_huge *have)
{
#ifdef RTE_MAX_MEMSEG_PER_LIST
	for (uint32_t i = 0; i < have->nb_sizes; i++) {
		struct dpdk_huge_size *s = &have->sizes[i];

		s->piece_max = MIN(RTE_MAX_MEMSEG_PER_LIST * (s->page_kb << 10),
				   (uint64_t)RTE_MAX_MEM_MB_PER_LIST << 20);
	}
#else
	(void)have; /* DPDK after 25.11: one list for each size */
#endif
}

bool dpdk_eal_init(struct dpdk_eal *eal, const struct conf *conf,
		   const struct dpdk_memory_need *need, struct report *report)
{
	struct dpdk_memory_plan memory;
	struct dpdk_huge have;
	cpu_set_t cpus;

	*eal = (struct dpdk_eal){0};
	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
		return report_error(report, "cannot find out which CPUs may be used: %s",
				    strerror(errno));
	dpdk_huge_probe(DPDK_HUGE_ROOT, &have);
	limit_pieces(&have);
	if (!check_limits(conf, report) ||
	    !dpdk_huge_plan(&have, conf->memory.huge_pages, need, &memory, report) ||
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

/* Normal pages all count as node 0's, so of them nothing is known. */
static void tell_of_remote(const void *mem, const char *name, size_t bytes, int socket,
			   struct report *report)
{
	const struct rte_memseg_list *list = rte_mem_virt2memseg_list(mem);
	uint64_t pages;

	if (!rte_eal_has_hugepages() || !list)
		return;
	pages = (bytes + list->page_sz - 1) / list->page_sz;
	report_notice(report,
		      "a worker's %s of %zu MB is on NUMA node %d and not on node %d with its CPU, "
		      "which is slower: reserve %" PRIu64 " huge pages more there, in "
		      "/sys/devices/system/node/node%d/hugepages/hugepages-%" PRIu64
		      "kB/nr_hugepages", name, (bytes >> 20) + 1, list->socket_id, socket, pages,
		      socket, list->page_sz >> 10);
}

void *dpdk_mem_alloc(const char *name, size_t bytes, int socket, struct report *report)
{
	struct dpdk_quiet quiet;
	void *mem;

	dpdk_quiet_begin(&quiet);
	mem = rte_zmalloc_socket(name, bytes, CACHE_LINE, socket < 0 ? SOCKET_ID_ANY : socket);
	if (!mem && socket >= 0) {
		mem = rte_zmalloc_socket(name, bytes, CACHE_LINE, SOCKET_ID_ANY);
		if (mem)
			tell_of_remote(mem, name, bytes, socket, report);
	}
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
