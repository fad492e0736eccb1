/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segment arrival for connections: the expected segment in one test, everything
 * else through the checks of RFC 9293 §3.10.7.4 in its order, as amended by RFC
 * 5961 (resets, SYNs, old ACKs) and RFC 7323 (timestamps before sequence).
 */
#include "engine/tcp/internal.h"

#define LULL_TICKS 2 /* no tail loss probe comes sooner */

static COLD void drop(struct shard *sh, struct seg *s, enum stat why)
{
	stat_inc(sh, why);
	shard_buf_free(sh, s->buf);
}

/* What asks may not use up the budget of what challenges, or many living connections
 * would look dead; but two ends that are a byte out of step ask each other for ever. */
static bool keepalive_repeats(struct shard *sh, const struct conn *c)
{
	return challenge_repeats(sh, ref_make(REF_CONN, conn_index(sh, c)),
				 conn_cold(c)->opened);
}

/* A peer that says nothing else for weeks must not fall behind its own old timestamp by that
 * (RFC 7323 §5.5), as its clock goes on. Who forges this has to know two numbers. */
static void sign_of_life(struct shard *sh, struct conn *c, const struct seg *s)
{
	c->last_rx = sh->now;
	if ((c->flags & CF_TIMESTAMPS) && (s->opt.seen & TCPOPT_HAS_TS) &&
	    seq_geq(s->ack, c->snd_una) && seq_leq(s->ack, c->snd_nxt) &&
	    seq_geq(s->opt.tsval, c->ts_recent))
		c->ts_recent = s->opt.tsval;
}

/* An unacceptable segment gets an ACK that says what we expect (first check).
 * Data is a retransmission whose ACK was lost: answered at once. Anything else is
 * limited, or two of us could go on for ever. */
static void unacceptable(struct shard *sh, struct conn *c, struct seg *s, enum stat why)
{
	/* A keepalive asks for an answer (MUST-26). */
	bool keepalive = s->seq + 1 == c->rcv_nxt && !(s->flags & TCP_SYN);

	if (keepalive && (s->flags & TCP_ACK))
		sign_of_life(sh, c, s);
	if (s->payload_len && seq_lt(s->seq, c->rcv_nxt))
		tcp_note_duplicate(sh, c, s->seq, seq_min(s->seq + s->payload_len, c->rcv_nxt));
	if (s->payload_len || (s->flags & TCP_FIN) || (keepalive && !keepalive_repeats(sh, c)))
		conn_work(sh, c, CF_ACK_NOW);
	else if (!keepalive)
		challenge_ack(sh, c);
	drop(sh, s, why);
}

/* RFC 7323 §3.2 and §5.3; true: go on. */
static bool check_timestamp(struct shard *sh, struct conn *c, struct seg *s)
{
	if (!(c->flags & CF_TIMESTAMPS) || (s->flags & TCP_RST))
		return true;
	/* RFC 5961 §4.2: a SYN gets its challenge, whatever it lacks. */
	if ((s->flags & TCP_SYN) && !(s->opt.seen & TCPOPT_HAS_TS))
		return true;
	if (!(s->opt.seen & TCPOPT_HAS_TS)) {
		drop(sh, s, STAT_drop_no_timestamp);
		return false;
	}
	if (seq_geq(s->opt.tsval, c->ts_recent))
		return true;
	if (sh->now - c->last_rx >= PAWS_IDLE_TICKS) {
		c->ts_recent = s->opt.tsval;
		return true;
	}
	unacceptable(sh, c, s, STAT_drop_paws);
	return false;
}

/* Table 6 of RFC 9293 §3.4: the four cases of acceptability. A RST is where it begins: what
 * lies before the window is not cut off it, or a guess would be worth as many numbers as it
 * has bytes (RFC 5961 §3.2). */
static bool in_window(const struct conn *c, const struct seg *s)
{
	uint32_t wnd = c->rcv_adv - c->rcv_nxt;
	uint32_t len = s->flags & TCP_RST ? 0 : seg_len(s);

	if (len == 0)
		return wnd == 0 ? s->seq == c->rcv_nxt : s->seq - c->rcv_nxt < wnd;
	if (wnd == 0)
		return false;
	return s->seq - c->rcv_nxt < wnd || s->seq + len - 1 - c->rcv_nxt < wnd;
}

void tcp_trim(struct shard *sh, struct conn *c, struct seg *s)
{
	uint32_t before = seq_lt(s->seq, c->rcv_nxt) ? c->rcv_nxt - s->seq : 0;
	uint32_t room = c->rcv_adv - c->rcv_nxt;

	if (before) {
		if (s->urp > before)
			s->urp = (uint16_t)(s->urp - before);
		else
			s->flags &= (uint8_t)~TCP_URG; /* of what was urgent before */
		before = MIN(before, s->payload_len);
		if (before)
			tcp_note_duplicate(sh, c, s->seq, s->seq + before);
		s->payload += before;
		s->payload_len -= before;
		s->seq += before;
		s->csum_known = false;
		conn_work(sh, c, CF_ACK_NOW);
	}
	if (s->payload_len && s->seq - c->rcv_nxt + s->payload_len > room) {
		s->payload_len = room - (s->seq - c->rcv_nxt);
		s->flags &= (uint8_t)~TCP_FIN;
		s->csum_known = false;
		conn_work(sh, c, CF_ACK_NOW);
	}
}

/* First check: sequence number. True: go on. */
static bool check_sequence(struct shard *sh, struct conn *c, struct seg *s)
{
	bool wnd_zero = c->rcv_adv == c->rcv_nxt;

	if (in_window(c, s)) {
		tcp_trim(sh, c, s);
		return true;
	}
	/* A closed window still takes valid ACKs, RSTs and URGs (MUST-66), and a FIN
	 * that needs no buffer: the text is cut, its sender told. */
	if (wnd_zero && s->seq == c->rcv_nxt) {
		if (s->payload_len)
			s->flags &= (uint8_t)~TCP_FIN;
		s->payload_len = 0;
		conn_work(sh, c, CF_ACK_NOW);
		return true;
	}
	/* Some peers (macOS) reset after their FIN with the FIN's own number. */
	if ((s->flags & TCP_RST) && s->seq + 1 == c->rcv_nxt && (c->flags & CF_FIN_RECEIVED)) {
		s->seq++;
		return true;
	}
	if (s->flags & TCP_RST)
		drop(sh, s, STAT_drop_bad_rst);
	else
		unacceptable(sh, c, s,
			     seq_leq(s->seq + seg_len(s), c->rcv_nxt) ? STAT_drop_old_duplicate
								      : STAT_drop_out_of_window);
	return false;
}

/* While our FIN is not acknowledged the peer may not have everything; in
 * TIME_WAIT it has. */
static enum tcp_close_reason reason_of_reset(enum tcp_state state)
{
	if (state == TCP_SYN_RECEIVED)
		return TCP_CLOSE_REFUSED;
	return state == TCP_TIME_WAIT ? TCP_CLOSE_DONE : TCP_CLOSE_RESET;
}

/* Second check: RST. RFC 5961 §3.2: exact, or challenge. Consumes. */
static void reset_received(struct shard *sh, struct conn *c, struct seg *s)
{
	if (s->seq != c->rcv_nxt) {
		challenge_ack(sh, c);
		drop(sh, s, STAT_drop_bad_rst);
		return;
	}
	if (c->state == TCP_TIME_WAIT && conn_tcp(sh, c)->rfc1337) {
		drop(sh, s, STAT_drop_time_wait_rst);
		return;
	}
	stat_inc(sh, STAT_rst_received);
	if (c->state == TCP_SYN_RECEIVED)
		stat_inc(sh, STAT_active_open_failed);
	else if (c->state == TCP_ESTABLISHED || c->state == TCP_CLOSE_WAIT)
		stat_inc(sh, STAT_established_resets);
	conn_die(sh, c, reason_of_reset(c->state));
	shard_buf_free(sh, s->buf);
}

/* The peer's SYN-ACK of a simultaneous open, which repeats its SYN. */
static bool is_crossed_syn_ack(const struct conn *c, const struct seg *s)
{
	return c->state == TCP_SYN_RECEIVED && s->seq + 1 == c->rcv_nxt &&
	       (s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK) &&
	       s->ack == c->snd_nxt;
}

/* Simultaneous open completes (§3.10.7.4, fifth check in SYN-RECEIVED). */
static bool syn_received_ack(struct shard *sh, struct conn *c, struct seg *s)
{
	struct xfer *x = conn_xfer(sh, c);

	if (s->ack != c->snd_nxt) {
		stat_inc(sh, STAT_drop_bad_syn_ack_ack);
		tcp_reset_reply(sh, s);
		return false;
	}
	x->timer = XFER_TIMER_NONE;
	x->backoff = 0;
	conn_cold(c)->retries = 0;
	c->snd_una = s->ack;
	c->snd_wnd = s->wnd << (c->wscale >> 4);
	c->snd_wl1 = s->seq;
	conn_cold(c)->max_wnd = (uint16_t)s->wnd;
	tcp_connection_up(sh, c);
	return true;
}

/* The next segment in order, with nothing that must be looked at closer. */
static bool is_expected(const struct conn *c, const struct seg *s)
{
	uint8_t flags = s->flags & (uint8_t)~(TCP_PSH | TCP_ECE | TCP_CWR | TCP_FIN);
	bool plain = flags == TCP_ACK && c->state >= TCP_ESTABLISHED;
	bool in_order = s->seq == c->rcv_nxt;
	bool fits = s->payload_len + !!(s->flags & TCP_FIN) <= c->rcv_adv - c->rcv_nxt;
	bool timely = c->flags & CF_TIMESTAMPS ? (s->opt.seen & TCPOPT_HAS_TS) &&
						     seq_geq(s->opt.tsval, c->ts_recent)
					       : true;

	return plain & in_order & fits & timely;
}

/* Checks one to four; true: go on with the ACK. False: consumed. */
static COLD bool check_slow(struct shard *sh, struct conn *c, struct seg *s)
{
	if (is_crossed_syn_ack(c, s)) {
		seg_strip_syn(s);
		s->wnd >>= c->wscale >> 4; /* that of a SYN is not scaled (RFC 7323 §2.2) */
		conn_work(sh, c, CF_ACK_NOW);
	}
	if (!check_timestamp(sh, c, s))
		return false;
	/* The fourth check comes first: SYN, whatever its number (RFC 5961 §4.2). */
	if ((s->flags & (TCP_SYN | TCP_RST)) == TCP_SYN) {
		challenge_ack(sh, c);
		drop(sh, s, STAT_drop_out_of_window);
		return false;
	}
	if (!check_sequence(sh, c, s))
		return false;
	/* Third check, security, is not used. */
	if (s->flags & TCP_RST) {
		reset_received(sh, c, s);
		return false;
	}
	if (!(s->flags & TCP_ACK)) {
		drop(sh, s, STAT_drop_no_ack_flag);
		return false;
	}
	return c->state != TCP_SYN_RECEIVED || syn_received_ack(sh, c, s);
}

/* RFC 7323 §4.3: a segment that covers the last ACK sent updates TS.Recent. While an
 * ACK is owed, RCV.NXT is beyond that: the echo stays that of the earliest segment
 * that the ACK will cover. Not before its ACK is found to be good: whoever guesses
 * a sequence number must not choose our timestamps. */
static void update_ts_recent(struct conn *c, const struct seg *s, bool ack_owed)
{
	if ((c->flags & CF_TIMESTAMPS) && !ack_owed && seq_leq(s->seq, c->rcv_nxt) &&
	    seq_geq(s->opt.tsval, c->ts_recent))
		c->ts_recent = s->opt.tsval;
}

/* The peer's frames tell where it is now, so a moved next hop is followed. */
static void follow_next_hop(const struct conn *c, const struct seg *s)
{
	uint8_t *dmac = conn_cold(c)->dmac;

	if (unlikely(!mac_equal(dmac, s->buf->data + 6)))
		memcpy(dmac, s->buf->data + 6, 6);
}

/* A segment after a lull, which no answer of ours has caused: a tail loss probe (RFC 8985
 * §7), most likely, since the ACK of a whole flight was lost. Its sender has waited
 * long enough. Gaps of less than a round trip are a slow stream's. */
static void heed_lull(struct shard *sh, struct conn *c, uint32_t ticks)
{
	const struct conn_cold *k = conn_cold(c);

	if (!k->answered && conn_tcp(sh, c)->quick_acks && ticks >= k->srtt_us / USEC_PER_TICK)
		conn_work(sh, c, CF_ACK_NOW);
}

/* What nearly all segments are: the next in order, with timestamps, without FIN, for a service that
 * reads. A cheaper way to what is_expected() finds. */
static bool is_plain(const struct conn *c, const struct seg *s)
{
	return c->state == TCP_ESTABLISHED && (s->flags & ~TCP_PSH) == TCP_ACK &&
	       (c->flags & (CF_TIMESTAMPS | CF_ECN | CF_ORPHAN)) == CF_TIMESTAMPS &&
	       s->seq == c->rcv_nxt && s->payload_len <= c->rcv_adv - c->rcv_nxt &&
	       (s->opt.seen & TCPOPT_HAS_TS) && seq_geq(s->opt.tsval, c->ts_recent);
}

/* It comes from where our frames go, and when. Only behind the check of its ACK: a number in
 * the window is guessed soon enough (RFC 5961 §5). */
static ALWAYS_INLINE void note_arrival(struct shard *sh, struct conn *c, const struct seg *s)
{
	if (s->payload_len && sh->now - c->last_rx >= LULL_TICKS)
		heed_lull(sh, c, sh->now - c->last_rx);
	c->last_rx = sh->now;
	follow_next_hop(c, s);
}

/* The checks that are left: ACK and text. */
static ALWAYS_INLINE void take_plain(struct shard *sh, struct conn *c, struct seg *s)
{
	struct xfer *x = conn_xfer(sh, c);
	bool ack_owed = c->flags & (CF_ACK_NOW | CF_ACK_DELAYED);

	if (unlikely(!tcp_ack_plain(sh, c, x, s))) {
		shard_buf_free(sh, s->buf);
		return;
	}
	note_arrival(sh, c, s);
	if (!ack_owed)
		c->ts_recent = s->opt.tsval; /* as update_ts_recent() */
	if (s->payload_len)
		tcp_text(sh, c, x, s);
	else
		shard_buf_free(sh, s->buf);
}

/* The checks that are left: ACK, text, FIN. */
static void take(struct shard *sh, struct conn *c, struct seg *s)
{
	bool ack_owed = c->flags & (CF_ACK_NOW | CF_ACK_DELAYED);

	if (!tcp_ack_input(sh, c, s) || c->state == TCP_CLOSED) {
		shard_buf_free(sh, s->buf);
		return;
	}
	note_arrival(sh, c, s);
	if (c->flags & CF_ECN)
		tcp_ecn_input(sh, c, s);
	update_ts_recent(c, s, ack_owed);
	if (s->payload_len == 0 && !(s->flags & (TCP_FIN | TCP_URG)))
		shard_buf_free(sh, s->buf);
	else
		tcp_text_and_fin(sh, c, s);
}

void tcp_input(struct shard *sh, struct conn *c, struct seg *s)
{
	if (likely(is_plain(c, s)))
		take_plain(sh, c, s);
	else if (c->state == TCP_SYN_SENT)
		tcp_syn_sent_input(sh, c, s);
	else if (is_expected(c, s) || check_slow(sh, c, s))
		take(sh, c, s);
}
