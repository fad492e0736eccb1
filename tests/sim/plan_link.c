/* SPDX-License-Identifier: BSD-3-Clause */
/* Drawing a link: delay and harm, the narrow place, the router. See plan.h. */
#include "tests/sim/plan.h"

#define PIECES 40 /* of the largest packet in the smallest MTU */

/* Slow enough to fill the queue, fast enough for the test to end. */
static void draw_rate(struct dice *d, struct hop_plan *h)
{
	h->rate_bps = 1000 * DICE_PICK(d, 500, 2000, 10000, 100000);
	h->queue = 4 + dice_size(d, 100);
	if (dice_one_in(d, 2))
		h->mark_at = 1 + dice_between(d, 0, h->queue / 2);
}

/* IPv6 has 1280 bytes everywhere (RFC 8200 §5), IPv4 hardly anything. */
static void draw_steps(struct dice *d, struct hop_plan *h)
{
	usec_t at = 0;

	h->nb_steps = dice_between(d, 1, PLAN_MTU_STEPS);
	for (uint32_t i = 0; i < h->nb_steps; i++) {
		at += dice_size(d, 4000000);
		h->steps[i].at_us = at;
		h->steps[i].mtu4 = (uint16_t)dice_between(d, 552, 1500);
		if (dice_one_in(d, 8))
			h->steps[i].mtu4 = (uint16_t)dice_between(d, 296, 552);
		h->steps[i].mtu6 = (uint16_t)dice_between(d, 1280, 1500);
	}
	h->silent_ppm = dice_one_in(d, 2) ? dice_size(d, 700000) : 0;
	h->nameless = dice_one_in(d, 6);
}

static void draw_fault(struct dice *d, struct conf_fault *f, const struct plan_wishes *w)
{
	*f = (struct conf_fault){.enabled = true,
				 .drop_ppm = w->drop_ppm,
				 .duplicate_ppm = w->duplicate_ppm,
				 .reorder_ppm = w->reorder_ppm,
				 .corrupt_ppm = w->corrupt_ppm};
	f->seed = dice_roll(d);
	f->reorder_us = 1 + dice_size(d, 20000);
}

void plan_link(struct link_plan *l, struct dice *d, const struct plan_wishes *w)
{
	uint32_t delay_us = 50 + dice_size(d, 40000);

	*l = (struct link_plan){.ring_size = DICE_PICK(d, 64, 256, 1024)};
	for (int i = 0; i < 2; i++) {
		draw_fault(d, &l->fault[i], w);
		l->fault[i].delay_us = delay_us;
		if (w->narrow && !dice_one_in(d, 3))
			draw_rate(d, &l->hop[i]);
		if (w->router && !dice_one_in(d, 4))
			draw_steps(d, &l->hop[i]);
		/* All pieces of a packet find room, or none ever passes. */
		if (l->hop[i].nb_steps)
			l->hop[i].queue += PIECES;
	}
}
