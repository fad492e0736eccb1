/* SPDX-License-Identifier: BSD-3-Clause */
/* A node's turn: links with their harm on one side, shards on the other. */
#include "drivers/port.h"
#include "tests/lib/frame.h"
#include "tests/sim/trace.h"
#include "tests/sim/turn.h"

#define FCS_LEN 4

struct send {
	struct world *world;
	uint32_t node;
	struct port *port;
};

static void trace(const struct world *w, uint32_t node, bool sent, const struct buf *b)
{
	if (w->trace)
		trace_frame(w->now - w->begin, node, sent, b->data, b->len);
}

/* Where links harm frames, each one carries a frame check sequence. */
static bool has_fcs(const struct world *w)
{
	return w->plan->wishes.corrupt_ppm > 0;
}

/* The frame as it is on such a link; the engine's own may have no room behind it. */
static struct buf *with_fcs(struct world *w, const struct buf *b)
{
	struct buf *copy = mem_pool_get(w->pool);
	uint32_t crc = frame_crc(b->data, b->len);

	if (!copy)
		return NULL;
	memcpy(copy->data, b->data, b->len);
	memcpy(copy->data + b->len, &crc, FCS_LEN);
	copy->len = b->len + FCS_LEN;
	return copy;
}

/* As port_tx(): what is sent and not kept is the port's. */
static uint16_t send_with_fcs(struct world *w, struct port *port, struct buf **bufs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct buf *copy = with_fcs(w, bufs[i]);

		if (!copy)
			return (uint16_t)i;
		if (port_tx(port, 0, &copy, 1, w->now) == 0) {
			mem_pool_put(w->pool, copy);
			return (uint16_t)i;
		}
		if (!(bufs[i]->flags & BUF_KEEP))
			mem_pool_put(w->pool, bufs[i]);
	}
	return (uint16_t)n;
}

/* True when the frame is harmed in a way that no checksum above the link can
 * show: a MAC address, ARP. Any device drops it; everything else is left to the
 * engine to find out. */
static bool fcs_drops(const struct buf *b)
{
	struct frame f;
	char why[200];
	uint32_t crc;

	if (b->len < FCS_LEN)
		return true;
	memcpy(&crc, b->data + b->len - FCS_LEN, FCS_LEN);
	if (crc == frame_crc(b->data, b->len - FCS_LEN))
		return false;
	return frame_parse(b->data, b->len - FCS_LEN, 0, &f, why, sizeof(why)) ||
	       f.saddr.family == 0;
}

/* Frames that a port takes now. Busy ports take none for 16 ms in two of three,
 * so that the engines' own queues fill up, and some at a time in the third. */
static uint32_t capacity(struct world *w, uint32_t n)
{
	uint32_t slot = (uint32_t)(w->now >> 14) * 2654435761u;

	if (!w->plan->wishes.busy)
		return n;
	w->coin = w->coin * 1664525 + 1013904223;
	return (slot >> 16) % 3 ? 0 : MIN(n, (w->coin >> 16) % 32);
}

static uint32_t send_frames(void *ctx, struct buf **bufs, uint32_t n)
{
	struct send *s = ctx;

	n = capacity(s->world, n);
	/* What the port has no room for is traced again when it is tried again. */
	for (uint32_t i = 0; i < n; i++)
		trace(s->world, s->node, true, bufs[i]);
	if (has_fcs(s->world))
		return send_with_fcs(s->world, s->port, bufs, n);
	return port_tx(s->port, 0, bufs, (uint16_t)n, s->world->now);
}

/* Takes received frames of one port; returns how many the shard gets. */
static uint16_t receive(struct world *w, uint32_t i, uint16_t p, struct buf **bufs)
{
	struct node *n = &w->nodes[i];
	uint16_t got = port_rx(n->ports[p], 0, bufs, SHARD_BURST, w->now), kept = 0;

	for (uint16_t k = 0; k < got; k++) {
		if (has_fcs(w) && fcs_drops(bufs[k])) {
			mem_pool_put(w->pool, bufs[k]);
			w->fcs_dropped++;
			continue;
		}
		bufs[k]->port = (uint8_t)p;
		trace(w, i, false, bufs[k]);
		bufs[kept++] = bufs[k];
	}
	return kept;
}

/* Puts a frame into another shard's inbox, or drops it when that is full. */
static void post(struct world *w, struct node *n, uint32_t shard, struct buf *b)
{
	if (n->nb_inbox[shard] < WORLD_INBOX)
		n->inbox[shard][n->nb_inbox[shard]++] = b;
	else
		mem_pool_put(w->pool, b);
}

/* What has come in by a port: devices spread frames over the shards as they like;
 * what is right is the shards' business. */
static bool distribute(struct world *w, uint32_t i)
{
	struct node *n = &w->nodes[i];
	bool any = false;

	for (uint16_t p = 0; p < n->nb_ports; p++) {
		struct buf *bufs[SHARD_BURST];
		uint16_t got = receive(w, i, p, bufs);

		for (uint16_t k = 0; k < got; k++) {
			w->coin = w->coin * 1664525 + 1013904223;
			post(w, n, (w->coin >> 16) % w->nb_shards, bufs[k]);
		}
		any |= got > 0;
	}
	return any;
}

static bool take_inbox(struct node *n, uint32_t shard)
{
	uint32_t count = n->nb_inbox[shard];

	for (uint32_t done = 0; done < count; done += SHARD_BURST)
		shard_receive(n->rigs[shard].sh, n->inbox[shard] + done,
			      MIN(count - done, SHARD_BURST));
	n->nb_inbox[shard] = 0;
	return count > 0;
}

static void hand_over(struct world *w, struct node *n, struct shard *sh)
{
	for (uint32_t k = 0; k < sh->handover_count; k++)
		post(w, n, sh->handover[k]->owner, sh->handover[k]);
	sh->handover_count = 0;
}

/* What a worker does in one turn; true: something happened. */
static bool turn_shard(struct world *w, uint32_t i, uint32_t shard)
{
	struct node *n = &w->nodes[i];
	struct shard *sh = n->rigs[shard].sh;
	bool any;

	shard_set_time(sh, w->now);
	any = take_inbox(n, shard);
	any |= shard_timers(sh, 64) > 0;
	if (i == 0)
		any |= peers_wake(&w->peers, sh, 0);
	if (i + 1 == w->nb_nodes)
		any |= peers_wake(&w->peers, sh, 1);
	shard_finish(sh);
	for (uint16_t p = 0; p < n->nb_ports; p++) {
		struct send s = {.world = w, .node = i, .port = n->ports[p]};

		any |= shard_transmit(sh, p, send_frames, &s) > 0;
	}
	hand_over(w, n, sh);
	return any;
}

bool world_turn(struct world *w, uint32_t i)
{
	bool any = distribute(w, i);

	for (uint32_t k = 0; k < w->nb_shards; k++)
		any |= turn_shard(w, i, k);
	return any;
}
