/* SPDX-License-Identifier: BSD-3-Clause */
/* Marks on sent bufs and the byte counts that follow from them. */
#include "engine/tcp/recovery.h"

uint32_t tcp_flight(const struct conn *c, const struct xfer *x)
{
	uint32_t sent = (x->send_next ? x->send_next->seq : c->snd_nxt) - c->snd_una;
	uint32_t gone = x->sacked + x->lost;

	/* Without SACK each duplicate ACK tells of one segment that has left. */
	if (!(c->flags & CF_SACK))
		gone += (uint32_t)x->dupacks * c->mss;
	sent += x->retrans;
	return sent > gone ? sent - gone : 0;
}

void scoreboard_lose(struct xfer *x, struct buf *b)
{
	uint32_t len = buf_payload_len(b);

	if (b->flags & BUF_SACKED)
		return;
	if (!x->lost)
		x->lost_hint = NULL;
	if (b->flags & BUF_RETRANS) {
		b->flags &= ~(uint32_t)BUF_RETRANS;
		x->retrans -= len;
	}
	if (!(b->flags & BUF_LOST)) {
		b->flags |= BUF_LOST;
		x->lost += len;
	}
	if (!x->lost_hint || seq_lt(b->seq, x->lost_hint->seq))
		x->lost_hint = b;
}

/* Takes b's marks and their bytes away. */
static void unmark(struct xfer *x, struct buf *b)
{
	uint32_t len = buf_payload_len(b);

	if (b->flags & BUF_SACKED)
		x->sacked -= len;
	if (b->flags & BUF_LOST)
		x->lost -= len;
	if (b->flags & BUF_RETRANS)
		x->retrans -= len;
	b->flags &= ~(uint32_t)(BUF_SACKED | BUF_LOST | BUF_RETRANS);
}

void scoreboard_forgive(struct xfer *x)
{
	for (struct buf *b = x->sndq.head; b && b != x->send_next; b = b->next) {
		if (!(b->flags & BUF_LOST))
			continue;
		unmark(x, b);
	}
	x->lost_hint = NULL;
}

void scoreboard_forget_sacks(struct xfer *x)
{
	for (struct buf *b = x->sndq.head; b && b != x->send_next; b = b->next)
		if (b->flags & BUF_SACKED)
			unmark(x, b);
}

struct buf *scoreboard_next_lost(struct xfer *x)
{
	struct buf *b = x->lost_hint;

	if (!x->lost)
		return NULL;
	while (b && b != x->send_next && (b->flags & (BUF_LOST | BUF_RETRANS)) != BUF_LOST)
		b = b->next;
	x->lost_hint = b == x->send_next ? NULL : b;
	return x->lost_hint;
}

void scoreboard_sent(struct xfer *x, struct buf *b, bool again)
{
	if (!again || !(b->flags & BUF_LOST) || (b->flags & BUF_RETRANS))
		return;
	b->flags |= BUF_RETRANS;
	x->retrans += buf_payload_len(b);
}

/* A buf has reached the peer. */
static void delivered(struct shard *sh, const struct conn *c, struct xfer *x, struct buf *b,
		      const struct seg *s, struct ack_news *news)
{
	news->delivered += buf_payload_len(b);
	if (!(b->flags & BUF_RESENT)) {
		news->original = true;
		news->rtt_us = MAX((uint32_t)sh->now_us - b->sent_us, 1u);
	}
	rack_delivered(sh, c, x, b, s, news->fack);
}

/* True when the first block reports what arrived twice (RFC 2883 §4). */
static bool is_dsack(const struct seg *s, struct sack_block first)
{
	struct sack_block second;

	if (seq_lt(first.start, s->ack))
		return true;
	if (s->opt.nb_sack < 2)
		return false;
	second = tcpopt_sack_block(&s->opt, 1);
	return seq_geq(first.start, second.start) && seq_leq(first.end, second.end);
}

static void note_dsack(struct shard *sh, const struct conn *c, struct xfer *x, struct sack_block b,
		       struct ack_news *news)
{
	uint32_t len = b.end - b.start;

	news->dsack = true;
	stat_inc(sh, STAT_dsack_received);
	rack_dsack(c, x);
	/* Only what this episode sent again can clear it (RFC 3708). */
	if (x->may_undo && seq_geq(b.start, x->undo_marker) &&
	    (x->phase != XFER_OPEN || seq_leq(b.end, x->undo_end)))
		x->undo_retrans -= MIN(x->undo_retrans, len);
}

static void sack_block(struct shard *sh, struct conn *c, struct xfer *x, struct sack_block k,
		       const struct seg *s, struct ack_news *news)
{
	for (struct buf *b = x->sndq.head; b && b != x->send_next; b = b->next) {
		uint32_t end = b->seq + buf_payload_len(b);

		if (seq_geq(b->seq, k.end))
			return;
		/* A block that covers part of a buf is left for the rest to come. */
		if ((b->flags & BUF_SACKED) || seq_lt(b->seq, k.start) || seq_gt(end, k.end))
			continue;
		delivered(sh, c, x, b, s, news);
		unmark(x, b);
		b->flags |= BUF_SACKED;
		x->sacked += buf_payload_len(b);
		news->sacked_new = true;
	}
}

/* A FIN on its own has no buf. It went no earlier than the data before it, so what
 * was sent before that data is late (RFC 8985 §6.2), and no round trip is timed. */
static void sack_fin(struct shard *sh, const struct conn *c, struct xfer *x,
		     struct ack_news *news)
{
	const struct buf *last = x->sndq.tail;
	struct rack *r = &x->rack;

	/* Of one that has gone again the FIN may have come with the original (step 2). */
	if (!last || x->send_next || (last->flags & BUF_RESENT) ||
	    (r->rtt_us && r->fack == c->snd_nxt))
		return;
	r->fack = r->end_seq = c->snd_nxt;
	r->xmit_us = last->sent_us;
	r->rtt_us = MAX((uint32_t)sh->now_us - last->sent_us, 1u);
	news->sacked_new = true;
}

void scoreboard_sack(struct shard *sh, struct conn *c, struct xfer *x, const struct seg *s,
		     struct ack_news *news)
{
	for (uint32_t i = 0; i < s->opt.nb_sack; i++) {
		struct sack_block k = tcpopt_sack_block(&s->opt, i);

		if (!seq_lt(k.start, k.end) || seq_gt(k.end, c->snd_nxt))
			continue; /* nonsense, or about what was never sent */
		if (i == 0 && is_dsack(s, k))
			note_dsack(sh, c, x, k, news);
		else if (seq_gt(k.end, c->snd_una))
			sack_block(sh, c, x, k, s, news);
		if (k.end == c->snd_nxt && (c->flags & CF_FIN_SENT))
			sack_fin(sh, c, x, news);
	}
}

void scoreboard_ack(struct shard *sh, struct conn *c, struct xfer *x, uint32_t ack,
		    const struct seg *s, struct ack_news *news)
{
	bool repeated = false;
	struct buf *b;

	while ((b = x->sndq.head) && (b->flags & BUF_SENT) &&
	       seq_leq(b->seq + buf_payload_len(b), ack)) {
		/* What waited behind a repeated one was not on its way all the time. */
		repeated |= b->flags & BUF_RESENT;
		if (!(b->flags & BUF_SACKED))
			delivered(sh, c, x, b, s, news);
		unmark(x, b);
		if (x->lost_hint == b)
			x->lost_hint = b->next;
		if (x->send_next == b)
			x->send_next = b->next;
		x->sndq.head = b->next;
		x->sndq.bytes -= buf_payload_len(b);
		x->sndq.count--;
		shard_buf_free_kept(sh, b);
	}
	if (!x->sndq.head)
		x->sndq.tail = NULL;
	if (repeated)
		news->rtt_us = 0; /* Karn, MUST-18 */
	/* Without SACK what lay behind a repeated one may have waited for it. */
	if (repeated && !(c->flags & CF_SACK))
		news->original = false;
}

uint32_t scoreboard_all_arrived(struct shard *sh, struct xfer *x)
{
	const struct buf *last = x->sndq.tail;
	uint32_t flags = 0, rtt_us = 0;
	struct buf *b, *next;

	for (b = x->sndq.head; b; b = b->next)
		flags |= b->flags;
	if (last && !(flags & BUF_RESENT)) /* Karn, MUST-18 */
		rtt_us = rack_all_delivered(sh, x, last);
	for (b = x->sndq.head; b; b = next) {
		next = b->next;
		shard_buf_free_kept(sh, b);
	}
	x->sndq = (struct bufq){0};
	return rtt_us;
}
