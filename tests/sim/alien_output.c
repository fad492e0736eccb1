/* SPDX-License-Identifier: BSD-3-Clause */
/* What the stranger sends. See alien.h. */
#include "tests/sim/alien_tcp.h"

#define ECT0         2
#define SYN_DATA_MAX 400
#define DATA_MAX     9000

/* Sequence number of a segment without data: behind all that was sent, but within the
 * peer's window. */
static uint64_t empty_position(const struct alien_conn *c)
{
	return MAX(c->nxt, MIN(c->max, c->edge));
}

static struct frame segment(const struct alien_conn *c, uint8_t flags)
{
	struct frame f = alien_frame(c->host, &c->raddr);

	f.tcp.sport = c->lport;
	f.tcp.dport = c->rport;
	f.tcp.flags = flags;
	return f;
}

/* RFC 3168 §6.1: data sent for the first time is ECN-capable. */
static void put_ecn(struct alien_conn *c, struct frame *f, bool fresh)
{
	if (!c->ecn)
		return;
	if (c->ecn_echo)
		f->tcp.flags |= FRAME_ECE;
	if (!fresh)
		return;
	f->tos = ECT0;
	if (c->ecn_cwr)
		f->tcp.flags |= FRAME_CWR;
	c->ecn_cwr = false;
}

static void put_urgent(struct alien_conn *c, struct frame *f)
{
	struct alien *a = c->host;

	if (f->payload_len == 0 || !dice_chance(&a->dice, a->conf.habits->urgent_ppm))
		return;
	f->tcp.flags |= FRAME_URG;
	f->tcp.urp = (uint16_t)dice_between(&a->dice, 0, f->payload_len + 10);
}

/* Sends what acknowledges, which everything but the first SYN does. */
static void send_segment(struct alien_conn *c, struct frame *f)
{
	struct alien *a = c->host;

	f->tcp.wnd = alien_window(c, f->tcp.flags & FRAME_SYN);
	if (f->tcp.flags & FRAME_ACK) {
		f->tcp.ack = alien_ackno(c, c->got + c->fin_got);
		c->last_ack = c->got;
		c->ack_now = false;
		c->owed = 0;
		c->ack_at = ALIEN_NEVER;
	}
	put_urgent(c, f);
	alien_emit(a, f);
	if (dice_chance(&a->dice, a->conf.habits->duplicate_ppm))
		alien_emit(a, f);
}

static void copy_out(const struct alien_conn *c, uint64_t pos, uint8_t *dst, uint32_t len)
{
	for (uint32_t i = 0; i < len;) {
		uint32_t at = (uint32_t)((pos + i) % c->out_size);
		uint32_t n = MIN(len - i, c->out_size - at);

		memcpy(dst + i, c->out + at, n);
		i += n;
	}
}

static void send_data(struct alien_conn *c, uint64_t pos, uint32_t len, bool fin)
{
	uint8_t bytes[DATA_MAX];
	struct frame f = segment(c, FRAME_ACK);
	uint64_t end = pos + len + fin;

	if (c->host->conf.habits->push && len)
		f.tcp.flags |= FRAME_PSH;
	if (fin) {
		f.tcp.flags |= FRAME_FIN;
		c->fin_first |= !c->fin_got;
	}
	copy_out(c, pos, bytes, len);
	f.payload = bytes;
	f.payload_len = len;
	f.tcp.seq = alien_seq(c, pos);
	put_ecn(c, &f, len && pos >= c->max);
	alien_options_write(c, &f.tcp);
	c->max = MAX(c->max, end);
	send_segment(c, &f);
}

void alien_acknowledge(struct alien_conn *c)
{
	struct frame f = segment(c, FRAME_ACK);

	f.tcp.seq = alien_seq(c, empty_position(c));
	put_ecn(c, &f, false);
	alien_options_write(c, &f.tcp);
	send_segment(c, &f);
}

/* The SYN, or SYN-ACK. RFC 9293 §3.4: data may come with a SYN. */
static void send_syn(struct alien_conn *c)
{
	const struct habits *h = c->host->conf.habits;
	bool bare = c->state == ALIEN_SYN_SENT || c->crosses;
	struct frame f = segment(c, bare ? FRAME_SYN : FRAME_SYN | FRAME_ACK);
	uint8_t bytes[SYN_DATA_MAX];

	f.tcp.seq = c->iss;
	if (c->state == ALIEN_SYN_SENT && h->ecn && c->tries == 0)
		f.tcp.flags |= FRAME_ECE | FRAME_CWR;
	else if (!bare && c->ecn)
		f.tcp.flags |= FRAME_ECE;
	if (c->state == ALIEN_SYN_SENT && h->syn_data && c->tries == 0) {
		f.payload_len = (uint32_t)MIN(c->queued, SYN_DATA_MAX);
		copy_out(c, 0, bytes, f.payload_len);
		f.payload = bytes;
		c->max = f.payload_len;
	}
	c->crosses = c->syn_due = false;
	alien_options_write(c, &f.tcp);
	send_segment(c, &f);
	if (c->rto_at == ALIEN_NEVER)
		alien_arm(c);
}

void alien_ask(struct alien_conn *c)
{
	static const uint8_t old_byte = 0x5a;
	struct frame f = segment(c, FRAME_ACK);

	f.tcp.seq = alien_seq(c, c->una) - 1;
	/* The byte has been acknowledged, so its value does not matter. */
	if (c->host->conf.habits->keepalive_byte && c->una) {
		f.payload = &old_byte;
		f.payload_len = 1;
	}
	alien_options_write(c, &f.tcp);
	send_segment(c, &f);
}

void alien_reset(struct alien_conn *c)
{
	struct frame f = segment(c, FRAME_RST | FRAME_ACK);

	f.tcp.seq = alien_seq(c, empty_position(c));
	f.tcp.ack = alien_ackno(c, c->got + c->fin_got);
	alien_emit(c->host, &f);
}

void alien_refuse(struct alien *a, const struct frame *f)
{
	struct frame r = alien_frame(a, &f->saddr);
	const struct frame_tcp *t = &f->tcp;

	if (t->flags & FRAME_RST)
		return;
	r.tcp.sport = t->dport;
	r.tcp.dport = t->sport;
	r.tcp.flags = FRAME_RST;
	if (t->flags & FRAME_ACK) {
		r.tcp.seq = t->ack;
	} else {
		r.tcp.flags |= FRAME_ACK;
		r.tcp.ack =
		    t->seq + f->payload_len + !!(t->flags & FRAME_SYN) + !!(t->flags & FRAME_FIN);
	}
	alien_emit(a, &r);
}

/* Bytes that a segment may carry beside its options. */
static uint32_t segment_room(const struct alien_conn *c)
{
	uint32_t options = (c->timestamps ? 12 : 0) + (c->nb_early && c->sack ? 36 : 0);
	uint32_t room = MAX(c->mss, MIN(options, 40u) + 8) - MIN(options, 40u);

	return MIN(MIN(room, c->host->conf.habits->segment), (uint32_t)DATA_MAX);
}

/* False: the FIN, if there is one to be sent, waits. */
static bool fin_may_go(const struct alien_conn *c)
{
	if (!c->fin_queued)
		return false;
	return c->host->conf.habits->close != HABITS_FIN_LATE || c->una >= c->queued;
}

/* One segment of what is due; false: nothing is. */
static bool send_next(struct alien_conn *c)
{
	const struct habits *h = c->host->conf.habits;
	uint32_t most = segment_room(c), len;
	uint64_t window = c->edge > c->nxt ? c->edge - c->nxt : 0;
	bool fin;

	if (c->nxt - c->una >= (uint64_t)h->flight * most)
		return false;
	if (h->uneven)
		most = dice_between(&c->host->dice, 1, most);
	len = c->nxt < c->queued ? (uint32_t)MIN(MIN(c->queued - c->nxt, window), most) : 0;
	if (len == 0 && c->nxt < c->queued)
		return false;
	fin = fin_may_go(c) && c->nxt + len == c->queued && window > len &&
	      (len == 0 || h->close == HABITS_FIN_WITH_DATA);
	if (len == 0 && !fin)
		return false;
	send_data(c, c->nxt, len, fin);
	c->nxt += len + fin;
	return true;
}

/* One byte, or the FIN, beyond a closed window: RFC 9293 §3.8.6.1. */
static void ask_for_window(struct alien_conn *c)
{
	bool fin = c->una == c->queued;

	c->ask_now = false;
	if (c->edge > c->una || (fin && !c->fin_queued))
		return;
	send_data(c, c->una, fin ? 0 : 1, fin);
}

static bool waits_for_window(const struct alien_conn *c)
{
	return c->edge <= c->una && c->una < c->queued + c->fin_queued;
}

void alien_output(struct alien_conn *c)
{
	if (c->state == ALIEN_SYN_SENT || c->state == ALIEN_SYN_RECEIVED) {
		if (c->syn_due)
			send_syn(c);
		return;
	}
	if (c->bare_third)
		alien_acknowledge(c);
	c->bare_third = false;
	if (c->ask_now)
		ask_for_window(c);
	while (send_next(c))
		;
	if (c->ack_now || alien_window_opens(c))
		alien_acknowledge(c);
	if (c->rto_at == ALIEN_NEVER && (c->nxt > c->una || waits_for_window(c)))
		alien_arm(c);
}
