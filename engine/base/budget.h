/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many answers of a kind may go out in a second. Whoever can make us spend a fixed number and
 * then sees whether an answer of his own is missing learns what others have been answered
 * (CVE-2016-5696, CVE-2020-25705), so the number varies from second to second between half and
 * one and a half of what is configured, by a function that nobody without the key can compute.
 * Per shard, one thread.
 */
#pragma once

#include "engine/base/siphash.h"
#include "engine/base/tick.h"

struct budget {
	uint32_t per_second; /* on average, 0: no limit */
	uint32_t left;       /* in the second that began at `since` */
	tick_t since;
	uint32_t kind; /* so that budgets do not vary alike */
};

static inline void budget_init(struct budget *b, uint32_t kind, uint32_t per_second, tick_t now)
{
	*b = (struct budget){.per_second = per_second, .since = now - TICKS_PER_SEC, .kind = kind};
}

/* True when one more may go. */
static inline bool budget_take(struct budget *b, tick_t now, const struct siphash_key *key)
{
	if (b->per_second == 0)
		return true;
	if (now - b->since >= TICKS_PER_SEC) {
		uint64_t word = (uint64_t)b->kind << 32 | now;

		b->since = now;
		b->left =
		    (b->per_second + 1) / 2 + (uint32_t)(siphash13(key, &word, 1) % b->per_second);
	}
	if (b->left == 0)
		return false;
	b->left--;
	return true;
}
