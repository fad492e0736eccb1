/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port of the configuration as a whole: the device or the replayed file, then
 * the harm that is asked for, then the recording of what is left. Main thread.
 */
#pragma once

#include "drivers/dpdk_pool.h"
#include "drivers/port.h"
#include "drivers/report.h"
#include "engine/conf.h"

/*
 * Opens conf->ports[index] with a queue for each worker, or fewer if it has
 * fewer. `device` is "pcapng:FILE" to replay a capture at its recorded pace,
 * "pcapng-fast:FILE" to replay it at once, else a DPDK device.
 *
 * `bufs` serves replay and harm, on the queues' threads, and is copied; `pools`
 * serves devices and may be NULL when the port is a file. Both outlive the port.
 * NULL with report->error set; error and notices begin with the place in the
 * configuration file.
 */
struct port *port_open(const struct conf *conf, uint16_t index, const struct buf_ops *bufs,
		       const struct dpdk_pools *pools, struct report *report);

/* Closes it with everything that it is made of; NULL is fine. */
void port_close(struct port *p);
