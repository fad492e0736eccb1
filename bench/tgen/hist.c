/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/tgen/hist.h"

static_assert((HIST_BITS - 1 - HIST_STEP_BITS) * HIST_STEPS + 2 * HIST_STEPS - 1 < HIST_SLOTS,
	      "the largest value has a slot");

void hist_merge(struct hist *h, const struct hist *from)
{
	for (uint32_t i = 0; i < HIST_SLOTS; i++)
		h->slots[i] += from->slots[i];
	h->max_us = MAX(h->max_us, from->max_us);
}

uint64_t hist_count(const struct hist *h)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < HIST_SLOTS; i++)
		n += h->slots[i];
	return n;
}

/* The largest value of a slot. */
static uint32_t slot_end(uint32_t slot)
{
	uint32_t shift = slot < 2 * HIST_STEPS ? 0 : slot / HIST_STEPS - 1;

	return ((slot - shift * HIST_STEPS + 1) << shift) - 1;
}

uint32_t hist_quantile(const struct hist *h, double share)
{
	uint64_t count = hist_count(h), below = 0;
	uint64_t wanted = (uint64_t)(share * (double)count + 0.999999);

	if (count == 0)
		return 0;
	wanted = MIN(MAX(wanted, 1u), count);
	for (uint32_t i = 0; i < HIST_SLOTS; i++) {
		below += h->slots[i];
		if (below >= wanted)
			return MIN(slot_end(i), h->max_us);
	}
	return h->max_us;
}
