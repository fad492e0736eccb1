/* SPDX-License-Identifier: BSD-3-Clause */
/* RSS set-up against a device made up here: the four calls that dpdk_rss.c makes
 * are answered from a struct, so that every way a device can fall short of what
 * it promises has its case. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "drivers/dpdk_rss.h"

#define TCP_TYPES (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP)

struct device {
	uint16_t reta_size;
	uint16_t reta[RTE_ETH_RSS_RETA_SIZE_512];
	uint8_t key[64];
	uint8_t key_size;
	uint64_t types;
	bool no_update, no_query, no_conf; /* calls that fail */
	bool forgets_last;		   /* the last table entry stays as it was */
};

static struct device dev;

int rte_eth_dev_info_get(uint16_t port_id, struct rte_eth_dev_info *info)
{
	(void)port_id;
	*info = (struct rte_eth_dev_info){.reta_size = dev.reta_size,
					  .hash_key_size = dev.key_size,
					  .flow_type_rss_offloads = dev.types,
					  .rx_offload_capa = RTE_ETH_RX_OFFLOAD_RSS_HASH};
	return 0;
}

int rte_eth_dev_rss_reta_update(uint16_t port_id, struct rte_eth_rss_reta_entry64 *reta,
				uint16_t size)
{
	(void)port_id;
	assert_int_equal(size, dev.reta_size);
	for (uint16_t i = 0; i < size; i++) {
		assert_true(reta[i / 64].mask >> (i % 64) & 1);
		if (!(dev.forgets_last && i == size - 1))
			dev.reta[i] = reta[i / 64].reta[i % 64];
	}
	return dev.no_update ? -ENOTSUP : 0;
}

int rte_eth_dev_rss_reta_query(uint16_t port_id, struct rte_eth_rss_reta_entry64 *reta,
			       uint16_t size)
{
	(void)port_id;
	for (uint16_t i = 0; i < size; i++) {
		if (reta[i / 64].mask >> (i % 64) & 1)
			reta[i / 64].reta[i % 64] = dev.reta[i];
	}
	return dev.no_query ? -ENOTSUP : 0;
}

int rte_eth_dev_rss_hash_conf_get(uint16_t port_id, struct rte_eth_rss_conf *conf)
{
	(void)port_id;
	memcpy(conf->rss_key, dev.key, conf->rss_key_len);
	conf->rss_hf = dev.types;
	return dev.no_conf ? -ENOTSUP : 0;
}

/* As after a successful rte_eth_dev_configure(). */
static struct device good(uint16_t reta_size, uint8_t key_size)
{
	struct device d = {.reta_size = reta_size, .key_size = key_size, .types = TCP_TYPES};

	memset(d.reta, 0xff, sizeof(d.reta));
	memcpy(d.key, toeplitz_key, MIN(key_size, sizeof(toeplitz_key)));
	return d;
}

static void test_table_leads_to_the_owner(void **state)
{
	static const uint16_t sizes[] = {128, 256, 512};
	bool tcp_only;

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		for (uint16_t queues = 1; queues <= 7; queues++) {
			dev = good(sizes[s], 40);
			assert_true(dpdk_rss_program(0, queues, &tcp_only));
			for (uint32_t hash = 0; hash < 100000; hash += 37)
				assert_int_equal(dev.reta[hash % sizes[s]],
						 toeplitz_owner(hash, queues));
		}
	}
}

static void test_small_table_suffices_for_powers_of_two(void **state)
{
	bool tcp_only;

	(void)state;
	dev = good(64, 52);
	assert_true(dpdk_rss_program(0, 4, &tcp_only));
	assert_false(dpdk_rss_program(0, 3, &tcp_only));
	dev = good(4, 40);
	assert_true(dpdk_rss_program(0, 2, &tcp_only));
	assert_false(dpdk_rss_program(0, 8, &tcp_only));
}

static void test_devices_are_not_believed(void **state)
{
	bool tcp_only;

	(void)state;
	dev = good(0, 40);
	assert_false(dpdk_rss_program(0, 2, &tcp_only));
	dev = good(1024, 40);
	assert_false(dpdk_rss_program(0, 2, &tcp_only));
	dev = good(100, 40);
	assert_false(dpdk_rss_program(0, 2, &tcp_only));
	dev = good(128, 40);
	dev.no_update = true;
	assert_false(dpdk_rss_program(0, 2, &tcp_only));
	dev = good(128, 40);
	dev.no_query = true;
	assert_false(dpdk_rss_program(0, 2, &tcp_only));
	dev = good(128, 40);
	dev.forgets_last = true;
	assert_false(dpdk_rss_program(0, 2, &tcp_only));
	dev = good(128, 40);
	dev.no_conf = true;
	assert_false(dpdk_rss_program(0, 2, &tcp_only));
	dev = good(128, 40);
	dev.key[39] ^= 1;
	assert_false(dpdk_rss_program(0, 2, &tcp_only));
	dev = good(128, 40);
	dev.types = RTE_ETH_RSS_NONFRAG_IPV4_TCP;
	assert_false(dpdk_rss_program(0, 2, &tcp_only));
}

/* What it hashes besides may be TCP to us: behind extension headers, or in fragments. */
static void test_hashes_of_addresses_are_no_tuples(void **state)
{
	bool tcp_only;

	(void)state;
	dev = good(128, 40);
	assert_true(dpdk_rss_program(0, 2, &tcp_only));
	assert_true(tcp_only);
	dev = good(128, 40);
	dev.types |= RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV4;
	assert_true(dpdk_rss_program(0, 2, &tcp_only));
	assert_false(tcp_only);
}

static void test_configuration(void **state)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0}, before = {0};

	(void)state;
	dev = good(128, 52);
	rte_eth_dev_info_get(0, &info);
	assert_true(dpdk_rss_configure(&info, &conf));
	assert_int_equal(conf.rxmode.mq_mode, RTE_ETH_MQ_RX_RSS);
	assert_int_equal(conf.rxmode.offloads, RTE_ETH_RX_OFFLOAD_RSS_HASH);
	assert_int_equal(conf.rx_adv_conf.rss_conf.rss_hf, TCP_TYPES);
	assert_int_equal(conf.rx_adv_conf.rss_conf.rss_key_len, 52);
	assert_memory_equal(conf.rx_adv_conf.rss_conf.rss_key, toeplitz_key, 52);

	memset(&conf, 0, sizeof(conf));
	info.hash_key_size = 0;
	assert_false(dpdk_rss_configure(&info, &conf));
	info.hash_key_size = 64;
	assert_false(dpdk_rss_configure(&info, &conf));
	info.hash_key_size = 40;
	info.flow_type_rss_offloads = RTE_ETH_RSS_IPV4;
	assert_false(dpdk_rss_configure(&info, &conf));
	assert_memory_equal(&conf, &before, sizeof(conf));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_leads_to_the_owner),
		cmocka_unit_test(test_small_table_suffices_for_powers_of_two),
		cmocka_unit_test(test_devices_are_not_believed),
		cmocka_unit_test(test_hashes_of_addresses_are_no_tuples),
		cmocka_unit_test(test_configuration),
	};

	return cmocka_run_group_tests_name("dpdk_rss", tests, NULL, NULL);
}
