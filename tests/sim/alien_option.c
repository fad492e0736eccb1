/* SPDX-License-Identifier: BSD-3-Clause */
/* The stranger's options: any order, any padding. See alien.h. */
#include "tests/sim/alien_tcp.h"

#define ROOM 40

enum {
	OPT_EOL,
	OPT_NOP,
	OPT_MSS,
	OPT_WSCALE,
	OPT_SACK_OK,
	OPT_SACK,
	OPT_TS = 8,
	OPT_NOBODYS = 253
};

/* One option at a time, in an order that the layout says. */
enum piece { PIECE_MSS, PIECE_SACK_OK, PIECE_TS, PIECE_WSCALE, PIECE_NOBODYS, NB_PIECES };

static uint32_t load32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put(struct frame_tcp *t, const uint8_t *bytes, uint32_t len)
{
	memcpy(t->opts + t->opts_len, bytes, len);
	t->opts_len = (uint8_t)(t->opts_len + len);
}

static void put8(struct frame_tcp *t, uint32_t v)
{
	t->opts[t->opts_len++] = (uint8_t)v;
}

static void put32(struct frame_tcp *t, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		put8(t, v >> shift);
}

void alien_options_parse(struct alien_options *o, const struct frame_tcp *t)
{
	const uint8_t *p = t->opts, *end = t->opts + t->opts_len;

	*o = (struct alien_options){0};
	while (p < end && *p != OPT_EOL) {
		if (*p == OPT_NOP) {
			p++;
			continue;
		}
		/* frame_parse() has verified the lengths. */
		switch (*p) {
		case OPT_MSS:
			o->has_mss = p[1] == 4;
			o->mss = (uint16_t)(p[2] << 8 | p[3]);
			break;
		case OPT_WSCALE:
			o->has_wscale = p[1] == 3;
			o->shift = MIN(p[2], 14);
			break;
		case OPT_SACK_OK:
			o->has_sack_ok = p[1] == 2;
			break;
		case OPT_TS:
			o->has_ts = p[1] == 10;
			o->tsval = load32(p + 2);
			o->tsecr = load32(p + 6);
			break;
		}
		p += p[1];
	}
}

void alien_options_agree(struct alien_conn *c, const struct alien_options *o)
{
	const struct habits *h = c->host->conf.habits;
	uint32_t room = c->host->conf.mtu - (c->raddr.family == IP_V4 ? 40u : 60u);

	c->timestamps = h->timestamps && o->has_ts;
	c->sack = h->sack && o->has_sack_ok;
	c->wscale = h->wscale && o->has_wscale;
	c->peer_shift = c->wscale ? o->shift : 0;
	c->ts_recent = o->tsval;
	if (o->has_mss)
		c->mss = o->mss;
	c->mss = MIN(c->mss, room);
}

static uint32_t clock_of(const struct alien *a)
{
	const struct habits *h = a->conf.habits;

	return (uint32_t)((a->now - a->born) / h->ts_tick_us) - h->ts_before_wrap;
}

static void put_timestamps(const struct alien_conn *c, struct frame_tcp *t)
{
	put8(t, OPT_TS);
	put8(t, 10);
	put32(t, clock_of(c->host));
	put32(t, t->flags & FRAME_ACK ? c->ts_recent : 0);
}

/* Options begin where they like, or at every fourth byte. */
static void pad(struct frame_tcp *t, uint32_t len, uint8_t layout)
{
	while (layout & 1 && (t->opts_len + len) % 4)
		put8(t, OPT_NOP);
}

static void put_piece(const struct alien_conn *c, struct frame_tcp *t, enum piece piece)
{
	const struct habits *h = c->host->conf.habits;
	bool answer = t->flags & FRAME_ACK;
	uint8_t layout = h->layout;

	switch (piece) {
	case PIECE_MSS:
		if (h->mss)
			put(t, (const uint8_t[]){OPT_MSS, 4, h->mss >> 8, h->mss & 0xff}, 4);
		break;
	case PIECE_SACK_OK:
		if (answer ? !c->sack : !h->sack)
			break;
		pad(t, 2, layout);
		put(t, (const uint8_t[]){OPT_SACK_OK, 2}, 2);
		break;
	case PIECE_TS:
		if (answer ? !c->timestamps : !h->timestamps)
			break;
		pad(t, 10, layout);
		put_timestamps(c, t);
		break;
	case PIECE_WSCALE:
		if (answer ? !c->wscale : !h->wscale)
			break;
		pad(t, 3, layout);
		put(t, (const uint8_t[]){OPT_WSCALE, 3, h->shift}, 3);
		break;
	default:
		if (h->unknown_option)
			put(t, (const uint8_t[]){OPT_NOBODYS, 4, 0xab, 0xcd}, 4);
	}
}

static void put_block(const struct alien_conn *c, struct frame_tcp *t, struct alien_range r)
{
	put32(t, alien_ackno(c, r.start));
	put32(t, alien_ackno(c, r.end));
}

/* What came twice first, then what is early, in no order that means anything. */
static void put_sack(struct alien_conn *c, struct frame_tcp *t)
{
	bool dsack = c->twice.start != c->twice.end && c->host->conf.habits->dsack;
	uint32_t most = MIN((ROOM - t->opts_len - 4u) / 8, ALIEN_BLOCKS);
	uint32_t nb = MIN(c->nb_early + dsack, most);

	if (nb == 0)
		return;
	pad(t, 2, 1);
	put8(t, OPT_SACK);
	put8(t, 2 + 8 * nb);
	if (dsack) {
		put_block(c, t, c->twice);
		c->twice = (struct alien_range){0, 0};
		nb--;
	}
	for (uint32_t i = 0; i < nb; i++)
		put_block(c, t, c->early[i]);
}

void alien_options_write(struct alien_conn *c, struct frame_tcp *t)
{
	uint8_t layout = c->host->conf.habits->layout;

	t->opts_len = 0;
	if (t->flags & FRAME_SYN) {
		for (uint32_t i = 0; i < NB_PIECES; i++)
			put_piece(c, t, (enum piece)((i + layout / 2) % NB_PIECES));
		return;
	}
	if (t->flags & FRAME_RST)
		return;
	if (c->timestamps) {
		pad(t, 10, layout);
		put_timestamps(c, t);
	}
	if (c->sack)
		put_sack(c, t);
}
