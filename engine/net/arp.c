/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/net/arp.h"
#include "engine/net/neigh.h"
#include "engine/net/util.h"
#include "engine/wire/build.h"

enum { ARP_REQUEST = 1, ARP_REPLY = 2, ARP_ETHERNET = 1 };

static void arp_write(uint8_t *p, uint16_t op, const uint8_t *sha, uint32_t spa_be,
		      const uint8_t *tha, uint32_t tpa_be)
{
	struct arp_hdr a = {
	    .hrd_be = __builtin_bswap16(ARP_ETHERNET),
	    .pro_be = __builtin_bswap16(ETH_TYPE_IPV4),
	    .hln = 6,
	    .pln = 4,
	    .op_be = __builtin_bswap16(op),
	    .spa_be = spa_be,
	    .tpa_be = tpa_be,
	};

	memcpy(a.sha, sha, 6);
	memcpy(a.tha, tha, 6);
	memcpy(p, &a, sizeof(a));
}

/* Sends one broadcast request in a fresh buf. */
static void arp_broadcast(struct shard *sh, uint16_t iface, uint32_t spa_be, uint32_t tpa_be)
{
	const struct net_iface *ni = &sh->net.ifaces[iface];
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t none[6];
	struct buf *b = net_frame_alloc(sh, ni->port);
	uint32_t l2;

	if (!b)
		return;
	l2 = build_eth(b->data, ni->mac, all, ni->vlan, ETH_TYPE_ARP);
	arp_write(b->data + l2, ARP_REQUEST, ni->mac, spa_be, none, tpa_be);
	b->len = l2 + sizeof(struct arp_hdr);
	shard_tx(sh, ni->port, b);
}

void arp_request(struct shard *sh, uint16_t iface, const struct ipaddr *addr)
{
	uint16_t local = net_source_for(&sh->net, iface, addr);

	if (local != CONF_NONE)
		arp_broadcast(sh, iface, sh->conf->addrs[local].addr.v4_be, addr->v4_be);
}

void arp_announce(struct shard *sh, uint16_t local)
{
	const struct conf_addr *a = &sh->conf->addrs[local];

	arp_broadcast(sh, a->iface, a->addr.v4_be, a->addr.v4_be);
}

static void arp_reply(struct shard *sh, struct seg *s, const struct arp_hdr *req)
{
	const struct net_iface *ni = &sh->net.ifaces[s->iface];
	struct buf *b = s->buf;
	struct arp_hdr in = *req;
	uint32_t l2;

	if (shard_tx_room(sh, ni->port) == 0) {
		stat_inc(sh, STAT_drop_tx_full);
		shard_buf_free(sh, b);
		return;
	}
	l2 = build_eth(b->data, ni->mac, in.sha, ni->vlan, ETH_TYPE_ARP);
	arp_write(b->data + l2, ARP_REPLY, ni->mac, in.tpa_be, in.sha, in.spa_be);
	b->len = l2 + sizeof(struct arp_hdr);
	b->flags = 0;
	stat_inc(sh, STAT_arp_replies);
	shard_tx(sh, ni->port, b);
}

static bool arp_is_good(const struct arp_hdr *a)
{
	return a->hrd_be == __builtin_bswap16(ARP_ETHERNET) &&
	       a->pro_be == __builtin_bswap16(ETH_TYPE_IPV4) && a->hln == 6 && a->pln == 4 &&
	       !(a->sha[0] & 1);
}

bool arp_claims(const struct seg *s, struct ipaddr *addr, const uint8_t **mac)
{
	const struct arp_hdr *a = (const void *)(s->buf->data + s->l3_off);
	bool answer = a->op_be == __builtin_bswap16(ARP_REPLY);

	*addr = ipaddr_v4(a->spa_be);
	*mac = a->sha;
	return arp_is_good(a) && (answer || a->spa_be == a->tpa_be);
}

void net_arp(struct shard *sh, struct seg *s)
{
	const struct arp_hdr *a = (const void *)(s->buf->data + s->l3_off);
	struct ipaddr sender = ipaddr_v4(a->spa_be);
	uint16_t local;

	if (!arp_is_good(a)) {
		stat_inc(sh, STAT_drop_bad_arp);
		shard_buf_free(sh, s->buf);
		return;
	}
	neigh_learn(sh, s->iface, &sender, a->sha);
	local = net_local(&sh->net, IP_V4, (const uint8_t *)&a->tpa_be);
	if (a->op_be == __builtin_bswap16(ARP_REQUEST) && local != CONF_NONE &&
	    sh->conf->addrs[local].iface == s->iface && !(s->buf->flags & BUF_RX_LEARN_ONLY))
		arp_reply(sh, s, a);
	else
		shard_buf_free(sh, s->buf);
}
