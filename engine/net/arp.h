/* SPDX-License-Identifier: BSD-3-Clause */
/* Address resolution for IPv4 (RFC 826, RFC 5227). */
#pragma once

#include "engine/shard.h"

/* Broadcasts a question for addr's MAC from one of the interface's addresses. */
void arp_request(struct shard *sh, uint16_t iface, const struct ipaddr *addr);

/* Whether it answers a question, or announces its sender (RFC 5227 §3), who has *addr; *mac lies in
 * the frame. */
bool arp_claims(const struct seg *s, struct ipaddr *addr, const uint8_t **mac);

/* Announces local address `local` (RFC 5227 §3). */
void arp_announce(struct shard *sh, uint16_t local);
