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
