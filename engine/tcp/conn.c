/* SPDX-License-Identifier: BSD-3-Clause */
/* Taking, freeing and queueing control blocks. */
#include "engine/service/proxy.h"
#include "engine/tcp/internal.h"

struct conn *conn_alloc(struct shard *sh, uint16_t profile)
{
	struct conn_cold *k;
	struct conn *c;
	uint32_t i;

	if (unlikely(sh->has_quotas) && !quota_allows(sh, profile))
		return NULL;
	i = pool_get(&sh->conns);
	if (i == POOL_NIL)
		return NULL;
	quota_take(sh, profile);
	c = shard_conn(sh, i);
	k = conn_cold(c);
	memset(c, 0, sizeof(*c));
	memset(k, 0, sizeof(*k));
	c->tuple.local = TUPLE_FREE;
	c->last_rx = sh->now;
	k->opened = k->sent_at = sh->now;
	k->profile = profile & 0x1fff;
	return c;
}

static void free_list(struct shard *sh, struct buf *b)
{
	while (b) {
		struct buf *next = b->next;

		shard_buf_free(sh, b);
		b = next;
	}
}

static void drop_send_queue(struct shard *sh, struct xfer *x)
{
	struct buf *b = x->sndq.head;

	while (b) {
		struct buf *next = b->next;

		shard_buf_free_kept(sh, b);
		b = next;
	}
	x->sndq = (struct bufq){0};
	x->send_next = NULL;
}

void conn_drop_early(struct shard *sh, struct xfer *x)
{
	free_list(sh, x->ooo);
	x->ooo = NULL;
	x->ooo_bytes = x->ooo_count = 0;
}

void conn_drop_received(struct shard *sh, struct conn *c)
{
	struct xfer *x = conn_xfer(sh, c);

	if (!x)
		return;
	free_list(sh, x->rcvq.head);
	x->rcvq = (struct bufq){0};
	conn_drop_early(sh, x);
}

void tcp_conn_release_bufs(struct shard *sh, struct conn *c)
{
	struct xfer *x = conn_xfer(sh, c);

	if (!x)
		return;
	drop_send_queue(sh, x);
	conn_drop_received(sh, c);
	pool_put(&sh->xfers, c->xfer);
	c->xfer = 0;
}

void conn_free(struct shard *sh, struct conn *c)
{
	uint32_t i = conn_index(sh, c);

	tcp_conn_release_bufs(sh, c);
	if (c->flags & CF_ORPHAN)
		sh->orphans--;
	wheel_cancel(&sh->conn_wheel, i);
	tuple_clear(sh, &c->tuple);
	quota_put(sh, conn_cold(c)->profile);
	pool_put(&sh->conns, i);
}

struct xfer *conn_xfer_get(struct shard *sh, struct conn *c)
{
	struct xfer *x = conn_xfer(sh, c);

	if (x)
		return x;
	c->xfer = pool_get(&sh->xfers);
	if (!c->xfer)
		return NULL;
	x = conn_xfer(sh, c);
	zero_lines(x, sizeof(*x));
	x->recover = x->ecn_recover = c->snd_una;
	x->pace_us = (uint32_t)sh->now_us;
	return x;
}

/* Who waits in an accept queue leaves more to those who are served. */
static bool has_to_wait(const struct shard *sh, const struct conn *c, uint32_t left)
{
	if (c->flags & CF_ACCEPT_QUEUE)
		return left <= 4 * sh->xfer_reserve;
	return left <= sh->xfer_reserve && conn_profile(sh, c)->service->relays;
}

struct xfer *conn_xfer_for_text(struct shard *sh, struct conn *c)
{
	struct xfer *x = conn_xfer(sh, c);
	uint32_t left;

	if (x)
		return x;
	left = sh->xfers.capacity - sh->xfers.used;
	if (unlikely(left <= 4 * sh->xfer_reserve) && has_to_wait(sh, c, left))
		return NULL;
	return conn_xfer_get(sh, c);
}

static bool holds_something(const struct xfer *x)
{
	return x->timer != XFER_TIMER_NONE || x->sndq.head || x->rcvq.head || x->ooo || x->watched;
}

static void put_xfer(struct shard *sh, struct conn *c)
{
	pool_put(&sh->xfers, c->xfer);
	c->xfer = 0;
}

void conn_xfer_trim(struct shard *sh, struct conn *c, const struct xfer *x)
{
	if (!x || holds_something(x) || x->urgent_in || x->urgent_out)
		return;
	/* A slower path that was not measured yet is not forgotten (MUST-18). */
	if (x->backoff || x->tlp_unmeasured)
		return;
	put_xfer(sh, c);
}

void conn_xfer_forget(struct shard *sh, struct conn *c)
{
	const struct xfer *x = conn_xfer(sh, c);

	if (x && !holds_something(x) && !(c->flags & CF_WORK))
		put_xfer(sh, c);
}

/* Not inlined, of the many calls of conn_work() one in five gets here. */
NOINLINE void conn_enlist(struct shard *sh, struct conn *c)
{
	c->flags |= CF_WORK;
	c->work_next = 0;
	*sh->work_end = conn_index(sh, c);
	sh->work_end = &c->work_next;
}

void conn_orphan(struct shard *sh, struct conn *c)
{
	if (!(c->flags & CF_ORPHAN))
		sh->orphans++;
	conn_work(sh, c, CF_ORPHAN);
}

void conn_unlink(struct shard *sh, struct conn *c)
{
	struct tuple_key key = tuple_key_of(sh, &c->tuple);
	const struct profile *p = conn_profile(sh, c);

	table_remove(&sh->table, tuple_hash(sh, &key), ref_make(REF_CONN, conn_index(sh, c)));
	if ((c->flags & CF_ACTIVE) && p->pool != CONF_NONE)
		proxy_port_put(sh, p->pool, conn_cold(c)->backend, tuple_local(&c->tuple),
			       c->tuple.lport_be);
}

void conn_die(struct shard *sh, struct conn *c, enum tcp_close_reason reason)
{
	struct xfer *x = conn_xfer(sh, c);

	if (!tcp_time_wait_spend(sh, c))
		conn_unlink(sh, c);
	tcp_set_state(c, TCP_CLOSED);
	c->flags &= ~(uint32_t)(CF_ACK_NOW | CF_ACK_DELAYED | CF_REXMIT_ONE | CF_PROBE |
				CF_KEEPALIVE | CF_OUTPUT);
	conn_cold(c)->close_reason = (uint8_t)reason;
	if (x) {
		drop_send_queue(sh, x);
		x->timer = XFER_TIMER_NONE;
		/* What came in order before an orderly end is still the service's. */
		if (reason != TCP_CLOSE_DONE)
			conn_drop_received(sh, c);
	}
	if (unlikely(c->flags & CF_ACCEPT_QUEUE))
		accept_queue_ended(sh, c);
	conn_work(sh, c, 0);
}
