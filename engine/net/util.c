/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/net/util.h"

struct buf *net_frame_alloc(struct shard *sh, uint16_t port)
{
	if (shard_tx_room(sh, port) == 0) {
		stat_inc(sh, STAT_drop_tx_full);
		return NULL;
	}
	return shard_buf_alloc(sh);
}

uint16_t net_source_for(const struct net *net, uint16_t iface, const struct ipaddr *addr)
{
	uint16_t any = CONF_NONE;

	for (uint16_t i = 0; i < net->conf->nb_addrs; i++) {
		const struct conf_addr *a = &net->conf->addrs[i];

		if (a->iface != iface || a->addr.family != addr->family)
			continue;
		if (ipaddr_prefix_match(&a->addr, addr, a->prefix_len))
			return i;
		any = i;
	}
	return any;
}

void net_solicited_node(const struct ipaddr *addr, uint8_t group[16])
{
	static const uint8_t prefix[13] = {0xff, 0x02, [11] = 0x01, [12] = 0xff};

	memcpy(group, prefix, sizeof(prefix));
	memcpy(group + sizeof(prefix), addr->bytes + sizeof(prefix), 16 - sizeof(prefix));
}

void net_group_mac(const uint8_t group[16], uint8_t mac[6])
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, group + 12, 4);
}
