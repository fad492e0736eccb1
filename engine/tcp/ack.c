/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Acknowledgments: SND.UNA, the send window and round-trip times (RFC 6298);
 * what they say about losses and the congestion window is recovery.h's.
 */
#include "engine/tcp/recovery.h"

#define RTT_MAX_TICKS (120u * TICKS_PER_SEC) /* a longer one is an echo of nonsense */

/* RFC 6298 §2.2, §2.3, in microseconds. */
void tcp_rtt_sample(struct conn *c, uint32_t rtt_us)
{
	struct conn_cold *k = conn_cold(c);
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

/* RFC 5681 §2; a closed window's answers to probes repeat themselves by nature. */
static bool is_duplicate(const struct conn *c, const struct xfer *x, const struct seg *s)
{
	return x->sndq.head && c->snd_wnd && c->snd_nxt != c->snd_una && s->payload_len == 0 &&
	       s->ack == c->snd_una && s->wnd << (c->wscale >> 4) == c->snd_wnd &&
	       !(s->flags & TCP_FIN);
}

/* A service that waits for room hears of it when half of the queue is free. */
static void tell_writable(struct shard *sh, struct conn *c, const struct xfer *x)
{
	if (!(c->flags & CF_WANT_WRITE) || x->sndq.bytes > conn_tcp(sh, c)->sndbuf / 2)
		return;
	c->flags &= ~(uint32_t)CF_WANT_WRITE;
	conn_work(sh, c, CF_EV_WRITABLE);
}

/* Karn (MUST-18), RFC 6298 §5: a backed-off RTO lasts until something was timed, or a path that
 * became slower never would be. */
static void take_round_trip(struct conn *c, struct xfer *x, uint32_t rtt_us)
{
	tcp_rtt_sample(c, rtt_us);
	x->backoff = 0;
	x->tlp_unmeasured = false;
}

/* SND.UNA moves: what is covered is done with. */
static void advance(struct shard *sh, struct conn *c, struct xfer *x, const struct seg *s,
		    struct ack_news *news)
{
	struct conn_cold *k = conn_cold(c);

	news->acked = s->ack - c->snd_una;
	scoreboard_ack(sh, c, x, s->ack, s, news);
	c->snd_una = s->ack;
	/* They must not fall behind by half the sequence space. */
	x->recover = seq_max(x->recover, c->snd_una);
	x->ecn_recover = seq_max(x->ecn_recover, c->snd_una);
	if (x->phase == XFER_OPEN)
		x->full_end = seq_max(x->full_end, c->snd_una - 1);
	if (x->urgent_out && seq_geq(c->snd_una, x->snd_up))
		x->urgent_out = false;
	k->retries = 0;
	x->unacked_since = sh->now;
	conn_work(sh, c, CF_OUTPUT);
	tell_writable(sh, c, x);
}

/* The first segment in flight is the one byte of a zero-window probe, or our FIN. */
static bool probe_in_flight(const struct conn *c, const struct xfer *x)
{
	const struct buf *b = x->sndq.head;

	if (!b)
		return c->flags & CF_FIN_SENT && c->snd_una != c->snd_nxt;
	return (b->flags & BUF_SENT) && buf_payload_len(b) == 1;
}

/* The next probe may have been minutes away; what goes now is no probe. */
static void end_probing(struct shard *sh, struct conn *c, struct xfer *x)
{
	bool waits = x->backoff && x->timer == XFER_TIMER_RTO;

	x->backoff = 0;
	if (waits)
		tcp_arm_rto(sh, c, x);
}

/*
 * RFC 9293 §3.10.7.4: SND.WL2 is not kept. It holds the ACK of the segment that
 * last updated the window, which SND.UNA has reached since, so its comparison is
 * always true for the segments that get here.
 */
static void update_window(struct shard *sh, struct conn *c, struct xfer *x, const struct seg *s,
			  bool advanced)
{
	uint32_t wnd = s->wnd << (c->wscale >> 4);
	struct conn_cold *k = conn_cold(c);
	bool was_closed = c->snd_wnd == 0;

	/* A segment that was overtaken but acknowledges more brings its window: the
	 * old one counted from there would reach beyond the edge the peer named. */
	if (seq_gt(c->snd_wl1, s->seq) && !advanced)
		return;
	c->snd_wl1 = seq_max(c->snd_wl1, s->seq);
	/* It answers: it may stay closed for ever (MUST-37), but not for what its service has
	 * left (RFC 6429 §4). */
	if (wnd == 0 && !(c->flags & CF_ORPHAN))
		k->retries = 0;
	if (wnd == c->snd_wnd)
		return;
	c->snd_wnd = wnd;
	k->max_wnd = (uint16_t)MAX(s->wnd, k->max_wnd);
	if (!x)
		return;
	if (was_closed)
		end_probing(sh, c, x);
	if (was_closed && probe_in_flight(c, x)) /* its byte was refused: it goes first */
		conn_work(sh, c, CF_REXMIT_ONE);
	conn_work(sh, c, CF_OUTPUT);
}

/* RFC 7323 §4: with timestamps what was sent again times as well. */
uint32_t tcp_rtt_of_timestamp(const struct shard *sh, const struct conn *c, const struct seg *s)
{
	uint32_t ticks = ts_now(sh) - s->opt.tsecr;

	if (!(c->flags & CF_TIMESTAMPS) || !(s->opt.seen & TCPOPT_HAS_TS) || s->opt.tsecr == 0 ||
	    ticks > RTT_MAX_TICKS)
		return 0;
	return MAX(ticks, 1u) * USEC_PER_TICK;
}

/* An ACK for something in flight, or repeating that it is not there. */
static void process(struct shard *sh, struct conn *c, struct xfer *x, const struct seg *s)
{
	struct ack_news news = {
	    .prior_flight = tcp_flight(c, x),
	    .fack = x->rack.rtt_us ? x->rack.fack : c->snd_una,
	};

	/* What it says of the flight is not to change what was to be done about it. */
	if (x->timer == XFER_TIMER_LATER)
		recovery_work_out(sh, c, x);
	news.duplicate = is_duplicate(c, x, s);
	news.ecn_echo = (c->flags & CF_ECN) && (s->flags & TCP_ECE);
	if ((c->flags & CF_SACK) && s->opt.nb_sack)
		scoreboard_sack(sh, c, x, s, &news);
	if (seq_gt(s->ack, c->snd_una))
		advance(sh, c, x, s, &news);
	if (news.acked && !news.rtt_us)
		news.rtt_us = tcp_rtt_of_timestamp(sh, c, s);
	if (news.rtt_us)
		take_round_trip(c, x, news.rtt_us);
	if (news.acked || news.duplicate || news.sacked_new || news.dsack || news.ecn_echo)
		recovery_ack(sh, c, x, s, &news);
}

/* What nearly every ACK is: all that is in flight has arrived, and nothing is being repaired. */
static bool covers_all(const struct conn *c, const struct xfer *x, const struct seg *s)
{
	return s->ack == c->snd_nxt && !x->send_next && x->phase == XFER_OPEN &&
	       !(x->sacked | x->lost | x->retrans) && !(s->opt.nb_sack | x->dupacks) &&
	       !(x->may_undo || x->retransmitted || x->urgent_out || x->tlp_out) &&
	       !(s->flags & TCP_ECE);
}

/* What process() comes to then. */
static ALWAYS_INLINE void all_arrived(struct shard *sh, struct conn *c, struct xfer *x,
				      const struct seg *s)
{
	uint32_t flight = c->snd_nxt - c->snd_una;
	uint32_t rtt_us = scoreboard_all_arrived(sh, x);

	c->snd_una = x->recover = x->ecn_recover = s->ack;
	x->full_end = seq_max(x->full_end, c->snd_una - 1);
	x->unacked_since = sh->now;
	x->timer = XFER_TIMER_NONE; /* RFC 6298 §5.2 */
	conn_cold(c)->retries = 0;
	if (!rtt_us)
		rtt_us = tcp_rtt_of_timestamp(sh, c, s);
	if (rtt_us)
		take_round_trip(c, x, rtt_us);
	if (cc_was_limited(c, conn_cold(c), x, flight))
		cc_ack(sh, c, x, flight, flight);
	else
		cubic_pause(sh, x);
	tell_writable(sh, c, x);
	conn_work(sh, c, CF_OUTPUT);
}

/* The peer answers: keepalive begins anew, and may be due sooner than its next probe. */
static ALWAYS_INLINE void note_answer(struct shard *sh, struct conn *c)
{
	if (likely(!conn_cold(c)->retries))
		return;
	conn_cold(c)->retries = 0;
	conn_work(sh, c, 0);
}

/* It acknowledges what was never sent, or what was before. */
static COLD bool ack_out_of_flight(struct shard *sh, struct conn *c, const struct seg *s,
				   uint32_t flight)
{
	uint32_t oldest = c->snd_una - tcp_max_wnd(c);

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
	if (flight && s->opt.nb_sack)
		process(sh, c, conn_xfer(sh, c), s);
	else if (!flight)
		note_answer(sh, c);
	return true;
}

/* `plain` is known where this is compiled. */
static ALWAYS_INLINE bool take_ack(struct shard *sh, struct conn *c, struct xfer *x,
				   const struct seg *s, bool plain)
{
	uint32_t acked = s->ack - c->snd_una, flight = c->snd_nxt - c->snd_una;

	if (unlikely(acked > flight))
		return ack_out_of_flight(sh, c, s, flight);
	if (flight == 0) {
		note_answer(sh, c);
	} else if (likely(covers_all(c, x, s))) {
		all_arrived(sh, c, x, s);
	} else {
		process(sh, c, x, s);
		if (acked == flight)
			conn_cold(c)->retries = 0;
	}
	if (!plain && (c->flags & CF_FIN_SENT) && acked && acked == flight)
		tcp_fin_acked(sh, c);
	if (likely(c->state != TCP_CLOSED))
		update_window(sh, c, x, s, acked);
	return true;
}

bool tcp_ack_input(struct shard *sh, struct conn *c, const struct seg *s)
{
	return take_ack(sh, c, conn_xfer(sh, c), s, false);
}

bool tcp_ack_plain(struct shard *sh, struct conn *c, struct xfer *x, const struct seg *s)
{
	return take_ack(sh, c, x, s, true);
}
