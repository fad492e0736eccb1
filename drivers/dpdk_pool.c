/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet buffers in mbuf pools; see dpdk_pool.h. */
#include "drivers/dpdk_pool.h"

#include <rte_errno.h>
#include <rte_lcore.h>
#include <stdio.h>
#include <stdlib.h>

#include "drivers/dpdk_args.h"
#include "drivers/dpdk_quiet.h"

#define FREE_BURST 64

static uint32_t worker_socket(uint16_t worker)
{
	uint32_t socket = rte_lcore_to_socket_id(DPDK_WORKER_LCORE(worker));

	/* A floating worker, or a machine that does not say. */
	return socket < RTE_MAX_NUMA_NODES ? socket : 0;
}

/* start and room never change; data and len are set whenever a buf comes out. */
static void init_buf(struct rte_mempool *mp, void *arg, void *obj, unsigned index)
{
	struct rte_mbuf *m = obj;
	struct buf *b = dpdk_buf_of_mbuf(m);

	(void)mp;
	(void)arg;
	(void)index;
	*b = (struct buf){.start = m->buf_addr, .room = m->buf_len};
}

static struct rte_mempool *create(uint32_t socket, uint32_t nb_bufs, uint32_t room,
				  struct report *report)
{
	/* Per-lcore caches may hold half as much again; they must not starve others. */
	uint32_t cache = MIN(RTE_MEMPOOL_CACHE_MAX_SIZE / 2, nb_bufs / 64);
	struct rte_mempool *mp;
	struct dpdk_quiet quiet;
	uint16_t size = (uint16_t)(RTE_PKTMBUF_HEADROOM + room);
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "bufs-%u", socket);
	dpdk_quiet_begin(&quiet);
	mp = rte_pktmbuf_pool_create(name, nb_bufs, cache, DPDK_BUF_PRIV, size, (int)socket);
	/* Normal pages all count as node 0's. */
	if (!mp)
		mp = rte_pktmbuf_pool_create(name, nb_bufs, cache, DPDK_BUF_PRIV, size,
					     SOCKET_ID_ANY);
	dpdk_quiet_end(&quiet, NULL, 0);
	if (!mp)
		report_error(report, "no memory for %u packet buffers of %u bytes on NUMA node %u "
				     "(%s): lower memory.buffers or reserve more huge pages",
			     nb_bufs, room, socket, rte_strerror(rte_errno));
	else
		rte_mempool_obj_iter(mp, init_buf, NULL);
	return mp;
}

static size_t object_size(const struct rte_mempool *mp)
{
	return mp->header_size + mp->elt_size + mp->trailer_size;
}

uint32_t dpdk_pool_objects_without_gaps(const struct rte_mempool *mp)
{
	return (uint32_t)(STAILQ_FIRST(&mp->mem_list)->len / object_size(mp));
}

static bool is_for_af_xdp(const struct conf *conf)
{
	for (uint16_t i = 0; i < conf->nb_ports; i++)
		if (strstr(conf->ports[i].device, "af_xdp"))
			return true;
	return false;
}

/* The kernel refuses a buffer that ends behind what it is shown: sent from there a frame would be
 * lost each time. It can be the last one at most. */
static bool keep_what_is_not_shown(struct rte_mempool *mp, struct report *report)
{
	const struct rte_mempool_memhdr *chunk = STAILQ_FIRST(&mp->mem_list);
	uintptr_t end =
	    (uintptr_t)chunk->addr + dpdk_pool_objects_without_gaps(mp) * object_size(mp);
	uint32_t n = mp->populated_size, shown = 0;
	void **all;

	if (mp->nb_mem_chunks != 1)
		return true; /* its port will refuse it */
	all = calloc(n, sizeof(*all));
	if (!all || rte_mempool_get_bulk(mp, all, n) != 0) {
		free(all);
		return report_error(report, "no memory to look through %u packet buffers", n);
	}
	for (uint32_t i = 0; i < n; i++)
		if ((uintptr_t)all[i] + mp->elt_size + mp->trailer_size <= end)
			all[shown++] = all[i];
	rte_mempool_put_bulk(mp, all, shown);
	free(all);
	return true;
}

bool dpdk_pools_create(const struct conf *conf, struct dpdk_pools *out, struct report *report)
{
	uint32_t workers[RTE_MAX_NUMA_NODES] = {0};

	*out = (struct dpdk_pools){.room = conf_buffer_room(conf)};
	for (uint16_t i = 0; i < conf->nb_workers; i++)
		workers[worker_socket(i)]++;
	for (uint32_t s = 0; s < RTE_MAX_NUMA_NODES; s++) {
		uint64_t share = (uint64_t)conf->memory.buffers * workers[s] / conf->nb_workers;

		if (workers[s] == 0)
			continue;
		out->by_socket[s] = create(s, (uint32_t)share, out->room, report);
		if (!out->by_socket[s] ||
		    (is_for_af_xdp(conf) && !keep_what_is_not_shown(out->by_socket[s], report))) {
			dpdk_pools_free(out);
			return false;
		}
	}
	for (uint16_t i = 0; i < conf->nb_workers; i++)
		out->by_worker[i] = out->by_socket[worker_socket(i)];
	return true;
}

void dpdk_pools_free(struct dpdk_pools *p)
{
	for (uint32_t s = 0; s < RTE_MAX_NUMA_NODES; s++)
		rte_mempool_free(p->by_socket[s]);
	*p = (struct dpdk_pools){0};
}

/* An mbuf in the pool has one reference, one segment and no successor, so
 * nothing of it needs a reset here; what a device must know is set when the buf
 * is sent. */
static bool alloc_bulk(void *ctx, struct buf **out, uint32_t n)
{
	if (unlikely(rte_mempool_get_bulk(ctx, (void **)out, n) != 0))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct buf *b = dpdk_buf_of_mbuf((struct rte_mbuf *)out[i]);

		b->data = b->start + BUF_HEADROOM;
		b->next = NULL;
		b->len = 0;
		b->flags = 0;
		out[i] = b;
	}
	return true;
}

static void free_bulk(void *ctx, struct buf *const *bufs, uint32_t n)
{
	struct rte_mbuf *mbufs[FREE_BURST];

	(void)ctx;
	while (n > 0) {
		uint32_t k = MIN(n, FREE_BURST);

		for (uint32_t i = 0; i < k; i++)
			mbufs[i] = dpdk_mbuf_of_buf(bufs[i]);
		rte_pktmbuf_free_bulk(mbufs, k);
		bufs += k;
		n -= k;
	}
}

static bool in_port(void *ctx, const struct buf *b)
{
	(void)ctx;
	return rte_mbuf_refcnt_read(dpdk_mbuf_of_buf(b)) > 1;
}

/* Caches of all threads included: they are a share of the pool that grows with the workers. */
static uint32_t available(void *ctx)
{
	return rte_mempool_avail_count(ctx);
}

struct buf_ops dpdk_pools_ops(const struct dpdk_pools *p, uint16_t worker)
{
	return (struct buf_ops){.ctx = p->by_worker[worker],
				.alloc_bulk = alloc_bulk,
				.free_bulk = free_bulk,
				.in_port = in_port,
				.available = available,
				.total = p->by_worker[worker]->size};
}

uint32_t dpdk_pools_in_use(const struct dpdk_pools *p)
{
	uint32_t used = 0;

	for (uint32_t s = 0; s < RTE_MAX_NUMA_NODES; s++) {
		if (p->by_socket[s])
			used += rte_mempool_in_use_count(p->by_socket[s]);
	}
	return used;
}
