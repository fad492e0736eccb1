/* SPDX-License-Identifier: BSD-3-Clause */
/* splitmix64 and what is made of it. See dice.h. */
#include "tests/sim/dice.h"

uint64_t dice_roll(struct dice *d)
{
	uint64_t x = d->state += 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

uint32_t dice_between(struct dice *d, uint32_t lo, uint32_t hi)
{
	return lo + (uint32_t)(dice_roll(d) % ((uint64_t)hi - lo + 1));
}

bool dice_one_in(struct dice *d, uint32_t n)
{
	return dice_roll(d) % n == 0;
}

bool dice_chance(struct dice *d, uint32_t ppm)
{
	return dice_roll(d) % 1000000 < ppm;
}

uint32_t dice_size(struct dice *d, uint32_t max)
{
	uint32_t bits = 0, size;

	while (bits < 32 && max >> bits)
		bits++;
	bits = dice_between(d, 0, bits);
	size = dice_between(d, 0, (uint32_t)((1ull << bits) - 1));
	return MIN(size, max);
}

uint32_t dice_pick(struct dice *d, const uint32_t *list, uint32_t n)
{
	return list[dice_roll(d) % n];
}
