/* SPDX-License-Identifier: BSD-3-Clause */
/* Segment arrival at the stranger: RFC 9293 §3.10.7 in its order. See alien.h. */
#include "tests/sim/alien_tcp.h"

#define ECN_CE    3
#define MSS_FLOOR 100 /* no path needs smaller segments */

/* A segment with what its receiver makes of it. */
struct arrival {
	const struct frame *f;
	struct alien_options opt;
	int64_t pos;  /* of the first byte in the peer's stream; -1 for a SYN's number */
	uint32_t len; /* with SYN and FIN */
};

static bool newer(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static void come_up(struct alien_conn *c)
{
	const struct habits *h = c->host->conf.habits;

	c->state = ALIEN_UP;
	c->came_up = c->changed = true;
	c->forsaken &= !c->passive;
	c->tries = 0;
	c->nxt = c->una;
	c->rto_at = ALIEN_NEVER;
	c->ack_now = !c->passive;
	c->bare_third = !c->passive && !h->data_on_third;
	if (h->keepalive_us)
		c->keep_at = c->host->now + h->keepalive_us;
}

/* The peer's SYN: where its stream begins and what it offers. */
static void take_syn(struct alien_conn *c, const struct arrival *s)
{
	const struct frame_tcp *t = &s->f->tcp;
	uint8_t ecn = t->flags & (FRAME_ECE | FRAME_CWR);

	c->irs = t->seq;
	c->ecn = c->host->conf.habits->ecn &&
		 ecn == (t->flags & FRAME_ACK ? FRAME_ECE : FRAME_ECE | FRAME_CWR);
	alien_options_agree(c, &s->opt);
	c->edge = t->wnd; /* not scaled (RFC 7323 §2.2) */
	c->wl1 = c->wl2 = 0;
}

static void passive_open(struct alien *a, const struct arrival *s)
{
	const struct frame_tcp *t = &s->f->tcp;
	struct alien_conn *c = alien_conn_new(a, &s->f->saddr, t->dport, t->sport);

	if (!c)
		return;
	take_syn(c, s);
	c->state = ALIEN_SYN_RECEIVED;
	c->passive = c->forsaken = c->syn_due = true;
	c->crosses = a->conf.habits->crosses;
	/* Who opens at the same time makes an offer of its own, and no answer to one. */
	c->ecn &= !c->crosses;
}

static void input_listen(struct alien *a, const struct arrival *s)
{
	uint8_t flags = s->f->tcp.flags;

	if (flags & FRAME_RST)
		return;
	if (s->f->tcp.dport == a->conf.listen && (flags & (FRAME_SYN | FRAME_ACK)) == FRAME_SYN)
		passive_open(a, s);
	else
		alien_refuse(a, s->f);
}

static void input_syn_sent(struct alien_conn *c, const struct arrival *s)
{
	const struct frame_tcp *t = &s->f->tcp;
	int64_t ack = alien_pos_sent(c, t->ack);
	bool acks = (t->flags & FRAME_ACK) && ack >= 0 && ack <= (int64_t)c->max;

	if ((t->flags & FRAME_ACK) && !acks) {
		alien_refuse(c->host, s->f);
		return;
	}
	if (t->flags & FRAME_RST) {
		if (acks)
			alien_conn_end(c, TCP_CLOSE_REFUSED);
		return;
	}
	if (!(t->flags & FRAME_SYN))
		return;
	take_syn(c, s);
	if (acks) {
		c->una = (uint64_t)ack;
		c->edge += c->una;
		come_up(c);
		return;
	}
	c->state = ALIEN_SYN_RECEIVED;
	c->syn_due = true;
}

/* RFC 9293 table 6; positions may lie before what is expected. */
static bool acceptable(const struct alien_conn *c, const struct arrival *s)
{
	int64_t next = (int64_t)(c->got + c->fin_got), edge = MAX((int64_t)c->offered, next);
	int64_t last = s->pos + s->len - 1;

	if (s->len == 0)
		return edge == next ? s->pos == next : s->pos >= next && s->pos < edge;
	return (s->pos >= next && s->pos < edge) || (last >= next && last < edge);
}

/* Between our SYN-ACK and its ACK: the peer's SYN may come again, or cross ours. */
static bool is_same_syn(const struct alien_conn *c, const struct arrival *s)
{
	return c->state == ALIEN_SYN_RECEIVED && (s->f->tcp.flags & FRAME_SYN) &&
	       !(s->f->tcp.flags & FRAME_RST) && s->f->tcp.seq == c->irs;
}

static bool syn_received_ack(struct alien_conn *c, const struct arrival *s)
{
	int64_t ack = alien_pos_sent(c, s->f->tcp.ack);

	if (ack < 0 || ack > (int64_t)c->max) {
		alien_refuse(c->host, s->f);
		return false;
	}
	come_up(c);
	return true;
}

static void fin_acked(struct alien_conn *c)
{
	if (!c->fin_got)
		return;
	if (c->fin_first)
		alien_conn_wait(c);
	else
		alien_conn_end(c, TCP_CLOSE_DONE);
}

static bool our_fin_acked(const struct alien_conn *c)
{
	return c->fin_queued && c->una > c->queued;
}

static void advance(struct alien_conn *c, uint64_t ack)
{
	c->una = ack;
	c->nxt = MAX(c->nxt, c->una);
	c->tries = c->dupacks = 0;
	c->went_back = false;
	c->changed = true;
	c->rto_at = ALIEN_NEVER;
	if (our_fin_acked(c))
		fin_acked(c);
}

/* Fifth check: what is acknowledged, and the window. False: drop the segment. */
static bool take_ack(struct alien_conn *c, const struct arrival *s)
{
	const struct frame_tcp *t = &s->f->tcp;
	int64_t ack = alien_pos_sent(c, t->ack);
	uint64_t edge, pos = (uint64_t)MAX(s->pos, 0);

	if (ack > (int64_t)c->max) {
		alien_complain(c->host, "port %u: what was never sent is acknowledged", c->rport);
		return false;
	}
	if (ack < (int64_t)c->una)
		return true;
	edge = (uint64_t)ack + ((uint64_t)t->wnd << c->peer_shift);
	if (ack > (int64_t)c->una)
		advance(c, (uint64_t)ack);
	else if (s->len == 0 && c->nxt > c->una && edge == c->edge && ++c->dupacks == 3 &&
		 c->host->conf.habits->fast && !c->went_back) {
		c->nxt = c->una;
		c->went_back = true;
	}
	if (c->wl1 > pos || (c->wl1 == pos && c->wl2 > (uint64_t)ack))
		return true;
	if (edge != c->edge && c->edge <= c->una) {
		/* A window that was closed: what was asked with was refused. */
		c->nxt = c->una;
		c->rto_at = ALIEN_NEVER;
	}
	if (c->edge <= c->una)
		c->tries = 0; /* it answers, and may stay closed for ever */
	c->wl1 = pos;
	c->wl2 = (uint64_t)ack;
	c->edge = edge;
	return true;
}

static void owe_ack(struct alien_conn *c)
{
	const struct habits *h = c->host->conf.habits;

	if (++c->owed >= h->ack_every)
		c->ack_now = true;
	else
		c->ack_at = MIN(c->ack_at, c->host->now + h->ack_delay_us);
}

/* The peer's FIN lies behind the last byte, wherever that is told. */
static void take_fin(struct alien_conn *c, uint64_t at)
{
	if (c->fin_seen && at != c->fin_at)
		alien_complain(c->host, "port %u: the FIN has moved from %llu to %llu", c->rport,
			       (unsigned long long)c->fin_at, (unsigned long long)at);
	if (at > c->got && !c->host->conf.habits->keeps_early)
		return;
	c->fin_seen = true;
	c->fin_at = at;
}

static void check_fin(struct alien_conn *c)
{
	if (!c->fin_seen || c->fin_got || c->got < c->fin_at)
		return;
	c->fin_got = c->ack_now = c->changed = true;
	if (our_fin_acked(c))
		fin_acked(c);
}

/* Seventh and eighth check: text within the window, and FIN. */
static void take_text(struct alien_conn *c, const struct arrival *s)
{
	const struct frame *f = s->f;
	int64_t start = s->pos, end = s->pos + (int64_t)f->payload_len;
	uint64_t before = c->got;
	bool in_order = start == (int64_t)c->got;

	if (c->fin_seen && end > (int64_t)c->fin_at)
		alien_complain(c->host, "port %u: data behind the FIN", c->rport);
	if (f->payload_len && start < (int64_t)c->got) {
		c->twice.start = (uint64_t)MAX(start, 0);
		c->twice.end = (uint64_t)MIN(end, (int64_t)c->got);
		c->twice.start = MIN(c->twice.start, c->twice.end);
	}
	start = MAX(start, (int64_t)c->taken);
	if (end > (int64_t)c->offered)
		end = (int64_t)c->offered;
	if (end > start && !c->fin_got)
		alien_store(c, (uint64_t)start, f->payload + (start - s->pos),
			    (uint32_t)(end - start));
	/* Nobody will read it (RFC 9293 SHLD-3). */
	if (c->forsaken && c->got != before) {
		alien_reset(c);
		alien_conn_end(c, TCP_CLOSE_ABORTED);
		return;
	}
	end = s->pos + (int64_t)f->payload_len;
	if ((f->tcp.flags & FRAME_FIN) && end < (int64_t)c->offered)
		take_fin(c, (uint64_t)end);
	if (in_order && c->got != before && c->nb_early == 0)
		owe_ack(c);
	else
		c->ack_now = true;
	check_fin(c);
}

static void take_ecn(struct alien_conn *c, const struct frame *f)
{
	if (!c->ecn)
		return;
	if (f->tcp.flags & FRAME_CWR)
		c->ecn_echo = false;
	if (f->payload_len && (f->tos & ECN_CE) == ECN_CE)
		c->ecn_echo = true;
	if (f->tcp.flags & FRAME_ECE)
		c->ecn_cwr = true;
}

/* RFC 7323 §5.3, R1; false: drop the segment. */
static bool take_timestamp(struct alien_conn *c, const struct arrival *s)
{
	if (!c->timestamps || (s->f->tcp.flags & FRAME_RST))
		return true;
	if (!s->opt.has_ts) {
		alien_complain(c->host, "port %u: a segment without timestamps", c->rport);
		return false;
	}
	if (newer(c->ts_recent, s->opt.tsval)) {
		c->ack_now = true;
		return false;
	}
	return true;
}

/* The same, R3: of what the window has let in. */
static void note_timestamp(struct alien_conn *c, const struct arrival *s)
{
	if (c->timestamps && !(s->f->tcp.flags & FRAME_RST) && s->pos <= (int64_t)c->last_ack)
		c->ts_recent = s->opt.tsval;
}

static void input_synchronized(struct alien_conn *c, const struct arrival *s)
{
	const struct frame_tcp *t = &s->f->tcp;
	bool closed = c->offered <= c->got && s->pos == (int64_t)(c->got + c->fin_got);

	if (c->una == c->max)
		c->tries = 0; /* somebody is there */
	if (!take_timestamp(c, s))
		return;
	if (!acceptable(c, s) && !closed) {
		if (!(t->flags & FRAME_RST))
			alien_acknowledge(c);
		return;
	}
	note_timestamp(c, s);
	if (t->flags & FRAME_RST) {
		alien_conn_end(c, TCP_CLOSE_RESET);
		return;
	}
	if (t->flags & FRAME_SYN) {
		c->ack_now = true;
		return;
	}
	if (!(t->flags & FRAME_ACK) ||
	    (c->state == ALIEN_SYN_RECEIVED && !syn_received_ack(c, s)) || !take_ack(c, s))
		return;
	take_ecn(c, s->f);
	if (c->keep_at != ALIEN_NEVER)
		c->keep_at = c->host->now + c->host->conf.habits->keepalive_us;
	if (s->len && !c->ended && c->state == ALIEN_UP)
		take_text(c, s);
}

/* A SYN that repeats the one we have: it is answered again, or brings the ACK. */
static void input_same_syn(struct alien_conn *c, const struct arrival *s)
{
	if (!(s->f->tcp.flags & FRAME_ACK)) {
		c->syn_due = true;
		return;
	}
	if (syn_received_ack(c, s)) {
		c->edge = c->una + s->f->tcp.wnd;
		c->ack_now = true;
	}
}

/* RFC 9293 §3.10.7.4, RFC 1122 §4.2.2.13. */
static void input_time_wait(struct alien_conn *c, const struct arrival *s)
{
	struct alien *a = c->host;
	uint8_t flags = s->f->tcp.flags;

	if (flags & FRAME_RST)
		return;
	if ((flags & (FRAME_SYN | FRAME_ACK)) == FRAME_SYN && a->conf.habits->reuses_wait &&
	    s->pos > (int64_t)c->got && a->conf.listen == c->lport && c->forsaken) {
		alien_conn_end(c, TCP_CLOSE_DONE);
		input_listen(a, s);
		return;
	}
	if (flags & FRAME_FIN)
		alien_conn_wait(c);
	if (s->len)
		alien_acknowledge(c);
}

void alien_input(struct alien *a, const struct frame *f)
{
	const struct frame_tcp *t = &f->tcp;
	struct alien_conn *c = alien_conn_find(a, &f->saddr, t->dport, t->sport);
	struct arrival s = {.f = f};

	alien_options_parse(&s.opt, t);
	s.len = f->payload_len + !!(t->flags & FRAME_SYN) + !!(t->flags & FRAME_FIN);
	if (!c) {
		input_listen(a, &s);
		return;
	}
	s.pos = alien_pos_received(c, t->seq);
	if (c->state == ALIEN_SYN_SENT)
		input_syn_sent(c, &s);
	else if (c->state == ALIEN_TIME_WAIT)
		input_time_wait(c, &s);
	else if (is_same_syn(c, &s))
		input_same_syn(c, &s);
	else
		input_synchronized(c, &s);
}

void alien_shrink(struct alien_conn *c, uint32_t mtu)
{
	uint32_t headers = c->raddr.family == IP_V4 ? 40 : 60;
	uint32_t mss = mtu > headers ? mtu - headers : 0;

	if (mtu == 0) /* an old router does not say */
		mss = c->mss / 4 * 3;
	mss = MAX(mss, MSS_FLOOR);
	if (mss >= c->mss)
		return;
	c->mss = mss;
	if (c->state == ALIEN_UP)
		c->nxt = c->una;
}
