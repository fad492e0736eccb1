/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/turn_times.h"

static_assert((TURN_BITS - 1 - TURN_STEP_BITS) * TURN_STEPS + 2 * TURN_STEPS - 1 < TURN_SLOTS,
	      "the largest value has a slot");

/* So many turns of 1000 take no longer. */
static const uint32_t shares[TURN_QUANTILES] = {500, 990, 999};

static uint64_t get(const _Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

/* The largest value of a slot. */
static uint64_t slot_end(uint32_t slot)
{
	uint32_t shift = slot < 2 * TURN_STEPS ? 0 : slot / TURN_STEPS - 1;

	return ((uint64_t)(slot - shift * TURN_STEPS + 1) << shift) - 1;
}

void turn_times_read(const struct turn_times *t, struct turn_summary *out)
{
	uint64_t slots[TURN_SLOTS], below = 0;
	uint32_t q = 0;

	*out = (struct turn_summary){.busy_cycles = get(&t->busy_cycles),
				     .idle_cycles = get(&t->idle_cycles),
				     .max_cycles = get(&t->max_cycles)};
	for (uint32_t i = 0; i < TURN_SLOTS; i++) {
		slots[i] = get(&t->slots[i]);
		out->turns += slots[i];
	}
	for (uint32_t i = 0; i < TURN_SLOTS && q < TURN_QUANTILES; i++) {
		below += slots[i];
		for (; q < TURN_QUANTILES && below * 1000 >= out->turns * shares[q] && below; q++)
			out->cycles[q] = MIN(slot_end(i), out->max_cycles);
	}
}
