/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory on huge pages, for real: what is planned is enough, no more of the machine's pages is
 * taken, what is not on the node it should be is told of, and so are pages that others take
 * meanwhile. Reserves pages of 2 MB and gives them back; skipped where that is not possible.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/dpdk_eal.h"
#include "drivers/dpdk_huge.h"
#include "drivers/dpdk_pool.h"
#include "engine/run/config.h"
#include "tests/unit/scratch.h"
#include "tests/unit/skip.h"

#define PAGES	DPDK_HUGE_ROOT "/hugepages-2048kB/nr_hugepages"
#define PAGE_KB 2048
#define PIECE	(40u << 20)

static struct {
	struct conf_port port;
	struct conf conf;
	struct config_size size;
	uint64_t taken_since; /* pages that somebody takes after they were counted */
} w;

static struct dpdk_huge_size pages_now(void)
{
	struct dpdk_huge have;

	dpdk_huge_probe(DPDK_HUGE_ROOT, &have);
	for (uint32_t i = 0; i < have.nb_sizes; i++)
		if (have.sizes[i].page_kb == PAGE_KB)
			return have.sizes[i];
	return (struct dpdk_huge_size){0};
}

/* So many pages more, or fewer, than there are now: others may reserve some as well. Returns
 * how many it were. */
static int64_t reserve(int64_t more)
{
	uint64_t before = pages_now().reserved;
	FILE *f = fopen(PAGES, "w");

	if (!f)
		return 0;
	fprintf(f, "%lld", (long long)before + (long long)more);
	fclose(f);
	return (int64_t)(pages_now().reserved - before);
}

void __real_dpdk_huge_probe(const char *root, struct dpdk_huge *out);
void __wrap_dpdk_huge_probe(const char *root, struct dpdk_huge *out);

/* What the engine counts: once `w.taken_since` more than there are. */
void __wrap_dpdk_huge_probe(const char *root, struct dpdk_huge *out)
{
	__real_dpdk_huge_probe(root, out);
	for (uint32_t i = 0; i < out->nb_sizes; i++)
		out->sizes[i].free += w.taken_since;
	w.taken_since = 0;
}

static void set_conf(void)
{
	w.port = (struct conf_port){.name = "front", .mtu = 1500, .rx_ring = 256, .tx_ring = 256};
	w.conf = (struct conf){.nb_workers = 1,
			       .nb_ports = 1,
			       .ports = &w.port,
			       .memory = {.huge_pages = CONF_HUGE_REQUIRE, .buffers = 8192}};
	memset(w.conf.worker_cpu, 0xff, sizeof(w.conf.worker_cpu));
	snprintf(w.conf.instance, sizeof(w.conf.instance), "test-huge-%d", (int)getpid());
	config_size(&w.conf, PIECE, &w.size);
}

/* A shard's piece and the buffers, as the engine takes them. */
static void take_all(struct dpdk_pools *pools, struct report *r)
{
	uint8_t *local, *remote;

	assert_true(dpdk_pools_create(&w.conf, pools, r));
	local = dpdk_mem_alloc("shard", PIECE / 2, -1, r);
	assert_non_null(local);
	assert_string_equal(r->notice, "");
	/* No machine here has a node 7, so none of its pages is free. */
	remote = dpdk_mem_alloc("shard", PIECE / 2, 7, r);
	assert_non_null(remote);
	assert_non_null(strstr(r->notice, "a worker's shard of 21 MB is on NUMA node "));
	assert_non_null(strstr(r->notice, " and not on node 7 with its CPU"));
	assert_non_null(strstr(r->notice, "reserve 10 huge pages more there, in /sys/devices/"
					  "system/node/node7/hugepages/hugepages-2048kB/"));
	for (size_t i = 0; i < PIECE / 2; i++)
		assert_true(local[i] == 0 && remote[i] == 0);
	dpdk_mem_free(local);
	dpdk_mem_free(remote);
}

static void test_plan_is_kept(void **state)
{
	struct dpdk_memory_need need = {.bytes = w.size.pages * CONFIG_PAGE_SIZE, .piece = PIECE};
	struct dpdk_huge_size before = pages_now(), during;
	struct dpdk_pools pools;
	struct report r = {0};
	struct dpdk_eal eal;

	(void)state;
	assert_true(dpdk_eal_init(&eal, &w.conf, &need, &r));
	assert_true(eal.huge);
	take_all(&pools, &r);
	during = pages_now();
	assert_true(before.free - MIN(during.free, before.free) <= w.size.pages);
	dpdk_pools_free(&pools);
	dpdk_eal_fini(&eal);
}

/* In a process of its own, since EAL starts once: 0 when it says what happened. */
static int start_without_pages(void)
{
	struct dpdk_memory_need need = {.bytes = w.size.pages * CONFIG_PAGE_SIZE, .piece = PIECE};
	struct report r = {0};
	struct dpdk_eal eal;

	w.taken_since = w.size.pages;
	if (dpdk_eal_init(&eal, &w.conf, &need, &r))
		return 1;
	if (strstr(r.error, "another program took the free huge pages while this one started: "))
		return 0;
	fprintf(stderr, "%s\n", r.error);
	return 2;
}

static void test_pages_taken_meanwhile(void **state)
{
	uint64_t free_pages = pages_now().free;
	size_t bytes = free_pages * PAGE_KB << 10;
	void *all = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	int status = -1;
	pid_t child;

	(void)state;
	assert_ptr_not_equal(all, MAP_FAILED);
	child = fork();
	if (child == 0)
		_exit(start_without_pages());
	assert_int_equal(waitpid(child, &status, 0), child);
	munmap(all, bytes);
	assert_int_equal(status, 0);
}

int main(void)
{
	char dir[] = "/tmp/test_dpdk_huge.XXXXXX"; /* where EAL keeps its sockets */
	int64_t reserved;
	int failed;

	if (!mkdtemp(dir))
		return 1;
	setenv("RUNTIME_DIRECTORY", dir, 1);
	set_conf();
	reserved = reserve((int64_t)w.size.pages);
	const struct CMUnitTest tests[] = {
	    unit_test_if(pages_now().free > 0, test_pages_taken_meanwhile, NULL,
			 "no huge pages can be reserved"),
	    unit_test_if(pages_now().free >= w.size.pages, test_plan_is_kept, NULL,
			 "no huge pages can be reserved"),
	};
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	reserve(-reserved);
	scratch_remove(dir);
	return failed;
}
