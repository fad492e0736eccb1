/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbour discovery for IPv6 (RFC 4861 §7.2), without router discovery: the
 * config names the gateways. */
#pragma once

#include "engine/shard.h"

/* Multicasts a solicitation for addr from one of the interface's addresses. */
void nd_solicit(struct shard *sh, uint16_t iface, const struct ipaddr *addr);

/* Announces local address `local` by an unsolicited advertisement. */
void nd_announce(struct shard *sh, uint16_t local);

/* Whether it is a good advertisement from the link; *mac, in the frame: who has *addr. */
bool nd_claims(const struct seg *s, struct ipaddr *addr, const uint8_t **mac);

/* Solicitations and advertisements; consumes s->buf. The ICMPv6 sum is good. */
void nd_input(struct shard *sh, struct seg *s);
