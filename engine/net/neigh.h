/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The neighbour cache of one shard. Entries exist only for next hops that we
 * asked for, so nothing that arrives can fill it (RFC 6583's attack).
 *
 * Anybody on the link can claim an address. Who holds one keeps it as long as he answers:
 * a claim by another MAC is a reason to ask, and only when the holder is silent has the
 * address moved (RFC 5227 §2.4 gives him the same chance to defend it). So a gratuitous
 * answer of a successor takes effect within three questions, and that of a liar never.
 */
#pragma once

#include "engine/shard.h"

#define NEIGH_PROBES_MAX  3	 /* unanswered questions before a next hop counts as dead */
#define NEIGH_RETRY_TICKS 200	 /* between questions */
#define NEIGH_FRESH_TICKS 30000	 /* an answer is trusted this long, then asked again */
#define NEIGH_DEAD_TICKS  2000	 /* a dead next hop is asked again after this */

/* Somebody says that addr lives at `mac`: an answer, or a claim that is looked into.
 * Ignored when we never asked for the address. */
void neigh_learn(struct shard *sh, uint16_t iface, const struct ipaddr *addr,
		 const uint8_t mac[6]);

/* Whether that is what we know of it, by its own answers. */
bool neigh_agrees(struct shard *sh, uint16_t iface, const struct ipaddr *addr,
		  const uint8_t mac[6]);

/* The next hop may be gone: it is asked for now, and trusted until it is silent. */
void neigh_suspect(struct shard *sh, uint16_t iface, const struct ipaddr *addr);

/* True when the next hop was asked NEIGH_PROBES_MAX times and is silent (M17). */
bool neigh_is_dead(struct shard *sh, uint16_t iface, const struct ipaddr *addr);

/* Goes on asking for entry number `index`, if it is being asked for and nobody else does; forgets
 * it when it is older than ticks can tell for long. */
void neigh_sweep(struct shard *sh, uint32_t index);
