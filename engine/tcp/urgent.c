/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Urgent data (RFC 9293 §3.8.5, MUST-30; RFC 6093): a point in the stream, ahead of
 * which its reader should hurry. The data itself is delivered in line.
 */
#include "engine/tcp/internal.h"

/* Sequence number of the first byte not yet read. */
static uint32_t read_position(const struct conn *c, const struct xfer *x)
{
	uint32_t end = c->rcv_nxt - (c->flags & CF_FIN_RECEIVED ? 1 : 0);

	return end - x->rcvq.bytes;
}

uint32_t tcp_urgent_left(const struct shard *sh, const struct conn *c)
{
	const struct xfer *x = conn_xfer(sh, c);

	if (!x || !x->urgent_in)
		return 0;
	return x->rcv_up - read_position(c, x);
}

void tcp_urgent_read(const struct conn *c, struct xfer *x)
{
	if (x->urgent_in && seq_geq(read_position(c, x), x->rcv_up))
		x->urgent_in = false;
}

/* Sixth check of §3.10.7.4. The pointer is the octet behind the urgent data (MUST-62)
 * and may lie beyond what has come, any number of segments ahead (MUST-31). */
void tcp_urgent_input(struct shard *sh, struct conn *c, const struct seg *s)
{
	uint32_t up = s->seq + s->urp;
	struct xfer *x;

	stat_inc(sh, STAT_urgent_received);
	if (!tcp_state_receives(c->state))
		return; /* the peer has closed: a pointer means nothing any more */
	x = conn_xfer_for_text(sh, c);
	conn_work(sh, c, 0); /* who has taken a block for nothing gives it back */
	if (!x || seq_leq(up, read_position(c, x)))
		return;
	if (x->urgent_in && seq_leq(up, x->rcv_up))
		return;
	x->rcv_up = up;
	x->urgent_in = true;
	/* MUST-32: at the first one, and whenever it advances. */
	conn_work(sh, c, CF_EV_URGENT);
}

void tcp_set_urgent(struct shard *sh, struct conn *c, uint32_t ahead)
{
	struct xfer *x = tcp_may_queue(c) ? conn_xfer_get(sh, c) : NULL;
	uint32_t up;

	if (!x)
		return;
	up = sndq_end(c, x) + ahead;
	/* It cannot recede. */
	if (x->urgent_out && seq_leq(up, x->snd_up))
		return;
	x->snd_up = up;
	x->urgent_out = true;
	/* The peer is told even when its window takes no data. */
	if (c->state >= TCP_ESTABLISHED)
		conn_work(sh, c, CF_ACK_NOW | CF_OUTPUT);
}

uint16_t tcp_urgent_pointer(const struct xfer *x, uint32_t seq)
{
	if (!x || !x->urgent_out || seq_leq(x->snd_up, seq))
		return 0;
	return (uint16_t)MIN(x->snd_up - seq, (uint32_t)UINT16_MAX);
}
