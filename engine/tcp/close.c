/* SPDX-License-Identifier: BSD-3-Clause */
/* Closing: RFC 9293 §3.6, §3.10.4 and the eighth check of §3.10.7.4. */
#include "engine/tcp/internal.h"

void tcp_fin_received(struct shard *sh, struct conn *c)
{
	const struct xfer *x = conn_xfer(sh, c);

	conn_work(sh, c, CF_FIN_RECEIVED | CF_ACK_NOW);
	/* A service that waits for more learns that there will be none. */
	conn_work(sh, c, x && x->rcvq.head ? CF_EV_READABLE : CF_EV_EOF);
	switch (c->state) {
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
		/* The peer is done; we may go on sending. */
		conn_cold(c)->due = sh->now;
		tcp_set_state(c, TCP_CLOSE_WAIT);
		break;
	case TCP_FIN_WAIT_1:
		/* Both have closed; ours is not acknowledged yet. */
		tcp_set_state(c, TCP_CLOSING);
		break;
	case TCP_FIN_WAIT_2:
		/* Both have closed and we went first: the tuple rests for 2MSL. */
		tcp_set_state(c, TCP_TIME_WAIT);
		break;
	}
}

/* §3.10.5: the peer has nothing to reset before our SYN is answered, nor once both have closed,
 * which takes that our FIN has gone, and what was queued before it. */
static void reset_and_die(struct shard *sh, struct conn *c)
{
	bool both_closed = (c->state == TCP_CLOSING || c->state == TCP_LAST_ACK) &&
			   (c->flags & CF_FIN_SENT);

	if (c->state != TCP_SYN_SENT && !both_closed)
		tcp_reset_conn(sh, c);
	conn_die(sh, c, TCP_CLOSE_ABORTED);
}

/* [tcp_max_orphans] True: there are more than `orphans`, and this one is reset. */
static bool too_many_orphans(struct shard *sh, struct conn *c)
{
	if (sh->orphans <= sh->max_orphans)
		return false;
	stat_inc(sh, STAT_orphans_reset);
	reset_and_die(sh, c);
	return true;
}

static void limit_fin_wait_2(struct shard *sh, struct conn *c)
{
	if (c->state != TCP_FIN_WAIT_2)
		return;
	if (!(c->flags & CF_ORPHAN)) {
		conn_cold(c)->sent_at = sh->now;
		conn_cold(c)->quiet = false;
		return;
	}
	if (c->flags & CF_ACK_DELAYED) /* `due` is not its own any more */
		conn_work(sh, c, CF_ACK_NOW);
	conn_cold(c)->due = sh->now + conn_tcp(sh, c)->fin_timeout_ms;
}

void tcp_fin_acked(struct shard *sh, struct conn *c)
{
	switch (c->state) {
	case TCP_FIN_WAIT_1:
		/* Our half is closed; theirs may stay open. */
		tcp_set_state(c, TCP_FIN_WAIT_2);
		if (conn_cold(c)->drains && too_many_orphans(sh, c))
			return;
		limit_fin_wait_2(sh, c);
		break;
	case TCP_CLOSING:
		/* Both FINs crossed and ours has arrived. */
		tcp_set_state(c, TCP_TIME_WAIT);
		break;
	case TCP_LAST_ACK:
		/* The peer went first and knows we are done: nothing is owed. */
		conn_die(sh, c, TCP_CLOSE_DONE);
		break;
	}
}

void tcp_send_fin(struct shard *sh, struct conn *c)
{
	if (c->flags & CF_FIN_QUEUED)
		return;
	/* A FIN is in flight like data: it needs the timer. */
	if (!conn_xfer_get(sh, c)) {
		conn_work(sh, c, CF_SHUTDOWN_EARLY); /* its timer asks again */
		return;
	}
	c->flags &= ~(uint32_t)CF_SHUTDOWN_EARLY;
	/* CLOSE was called: after what is queued nothing more will follow. */
	tcp_set_state(c, c->state == TCP_CLOSE_WAIT ? TCP_LAST_ACK : TCP_FIN_WAIT_1);
	conn_work(sh, c, CF_FIN_QUEUED | CF_OUTPUT);
}

void tcp_shutdown(struct shard *sh, struct conn *c)
{
	if (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED)
		/* §3.10.4: queued until the connection is up. */
		c->flags |= CF_SHUTDOWN_EARLY;
	else if (tcp_state_sends(c->state))
		tcp_send_fin(sh, c);
}

void tcp_close(struct shard *sh, struct conn *c)
{
	const struct xfer *x = conn_xfer(sh, c);

	conn_orphan(sh, c);
	if (tcp_state_is_final(c->state))
		return;
	/* What was received and never read is lost: RFC 9293 SHLD-3. */
	if (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED || (x && x->rcvq.head)) {
		reset_and_die(sh, c);
		return;
	}
	/* An answer that is on its way would be lost: its turn comes when it has arrived. */
	if (!conn_cold(c)->drains && too_many_orphans(sh, c))
		return;
	limit_fin_wait_2(sh, c);
	tcp_shutdown(sh, c);
}

void tcp_linger(struct shard *sh, struct conn *c)
{
	conn_cold(c)->drains = true;
	conn_drop_received(sh, c);
	tcp_close(sh, c);
}

void tcp_abort(struct shard *sh, struct conn *c)
{
	conn_orphan(sh, c);
	if (tcp_state_is_final(c->state)) {
		conn_drop_received(sh, c);
		return;
	}
	reset_and_die(sh, c);
}

uint32_t tcp_stop(struct shard *sh, uint32_t from)
{
	for (uint32_t i = from; i < sh->conns.fresh; i++) {
		struct conn *c = shard_conn(sh, i);

		if (c->tuple.local == TUPLE_FREE || tcp_state_is_final(c->state))
			continue;
		if (shard_tx_room(sh, sh->net.ifaces[c->tuple.iface].port) == 0)
			return i;
		reset_and_die(sh, c);
	}
	return 0;
}
