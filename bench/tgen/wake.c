/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests on connections that a run with `open` has left, one after the other in
 * an order that looks like chance, all before one comes again. Nobody remembers their numbers, so
 * the server is asked: a probe with the number before the one that it expects makes it say where it
 * stands (RFC 9293 §3.10.7.4, first), and its answer gets the request.
 *
 * An ACK may as well be that of a request. What tells the two apart is its
 * TSecr: a probe is outside of the window and leaves it as it was, a request
 * makes it recent, and odd, which those of `open` are not. So this needs
 * timestamps, and the start is lost when a client's turn comes again within
 * RECENT_US.
 */
#include "bench/tgen/mode.h"

enum { FRAME_PROBE, FRAME_REQUEST, FRAME_ACK, FRAME_FIN };

#define RECENT_US 2000000
#define STAGE_MAX (1u << 31) /* bytes sent on a connection */

/* Steps of an odd number lead to each of a power of two once. Load.lap is what a
 * connection has been sent when its turn comes. */
#define STRIDE 0x9e3779b97f4a7c15ull

static ALWAYS_INLINE void choose(struct load *l, struct end *e)
{
	uint64_t number;

	*e = (struct end){0};
	do {
		if (unlikely(l->number > l->wake_mask)) {
			l->number = 0;
			l->lap += l->frames[FRAME_REQUEST].space;
		}
		number = l->number++ * STRIDE & l->wake_mask;
	} while (number >= l->wake_end || !population_client(&l->clients, number, e));
}

static ALWAYS_INLINE uint32_t begin(struct load *l, uint32_t n, bool v6)
{
	uint32_t i;

	for (i = 0; i < n && pace_is_due(&l->pace, l->now); i++) {
		struct buf *b = mode_buf(l);
		struct end e;
		uint32_t tsval;

		if (unlikely(!b))
			break;
		choose(l, &e);
		tsval = mode_tsval(pace_take(&l->pace, l->now));
		window_add(&l->window, tsval, 1);
		frame_write(&l->frames[FRAME_PROBE], b, &e,
			    (struct frame_numbers){.seq = mode_isn(l, &e) + l->lap, .tsval = tsval},
			    false, v6);
		mode_send(l, b);
	}
	return i;
}

static uint32_t begin4(struct load *l, uint32_t n)
{
	return begin(l, n, false);
}

static uint32_t begin6(struct load *l, uint32_t n)
{
	return begin(l, n, true);
}

static ALWAYS_INLINE void reply(struct load *l, struct buf *b, const struct inbound *s,
				const struct frame *f, uint32_t tsval, bool v6)
{
	frame_write(
	    f, b, &s->peer,
	    (struct frame_numbers){
		.seq = s->ack, .ack = s->seq + inbound_space(s), .tsval = tsval, .tsecr = s->tsval},
	    false, v6);
	mode_send(l, b);
}

static ALWAYS_INLINE void responded(struct load *l, struct buf *b, const struct inbound *s, bool v6)
{
	l->tally.n[TALLY_bytes] += s->len;
	/* A response of several segments ends with the one that is pushed. */
	if (s->flags & (TCP_PSH | TCP_FIN)) {
		window_add(&l->window, s->tsecr, -1);
		if (mode_counts(l, s->tsecr)) {
			mode_count(l, TALLY_requests);
			mode_count(l, TALLY_done);
			hist_add(&l->tally.hists[TALLY_REQUEST], mode_age(l, s->tsecr));
		}
	}
	reply(l, b, s, &l->frames[s->flags & TCP_FIN ? FRAME_FIN : FRAME_ACK], s->tsecr, v6);
}

static ALWAYS_INLINE void wake_one(struct load *l, struct buf *b, const struct inbound *s, bool v6)
{
	uint32_t stage = s->ack - mode_isn(l, &s->peer);
	bool recent = (s->tsecr & 1) && mode_age(l, s->tsecr) < RECENT_US;

	if (unlikely(s->flags & TCP_RST)) {
		mode_count(l, TALLY_resets);
	} else if (unlikely((s->flags & TCP_SYN) || stage == 0 || stage > STAGE_MAX)) {
		mode_count(l, TALLY_unexpected);
	} else if (s->len) {
		responded(l, b, s, v6);
		return;
	} else if (s->flags & TCP_FIN) {
		reply(l, b, s, &l->frames[FRAME_FIN], s->tsecr, v6);
		return;
	} else if (!recent) {
		reply(l, b, s, &l->frames[FRAME_REQUEST], l->now_us | 1, v6);
		return;
	}
	mode_free(l, b);
}

static ALWAYS_INLINE void input(struct load *l, struct buf *const *bufs, uint32_t n, bool v6)
{
	struct inbound s;

	for (uint32_t i = 0; i < n; i++) {
		if (unlikely(!inbound_read(bufs[i], &l->target, &s, true, v6)))
			mode_other(l, bufs[i]);
		else
			wake_one(l, bufs[i], &s, v6);
	}
}

static void input4(struct load *l, struct buf *const *bufs, uint32_t n)
{
	input(l, bufs, n, false);
}

static void input6(struct load *l, struct buf *const *bufs, uint32_t n)
{
	input(l, bufs, n, true);
}

/* Walks to where the run with `open` ended, for the same clients, workers and seed. */
static void find_end(struct load *l)
{
	struct end e;

	for (uint64_t left = l->share; left > 0 && l->wake_end <= l->clients.mask; l->wake_end++)
		left -= population_client(&l->clients, l->wake_end, &e);
	for (l->wake_mask = 1; l->wake_mask < l->wake_end; l->wake_mask <<= 1)
		;
	l->wake_mask--;
}

void wake_init(struct load *l, const struct load_args *args)
{
	const struct plan *plan = l->plan;

	mode_frame(&l->frames[FRAME_PROBE], l, args, TCP_ACK, NULL, 0);
	mode_frame(&l->frames[FRAME_REQUEST], l, args, TCP_ACK | TCP_PSH, plan->request,
		   plan->request_len);
	mode_frame(&l->frames[FRAME_ACK], l, args, TCP_ACK, NULL, 0);
	mode_frame(&l->frames[FRAME_FIN], l, args, TCP_ACK | TCP_FIN, NULL, 0);
	find_end(l);
	/* For as long as a duration says connections are woken again and again, else each once. */
	if (l->share > 0 && plan->duration_us)
		l->share = UINT64_MAX;
	l->input = l->clients.v6 ? input6 : input4;
	l->begin = l->clients.v6 ? begin6 : begin4;
}
