/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Acknowledgments: SND.UNA, the send window, round-trip times (RFC 6298),
 * congestion window (RFC 5681) and fast recovery (RFC 6582, NewReno).
 */
#include "engine/tcp/internal.h"

#define DUPACK_THRESHOLD 3

uint32_t tcp_flight(const struct conn *c, const struct xfer *x)
{
	/* After a timeout what lies beyond send_next counts as lost; an ACK may
	 * have reached into that buf. */
	uint32_t next = x->send_next ? x->send_next->seq : c->snd_nxt;

	return seq_gt(next, c->snd_una) ? next - c->snd_una : 0;
}

/* RFC 6298 §2.2, §2.3, in microseconds. */
void tcp_rtt_sample(struct shard *sh, struct conn *c, uint32_t rtt_us)
{
	struct conn_cold *k = conn_cold(sh, c);
	uint32_t delta;

	if (k->srtt_us == 0) {
		k->srtt_us = rtt_us;
		k->rttvar_us = rtt_us / 2;
		return;
	}
	delta = rtt_us > k->srtt_us ? rtt_us - k->srtt_us : k->srtt_us - rtt_us;
	k->rttvar_us = k->rttvar_us - k->rttvar_us / 4 + delta / 4;
	k->srtt_us = MAX(k->srtt_us - k->srtt_us / 8 + rtt_us / 8, 1u);
}

/* RFC 5681 §3.1, counting bytes as RFC 3465 does with no limit in slow start:
 * our own peers merge ACKs, and a burst is bounded by the window anyway. */
static void grow_cwnd(struct conn_cold *k, const struct conn *c, uint32_t acked, uint32_t flight)
{
	uint32_t ssthresh = tcp_ssthresh(c, k);

	if (flight < k->cwnd / 2)
		return; /* the window was not what held us back (RFC 7661) */
	if (k->cwnd < ssthresh)
		k->cwnd += MIN(acked, ssthresh - k->cwnd);
	else
		k->cwnd += MAX((uint32_t)((uint64_t)c->mss * MIN(acked, k->cwnd) / k->cwnd), 1u);
	k->cwnd = MIN(k->cwnd, 1u << 30);
}

uint32_t tcp_ssthresh(const struct conn *c, const struct conn_cold *k)
{
	return k->ssthresh == SSTHRESH_NONE ? UINT32_MAX : (uint32_t)k->ssthresh * c->mss;
}

/* RFC 5681 equation 4. */
void tcp_halve_ssthresh(struct conn_cold *k, const struct conn *c, uint32_t flight)
{
	k->ssthresh = (uint16_t)MIN(MAX(flight / 2 / c->mss, 2u), SSTHRESH_NONE - 1u);
}

static void enter_recovery(struct shard *sh, struct conn *c, struct xfer *x)
{
	struct conn_cold *k = conn_cold(sh, c);

	tcp_halve_ssthresh(k, c, tcp_flight(c, x));
	x->recover = c->snd_nxt;
	x->in_recovery = true;
	k->cwnd = tcp_ssthresh(c, k) + DUPACK_THRESHOLD * c->mss;
	stat_inc(sh, STAT_fast_retransmits);
	conn_work(sh, c, CF_REXMIT_ONE);
}

/* RFC 5681 §2: what counts as a duplicate acknowledgment. */
static bool is_duplicate(const struct conn *c, const struct xfer *x, const struct seg *s)
{
	/* A closed window's answers to probes repeat themselves by nature. */
	return x && x->sndq.head && c->snd_wnd && c->snd_nxt != c->snd_una && s->payload_len == 0 &&
	       s->ack == c->snd_una && s->wnd << (c->wscale >> 4) == c->snd_wnd &&
	       !(s->flags & TCP_FIN);
}

static void duplicate(struct shard *sh, struct conn *c, struct xfer *x)
{
	if (x->in_recovery) {
		/* Another segment has left the network: send one more. */
		conn_cold(sh, c)->cwnd += c->mss;
		conn_work(sh, c, CF_OUTPUT);
		return;
	}
	if (x->dupacks < UINT8_MAX)
		x->dupacks++;
	/* RFC 6582 §3.2 step 1: duplicates of what an earlier recovery already
	 * covered do not start another. */
	if (x->dupacks == DUPACK_THRESHOLD && seq_geq(c->snd_una, x->recover))
		enter_recovery(sh, c, x);
	else if (x->dupacks < DUPACK_THRESHOLD)
		conn_work(sh, c, CF_OUTPUT); /* limited transmit, RFC 3042 */
}

/* New data is acknowledged during fast recovery, RFC 6582 §3.2 step 3. */
static void recovery_ack(struct shard *sh, struct conn *c, struct xfer *x, uint32_t acked)
{
	struct conn_cold *k = conn_cold(sh, c);

	if (seq_geq(c->snd_una, x->recover)) {
		x->in_recovery = false;
		k->cwnd = MIN(tcp_ssthresh(c, k), MAX(tcp_flight(c, x), (uint32_t)c->mss) + c->mss);
		return;
	}
	k->cwnd = k->cwnd > acked ? k->cwnd - acked : 0;
	k->cwnd = MAX(k->cwnd + (acked >= c->mss ? c->mss : 0), (uint32_t)c->mss);
	conn_work(sh, c, CF_REXMIT_ONE);
}

static void advance(struct shard *sh, struct conn *c, const struct seg *s)
{
	struct xfer *x = conn_xfer(sh, c);
	struct conn_cold *k = conn_cold(sh, c);
	uint32_t acked = s->ack - c->snd_una;
	uint32_t flight = tcp_flight(c, x);
	uint32_t rtt_us;

	rtt_us = sndq_acked(sh, x, s->ack);
	if (rtt_us)
		tcp_rtt_sample(sh, c, rtt_us);
	c->snd_una = s->ack;
	k->retries = 0;
	x->backoff = 0;
	x->dupacks = 0;
	x->unacked_since = sh->now;
	/* The peer's frames tell where it is now, so a moved next hop is followed. */
	memcpy(k->dmac, s->buf->data + 6, 6);
	if (x->in_recovery)
		recovery_ack(sh, c, x, acked);
	else
		grow_cwnd(k, c, acked, flight);
	if (c->snd_una == c->snd_nxt)
		x->timer = XFER_TIMER_NONE; /* RFC 6298 §5.2 */
	else
		tcp_arm_rto(sh, c, x); /* §5.3 */
	conn_work(sh, c, CF_OUTPUT);
	if ((c->flags & CF_WANT_WRITE) && x->sndq.bytes <= conn_tcp(sh, c)->sndbuf / 2) {
		c->flags &= ~(uint32_t)CF_WANT_WRITE;
		conn_work(sh, c, CF_EV_WRITABLE);
	}
	if ((c->flags & CF_FIN_SENT) && c->snd_una == c->snd_nxt)
		tcp_fin_acked(sh, c);
}

/* Only the one byte of a zero-window probe has been sent. */
static bool probe_in_flight(const struct xfer *x)
{
	const struct buf *b = x->sndq.head;

	return b && (b->flags & BUF_SENT) && buf_payload_len(b) == 1 && x->send_next == b->next;
}

/*
 * RFC 9293 §3.10.7.4: SND.WL2 is not kept. It holds the ACK of the segment that
 * last updated the window, which SND.UNA has reached since, so its comparison is
 * always true for the segments that get here.
 */
static void update_window(struct shard *sh, struct conn *c, const struct seg *s)
{
	uint32_t wnd = s->wnd << (c->wscale >> 4);
	struct conn_cold *k = conn_cold(sh, c);
	struct xfer *x = conn_xfer(sh, c);
	bool was_closed = c->snd_wnd == 0;

	if (seq_gt(c->snd_wl1, s->seq))
		return;
	c->snd_wl1 = s->seq;
	if (wnd == 0) /* it answers: it may stay closed for ever (MUST-37) */
		k->retries = 0;
	if (wnd == c->snd_wnd)
		return;
	c->snd_wnd = wnd;
	k->max_wnd = (uint16_t)MAX(s->wnd, k->max_wnd);
	if (!x)
		return;
	if (was_closed && probe_in_flight(x)) {
		/* The probe byte was refused: it goes first. */
		x->send_next = x->sndq.head;
		x->backoff = 0;
	}
	conn_work(sh, c, CF_OUTPUT);
}

bool tcp_ack_input(struct shard *sh, struct conn *c, const struct seg *s)
{
	struct xfer *x = conn_xfer(sh, c);
	uint32_t oldest = c->snd_una - tcp_max_wnd(sh, c);

	if (seq_gt(s->ack, c->snd_nxt)) {
		stat_inc(sh, STAT_drop_ack_unsent);
		challenge_ack(sh, c);
		return false;
	}
	if (seq_lt(s->ack, oldest)) { /* RFC 5961 §5.2 */
		stat_inc(sh, STAT_drop_ack_old);
		challenge_ack(sh, c);
		return false;
	}
	if (seq_gt(s->ack, c->snd_una))
		advance(sh, c, s);
	else if (is_duplicate(c, x, s))
		duplicate(sh, c, x);
	if (c->snd_una == c->snd_nxt && c->state != TCP_CLOSED)
		conn_cold(sh, c)->retries = 0; /* it answers: keepalive begins anew */
	if (seq_geq(s->ack, c->snd_una) && c->state != TCP_CLOSED)
		update_window(sh, c, s);
	return true;
}
