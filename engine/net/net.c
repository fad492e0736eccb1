/* SPDX-License-Identifier: BSD-3-Clause */
/* Local addresses, interfaces and routes: read-only after net_init(). */
#include "engine/net/net.h"

/* An entry of the table of addresses: the index of one in the configuration, plus 1, and whether
 * it is meant itself or its network's broadcast address. 0: free. */
#define ENTRY_BROADCAST 0x8000u

static_assert(CONF_MAX_ADDRS < ENTRY_BROADCAST, "the index fits beside the bit");

static uint32_t local_slots(const struct conf *conf)
{
	uint32_t n = 16;

	while (n < 4u * conf->nb_addrs)
		n *= 2;
	return n;
}

size_t net_bytes(const struct conf *conf)
{
	return ALIGN_UP(local_slots(conf) * sizeof(uint16_t), CACHE_LINE) +
	       NEIGH_MAX * sizeof(struct neigh);
}

/* Local addresses come from our own config: no attacker chooses them, so a
 * multiplicative hash does. */
static uint32_t local_hash(uint8_t family, const uint8_t *bytes)
{
	uint64_t w[2];
	uint32_t be;

	if (family == IP_V4) {
		memcpy(&be, bytes, 4);
		return be * 0x9e3779b1u >> 8;
	}
	memcpy(w, bytes, 16);
	return (uint32_t)((w[0] * 31 + w[1]) * 0x9e3779b97f4a7c15ull >> 40);
}

static uint32_t broadcast_of(const struct conf_addr *a)
{
	return a->addr.v4_be | __builtin_bswap32(UINT32_MAX >> a->prefix_len);
}

/* The address itself or its broadcast address, as the entry says. */
static bool entry_is(const struct net *net, uint16_t e, uint8_t family, const uint8_t *bytes)
{
	const struct conf_addr *a = &net->conf->addrs[(e & ~ENTRY_BROADCAST) - 1];
	uint32_t broadcast_be;

	if (a->addr.family != family)
		return false;
	if (!(e & ENTRY_BROADCAST))
		return ipaddr_same_bytes(a->addr.bytes, bytes, family == IP_V4 ? 4 : 16);
	broadcast_be = broadcast_of(a);
	return ipaddr_same_bytes(&broadcast_be, bytes, 4);
}

static uint64_t filter_bit(uint32_t hash)
{
	return 1ull << (hash >> 18 & 63);
}

static uint16_t find_entry(const struct net *net, uint8_t family, const uint8_t *bytes)
{
	uint32_t hash = local_hash(family, bytes);

	if (likely(!(net->local_filter & filter_bit(hash))))
		return 0;
	for (uint32_t i = hash;; i++) {
		uint16_t e = net->local_table[i & net->local_mask];

		if (!e || entry_is(net, e, family, bytes))
			return e;
	}
}

static void add_entry(struct net *net, uint16_t e, uint8_t family, const uint8_t *bytes)
{
	uint32_t i = local_hash(family, bytes);

	if (find_entry(net, family, bytes))
		return;
	net->local_filter |= filter_bit(i);
	while (net->local_table[i & net->local_mask])
		i++;
	net->local_table[i & net->local_mask] = e;
}

static void add_addresses(struct net *net)
{
	const struct conf *conf = net->conf;

	for (uint16_t i = 0; i < conf->nb_addrs; i++)
		add_entry(net, (uint16_t)(i + 1), conf->addrs[i].addr.family,
			  conf->addrs[i].addr.bytes);
	for (uint16_t i = 0; i < conf->nb_addrs; i++) {
		const struct conf_addr *a = &conf->addrs[i];
		uint32_t broadcast_be;

		if (a->addr.family != IP_V4 || a->prefix_len > 30)
			continue;
		broadcast_be = broadcast_of(a);
		add_entry(net, (uint16_t)((i + 1) | ENTRY_BROADCAST), IP_V4,
			  (const uint8_t *)&broadcast_be);
	}
}

static void add_ifaces(struct net *net, const struct net_link *links)
{
	memset(net->untagged, 0xff, sizeof(net->untagged));
	for (uint16_t i = 0; i < net->conf->nb_ifaces; i++) {
		const struct conf_iface *ci = &net->conf->ifaces[i];
		const struct net_link *link = &links[ci->port];
		struct net_iface *ni = &net->ifaces[i];

		*ni = (struct net_iface){.port = ci->port,
					 .vlan = ci->vlan,
					 .mtu = MIN(ci->mtu, link->mtu)};
		ni->tx_flags |= link->tx_ip_csum ? BUF_TX_IP_CSUM : 0;
		ni->tx_flags |= link->tx_tcp_csum ? BUF_TX_L4_CSUM : 0;
		memcpy(ni->mac, link->mac, 6);
		if (ci->vlan == 0)
			net->untagged[ci->port] = i;
	}
}

void net_init(struct net *net, void *mem, const struct conf *conf, const struct net_link *links)
{
	uint32_t slots = local_slots(conf);

	net->conf = conf;
	net->local_table = mem;
	net->local_mask = slots - 1;
	net->neighs = (void *)((uint8_t *)mem + ALIGN_UP(slots * sizeof(uint16_t), CACHE_LINE));
	add_addresses(net);
	add_ifaces(net, links);
	for (uint16_t i = 0; i < conf->nb_ports; i++) {
		memcpy(net->port_mac[i], links[i].mac, 6);
		net->rx_hash[i] = links[i].rx_hash;
	}
}

uint16_t net_local(const struct net *net, uint8_t family, const uint8_t *bytes)
{
	uint16_t e = find_entry(net, family, bytes);

	return e == 0 || (e & ENTRY_BROADCAST) ? CONF_NONE : (uint16_t)(e - 1);
}

enum net_whose net_whose(const struct net *net, uint8_t family, const uint8_t *bytes)
{
	uint16_t e = find_entry(net, family, bytes);

	if (likely(!e))
		return NET_OTHERS;
	return e & ENTRY_BROADCAST ? NET_BROADCAST : NET_LOCAL;
}

uint16_t net_vlan_iface(const struct net *net, uint16_t port, uint16_t vlan)
{
	for (uint16_t i = 0; i < net->conf->nb_ifaces; i++)
		if (net->ifaces[i].port == port && net->ifaces[i].vlan == vlan)
			return i;
	return CONF_NONE;
}

/* The longest prefix that has it. */
static bool find_route(const struct conf *conf, const struct ipaddr *dst, uint16_t *iface,
		       struct ipaddr *next_hop)
{
	int best = -1;

	for (uint16_t i = 0; i < conf->nb_addrs; i++) {
		const struct conf_addr *a = &conf->addrs[i];

		if (a->addr.family != dst->family || a->prefix_len <= best ||
		    !ipaddr_prefix_match(&a->addr, dst, a->prefix_len))
			continue;
		best = a->prefix_len;
		*iface = a->iface;
		*next_hop = *dst;
	}
	for (uint16_t i = 0; i < conf->nb_routes; i++) {
		const struct conf_route *r = &conf->routes[i];

		if (r->to.family != dst->family || r->prefix_len <= best ||
		    !ipaddr_prefix_match(&r->to, dst, r->prefix_len))
			continue;
		best = r->prefix_len;
		*iface = r->iface;
		*next_hop = r->via;
	}
	return best >= 0;
}

/* Routes don't change; who is asked for is mostly one of a few backends. */
bool net_route(struct net *net, const struct ipaddr *dst, uint16_t *iface, struct ipaddr *next_hop)
{
	uint64_t hash = (dst->words[0] * 31 + dst->words[1]) * 0x9e3779b97f4a7c15ull;
	struct net_way *w = &net->ways[(hash >> 32) % NET_WAYS];

	if (ipaddr_equal(&w->to, dst)) {
		*iface = w->iface;
		*next_hop = w->next_hop;
		return true;
	}
	if (!find_route(net->conf, dst, iface, next_hop))
		return false;
	*w = (struct net_way){*dst, *next_hop, *iface};
	return true;
}
