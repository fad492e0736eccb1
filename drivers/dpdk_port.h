/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any Ethernet device of DPDK, physical or virtual, as a port: bursts of mbufs
 * become bursts of bufs by adding a constant. Checksum offloads and RSS are used
 * where the device has them and announced in the port's caps; a kernel interface
 * under net_af_packet or net_af_xdp has neither.
 *
 * Frames shorter than Ethernet's minimum are sent as they are: devices pad them.
 */
#pragma once

#include "drivers/dpdk_pool.h"
#include "drivers/port.h"
#include "engine/conf.h"

/*
 * Opens conf->device for `nb_queues` queues, or as many as it has, and starts
 * it. Queue i receives into the pool of worker i, so `pools` serves at least as
 * many workers; it outlives the port. EAL is started; main thread. Closing
 * detaches a virtual device.
 *
 * NULL with report->error set. Notices: what the device would not do although
 * it works without (promiscuous mode, a link that is still down).
 */
struct port *dpdk_port_open(const struct conf_port *conf, uint16_t nb_queues,
			    const struct dpdk_pools *pools, struct report *report);

/* DPDK's number of a port that dpdk_port_open() made. */
uint16_t dpdk_port_id(const struct port *p);
