/* SPDX-License-Identifier: BSD-3-Clause */
/* The frames of address conflict detection: writing ours, reading others'. */
#pragma once

#include "engine/base/ipaddr.h"
#include "engine/wire/wire.h"

/* Writes the probe for `addr` and returns its length, at most ETH_HLEN + VLAN_HLEN + IPV6_HLEN + 24
 * bytes. vlan 0: untagged. */
uint32_t probe_frame_write(uint8_t *frame, const uint8_t mac[6], uint16_t vlan,
			   const struct ipaddr *addr);

/* What a frame says of an address: its sender uses it, or probes for it too. */
struct probe_claim {
	struct ipaddr addr;
	bool in_use; /* false: it was a probe */
	uint16_t vlan;
	uint8_t mac[6];
};

/* False when the frame claims nothing, or is malformed. */
bool probe_frame_read(const uint8_t *frame, uint32_t len, struct probe_claim *claim);
