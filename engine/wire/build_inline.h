/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * build_tcp() itself, inline: what its caller knows of a segment, as that it has no VLAN and no
 * options but timestamps, then costs nothing. For engine/tcp/emit.c; others take build.h's.
 */
#pragma once

#include "engine/base/ipaddr.h"
#include "engine/wire/build.h"
#include "engine/wire/csum.h"
#include "engine/wire/wire.h"

/* Already in the order that goes out. */
static ALWAYS_INLINE void build_word(uint8_t *p, uint32_t word)
{
	memcpy(p, &word, sizeof(word));
}

static ALWAYS_INLINE void build_ipv4(uint8_t *p, const struct out *o, uint32_t src_be,
				     uint32_t dst_be, uint32_t payload_len)
{
	uint32_t len = __builtin_bswap16((uint16_t)(IPV4_HLEN + payload_len));
	uint32_t frag = o->fragmentable ? 0 : __builtin_bswap16(IPV4_DF);
	uint32_t ver_len = 0x45u | (uint32_t)o->tos << 8 | len << 16;
	uint32_t id_frag = (uint32_t)__builtin_bswap16(o->ip_id) | frag << 16;
	uint32_t ttl_sum = o->ttl | (uint32_t)IPPROTO_TCP_ << 8;

	if (!(o->tx_flags & BUF_TX_IP_CSUM))
		ttl_sum |= (uint32_t)csum_finish((uint64_t)ver_len + id_frag + ttl_sum + src_be +
						 dst_be)
			   << 16;
	build_word(p, ver_len);
	build_word(p + 4, id_frag);
	build_word(p + 8, ttl_sum);
	build_word(p + 12, src_be);
	build_word(p + 16, dst_be);
}

static ALWAYS_INLINE bool build_only_timestamps(const struct tcpopt_out *opt)
{
	return !(opt->sack_permitted | opt->has_wscale | opt->nb_sack | opt->mss);
}

/* All that a SYN of today has, in the order in which Linux has it. */
static ALWAYS_INLINE bool build_whole_syn(const struct tcpopt_out *opt)
{
	return opt->sack_permitted & opt->has_wscale & opt->has_ts && opt->mss && !opt->nb_sack;
}

static ALWAYS_INLINE uint32_t build_options_size(const struct tcpopt_out *opt)
{
	if (likely(build_only_timestamps(opt)))
		return opt->has_ts ? TCPOPT_TS_LEN : 0;
	return likely(build_whole_syn(opt)) ? TCPOPT_SYN_LEN : tcpopt_size(opt);
}

/* As tcpopt_write() has them, but their sum comes with them. */
static ALWAYS_INLINE uint64_t build_syn_options(uint8_t *p, const struct tcpopt_out *opt)
{
	uint32_t mss = __builtin_bswap32((uint32_t)TCPOPT_MSS << 24 | 4 << 16 | opt->mss);
	uint32_t head = __builtin_bswap32((uint32_t)TCPOPT_SACK_PERMITTED << 24 | 2 << 16 |
					  TCPOPT_TIMESTAMPS << 8 | 10);
	uint32_t tsval_be = __builtin_bswap32(opt->tsval), tsecr_be = __builtin_bswap32(opt->tsecr);
	uint32_t wscale = __builtin_bswap32((uint32_t)TCPOPT_NOP << 24 | TCPOPT_WSCALE << 16 |
					    3 << 8 | opt->wscale);

	build_word(p, mss);
	build_word(p + 4, head);
	build_word(p + 8, tsval_be);
	build_word(p + 12, tsecr_be);
	build_word(p + 16, wscale);
	return (uint64_t)mss + head + tsval_be + tsecr_be + wscale;
}

/* Writes `len` bytes of options and returns their sum. */
static ALWAYS_INLINE uint64_t build_options(uint8_t *p, const struct tcpopt_out *opt, uint32_t len)
{
	uint32_t tsval_be = __builtin_bswap32(opt->tsval), tsecr_be = __builtin_bswap32(opt->tsecr);
	uint32_t head = __builtin_bswap32(0x01010000 | TCPOPT_TIMESTAMPS << 8 | 10);

	if (len == 0)
		return 0;
	if (!build_only_timestamps(opt))
		return likely(build_whole_syn(opt)) ? build_syn_options(p, opt)
						    : csum_partial(p, tcpopt_write(p, opt));
	build_word(p, head);
	build_word(p + 4, tsval_be);
	build_word(p + 8, tsecr_be);
	return (uint64_t)head + tsval_be + tsecr_be;
}

/* The TCP header at p, its sum 0, and its options, `hlen` bytes in all; returns their sum. */
static ALWAYS_INLINE uint64_t build_header(uint8_t *p, const struct out *o, uint32_t hlen)
{
	uint32_t ports = o->sport_be | o->dport_be << 16;
	uint32_t seq_be = __builtin_bswap32(o->seq), ack_be = __builtin_bswap32(o->ack);
	uint32_t off_wnd = (hlen / 4 << 4) | (uint32_t)o->flags << 8 |
			   (uint32_t)__builtin_bswap16((uint16_t)o->wnd) << 16;
	uint32_t csum_urp = (uint32_t)__builtin_bswap16((uint16_t)o->urp) << 16;

	build_word(p, ports);
	build_word(p + 4, seq_be);
	build_word(p + 8, ack_be);
	build_word(p + 12, off_wnd);
	build_word(p + 16, csum_urp);
	return (uint64_t)ports + seq_be + ack_be + off_wnd + csum_urp +
	       build_options(p + TCP_HLEN, o->opt, hlen - TCP_HLEN);
}

static inline void build_payload_csum(struct buf *b)
{
	b->payload_csum = csum_fold(csum_partial(b->data, b->len));
	b->flags |= BUF_PAYLOAD_CSUM;
}

static ALWAYS_INLINE uint32_t build_eth_inline(uint8_t *p, const uint8_t *smac,
					       const uint8_t *dmac, uint16_t vlan, uint16_t type)
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

/* What the port is to know and to fill in. */
static ALWAYS_INLINE uint32_t build_tx_flags(const struct out *o)
{
	if (o->family == IP_V6)
		return (o->tx_flags & BUF_TX_L4_CSUM) | BUF_TX_IPV6;
	return o->tx_flags;
}

/* As build_tcp(). */
static ALWAYS_INLINE void build_tcp_inline(struct buf *b, const struct out *o)
{
	uint32_t l2 = build_eth_len(o->vlan);
	uint32_t l3 = o->family == IP_V4 ? IPV4_HLEN : IPV6_HLEN;
	uint32_t l4 = TCP_HLEN + build_options_size(o->opt);
	uint32_t l4_len = l4 + b->len;
	uint8_t *frame = b->data - l2 - l3 - l4;
	uint8_t *ip = frame + l2, *tcp = ip + l3;
	uint64_t pseudo, sum;
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
	sum = build_header(tcp, o, l4);
	b->flags = (b->flags & ~(uint32_t)(BUF_TX_IP_CSUM | BUF_TX_L4_CSUM | BUF_TX_IPV6)) |
		   build_tx_flags(o);
	if (o->tx_flags & BUF_TX_L4_CSUM) {
		csum = csum_fold(pseudo);
	} else {
		if (!(b->flags & BUF_PAYLOAD_CSUM))
			build_payload_csum(b);
		csum = csum_finish(pseudo + sum + b->payload_csum);
	}
	memcpy(tcp + offsetof(struct tcp_hdr, csum), &csum, 2);
	build_eth_inline(frame, o->smac, o->dmac, o->vlan,
			 o->family == IP_V4 ? ETH_TYPE_IPV4 : ETH_TYPE_IPV6);
	b->data = frame;
	b->len += l2 + l3 + l4;
	b->hdr_len = (uint8_t)(l2 + l3 + l4);
	b->l2_len = (uint8_t)l2;
	b->l3_len = (uint8_t)l3;
	b->l4_len = (uint8_t)l4;
}
