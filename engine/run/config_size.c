/* SPDX-License-Identifier: BSD-3-Clause */
/* The sizing report: what a configuration costs in memory before it is started. */
#include <inttypes.h>

#include "engine/base/buf.h"
#include "engine/run/config.h"

/* In front of a buffer's headroom: the pool's own header, the packet descriptor
 * (an rte_mbuf is two cache lines) and our struct buf. */
#define BUFFER_HEADERS (CACHE_LINE + 2 * CACHE_LINE + CACHE_LINE)

/* Ethernet header, two VLAN tags and CRC; devices take buffer sizes in steps. */
#define LINK_HEADERS (14u + 2u * 4u + 4u)
#define ROOM_STEP    1024u

uint32_t config_buffer_room(const struct conf *conf)
{
	uint32_t room = BUF_DATAROOM;

	for (uint16_t i = 0; i < conf->nb_ports; i++)
		room = MAX(room, ALIGN_UP(conf->ports[i].mtu + LINK_HEADERS, ROOM_STEP));
	return room;
}

static uint64_t pages_of(uint64_t bytes)
{
	return (bytes + CONFIG_PAGE_SIZE - 1) / CONFIG_PAGE_SIZE;
}

void config_size(const struct conf *conf, size_t shard_bytes, struct config_size *out)
{
	uint32_t buffer_bytes = BUFFER_HEADERS + BUF_HEADROOM + config_buffer_room(conf);

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
	for (unsigned i = 0; i < CONFIG_SIZE_ITEMS; i++) {
		struct config_size_item *item = &out->items[i];

		item->bytes = item->count * item->each_bytes;
		out->bytes += item->bytes;
		out->pages += item->pages;
	}
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
