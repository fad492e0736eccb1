/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection has one node in the wheel for all its deadlines. It is filed
 * under the earliest one at the time and never moved later: when it fires too
 * early it is filed again, so that restarting a timer on every ACK costs
 * nothing. With no deadline left it is taken out at once, together with neighbours that
 * were filed a moment ago; later all of them would have to be fetched from memory.
 * All reasons are gathered here and nowhere else.
 */
#include "engine/tcp/guard.h"
#include "engine/tcp/recovery.h"

#define TRANSFER_RETRY_TICKS 10

/* The deadline of silence: keepalive probes and idle timeout. False: none. That one
 * probe has no answer says nothing (MUST-29). */
static bool silence_deadline(const struct shard *sh, const struct conn *c, tick_t *at)
{
	const struct conf_tcp *tcp = conn_tcp(sh, c);
	uint32_t wait = UINT32_MAX;

	if (c->state < TCP_ESTABLISHED || tcp_state_is_final(c->state))
		return false;
	if (tcp->idle_timeout_ms)
		wait = MIN(wait, tcp->idle_timeout_ms);
	if (tcp->keepalive && c->snd_una == c->snd_nxt)
		wait = MIN(wait, tcp->keepalive_time_ms +
				     conn_cold(c)->retries * tcp->keepalive_intvl_ms);
	if (wait == UINT32_MAX)
		return false;
	*at = c->last_rx + wait;
	return true;
}

/* Until when the backend may take to answer our SYN; false: no limit. */
static bool connect_deadline(const struct shard *sh, const struct conn *c, tick_t *at)
{
	const struct profile *p = conn_profile(sh, c);

	if (p->pool == CONF_NONE || !sh->conf->pools[p->pool].connect_timeout_ms)
		return false;
	*at = conn_cold(c)->opened + sh->conf->pools[p->pool].connect_timeout_ms;
	return true;
}

/* How long a connection may stay in a state; false: for ever, or until something in flight
 * is given up. */
static bool state_deadline(const struct shard *sh, const struct conn *c, tick_t *at)
{
	switch (c->state) {
	case TCP_SYN_SENT:
	case TCP_SYN_RECEIVED:
		return connect_deadline(sh, c, at);
	case TCP_FIN_WAIT_2:
		/* Closed by its service, waiting for the peer's FIN: [tcp_fin_timeout]
		 * ends it, whatever else the peer sends. */
		if (!(c->flags & CF_ORPHAN))
			return guard_half_close_deadline(sh, c, at);
		*at = conn_cold(c)->due;
		return true;
	case TCP_CLOSE_WAIT:
		return guard_half_close_deadline(sh, c, at);
	default:
		return false;
	}
}

static void state_expired(struct shard *sh, struct conn *c)
{
	if (c->state < TCP_ESTABLISHED) {
		stat_inc(sh, STAT_active_open_failed);
		conn_die(sh, c, TCP_CLOSE_TIMEOUT);
	} else if (c->state == TCP_FIN_WAIT_2 && (c->flags & CF_ORPHAN)) {
		stat_inc(sh, STAT_fin_wait_2_expired);
		conn_die(sh, c, TCP_CLOSE_TIMEOUT);
	} else {
		guard_half_close_expired(sh, c);
	}
}

/* The tick in which the next paced segment may leave. */
static tick_t pace_deadline(const struct shard *sh, const struct xfer *x)
{
	uint32_t wait_us = tcp_pace_wait_us(sh, x);

	return sh->now + MAX((wait_us + USEC_PER_TICK - 1) / USEC_PER_TICK, 1u);
}

static ALWAYS_INLINE void consider(bool has, tick_t at, bool *any, tick_t *best)
{
	if (!has)
		return;
	*best = *any ? tick_min(*best, at) : at;
	*any = true;
}

/* There was none for what it is to write, even if one has come for something else since, or for its
 * FIN. */
static bool wants_transfer(const struct conn *c, const struct xfer *x)
{
	return ((c->flags & CF_WANT_WRITE) && !(x && x->sndq.head)) ||
	       ((c->flags & CF_SHUTDOWN_EARLY) && c->state >= TCP_ESTABLISHED);
}

void tcp_timer_update(struct shard *sh, struct conn *c)
{
	const struct profile *p = conn_profile(sh, c);
	struct xfer *x = conn_xfer(sh, c);
	const struct conn_cold *k = conn_cold(c);
	uint32_t i = conn_index(sh, c);
	bool any = false, has;
	tick_t at = 0, best = 0;

	if (x)
		consider(x->timer != XFER_TIMER_NONE, x->timer_at, &any, &best);
	if (x && unlikely(x->paced | x->limited)) {
		consider(x->paced, pace_deadline(sh, x), &any, &best);
		consider(x->limited, x->limit_at, &any, &best);
	}
	if (unlikely(wants_transfer(c, x)))
		consider(true, sh->now + TRANSFER_RETRY_TICKS, &any, &best);
	consider(c->flags & CF_ACK_DELAYED, k->due, &any, &best);
	if (unlikely(c->state != TCP_ESTABLISHED)) {
		has = state_deadline(sh, c, &at);
		consider(has, at, &any, &best);
	}
	if (unlikely(p->limits)) {
		has = silence_deadline(sh, c, &at);
		consider(has, at, &any, &best);
		if (x && (p->limits & LIMIT_MIN_RATE))
			guard_watch(sh, c, x);
		has = guard_deadline(sh, c, &at);
		consider(has, at, &any, &best);
	}
	if (!any)
		wheel_cancel(&sh->conn_wheel, i);
	else if (!wheel_is_armed(&sh->conn_wheel, i) || tick_before(best, k->timer.at))
		wheel_arm(&sh->conn_wheel, i, best);
}

void tcp_sweep(struct shard *sh, uint32_t index)
{
	struct conn *c = shard_conn(sh, index);

	if (index >= sh->conns.fresh || c->tuple.local == TUPLE_FREE)
		return;
	if (sh->now - c->last_rx > PAWS_IDLE_TICKS)
		c->last_rx = sh->now - PAWS_IDLE_TICKS;
}

/* Silence has lasted: end the connection or ask whether the peer is there. */
static void silence_expired(struct shard *sh, struct conn *c)
{
	const struct conf_tcp *tcp = conn_tcp(sh, c);
	struct conn_cold *k = conn_cold(c);
	uint32_t silent = sh->now - c->last_rx;

	if (tcp->idle_timeout_ms && silent >= tcp->idle_timeout_ms) {
		stat_inc(sh, STAT_idle_expired);
		tcp_reset_conn(sh, c);
		conn_die(sh, c, TCP_CLOSE_TIMEOUT);
	} else if (k->retries >= tcp->keepalive_probes) {
		stat_inc(sh, STAT_keepalive_failed);
		tcp_reset_conn(sh, c);
		conn_die(sh, c, TCP_CLOSE_TIMEOUT);
	} else {
		/* However late this one is, the next has its interval: the clock may have leapt. */
		c->last_rx = sh->now - MIN(silent, tcp->keepalive_time_ms +
						       k->retries * tcp->keepalive_intvl_ms);
		k->retries++;
		conn_work(sh, c, CF_KEEPALIVE);
	}
}

/* What was only late until now is lost (RFC 8985 §6.3). */
static void reorder_expired(struct shard *sh, struct conn *c, struct xfer *x)
{
	uint32_t reorder_us = rack_detect_loss(sh, c, x);

	if (x->lost && x->phase == XFER_OPEN)
		recovery_enter(sh, c, x);
	recovery_arm(sh, c, x, reorder_us);
	conn_work(sh, c, CF_OUTPUT);
}

static void xfer_timer_expired(struct shard *sh, struct conn *c, struct xfer *x)
{
	if (x->timer == XFER_TIMER_LATER) {
		recovery_work_out(sh, c, x);
		if (!tick_reached(sh->now, x->timer_at))
			return;
	}
	switch (x->timer) {
	case XFER_TIMER_RTO:
		tcp_rto_expired(sh, c, x);
		break;
	case XFER_TIMER_PERSIST:
		tcp_persist_expired(sh, c, x);
		break;
	case XFER_TIMER_TLP:
		tlp_expired(sh, c, x);
		break;
	case XFER_TIMER_REORDER:
		reorder_expired(sh, c, x);
		break;
	case XFER_TIMER_RESOLVE:
		x->timer = XFER_TIMER_NONE;
		conn_work(sh, c, CF_REXMIT_ONE);
		break;
	}
}

static COLD void try_transfer(struct shard *sh, struct conn *c)
{
	if (c->flags & CF_SHUTDOWN_EARLY) {
		tcp_send_fin(sh, c);
		return;
	}
	c->flags &= ~(uint32_t)CF_WANT_WRITE;
	conn_work(sh, c, CF_EV_WRITABLE);
}

void tcp_conn_expired(void *ctx, uint32_t index)
{
	struct shard *sh = ctx;
	struct conn *c = shard_conn(sh, index);
	struct xfer *x = conn_xfer(sh, c);
	tick_t at;

	if (c->state == TCP_CLOSED)
		return;
	if ((c->flags & CF_ACK_DELAYED) && tick_reached(sh->now, conn_cold(c)->due)) {
		stat_inc(sh, STAT_delayed_acks);
		conn_work(sh, c, CF_ACK_NOW);
	}
	if (unlikely(wants_transfer(c, x)))
		try_transfer(sh, c);
	x = conn_xfer(sh, c);
	if (state_deadline(sh, c, &at) && tick_reached(sh->now, at))
		state_expired(sh, c);
	if (c->state != TCP_CLOSED && silence_deadline(sh, c, &at) && tick_reached(sh->now, at))
		silence_expired(sh, c);
	if (c->state != TCP_CLOSED)
		guard_expired(sh, c);
	if (c->state == TCP_CLOSED)
		return;
	if (x && x->paced && tcp_pace_wait_us(sh, x) == 0) {
		x->paced = false;
		conn_work(sh, c, CF_OUTPUT);
	}
	if (x && x->timer != XFER_TIMER_NONE && tick_reached(sh->now, x->timer_at))
		xfer_timer_expired(sh, c, x);
	if (c->state != TCP_CLOSED && !(c->flags & CF_WORK))
		tcp_timer_update(sh, c);
}
