/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/net/nd.h"
#include "engine/net/neigh.h"
#include "engine/net/util.h"
#include "engine/wire/build.h"
#include "engine/wire/csum.h"

enum {
	ND_SOLICITATION = 135,
	ND_ADVERTISEMENT = 136,
	ND_OPT_SOURCE_LLA = 1,
	ND_OPT_TARGET_LLA = 2,
	ND_HOP_LIMIT = 255, /* proves that the sender is on the link, RFC 4861 §7.1 */
};

#define ND_SOLICITED 0x40000000u
#define ND_OVERRIDE  0x20000000u
#define ND_LEN	     (sizeof(struct nd_hdr) + 8) /* with one link-layer address option */

struct nd_out {
	const uint8_t *dmac;
	const uint8_t *src, *dst, *target;
	uint32_t flags; /* of an advertisement */
	uint8_t type;
};

static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 0x01};
static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};

/* Writes the frame at b->data and queues it. */
static void nd_send(struct shard *sh, uint16_t iface, struct buf *b, const struct nd_out *o)
{
	const struct net_iface *ni = &sh->net.ifaces[iface];
	uint32_t l2 = build_eth(b->data, ni->mac, o->dmac, ni->vlan, ETH_TYPE_IPV6);
	uint8_t *ip = b->data + l2, *nd = ip + IPV6_HLEN;
	uint8_t *opt = nd + sizeof(struct nd_hdr);
	uint16_t csum;

	build_ipv6(ip, o->src, o->dst, IPPROTO_ICMP6_, ND_LEN, ND_HOP_LIMIT, 0);
	nd[0] = o->type;
	memset(nd + 1, 0, 3);
	put_be32(nd + 4, o->flags);
	memcpy(nd + 8, o->target, 16);
	opt[0] = o->type == ND_SOLICITATION ? ND_OPT_SOURCE_LLA : ND_OPT_TARGET_LLA;
	opt[1] = 1;
	memcpy(opt + 2, ni->mac, 6);
	csum = csum_finish(csum_pseudo6(o->src, o->dst, IPPROTO_ICMP6_, ND_LEN) +
			   csum_partial(nd, ND_LEN));
	memcpy(nd + 2, &csum, 2);
	b->len = l2 + IPV6_HLEN + ND_LEN;
	b->flags = 0;
	shard_tx(sh, ni->port, b);
}

void nd_solicit(struct shard *sh, uint16_t iface, const struct ipaddr *addr)
{
	uint16_t local = net_source_for(&sh->net, iface, addr);
	uint8_t group[16], mac[6];
	struct buf *b;

	if (local == CONF_NONE)
		return;
	b = net_frame_alloc(sh, sh->net.ifaces[iface].port);
	if (!b)
		return;
	net_solicited_node(addr, group);
	net_group_mac(group, mac);
	nd_send(sh, iface, b,
		&(struct nd_out){.dmac = mac,
				 .src = sh->conf->addrs[local].addr.bytes,
				 .dst = group,
				 .target = addr->bytes,
				 .type = ND_SOLICITATION});
}

void nd_announce(struct shard *sh, uint16_t local)
{
	const struct conf_addr *a = &sh->conf->addrs[local];
	struct buf *b = net_frame_alloc(sh, sh->net.ifaces[a->iface].port);

	if (b)
		nd_send(sh, a->iface, b,
			&(struct nd_out){.dmac = all_nodes_mac,
					 .src = a->addr.bytes,
					 .dst = all_nodes,
					 .target = a->addr.bytes,
					 .flags = ND_OVERRIDE,
					 .type = ND_ADVERTISEMENT});
}

/* The link-layer address option of this type, NULL: none; *ok false: malformed. */
static const uint8_t *nd_option(const uint8_t *p, uint32_t len, uint8_t type, bool *ok)
{
	const uint8_t *found = NULL;

	while (len >= 8) {
		uint32_t n = p[1] * 8u;

		if (n == 0 || n > len)
			break;
		if (p[0] == type && n == 8)
			found = p + 2;
		p += n;
		len -= n;
	}
	*ok = len == 0;
	return found;
}

static void nd_answer(struct shard *sh, struct seg *s, uint16_t local, const uint8_t *lla)
{
	const struct net_iface *ni = &sh->net.ifaces[s->iface];
	const uint8_t *target = sh->conf->addrs[local].addr.bytes;
	struct ipaddr asker = ipaddr_v6(s->src);
	bool dad = asker.words[0] == 0 && asker.words[1] == 0;
	uint8_t mac[6];

	if (shard_tx_room(sh, ni->port) == 0) {
		stat_inc(sh, STAT_drop_tx_full);
		shard_buf_free(sh, s->buf);
		return;
	}
	memcpy(mac, dad ? all_nodes_mac : lla ? lla : s->buf->data + 6, 6);
	stat_inc(sh, STAT_nd_replies);
	nd_send(sh, s->iface, s->buf,
		&(struct nd_out){.dmac = mac,
				 .src = target,
				 .dst = dad ? all_nodes : asker.bytes,
				 .target = target,
				 .flags = ND_OVERRIDE | (dad ? 0 : ND_SOLICITED),
				 .type = ND_ADVERTISEMENT});
}

/* RFC 4861 §7.1: *lla is the sender's or target's option, NULL: it has none. */
static bool nd_is_good(const struct seg *s, const uint8_t **lla)
{
	const struct nd_hdr *nd = (const void *)s->payload;
	bool ok = true;

	*lla = NULL;
	if (s->payload_len < sizeof(*nd) || s->ttl != ND_HOP_LIMIT || nd->icmp.code != 0)
		return false;
	*lla = nd_option(
	    s->payload + sizeof(*nd), s->payload_len - sizeof(*nd),
	    nd->icmp.type == ND_SOLICITATION ? ND_OPT_SOURCE_LLA : ND_OPT_TARGET_LLA, &ok);
	return ok;
}

/* Without the option an advertisement came straight from the target. */
static const uint8_t *mac_of_target(const struct seg *s, const uint8_t *lla)
{
	return lla ? lla : s->buf->data + 6;
}

bool nd_claims(const struct seg *s, struct ipaddr *addr, const uint8_t **mac)
{
	const struct nd_hdr *nd = (const void *)s->payload;
	const uint8_t *lla;

	if (nd->icmp.type != ND_ADVERTISEMENT || !nd_is_good(s, &lla))
		return false;
	*addr = ipaddr_v6(nd->target);
	*mac = mac_of_target(s, lla);
	return true;
}

void nd_input(struct shard *sh, struct seg *s)
{
	const struct nd_hdr *nd = (const void *)s->payload;
	const uint8_t *lla;

	if (!nd_is_good(s, &lla)) {
		stat_inc(sh, STAT_drop_bad_nd);
		shard_buf_free(sh, s->buf);
		return;
	}
	if (nd->icmp.type == ND_SOLICITATION) {
		uint16_t local = net_local(&sh->net, IP_V6, nd->target);

		if (local != CONF_NONE && sh->conf->addrs[local].iface == s->iface &&
		    !(s->buf->flags & BUF_RX_LEARN_ONLY)) {
			nd_answer(sh, s, local, lla);
			return;
		}
	} else {
		struct ipaddr target = ipaddr_v6(nd->target);

		neigh_learn(sh, s->iface, &target, mac_of_target(s, lla));
	}
	shard_buf_free(sh, s->buf);
}
