/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What to send, decided once at the end of a burst from the connection's state:
 * so one frame carries data, FIN and whatever ACK is owed (MUST-58, MUST-59).
 */
#include "engine/tcp/recovery.h"

/* Receiver silly-window avoidance, RFC 9293 §3.8.6.2.2 (MUST-39): the right
 * edge moves when at least a segment or half the buffer can be added. */
uint32_t tcp_receive_edge(const struct conn *c, const struct conf_tcp *tcp, uint32_t space)
{
	uint32_t edge = c->rcv_nxt + MIN(space, (uint32_t)UINT16_MAX << (c->wscale & 15));
	uint32_t least = MIN(tcp->rcvbuf / 2, (uint32_t)c->mss);

	return (int32_t)(edge - c->rcv_adv) >= (int32_t)least ? edge : c->rcv_adv;
}

/* A window update is worth a segment of its own when reading has freed two
 * segments and either a quarter of the buffer or nearly all that the peer still
 * knows of; before that the next ACK tells it early enough. */
static bool window_update_due(const struct shard *sh, const struct conn *c, const struct xfer *x)
{
	const struct conf_tcp *tcp;
	uint32_t rcvbuf, gain, known;

	if (!(c->flags & CF_READ))
		return false;
	tcp = conn_tcp(sh, c);
	rcvbuf = tcp->rcvbuf;
	gain = tcp_receive_edge(c, tcp, tcp_receive_space(tcp, x)) - c->rcv_adv;
	known = c->rcv_adv - c->rcv_nxt;
	if (gain == 0)
		return false;
	/* Less than a unit of the scale is nothing to the peer. */
	return gain >= rcvbuf / 2 || known >> (c->wscale & 15) == 0 ||
	       (gain >= 2u * c->mss && (gain >= rcvbuf / 4 || known <= rcvbuf / 8));
}

static bool port_has_room(const struct shard *sh, const struct conn *c)
{
	return shard_tx_room(sh, sh->net.ifaces[c->tuple.iface].port) > 0;
}

/* True when this buf is the last before our FIN. */
static bool carries_fin(const struct conn *c, const struct buf *b)
{
	return (c->flags & CF_FIN_QUEUED) && !b->next;
}

/* A port may hold a frame long after it has left, until its ring comes round. A
 * segment that goes again must not wait for that: it goes in a copy. */
static struct buf *frame_for(struct shard *sh, struct buf *b)
{
	struct buf *copy;

	if (!shard_buf_busy(sh, b)) {
		buf_strip(b);
		b->flags |= BUF_KEEP;
		return b;
	}
	copy = shard_buf_alloc(sh);
	if (!copy)
		return NULL;
	copy->len = buf_payload_len(b);
	memcpy(copy->data, b->data + b->hdr_len, copy->len);
	return copy;
}

/* What a retransmission adds to the books of the current recovery. */
static void note_repetition(struct shard *sh, struct xfer *x, struct buf *b, uint32_t len)
{
	b->flags |= BUF_RESENT;
	stat_inc(sh, STAT_retransmitted);
	x->undo_retrans += len;
	if (!x->retransmitted) {
		x->retransmitted = true;
		x->retrans_ts = ts_now(sh);
	}
}

static void start_timer(struct shard *sh, struct conn *c, struct xfer *x, bool again)
{
	if (again ? x->timer != XFER_TIMER_RTO
		  : x->timer == XFER_TIMER_TLP || x->timer == XFER_TIMER_LATER)
		x->timer = XFER_TIMER_NONE;
	if (x->timer == XFER_TIMER_PERSIST)
		x->timer = XFER_TIMER_NONE;
	if (x->timer != XFER_TIMER_NONE)
		return;
	if (again)
		tcp_arm_rto(sh, c, x); /* RFC 6298 §5.1 */
	else
		recovery_arm(sh, c, x, 0);
}

/* From here on something is unacknowledged; retries so far were keepalive's. */
static void begin_flight(struct shard *sh, struct conn *c, struct xfer *x)
{
	x->unacked_since = sh->now;
	x->small_end = c->snd_una;
	if (x->phase == XFER_OPEN)
		x->full_end = c->snd_una;
	conn_cold(c)->retries = 0;
	conn_cold(c)->quick_acks = 0; /* this end answers: its data brings the ACKs */
	conn_cold(c)->answered = true;
}

/* Sends one queued buf, again or for the first time, with the FIN if it is due. False:
 * a repetition needs a buffer of its own and there is none; its timer comes again. */
static bool send_buf(struct shard *sh, struct conn *c, struct xfer *x, struct buf *b)
{
	struct buf *frame = frame_for(sh, b);
	bool again = b->flags & BUF_SENT, first = c->snd_nxt == c->snd_una;
	uint32_t flags = TCP_ACK | (again ? 0 : tcp_ecn_data_flags(c));
	uint32_t len = buf_payload_len(b), end = b->seq + len;

	if (!frame)
		return false;
	if (!b->next || (b->flags & BUF_PSH))
		flags |= TCP_PSH; /* MUST-61: the last segment of what is queued */
	if (carries_fin(c, b)) {
		flags |= TCP_FIN;
		c->flags |= CF_FIN_SENT;
		end++;
	}
	if (again)
		note_repetition(sh, x, b, len);
	scoreboard_sent(x, b, again);
	b->flags |= BUF_SENT;
	b->sent_us = (uint32_t)sh->now_us;
	if (x->phase == XFER_RECOVERY)
		x->prr_out += len;
	if (first)
		begin_flight(sh, c, x);
	conn_cold(c)->sent_at = sh->now;
	c->snd_nxt = seq_max(c->snd_nxt, end);
	if (!again && len < c->mss)
		x->small_end = end;
	emit_segment(sh, c, frame, b->seq, flags);
	if (likely(first && x->timer == XFER_TIMER_NONE))
		recovery_arm_later(sh, c, x);
	else
		start_timer(sh, c, x, again);
	return true;
}

static void send_fin_alone(struct shard *sh, struct conn *c, struct xfer *x)
{
	uint32_t seq = c->flags & CF_FIN_SENT ? c->snd_nxt - 1 : c->snd_nxt;

	/* What cannot go now, for want of a buffer, the timer sends later. */
	if (emit_empty(sh, c, seq, TCP_FIN | TCP_ACK) && (c->flags & CF_FIN_SENT))
		stat_inc(sh, STAT_retransmitted);
	if (c->snd_nxt == c->snd_una)
		begin_flight(sh, c, x);
	c->flags |= CF_FIN_SENT;
	c->snd_nxt = seq + 1;
	if (x->timer == XFER_TIMER_NONE)
		tcp_arm_rto(sh, c, x);
}

/* Drops the first `acked` bytes of the queue's head, which go no more. */
static void trim_head(struct xfer *x, uint32_t acked)
{
	struct buf *b = x->sndq.head;

	buf_strip(b);
	b->data += acked;
	b->len -= acked;
	b->seq += acked;
	b->flags &= ~(uint32_t)BUF_PAYLOAD_CSUM;
	x->sndq.bytes -= acked;
	x->lost -= b->flags & BUF_LOST ? acked : 0;
	x->retrans -= b->flags & BUF_RETRANS ? acked : 0;
	x->sacked -= b->flags & BUF_SACKED ? acked : 0;
}

/* Makes b, sent before, what is to go again: without what is acknowledged of it, and at
 * most a segment. NULL: no memory. */
static struct buf *cut_for_resend(struct shard *sh, struct conn *c, struct xfer *x, struct buf *b)
{
	/* A closed window is asked with one byte (MUST-36). */
	uint32_t most = c->snd_wnd == 0 ? 1 : c->mss;
	uint32_t acked = seq_lt(b->seq, c->snd_una) ? c->snd_una - b->seq : 0;

	if (acked == 0 && buf_payload_len(b) <= most)
		return b;
	if (shard_buf_busy(sh, b))
		b = sndq_unshare(sh, x, b);
	if (b && acked)
		trim_head(x, acked);
	if (b && buf_payload_len(b) > most && !sndq_split(sh, x, b, most))
		return NULL;
	return b;
}

/* Sends a sent buf again; false: it waits in the port's queue still, or there is
 * no memory. */
static bool resend(struct shard *sh, struct conn *c, struct xfer *x, struct buf *b)
{
	/* The frame sent before has not even left: another would be no help. */
	if (!(b->flags & BUF_SENT) || (b->flags & BUF_IN_TXQ))
		return false;
	b = cut_for_resend(sh, c, x, b);
	return b && send_buf(sh, c, x, b);
}

/* SYN, first unacknowledged segment or FIN, once more. */
static void rexmit_one(struct shard *sh, struct conn *c, struct xfer *x)
{
	if (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED)
		tcp_send_syn(sh, c);
	else if (x->sndq.head)
		resend(sh, c, x, x->sndq.head);
	else if (c->flags & CF_FIN_SENT)
		send_fin_alone(sh, c, x);
}

/* Bytes that congestion control lets go now. */
static uint32_t cwnd_room(const struct conn *c, const struct xfer *x)
{
	uint32_t cwnd = conn_cold(c)->cwnd, flight = tcp_flight(c, x);

	return cwnd > flight ? cwnd - flight : 0;
}

/* What is lost goes before what is new (RFC 6675 §4). False: the port is full. */
static bool send_lost(struct shard *sh, struct conn *c, struct xfer *x)
{
	struct buf *b;

	while ((b = scoreboard_next_lost(x))) {
		/* SHLD-16: within the window; a closed one is the timer's to probe. */
		if (seq_geq(seq_max(b->seq, c->snd_una), c->snd_una + c->snd_wnd))
			return true;
		if (cwnd_room(c, x) < MIN(buf_payload_len(b), (uint32_t)c->mss))
			return true;
		if (!port_has_room(sh, c))
			return false;
		if (!resend(sh, c, x, b))
			return true;
	}
	return true;
}

/* Bytes of new data that may be sent now, none when the window has shrunk below what
 * was sent (MUST-34). Limited transmit (RFC 3042) follows
 * from what SACKs or duplicate ACKs have taken out of the flight. */
static uint32_t usable(const struct conn *c, const struct xfer *x, uint32_t room)
{
	uint32_t edge = c->snd_una + c->snd_wnd, seq = x->send_next->seq;

	return MIN(seq_gt(edge, seq) ? edge - seq : 0, room);
}

/* Minshall: only a small segment holds back another one. The last piece of a long
 * write would otherwise wait for a delayed ACK. */
static bool small_in_flight(const struct conn *c, const struct xfer *x)
{
	return seq_gt(x->small_end, c->snd_una) && seq_leq(x->small_end, c->snd_nxt);
}

/* Nagle (SHLD-7) can be turned off (MUST-17); a service that passes on what
 * another connection received has its sender's decision already. */
static bool nagle_allows(const struct shard *sh, const struct conn *c, const struct xfer *x)
{
	const struct profile *p = conn_profile(sh, c);

	return p->tcp->nodelay || p->service->relays || !small_in_flight(c, x) ||
	       (c->flags & CF_FIN_QUEUED) || x->urgent_out;
}

/* Nothing waits for ever (MUST-60): sender silly-window avoidance, RFC 9293
 * §3.8.6.2.1 (MUST-38), with D the data
 * queued and U what the window lets go: a small segment is sent when it is the
 * last of the data (and Nagle agrees), or half of the largest window ever. */
static bool worth_sending(const struct shard *sh, const struct conn *c, const struct xfer *x,
			  uint32_t len, uint32_t u)
{
	const struct buf *b = x->send_next;
	uint32_t d = sndq_end(c, x) - b->seq;

	if (len >= c->mss || (c->flags & CF_FORCE))
		return true;
	if (u >= c->mss || d <= u)
		return b->next || nagle_allows(sh, c, x);
	return len >= tcp_max_wnd(c) / 2;
}

/* Makes send_next's buf fit a segment, the window and the `room` that congestion control leaves;
 * 0: nothing may go now. */
static uint32_t fit(struct shard *sh, struct conn *c, struct xfer *x, uint32_t room)
{
	struct buf *b = x->send_next;
	uint32_t u = usable(c, x, room), len;

	/* Relayed segments are not refilled: that would copy every one. */
	if (b->next && buf_payload_len(b) < c->mss &&
	    !conn_profile(sh, c)->service->relays)
		sndq_fill(sh, x, b, c->mss);
	len = MIN(MIN(buf_payload_len(b), (uint32_t)c->mss), u);
	if (len == 0 || !worth_sending(sh, c, x, len, u))
		return 0;
	if (len < buf_payload_len(b) && !sndq_split(sh, x, b, len))
		return 0;
	return len;
}

/* RFC 5681 §4.1: after an idle RTO the ACK clock has stopped; start from the
 * initial window again. */
static void restart_after_idle(const struct shard *sh, const struct conn *c,
			       const struct xfer *x)
{
	struct conn_cold *k = conn_cold(c);
	uint32_t idle = sh->now - k->sent_at;

	if (!x->send_next || c->snd_nxt != c->snd_una || idle < conn_tcp(sh, c)->rto_min_ms)
		return;
	if (idle >= tcp_rto_ms(sh, c, x))
		k->cwnd = MIN(k->cwnd, tcp_initial_window(sh, c));
}

/* Pacing: segments of new data leave as evenly as a window in a round trip, a little
 * faster so that the window can grow, as Linux does. What a millisecond takes may
 * leave together, since timers are no finer. */
static bool pace_allows(const struct shard *sh, const struct conn *c, struct xfer *x)
{
	x->paced = conn_cold(c)->srtt_us && tcp_pace_wait_us(sh, x) > 0;
	return !x->paced;
}

static COLD void pace(const struct shard *sh, const struct conn *c, struct xfer *x, uint32_t len)
{
	const struct conn_cold *k = conn_cold(c);
	uint32_t percent = k->cwnd < tcp_ssthresh(c, k) ? 200 : 120;
	uint32_t late_us = (uint32_t)sh->now_us - x->pace_us;
	uint64_t gap_us = (uint64_t)len * k->srtt_us * 100 / percent / MAX(k->cwnd, 1u);

	if (late_us > USEC_PER_TICK)
		x->pace_us = (uint32_t)sh->now_us - USEC_PER_TICK;
	x->pace_us += (uint32_t)MIN(gap_us, (uint64_t)PACE_MAX_US);
}

/* The congestion window is used whole: an ACK may widen it. */
static void note_full(const struct conn *c, struct xfer *x, uint32_t room)
{
	if (x->phase == XFER_OPEN && room < c->mss)
		x->full_end = c->snd_nxt;
}

/* Sends at most `max` new segments, for the first of which the port has room; false: it is full. */
static bool send_new(struct shard *sh, struct conn *c, struct xfer *x, uint32_t max)
{
	bool pacing = conn_tcp(sh, c)->pacing;
	uint32_t room;

	restart_after_idle(sh, c, x);
	room = cwnd_room(c, x);
	while (x->send_next && max--) {
		struct buf *b = x->send_next;
		uint32_t len;

		if (unlikely(pacing) && !pace_allows(sh, c, x))
			return true;
		len = fit(sh, c, x, room);
		if (len == 0)
			return true;
		x->send_next = b->next;
		room -= len;
		if (unlikely(pacing))
			pace(sh, c, x, len);
		send_buf(sh, c, x, b);
		note_full(c, x, room);
		c->flags &= ~(uint32_t)CF_FORCE;
		if (x->send_next && !port_has_room(sh, c))
			return false;
	}
	return true;
}

/* One byte into a closed window (MUST-36): it makes the peer say how wide its
 * window is now. What is refused stays in flight and goes again by the RTO. */
static void send_probe(struct shard *sh, struct conn *c, struct xfer *x)
{
	struct buf *b = x->send_next;

	if (!b || c->snd_wnd != 0 || shard_buf_busy(sh, b))
		return;
	if (buf_payload_len(b) > 1 && !sndq_split(sh, x, b, 1))
		return;
	stat_inc(sh, STAT_window_probes);
	x->send_next = b->next;
	send_buf(sh, c, x, b);
}

/* A segment of new data within the peer's window; false: there is none. */
static bool send_fresh(struct shard *sh, struct conn *c, struct xfer *x)
{
	struct buf *b = x->send_next;

	if (!b || seq_gt(b->seq + buf_payload_len(b), c->snd_una + c->snd_wnd))
		return false;
	if (buf_payload_len(b) > c->mss && !sndq_split(sh, x, b, c->mss))
		return false;
	x->send_next = b->next;
	send_buf(sh, c, x, b);
	return true;
}

/* RFC 8985 §7.3: new data when there is any, else the last segment again. When all has
 * arrived and only its ACK was lost, that of one new segment may be delayed. Where this
 * happens again and again a second one, as many as limited transmit allows (RFC 3042),
 * makes the peer answer. */
static void send_tail_probe(struct shard *sh, struct conn *c, struct xfer *x)
{
	struct buf *last = x->sndq.head;
	bool fresh = send_fresh(sh, c, x);

	if (fresh) {
		if (x->probed && port_has_room(sh, c))
			send_fresh(sh, c, x);
	} else {
		while (last && last->next != x->send_next)
			last = last->next;
		if (!last || !resend(sh, c, x, last))
			return;
	}
	stat_inc(sh, STAT_tail_loss_probes);
	x->probed = true;
	x->tlp_out = x->tlp_unmeasured = true;
	x->tlp_is_retrans = !fresh;
	x->tlp_end_seq = c->snd_nxt;
}

/* Data waits, nothing is in flight and the window lets nothing go: without a
 * probe a lost window update would stop both for ever (MUST-35). */
static void arm_persist(struct shard *sh, const struct conn *c, struct xfer *x)
{
	if (x->timer != XFER_TIMER_NONE || !x->send_next || c->snd_nxt != c->snd_una || x->paced)
		return;
	/* Not even a probe could be sent, for want of a buffer: it counts like one
	 * that is not answered, or a shortage could last for ever. */
	if (x->backoff)
		conn_cold(c)->retries++;
	else
		x->unacked_since = sh->now;
	x->timer = XFER_TIMER_PERSIST;
	x->timer_at = sh->now + tcp_rto_ms(sh, c, x);
}

/* Behind a byte that a closed window has refused it waits, or goes with it. */
static bool fin_due(const struct conn *c, const struct xfer *x)
{
	if (!(c->flags & CF_FIN_QUEUED) || (c->flags & CF_FIN_SENT) || x->send_next)
		return false;
	return c->snd_nxt == c->snd_una || seq_leq(c->snd_nxt, c->snd_una + c->snd_wnd);
}

/* What is not new data in its turn; false: the port is full. *max_new: segments of that. */
static COLD bool output_rare(struct shard *sh, struct conn *c, struct xfer *x, uint32_t *max_new)
{
	if (c->flags & CF_REXMIT_ONE) {
		c->flags &= ~(uint32_t)CF_REXMIT_ONE;
		rexmit_one(sh, c, x);
	}
	if (c->state < TCP_ESTABLISHED)
		return true;
	if (c->flags & CF_PROBE) {
		c->flags &= ~(uint32_t)CF_PROBE;
		send_probe(sh, c, x);
	}
	if (c->flags & CF_TLP) {
		c->flags &= ~(uint32_t)CF_TLP;
		send_tail_probe(sh, c, x);
	}
	if (c->flags & CF_FRTO_NEW) {
		c->flags &= ~(uint32_t)CF_FRTO_NEW;
		*max_new = 2; /* RFC 5682 §2.1 step 2b */
		return true;
	}
	return send_lost(sh, c, x);
}

/* What nearly all that is sent is: one segment, alone in the queue and in flight, which every
 * window takes; neither silly-window avoidance nor Nagle holds it back then. */
static ALWAYS_INLINE bool goes_alone(const struct shard *sh, const struct conn *c,
				     const struct conn_cold *k, const struct xfer *x)
{
	const struct profile *p = conn_profile(sh, c);
	const struct buf *b = x->send_next;

	return b && p->ordinary && !b->next && c->state >= TCP_ESTABLISHED &&
	       c->snd_una == c->snd_nxt &&
	       !(c->flags & (CF_REXMIT_ONE | CF_PROBE | CF_TLP | CF_FRTO_NEW | CF_ECN)) &&
	       !(x->timer | x->phase) && b->len <= MIN(c->snd_wnd, (uint32_t)c->mss) &&
	       b->len + c->mss <= k->cwnd && sh->now - k->sent_at < p->tcp->rto_min_ms;
}

/* What send_new() comes to then. */
static ALWAYS_INLINE void send_alone(struct shard *sh, struct conn *c, struct conn_cold *k,
				     struct xfer *x)
{
	uint32_t flags = TCP_ACK | TCP_PSH; /* MUST-61: the last segment of what is queued */
	struct buf *b = x->send_next;

	x->send_next = NULL;
	b->flags |= BUF_KEEP | BUF_SENT;
	b->sent_us = (uint32_t)sh->now_us;
	begin_flight(sh, c, x);
	k->sent_at = sh->now;
	c->snd_nxt += b->len;
	if (c->flags & CF_FIN_QUEUED) {
		flags |= TCP_FIN;
		c->flags |= CF_FIN_SENT;
		c->snd_nxt++;
	}
	if (b->len < c->mss)
		x->small_end = c->snd_nxt;
	recovery_arm_later(sh, c, x);
	emit_alone(sh, c, x, b, flags);
}

static bool output_queued(struct shard *sh, struct conn *c, struct xfer *x)
{
	uint32_t max_new = UINT32_MAX;
	struct conn_cold *k = conn_cold(c);

	if (likely(goes_alone(sh, c, k, x))) {
		send_alone(sh, c, k, x);
		return true;
	}
	if (unlikely((c->flags & (CF_REXMIT_ONE | CF_PROBE | CF_TLP | CF_FRTO_NEW)) || x->lost) &&
	    !output_rare(sh, c, x, &max_new))
		return false;
	if (c->state < TCP_ESTABLISHED)
		return true;
	if (x->send_next && (!port_has_room(sh, c) || !send_new(sh, c, x, max_new)))
		return false;
	if (fin_due(c, x)) {
		if (!port_has_room(sh, c))
			return false;
		send_fin_alone(sh, c, x);
	}
	arm_persist(sh, c, x);
	return true;
}

/* RFC 9293 §3.8.4: SEG.SEQ = SND.NXT - 1, no data (SHLD-12); any answer will do. */
static void send_keepalive(struct shard *sh, struct conn *c)
{
	c->flags &= ~(uint32_t)CF_KEEPALIVE;
	if (emit_empty(sh, c, c->snd_nxt - 1, TCP_ACK))
		stat_inc(sh, STAT_keepalive_probes);
}

bool tcp_output(struct shard *sh, struct conn *c, struct xfer *x)
{
	if (c->state == TCP_CLOSED)
		return true;
	if (!port_has_room(sh, c))
		return false;
	c->flags &= ~(uint32_t)CF_OUTPUT;
	if (x && !output_queued(sh, c, x)) {
		c->flags |= CF_OUTPUT;
		return false;
	}
	if (c->state < TCP_SYN_RECEIVED)
		return true;
	if (!(c->flags & (CF_KEEPALIVE | CF_ACK_NOW | CF_READ)))
		return true;
	if (c->flags & CF_KEEPALIVE)
		send_keepalive(sh, c);
	if (!port_has_room(sh, c))
		return !(c->flags & CF_ACK_NOW);
	if ((c->flags & CF_ACK_NOW) ||
	    (tcp_state_receives(c->state) && window_update_due(sh, c, x)))
		emit_empty(sh, c, tcp_empty_seq(c), TCP_ACK);
	return true;
}
