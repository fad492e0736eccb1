/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segment text (RFC 9293 §3.10.7.4, seventh check): delivery in order,
 * reassembly of what came early (SHLD-31) within the receive buffer, and the
 * decision when to acknowledge (MUST-58, SHLD-18, SHLD-19, RFC 5681 §4.2).
 * Received buffers are queued as they are; nothing is copied but small pieces.
 */
#include "engine/tcp/internal.h"

/* Payload of up to this many bytes is copied into the buf before rather than kept
 * in a buffer of its own, and a connection may hold one buffer for each as many
 * bytes of its receive buffer: so a peer of tiny segments can fill the window it
 * was offered, but cannot hoard buffers. */
#define JOIN_MAX 512

#define WINDOW_MAX (1u << 30) /* RFC 7323 §2.3 */

static uint32_t max_bufs(const struct shard *sh, const struct conn *c)
{
	return conn_tcp(sh, c)->rcvbuf / JOIN_MAX + 16;
}

void tcp_note_duplicate(struct shard *sh, struct conn *c, uint32_t start, uint32_t end)
{
	struct xfer *x;

	/* What lies further back is nothing that the peer has sent. */
	if (seq_lt(start, c->rcv_nxt - WINDOW_MAX))
		return;
	stat_add(sh, STAT_duplicate_bytes, end - start);
	if (!(c->flags & CF_SACK))
		return;
	/* Without a block for it the report is left out: it is a hint. */
	x = conn_xfer_for_text(sh, c);
	if (!x || x->has_dsack)
		return; /* one a segment, the first (RFC 2883 §4) */
	x->dsack = (struct sack_block){start, end};
	x->has_dsack = true;
	conn_work(sh, c, CF_ACK_NOW);
}

/* Makes the frame's buf the payload, keeping the payload's sum when known. */
static void cut_to_payload(struct seg *s)
{
	struct buf *b = s->buf;

	b->data = b->data + (s->payload - b->data);
	b->len = s->payload_len;
	b->seq = s->seq;
	b->hdr_len = 0;
	b->flags = s->flags & TCP_PSH ? BUF_PSH : 0;
	if (s->csum_known) {
		b->payload_csum = (uint16_t)s->payload_csum;
		b->flags |= BUF_PAYLOAD_CSUM;
	}
}

/* Appends in-order payload for the service; b->len > 0. */
static void deliver(struct shard *sh, struct conn *c, struct xfer *x, struct buf *b)
{
	struct buf *tail = x->rcvq.tail;

	c->rcv_nxt += b->len;
	stat_add(sh, STAT_rx_bytes, b->len);
	if (tail && b->len <= JOIN_MAX && buf_tailroom(tail) >= b->len) {
		memcpy(tail->data + tail->len, b->data, b->len);
		tail->len += b->len;
		tail->flags &= ~(uint32_t)BUF_PAYLOAD_CSUM;
		tail->flags |= b->flags & BUF_PSH;
		x->rcvq.bytes += b->len;
		shard_buf_free(sh, b);
	} else {
		bufq_append(&x->rcvq, b);
	}
}

/* Moves what has become next in sequence from the reassembly queue. Returns
 * true when a FIN was reached. */
static COLD bool deliver_early(struct shard *sh, struct conn *c, struct xfer *x)
{
	struct buf *b;

	while ((b = x->ooo) && seq_leq(b->seq, c->rcv_nxt)) {
		uint32_t old = c->rcv_nxt - b->seq;
		/* Data where the FIN was said to be: the peer contradicts itself. */
		bool fin = (b->flags & BUF_FIN) && old <= b->len;

		x->ooo = b->next;
		x->ooo_bytes -= b->len;
		x->ooo_count--;
		b->flags &= ~(uint32_t)BUF_FIN;
		if (old) {
			old = MIN(old, b->len);
			if (old)
				tcp_note_duplicate(sh, c, b->seq, b->seq + old);
			b->data += old;
			b->len -= old;
			b->flags &= ~(uint32_t)BUF_PAYLOAD_CSUM;
		}
		if (b->len)
			deliver(sh, c, x, b);
		else
			shard_buf_free(sh, b);
		if (fin)
			return true;
	}
	return false;
}

/* Trims b against the queued neighbours; false: nothing of it is new. *prev is
 * the last queued buf that begins before b, NULL: none. */
static bool fit_early(struct shard *sh, struct conn *c, struct xfer *x, struct buf *b,
		      struct buf **prev)
{
	struct buf *p = NULL, *n = x->ooo;

	*prev = NULL;
	while (n && seq_leq(n->seq, b->seq)) {
		p = n;
		n = n->next;
	}
	if (p && seq_gt(p->seq + p->len, b->seq)) {
		uint32_t overlap = MIN(p->seq + p->len - b->seq, b->len);

		if (overlap)
			tcp_note_duplicate(sh, c, b->seq, b->seq + overlap);
		b->data += overlap;
		b->len -= overlap;
		b->seq += overlap;
		b->flags &= ~(uint32_t)BUF_PAYLOAD_CSUM;
		if (seq_gt(p->seq + p->len, b->seq))
			return false; /* all of it, and no FIN in the middle of data */
	}
	/* Bufs that b covers whole are replaced by it. */
	while (n && seq_leq(n->seq + n->len, b->seq + b->len)) {
		struct buf *gone = n;

		n = n->next;
		if (gone->seq + gone->len == b->seq + b->len)
			b->flags |= gone->flags & BUF_FIN;
		x->ooo_bytes -= gone->len;
		x->ooo_count--;
		if (p)
			p->next = n;
		else
			x->ooo = n;
		if (gone->len)
			tcp_note_duplicate(sh, c, gone->seq, gone->seq + gone->len);
		shard_buf_free(sh, gone);
	}
	if (n && seq_lt(n->seq, b->seq + b->len)) {
		tcp_note_duplicate(sh, c, n->seq, b->seq + b->len);
		b->len = n->seq - b->seq;
		b->flags &= ~(uint32_t)(BUF_PAYLOAD_CSUM | BUF_FIN);
	}
	*prev = p;
	return b->len || (b->flags & BUF_FIN);
}

/* Queues a segment that is not next in sequence. Consumes. */
static COLD void queue_early(struct shard *sh, struct conn *c, struct xfer *x, struct seg *s)
{
	struct buf *b = s->buf, *prev;

	/* RFC 5681 §4.2: a gap is reported at once; and who repairs one has few segments in
	 * flight and waits for each ACK. */
	conn_work(sh, c, CF_ACK_NOW);
	conn_cold(c)->quick_acks = conn_tcp(sh, c)->quick_acks & 7;
	if (x->ooo_count >= max_bufs(sh, c) ||
	    x->rcvq.bytes + x->ooo_bytes + s->payload_len > conn_tcp(sh, c)->rcvbuf) {
		stat_inc(sh, STAT_drop_reassembly_full);
		shard_buf_free(sh, b);
		return;
	}
	cut_to_payload(s);
	if (s->flags & TCP_FIN)
		b->flags |= BUF_FIN;
	memmove(x->ooo_recent + 1, x->ooo_recent, sizeof(x->ooo_recent) - sizeof(b->seq));
	x->ooo_recent[0] = b->seq;
	if (!fit_early(sh, c, x, b, &prev)) {
		shard_buf_free(sh, b);
		return;
	}
	stat_inc(sh, STAT_out_of_order);
	if (prev) {
		b->next = prev->next;
		prev->next = b;
	} else {
		b->next = x->ooo;
		x->ooo = b;
	}
	x->ooo_bytes += b->len;
	x->ooo_count++;
}

/* Every second segment is acknowledged at once, a first one soon; those of a new
 * connection at once, or a peer with Nagle that writes its request in two pieces
 * waits with the second. Which of the flags says so. */
static uint32_t owe_ack(struct shard *sh, struct conn *c)
{
	const struct conf_tcp *tcp = conn_tcp(sh, c);
	struct conn_cold *k = conn_cold(c);

	k->answered = k->quiet = false;
	if (k->quick_acks) {
		k->quick_acks--;
		return CF_ACK_NOW;
	}
	if ((c->flags & CF_ACK_DELAYED) || tcp->delack_ms == 0)
		return CF_ACK_NOW;
	k->due = sh->now + tcp->delack_ms;
	return CF_ACK_DELAYED;
}

static void take_fin(struct shard *sh, struct conn *c, struct xfer *x)
{
	c->rcv_nxt++;
	/* The FIN may take the number just beyond the window. */
	c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt);
	/* What claims to come after the FIN is not text of this connection. */
	if (x && x->ooo)
		conn_drop_early(sh, x);
	tcp_fin_received(sh, c);
}

/* In-order text and FIN. Consumes. */
static void in_order(struct shard *sh, struct conn *c, struct xfer *x, struct seg *s)
{
	bool fin = s->flags & TCP_FIN;
	bool fills_hole = x && x->ooo;

	if (s->payload_len) {
		cut_to_payload(s);
		deliver(sh, c, x, s->buf);
		conn_work(sh, c, owe_ack(sh, c) | CF_EV_READABLE);
	} else {
		shard_buf_free(sh, s->buf);
	}
	if (fills_hole) {
		if (!fin)
			fin = deliver_early(sh, c, x);
		conn_work(sh, c, CF_ACK_NOW);
	}
	if (fin)
		take_fin(sh, c, x);
}

/* Nobody will read it: say so, or the peer thinks it arrived (RFC 9293 §3.6.1, SHLD-3;
 * RFC 2525 §2.17). Or it is not to matter any more: then it is as if it were read at
 * once. Consumes. */
static COLD void text_after_close(struct shard *sh, struct conn *c, struct seg *s)
{
	struct xfer *x = conn_xfer(sh, c);
	bool fin = s->flags & TCP_FIN;

	stat_inc(sh, STAT_drop_after_close);
	shard_buf_free(sh, s->buf);
	if (!conn_cold(c)->drains) {
		tcp_reset_conn(sh, c);
		conn_die(sh, c, TCP_CLOSE_ABORTED);
		return;
	}
	conn_work(sh, c, CF_ACK_NOW);
	if (s->seq != c->rcv_nxt)
		return;
	c->rcv_nxt += s->payload_len;
	if (!fin && x && x->ooo) /* one that came early: of text nothing is kept */
		fin = deliver_early(sh, c, x);
	if (fin)
		take_fin(sh, c, x);
}

/* It waits in an accept queue, perhaps for long, with something to be served already: while memory
 * is short that has to do, and what else it sends has to come again. */
static bool hoards(const struct shard *sh, const struct conn *c, const struct xfer *x)
{
	return sh->pressure.lean && (c->flags & CF_ACCEPT_QUEUE) && x && (x->rcvq.head || x->ooo);
}

void tcp_text(struct shard *sh, struct conn *c, struct xfer *x, struct seg *s)
{
	if (!x)
		x = conn_xfer_for_text(sh, c);
	if (unlikely(!x || x->ooo || x->rcvq.tail || sh->pressure.full)) {
		tcp_text_and_fin(sh, c, s);
		return;
	}
	stat_inc(sh, STAT_rx_data_segments);
	cut_to_payload(s);
	c->rcv_nxt += s->payload_len;
	stat_add(sh, STAT_rx_bytes, s->payload_len);
	bufq_append(&x->rcvq, s->buf);
	conn_work(sh, c, owe_ack(sh, c) | CF_EV_READABLE);
}

void tcp_text_and_fin(struct shard *sh, struct conn *c, struct seg *s)
{
	struct xfer *x = conn_xfer(sh, c);

	stat_inc(sh, STAT_rx_data_segments);
	if (s->flags & TCP_URG)
		tcp_urgent_input(sh, c, s);
	if (!tcp_state_receives(c->state) || (s->payload_len == 0 && !(s->flags & TCP_FIN))) {
		/* After the peer's FIN nothing more can be its text. */
		shard_buf_free(sh, s->buf);
		return;
	}
	if ((c->flags & CF_ORPHAN) && s->payload_len) {
		text_after_close(sh, c, s);
		return;
	}
	if (s->payload_len && (sh->pressure.full || hoards(sh, c, x))) {
		stat_inc(sh, STAT_drop_memory_full);
		shard_buf_free(sh, s->buf);
		conn_work(sh, c, CF_ACK_NOW);
		return;
	}
	if (s->payload_len || s->seq != c->rcv_nxt) {
		x = conn_xfer_for_text(sh, c);
		if (!x) {
			stat_inc(sh, STAT_drop_no_transfer);
			shard_buf_free(sh, s->buf);
			return;
		}
	}
	if (s->seq != c->rcv_nxt) {
		queue_early(sh, c, x, s);
	} else if (x && x->rcvq.count >= max_bufs(sh, c)) {
		stat_inc(sh, STAT_drop_rx_memory);
		shard_buf_free(sh, s->buf);
	} else {
		in_order(sh, c, x, s);
	}
}
