/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules that a segment must keep. See observer.h. */
#include <stdarg.h>

#include "tests/sim/observer.h"

#define MSS_LEAST 64 /* smaller offers are not taken at their word */

enum { OPT_MSS = 2, OPT_WSCALE = 3, OPT_SACK_OK = 4, OPT_SACK = 5, OPT_TS = 8 };

/* A segment as it is looked at. */
struct sight {
	const struct observer_frame *of;
	const struct frame *f;
	struct observer_side *us, *peer;
	uint32_t end;  /* of its sequence numbers */
	uint32_t sack; /* offset of the SACK option, 0: none */
	bool has_ts;
	uint32_t tsval;
};

static bool after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static uint32_t load32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

PRINTF_LIKE(3, 4) static void wrong(struct observer *o, const struct sight *s, const char *fmt, ...)
{
	const struct frame_tcp *t = &s->f->tcp;
	va_list ap;
	int n;

	if (o->why[0])
		return;
	n = snprintf(o->why, sizeof(o->why),
		     "node %u, port %u to %u, seq %u, %u bytes: ", s->of->node, t->sport, t->dport,
		     t->seq, s->f->payload_len);
	va_start(ap, fmt);
	vsnprintf(o->why + n, sizeof(o->why) - (size_t)n, fmt, ap);
	va_end(ap);
}

static uint32_t slot_of(const struct ipaddr *from, const struct ipaddr *to, uint16_t sport,
			uint16_t dport)
{
	uint64_t h = from->words[0] * 3 + from->words[1] * 5 + to->words[0] * 7 + to->words[1] * 11;

	h = (h + ((uint64_t)sport << 16) + dport) * 0x9e3779b97f4a7c15ull;
	return (uint32_t)(h >> 40);
}

/* The side that sends from there to there. */
static struct observer_side *side_of(struct observer *o, const struct ipaddr *from,
				     const struct ipaddr *to, uint16_t sport, uint16_t dport)
{
	uint32_t home = slot_of(from, to, sport, dport);
	struct observer_side *s;

	for (uint32_t i = home; i < home + OBSERVER_SLOTS; i++) {
		s = &o->sides[i % OBSERVER_SLOTS];
		if (s->used && (s->sport != sport || s->dport != dport ||
				!ipaddr_equal(&s->from, from) || !ipaddr_equal(&s->to, to)))
			continue;
		if (s->used)
			return s;
		*s = (struct observer_side){
		    .from = *from, .to = *to, .sport = sport, .dport = dport, .used = true};
		return s;
	}
	/* More connections than any plan has: begin again. */
	memset(o->sides, 0, sizeof(o->sides));
	return side_of(o, from, to, sport, dport);
}

static void forget(struct observer_side *s)
{
	*s = (struct observer_side){.from = s->from,
				    .to = s->to,
				    .sport = s->sport,
				    .dport = s->dport,
				    .node = s->node,
				    .old_iss = s->syn ? s->iss : s->old_iss,
				    .old_end = s->syn ? s->end : s->old_end,
				    .used = true};
}

void observer_forget(struct observer *o, uint32_t node)
{
	for (uint32_t i = 0; i < OBSERVER_SLOTS; i++)
		if (o->sides[i].used && o->sides[i].node == node)
			forget(&o->sides[i]);
}

static void note_option(struct observer_side *us, const uint8_t *p, struct sight *s, uint32_t at,
			bool syn)
{
	switch (p[0]) {
	case OPT_MSS:
		if (syn)
			us->mss = (uint16_t)(p[2] << 8 | p[3]);
		break;
	case OPT_WSCALE:
		us->has_wscale |= syn;
		us->shift = syn ? MIN(p[2], 14) : us->shift;
		break;
	case OPT_SACK_OK:
		us->has_sack |= syn;
		break;
	case OPT_SACK:
		s->sack = at;
		break;
	case OPT_TS:
		us->has_ts |= syn;
		s->has_ts = true;
		s->tsval = load32(p + 2);
		break;
	}
}

static void note_options(struct sight *s)
{
	const struct frame_tcp *t = &s->f->tcp;
	bool syn = t->flags & FRAME_SYN;

	/* frame_parse() has verified the lengths. */
	for (uint32_t i = 0; i < t->opts_len && t->opts[i];) {
		if (t->opts[i] == 1) {
			i++;
			continue;
		}
		note_option(s->us, t->opts + i, s, i, syn);
		i += t->opts[i + 1];
	}
}

/* The same SYN is answered with another number: a cookie of a new period. */
static bool offers_again(const struct sight *s)
{
	const struct frame_tcp *t = &s->f->tcp;

	return (t->flags & FRAME_ACK) && s->us->syn && s->us->iss != t->seq && s->us->acked &&
	       s->us->ack == t->ack && s->us->end == s->us->iss + 1;
}

/* The first byte behind its SYN is this: which of several numbers it was. */
static void settle(struct observer_side *side, uint32_t first)
{
	for (uint32_t i = 0; i < MIN(side->nb_offered, (uint32_t)OBSERVER_OFFERS); i++)
		if (first == side->offered[i] + 1) {
			side->iss = side->offered[i];
			side->end = first;
		}
	side->nb_offered = 0;
}

/* Of several numbers that it was offered the client's first ACK takes one; which, the server's
 * first segment says as well, when that ACK was sent before the others were offered. */
static void note_choice(const struct sight *s)
{
	const struct frame_tcp *t = &s->f->tcp;

	if (t->flags & FRAME_ACK)
		settle(s->peer, t->ack);
	if (!(t->flags & FRAME_SYN))
		settle(s->us, t->seq);
}

/* Each has the other's FIN and its acknowledgment. */
static bool is_over(const struct observer_side *a, const struct observer_side *b)
{
	return a->fin && b->fin && a->acked && b->acked && a->ack == b->fin_end &&
	       b->ack == a->fin_end;
}

/* A cookie opens a connection a second time when no record of the first one was kept: a copy of
 * the ACK that came with it is late, and TIME_WAIT is half full. */
static void note_second_opening(struct observer *o, const struct sight *s)
{
	const struct frame_tcp *t = &s->f->tcp;
	struct observer_side *us = s->us;

	if ((t->flags & FRAME_SYN) || !is_over(us, s->peer) || t->seq != us->iss + 1 ||
	    t->ack != s->peer->iss + 1)
		return;
	o->second_openings[s->of->node]++;
	us->end = t->seq;
	us->acked = us->edge_known = us->fin = us->ts_known = false;
}

/* A SYN begins a connection, unless it is the same one again. */
static void note_syn(struct sight *s)
{
	const struct frame_tcp *t = &s->f->tcp;
	struct observer_side *us = s->us;
	uint8_t ecn = t->flags & (FRAME_ECE | FRAME_CWR);

	if (offers_again(s)) {
		us->offered[us->nb_offered++ % OBSERVER_OFFERS] = us->iss;
		us->end = t->seq;
	} else if (!us->syn || us->iss != t->seq) {
		forget(us);
		if (!(t->flags & FRAME_ACK))
			forget(s->peer);
	}
	if (!us->syn)
		us->end = t->seq;
	us->syn = true;
	us->strange = (t->flags & FRAME_ACK) && s->peer->syn && t->ack != s->peer->iss + 1;
	us->iss = t->seq;
	us->ecn_setup |= ecn == (t->flags & FRAME_ACK ? FRAME_ECE : FRAME_ECE | FRAME_CWR);
}

static bool both(bool a, bool b)
{
	return a && b;
}

/* Where the window ends that this segment offers. */
static uint32_t edge_of(const struct sight *s)
{
	const struct frame_tcp *t = &s->f->tcp;
	bool scaled = both(s->us->has_wscale, s->peer->has_wscale) && !(t->flags & FRAME_SYN);

	return t->ack + ((uint32_t)t->wnd << (scaled ? s->us->shift : 0));
}

/* Told in units, a window may lose less than one (RFC 7323 §2.4). */
static uint32_t lost_by_rounding(const struct sight *s)
{
	return both(s->us->has_wscale, s->peer->has_wscale) ? (1u << s->us->shift) - 1 : 0;
}

static void check_ack(struct observer *o, const struct sight *s)
{
	const struct frame_tcp *t = &s->f->tcp;

	if (after(t->ack, s->peer->end))
		wrong(o, s, "acknowledges %u, which its peer never sent", t->ack);
	if (s->us->acked && after(s->us->ack, t->ack))
		wrong(o, s, "acknowledges %u, less than before", t->ack);
	/* A SYN-ACK that goes again, after both have opened at once, cannot tell of a
	 * window as large as a scaled one. */
	if (s->us->edge_known && !(t->flags & FRAME_SYN) &&
	    after(s->us->edge - lost_by_rounding(s), edge_of(s)))
		wrong(o, s, "takes back %u bytes of window", s->us->edge - edge_of(s));
}

/* One byte, or the FIN, may ask beyond a window that is used up. */
static void check_window(struct observer *o, const struct sight *s)
{
	uint32_t len = s->f->payload_len, fin = s->f->tcp.flags & FRAME_FIN ? 1 : 0;
	uint32_t end = s->f->tcp.seq + len;

	if (!s->peer->edge_known || len + fin == 0)
		return;
	if (len == 1 && s->f->tcp.seq == s->peer->edge)
		end--;
	if (after(end, s->peer->edge))
		wrong(o, s, "is %u bytes beyond the window", end - s->peer->edge);
}

static void check_size(struct observer *o, const struct sight *s)
{
	uint32_t fallback = s->f->saddr.family == IP_V4 ? 536 : 1220;
	uint32_t mss = MAX(s->peer->mss ? s->peer->mss : fallback, (uint32_t)MSS_LEAST);
	uint32_t headers = s->f->saddr.family == IP_V4 ? 40 : 60;
	uint32_t len = s->f->payload_len + s->f->tcp.opts_len;

	if (s->f->payload_len && len > mss)
		wrong(o, s, "is larger than the peer's MSS of %u with %u bytes of options", mss,
		      s->f->tcp.opts_len);
	if (headers + len > s->of->mtu)
		wrong(o, s, "is larger than the MTU");
}

static void check_fin(struct observer *o, const struct sight *s)
{
	if (s->us->fin && after(s->end, s->us->fin_end))
		wrong(o, s, "comes behind the FIN");
	if (s->us->fin && (s->f->tcp.flags & FRAME_FIN) && s->end != s->us->fin_end)
		wrong(o, s, "has a FIN that has moved");
}

static void check_timestamp(struct observer *o, const struct sight *s)
{
	bool agreed = both(s->us->has_ts, s->peer->has_ts);

	if (s->has_ts != agreed)
		wrong(o, s, "%s timestamps", agreed ? "has no" : "has");
	if (agreed && s->us->ts_known && after(s->us->tsval, s->tsval))
		wrong(o, s, "has an older timestamp than the one before");
}

static void check_sack(struct observer *o, const struct sight *s)
{
	const struct frame_tcp *t = &s->f->tcp;
	uint32_t len;

	if (!s->sack)
		return;
	len = t->opts[s->sack + 1];
	if (!both(s->us->has_sack, s->peer->has_sack))
		wrong(o, s, "has SACK, which was not agreed on");
	if (len < 10 || (len - 2) % 8)
		wrong(o, s, "has a SACK option of %u bytes", len);
	for (uint32_t i = s->sack + 2; i + 8 <= s->sack + len; i += 8) {
		uint32_t start = load32(t->opts + i), end = load32(t->opts + i + 4);

		if (!after(end, start) || after(end, s->peer->end))
			wrong(o, s, "reports a block %u to %u that was never sent", start, end);
		/* Below the ACK, or within the block behind it, only the first one is
		 * lawful (RFC 2883 §4). */
		if (i > s->sack + 2 && !after(start, t->ack))
			wrong(o, s, "reports as early what it acknowledges: %u to %u", start, end);
	}
}

/* RFC 3168 §6.1.4 to §6.1.6. */
static void check_ecn(struct observer *o, const struct sight *s)
{
	bool agreed = both(s->us->ecn_setup, s->peer->ecn_setup);
	uint8_t ecn = s->f->tos & 3;

	if (ecn && !agreed)
		wrong(o, s, "is ECN-capable, which was not agreed on");
	if ((s->f->tcp.flags & (FRAME_ECE | FRAME_CWR)) && !agreed)
		wrong(o, s, "has ECE or CWR, which were not agreed on");
	if (ecn && s->f->payload_len == 0)
		wrong(o, s, "has no data and is ECN-capable");
	if (ecn && after(s->us->end, s->f->tcp.seq))
		wrong(o, s, "repeats data and is ECN-capable");
	if (ecn && s->peer->edge_known && !after(s->peer->edge, s->f->tcp.seq))
		wrong(o, s, "asks for a window and is ECN-capable");
}

static void check(struct observer *o, const struct sight *s)
{
	const struct frame_tcp *t = &s->f->tcp;

	if ((t->flags & FRAME_SYN) && (t->flags & FRAME_FIN))
		wrong(o, s, "has SYN and FIN");
	if ((t->flags & FRAME_SYN) && s->f->payload_len)
		wrong(o, s, "has SYN and data");
	if (!(t->flags & (FRAME_SYN | FRAME_ACK)))
		wrong(o, s, "has neither SYN nor ACK");
	if (!s->us->syn || !s->peer->syn)
		return;
	if (t->flags & FRAME_ACK)
		check_ack(o, s);
	if (t->flags & FRAME_SYN)
		return;
	check_size(o, s);
	check_window(o, s);
	check_fin(o, s);
	check_timestamp(o, s);
	check_sack(o, s);
	check_ecn(o, s);
}

static void note(const struct sight *s)
{
	const struct frame_tcp *t = &s->f->tcp;
	struct observer_side *us = s->us;

	if (after(s->end, us->end))
		us->end = s->end;
	if (t->flags & FRAME_FIN) {
		us->fin = true;
		us->fin_end = s->end;
	}
	if (t->flags & FRAME_ACK) {
		if (!us->acked || after(t->ack, us->ack))
			us->ack = t->ack;
		us->acked = true;
		if (!us->edge_known || after(edge_of(s), us->edge))
			us->edge = edge_of(s);
		us->edge_known = true;
	}
	us->tsval = s->tsval;
	us->ts_known = s->has_ts;
}

/* It has not heard yet that its peer begins anew, or is in TIME_WAIT and says so. */
static bool answers_old(const struct sight *s)
{
	const struct frame_tcp *t = &s->f->tcp;
	const struct observer_side *p = s->peer;

	bool of_new = after(t->ack, p->iss) && !after(t->ack, p->end);

	return (t->flags & FRAME_ACK) && p->syn && !of_new && after(t->ack, p->old_iss) &&
	       !after(t->ack, p->old_end);
}

static void sees_tcp(struct observer *o, struct sight *s)
{
	const struct frame *f = s->f;
	const struct frame_tcp *t = &f->tcp;

	o->segments[s->of->node]++;
	o->bytes[s->of->node] += f->payload_len;
	if (t->flags & FRAME_RST) {
		o->resets[s->of->node]++;
		return; /* its numbers are those of what it answers */
	}
	s->us = side_of(o, &f->saddr, &f->daddr, t->sport, t->dport);
	s->peer = side_of(o, &f->daddr, &f->saddr, t->dport, t->sport);
	s->us->node = s->of->node;
	s->end = t->seq + f->payload_len + !!(t->flags & FRAME_SYN) + !!(t->flags & FRAME_FIN);
	note_choice(s);
	if (answers_old(s))
		return;
	if (t->flags & FRAME_SYN)
		note_syn(s);
	note_second_opening(o, s);
	note_options(s);
	if (!s->of->trusted && !s->us->strange)
		check(o, s);
	if (s->us->syn)
		note(s);
}

void observer_sees(struct observer *o, const struct observer_frame *of, const uint8_t *bytes,
		   uint32_t len)
{
	struct frame f;
	struct sight s = {.of = of, .f = &f};
	char why[200];

	if (!frame_parse(bytes, len, 0, &f, why, sizeof(why))) {
		if (!of->trusted && !o->why[0])
			snprintf(o->why, sizeof(o->why), "node %u sends a frame that is wrong: %s",
				 of->node, why);
		return;
	}
	if (f.kind == FRAME_TCP)
		sees_tcp(o, &s);
}
