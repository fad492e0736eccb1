/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * struct out -> frame: writes Ethernet, VLAN, IP and TCP headers in front of a
 * buf's payload, in the payload's own buffer. Sums are right when it returns,
 * or left to the port where the port fills them in (MUST-2).
 */
#pragma once

#include "engine/base/buf.h"
#include "engine/wire/tcpopt.h"

/* Largest header build_tcp() writes: what a buf needs in front of its payload. */
#define BUILD_HDR_MAX 118
static_assert(BUILD_HDR_MAX <= BUF_HEADROOM, "a fresh buf has room for any header");

/*
 * Everything about an outgoing segment except its payload; host order unless _be. Fields of the
 * header that have 16 bits have 32 here: compilers put what they have no register for on the
 * stack in two bytes and take it back as four, which waits for the store to be done.
 */
struct out {
	const uint8_t *smac, *dmac;
	const uint8_t *src, *dst; /* 4 or 16 bytes by family */
	const struct tcpopt_out *opt;
	uint32_t seq, ack;
	uint32_t sport_be, dport_be;
	uint32_t wnd;  /* as it goes into the header */
	uint32_t urp;  /* urgent pointer; set TCP_URG with it */
	uint16_t vlan; /* 802.1Q id, 0: untagged */
	uint8_t family;
	uint8_t flags; /* enum tcp_flags */
	uint8_t ttl, tos;
	bool fragmentable; /* IPv4: routers may cut it, so ip_id must be its own (RFC 6864) */
	uint16_t ip_id;	   /* else 0: an atomic datagram needs none */
	uint8_t tx_flags;  /* BUF_TX_IP_CSUM, BUF_TX_L4_CSUM: sums that the port fills in */
};

/*
 * b->data, b->len: the payload (may be empty), at least BUILD_HDR_MAX bytes of
 * headroom. Afterwards they are the frame, b->hdr_len says how much of it is
 * header. With BUF_PAYLOAD_CSUM set, b->payload_csum saves summing the payload;
 * otherwise it is computed and set.
 */
void build_tcp(struct buf *b, const struct out *o);

/* Writes the Ethernet (and VLAN) header at p; returns its length. */
uint32_t build_eth(uint8_t *p, const uint8_t *smac, const uint8_t *dmac, uint16_t vlan,
		   uint16_t type);

/* Length of what build_eth() writes. */
static inline uint32_t build_eth_len(uint16_t vlan)
{
	return vlan ? 18 : 14;
}

/* Writes a 40-byte IPv6 header. */
void build_ipv6(uint8_t *p, const uint8_t *src, const uint8_t *dst, uint8_t proto,
		uint32_t payload_len, uint8_t hop_limit, uint8_t tos);
