/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes a device spread TCP over its queues exactly as toeplitz_owner() says,
 * so that frames reach their owner without a detour. Main thread.
 */
#pragma once

#include <rte_ethdev.h>

#include "engine/base/toeplitz.h"

/* Adds our key and hash types to `conf`, as far as the device has RSS for TCP
 * and a key that can be set; false, and nothing changed: it has not. Before
 * rte_eth_dev_configure(). */
bool dpdk_rss_configure(const struct rte_eth_dev_info *info, struct rte_eth_conf *conf);

/*
 * Fills the redirection table of the started port and reads everything back.
 * False: the device has no table, or one too small for nb_queues, or does not
 * hold what was written; then its spreading cannot be relied on.
 *
 * *tcp_only: a frame that comes with a hash is TCP, and that is the 4-tuple's. Else it may be
 * one of the addresses alone, where the device finds no TCP header but we do.
 */
bool dpdk_rss_program(uint16_t port_id, uint16_t nb_queues, bool *tcp_only);
