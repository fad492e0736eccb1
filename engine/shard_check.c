/* SPDX-License-Identifier: BSD-3-Clause */
/* Invariant walker for tests, simulations and the debugger. */
#include "engine/tcp/internal.h"

static bool queue_ok(const struct bufq *q)
{
	uint32_t bytes = 0, count = 0;
	const struct buf *last = NULL;

	for (const struct buf *b = q->head; b; last = b, b = b->next) {
		bytes += buf_payload_len(b);
		count++;
	}
	return bytes == q->bytes && count == q->count && last == q->tail;
}

/* The send queue is contiguous from SND.UNA on (its head may begin before). */
static bool sndq_ok(const struct conn *c, const struct xfer *x)
{
	const struct buf *b = x->sndq.head;
	bool next_seen = x->send_next == NULL;

	if (!queue_ok(&x->sndq))
		return false;
	if (b && seq_gt(b->seq, c->snd_una) && c->state >= TCP_ESTABLISHED)
		return false;
	for (; b; b = b->next) {
		next_seen |= b == x->send_next;
		if (b->next && b->next->seq != b->seq + buf_payload_len(b))
			return false;
	}
	return next_seen;
}

static bool ooo_ok(const struct conn *c, const struct xfer *x)
{
	uint32_t bytes = 0, count = 0;

	for (const struct buf *b = x->ooo; b; b = b->next) {
		if (seq_leq(b->seq, c->rcv_nxt) && b->len)
			return false;
		if (b->next && seq_gt(b->seq + b->len, b->next->seq))
			return false;
		bytes += b->len;
		count++;
	}
	return bytes == x->ooo_bytes && count == x->ooo_count;
}

/* Something is owed: then a timer or the work list must see to it. */
static bool timer_ok(const struct shard *sh, const struct conn *c, const struct xfer *x)
{
	uint32_t i = conn_index(sh, c);
	bool owed = c->flags & CF_ACK_DELAYED;

	if (c->state == TCP_CLOSED || (c->flags & CF_WORK))
		return true;
	if (c->snd_una != c->snd_nxt) {
		if (!x || x->timer == XFER_TIMER_NONE)
			return false;
		owed = true;
	}
	if (x && x->send_next && x->timer == XFER_TIMER_NONE && !x->paced)
		return false;
	return !owed || wheel_is_armed(&sh->conn_wheel, i);
}

static bool conn_ok(const struct shard *sh, const struct conn *c)
{
	const struct xfer *x = conn_xfer(sh, c);

	if (c->state >= TCP_NB_STATES || c->state == TCP_LISTEN)
		return false;
	if (seq_gt(c->snd_una, c->snd_nxt) || seq_gt(c->rcv_nxt, c->rcv_adv + 1))
		return false;
	if (c->wscale && !(c->flags & CF_WSCALE))
		return false;
	if (x && (!sndq_ok(c, x) || !queue_ok(&x->rcvq) || !ooo_ok(c, x)))
		return false;
	return timer_ok(sh, c, x);
}

static uint32_t count_in_use(const struct pool *p)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < p->fresh; i++)
		n += ((const struct tuple *)pool_at(p, i))->local != TUPLE_FREE;
	return n;
}

/* Every control block is somebody's, and what reserves lack is there for them. */
static bool quotas_ok(const struct shard *sh)
{
	uint32_t n = (uint32_t)sh->conf->nb_listeners + sh->conf->nb_pools, used = 0, lacking = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct quota *q = &sh->quotas[i];

		used += q->used;
		lacking += q->used < q->reserve ? q->reserve - q->used : 0;
		if (q->used > q->max)
			return false;
	}
	return used == sh->conns.used && lacking == sh->reserved &&
	       lacking <= sh->conns.capacity - sh->conns.used;
}

static bool sources_ok(const struct shard *sh)
{
	uint64_t counted[3] = {0}; /* by enum source_place */

	for (uint32_t i = 1; i < sh->conns.fresh; i++)
		if (shard_conn(sh, i)->tuple.local != TUPLE_FREE)
			counted[conn_cold(shard_conn(sh, i))->source]++;
	if (!sh->sources)
		return counted[SOURCE_EXACT] + counted[SOURCE_SKETCH] == 0;
	return source_table_check(&sh->sources->table, counted[SOURCE_EXACT],
				  counted[SOURCE_SKETCH]);
}

bool shard_check(struct shard *sh)
{
	if (!table_check(&sh->table) || !wheel_check(&sh->conn_wheel) ||
	    !group_wheel_check(&sh->half_wheel) || !tw_check(&sh->time_waits))
		return false;
	if (!quotas_ok(sh) || !sources_ok(sh))
		return false;
	if (count_in_use(&sh->halves) != sh->halves.used ||
	    count_in_use(&sh->conns) > sh->conns.used)
		return false;
	for (uint32_t i = 1; i < sh->conns.fresh; i++)
		if (shard_conn(sh, i)->tuple.local != TUPLE_FREE && !conn_ok(sh, shard_conn(sh, i)))
			return false;
	return true;
}
