/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Headers as they lie in a frame, in network byte order, at any alignment.
 * Only engine/wire and engine/net read or write them; everything above deals
 * in host order. RFC 894, 802.1Q, 791, 8200, 9293 §3.1, 826, 792, 4443, 4861.
 */
#pragma once

#include "engine/base/compiler.h"

#define ETH_HLEN	14
#define VLAN_HLEN	4
#define IPV4_HLEN	20
#define IPV6_HLEN	40
#define TCP_HLEN	20
#define ETH_TYPE_IPV4	0x0800
#define ETH_TYPE_ARP	0x0806
#define ETH_TYPE_VLAN	0x8100
#define ETH_TYPE_IPV6	0x86dd
#define IPPROTO_ICMP4_	1
#define IPPROTO_TCP_	6
#define IPPROTO_ICMP6_	58
#define IPV4_DF		0x4000
#define IPV4_MF		0x2000
#define IPV4_OFFSET	0x1fff

struct eth_hdr {
	uint8_t dst[6];
	uint8_t src[6];
	uint16_t type_be;
} PACKED;
static_assert(sizeof(struct eth_hdr) == ETH_HLEN, "");

struct vlan_hdr {
	uint16_t tci_be; /* priority 3, DEI 1, id 12 */
	uint16_t type_be;
} PACKED;
static_assert(sizeof(struct vlan_hdr) == VLAN_HLEN, "");

struct arp_hdr {
	uint16_t hrd_be, pro_be;
	uint8_t hln, pln;
	uint16_t op_be;
	uint8_t sha[6];
	uint32_t spa_be;
	uint8_t tha[6];
	uint32_t tpa_be;
} PACKED;
static_assert(sizeof(struct arp_hdr) == 28, "");

struct ipv4_hdr {
	uint8_t ver_ihl;
	uint8_t tos;
	uint16_t len_be;
	uint16_t id_be;
	uint16_t frag_be;
	uint8_t ttl;
	uint8_t proto;
	uint16_t csum;
	uint32_t src_be;
	uint32_t dst_be;
} PACKED;
static_assert(sizeof(struct ipv4_hdr) == IPV4_HLEN, "");

struct ipv6_hdr {
	uint32_t ver_tc_flow_be;
	uint16_t payload_len_be;
	uint8_t next;
	uint8_t hop_limit;
	uint8_t src[16];
	uint8_t dst[16];
} PACKED;
static_assert(sizeof(struct ipv6_hdr) == IPV6_HLEN, "");

struct icmp_hdr {
	uint8_t type;
	uint8_t code;
	uint16_t csum;
	uint32_t rest_be;
} PACKED;
static_assert(sizeof(struct icmp_hdr) == 8, "");

struct nd_hdr { /* neighbour solicitation and advertisement, RFC 4861 §4.3, §4.4 */
	struct icmp_hdr icmp;
	uint8_t target[16];
} PACKED;
static_assert(sizeof(struct nd_hdr) == 24, "");

enum tcp_flags {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
	TCP_ECE = 0x40,
	TCP_CWR = 0x80,
};

/* The ECN field: the low two bits of TOS or traffic class (RFC 3168 §5). */
enum { ECN_MASK = 3, ECN_ECT0 = 2, ECN_CE = 3 };

struct tcp_hdr {
	uint16_t src_be;
	uint16_t dst_be;
	uint32_t seq_be;
	uint32_t ack_be;
	uint8_t off; /* data offset in the upper four bits, in 32-bit words */
	uint8_t flags;
	uint16_t wnd_be;
	uint16_t csum;
	uint16_t urp_be;
} PACKED;
static_assert(sizeof(struct tcp_hdr) == TCP_HLEN, "");

/* True when six bytes at a and b are the same. */
static inline bool mac_equal(const void *a, const void *b)
{
	uint32_t x, y;
	uint16_t u, v;

	memcpy(&x, a, 4);
	memcpy(&y, b, 4);
	memcpy(&u, (const uint8_t *)a + 4, 2);
	memcpy(&v, (const uint8_t *)b + 4, 2);
	return ((x ^ y) | (uint32_t)(u ^ v)) == 0;
}

static inline uint16_t get_be16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap16(v);
}

static inline uint32_t get_be32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static inline void put_be16(void *p, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void put_be32(void *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}
