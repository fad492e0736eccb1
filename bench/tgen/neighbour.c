/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/tgen/neighbour.h"
#include "engine/wire/build.h"
#include "engine/wire/csum.h"
#include "engine/wire/wire.h"

enum {
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
	ND_SOLICITATION = 135,
	ND_ADVERTISEMENT = 136,
	ND_SOURCE_LLA = 1,
	ND_TARGET_LLA = 2,
	ND_HOP_LIMIT = 255, /* it comes from this link, RFC 4861 §7.1 */
};

#define ND_SOLICITED 0x40000000u
#define ND_OVERRIDE  0x20000000u
#define ND_LEN       (sizeof(struct nd_hdr) + 8) /* with one link-layer address */

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 0x01};
static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};

static_assert(NEIGHBOUR_FRAME_MAX == ETH_HLEN + IPV6_HLEN + ND_LEN, "room for the longer one");

static void write_arp(uint8_t *p, uint16_t op, const uint8_t sha[6], uint32_t spa_be,
		      const uint8_t *tha, uint32_t tpa_be)
{
	struct arp_hdr arp = {.hln = 6, .pln = 4, .spa_be = spa_be, .tpa_be = tpa_be};

	put_be16(&arp.hrd_be, 1);
	put_be16(&arp.pro_be, ETH_TYPE_IPV4);
	put_be16(&arp.op_be, op);
	memcpy(arp.sha, sha, 6);
	if (tha)
		memcpy(arp.tha, tha, 6);
	memcpy(p, &arp, sizeof(arp));
}

/* The IPv6 header and the message behind it. */
static void write_nd(uint8_t *ip, uint8_t type, uint32_t flags, const uint8_t *src,
		     const uint8_t *dst, const uint8_t *target, const uint8_t mac[6])
{
	uint8_t *nd = ip + IPV6_HLEN, *lla = nd + sizeof(struct nd_hdr);
	uint16_t csum;

	build_ipv6(ip, src, dst, IPPROTO_ICMP6_, ND_LEN, ND_HOP_LIMIT, 0);
	memset(nd, 0, sizeof(struct nd_hdr));
	nd[0] = type;
	put_be32(nd + 4, flags);
	memcpy(nd + 8, target, 16);
	lla[0] = type == ND_SOLICITATION ? ND_SOURCE_LLA : ND_TARGET_LLA;
	lla[1] = 1;
	memcpy(lla + 2, mac, 6);
	csum = csum_finish(csum_pseudo6(ip + 8, ip + 24, IPPROTO_ICMP6_, ND_LEN) +
			   csum_partial(nd, ND_LEN));
	memcpy(nd + 2, &csum, 2);
}

uint32_t neighbour_ask(uint8_t *frame, const uint8_t mac[6], const struct ipaddr *src,
		       const struct ipaddr *whom)
{
	uint8_t group[16] = {0xff, 0x02, [11] = 1, 0xff}, dmac[6] = {0x33, 0x33, 0xff};

	if (whom->family == IP_V4) {
		build_eth(frame, mac, broadcast, 0, ETH_TYPE_ARP);
		write_arp(frame + ETH_HLEN, ARP_REQUEST, mac, src->v4_be, NULL, whom->v4_be);
		return ETH_HLEN + sizeof(struct arp_hdr);
	}
	memcpy(group + 13, whom->bytes + 13, 3);
	memcpy(dmac + 3, whom->bytes + 13, 3);
	build_eth(frame, mac, dmac, 0, ETH_TYPE_IPV6);
	write_nd(frame + ETH_HLEN, ND_SOLICITATION, 0, src->bytes, group, whom->bytes, mac);
	return NEIGHBOUR_FRAME_MAX;
}

static bool read_arp(const struct buf *b, struct arp_hdr *arp)
{
	if (b->len < ETH_HLEN + sizeof(*arp) || get_be16(b->data + 12) != ETH_TYPE_ARP)
		return false;
	memcpy(arp, b->data + ETH_HLEN, sizeof(*arp));
	return get_be16(&arp->hrd_be) == 1 && get_be16(&arp->pro_be) == ETH_TYPE_IPV4 &&
	       arp->hln == 6 && arp->pln == 4;
}

/* The message behind the IPv6 header, its sum right; NULL: it is none of `type`. */
static const uint8_t *read_nd(const struct buf *b, uint8_t type, uint32_t *len)
{
	const uint8_t *ip = b->data + ETH_HLEN, *nd = ip + IPV6_HLEN;

	if (b->len < ETH_HLEN + IPV6_HLEN + sizeof(struct nd_hdr) ||
	    get_be16(b->data + 12) != ETH_TYPE_IPV6)
		return NULL;
	*len = get_be16(ip + 4);
	if (ip[0] >> 4 != 6 || ip[6] != IPPROTO_ICMP6_ || ip[7] != ND_HOP_LIMIT ||
	    *len < sizeof(struct nd_hdr) || *len > b->len - ETH_HLEN - IPV6_HLEN || nd[0] != type ||
	    nd[1] != 0)
		return NULL;
	return csum_fold(csum_pseudo6(ip + 8, ip + 24, IPPROTO_ICMP6_, *len) +
			 csum_partial(nd, *len)) == 0xffff
		   ? nd
		   : NULL;
}

/* The target's link-layer address among the options. */
static bool find_lla(const uint8_t *nd, uint32_t len, uint8_t mac[6])
{
	uint32_t at = sizeof(struct nd_hdr);

	while (at + 8 <= len) {
		uint32_t n = nd[at + 1] * 8u;

		if (n == 0 || n > len - at)
			return false;
		if (nd[at] == ND_TARGET_LLA && n == 8) {
			memcpy(mac, nd + at + 2, 6);
			return true;
		}
		at += n;
	}
	return false;
}

bool neighbour_read(const struct buf *b, const struct ipaddr *whom, uint8_t mac[6])
{
	struct arp_hdr arp;
	const uint8_t *nd;
	uint32_t len;

	if (whom->family == IP_V4) {
		if (!read_arp(b, &arp) || arp.spa_be != whom->v4_be || (arp.sha[0] & 1))
			return false;
		memcpy(mac, arp.sha, 6);
		return true;
	}
	nd = read_nd(b, ND_ADVERTISEMENT, &len);
	return nd && !memcmp(nd + 8, whom->bytes, 16) && find_lla(nd, len, mac) && !(mac[0] & 1);
}

static bool answer_arp(struct buf *b, const uint8_t mac[6], neighbour_ours_fn ours, const void *ctx)
{
	struct ipaddr asked;
	struct arp_hdr arp;

	if (!read_arp(b, &arp) || get_be16(&arp.op_be) != ARP_REQUEST)
		return false;
	asked = ipaddr_v4(arp.tpa_be);
	if (!ours(ctx, &asked))
		return false;
	build_eth(b->data, mac, arp.sha, 0, ETH_TYPE_ARP);
	write_arp(b->data + ETH_HLEN, ARP_REPLY, mac, arp.tpa_be, arp.sha, arp.spa_be);
	b->len = ETH_HLEN + sizeof(arp);
	return true;
}

static bool answer_nd(struct buf *b, const uint8_t mac[6], neighbour_ours_fn ours, const void *ctx)
{
	struct ipaddr asker, asked;
	uint8_t dmac[6];
	bool probe;
	uint32_t len;
	const uint8_t *nd = read_nd(b, ND_SOLICITATION, &len);

	if (!nd || buf_headroom(b) + NEIGHBOUR_FRAME_MAX > b->room)
		return false;
	asked = ipaddr_v6(nd + 8);
	asker = ipaddr_v6(b->data + ETH_HLEN + 8);
	if (!ours(ctx, &asked))
		return false;
	/* Whoever probes for the address has none yet: all are told. */
	probe = asker.words[0] == 0 && asker.words[1] == 0;
	memcpy(dmac, probe ? all_nodes_mac : b->data + 6, 6);
	build_eth(b->data, mac, dmac, 0, ETH_TYPE_IPV6);
	write_nd(b->data + ETH_HLEN, ND_ADVERTISEMENT, ND_OVERRIDE | (probe ? 0 : ND_SOLICITED),
		 asked.bytes, probe ? all_nodes : asker.bytes, asked.bytes, mac);
	b->len = NEIGHBOUR_FRAME_MAX;
	return true;
}

bool neighbour_answer(struct buf *b, const uint8_t mac[6], neighbour_ours_fn ours, const void *ctx)
{
	if (!answer_arp(b, mac, ours, ctx) && !answer_nd(b, mac, ours, ctx))
		return false;
	b->flags = 0;
	return true;
}
