/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The phases of loss recovery and the window in each.
 *
 * OPEN: cc.c grows the window. RECOVERY: proportional rate reduction (RFC 6937)
 * brings it down to ssthresh over one round trip while what is lost goes again.
 * LOSS: the timer expired; slow start from one segment, unless what follows
 * shows that nothing was lost (F-RTO, RFC 5682; timestamps, RFC 4015; DSACK, RFC
 * 3708): then the reduction is undone.
 */
#include "engine/tcp/recovery.h"

#define DUPTHRESH 3

/* Remembers what an unneeded reduction would have to restore. */
static void note_prior(struct conn *c, struct conn_cold *k, struct xfer *x)
{
	x->prior_cwnd = k->cwnd;
	x->prior_ssthresh = k->ssthresh;
	x->prior_w_max = x->cubic.w_max;
	x->undo_marker = c->snd_una;
	x->undo_retrans = 0;
	x->may_undo = true;
	x->retransmitted = false;
}

/* Nothing counts as lost any more. Whether the window is used whole shows anew: the
 * ACK that comes right now does not tell. */
static void open_phase(const struct conn *c, struct xfer *x)
{
	x->phase = XFER_OPEN;
	x->too_large = false;
	x->full_end = c->snd_una - 1;
	x->may_undo &= x->retransmitted;
	x->undo_end = c->snd_una;
}

static void undo(struct shard *sh, struct conn *c, struct xfer *x)
{
	struct conn_cold *k = conn_cold(c);

	stat_inc(sh, STAT_spurious_recoveries);
	scoreboard_forgive(x);
	k->cwnd = MAX(k->cwnd, x->prior_cwnd);
	x->cubic.w_max = x->prior_w_max; /* RFC 9438 §4.9 */
	x->in_epoch = false; /* that of the reduced window, if one has begun */
	if (x->prior_ssthresh == SSTHRESH_NONE || x->prior_ssthresh > k->ssthresh)
		k->ssthresh = x->prior_ssthresh;
	x->may_undo = false;
	x->frto = false;
	x->backoff = 0;
	open_phase(c, x);
}

/* True when everything that went again turns out to have arrived before. */
static bool is_spurious(const struct conn *c, const struct xfer *x, const struct seg *s,
			const struct ack_news *news)
{
	if (!x->may_undo || !x->retransmitted)
		return false;
	/* RFC 3522, RFC 4015 §3: the ACK was caused by the original. */
	if (x->phase != XFER_OPEN && (c->flags & CF_TIMESTAMPS) &&
	    (s->opt.seen & TCPOPT_HAS_TS) && news->acked && seq_lt(s->opt.tsecr, x->retrans_ts))
		return true;
	/* A DSACK may come a round trip after the recovery has ended. */
	return news->dsack && x->undo_retrans == 0;
}

/* RFC 3168 §6.1.2: as for a loss, but nothing has to go again. */
static void heed_ecn_echo(struct shard *sh, struct conn *c, struct xfer *x)
{
	struct conn_cold *k = conn_cold(c);

	if (seq_lt(c->snd_una, x->ecn_recover))
		return;
	stat_inc(sh, STAT_ecn_reductions);
	x->ecn_recover = c->snd_nxt;
	x->may_undo = false; /* this reduction is due, whatever the last one was */
	cc_set_ssthresh(k, c, cc_reduce(sh, c, x));
	k->cwnd = MIN(k->cwnd, tcp_ssthresh(c, k));
}

/* RFC 6937 §3.1, with the slow-start reduction bound. */
static void prr(struct conn *c, struct conn_cold *k, struct xfer *x, const struct ack_news *news,
		uint32_t delivered)
{
	uint32_t pipe = tcp_flight(c, x), ssthresh = tcp_ssthresh(c, k);
	uint64_t may_send;

	x->prr_delivered += delivered;
	if (pipe > ssthresh) {
		may_send = (uint64_t)x->prr_delivered * ssthresh + x->prr_start - 1;
		may_send /= x->prr_start;
		may_send = may_send > x->prr_out ? may_send - x->prr_out : 0;
	} else {
		uint64_t limit = x->prr_delivered > x->prr_out ? x->prr_delivered - x->prr_out : 0;

		limit = MAX(limit, (uint64_t)delivered);
		if (news->acked) /* things move: one more, RFC 6937's SSRB */
			limit += c->mss;
		may_send = MIN((uint64_t)ssthresh - pipe, limit);
	}
	/* The first ACK of a recovery must let the fast retransmit go. */
	if (x->prr_out == 0)
		may_send = MAX(may_send, (uint64_t)c->mss);
	k->cwnd = pipe + (uint32_t)MIN(may_send, 1u << 30);
}

void recovery_enter(struct shard *sh, struct conn *c, struct xfer *x)
{
	struct conn_cold *k = conn_cold(c);

	stat_inc(sh, STAT_fast_retransmits);
	note_prior(c, k, x);
	x->prr_start = MAX(c->snd_nxt - c->snd_una, 1u);
	x->prr_delivered = x->prr_out = 0;
	x->recover = c->snd_nxt;
	x->phase = XFER_RECOVERY;
	x->tlp_out = false;
	/* RFC 3168 §6.1.2: once per window, whatever tells of the congestion. */
	if (seq_geq(c->snd_una, x->ecn_recover))
		cc_set_ssthresh(k, c, cc_reduce(sh, c, x));
	/* When the reordering timer tells of the loss, no ACK will. */
	prr(c, k, x, &(struct ack_news){0}, 0);
}

/* Without SACK: RFC 6582. A partial ACK names the next hole. */
static void reno_marks(struct conn *c, struct xfer *x, const struct ack_news *news)
{
	if (c->flags & CF_SACK)
		return;
	if (news->acked) {
		/* What was acknowledged beyond the hole had been counted as gone. */
		uint32_t segs = (news->acked + c->mss - 1) / c->mss;

		x->dupacks = (uint8_t)(x->dupacks + 1u > segs ? x->dupacks + 1u - segs : 0);
		if (x->phase == XFER_RECOVERY && seq_lt(c->snd_una, x->recover) && x->sndq.head)
			scoreboard_lose(x, x->sndq.head);
		if (x->phase == XFER_OPEN)
			x->dupacks = 0;
	} else if (news->duplicate && x->dupacks < UINT8_MAX) {
		x->dupacks++;
		/* RFC 6582 §3.2 step 1: not for what an earlier recovery covered. */
		if (x->phase == XFER_OPEN && x->dupacks == DUPTHRESH &&
		    seq_geq(c->snd_una, x->recover))
			scoreboard_lose(x, x->sndq.head);
	}
}

/* DeliveredData of RFC 6937 §3; without SACK each duplicate ACK stands for a segment,
 * which the ACK that covers it at last must not count again. */
static uint32_t delivered_by(const struct conn *c, const struct xfer *x,
			     const struct ack_news *news)
{
	uint32_t counted = (uint32_t)x->dupacks * c->mss;

	if (c->flags & CF_SACK)
		return news->delivered;
	if (!news->acked)
		return news->duplicate ? c->mss : 0;
	return news->acked > counted ? news->acked - counted : 0;
}

/* PRR has brought what is in flight to ssthresh by now (RFC 6937 §3.1). */
static void leave_recovery(struct conn *c, struct conn_cold *k, struct xfer *x)
{
	open_phase(c, x);
	x->dupacks = 0;
	if (x->rack.reo_wnd_persist && --x->rack.reo_wnd_persist == 0)
		x->rack.reo_wnd_mult = 1;
	k->cwnd = tcp_ssthresh(c, k);
}

/* F-RTO (RFC 5682 §3.1): after the first retransmission new data is sent instead
 * of old; if that is answered by an original's ACK, nothing had been lost. */
static void frto(struct shard *sh, struct conn *c, struct xfer *x, const struct ack_news *news)
{
	if (!x->frto)
		return;
	if (news->original && news->acked) {
		undo(sh, c, x);
		return;
	}
	if (seq_gt(c->snd_nxt, x->recover)) {
		/* Step 3a: a duplicate after the new data: a real loss. */
		if (news->duplicate || news->sacked_new)
			x->frto = false;
	} else if (news->acked && seq_lt(c->snd_una, x->recover)) {
		/* Step 2b: new data, if there is any and the window takes it. */
		x->recover = c->snd_nxt;
		if (x->send_next && seq_gt(c->snd_una + c->snd_wnd, c->snd_nxt))
			conn_work(sh, c, CF_FRTO_NEW);
		else
			x->frto = false;
	} else {
		x->frto = false; /* step 2a: a duplicate, or all is acknowledged */
	}
}

static void loss_ack(struct shard *sh, struct conn *c, struct xfer *x,
		     const struct ack_news *news)
{
	frto(sh, c, x, news);
	if (x->phase == XFER_OPEN)
		return;
	if (seq_geq(c->snd_una, x->recover) && !x->frto) {
		open_phase(c, x);
		x->dupacks = 0;
	}
	if (news->acked && x->phase == XFER_LOSS) /* slow start again, RFC 5681 §3.1 */
		cc_ack(sh, c, x, news->prior_flight, news->acked);
}

void recovery_ack(struct shard *sh, struct conn *c, struct xfer *x, const struct seg *s,
		  const struct ack_news *news)
{
	struct conn_cold *k = conn_cold(c);
	uint32_t reorder_us = 0, delivered = delivered_by(c, x, news);
	bool reduced;

	if (is_spurious(c, x, s, news))
		undo(sh, c, x);
	if (x->phase == XFER_RECOVERY && seq_geq(c->snd_una, x->recover))
		leave_recovery(c, k, x);
	reduced = tlp_ack(sh, c, x, s->ack, news);
	reno_marks(c, x, news);
	if (c->flags & CF_SACK)
		reorder_us = rack_detect_loss(sh, c, x);
	if (x->phase == XFER_LOSS)
		loss_ack(sh, c, x, news);
	else if (x->phase == XFER_OPEN && x->lost)
		recovery_enter(sh, c, x);
	else if (x->phase == XFER_OPEN && news->ecn_echo)
		heed_ecn_echo(sh, c, x);
	if (x->phase == XFER_RECOVERY)
		prr(c, k, x, news, delivered);
	else if (x->phase == XFER_OPEN && news->acked && !news->ecn_echo && !reduced)
		cc_ack(sh, c, x, news->prior_flight, news->acked);
	if (news->acked || reorder_us)
		recovery_arm(sh, c, x, reorder_us);
	conn_work(sh, c, CF_OUTPUT);
}

void recovery_timeout(struct shard *sh, struct conn *c, struct xfer *x)
{
	struct conn_cold *k = conn_cold(c);

	/* RFC 5681 §3.1: the threshold falls at the first timeout only, and F-RTO
	 * judges the first one of a flight only. */
	if (x->phase != XFER_LOSS || x->too_large || seq_geq(c->snd_una, x->recover)) {
		uint32_t reduced = cc_reduce(sh, c, x);

		if (x->phase == XFER_OPEN)
			note_prior(c, k, x);
		cc_set_ssthresh(k, c, reduced);
		x->frto = conn_tcp(sh, c)->frto && x->phase != XFER_LOSS;
	} else {
		x->frto = false;
	}
	x->phase = XFER_LOSS;
	x->too_large = false;
	x->recover = c->snd_nxt;
	x->dupacks = 0;
	x->tlp_out = false;
	/* The head was SACKed and is asked for again: the peer has reneged. */
	if (x->sndq.head && (x->sndq.head->flags & BUF_SACKED)) {
		stat_inc(sh, STAT_sack_reneged);
		scoreboard_forget_sacks(x);
	}
	rack_mark_timeout(sh, c, x);
	k->cwnd = tcp_flight(c, x) + c->mss;
}

void recovery_arm(struct shard *sh, struct conn *c, struct xfer *x, uint32_t reorder_us)
{
	uint32_t pto;

	if (c->snd_una == c->snd_nxt) {
		x->timer = XFER_TIMER_NONE; /* RFC 6298 §5.2 */
		return;
	}
	if (reorder_us) {
		x->timer = XFER_TIMER_REORDER;
		x->timer_at = sh->now + (reorder_us + USEC_PER_TICK - 1) / USEC_PER_TICK + 1;
		return;
	}
	pto = tlp_timeout(c, x);
	tcp_arm_rto(sh, c, x);
	if (pto) {
		x->timer = XFER_TIMER_TLP;
		x->timer_at = tick_min(x->timer_at, sh->now + pto);
	}
}

void recovery_arm_later(struct shard *sh, struct conn *c, struct xfer *x)
{
	const struct conf_tcp *tcp = conn_tcp(sh, c);

	if (unlikely(tcp->user_timeout_ms)) {
		recovery_arm(sh, c, x, 0);
		return;
	}
	/* Behind one segment a probe waits for a delayed ACK, and the RTO is no less than its
	 * minimum. */
	x->timer = XFER_TIMER_LATER;
	x->timer_at = sh->now + MIN(tcp->rto_min_ms, (uint32_t)TLP_MAX_ACK_DELAY_MS);
}

void recovery_work_out(struct shard *sh, struct conn *c, struct xfer *x)
{
	recovery_arm(sh, c, x, 0);
	x->timer_at -= sh->now - x->unacked_since;
}
