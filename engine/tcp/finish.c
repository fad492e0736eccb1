/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of a burst: events to services, output, timers, and the end of what
 * has died. Nothing is freed before this, so a segment of the burst that was
 * looked up earlier still finds its object, if only to see that it is closed.
 */
#include "engine/tcp/internal.h"

/* Upper bound on visits in one call: services may wake each other, but a bug
 * in one must not hang the worker. */
#define FINISH_VISITS_MAX 8192

/* It keeps CF_WORK: what is asked for while it is visited is done in that visit. */
static struct conn *work_pop(struct shard *sh)
{
	struct conn *c;

	if (!sh->work_head)
		return NULL;
	c = shard_conn(sh, sh->work_head);
	sh->work_head = c->work_next;
	if (!sh->work_head)
		sh->work_end = &sh->work_head;
	return c;
}

static void work_again(struct shard *sh, struct conn *c)
{
	c->flags &= ~(uint32_t)CF_WORK;
	conn_work(sh, c, 0);
}

static bool take_event(struct conn *c, uint32_t event)
{
	if (!(c->flags & event) || (c->flags & CF_ORPHAN))
		return false;
	c->flags &= ~event;
	return true;
}

void tcp_tell_trouble(struct shard *sh, struct conn *c, struct xfer *x, enum tcp_trouble what)
{
	x->trouble = (uint8_t)what;
	conn_work(sh, c, 0);
}

static COLD void deliver_trouble(struct shard *sh, struct conn *c, struct xfer *x,
				 const struct service *svc)
{
	enum tcp_trouble what = x->trouble;

	x->trouble = TCP_TROUBLE_NONE;
	if (!(c->flags & CF_ORPHAN) && svc->trouble)
		svc->trouble(sh, c, what);
}

/* Tells the service; each call may close the connection, so each asks again. */
static void deliver_events(struct shard *sh, struct conn *c)
{
	const struct profile *p = conn_profile(sh, c);
	const struct service *svc = p->service;
	struct xfer *x;

	if (take_event(c, CF_EV_ACCEPTABLE) && svc->acceptable)
		svc->acceptable(sh, p->listener);
	if ((c->flags & CF_ACCEPT_QUEUE) && !accept_deferred(sh, c))
		return; /* nobody owns it yet; its events wait with it */
	if (take_event(c, CF_EV_CONNECTED) && svc->connected)
		svc->connected(sh, c);
	x = conn_xfer(sh, c);
	if (x && unlikely(x->trouble != TCP_TROUBLE_NONE)) {
		deliver_trouble(sh, c, x, svc);
		x = conn_xfer(sh, c);
	}
	if (take_event(c, CF_EV_URGENT) && svc->urgent)
		svc->urgent(sh, c);
	if (take_event(c, CF_EV_READABLE) && svc->readable && x && x->rcvq.head)
		svc->readable(sh, c);
	if (likely(!(c->flags & (CF_EV_EOF | CF_EV_WRITABLE))))
		return;
	x = conn_xfer(sh, c);
	if (!(x && x->rcvq.head) && take_event(c, CF_EV_EOF)) {
		c->flags |= CF_EOF_TOLD;
		if (svc->eof)
			svc->eof(sh, c);
	}
	if (take_event(c, CF_EV_WRITABLE) && svc->writable)
		svc->writable(sh, c);
}

/* A finished connection stays until its service has read what came before. */
static bool may_end(const struct conn *c, const struct xfer *x)
{
	if (likely(!tcp_state_is_final(c->state)) || (c->flags & CF_ACCEPT_QUEUE))
		return false;
	if (c->flags & CF_ORPHAN)
		return true;
	if (x && x->rcvq.head)
		return false;
	return !(c->flags & CF_FIN_RECEIVED) || (c->flags & CF_EOF_TOLD) ||
	       conn_cold(c)->close_reason != TCP_CLOSE_DONE;
}

/* A normal close lingers in TIME_WAIT, whoever asked for it (MUST-12). */
static void end(struct shard *sh, struct conn *c)
{
	const struct service *svc = conn_profile(sh, c)->service;
	enum tcp_close_reason reason = conn_cold(c)->close_reason;

	if (unlikely(conn_cold(c)->source))
		admit_leave(sh, c);
	if (c->state == TCP_TIME_WAIT) {
		tcp_time_wait_enter(sh, c);
		tcp_set_state(c, TCP_CLOSED);
	}
	if (!(c->flags & CF_ORPHAN) && svc->closed)
		svc->closed(sh, c, reason);
	conn_free(sh, c);
}

/* An event has come up behind its turn, or output was asked for by output itself. */
static bool has_more(const struct conn *c, const struct xfer *x)
{
	if ((c->flags & CF_OUTPUT) && c->state != TCP_CLOSED)
		return true;
	if (!(c->flags & CF_EVENTS) || (c->flags & (CF_ORPHAN | CF_ACCEPT_QUEUE)))
		return false;
	return (c->flags & CF_EVENTS & ~(uint32_t)CF_EV_EOF) || !(x && x->rcvq.head);
}

/* One visit; false: the port is full and the connection must wait. */
static bool visit(struct shard *sh, struct conn *c)
{
	struct xfer *x;
	bool sent;

	deliver_events(sh, c);
	x = conn_xfer(sh, c);
	sent = tcp_output(sh, c, x);
	if (sent && unlikely(has_more(c, x))) {
		work_again(sh, c);
		return true;
	}
	if (sent && may_end(c, x)) {
		end(sh, c);
		return true;
	}
	if (!tcp_timer_is_filed(sh, c, x))
		tcp_timer_update(sh, c);
	if (sent) {
		conn_xfer_trim(sh, c, x);
		c->flags &= ~(uint32_t)CF_WORK;
	}
	return sent;
}

/* What the next visit begins with: a burst's connections with all that is theirs are more than the
 * nearest cache holds. */
static ALWAYS_INLINE void prefetch_next(const struct shard *sh)
{
	const struct xfer *x;

	if (!sh->work_head)
		return;
	x = conn_xfer(sh, shard_conn(sh, sh->work_head));
	if (!x)
		return;
	PREFETCH_WRITE((const uint8_t *)x + CACHE_LINE);
	if (x->rcvq.head)
		PREFETCH(x->rcvq.head->data);
}

void shard_finish(struct shard *sh)
{
	uint32_t blocked = 0, *blocked_end = &blocked;
	struct conn *c;

	for (uint32_t visits = 0; visits < FINISH_VISITS_MAX && (c = work_pop(sh)); visits++) {
		prefetch_next(sh);
		if (visit(sh, c))
			continue;
		*blocked_end = conn_index(sh, c);
		blocked_end = &c->work_next;
	}
	if (!blocked)
		return;
	/* Behind what was not visited: a port that takes nothing must not hold up the others. */
	*blocked_end = 0;
	*sh->work_end = blocked;
	sh->work_end = blocked_end;
}
