/* SPDX-License-Identifier: BSD-3-Clause */
/* Forged segments. See attack.h. */
#include "tests/sim/attack.h"

#define EDGE    70000u     /* how far beside the window counts as near, */
#define FAR     (8u << 20) /* and how far away as far: no window is as large */
#define PAYLOAD 1400u

static const uint8_t flag_sets[] = {
    FRAME_SYN,
    FRAME_SYN,
    FRAME_RST,
    FRAME_RST,
    FRAME_RST | FRAME_ACK,
    FRAME_ACK,
    FRAME_ACK | FRAME_PSH,
    FRAME_ACK | FRAME_PSH,
    FRAME_ACK | FRAME_FIN,
    FRAME_ACK | FRAME_URG,
    FRAME_SYN | FRAME_ACK,
    FRAME_SYN | FRAME_FIN,
    FRAME_SYN | FRAME_RST,
    FRAME_RST | FRAME_FIN,
    FRAME_FIN | FRAME_PSH | FRAME_URG,
    FRAME_FIN,
    0,
    0xff,
};

static uint32_t near(struct dice *d, uint32_t start, uint32_t len)
{
	return start - EDGE + dice_between(d, 0, len + 2 * EDGE);
}

static uint32_t far(struct dice *d, uint32_t start)
{
	return start + dice_between(d, FAR, UINT32_MAX - FAR);
}

/* At most one of both is right; for a SYN, or its answer, neither is. */
static void guess(struct frame_tcp *t, const struct attack_mark *m, struct dice *d)
{
	bool know_seq = dice_one_in(d, 2), know_ack = !know_seq && dice_one_in(d, 2);

	t->seq = know_seq ? near(d, m->rcv_nxt, m->window) : far(d, m->rcv_nxt);
	t->ack = know_ack && !m->opening ? near(d, m->snd_una, m->flight) : far(d, m->snd_una);
}

/* What would be right by the very number, or be believed without one. */
static void miss(struct frame_tcp *t, const struct attack_mark *m, struct dice *d)
{
	bool is_syn = (t->flags & (FRAME_SYN | FRAME_ACK | FRAME_RST)) == FRAME_SYN;

	/* Behind a FIN the number of the FIN itself counts as well. */
	if ((t->flags & FRAME_RST) && m->rcv_nxt - t->seq <= 1)
		t->seq -= 2;
	/* An active open must take a SYN for its peer's (RFC 9293 §3.5, figure 7). */
	if (is_syn && m->aim == ATTACK_CONN && m->opening)
		t->flags |= FRAME_ACK;
	/* A newer SYN may open a connection anew (RFC 1122 §4.2.2.13). */
	if (is_syn && m->aim == ATTACK_TIME_WAIT)
		t->seq = m->rcv_nxt - dice_between(d, 1, 1u << 30);
}

static void put_timestamp(struct frame_tcp *t, uint32_t val, uint32_t ecr)
{
	uint8_t opt[12] = {1,
			   1,
			   8,
			   10,
			   (uint8_t)(val >> 24),
			   (uint8_t)(val >> 16),
			   (uint8_t)(val >> 8),
			   (uint8_t)val,
			   (uint8_t)(ecr >> 24),
			   (uint8_t)(ecr >> 16),
			   (uint8_t)(ecr >> 8),
			   (uint8_t)ecr};

	memcpy(t->opts + t->opts_len, opt, sizeof(opt));
	t->opts_len += sizeof(opt);
}

/* A block that covers what is missing, or anything. */
static void put_sack(struct frame_tcp *t, const struct attack_mark *m, struct dice *d)
{
	t->opts[0] = t->opts[1] = 1;
	t->opts[2] = 5;
	t->opts[3] = 34; /* four of them */
	t->opts_len = 36;
	for (uint32_t i = 4; i < 36; i += 4) {
		uint32_t edge =
		    dice_one_in(d, 2) ? near(d, m->snd_una, m->flight) : (uint32_t)dice_roll(d);

		for (uint32_t k = 0; k < 4; k++)
			t->opts[i + k] = (uint8_t)(edge >> (24 - 8 * k));
	}
}

static void put_noise(struct frame_tcp *t, struct dice *d)
{
	static const uint8_t kinds[] = {0, 1, 2, 3, 4, 5, 8, 253};

	t->opts_len = (uint8_t)(4 * dice_between(d, 1, 10));
	for (uint32_t i = 0; i < t->opts_len; i++)
		t->opts[i] = dice_one_in(d, 2) ? kinds[dice_between(d, 0, ARRAY_SIZE(kinds) - 1)]
					       : (uint8_t)dice_roll(d);
}

static void draw_options(struct frame_tcp *t, const struct attack_mark *m, struct dice *d)
{
	/* A SYN with a newer timestamp is a newer one. */
	if ((t->flags & FRAME_SYN) && m->aim == ATTACK_TIME_WAIT)
		return;
	switch (dice_between(d, 0, 7)) {
	case 0:
		memset(t->opts, 1, sizeof(t->opts));
		t->opts_len = sizeof(t->opts);
		break;
	case 1:
		put_noise(t, d);
		break;
	case 2:
		put_sack(t, m, d);
		break;
	case 3:
		for (int i = 0; i < 3; i++)
			put_timestamp(t, (uint32_t)dice_roll(d), (uint32_t)dice_roll(d));
		break;
	case 4:
	case 5: /* what no check of timestamps stops, and makes the true ones old if it is kept */
		put_timestamp(t, m->ts_recent + dice_between(d, 0, 1u << 30),
			      (uint32_t)dice_roll(d));
		break;
	}
}

void attack_segment(struct frame *f, const struct attack_mark *m, struct dice *d)
{
	static const uint8_t nonsense[PAYLOAD] = {0xa5, 0x5a};
	struct frame_tcp *t = &f->tcp;

	f->kind = FRAME_TCP;
	f->proto = 6;
	t->sport = m->rport;
	t->dport = m->lport;
	t->flags = flag_sets[dice_between(d, 0, ARRAY_SIZE(flag_sets) - 1)];
	t->wnd = (uint16_t)DICE_PICK(d, 0, 0, 1, 1000, 65535);
	t->urp = (uint16_t)dice_size(d, UINT16_MAX);
	guess(t, m, d);
	miss(t, m, d);
	draw_options(t, m, d);
	f->payload = nonsense;
	f->payload_len = dice_one_in(d, 2) ? 0 : dice_size(d, PAYLOAD);
	f->harm.l4_csum = dice_one_in(d, 32);
}
