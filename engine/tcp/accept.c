/* SPDX-License-Identifier: BSD-3-Clause */
/* Completed passive opens, and the accept queue (M8) in which they wait for their service. */
#include "engine/tcp/internal.h"

void tcp_passive_up(struct shard *sh, struct conn *c, struct half *h, const struct seg *s)
{
	struct conn_cold *k = conn_cold(c);

	tuple_move(&c->tuple, &h->tuple);
	memcpy(k->dmac, h->dmac, 6);
	c->flags = h->flags;
	c->wscale = h->wscale;
	c->mss = h->mss;
	c->rcv_nxt = h->irs + 1;
	c->snd_una = c->snd_nxt = h->iss + 1;
	c->ts_recent = h->ts_recent;
	c->rcv_adv = c->rcv_nxt + MIN(conn_tcp(sh, c)->rcvbuf, (uint32_t)UINT16_MAX);
	c->snd_wnd = s->wnd << (c->wscale >> 4);
	c->snd_wl1 = s->seq;
	k->max_wnd = (uint16_t)s->wnd;
	k->quiet = true;
	tcp_conn_establish(sh, c);
	tcp_set_state(c, TCP_ESTABLISHED);
	stat_inc(sh, STAT_passive_opens);
	if (unlikely(sh->profiles[h->profile].limits & LIMIT_DEFER)) {
		k->deferred = true;
		conn_work(sh, c, CF_ACCEPT_QUEUE);
	} else {
		accept_queue_add(sh, c, sh->profiles[h->profile].listener);
	}
}

bool accept_queue_full(const struct shard *sh, uint16_t listener)
{
	return sh->listeners[listener].length >= sh->listeners[listener].backlog;
}

void accept_queue_refuse(struct shard *sh, uint16_t listener, struct seg *s)
{
	sh->listeners[listener].overflows++;
	sh->listeners[listener].drops++;
	stat_inc(sh, STAT_drop_listen_overflow);
	if (sh->profiles[listener].tcp->abort_on_overflow)
		tcp_reset_reply(sh, s);
	else
		shard_buf_free(sh, s->buf);
}

void accept_queue_add(struct shard *sh, struct conn *c, uint16_t listener)
{
	struct listener_state *l = &sh->listeners[listener];
	uint32_t i = conn_index(sh, c);

	/* svc_data is the link: no service owns the connection yet. */
	c->svc_data = 0;
	if (l->tail)
		shard_conn(sh, l->tail)->svc_data = i;
	else
		l->head = i;
	l->tail = i;
	l->length++;
	conn_work(sh, c, CF_ACCEPT_QUEUE | CF_EV_ACCEPTABLE);
}

bool accept_deferred(struct shard *sh, struct conn *c)
{
	const struct profile *p = conn_profile(sh, c);
	const struct xfer *x = conn_xfer(sh, c);
	struct conn_cold *k = conn_cold(c);

	if (!k->deferred)
		return false;
	if (c->state == TCP_CLOSED || (!(x && x->rcvq.head) && (c->flags & CF_FIN_RECEIVED))) {
		/* It ends without a word: there is nothing to serve. */
		k->deferred = false;
		c->flags &= ~(uint32_t)CF_ACCEPT_QUEUE;
		tcp_close(sh, c);
		return false;
	}
	if (!x || !x->rcvq.head)
		return false;
	/* It was let in when its handshake was proven: a queue that is full now keeps
	 * later ones out. */
	k->deferred = false;
	accept_queue_add(sh, c, p->listener);
	c->flags &= ~(uint32_t)CF_EV_ACCEPTABLE;
	if (p->service->acceptable)
		p->service->acceptable(sh, p->listener);
	return !(c->flags & CF_ACCEPT_QUEUE);
}

/* Takes all out that have ended: nobody has seen them, so nobody needs to be told. */
static void bury(struct shard *sh, struct listener_state *l)
{
	uint32_t *link = &l->head, last = 0, i;

	while ((i = *link) != 0) {
		struct conn *c = shard_conn(sh, i);

		if (c->state != TCP_CLOSED) {
			last = i;
			link = &c->svc_data;
			continue;
		}
		*link = c->svc_data;
		c->svc_data = 0;
		c->flags &= ~(uint32_t)(CF_ACCEPT_QUEUE | CF_EV_ACCEPTABLE);
		conn_orphan(sh, c);
		l->length--;
	}
	l->tail = last;
	l->dead = 0;
}

void accept_queue_ended(struct shard *sh, struct conn *c)
{
	struct listener_state *l = &sh->listeners[conn_profile(sh, c)->listener];

	if (conn_cold(c)->source)
		admit_leave(sh, c);
	if (conn_cold(c)->deferred)
		return; /* it is in no queue */
	/* A walk through the queue for every fourth of it at most. */
	if (++l->dead >= (l->length + 3) / 4)
		bury(sh, l);
}

static struct conn *accept_queue_take(struct shard *sh, struct listener_state *l)
{
	struct conn *c = shard_conn(sh, l->head);

	l->head = c->svc_data;
	if (!l->head)
		l->tail = 0;
	l->length--;
	c->svc_data = 0;
	c->flags &= ~(uint32_t)(CF_ACCEPT_QUEUE | CF_EV_ACCEPTABLE);
	return c;
}

struct conn *tcp_accept(struct shard *sh, uint16_t listener)
{
	struct listener_state *l = &sh->listeners[listener];

	while (l->head) {
		struct conn *c = accept_queue_take(sh, l);
		struct xfer *x = conn_xfer(sh, c);

		if (c->state == TCP_CLOSED) {
			l->dead--;
			conn_orphan(sh, c);
			continue;
		}
		l->accepted++;
		conn_work(sh, c, x && x->rcvq.head ? CF_EV_READABLE : 0);
		if ((c->flags & CF_FIN_RECEIVED) && !(x && x->rcvq.head))
			conn_work(sh, c, CF_EV_EOF);
		return c;
	}
	return NULL;
}
