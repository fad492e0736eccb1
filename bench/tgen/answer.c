/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other side: a TCP server without any state, which shows what the link and
 * the generator do with no TCP behind them. SYN: SYN-ACK. Data: the response
 * and FIN, which acknowledge it. FIN: its ACK, and the connection is done.
 */
#include "bench/tgen/mode.h"

enum { FRAME_SYNACK, FRAME_RESPONSE, FRAME_ACK };

static ALWAYS_INLINE void reply(struct load *l, struct buf *b, const struct inbound *s,
				const struct frame *f, uint32_t seq, bool v6)
{
	uint8_t mac[6];

	memcpy(mac, b->data + 6, 6);
	frame_write(f, b, &s->peer,
		    (struct frame_numbers){.seq = seq,
					   .ack = s->seq + inbound_space(s),
					   .tsval = mode_tsval(l->now),
					   .tsecr = s->tsval},
		    true, v6);
	memcpy(b->data, mac, 6);
	mode_send(l, b);
}

static ALWAYS_INLINE void answer_one(struct load *l, struct buf *b, const struct inbound *s,
				     bool v6)
{
	if (unlikely(s->flags & TCP_RST)) {
		mode_count(l, TALLY_resets);
		mode_free(l, b);
	} else if (s->flags & TCP_SYN) {
		mode_count(l, TALLY_started);
		reply(l, b, s, &l->frames[FRAME_SYNACK], mode_isn(l, &s->peer), v6);
	} else if (s->len) {
		mode_count(l, TALLY_requests);
		l->tally.n[TALLY_bytes] += s->len;
		reply(l, b, s, &l->frames[FRAME_RESPONSE], s->ack, v6);
	} else if (s->flags & TCP_FIN) {
		mode_count(l, TALLY_done);
		reply(l, b, s, &l->frames[FRAME_ACK], s->ack, v6);
	} else {
		mode_free(l, b);
	}
}

static ALWAYS_INLINE void input(struct load *l, struct buf *const *bufs, uint32_t n, bool v6)
{
	struct inbound s;

	for (uint32_t i = 0; i < n; i++) {
		if (unlikely(!inbound_read(bufs[i], &l->target, &s, false, v6)))
			mode_other(l, bufs[i]);
		else
			answer_one(l, bufs[i], &s, v6);
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

static uint32_t begin(struct load *l, uint32_t n)
{
	(void)l;
	(void)n;
	return 0;
}

void answer_init(struct load *l, const struct load_args *args)
{
	const struct plan *plan = l->plan;

	mode_frame(&l->frames[FRAME_SYNACK], l, args, TCP_SYN | TCP_ACK, NULL, 0);
	mode_frame(&l->frames[FRAME_RESPONSE], l, args, TCP_ACK | TCP_PSH | TCP_FIN, plan->response,
		   plan->response_len);
	mode_frame(&l->frames[FRAME_ACK], l, args, TCP_ACK, NULL, 0);
	l->input = l->clients.v6 ? input6 : input4;
	l->begin = begin;
}
