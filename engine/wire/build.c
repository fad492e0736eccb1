/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/wire/build_inline.h"

uint32_t build_eth(uint8_t *p, const uint8_t *smac, const uint8_t *dmac, uint16_t vlan,
		   uint16_t type)
{
	return build_eth_inline(p, smac, dmac, vlan, type);
}

void build_ipv6(uint8_t *p, const uint8_t *src, const uint8_t *dst, uint8_t proto,
		uint32_t payload_len, uint8_t hop_limit, uint8_t tos)
{
	put_be32(p, 6u << 28 | (uint32_t)tos << 20);
	put_be16(p + 4, (uint16_t)payload_len);
	p[6] = proto;
	p[7] = hop_limit;
	memcpy(p + 8, src, 16);
	memcpy(p + 24, dst, 16);
}

void build_tcp(struct buf *b, const struct out *o)
{
	build_tcp_inline(b, o);
}
