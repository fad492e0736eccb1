/* SPDX-License-Identifier: BSD-3-Clause */
/* Local addresses, interfaces and routes: read-only after net_init(). */
#include "engine/net/net.h"
#include "engine/base/siphash.h"

static uint32_t local_slots(const struct conf *conf)
{
	uint32_t n = 16;

	while (n < 2u * conf->nb_addrs)
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
	uint64_t w[2] = {0, 0};

	memcpy(w, bytes, family == IP_V4 ? 4 : 16);
	return (uint32_t)((w[0] * 31 + w[1] + family) * 0x9e3779b97f4a7c15ull >> 40);
}

static void add_local(struct net *net, uint16_t index)
{
	const struct ipaddr *a = &net->conf->addrs[index].addr;
	uint32_t i = local_hash(a->family, a->bytes);

	while (net->local_table[i & net->local_mask])
		i++;
	net->local_table[i & net->local_mask] = (uint16_t)(index + 1);
}

void net_init(struct net *net, void *mem, const struct conf *conf, const struct net_link *links)
{
	uint32_t slots = local_slots(conf);

	net->conf = conf;
	net->local_table = mem;
	net->local_mask = slots - 1;
	net->neighs = (void *)((uint8_t *)mem + ALIGN_UP(slots * sizeof(uint16_t), CACHE_LINE));
	for (uint16_t i = 0; i < conf->nb_addrs; i++)
		add_local(net, i);
	for (uint16_t i = 0; i < conf->nb_ifaces; i++) {
		const struct conf_iface *ci = &conf->ifaces[i];
		const struct net_link *link = &links[ci->port];
		struct net_iface *ni = &net->ifaces[i];

		*ni = (struct net_iface){.port = ci->port,
					 .vlan = ci->vlan,
					 .mtu = MIN(ci->mtu, link->mtu),
					 .tx_ip_csum = link->tx_ip_csum,
					 .tx_tcp_csum = link->tx_tcp_csum};
		memcpy(ni->mac, link->mac, 6);
	}
	for (uint16_t i = 0; i < conf->nb_ports; i++) {
		memcpy(net->port_mac[i], links[i].mac, 6);
		net->rx_hash[i] = links[i].rx_hash;
	}
}

uint16_t net_local(const struct net *net, uint8_t family, const uint8_t *bytes)
{
	uint32_t len = family == IP_V4 ? 4 : 16;

	for (uint32_t i = local_hash(family, bytes);; i++) {
		uint16_t e = net->local_table[i & net->local_mask];
		const struct ipaddr *a;

		if (!e)
			return CONF_NONE;
		a = &net->conf->addrs[e - 1].addr;
		if (a->family == family && memcmp(a->bytes, bytes, len) == 0)
			return (uint16_t)(e - 1);
	}
}

bool net_is_broadcast(const struct net *net, uint16_t iface, uint8_t family, const uint8_t *bytes)
{
	uint32_t addr_be;

	if (family != IP_V4)
		return false;
	memcpy(&addr_be, bytes, 4);
	for (uint16_t i = 0; i < net->conf->nb_addrs; i++) {
		const struct conf_addr *a = &net->conf->addrs[i];
		uint32_t host_be;

		if (a->iface != iface || a->addr.family != IP_V4 || a->prefix_len > 30)
			continue;
		host_be = __builtin_bswap32(UINT32_MAX >> a->prefix_len);
		if (addr_be == (a->addr.v4_be | host_be))
			return true;
	}
	return false;
}

uint16_t net_iface(const struct net *net, uint16_t port, uint16_t vlan)
{
	for (uint16_t i = 0; i < net->conf->nb_ifaces; i++)
		if (net->ifaces[i].port == port && net->ifaces[i].vlan == vlan)
			return i;
	return CONF_NONE;
}

bool net_route(const struct net *net, const struct ipaddr *dst, uint16_t *iface,
	       struct ipaddr *next_hop)
{
	const struct conf *conf = net->conf;
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
