/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/wire/build.h"
#include "engine/base/ipaddr.h"
#include "engine/wire/csum.h"
#include "engine/wire/wire.h"

uint32_t build_eth(uint8_t *p, const uint8_t *smac, const uint8_t *dmac, uint16_t vlan,
		   uint16_t type)
{
	memcpy(p, dmac, 6);
	memcpy(p + 6, smac, 6);
	if (!vlan) {
		put_be16(p + 12, type);
		return ETH_HLEN;
	}
	put_be16(p + 12, ETH_TYPE_VLAN);
	put_be16(p + 14, vlan);
	put_be16(p + 16, type);
	return ETH_HLEN + VLAN_HLEN;
}

static void build_ipv4(uint8_t *p, const struct out *o, uint32_t src_be, uint32_t dst_be,
		       uint32_t payload_len)
{
	struct ipv4_hdr ip = {
	    .ver_ihl = 0x45,
	    .tos = o->tos,
	    .len_be = __builtin_bswap16((uint16_t)(IPV4_HLEN + payload_len)),
	    .id_be = __builtin_bswap16(o->ip_id),
	    .frag_be = o->fragmentable ? 0 : __builtin_bswap16(IPV4_DF),
	    .ttl = o->ttl,
	    .proto = IPPROTO_TCP_,
	    .src_be = src_be,
	    .dst_be = dst_be,
	};

	if (!o->port_ip_csum)
		ip.csum = csum_finish(csum_partial(&ip, IPV4_HLEN));
	memcpy(p, &ip, IPV4_HLEN);
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

/* The TCP header and its options at p; returns their length. Sum left 0. */
static uint32_t write_tcp(uint8_t *p, const struct out *o)
{
	uint32_t hlen = TCP_HLEN + tcpopt_write(p + TCP_HLEN, o->opt);
	struct tcp_hdr t = {
	    .src_be = o->sport_be,
	    .dst_be = o->dport_be,
	    .seq_be = __builtin_bswap32(o->seq),
	    .ack_be = __builtin_bswap32(o->ack),
	    .off = (uint8_t)(hlen / 4 << 4),
	    .flags = o->flags,
	    .wnd_be = __builtin_bswap16(o->wnd),
	    .urp_be = __builtin_bswap16(o->urp),
	};

	memcpy(p, &t, TCP_HLEN);
	return hlen;
}

static void set_payload_csum(struct buf *b)
{
	b->payload_csum = csum_fold(csum_partial(b->data, b->len));
	b->flags |= BUF_PAYLOAD_CSUM;
}

void build_tcp(struct buf *b, const struct out *o)
{
	uint32_t l2 = build_eth_len(o->vlan);
	uint32_t l3 = o->family == IP_V4 ? IPV4_HLEN : IPV6_HLEN;
	uint32_t l4 = TCP_HLEN + tcpopt_size(o->opt);
	uint32_t l4_len = l4 + b->len;
	uint8_t *frame = b->data - l2 - l3 - l4;
	uint8_t *ip = frame + l2, *tcp = ip + l3;
	uint64_t pseudo;
	uint16_t csum;

	INVARIANT(buf_headroom(b) >= l2 + l3 + l4);
	/* Addresses may point into the headers that are being replaced. */
	if (o->family == IP_V4) {
		uint32_t src, dst;

		memcpy(&src, o->src, 4);
		memcpy(&dst, o->dst, 4);
		pseudo = csum_pseudo4(src, dst, IPPROTO_TCP_, l4_len);
		build_ipv4(ip, o, src, dst, l4_len);
	} else {
		uint8_t addrs[32];

		memcpy(addrs, o->src, 16);
		memcpy(addrs + 16, o->dst, 16);
		pseudo = csum_pseudo6(addrs, addrs + 16, IPPROTO_TCP_, l4_len);
		build_ipv6(ip, addrs, addrs + 16, IPPROTO_TCP_, l4_len, o->ttl, o->tos);
	}
	write_tcp(tcp, o);
	b->flags &= ~(uint32_t)(BUF_TX_IP_CSUM | BUF_TX_L4_CSUM | BUF_TX_IPV6);
	if (o->family == IP_V6)
		b->flags |= BUF_TX_IPV6;
	else if (o->port_ip_csum)
		b->flags |= BUF_TX_IP_CSUM;
	if (o->port_tcp_csum) {
		b->flags |= BUF_TX_L4_CSUM;
		csum = csum_fold(pseudo);
	} else {
		if (!(b->flags & BUF_PAYLOAD_CSUM))
			set_payload_csum(b);
		csum = csum_finish(pseudo + csum_partial(tcp, l4) + b->payload_csum);
	}
	memcpy(tcp + offsetof(struct tcp_hdr, csum), &csum, 2);
	build_eth(frame, o->smac, o->dmac, o->vlan,
		  o->family == IP_V4 ? ETH_TYPE_IPV4 : ETH_TYPE_IPV6);
	b->data = frame;
	b->len += l2 + l3 + l4;
	b->hdr_len = (uint8_t)(l2 + l3 + l4);
	b->l2_len = (uint8_t)l2;
	b->l3_len = (uint8_t)l3;
	b->l4_len = (uint8_t)l4;
}
