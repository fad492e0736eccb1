/* SPDX-License-Identifier: BSD-3-Clause */
/* EAL arguments; see dpdk_args.h. */
#include "drivers/dpdk_args.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "drivers/dpdk_devargs.h"

/* False, and nothing is added, when memory is short. */
static PRINTF_LIKE(2, 3) bool add(struct dpdk_args *a, const char *fmt, ...)
{
	va_list ap;
	int n;

	INVARIANT(a->argc < DPDK_ARGS_MAX);
	va_start(ap, fmt);
	n = vasprintf(&a->argv[a->argc], fmt, ap);
	va_end(ap);
	if (n < 0) {
		a->argv[a->argc] = NULL;
		return false;
	}
	a->argc++;
	return true;
}

/* The set as "0-3,8"; from malloc(), NULL: out of memory. */
static char *cpu_list(const cpu_set_t *cpus)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	const char *comma = "";

	if (!f)
		return NULL;
	for (int first = 0; first < CPU_SETSIZE; first++) {
		int last = first;

		if (!CPU_ISSET(first, cpus))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, cpus))
			last++;
		fprintf(f, last > first ? "%s%d-%d" : "%s%d", comma, first, last);
		comma = ",";
		first = last;
	}
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static bool check_worker_cpus(const struct conf *conf, const cpu_set_t *cpus, const char *list,
			      struct report *report)
{
	for (uint16_t i = 0; i < conf->nb_workers; i++) {
		int cpu = conf->worker_cpu[i];

		if (cpu >= 0 && (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, cpus)))
			return report_error(report, "workers.cpus: CPU %d is not available to this "
						    "process, which may use %s: choose among these",
					    cpu, list);
	}
	return true;
}

/* The value of --lcores, from malloc(); NULL: out of memory. */
static char *lcore_map(const struct conf *conf, const char *all_cpus)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fprintf(f, "0@(%s)", all_cpus);
	for (uint16_t i = 0; i < conf->nb_workers; i++) {
		if (conf->worker_cpu[i] >= 0)
			fprintf(f, ",%u@%d", DPDK_WORKER_LCORE(i), conf->worker_cpu[i]);
		else
			fprintf(f, ",%u@(%s)", DPDK_WORKER_LCORE(i), all_cpus);
	}
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* In-memory mode leaves no file in hugetlbfs, so a crash holds no pages, and
 * needs no mount. It goes only with huge pages; without them there is nothing
 * to leave behind but the shared configuration, which nobody reads. */
static bool add_memory(struct dpdk_args *a, const struct dpdk_memory_plan *memory)
{
	if (memory->huge)
		return add(a, "--in-memory") && add(a, "--single-file-segments");
	return add(a, "--no-huge") && add(a, "--no-shconf") && add(a, "-m") &&
	       add(a, "%" PRIu64, (memory->bytes + (1u << 20) - 1) >> 20);
}

/* With no PCI device of ours, DPDK must not touch those of others, nor need
 * physical addresses. */
static bool add_devices(struct dpdk_args *a, const struct conf *conf)
{
	bool any = false;

	for (uint16_t i = 0; i < conf->nb_ports; i++) {
		const char *device = conf->ports[i].device;

		if (dpdk_device_kind(device) != DPDK_DEVICE_BUS)
			continue;
		any = true;
		if (!add(a, "-a") || !add(a, "%s", device))
			return false;
	}
	return any || (add(a, "--no-pci") && add(a, "--iova-mode=va"));
}

static bool add_all(struct dpdk_args *a, const struct conf *conf,
		    const struct dpdk_memory_plan *memory, const char *lcores)
{
	return add(a, "terminus") && add(a, "--file-prefix=%s", conf->instance) &&
	       add(a, "--lcores=%s", lcores) && add(a, "--main-lcore=0") &&
	       add(a, "--log-level=*:error") && add_memory(a, memory) && add_devices(a, conf);
}

bool dpdk_args_build(const struct conf *conf, const struct dpdk_memory_plan *memory,
		     const cpu_set_t *cpus, struct dpdk_args *out, struct report *report)
{
	char *list = cpu_list(cpus), *lcores = list ? lcore_map(conf, list) : NULL;
	bool ok;

	*out = (struct dpdk_args){0};
	if (!lcores) {
		free(list);
		return report_error(report, "out of memory");
	}
	ok = check_worker_cpus(conf, cpus, list, report);
	if (ok && !add_all(out, conf, memory, lcores))
		ok = report_error(report, "out of memory");
	if (!ok)
		dpdk_args_free(out);
	free(lcores);
	free(list);
	return ok;
}

void dpdk_args_free(struct dpdk_args *a)
{
	for (int i = 0; i < a->argc; i++)
		free(a->argv[i]);
	*a = (struct dpdk_args){0};
}
