/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Multicast listener discovery, the listener's side (RFC 3810; RFC 2710 towards queriers that know
 * nothing newer): switches that snoop pass neighbour solicitations on only to those who have said
 * that they listen to the groups of their addresses. Without delays and suppression of reports:
 * there are few of us on a link, and one answer to a query is as good at once.
 */
#pragma once

#include "engine/shard.h"

/* Reports the groups of all local addresses, as at a start. Twice is once for the frame that gets
 * lost (RFC 3810 §9.1). */
void mld_announce(struct shard *sh);

/* A query; consumes s->buf. The ICMPv6 sum is good. */
void mld_query(struct shard *sh, struct seg *s);
