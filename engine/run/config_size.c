/* SPDX-License-Identifier: BSD-3-Clause */
/* The sizing report: what a configuration costs in memory before it is started. */
#include <inttypes.h>

#include "engine/base/buf.h"
#include "engine/run/config.h"

/* Beside a buffer's headroom and data: the pool's header and padding, its places in
 * the pool's ring, the packet descriptor (an rte_mbuf is two cache lines) and our
 * struct buf. */
#define BUFFER_HEADERS (2 * CACHE_LINE + 2 * 8 + 2 * CACHE_LINE + CACHE_LINE)

/* A descriptor in the memory of a device and its driver: an entry of the ring and one of its
 * completions, up to 64 bytes each, or less and a note of the mbuf. Drivers that take room for the
 * longest ring they know, 4,096 entries of 32 bytes, do so for a short one as well. */
#define DESCRIPTOR_BYTES 128
#define DESCRIPTORS_MIN	 1024

/* DPDK's own: device queues, and besides rings between workers, their stacks of messages,
 * bookkeeping, and a share of everything else for what alignment and fragments lose. */
#define DPDK_BYTES (64ull << 20)
#define DPDK_SHARE 16

static uint64_t pages_of(uint64_t bytes)
{
	return (bytes + CONFIG_PAGE_SIZE - 1) / CONFIG_PAGE_SIZE;
}

/* Both rings of each worker's queue of each port; virtual devices take less. */
static uint64_t queue_bytes(const struct conf *conf)
{
	uint64_t descriptors = 0;

	for (uint16_t i = 0; i < conf->nb_ports; i++)
		descriptors += MAX(conf->ports[i].rx_ring, DESCRIPTORS_MIN) +
			       MAX(conf->ports[i].tx_ring, DESCRIPTORS_MIN);
	return conf->nb_workers * descriptors * DESCRIPTOR_BYTES;
}

static void add(struct config_size *size, enum config_size_kind kind)
{
	struct config_size_item *item = &size->items[kind];

	item->bytes = item->count * item->each_bytes;
	size->bytes += item->bytes;
	size->pages += item->pages;
}

void config_size(const struct conf *conf, size_t shard_bytes, struct config_size *out)
{
	uint32_t buffer_bytes = BUFFER_HEADERS + BUF_HEADROOM + conf_buffer_room(conf);
	uint64_t dpdk_bytes;

	*out = (struct config_size){0};
	out->items[CONFIG_SIZE_SHARDS] = (struct config_size_item){
	    .name = "worker shards",
	    .count = conf->nb_workers,
	    .each_bytes = shard_bytes,
	    .pages = conf->nb_workers * pages_of(shard_bytes),
	};
	out->items[CONFIG_SIZE_BUFFERS] = (struct config_size_item){
	    .name = "packet buffers",
	    .count = conf->memory.buffers,
	    .each_bytes = buffer_bytes,
	    .pages = pages_of((uint64_t)conf->memory.buffers * buffer_bytes),
	};
	add(out, CONFIG_SIZE_SHARDS);
	add(out, CONFIG_SIZE_BUFFERS);
	dpdk_bytes = DPDK_BYTES + queue_bytes(conf) + out->bytes / DPDK_SHARE;
	dpdk_bytes = ALIGN_UP(dpdk_bytes, (uint64_t)CONFIG_PAGE_SIZE);
	out->items[CONFIG_SIZE_DPDK] = (struct config_size_item){
	    .name = "DPDK's own",
	    .count = 1,
	    .each_bytes = dpdk_bytes,
	    .pages = pages_of(dpdk_bytes),
	};
	add(out, CONFIG_SIZE_DPDK);
}

static double mebibytes(uint64_t bytes)
{
	return (double)bytes / (1 << 20);
}

void config_size_print(const struct config_size *size, FILE *out)
{
	fprintf(out, "%-16s %10s %14s %12s %12s\n", "memory", "count", "bytes each", "MiB",
		"2 MB pages");
	for (unsigned i = 0; i < CONFIG_SIZE_ITEMS; i++) {
		const struct config_size_item *item = &size->items[i];

		fprintf(out, "%-16s %10" PRIu64 " %14" PRIu64 " %12.1f %12" PRIu64 "\n", item->name,
			item->count, item->each_bytes, mebibytes(item->bytes), item->pages);
	}
	fprintf(out, "%-16s %10s %14s %12.1f %12" PRIu64 "\n", "total", "", "",
		mebibytes(size->bytes), size->pages);
}
