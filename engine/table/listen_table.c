/* SPDX-License-Identifier: BSD-3-Clause */
/* Any number of listeners on a port, each on its address or on all (MUST-41, MUST-42). */
#include "engine/table/listen_table.h"

uint32_t listen_table_slots(const struct conf *conf)
{
	uint32_t n = 16;

	while (n < 2u * conf->nb_listeners)
		n *= 2;
	return n;
}

static uint32_t listen_hash(uint16_t local, uint16_t port_be)
{
	return (((uint32_t)local << 16 | port_be) * 0x9e3779b1u) >> 8;
}

void listen_table_build(struct shard *sh)
{
	const struct conf *conf = sh->conf;

	sh->listen_mask = listen_table_slots(conf) - 1;
	for (uint16_t l = 0; l < conf->nb_listeners; l++) {
		uint32_t i = listen_hash(conf->listeners[l].local, conf->listeners[l].port_be);

		while (sh->listen_table[i & sh->listen_mask])
			i++;
		sh->listen_table[i & sh->listen_mask] = (uint16_t)(l + 1);
	}
}

static uint16_t find(const struct shard *sh, uint8_t family, uint16_t local, uint16_t port_be)
{
	for (uint32_t i = listen_hash(local, port_be);; i++) {
		uint16_t e = sh->listen_table[i & sh->listen_mask];
		const struct conf_listener *l;

		if (!e)
			return CONF_NONE;
		l = &sh->conf->listeners[e - 1];
		if (l->local == local && l->port_be == port_be && l->addr.family == family)
			return (uint16_t)(e - 1);
	}
}

uint16_t listen_table_find(const struct shard *sh, uint8_t family, uint16_t local, uint16_t port_be)
{
	uint16_t l = find(sh, family, local, port_be);

	return l != CONF_NONE ? l : find(sh, family, CONF_NONE, port_be);
}
