/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stateless connections. Everything an answer needs is in the segment: its ACK
 * number less our ISN, which is a function of the client, says how far the
 * connection has come, and TSecr, since all segments of a connection carry the
 * TSval of its SYN, says when it began.
 *
 *   stage   comes                  goes
 *   1       SYN, ACK               ACK with the request; `open`: a bare ACK
 *   1 + R   data, FIN of the       ACK, or FIN and ACK
 *           response to R bytes
 *   2 + R   ACK of our FIN         nothing: the connection is done
 *
 * What the server sends again is answered again, so its retransmissions serve
 * both; what is lost on the way to it before the request came is not made good.
 */
#include "bench/tgen/mode.h"

enum { FRAME_SYN, FRAME_REQUEST, FRAME_ACK, FRAME_FIN };

static ALWAYS_INLINE uint32_t begin(struct load *l, uint32_t n, bool once, bool v6)
{
	const struct frame *syn = &l->frames[FRAME_SYN];
	uint32_t i;

	for (i = 0; i < n && pace_is_due(&l->pace, l->now); i++) {
		struct buf *b;
		struct end e;
		uint32_t tsval;

		if (once && unlikely(l->lap != 0))
			break;
		b = mode_buf(l);
		if (unlikely(!b))
			break;
		mode_next_client(l, &e);
		if (once && unlikely(l->lap != 0 && l->number != 0)) {
			mode_free(l, b); /* it is the first one again */
			break;
		}
		tsval = mode_tsval(pace_take(&l->pace, l->now));
		if (once)
			tsval = mode_tsval(tsval & ~1u); /* see wake.c */
		window_add(&l->window, tsval, 1);
		frame_write(syn, b, &e,
			    (struct frame_numbers){.seq = mode_isn(l, &e) + l->lap, .tsval = tsval},
			    false, v6);
		mode_send(l, b);
	}
	if (once && unlikely(l->lap != 0))
		l->share = l->begun + i;
	return i;
}

/* The connection that began at `us` has come to its end. */
static ALWAYS_INLINE void done(struct load *l, uint32_t us, enum tally_hist hist)
{
	window_add(&l->window, us, -1);
	if (unlikely(!mode_counts(l, us)))
		return;
	mode_count(l, TALLY_done);
	hist_add(&l->tally.hists[hist], mode_age(l, us));
}

/* Without timestamps, now is as good a guess as any. */
static ALWAYS_INLINE uint32_t begin_of(const struct load *l, const struct inbound *s)
{
	return likely(s->tsecr) ? s->tsecr : l->now_us;
}

static NOINLINE void refused(struct load *l, const struct inbound *s, uint32_t stage)
{
	/* A reset without an ACK number tells by nothing whose it is. */
	if ((s->flags & TCP_ACK) && stage > 2 + l->frames[FRAME_REQUEST].space) {
		mode_count(l, TALLY_unexpected);
		return;
	}
	window_add(&l->window, begin_of(l, s), -1);
	mode_count(l, TALLY_resets);
}

static ALWAYS_INLINE void reply(struct load *l, struct buf *b, const struct inbound *s,
				const struct frame *f, bool v6)
{
	frame_write(f, b, &s->peer,
		    (struct frame_numbers){.seq = s->ack,
					   .ack = s->seq + inbound_space(s),
					   .tsval = s->tsecr,
					   .tsecr = s->tsval},
		    false, v6);
	mode_send(l, b);
}

static ALWAYS_INLINE void open_one(struct load *l, struct buf *b, const struct inbound *s, bool v6)
{
	uint32_t stage = mode_stage(l, &s->peer, s->ack);

	if (likely((s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK) &&
		   stage == 1)) {
		reply(l, b, s, &l->frames[FRAME_ACK], v6);
		done(l, begin_of(l, s), TALLY_CONNECT);
		return;
	}
	if (s->flags & TCP_RST)
		refused(l, s, stage);
	else
		mode_count(l, TALLY_unexpected);
	mode_free(l, b);
}

/* The request is in the server's hands. */
static ALWAYS_INLINE void responded(struct load *l, struct buf *b, const struct inbound *s, bool v6)
{
	l->tally.n[TALLY_bytes] += s->len;
	if (likely(s->flags & TCP_FIN))
		reply(l, b, s, &l->frames[FRAME_FIN], v6);
	else if (s->len)
		reply(l, b, s, &l->frames[FRAME_ACK], v6);
	else
		mode_free(l, b);
}

static ALWAYS_INLINE void visit_one(struct load *l, struct buf *b, const struct inbound *s, bool v6)
{
	uint32_t sent = l->frames[FRAME_REQUEST].space;
	uint32_t stage = mode_stage(l, &s->peer, s->ack), began = begin_of(l, s);

	if (unlikely(s->flags & TCP_RST)) {
		refused(l, s, stage);
		mode_free(l, b);
	} else if (stage == 1 && (s->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK)) {
		if (likely(mode_counts(l, began)))
			hist_add(&l->tally.hists[TALLY_CONNECT], mode_age(l, began));
		reply(l, b, s, &l->frames[FRAME_REQUEST], v6);
	} else if (stage == 1 + sent) {
		responded(l, b, s, v6);
	} else if (likely(stage == 2 + sent && !(s->flags & TCP_FIN))) {
		done(l, began, TALLY_CONNECTION);
		mode_free(l, b);
	} else if (stage == 2 + sent) {
		/* Both closed at once, or the FIN came again. */
		reply(l, b, s, &l->frames[FRAME_ACK], v6);
	} else {
		mode_count(l, TALLY_unexpected);
		mode_free(l, b);
	}
}

static ALWAYS_INLINE void input(struct load *l, struct buf *const *bufs, uint32_t n, bool opens,
				bool v6)
{
	struct inbound s;

	for (uint32_t i = 0; i < n; i++) {
		if (unlikely(!inbound_read(bufs[i], &l->target, &s, true, v6)))
			mode_other(l, bufs[i]);
		else if (opens)
			open_one(l, bufs[i], &s, v6);
		else
			visit_one(l, bufs[i], &s, v6);
	}
}

static void open_input4(struct load *l, struct buf *const *bufs, uint32_t n)
{
	input(l, bufs, n, true, false);
}

static void open_input6(struct load *l, struct buf *const *bufs, uint32_t n)
{
	input(l, bufs, n, true, true);
}

static void visit_input4(struct load *l, struct buf *const *bufs, uint32_t n)
{
	input(l, bufs, n, false, false);
}

static void visit_input6(struct load *l, struct buf *const *bufs, uint32_t n)
{
	input(l, bufs, n, false, true);
}

static uint32_t open_begin4(struct load *l, uint32_t n)
{
	return begin(l, n, true, false);
}

static uint32_t open_begin6(struct load *l, uint32_t n)
{
	return begin(l, n, true, true);
}

static uint32_t visit_begin4(struct load *l, uint32_t n)
{
	return begin(l, n, false, false);
}

static uint32_t visit_begin6(struct load *l, uint32_t n)
{
	return begin(l, n, false, true);
}

void visit_init(struct load *l, const struct load_args *args)
{
	const struct plan *plan = l->plan;
	bool v6 = l->clients.v6;

	mode_frame(&l->frames[FRAME_SYN], l, args, TCP_SYN, NULL, 0);
	mode_frame(&l->frames[FRAME_REQUEST], l, args, TCP_ACK | TCP_PSH, plan->request,
		   plan->request_len);
	mode_frame(&l->frames[FRAME_ACK], l, args, TCP_ACK, NULL, 0);
	mode_frame(&l->frames[FRAME_FIN], l, args, TCP_ACK | TCP_FIN, NULL, 0);
	if (plan->mode == PLAN_OPEN) {
		l->input = v6 ? open_input6 : open_input4;
		l->begin = v6 ? open_begin6 : open_begin4;
	} else {
		l->input = v6 ? visit_input6 : visit_input4;
		l->begin = v6 ? visit_begin6 : visit_begin4;
	}
}
