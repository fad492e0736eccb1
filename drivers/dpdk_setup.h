/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a device string to a started Ethernet device, and back. Private to the
 * DPDK port; main thread.
 */
#pragma once

#include <rte_dev.h>

#include "drivers/dpdk_port.h"

/* One receive and one transmit queue; the counters are written by its thread. */
struct dpdk_queue {
	CACHE_ALIGNED struct rte_mempool *pool; /* of received frames */
	uint32_t room;			       /* largest frame of one buf, bytes */
	_Atomic uint64_t rx_refused;	       /* frames that fit no buf */
	_Atomic uint64_t tx_refused;	       /* frames that the device cannot send */
};

struct dpdk_port {
	struct port port;
	struct dpdk_queue *queues;
	uint64_t hash_flag; /* ol_flags bit of a hash made with our key; 0: not ours */
	struct rte_device *device; /* to be detached at the end; NULL: it was there before */
	uint16_t id;
	bool tx_prepares; /* frames pass rte_eth_tx_prepare() */
	bool started;
};

/* Everything of dpdk_port_open() but the operations. */
struct dpdk_port *dpdk_setup(const struct conf_port *conf, uint16_t nb_queues,
			     const struct dpdk_pools *pools, struct report *report);

/* Stops and closes as far as it got, and frees p. */
void dpdk_setup_end(struct dpdk_port *p);
