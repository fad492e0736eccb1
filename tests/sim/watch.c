/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine's invariants. See watch.h. */
#include <stdio.h>

#include "engine/tcp/internal.h"
#include "tests/sim/watch.h"

#define PIECE_MIN 512 /* bytes of buffer size for each packet buffer a peer may occupy, */
#define PIECES    40  /* and this many for all */

static bool in_use(const struct conn *c)
{
	return c->tuple.local != TUPLE_FREE && c->state != TCP_CLOSED;
}

/* A turn may take several steps; none of them leads through CLOSED and back. */
static bool reachable(enum tcp_state from, enum tcp_state to)
{
	uint32_t reached = 1u << from, before = 0;

	while (reached != before) {
		before = reached;
		for (uint32_t s = TCP_LISTEN; s < TCP_NB_STATES; s++)
			for (uint32_t t = TCP_LISTEN; (before >> s & 1) && t < TCP_NB_STATES; t++)
				if (tcp_state_may_follow((enum tcp_state)s, (enum tcp_state)t))
					reached |= 1u << t;
	}
	return reached >> to & 1;
}

/* A connection begins by an active open, or with its handshake proven. */
static bool may_begin(enum tcp_state state)
{
	return reachable(TCP_SYN_SENT, state) || reachable(TCP_ESTABLISHED, state);
}

bool watch_states(struct watch *w, struct shard *sh, char *why, size_t size)
{
	for (uint32_t i = 1; i < sh->conns.fresh && i < WATCH_CONNS; i++) {
		const struct conn *c = shard_conn(sh, i);
		uint8_t before = w->seen[i].state, now = in_use(c) ? c->state : TCP_CLOSED;
		bool same = before != TCP_CLOSED && now != TCP_CLOSED &&
			    w->seen[i].opened == conn_cold(c)->opened &&
			    memcmp(&w->seen[i].tuple, &c->tuple, sizeof(c->tuple)) == 0;

		if (now != TCP_CLOSED && now != before &&
		    !(same ? reachable(before, now) : may_begin(now))) {
			snprintf(why, size, "a connection went from %s to %s",
				 tcp_state_name(same ? before : TCP_CLOSED), tcp_state_name(now));
			return false;
		}
		w->seen[i].state = now;
		w->seen[i].opened = conn_cold(c)->opened;
		w->seen[i].tuple = c->tuple;
	}
	return true;
}

/* Something that the peer, or the service, waits for. */
static bool is_owed(const struct shard *sh, const struct conn *c)
{
	const struct xfer *x = conn_xfer(sh, c);
	bool opening = c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED;
	bool fin =
	    (c->flags & CF_FIN_QUEUED) && c->state != TCP_TIME_WAIT && c->state != TCP_FIN_WAIT_2;
	bool lone = c->state == TCP_FIN_WAIT_2 && (c->flags & CF_ORPHAN);

	return opening || fin || lone || c->snd_una != c->snd_nxt || (x && x->sndq.head) ||
	       (c->flags & CF_ACK_DELAYED);
}

/* The node is filed no later than what it is for. */
static bool timer_fits(const struct shard *sh, const struct conn *c)
{
	const struct conn_cold *k = conn_cold(c);
	const struct xfer *x = conn_xfer(sh, c);

	if (!is_owed(sh, c))
		return true;
	if (!wheel_is_armed(&sh->conn_wheel, conn_index(sh, c)))
		return false;
	if (x && x->timer != XFER_TIMER_NONE && tick_before(x->timer_at, k->timer.at) &&
	    tick_before(sh->now, x->timer_at))
		return false;
	return !(c->flags & CF_ACK_DELAYED) || !tick_before(k->due, k->timer.at) ||
	       !tick_before(sh->now, k->due);
}

/* What waits to be read, and what came early, is no more than was offered; rounding
 * a scaled window up may add a unit, and the FIN a number. */
static bool memory_fits(const struct shard *sh, const struct conn *c)
{
	const struct conf_tcp *tcp = &sh->conf->tcp; /* not less for want of memory */
	const struct xfer *x = conn_xfer(sh, c);
	uint32_t unit = 1u << (c->wscale & 15);

	if (!x)
		return true;
	return x->rcvq.bytes + x->ooo_bytes <= tcp->rcvbuf + unit &&
	       x->rcvq.count + x->ooo_count <= 2 * (tcp->rcvbuf / PIECE_MIN + PIECES) &&
	       c->rcv_adv - c->rcv_nxt <= tcp->rcvbuf + unit;
}

static bool conn_fits(const struct shard *sh, const struct conn *c, char *why, size_t size)
{
	/* What is on the work list has not had its turn yet. */
	if (!in_use(c) || (c->flags & CF_WORK))
		return true;
	if (!timer_fits(sh, c)) {
		snprintf(why, size, "a connection in %s owes something and has no timer",
			 tcp_state_name(c->state));
		return false;
	}
	if (!memory_fits(sh, c)) {
		snprintf(why, size, "a connection holds more than its buffer, or offers more");
		return false;
	}
	return true;
}

/* Half-open entries have their timers armed, all of them and nobody else. */
static bool halves_fit(const struct shard *sh)
{
	for (uint32_t i = 1; i < sh->halves.fresh; i++)
		if ((shard_half(sh, i)->tuple.local != TUPLE_FREE) !=
		    group_wheel_is_armed(&sh->half_wheel, i))
			return false;
	return true;
}

bool watch_objects(struct shard *sh, char *why, size_t size)
{
	for (uint32_t i = 1; i < sh->conns.fresh; i++)
		if (!conn_fits(sh, shard_conn(sh, i), why, size))
			return false;
	if (!halves_fit(sh)) {
		snprintf(why, size, "a half-open entry has no timer, or one that is none has");
		return false;
	}
	return true;
}
