/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RACK-TLP (RFC 8985): a segment is lost when one sent sufficiently later has
 * been delivered; a probe makes the tail of a flight answer. Sections and step
 * numbers are the RFC's.
 */
#include "engine/tcp/recovery.h"

#define DUPTHRESH	 3
#define REO_WND_PERSIST	 16 /* §6.2 step 4: recoveries that a wider window lasts */

/* True when (a_us, a_seq) was sent after (b_us, b_seq). Ages compare right for 71
 * minutes; what is older was sent before anything that matters. */
static bool sent_after(const struct shard *sh, uint32_t a_us, uint32_t a_seq, uint32_t b_us,
		       uint32_t b_seq)
{
	uint32_t a_age = (uint32_t)sh->now_us - a_us, b_age = (uint32_t)sh->now_us - b_us;

	return a_age < b_age || (a_age == b_age && seq_gt(a_seq, b_seq));
}

/* Microseconds until b, sent before what was delivered last, counts as lost; 0: it
 * does. It may take its own round trip and the reordering window. */
static uint32_t time_left(const struct shard *sh, const struct rack *r, const struct buf *b,
			  uint32_t window)
{
	uint32_t age = (uint32_t)sh->now_us - b->sent_us;

	return age < r->rtt_us + window ? r->rtt_us + window - age : 0;
}

/* §6.2 step 2: a repeated segment's ACK may be the original's. */
static bool is_ambiguous(const struct shard *sh, const struct conn *c, const struct xfer *x,
			 const struct buf *b, const struct seg *s, uint32_t rtt_us)
{
	if (!(b->flags & BUF_RESENT))
		return false;
	if ((c->flags & CF_TIMESTAMPS) && (s->opt.seen & TCPOPT_HAS_TS)) {
		uint32_t age = ((uint32_t)sh->now_us - b->sent_us) / USEC_PER_TICK;

		if (seq_lt(s->opt.tsecr, ts_now(sh) - age))
			return true;
	}
	return rtt_us < x->rack.min_rtt_us;
}

void rack_delivered(struct shard *sh, const struct conn *c, struct xfer *x, const struct buf *b,
		    const struct seg *s, uint32_t fack)
{
	struct rack *r = &x->rack;
	uint32_t rtt_us = MAX((uint32_t)sh->now_us - b->sent_us, 1u);
	uint32_t end = b->seq + buf_payload_len(b);

	/* Step 1 */
	if (!(b->flags & BUF_RESENT) && (r->min_rtt_us == 0 || rtt_us < r->min_rtt_us))
		r->min_rtt_us = rtt_us;
	/* Step 3: delivered below what an earlier ACK had delivered, and never repeated. */
	if (seq_lt(end, fack) && !(b->flags & BUF_RESENT))
		r->reordering_seen = true;
	if (r->rtt_us == 0 || seq_gt(end, r->fack))
		r->fack = end;
	/* Step 2 */
	if (is_ambiguous(sh, c, x, b, s, rtt_us))
		return;
	if (r->rtt_us == 0 || sent_after(sh, b->sent_us, end, r->xmit_us, r->end_seq)) {
		r->xmit_us = b->sent_us;
		r->end_seq = end;
		r->rtt_us = rtt_us;
	}
}

uint32_t rack_all_delivered(const struct shard *sh, struct xfer *x, const struct buf *b)
{
	struct rack *r = &x->rack;
	uint32_t rtt_us = MAX((uint32_t)sh->now_us - b->sent_us, 1u);

	/* Of those sent once the last has the shortest round trip, and all before it came first. */
	if (r->min_rtt_us == 0 || rtt_us < r->min_rtt_us)
		r->min_rtt_us = rtt_us;
	r->fack = r->end_seq = b->seq + buf_payload_len(b);
	r->xmit_us = b->sent_us;
	r->rtt_us = rtt_us;
	return rtt_us;
}

void rack_dsack(const struct conn *c, struct xfer *x)
{
	struct rack *r = &x->rack;

	/* Step 4: one step wider per round trip with a DSACK. */
	if (r->reo_wnd_mult && seq_lt(c->snd_una, r->dsack_round))
		return;
	r->dsack_round = c->snd_nxt;
	r->reo_wnd_mult = (uint8_t)MIN(r->reo_wnd_mult + 1, UINT8_MAX);
	r->reo_wnd_persist = REO_WND_PERSIST;
}

/* Step 4: how long a segment may be late before it is lost. */
static uint32_t reordering_window(const struct conn *c,
				  const struct xfer *x)
{
	const struct rack *r = &x->rack;
	uint32_t mult = MAX(r->reo_wnd_mult, 1u), srtt_us = conn_cold(c)->srtt_us;
	uint32_t min_rtt_us = r->min_rtt_us ? r->min_rtt_us : srtt_us; /* the handshake's */

	if (!r->reordering_seen &&
	    (x->phase != XFER_OPEN || x->sacked >= (uint32_t)DUPTHRESH * c->mss))
		return 0;
	return (uint32_t)MIN((uint64_t)mult * (min_rtt_us / 4), srtt_us);
}

uint32_t rack_detect_loss(struct shard *sh, struct conn *c, struct xfer *x)
{
	const struct rack *r = &x->rack;
	uint32_t wait_us = 0;
	uint32_t window = reordering_window(c, x);

	if (r->rtt_us == 0)
		return 0;
	for (struct buf *b = x->sndq.head; b && b != x->send_next; b = b->next) {
		uint32_t left_us;

		if ((b->flags & BUF_SACKED) ||
		    (b->flags & (BUF_LOST | BUF_RETRANS)) == BUF_LOST)
			continue;
		if (!sent_after(sh, r->xmit_us, r->end_seq, b->sent_us,
				b->seq + buf_payload_len(b))) {
			/* What lies behind one that was sent once was sent later still. */
			if (!(b->flags & BUF_RESENT))
				break;
			continue;
		}
		left_us = time_left(sh, r, b, window);
		if (left_us == 0)
			scoreboard_lose(x, b);
		wait_us = MAX(wait_us, left_us);
	}
	return wait_us;
}

void rack_mark_timeout(struct shard *sh, struct conn *c, struct xfer *x)
{
	const struct rack *r = &x->rack;
	uint32_t window = reordering_window(c, x);

	for (struct buf *b = x->sndq.head; b && b != x->send_next; b = b->next)
		if (b == x->sndq.head || r->rtt_us == 0 || time_left(sh, r, b, window) == 0)
			scoreboard_lose(x, b);
}

uint32_t tlp_timeout(const struct conn *c, const struct xfer *x)
{
	const struct conn_cold *k = conn_cold(c);
	uint64_t pto_us = 1000000;

	/* §7.2: not in recovery, not with SACKed data; §7.3: one probe a tail, and a
	 * round trip timed between two. */
	if (!(c->flags & CF_SACK) || x->phase != XFER_OPEN || x->sacked || x->tlp_out ||
	    x->tlp_unmeasured || !x->sndq.head || !(x->sndq.head->flags & BUF_SENT))
		return 0;
	if (k->srtt_us) {
		pto_us = 2 * (uint64_t)k->srtt_us;
		if (x->sndq.head->next == x->send_next)
			pto_us += TLP_MAX_ACK_DELAY_MS * USEC_PER_TICK;
	}
	return MAX((uint32_t)(pto_us / USEC_PER_TICK), 2u);
}

void tlp_expired(struct shard *sh, struct conn *c, struct xfer *x)
{
	tcp_arm_rto(sh, c, x);
	conn_work(sh, c, CF_TLP);
}

bool tlp_ack(struct shard *sh, struct conn *c, struct xfer *x, uint32_t ack,
	     const struct ack_news *news)
{
	struct conn_cold *k = conn_cold(c);

	/* §7.4.2 */
	if (!x->tlp_out || seq_lt(ack, x->tlp_end_seq))
		return false;
	if (!x->tlp_is_retrans) {
		x->tlp_out = false;
	} else if (news->dsack) {
		x->tlp_out = false; /* the original had arrived as well */
	} else if (seq_gt(ack, x->tlp_end_seq)) {
		/* The probe repaired a loss that nobody saw: respond to it. */
		x->tlp_out = false;
		x->may_undo = false;
		k->cwnd = cc_reduce(sh, c, x);
		cc_set_ssthresh(k, c, k->cwnd);
		stat_inc(sh, STAT_tail_losses);
		return true;
	} else if (news->duplicate && !news->sacked_new) {
		x->tlp_out = false;
	}
	return false;
}
