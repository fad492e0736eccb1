/* SPDX-License-Identifier: BSD-3-Clause */
/* Drawing habits. See habits.h. */
#include "tests/sim/habits.h"

#define HEADERS 40 /* of IPv4 and TCP: what an MSS leaves room for */

static void draw_options(struct habits *h, struct dice *d, uint16_t mtu)
{
	uint16_t mss = (uint16_t)(mtu - HEADERS);

	h->mss = mss;
	if (dice_one_in(d, 3))
		h->mss = (uint16_t)dice_between(d, 88, mss);
	else if (dice_one_in(d, 4))
		h->mss = (uint16_t)DICE_PICK(d, 0, 1, 88, 536, 65495);
	h->timestamps = dice_one_in(d, 2);
	h->sack = dice_one_in(d, 2);
	h->wscale = dice_one_in(d, 2);
	h->shift = (uint8_t)DICE_PICK(d, 0, 0, 1, 2, 7, 14);
	if (dice_one_in(d, 6))
		h->timestamps = h->sack = h->wscale = false;
	h->layout = (uint8_t)dice_roll(d);
	h->unknown_option = dice_one_in(d, 6);
	h->ts_tick_us = DICE_PICK(d, 1000, 1000, 10000, 100000, 1000000);
	h->ts_before_wrap = dice_one_in(d, 3) ? dice_size(d, 100000) : (uint32_t)dice_roll(d);
}

static void draw_opening(struct habits *h, struct dice *d)
{
	h->iss_before_wrap = dice_one_in(d, 2) ? 1 + dice_size(d, 100000) : 0;
	h->syn_data = dice_one_in(d, 10);
	h->data_on_third = dice_one_in(d, 2);
	h->crosses = dice_one_in(d, 8);
}

static void draw_sending(struct habits *h, struct dice *d, uint16_t mtu, bool lossy)
{
	h->segment = UINT16_MAX;
	if (dice_one_in(d, 4))
		h->segment = (uint16_t)(1 + dice_size(d, mtu));
	h->uneven = dice_one_in(d, 4);
	h->flight = (uint16_t)DICE_PICK(d, 1, 2, 4, 10, 40);
	h->rto_us = 1000 * DICE_PICK(d, 200, 300, 500, 1000, 3000);
	if (lossy)
		h->rto_us = MIN(h->rto_us, 500000u);
	h->backoff = dice_one_in(d, 2);
	h->fast = dice_one_in(d, 2);
	h->duplicate_ppm = dice_one_in(d, 6) ? dice_size(d, 500000) : 0;
	h->urgent_ppm = dice_one_in(d, 5) ? 1 + dice_size(d, 1000000) : 0;
	h->push = dice_one_in(d, 2);
	h->close = (enum habits_close)dice_between(d, HABITS_FIN_WITH_DATA, HABITS_FIN_LATE);
	h->keepalive_us = dice_one_in(d, 4) ? 1000000 + dice_size(d, 30000000) : 0;
	h->keepalive_byte = dice_one_in(d, 2);
	h->ecn = dice_one_in(d, 3);
	h->fragmentable = dice_one_in(d, 2);
	h->ttl = (uint8_t)DICE_PICK(d, 1, 64, 255);
}

static void draw_receiving(struct habits *h, struct dice *d)
{
	h->rcvbuf = DICE_PICK(d, 2000, 8192, 30000, 65535, 65535, 500000);
	if (dice_one_in(d, 5))
		h->rcvbuf = dice_one_in(d, 3) ? 1 : 1 + dice_size(d, 1500);
	h->ack_every = (uint8_t)DICE_PICK(d, 1, 1, 2, 2, 4);
	h->ack_delay_us = 1000 * DICE_PICK(d, 1, 40, 200, 499);
	h->keeps_early = !dice_one_in(d, 3);
	h->dsack = dice_one_in(d, 2);
	h->silly_window = dice_one_in(d, 3);
	h->keeps_quiet = dice_one_in(d, 10);
	h->wait_us = 1000000 * DICE_PICK(d, 10, 60, 120);
	h->reuses_wait = dice_one_in(d, 2);
}

void habits_draw(struct habits *h, struct dice *d, uint16_t mtu, bool lossy)
{
	*h = (struct habits){0};
	draw_options(h, d, mtu);
	draw_opening(h, d);
	draw_sending(h, d, mtu, lossy);
	draw_receiving(h, d);
	/* Or the smallest window to be told would not fit the buffer. */
	while (h->rcvbuf >> h->shift < 16 && h->shift)
		h->shift--;
}
