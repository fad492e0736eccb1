/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may have how many connections: a listener at most `max_connections`, and `reserve` of them
 * whatever the others take. Of the free control blocks as many as reserves still lack are kept
 * back from whoever has had his. A listener's half-open entries do not count: they prove nothing.
 */
#include "engine/tcp/internal.h"

static struct quota *quota_of(const struct shard *sh, uint16_t profile)
{
	return &sh->quotas[sh->profiles[profile].quota];
}

bool quota_full(const struct shard *sh, uint16_t profile)
{
	const struct quota *q = quota_of(sh, profile);

	return q->used >= q->max;
}

bool quota_allows(const struct shard *sh, uint16_t profile)
{
	const struct quota *q = quota_of(sh, profile);

	if (q->used >= q->max)
		return false;
	return q->used < q->reserve || sh->conns.capacity - sh->conns.used > sh->reserved;
}

void quota_take(struct shard *sh, uint16_t profile)
{
	struct quota *q = quota_of(sh, profile);

	if (q->used < q->reserve)
		sh->reserved--;
	q->used++;
}

void quota_put(struct shard *sh, uint16_t profile)
{
	struct quota *q = quota_of(sh, profile);

	q->used--;
	if (q->used < q->reserve)
		sh->reserved++;
}

enum stat quota_refusal(const struct shard *sh, uint16_t profile)
{
	return quota_full(sh, profile) ? STAT_drop_max_connections : STAT_drop_no_connection;
}
