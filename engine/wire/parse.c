/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/wire/parse.h"
#include "engine/wire/csum.h"

#define FRAGMENT_HLEN 8 /* of the IPv6 fragment header */
#define IPV6_EXT_MAX  8 /* extension headers we walk before giving up */

enum { IPOPT_EOL = 0, IPOPT_NOP = 1, IPOPT_LSRR = 131, IPOPT_SSRR = 137 };
enum { EXT_HOP_BY_HOP = 0, EXT_ROUTING = 43, EXT_FRAGMENT = 44, EXT_DEST_OPTS = 60 };

/* Options are taken from any segment (MUST-5). */
static ALWAYS_INLINE enum parse_result parse_tcp(struct seg *s, uint32_t l4_len, uint64_t pseudo)
{
	struct buf *b = s->buf;
	const uint8_t *l4 = b->data + s->l4_off;
	const struct tcp_hdr *t = (const void *)l4;
	uint32_t hlen;

	if (l4_len < TCP_HLEN)
		return PARSE_TOO_SHORT;
	hlen = (uint32_t)(t->off >> 4) * 4;
	if (hlen < TCP_HLEN || hlen > l4_len)
		return PARSE_BAD_TCP_OFFSET;
	s->payload = l4 + hlen;
	s->payload_len = l4_len - hlen;
	s->csum_known = !(b->flags & BUF_RX_L4_CSUM_OK);
	if (s->csum_known) {
		/* The payload's sum is kept: a proxied segment leaves with the
		 * same payload, so it need not be read again. */
		uint64_t sum = csum_partial(s->payload, s->payload_len);

		s->payload_csum = csum_fold(sum);
		/* RFC 9293 MUST-3 */
		if (csum_fold(pseudo + csum_header(l4, hlen) + s->payload_csum) != 0xffff)
			return PARSE_BAD_TCP_CSUM;
	}
	s->sport_be = t->src_be;
	s->dport_be = t->dst_be;
	s->seq = get_be32(&t->seq_be);
	s->ack = get_be32(&t->ack_be);
	s->wnd = get_be16(&t->wnd_be);
	s->urp = get_be16(&t->urp_be);
	s->flags = t->flags;
	tcpopt_parse(&s->opt, l4 + TCP_HLEN, hlen - TCP_HLEN, t->flags & TCP_SYN);
	return PARSE_TCP;
}

static enum parse_result parse_icmp(struct seg *s, uint32_t l4_len, uint64_t pseudo, bool v6)
{
	const uint8_t *l4 = s->buf->data + s->l4_off;

	if (l4_len < sizeof(struct icmp_hdr))
		return PARSE_TOO_SHORT;
	if (csum_fold(pseudo + csum_partial(l4, l4_len)) != 0xffff)
		return PARSE_BAD_ICMP_CSUM;
	s->payload = l4;
	s->payload_len = l4_len;
	return v6 ? PARSE_ICMP6 : PARSE_ICMP4;
}

static enum parse_result parse_fragment(struct seg *s, uint32_t len, uint8_t proto, uint32_t id,
					uint16_t offset, bool more)
{
	s->payload = s->buf->data + s->l4_off;
	s->payload_len = len;
	s->frag.id = id;
	s->frag.offset = offset;
	s->frag.proto = proto;
	s->frag.more = more;
	return PARSE_FRAGMENT;
}

/* RFC 7126 §4.3, §4.4: source routes are dropped, so MUST-51 to MUST-53, which would
 * have answers follow them, find none. */
static bool has_source_route(const uint8_t *opts, uint32_t len)
{
	for (uint32_t i = 0; i < len && opts[i] != IPOPT_EOL;) {
		if (opts[i] == IPOPT_NOP) {
			i++;
			continue;
		}
		if (opts[i] == IPOPT_LSRR || opts[i] == IPOPT_SSRR)
			return true;
		if (i + 1 >= len || opts[i + 1] < 2)
			return false;
		i += opts[i + 1];
	}
	return false;
}

/* What every IPv4 packet is checked for, whose header has `hlen` bytes; PARSE_TCP: it is fine, and
 * s says what it is. */
static ALWAYS_INLINE enum parse_result take_ipv4(struct seg *s, uint32_t hlen)
{
	struct buf *b = s->buf;
	const struct ipv4_hdr *ip = (const void *)(b->data + s->l3_off);
	uint32_t total = get_be16(&ip->len_be);
	const uint8_t *src = (const uint8_t *)&ip->src_be;

	if (total < hlen || total > b->len - s->l3_off)
		return PARSE_TOO_SHORT;
	if (!(b->flags & BUF_RX_IP_CSUM_OK) && csum_fold(csum_header(ip, hlen)) != 0xffff)
		return PARSE_BAD_IP_CSUM;
	if (!ipaddr_v4_is_unicast(src))
		return PARSE_BAD_SOURCE;
	b->len = s->l3_off + total; /* Ethernet pads short frames */
	s->family = IP_V4;
	s->src = src;
	s->dst = (const uint8_t *)&ip->dst_be;
	s->tos = ip->tos;
	s->ttl = ip->ttl;
	s->l4_off = (uint8_t)(s->l3_off + hlen); /* options are skipped: MUST-50 */
	return PARSE_TCP;
}

static ALWAYS_INLINE enum parse_result parse_tcp4(struct seg *s)
{
	const struct ipv4_hdr *ip = (const void *)(s->buf->data + s->l3_off);
	uint32_t len = s->buf->len - s->l4_off;

	return parse_tcp(s, len, csum_pseudo4(ip->src_be, ip->dst_be, IPPROTO_TCP_, len));
}

static enum parse_result parse_ipv4(struct seg *s)
{
	const struct ipv4_hdr *ip = (const void *)(s->buf->data + s->l3_off);
	uint32_t room = s->buf->len - s->l3_off, hlen, l4_len;
	enum parse_result result;

	if (room < IPV4_HLEN)
		return PARSE_TOO_SHORT;
	if (ip->ver_ihl >> 4 != 4)
		return PARSE_BAD_IP_VERSION;
	hlen = (uint32_t)(ip->ver_ihl & 15) * 4;
	if (hlen < IPV4_HLEN || hlen > room)
		return PARSE_TOO_SHORT;
	result = take_ipv4(s, hlen);
	if (result != PARSE_TCP)
		return result;
	if (unlikely(hlen > IPV4_HLEN) &&
	    has_source_route((const uint8_t *)(ip + 1), hlen - IPV4_HLEN))
		return PARSE_SOURCE_ROUTE;
	l4_len = s->buf->len - s->l4_off;
	if (get_be16(&ip->frag_be) & (IPV4_MF | IPV4_OFFSET))
		return parse_fragment(s, l4_len, ip->proto, get_be16(&ip->id_be),
				      (uint16_t)(get_be16(&ip->frag_be) << 3),
				      get_be16(&ip->frag_be) & IPV4_MF);
	if (ip->proto == IPPROTO_TCP_)
		return parse_tcp4(s);
	if (ip->proto == IPPROTO_ICMP4_)
		return parse_icmp(s, l4_len, 0, false);
	return PARSE_UNKNOWN_PROTOCOL;
}

/* Skips extension headers that a TCP endpoint may skip; returns the upper-layer
 * protocol and its offset in *off, or a parse_result below zero. */
static int skip_extensions(const uint8_t *l3, uint32_t end, uint8_t next, uint32_t *off)
{
	for (int i = 0; i < IPV6_EXT_MAX; i++) {
		if (next != EXT_HOP_BY_HOP && next != EXT_DEST_OPTS && next != EXT_ROUTING)
			return next;
		if (*off + 8 > end || *off + 8 + l3[*off + 1] * 8u > end)
			return -PARSE_TOO_SHORT;
		/* RFC 8200 §4.4: segments left for a later hop is not ours to route. */
		if (next == EXT_ROUTING && l3[*off + 3] != 0)
			return -PARSE_UNKNOWN_PROTOCOL;
		next = l3[*off];
		*off += 8 + l3[*off + 1] * 8u;
	}
	return -PARSE_UNKNOWN_PROTOCOL;
}

/* RFC 8200 §4.5; what follows the header at p is the piece. */
static enum parse_result parse_fragment6(struct seg *s, const uint8_t *p, uint32_t len)
{
	uint16_t field;

	/* Fragments of fragments are nobody's honest work. */
	if (len < FRAGMENT_HLEN || p[0] == EXT_FRAGMENT || s->l4_off + FRAGMENT_HLEN > UINT8_MAX)
		return PARSE_TOO_SHORT;
	field = get_be16(p + 2);
	s->l4_off = (uint8_t)(s->l4_off + FRAGMENT_HLEN);
	return parse_fragment(s, len - FRAGMENT_HLEN, p[0], get_be32(p + 4), field & ~7, field & 1);
}

static enum parse_result parse_ipv6(struct seg *s)
{
	struct buf *b = s->buf;
	const uint8_t *l3 = b->data + s->l3_off;
	const struct ipv6_hdr *ip = (const void *)l3;
	uint32_t room = b->len - s->l3_off;
	uint32_t end, off = IPV6_HLEN, l4_len;
	struct ipaddr src;
	int proto;

	if (room < IPV6_HLEN)
		return PARSE_TOO_SHORT;
	if (l3[0] >> 4 != 6)
		return PARSE_BAD_IP_VERSION;
	end = IPV6_HLEN + get_be16(&ip->payload_len_be);
	if (end > room)
		return PARSE_TOO_SHORT;
	src = ipaddr_v6(ip->src);
	/* An unspecified source is legitimate in duplicate address detection only. */
	if (!ipaddr_is_unicast(&src) &&
	    (ip->next != IPPROTO_ICMP6_ || src.words[0] != 0 || src.words[1] != 0))
		return PARSE_BAD_SOURCE;
	proto = skip_extensions(l3, end, ip->next, &off);
	if (proto < 0)
		return (enum parse_result)-proto;
	if (s->l3_off + off > UINT8_MAX)
		return PARSE_UNKNOWN_PROTOCOL;
	b->len = s->l3_off + end;
	s->family = IP_V6;
	s->src = ip->src;
	s->dst = ip->dst;
	s->tos = (uint8_t)(get_be32(&ip->ver_tc_flow_be) >> 20);
	s->ttl = ip->hop_limit;
	s->l4_off = (uint8_t)(s->l3_off + off);
	l4_len = end - off;
	if (proto == EXT_FRAGMENT)
		return parse_fragment6(s, l3 + off, l4_len);
	if (proto == IPPROTO_TCP_)
		return parse_tcp(s, l4_len, csum_pseudo6(ip->src, ip->dst, IPPROTO_TCP_, l4_len));
	if (proto == IPPROTO_ICMP6_)
		return parse_icmp(s, l4_len,
				  csum_pseudo6(ip->src, ip->dst, IPPROTO_ICMP6_, l4_len), true);
	return PARSE_UNKNOWN_PROTOCOL;
}

/* What nearly every frame is: to this station, IPv4 without options, not a fragment, TCP. */
static ALWAYS_INLINE bool is_plain(const struct buf *b, const uint8_t mac[6])
{
	const struct eth_hdr *e = (const void *)b->data;
	const struct ipv4_hdr *ip = (const void *)(b->data + ETH_HLEN);

	return b->len >= ETH_HLEN + IPV4_HLEN + TCP_HLEN && mac_equal(e->dst, mac) &&
	       get_be16(&e->type_be) == ETH_TYPE_IPV4 && ip->ver_ihl == 0x45 &&
	       ip->proto == IPPROTO_TCP_ && !(get_be16(&ip->frag_be) & (IPV4_MF | IPV4_OFFSET));
}

enum parse_result parse_frame(struct buf *b, const uint8_t mac[6], struct seg *s)
{
	const struct eth_hdr *e = (const void *)b->data;
	uint16_t type;

	s->buf = b;
	s->vlan = 0;
	s->l3_off = ETH_HLEN;
	if (likely(is_plain(b, mac))) {
		enum parse_result result = take_ipv4(s, IPV4_HLEN);

		s->multicast = false;
		return likely(result == PARSE_TCP) ? parse_tcp4(s) : result;
	}
	if (b->len < ETH_HLEN)
		return PARSE_TOO_SHORT;
	s->multicast = e->dst[0] & 1;
	if (!s->multicast && !mac_equal(e->dst, mac))
		return PARSE_NOT_OURS_L2;
	type = get_be16(&e->type_be);
	if (type == ETH_TYPE_VLAN) {
		const struct vlan_hdr *v = (const void *)(b->data + ETH_HLEN);

		if (b->len < ETH_HLEN + VLAN_HLEN)
			return PARSE_TOO_SHORT;
		s->vlan = get_be16(&v->tci_be) & 0xfff;
		s->l3_off = ETH_HLEN + VLAN_HLEN;
		type = get_be16(&v->type_be);
	}
	if (type == ETH_TYPE_IPV4)
		return parse_ipv4(s);
	if (type == ETH_TYPE_IPV6)
		return parse_ipv6(s);
	if (type == ETH_TYPE_ARP)
		return b->len < s->l3_off + sizeof(struct arp_hdr) ? PARSE_TOO_SHORT : PARSE_ARP;
	return PARSE_UNKNOWN_ETHERTYPE;
}
