/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks of the machine that need neither DPDK nor anything to be open: what
 * would fail later in a way that is hard to understand, or not fail at all and
 * serve nobody. What concerns CPUs and files is in config_check_machine().
 */
#pragma once

#include "drivers/report.h"
#include "engine/conf.h"

/*
 * False when one of our addresses is also the kernel's, in this network
 * namespace and on a wire that both may see: its TCP would answer our clients
 * with RST.
 */
bool machine_check_addresses(const struct conf *conf, struct report *r);

/* False when this process may not open the devices. */
bool machine_check_privileges(const struct conf *conf, struct report *r);

/* False when the machine has not so many bytes of memory in all: they would be
 * promised, and missing when they are used. */
bool machine_check_memory(const struct conf *conf, uint64_t bytes, struct report *r);

/* True when the device is a wire of its own that no kernel sees: a file or a
 * link between two processes. */
bool machine_device_is_private(const char *device);
