/* SPDX-License-Identifier: BSD-3-Clause */
/* Small helpers shared by the protocols of engine/net. */
#pragma once

#include "engine/shard.h"

/* A buf for a frame of our own (data at the frame's start), NULL when there is
 * none or the port's queue is full: such frames are repeated anyway. */
struct buf *net_frame_alloc(struct shard *sh, uint16_t port);

/* A local address on the interface to ask for `addr` from: one whose on-link
 * network holds it, else any of its family; CONF_NONE: none. */
uint16_t net_source_for(const struct net *net, uint16_t iface, const struct ipaddr *addr);

/* The group that solicitations for an IPv6 address go to (RFC 4291 §2.7.1). */
void net_solicited_node(const struct ipaddr *addr, uint8_t group[16]);

/* Where an IPv6 group's frames go (RFC 2464 §7). */
void net_group_mac(const uint8_t group[16], uint8_t mac[6]);
