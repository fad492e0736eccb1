/* SPDX-License-Identifier: BSD-3-Clause */
/* Address resolution for IPv4 (RFC 826, RFC 5227). */
#pragma once

#include "engine/shard.h"

/* Broadcasts a question for addr's MAC from one of the interface's addresses. */
void arp_request(struct shard *sh, uint16_t iface, const struct ipaddr *addr);

/* Announces local address `local` (RFC 5227 §3). */
void arp_announce(struct shard *sh, uint16_t local);
