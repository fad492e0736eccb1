/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Clients that hold resources without getting anywhere: they say nothing, trickle
 * what they ask for or what they take (slow loris, slow read), or leave a connection
 * half closed. Nothing is done per segment: when a deadline has come, sequence numbers
 * tell what has happened since the last look.
 */
#include "engine/tcp/guard.h"

static void end(struct shard *sh, struct conn *c, enum stat why)
{
	stat_inc(sh, why);
	/* A FIN would have to wait behind what the peer does not take, and then for the
	 * peer's own: a RST leaves nothing behind (RFC 6429 §3 allows it). */
	tcp_reset_conn(sh, c);
	conn_die(sh, c, TCP_CLOSE_TIMEOUT);
}

static const struct conf_listener *listener_of(const struct shard *sh, const struct conn *c)
{
	return &sh->conf->listeners[conn_profile(sh, c)->listener];
}

/* ---- half-closed connections ---- */

/* How long one that is waiting, with nothing in flight, has got nowhere, in ticks. */
static uint32_t half_closed_for(const struct shard *sh, const struct conn *c)
{
	const struct conn_cold *k = conn_cold(c);
	uint32_t since_sent = sh->now - k->sent_at;

	if (c->state == TCP_FIN_WAIT_2)
		return since_sent;
	return MIN(since_sent, sh->now - k->due); /* `due`: since the peer's FIN */
}

bool guard_half_close_deadline(const struct shard *sh, const struct conn *c, tick_t *at)
{
	uint32_t timeout = conn_tcp(sh, c)->half_close_timeout_ms;

	/* With something in flight it is the retransmission timer's. */
	if (!timeout || c->snd_una != c->snd_nxt)
		return false;
	*at = sh->now - half_closed_for(sh, c) + timeout;
	return true;
}

void guard_half_close_expired(struct shard *sh, struct conn *c)
{
	struct conn_cold *k = conn_cold(c);

	if (c->state == TCP_FIN_WAIT_2 && !k->quiet) {
		/* Data has come since the last look, at the latest with the last segment. */
		k->quiet = true;
		k->sent_at = c->last_rx;
		return;
	}
	end(sh, c, STAT_half_close_expired);
}

bool guard_half_close_stalled(const struct shard *sh, const struct conn *c, const struct xfer *x,
			      tick_t *at)
{
	uint32_t timeout = conn_tcp(sh, c)->half_close_timeout_ms;

	if (c->state <= TCP_ESTABLISHED || !timeout)
		return false;
	*at = x->unacked_since + timeout;
	return true;
}

/* ---- the first byte ---- */

static bool first_byte_deadline(const struct shard *sh, const struct conn *c, tick_t *at)
{
	const struct conn_cold *k = conn_cold(c);

	/* A FIN alone is nothing to serve either. */
	if ((c->state != TCP_ESTABLISHED && c->state != TCP_CLOSE_WAIT) || !k->quiet ||
	    !(conn_profile(sh, c)->limits & LIMIT_FIRST_BYTE))
		return false;
	*at = k->opened + listener_of(sh, c)->first_byte_timeout_ms;
	return true;
}

/* ---- the rate ---- */

static struct progress *progress_of(const struct shard *sh, const struct conn *c)
{
	return &sh->progress[c->xfer];
}

/* The service can tell whether a client has said all that it wants to. */
static bool can_tell(const struct shard *sh, const struct conn *c)
{
	return conn_profile(sh, c)->service->owes && !(c->flags & CF_ACCEPT_QUEUE);
}

static bool owes(const struct shard *sh, const struct conn *c)
{
	return can_tell(sh, c) && conn_profile(sh, c)->service->owes(c);
}

/* What the client sent last waits for an answer, or for its own end. */
static bool is_asking(const struct shard *sh, const struct conn *c)
{
	const struct conn_cold *k = conn_cold(c);

	if (!tcp_state_receives(c->state) || (c->flags & CF_ORPHAN))
		return false;
	if (can_tell(sh, c))
		return owes(sh, c);
	/* There `quiet` is about half_close_timeout; our FIN has answered all from before. */
	return !k->answered && (!k->quiet || c->state == TCP_FIN_WAIT_2);
}

/* What is to be reached until the next look. */
static void look_again(const struct shard *sh, const struct conn *c, const struct xfer *x,
		       struct progress *w)
{
	const struct conf_min_rate *rate = &listener_of(sh, c)->min_rate;

	w->at = sh->now + rate->per_ms;
	w->rcv_nxt = c->rcv_nxt;
	w->snd_end = sndq_end(c, x);
	w->snd_goal = c->snd_una + MIN(rate->bytes, w->snd_end - c->snd_una);
}

void guard_watch(struct shard *sh, struct conn *c, struct xfer *x)
{
	bool wanted = c->state >= TCP_ESTABLISHED && (x->sndq.head || is_asking(sh, c));

	if (wanted && !x->watched) {
		*progress_of(sh, c) = (struct progress){0};
		look_again(sh, c, x, progress_of(sh, c));
	}
	x->watched = wanted;
}

/* In this period the client sent, but less than it should have. One that is silent has
 * said all that it wants, unless its service knows better; one whose data waits here
 * is not to blame. */
static bool trickles(const struct shard *sh, const struct conn *c, const struct xfer *x,
		     const struct progress *w)
{
	uint32_t sent = c->rcv_nxt - w->rcv_nxt;

	if (sent >= listener_of(sh, c)->min_rate.bytes)
		return false;
	return owes(sh, c) || (sent && !x->rcvq.head);
}

static void count_slow(const struct shard *sh, const struct conn *c, const struct xfer *x,
		       struct progress *w)
{
	bool answered = conn_cold(c)->answered || sndq_end(c, x) != w->snd_end;
	bool fast = c->rcv_nxt - w->rcv_nxt >= listener_of(sh, c)->min_rate.bytes;

	w->slow_reads = seq_lt(c->snd_una, w->snd_goal) ? (uint16_t)(w->slow_reads + 1) : 0;
	if (fast || !is_asking(sh, c) || (answered && !owes(sh, c)))
		w->slow_writes = 0;
	else if (trickles(sh, c, x, w))
		w->slow_writes++;
}

static void watch_expired(struct shard *sh, struct conn *c, struct xfer *x)
{
	const struct conf_min_rate *rate = &listener_of(sh, c)->min_rate;
	uint32_t grace = (rate->grace_ms + rate->per_ms - 1) / rate->per_ms;
	struct progress *w = progress_of(sh, c);

	count_slow(sh, c, x, w);
	if (w->slow_reads > grace)
		end(sh, c, STAT_slow_read_reaped);
	else if (w->slow_writes > grace + 1) /* a request in two pieces is one */
		end(sh, c, STAT_slow_write_reaped);
	else
		look_again(sh, c, x, w);
}

/* ---- what a service waits for ---- */

void tcp_limit(struct shard *sh, struct conn *c, uint32_t ms)
{
	struct xfer *x = conn_xfer(sh, c);

	INVARIANT(x);
	x->limited = true;
	x->limit_at = sh->now + ms;
	conn_work(sh, c, 0);
}

static void limit_expired(struct shard *sh, struct conn *c, struct xfer *x)
{
	const struct service *svc = conn_profile(sh, c)->service;

	x->limited = false;
	if (!(c->flags & (CF_ORPHAN | CF_ACCEPT_QUEUE)) && svc->late)
		svc->late(sh, c);
}

/* ---- all of them ---- */

bool guard_deadline(const struct shard *sh, const struct conn *c, tick_t *at)
{
	const struct xfer *x = conn_xfer(sh, c);
	bool any = first_byte_deadline(sh, c, at);

	if (x && x->watched) {
		*at = any ? tick_min(*at, progress_of(sh, c)->at) : progress_of(sh, c)->at;
		any = true;
	}
	return any;
}

void guard_expired(struct shard *sh, struct conn *c)
{
	struct xfer *x = conn_xfer(sh, c);
	tick_t at;

	if (first_byte_deadline(sh, c, &at) && tick_reached(sh->now, at)) {
		end(sh, c, STAT_first_byte_expired);
		return;
	}
	if (x && x->limited && tick_reached(sh->now, x->limit_at))
		limit_expired(sh, c, x);
	if (c->state == TCP_CLOSED || !x || !x->watched)
		return;
	if (tick_reached(sh->now, progress_of(sh, c)->at))
		watch_expired(sh, c, x);
}
