/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is always true of a shard, beyond what shard_check() walks: every buffer
 * is in exactly one place, every object is counted once, and what is kept for a
 * queue has something in it. See world.h.
 */
#include <stdlib.h>

#include "tests/fuzz/world.h"

#define BUFS_MAX 1024

/* The buffers found so far, each with who has it. */
struct census {
	struct {
		const struct buf *buf;
		const char *where;
	} found[BUFS_MAX];
	uint32_t count;
};

static void found(struct census *s, const struct buf *b, const char *where)
{
	if (s->count == BUFS_MAX)
		world_fail("more than %u buffers in %s", BUFS_MAX, where);
	s->found[s->count].buf = b;
	s->found[s->count++].where = where;
}

static void found_list(struct census *s, const struct buf *b, const char *where)
{
	for (; b; b = b->next)
		found(s, b, where);
}

/* The marks of loss recovery on sent bufs, and the counts kept of them. */
static void check_marks(const struct xfer *x)
{
	uint32_t sacked = 0, lost = 0, retrans = 0;
	bool sent = true, hint_found = x->lost_hint == NULL;

	for (const struct buf *b = x->sndq.head; b; b = b->next) {
		uint32_t len = buf_payload_len(b);

		sent = sent && b != x->send_next;
		hint_found |= b == x->lost_hint;
		if (!!(b->flags & BUF_SENT) != sent)
			world_fail("a buf in the send queue is on the wrong side of send_next");
		if (!sent && (b->flags & (BUF_SACKED | BUF_LOST | BUF_RETRANS)))
			world_fail("a mark on what was never sent");
		if ((b->flags & BUF_SACKED) && (b->flags & (BUF_LOST | BUF_RETRANS)))
			world_fail("both arrived and lost");
		if ((b->flags & BUF_RETRANS) && !(b->flags & BUF_LOST))
			world_fail("repeated without being lost");
		sacked += b->flags & BUF_SACKED ? len : 0;
		lost += b->flags & BUF_LOST ? len : 0;
		retrans += b->flags & BUF_RETRANS ? len : 0;
	}
	if (sacked != x->sacked || lost != x->lost || retrans != x->retrans)
		world_fail("marks of %u, %u and %u bytes, %u, %u and %u were counted", sacked, lost,
			   retrans, x->sacked, x->lost, x->retrans);
	if (!hint_found)
		world_fail("lost_hint leads out of the queue");
}

static void found_conn(struct census *s, const struct world *w, const struct conn *c)
{
	const struct xfer *x = conn_xfer(w->sh, c);

	if (!x)
		return;
	found_list(s, x->sndq.head, "send queue");
	found_list(s, x->rcvq.head, "receive queue");
	found_list(s, x->ooo, "reassembly queue");
	for (const struct buf *b = x->sndq.head; b; b = b->next)
		if (b->len < b->hdr_len || buf_payload_len(b) == 0)
			world_fail("nothing to send in a send queue");
	for (const struct buf *b = x->rcvq.head; b; b = b->next)
		if (b->len == 0)
			world_fail("nothing to read in a receive queue");
	if (c->state != TCP_CLOSED)
		check_marks(x);
}

static int by_address(const void *a, const void *b)
{
	const struct buf *const *p = a, *const *q = b;

	return *p < *q ? -1 : *p > *q;
}

/* A frame that is kept for retransmission is in a queue and in the port as well,
 * the one owner being the queue. */
static void check_buffers(struct world *w)
{
	static const char *const kept = "wire or transmit queue";
	const struct shard *sh = w->sh;
	struct census s = {.count = 0};
	uint32_t distinct = 0;

	for (uint32_t i = 1; i < sh->conns.fresh; i++)
		found_conn(&s, w, shard_conn(sh, i));
	for (uint32_t i = 0; i < sh->cache.count; i++)
		found(&s, sh->cache.bufs[i], "cache");
	for (uint32_t i = 0; i < w->burst_len; i++)
		found(&s, w->burst[i], "burst");
	for (uint32_t i = 0; i < sh->handover_count; i++)
		found(&s, sh->handover[i], "handover");
	for (uint32_t i = 0; i < sh->tx[0].count; i++)
		found(&s, sh->tx[0].bufs[i], kept);
	for (uint32_t i = 0; i < w->wire_len; i++)
		found(&s, w->wire[i].buf, kept);
	for (uint32_t i = 0; i < ARRAY_SIZE(sh->frags.at); i++)
		if (sh->frags.at[i].b)
			found(&s, sh->frags.at[i].b, "fragments");
	qsort(s.found, s.count, sizeof(s.found[0]), by_address);
	for (uint32_t i = 0; i < s.count; i++) {
		bool again = i && s.found[i].buf == s.found[i - 1].buf;

		distinct += !again;
		if (again && s.found[i].where != kept && s.found[i - 1].where != kept)
			world_fail("a buffer is in %s and in %s", s.found[i - 1].where,
				   s.found[i].where);
	}
	if (distinct != mem_pool_in_use(w->pool))
		world_fail("%u buffers of %u are nowhere", mem_pool_in_use(w->pool) - distinct,
			   mem_pool_in_use(w->pool));
}

struct counts {
	uint32_t linked, xfers, v6, queued[8], half_open[8];
};

static void count_conns(const struct world *w, struct counts *n)
{
	for (uint32_t i = 1; i < w->sh->conns.fresh; i++) {
		const struct conn *c = shard_conn(w->sh, i);

		n->xfers += c->xfer != 0;
		if (c->tuple.local == TUPLE_FREE)
			continue;
		n->linked += c->state != TCP_CLOSED;
		n->v6 += tuple_is_v6(&c->tuple);
		/* One that has not said anything yet waits outside. */
		if ((c->flags & CF_ACCEPT_QUEUE) && !conn_cold(c)->deferred)
			n->queued[conn_profile(w->sh, c)->listener]++;
	}
}

static void count_entries(const struct world *w, struct counts *n)
{
	for (uint32_t i = 1; i < w->sh->halves.fresh; i++) {
		const struct half *h = pool_at(&w->sh->halves, i);

		if (h->tuple.local == TUPLE_FREE)
			continue;
		n->linked++;
		n->v6 += tuple_is_v6(&h->tuple);
		n->half_open[w->sh->profiles[h->profile].listener]++;
		if (!group_wheel_is_armed(&w->sh->half_wheel, i))
			world_fail("a half-open entry has no timer");
	}
	for (uint32_t i = 0; i < tw_index_end(&w->sh->time_waits); i++) {
		const struct time_wait *tw = tw_at(&w->sh->time_waits, i);
		struct tuple t = tuple_of_time_wait(w->sh, tw);

		n->linked += tw->used;
		n->v6 += tw->used && tuple_is_v6(&t);
	}
}

static void expect(uint32_t is, uint32_t should_be, const char *what)
{
	if (is != should_be)
		world_fail("%u %s, %u were counted", is, what, should_be);
}

static void check_objects(const struct world *w)
{
	const struct shard *sh = w->sh;
	struct counts n = {0};

	count_conns(w, &n);
	count_entries(w, &n);
	expect(sh->table.used, n.linked, "tuples in the table");
	expect(sh->xfers.used, n.xfers, "transfer blocks");
	expect(sh->addr6s.used, n.v6, "IPv6 peers");
	for (uint16_t l = 0; l < w->tc.conf.nb_listeners; l++) {
		expect(sh->listeners[l].length, n.queued[l], "connections to be accepted");
		expect(sh->listeners[l].half_open, n.half_open[l], "half-open entries");
	}
}

/* Source ports are free or with a connection, never both. */
static void check_ports(const struct world *w)
{
	uint32_t taken = 0, free_ports = 0, capacity = 0;
	const struct shard *sh = w->sh;

	for (uint32_t i = 1; i < sh->conns.fresh; i++) {
		const struct conn *c = shard_conn(sh, i);

		taken += c->tuple.local != TUPLE_FREE && c->state != TCP_CLOSED &&
			 (c->flags & CF_ACTIVE);
	}
	for (uint32_t i = 0; i < tw_index_end(&sh->time_waits); i++) {
		const struct time_wait *tw = tw_at(&sh->time_waits, i);

		taken += tw->used && sh->profiles[tw->profile].pool != CONF_NONE;
	}
	for (uint16_t p = 0; p < w->tc.conf.nb_pools; p++)
		for (uint16_t b = 0; b < w->tc.pools[p].nb_backends; b++) {
			const struct backend_state *bs = &sh->pools[p].backends[b];

			for (uint32_t m = 0; m < bs->nb_maps; m++) {
				free_ports += bs->maps[m].free;
				capacity += bs->maps[m].capacity;
			}
		}
	expect(free_ports + taken, capacity, "source ports");
}

void world_list(const struct world *w, uint32_t max)
{
	uint32_t listed = 0, there = w->sh->halves.used + w->sh->time_waits.used;
	struct conn_info out[16];
	struct info_filter all;
	uint64_t cursor = 0;

	info_filter_all(&all);
	do {
		listed += info_connections(w->sh, cursor, &all, out, 1 + max % ARRAY_SIZE(out),
					   &cursor);
	} while (cursor);
	for (uint32_t i = 1; i < w->sh->conns.fresh; i++)
		there += shard_conn(w->sh, i)->tuple.local != TUPLE_FREE;
	expect(listed, there, "connections listed");
}

void world_check(struct world *w)
{
	if (!shard_check(w->sh))
		world_fail("shard_check() is not content");
	check_buffers(w);
	check_objects(w);
	check_ports(w);
}
