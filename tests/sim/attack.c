/* SPDX-License-Identifier: BSD-3-Clause */
/* When the attacker sends, and to whom. See attack.h. */
#include "tests/sim/attack.h"
#include "tests/sim/turn.h"
#include "tests/sim/world.h"

#define VOLLEYS_MAX 300    /* of one seed */
#define PAUSE_MAX   200000 /* µs between them */
#define VOLLEY_MAX  40     /* frames of one */

void attack_begin(struct world *w)
{
	struct attack *a = &w->attack;

	*a = (struct attack){.dice.state = w->plan->seed * 0x9e3779b97f4a7c15ull + 4711,
			     .at = PEER_NEVER};
	if (!w->plan->wishes.attack)
		return;
	a->volleys = dice_between(&a->dice, 20, VOLLEYS_MAX);
	a->at = w->now;
}

usec_t attack_next(const struct world *w)
{
	return w->attack.at;
}

/* Puts a frame before the engine as its port would. */
static void post(struct world *w, uint32_t i, const struct attack_mark *m, const uint8_t *bytes,
		 uint32_t len)
{
	struct buf *b = mem_pool_get(w->pool);

	if (!b)
		return;
	memcpy(b->data, bytes, len);
	b->len = len;
	b->port = (uint8_t)m->port;
	w->attack.frames[m->aim]++;
	w->nodes[i].forged++;
	turn_post(w, i, dice_between(&w->attack.dice, 0, w->nb_shards - 1), b);
}

/* The packet in pieces that overlap, leave holes, come twice or are tiny; or one that
 * says it is a piece from anywhere. */
static void post_pieces(struct world *w, uint32_t i, const struct attack_mark *m, struct frame *f)
{
	struct dice *d = &w->attack.dice;
	uint8_t whole[FRAME_MAX], piece[FRAME_MAX];
	uint32_t len, packet, headers = 14 + (m->us.family == IP_V4 ? 20 : 40);
	uint16_t id = (uint16_t)dice_roll(d);

	if (dice_one_in(d, 4)) {
		f->harm.has_frag = true;
		f->harm.frag = (uint16_t)(dice_one_in(d, 2) ? 0x1fff : dice_roll(d));
		post(w, i, m, whole, frame_build(whole, f));
		return;
	}
	len = frame_build(whole, f);
	packet = len - headers;
	for (uint32_t n = dice_between(d, 1, 6); n; n--) {
		uint32_t start = dice_between(d, 0, (packet - 1) / 8) * 8;
		uint32_t end = start + MIN(8 + dice_size(d, 1400), packet - start);

		post(w, i, m, piece, frame_fragment(piece, whole, len, start, end, id));
	}
}

static void post_frame(struct world *w, uint32_t i, const struct attack_mark *m)
{
	struct dice *d = &w->attack.dice;
	uint8_t room[FRAME_MAX], bytes[FRAME_MAX];
	struct frame f = {0};

	attack_headers(&f, m, d);
	if (dice_one_in(d, 5))
		attack_icmp(&f, m, d, room);
	else if (m->poison && dice_one_in(d, 10))
		attack_claim(&f, m, d, room);
	else
		attack_segment(&f, m, d);
	if (f.kind != FRAME_ARP && dice_one_in(d, 10))
		post_pieces(w, i, m, &f);
	else
		post(w, i, m, bytes, frame_build(bytes, &f));
}

void attack(struct world *w)
{
	struct attack *a = &w->attack;

	while (a->at <= w->now) {
		uint32_t i = dice_between(&a->dice, 0, w->nb_nodes - 1);

		for (uint32_t n = dice_size(&a->dice, VOLLEY_MAX); n && !w->nodes[i].alien; n--) {
			struct attack_mark m;

			attack_aim(w, i, &a->dice, &m);
			post_frame(w, i, &m);
		}
		a->at = --a->volleys ? a->at + 1 + dice_size(&a->dice, PAUSE_MAX) : PEER_NEVER;
	}
}
