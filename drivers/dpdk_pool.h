/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine's packet buffers under DPDK: one mbuf pool per NUMA node that has
 * workers. struct buf is the private area right behind each rte_mbuf, so going
 * from one to the other is an addition.
 */
#pragma once

#include <rte_mbuf.h>

#include "drivers/report.h"
#include "engine/base/buf.h"
#include "engine/conf.h"

#define DPDK_BUF_PRIV ALIGN_UP(sizeof(struct buf), CACHE_LINE)

static_assert(sizeof(struct rte_mbuf) % CACHE_LINE == 0, "the buf behind an mbuf is aligned");
static_assert(DPDK_BUF_PRIV % RTE_MBUF_PRIV_ALIGN == 0, "a private area DPDK accepts");
static_assert(RTE_PKTMBUF_HEADROOM >= BUF_HEADROOM, "devices leave the room that replies need");

static inline struct buf *dpdk_buf_of_mbuf(struct rte_mbuf *m)
{
	return (struct buf *)(m + 1);
}

static inline struct rte_mbuf *dpdk_mbuf_of_buf(const struct buf *b)
{
	return (struct rte_mbuf *)(uintptr_t)b - 1;
}

struct dpdk_pools {
	struct rte_mempool *by_socket[RTE_MAX_NUMA_NODES]; /* NULL: no worker there */
	struct rte_mempool *by_worker[CONF_MAX_WORKERS];   /* that of the worker's node */
	uint32_t room; /* bytes behind the headroom of each buf */
};

/* How many objects of a pool would lie in its memory, in one piece, without the gaps that keep
 * each of them within a page: for as long AF_XDP shows it to the kernel (dpdk_setup.c). */
uint32_t dpdk_pool_objects_without_gaps(const struct rte_mempool *mp);

/* Shares memory.buffers out among the nodes by their workers. EAL is started. A buffer that
 * AF_XDP cannot use is kept back if a port is one of its devices. False with report->error set, and
 * nothing to free. */
bool dpdk_pools_create(const struct conf *conf, struct dpdk_pools *out, struct report *report);

/* All bufs are back: ports are closed, shards have freed theirs. */
void dpdk_pools_free(struct dpdk_pools *p);

/* Buffers as worker i sees them; any thread may use it, EAL's are faster. */
struct buf_ops dpdk_pools_ops(const struct dpdk_pools *p, uint16_t worker);

/* Bufs taken from the pools, by shards and by device queues. Any thread;
 * approximate while others allocate. */
uint32_t dpdk_pools_in_use(const struct dpdk_pools *p);
