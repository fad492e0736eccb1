/* SPDX-License-Identifier: BSD-3-Clause */
/* RSS by our key and table; see dpdk_rss.h. A device's word is not taken for it:
 * several accept a key or a table and keep their own. */
#include "drivers/dpdk_rss.h"

#define RSS_TYPES    (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP)
#define RETA_MAX     RTE_ETH_RSS_RETA_SIZE_512
#define RETA_GROUPS  (RETA_MAX / RTE_ETH_RETA_GROUP_SIZE)
#define KEY_LEN_MIN  40

bool dpdk_rss_configure(const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	if ((info->flow_type_rss_offloads & RSS_TYPES) != RSS_TYPES ||
	    info->hash_key_size < KEY_LEN_MIN || info->hash_key_size > TOEPLITZ_KEY_MAX)
		return false;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH;
	conf->rx_adv_conf.rss_conf = (struct rte_eth_rss_conf){
		/* The structure's pointer is not const, though nobody writes there. */
		.rss_key = (uint8_t *)(uintptr_t)toeplitz_key,
		.rss_key_len = info->hash_key_size,
		.rss_hf = RSS_TYPES,
	};
	return true;
}

/* A device takes the low bits of the hash as index. That is toeplitz_owner()'s
 * choice when the table has at least TOEPLITZ_SLOTS entries, and with a smaller
 * one only for some numbers of queues. */
static uint16_t queue_of(uint16_t index, uint16_t nb_queues)
{
	return toeplitz_owner(index, nb_queues);
}

static bool table_suffices(uint16_t size, uint16_t nb_queues)
{
	if (size == 0 || size > RETA_MAX || (size & (size - 1)) != 0)
		return false;
	for (uint16_t slot = 0; slot < TOEPLITZ_SLOTS; slot++) {
		if (queue_of(slot & (size - 1), nb_queues) != toeplitz_owner(slot, nb_queues))
			return false;
	}
	return true;
}

/* *types: what the device spreads by. */
static bool key_is_ours(uint16_t port_id, uint8_t len, uint64_t *types)
{
	uint8_t key[TOEPLITZ_KEY_MAX] = {0};
	struct rte_eth_rss_conf is = {.rss_key = key, .rss_key_len = len};

	if (rte_eth_dev_rss_hash_conf_get(port_id, &is) != 0)
		return false;
	*types = is.rss_hf;
	return (is.rss_hf & RSS_TYPES) == RSS_TYPES && memcmp(key, toeplitz_key, len) == 0;
}

static bool table_is_ours(uint16_t port_id, uint16_t size, uint16_t nb_queues)
{
	struct rte_eth_rss_reta_entry64 is[RETA_GROUPS] = {0};

	for (uint16_t i = 0; i < size; i++)
		is[i / RTE_ETH_RETA_GROUP_SIZE].mask |= 1ull << (i % RTE_ETH_RETA_GROUP_SIZE);
	if (rte_eth_dev_rss_reta_query(port_id, is, size) != 0)
		return false;
	for (uint16_t i = 0; i < size; i++) {
		if (is[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] !=
		    queue_of(i, nb_queues))
			return false;
	}
	return true;
}

bool dpdk_rss_program(uint16_t port_id, uint16_t nb_queues, bool *tcp_only)
{
	struct rte_eth_rss_reta_entry64 want[RETA_GROUPS] = {0};
	struct rte_eth_dev_info info;
	uint64_t types = 0;

	/* Asked anew: the size may depend on the number of queues. */
	if (rte_eth_dev_info_get(port_id, &info) != 0 || !table_suffices(info.reta_size, nb_queues))
		return false;
	for (uint16_t i = 0; i < info.reta_size; i++) {
		struct rte_eth_rss_reta_entry64 *group = &want[i / RTE_ETH_RETA_GROUP_SIZE];

		group->mask |= 1ull << (i % RTE_ETH_RETA_GROUP_SIZE);
		group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = queue_of(i, nb_queues);
	}
	if (rte_eth_dev_rss_reta_update(port_id, want, info.reta_size) != 0 ||
	    !table_is_ours(port_id, info.reta_size, nb_queues) ||
	    !key_is_ours(port_id, info.hash_key_size, &types))
		return false;
	*tcp_only = types == RSS_TYPES;
	return true;
}
