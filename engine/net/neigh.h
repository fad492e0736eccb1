/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The neighbour cache of one shard. Entries exist only for next hops that we
 * asked for, so nothing that arrives can fill it (RFC 6583's attack), and only
 * an answer to a question of ours changes one. Who tells another MAC without being asked, as a
 * router does that takes over from its partner, and as one does that poisons caches, makes us
 * ask once a second at most: whoever has the address answers as well, and the first answer counts.
 */
#pragma once

#include "engine/shard.h"

#define NEIGH_PROBES_MAX  3	 /* unanswered questions before a next hop counts as dead */
#define NEIGH_RETRY_TICKS 200	 /* between questions */
#define NEIGH_FRESH_TICKS 30000	 /* an answer is trusted this long, then asked again */
#define NEIGH_LOCK_TICKS  1000	 /* an answer is not called into question for so long */
#define NEIGH_DEAD_TICKS  2000	 /* a dead next hop is asked again after this */

/* Records an answer: `mac` is where addr lives. What nobody asked for makes no entry, and another
 * MAC of a known one is asked about first. */
void neigh_learn(struct shard *sh, uint16_t iface, const struct ipaddr *addr,
		 const uint8_t mac[6]);

/* The next hop may be gone: it is asked for now, and trusted until it is silent. */
void neigh_suspect(struct shard *sh, uint16_t iface, const struct ipaddr *addr);

/* True when the next hop was asked NEIGH_PROBES_MAX times and is silent (M17). */
bool neigh_is_dead(struct shard *sh, uint16_t iface, const struct ipaddr *addr);

/* Forgets entry number `index` when it is older than ticks can tell for long. */
void neigh_sweep(struct shard *sh, uint32_t index);
