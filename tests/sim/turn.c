/* SPDX-License-Identifier: BSD-3-Clause */
/* A node's turn: links with their harm on one side, shards or a stranger on the other. */
#include "drivers/port.h"
#include "tests/lib/frame.h"
#include "tests/sim/alien.h"
#include "tests/sim/hop.h"
#include "tests/sim/trace.h"
#include "tests/sim/turn.h"

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

/* Takes the frame check sequence off. False: it is wrong, and the frame is harmed in a
 * way that no checksum above the link can show: a MAC address, ARP. Any device drops
 * that; everything else is left to the node to find out. */
static bool unseal(struct buf *b)
{
	struct frame f;
	char why[200];
	uint32_t crc;

	if (b->len < HOP_FCS)
		return false;
	b->len -= HOP_FCS;
	memcpy(&crc, b->data + b->len, HOP_FCS);
	if (crc == frame_crc(b->data, b->len))
		return true;
	return !frame_parse(b->data, b->len, 0, &f, why, sizeof(why)) && f.saddr.family != 0;
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

/* As port_tx(), under the observer's eyes. */
static uint32_t send_frames(void *ctx, struct buf **bufs, uint32_t n)
{
	struct send *s = ctx;
	struct world *w = s->world;
	const struct node_plan *np = &w->plan->nodes[s->node];
	struct observer_frame of = {s->node, np->alien, np->mtu};
	uint8_t bytes[FRAME_MAX];

	n = capacity(w, n);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t len = bufs[i]->len;

		/* What the port takes is not ours to look at any more. */
		memcpy(bytes, bufs[i]->data, len);
		if (port_tx(s->port, 0, &bufs[i], 1, w->now) == 0)
			return i;
		if (w->trace)
			trace_frame(w->now - w->begin, s->node, true, bytes, len);
		observer_sees(&w->observer, &of, bytes, len);
	}
	return n;
}

/* Takes received frames of one port; returns how many the node gets. */
static uint16_t receive(struct world *w, uint32_t i, uint16_t p, struct buf **bufs)
{
	struct node *n = &w->nodes[i];
	uint16_t got = port_rx(n->ports[p], 0, bufs, SHARD_BURST, w->now), kept = 0;

	for (uint16_t k = 0; k < got; k++) {
		if (w->plan->wishes.corrupt_ppm && !unseal(bufs[k])) {
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
	if (n->nb_inbox[shard] < WORLD_INBOX) {
		n->inbox[shard][n->nb_inbox[shard]++] = b;
	} else {
		mem_pool_put(w->pool, b);
		n->lost++;
	}
}

void turn_post(struct world *w, uint32_t i, uint32_t shard, struct buf *b)
{
	trace(w, i, false, b);
	post(w, &w->nodes[i], shard, b);
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

static bool wake(struct world *w, uint32_t i, const struct transport *t, void *host)
{
	bool any = false;

	if (i == 0)
		any |= peers_wake(&w->peers, t, host, 0);
	if (i + 1 == w->nb_nodes)
		any |= peers_wake(&w->peers, t, host, 1);
	return any;
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
	any |= wake(w, i, &engine_transport, sh);
	shard_finish(sh);
	for (uint16_t p = 0; p < n->nb_ports; p++) {
		struct send s = {.world = w, .node = i, .port = n->ports[p]};

		any |= shard_transmit(sh, p, send_frames, &s) > 0;
	}
	hand_over(w, n, sh);
	return any;
}

static bool turn_engine(struct world *w, uint32_t i)
{
	bool any = distribute(w, i);

	for (uint32_t k = 0; k < w->nb_shards; k++)
		any |= turn_shard(w, i, k);
	return any;
}

void turn_alien_sends(void *ctx, const uint8_t *bytes, uint32_t len)
{
	struct outbox *out = ctx;
	struct txq *q = &out->q;
	struct buf *b;

	/* Without a buffer, or room, the frame is lost before it was sent. */
	if (q->count == SHARD_TX_RING)
		return;
	b = mem_pool_get(out->pool);
	if (!b)
		return;
	memcpy(b->data, bytes, len);
	b->len = len;
	q->bufs[q->count++] = b;
}

static uint32_t empty_outbox(struct world *w, uint32_t i)
{
	struct node *n = &w->nodes[i];
	struct send s = {.world = w, .node = i, .port = n->ports[0]};
	struct txq *q = &n->outbox.q;
	uint32_t sent = send_frames(&s, q->bufs, q->count);

	q->count -= sent;
	memmove(q->bufs, q->bufs + sent, q->count * sizeof(q->bufs[0]));
	n->frames_sent += sent;
	return sent;
}

static bool turn_alien(struct world *w, uint32_t i)
{
	struct node *n = &w->nodes[i];
	struct buf *bufs[SHARD_BURST];
	uint16_t got = receive(w, i, 0, bufs);
	bool any = got > 0;

	alien_set_time(n->alien, w->now);
	for (uint16_t k = 0; k < got; k++) {
		alien_receive(n->alien, bufs[k]->data, bufs[k]->len);
		mem_pool_put(w->pool, bufs[k]);
	}
	n->frames_received += got;
	any |= alien_timers(n->alien);
	any |= wake(w, i, &alien_transport, n->alien);
	alien_finish(n->alien);
	any |= empty_outbox(w, i) > 0;
	return any;
}

bool world_turn(struct world *w, uint32_t i)
{
	return w->nodes[i].alien ? turn_alien(w, i) : turn_engine(w, i);
}
