/* SPDX-License-Identifier: BSD-3-Clause */
/* A bit of everything: which wishes go with a seed. See plan.h. */
#include "tests/sim/plan.h"

#define PERCENT 10000 /* in parts per million */

static void draw_harm(struct dice *d, struct plan_wishes *w)
{
	w->drop_ppm = PERCENT * DICE_PICK(d, 0, 1, 1, 3, 10, 30);
	w->duplicate_ppm = PERCENT * DICE_PICK(d, 0, 1, 5);
	w->reorder_ppm = PERCENT * DICE_PICK(d, 0, 5, 20);
	w->corrupt_ppm = PERCENT * DICE_PICK(d, 0, 0, 0, 1);
}

/* A proxy's connection to its backend fails when three questions for the next hop are
 * lost in a row, and so does one that begins right after a reboot: neither is to be
 * taken for a mistake. Nor is a segment in many fragments, one of which is always lost, nor a
 * connection opened by a cookie whose first segment is lost for ten seconds: under attack
 * most are. What the engines answer to the attacker fills a narrow link as well. */
static void avoid_bad_luck(struct plan_wishes *w)
{
	if (w->proxy)
		w->drop_ppm = MIN(w->drop_ppm, 1u * PERCENT);
	if (w->router)
		w->drop_ppm = MIN(w->drop_ppm, 3u * PERCENT);
	if (w->attack) {
		w->drop_ppm = MIN(w->drop_ppm, 3u * PERCENT);
		w->narrow &= !w->proxy;
	}
	if (w->starve)
		w->drop_ppm = MIN(w->drop_ppm, 10u * PERCENT);
}

void plan_mix(struct plan_wishes *w, uint64_t seed)
{
	struct dice d = {seed * 0x9e3779b97f4a7c15ull + 77};

	*w = (struct plan_wishes){.shards = dice_one_in(&d, 4) ? 2 : 1, .attack = w->attack};
	draw_harm(&d, w);
	w->proxy = dice_one_in(&d, 3);
	w->alien_client = dice_one_in(&d, 2);
	w->alien_server = (w->proxy || !w->alien_client) && dice_one_in(&d, 2);
	w->aborts = dice_one_in(&d, 4);
	w->busy = dice_one_in(&d, 20);
	w->starve = !w->proxy && dice_one_in(&d, 12);
	w->narrow = dice_one_in(&d, 4);
	w->router = dice_one_in(&d, 3);
	w->reboots = dice_one_in(&d, 6);
	w->sources = dice_one_in(&d, 4);
	avoid_bad_luck(w);
}
