/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a table of prefixes is to say, found by looking at one prefix after the other, and the
 * addresses at which a mistake of one would show.
 */
#pragma once

#include "engine/table/prefix_table.h"

/* The longest of n prefixes that hold `a` decides; of two equal ones the one that refuses.
 * `refused`: what an address gets that none holds. */
static inline bool prefix_model_refuses(const struct prefix *p, uint32_t n, bool refused,
					const struct ipaddr *a)
{
	int best = -1;

	for (uint32_t i = 0; i < n; i++) {
		if (p[i].addr.family != a->family || p[i].len < best ||
		    !ipaddr_prefix_match(&p[i].addr, a, p[i].len))
			continue;
		refused = p[i].len == best ? refused || p[i].refused : p[i].refused;
		best = p[i].len;
	}
	return refused;
}

/* The address before the prefix, its first, its last, and the one behind: which = 0 .. 3. Round
 * the end of the address space where there is none. */
static inline struct ipaddr prefix_model_edge(const struct prefix *p, unsigned which)
{
	struct ipaddr a = p->addr;
	unsigned bits = a.family == IP_V4 ? 32 : 128;
	int step = which == 0 ? -1 : which == 3 ? 1 : 0;

	if (which >= 2)
		for (unsigned bit = p->len; bit < bits; bit++)
			a.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	for (unsigned i = bits / 8; step && i-- > 0;) {
		a.bytes[i] = (uint8_t)(a.bytes[i] + step);
		if (a.bytes[i] != (step > 0 ? 0 : 0xff))
			break;
	}
	return a;
}
