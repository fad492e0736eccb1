/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the stateful client makes of a segment: at most one segment goes out for
 * each that comes, in its buffer. Out of order data is not kept: the server is
 * told where it was, and sends it again (RFC 5681 §4.2). The client has no
 * congestion control, since a request is one segment.
 */
#include "bench/tgen/client.h"
#include "engine/tcp/seq.h"

static enum client_frame request(struct load *l, struct client_conn *c)
{
	c->state = CLIENT_REQUEST;
	c->retries = 0;
	c->request_us = l->now_us;
	c->left = l->plan->response_bytes;
	client_arm(l, c);
	return CLIENT_FRAME_REQUEST;
}

static enum client_frame fin(struct load *l, struct client_conn *c)
{
	c->state = CLIENT_CLOSING;
	c->retries = 0;
	client_arm(l, c);
	return CLIENT_FRAME_FIN;
}

/* RFC 9293 §3.10.7.3. */
static enum client_frame syn_sent(struct load *l, struct client_conn *c, const struct inbound *s)
{
	bool acked = (s->flags & TCP_ACK) && s->ack == c->snd_nxt;
	uint32_t age;

	if (!acked || !(s->flags & (TCP_RST | TCP_SYN))) {
		mode_count(l, TALLY_unexpected);
		return CLIENT_FRAME_NONE;
	}
	if (s->flags & TCP_RST) {
		client_close(l, c, TALLY_resets);
		return CLIENT_FRAME_NONE;
	}
	c->rcv_nxt = s->seq + 1;
	c->ts_recent = s->tsval;
	if (client_counts(l, c, &age))
		hist_add(&l->tally.hists[TALLY_CONNECT], age);
	return request(l, c);
}

/* A response is complete: another request, or the end. */
static enum client_frame complete(struct load *l, struct client_conn *c)
{
	if (mode_counts(l, c->request_us)) {
		mode_count(l, TALLY_requests);
		hist_add(&l->tally.hists[TALLY_REQUEST], mode_age(l, c->request_us));
	}
	c->retries = 0;
	if (--c->requests > 0 && !c->fin_seen) {
		if (l->plan->think_us < 1000)
			return request(l, c);
		c->state = CLIENT_THINK;
		client_arm(l, c);
		return CLIENT_FRAME_ACK;
	}
	if (c->fin_seen || l->plan->close == PLAN_CLOSE_CLIENT)
		return fin(l, c);
	if (l->plan->close == PLAN_CLOSE_RESET)
		return CLIENT_FRAME_RST;
	c->state = CLIENT_WAIT_FIN;
	client_arm(l, c);
	return CLIENT_FRAME_ACK;
}

/* What follows from new data or a FIN, which has been taken in. */
static enum client_frame progress(struct load *l, struct client_conn *c)
{
	bool all = l->plan->response_bytes ? c->left == 0 : c->fin_seen;

	switch (c->state) {
	case CLIENT_REQUEST:
		if (all)
			return complete(l, c);
		if (c->fin_seen)
			return fin(l, c);
		c->retries = 0;
		client_arm(l, c);
		return CLIENT_FRAME_ACK;
	case CLIENT_THINK:
	case CLIENT_WAIT_FIN:
		return c->fin_seen ? fin(l, c) : CLIENT_FRAME_ACK;
	default:
		return CLIENT_FRAME_ACK;
	}
}

/* Takes in what is new of the segment; false: nothing is. */
static bool text(struct load *l, struct client_conn *c, const struct inbound *s)
{
	uint32_t seen = c->rcv_nxt - s->seq, fresh;
	bool ends = s->flags & TCP_FIN;

	if (c->fin_seen || seen > s->len + ends || (seen == s->len + ends && seen > 0))
		return false;
	fresh = s->len - MIN(seen, s->len);
	c->rcv_nxt += fresh + ends;
	c->fin_seen = ends;
	c->ts_recent = s->tsval;
	c->left -= MIN(c->left, (uint64_t)fresh);
	l->tally.n[TALLY_bytes] += fresh;
	return fresh > 0 || ends;
}

/* True when the connection came to its end as it should. */
static bool is_done(const struct load *l, const struct client_conn *c)
{
	bool all = l->plan->response_bytes == 0 || c->left == 0;

	return c->requests == 0 && all;
}

static enum client_frame synchronized(struct load *l, struct client_conn *c,
				      const struct inbound *s)
{
	enum client_frame kind = CLIENT_FRAME_NONE;

	if (s->flags & TCP_RST) {
		if (s->seq == c->rcv_nxt)
			client_close(l, c, TALLY_resets);
		else
			mode_count(l, TALLY_unexpected);
		return CLIENT_FRAME_NONE;
	}
	/* A SYN-ACK that comes again shows that our ACK is missing. */
	if ((s->flags & TCP_SYN) || seq_gt(s->ack, c->snd_nxt))
		return CLIENT_FRAME_ACK;
	if (c->state == CLIENT_CLOSING && s->ack == c->snd_nxt)
		c->fin_acked = true;
	if (text(l, c, s))
		kind = progress(l, c);
	else if (inbound_space(s) > 0)
		kind = CLIENT_FRAME_ACK;
	if (kind == CLIENT_FRAME_NONE && s->seq == c->rcv_nxt)
		c->ts_recent = s->tsval;
	return kind;
}

void client_segment(struct load *l, struct client_conn *c, const struct inbound *s, struct buf *b)
{
	enum client_frame kind =
	    c->state == CLIENT_SYN_SENT ? syn_sent(l, c, s) : synchronized(l, c, s);
	bool over = kind == CLIENT_FRAME_RST;

	client_send(l, c, &s->peer, b, kind);
	if (c->state == CLIENT_CLOSING && c->fin_acked && c->fin_seen && kind != CLIENT_FRAME_FIN)
		over = true;
	if (over)
		client_close(l, c, is_done(l, c) ? TALLY_done : TALLY_cut);
}
