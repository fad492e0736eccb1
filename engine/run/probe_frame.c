/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/probe_frame.h"

#include "engine/wire/csum.h"

#define ARP_REQUEST      1
#define ND_SOLICITATION  135
#define ND_ADVERTISEMENT 136
#define ND_HOP_LIMIT     255
#define VLAN_ID_MASK     0x0fff

static uint32_t write_ethernet(uint8_t *p, const uint8_t dst[6], const uint8_t src[6],
			       uint16_t vlan, uint16_t type)
{
	memcpy(p, dst, 6);
	memcpy(p + 6, src, 6);
	if (vlan) {
		put_be16(p + 12, ETH_TYPE_VLAN);
		put_be16(p + 14, vlan);
		p += VLAN_HLEN;
	}
	put_be16(p + 12, type);
	return ETH_HLEN + (vlan ? VLAN_HLEN : 0);
}

static uint32_t write_arp(uint8_t *frame, const uint8_t mac[6], uint16_t vlan,
			  const struct ipaddr *addr)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint32_t at = write_ethernet(frame, broadcast, mac, vlan, ETH_TYPE_ARP);
	struct arp_hdr arp = {.hln = 6, .pln = 4, .tpa_be = addr->v4_be};

	put_be16(&arp.hrd_be, 1);
	put_be16(&arp.pro_be, ETH_TYPE_IPV4);
	put_be16(&arp.op_be, ARP_REQUEST);
	memcpy(arp.sha, mac, 6);
	memcpy(frame + at, &arp, sizeof(arp));
	return at + (uint32_t)sizeof(arp);
}

static uint32_t write_solicitation(uint8_t *frame, const uint8_t mac[6], uint16_t vlan,
				   const struct ipaddr *addr)
{
	uint8_t group[16] = {0xff, 0x02, [11] = 1, 0xff}, dst[6] = {0x33, 0x33, 0xff};
	struct ipv6_hdr ip = {.next = IPPROTO_ICMP6_, .hop_limit = ND_HOP_LIMIT};
	struct nd_hdr nd = {.icmp.type = ND_SOLICITATION};
	uint32_t at;

	memcpy(group + 13, addr->bytes + 13, 3);
	memcpy(dst + 3, addr->bytes + 13, 3);
	at = write_ethernet(frame, dst, mac, vlan, ETH_TYPE_IPV6);
	put_be32(&ip.ver_tc_flow_be, 6u << 28);
	put_be16(&ip.payload_len_be, sizeof(nd));
	memcpy(ip.dst, group, 16);
	memcpy(nd.target, addr->bytes, 16);
	nd.icmp.csum = csum_finish(csum_pseudo6(ip.src, ip.dst, IPPROTO_ICMP6_, sizeof(nd)) +
				   csum_partial(&nd, sizeof(nd)));
	memcpy(frame + at, &ip, sizeof(ip));
	memcpy(frame + at + sizeof(ip), &nd, sizeof(nd));
	return at + (uint32_t)(sizeof(ip) + sizeof(nd));
}

uint32_t probe_frame_write(uint8_t *frame, const uint8_t mac[6], uint16_t vlan,
			   const struct ipaddr *addr)
{
	return addr->family == IP_V6 ? write_solicitation(frame, mac, vlan, addr)
				     : write_arp(frame, mac, vlan, addr);
}

/* RFC 5227 §2.1.1: the sender has it, or probes for it as we do. */
static bool read_arp(const uint8_t *p, uint32_t len, struct probe_claim *claim)
{
	struct arp_hdr arp;

	if (len < sizeof(arp))
		return false;
	memcpy(&arp, p, sizeof(arp));
	if (get_be16(&arp.hrd_be) != 1 || get_be16(&arp.pro_be) != ETH_TYPE_IPV4 || arp.hln != 6 ||
	    arp.pln != 4)
		return false;
	memcpy(claim->mac, arp.sha, 6);
	claim->in_use = arp.spa_be != 0;
	claim->addr = ipaddr_v4(claim->in_use ? arp.spa_be : arp.tpa_be);
	return claim->in_use || get_be16(&arp.op_be) == ARP_REQUEST;
}

/* RFC 4862 §5.4.3, §5.4.4: an advertisement, or a solicitation from "::". */
static bool read_nd(const uint8_t *p, uint32_t len, struct probe_claim *claim)
{
	static const uint8_t unspecified[16];
	struct ipv6_hdr ip;
	struct nd_hdr nd;
	uint32_t payload;

	if (len < sizeof(ip) + sizeof(nd))
		return false;
	memcpy(&ip, p, sizeof(ip));
	memcpy(&nd, p + sizeof(ip), sizeof(nd));
	payload = get_be16(&ip.payload_len_be);
	if (ip.next != IPPROTO_ICMP6_ || ip.hop_limit != ND_HOP_LIMIT || payload < sizeof(nd) ||
	    payload > len - sizeof(ip))
		return false;
	if (csum_fold(csum_pseudo6(ip.src, ip.dst, IPPROTO_ICMP6_, payload) +
		      csum_partial(p + sizeof(ip), payload)) != 0xffff)
		return false;
	claim->addr = ipaddr_v6(nd.target);
	claim->in_use = nd.icmp.type == ND_ADVERTISEMENT;
	return claim->in_use ||
	       (nd.icmp.type == ND_SOLICITATION && memcmp(ip.src, unspecified, 16) == 0);
}

bool probe_frame_read(const uint8_t *frame, uint32_t len, struct probe_claim *claim)
{
	uint32_t at = ETH_HLEN;
	uint16_t type;

	*claim = (struct probe_claim){0};
	if (len < ETH_HLEN + VLAN_HLEN)
		return false;
	memcpy(claim->mac, frame + 6, 6);
	type = get_be16(frame + 12);
	if (type == ETH_TYPE_VLAN) {
		claim->vlan = get_be16(frame + 14) & VLAN_ID_MASK;
		type = get_be16(frame + 16);
		at += VLAN_HLEN;
	}
	if (type == ETH_TYPE_ARP)
		return read_arp(frame + at, len - at, claim);
	return type == ETH_TYPE_IPV6 && read_nd(frame + at, len - at, claim);
}
