/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Floods: segments of one kind from one client after the other, whose answers
 * are counted by kind and never answered. `garbage` has right MACs and an IP
 * ethertype, and chance behind it; half of it a right IPv4 or IPv6 header too.
 */
#include "bench/tgen/mode.h"

enum { FRAME_FLOOD };

#define GARBAGE_MIN  20  /* bytes behind the Ethernet header */
#define GARBAGE_MASK 511 /* more, at most */

static const uint8_t flags_of[] = {
    [PLAN_SYN] = TCP_SYN,
    [PLAN_ACK] = TCP_ACK,
    [PLAN_SYNACK] = TCP_SYN | TCP_ACK,
    [PLAN_RST] = TCP_RST,
    [PLAN_FIN] = TCP_FIN | TCP_ACK,
    [PLAN_XMAS] = TCP_FIN | TCP_PSH | TCP_URG,
    [PLAN_NULL] = 0,
    [PLAN_DATA] = TCP_ACK | TCP_PSH,
    [PLAN_GARBAGE] = TCP_ACK,
};

/* Marsaglia's xorshift: fast, and chance enough for this. */
static ALWAYS_INLINE uint64_t chance(struct load *l)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return l->random;
}

static ALWAYS_INLINE uint32_t begin(struct load *l, uint32_t count, bool v6)
{
	const struct frame *f = &l->frames[FRAME_FLOOD];
	uint32_t i;

	for (i = 0; i < count && pace_is_due(&l->pace, l->now); i++) {
		struct buf *b = mode_buf(l);
		struct end e;
		struct frame_numbers n;

		if (unlikely(!b))
			break;
		mode_next_client(l, &e);
		n.seq = mode_isn(l, &e) + l->lap;
		n.ack = n.seq * 0x9e3779b1u;
		n.tsval = mode_tsval(pace_take(&l->pace, l->now));
		n.tsecr = 0;
		frame_write(f, b, &e, n, false, v6);
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

static uint32_t begin_garbage(struct load *l, uint32_t n)
{
	uint32_t keep_max = l->clients.v6 ? IPV6_HLEN : IPV4_HLEN, first = l->tx.count;

	n = l->clients.v6 ? begin6(l, n) : begin4(l, n);
	for (uint32_t i = first; i < l->tx.count; i++) {
		struct buf *b = l->tx.bufs[i];
		uint32_t keep = chance(l) & 1 ? keep_max : 0;
		uint32_t len = GARBAGE_MIN + (uint32_t)(chance(l) & GARBAGE_MASK) + keep;

		for (uint32_t at = keep; at < len; at += 8) {
			uint64_t x = chance(l);

			memcpy(b->data + ETH_HLEN + at, &x, 8);
		}
		b->len = ETH_HLEN + len;
	}
	return n;
}

static ALWAYS_INLINE void input(struct load *l, struct buf *const *bufs, uint32_t n, bool v6)
{
	struct inbound s;

	for (uint32_t i = 0; i < n; i++) {
		if (unlikely(!inbound_read(bufs[i], &l->target, &s, true, v6))) {
			mode_other(l, bufs[i]);
			continue;
		}
		if (s.flags & TCP_RST)
			mode_count(l, TALLY_rst);
		else if ((s.flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
			mode_count(l, TALLY_synack);
		else
			mode_count(l, s.flags & TCP_ACK ? TALLY_ack : TALLY_other);
		mode_free(l, bufs[i]);
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

void flood_init(struct load *l, const struct load_args *args)
{
	const struct plan *plan = l->plan;
	bool data = plan->mode == PLAN_DATA;

	mode_frame(&l->frames[FRAME_FLOOD], l, args, flags_of[plan->mode],
		   data ? plan->request : NULL, data ? plan->request_len : 0);
	l->input = l->clients.v6 ? input6 : input4;
	l->begin = l->clients.v6 ? begin6 : begin4;
	if (plan->mode == PLAN_GARBAGE)
		l->begin = begin_garbage;
	l->window.limit = 0;
}
