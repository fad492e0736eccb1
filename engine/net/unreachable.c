/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/net/unreachable.h"
#include "engine/wire/build.h"
#include "engine/wire/csum.h"
#include "engine/wire/wire.h"

enum { ICMP4_UNREACHABLE = 3, ICMP4_PORT = 3, ICMP6_UNREACHABLE = 1, ICMP6_PORT = 4 };

/* Error packets are no longer than these (RFC 1812 §4.3.2.3, RFC 4443 §2.4 (c)). */
#define PACKET_MAX_V4 576u
#define PACKET_MAX_V6 1280u

/* The packet around `len` bytes of ICMP at `icmp`, whose sum it fills in. */
static void wrap4(uint8_t *ip, const uint8_t *src, const uint8_t *dst, uint8_t ttl, uint32_t len)
{
	struct ipv4_hdr h = {.ver_ihl = 0x45, .ttl = ttl, .proto = IPPROTO_ICMP4_};
	uint8_t *icmp = ip + IPV4_HLEN;
	uint16_t csum;

	put_be16(&h.len_be, (uint16_t)(IPV4_HLEN + len));
	put_be16(&h.frag_be, IPV4_DF); /* atomic: it needs no identification (RFC 6864) */
	memcpy(&h.src_be, src, 4);
	memcpy(&h.dst_be, dst, 4);
	h.csum = csum_finish(csum_partial(&h, IPV4_HLEN));
	memcpy(ip, &h, IPV4_HLEN);
	csum = csum_finish(csum_partial(icmp, len));
	memcpy(icmp + 2, &csum, 2);
}

static void wrap6(uint8_t *ip, const uint8_t *src, const uint8_t *dst, uint8_t ttl, uint32_t len)
{
	uint8_t *icmp = ip + IPV6_HLEN;
	uint16_t csum;

	build_ipv6(ip, src, dst, IPPROTO_ICMP6_, len, ttl, 0);
	csum = csum_finish(csum_pseudo6(src, dst, IPPROTO_ICMP6_, len) + csum_partial(icmp, len));
	memcpy(icmp + 2, &csum, 2);
}

/* Writes the frame around the packet that lies in it. */
static void answer(struct shard *sh, struct seg *s, const struct net_iface *ni)
{
	struct buf *b = s->buf;
	bool v6 = s->family == IP_V6;
	uint32_t ip_len = v6 ? IPV6_HLEN : IPV4_HLEN, l2 = build_eth_len(ni->vlan), quote;
	uint8_t src[16], dst[16], dmac[6], *ip, *icmp;

	memcpy(dmac, b->data + 6, 6);
	memcpy(src, s->dst, v6 ? 16 : 4);
	memcpy(dst, s->src, v6 ? 16 : 4);
	quote = MIN(b->len - s->l3_off, (v6 ? PACKET_MAX_V6 : PACKET_MAX_V4) - ip_len -
					    (uint32_t)sizeof(struct icmp_hdr));
	ip = b->start + BUF_HEADROOM + l2;
	icmp = ip + ip_len;
	memmove(icmp + sizeof(struct icmp_hdr), b->data + s->l3_off, quote);
	memset(icmp, 0, sizeof(struct icmp_hdr));
	icmp[0] = v6 ? ICMP6_UNREACHABLE : ICMP4_UNREACHABLE;
	icmp[1] = v6 ? ICMP6_PORT : ICMP4_PORT;
	b->data = b->start + BUF_HEADROOM;
	b->len = l2 + ip_len + (uint32_t)sizeof(struct icmp_hdr) + quote;
	b->flags = 0;
	b->hdr_len = 0;
	build_eth(b->data, ni->mac, dmac, ni->vlan, v6 ? ETH_TYPE_IPV6 : ETH_TYPE_IPV4);
	(v6 ? wrap6 : wrap4)(ip, src, dst, sh->conf->tcp.ttl,
			     (uint32_t)sizeof(struct icmp_hdr) + quote);
	shard_tx(sh, ni->port, b);
}

void net_port_unreachable(struct shard *sh, struct seg *s)
{
	const struct net_iface *ni = &sh->net.ifaces[s->iface];

	if (shard_tx_room(sh, ni->port) == 0) {
		stat_inc(sh, STAT_drop_tx_full);
		shard_buf_free(sh, s->buf);
	} else if (!budget_take(&sh->icmp_budget, sh->now, &sh->isn_key.sip)) {
		stat_inc(sh, STAT_drop_icmp_limited); /* RFC 4443 §2.4 (f) */
		shard_buf_free(sh, s->buf);
	} else {
		stat_inc(sh, STAT_icmp_unreachable_sent);
		answer(sh, s, ni);
	}
}
