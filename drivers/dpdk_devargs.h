/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device strings of the configuration ("net_af_packet0,iface=eth1",
 * "0000:01:00.0"): what they name, and, once DPDK has refused one, why in terms
 * that an operator can act on. Looks at /sys and network interfaces; no DPDK.
 */
#pragma once

#include "drivers/report.h"
#include "engine/conf.h"

enum dpdk_device_kind {
	DPDK_DEVICE_VIRTUAL, /* attached when its port is opened */
	DPDK_DEVICE_BUS,     /* sits on a bus (PCI and others) and is found at start */
};

enum dpdk_device_kind dpdk_device_kind(const char *device);

/* The device's name in DPDK: the string up to the first comma, without a bus
 * prefix, and a PCI address with its domain. Cut off at `size`. */
void dpdk_device_name(const char *device, char *to, size_t size);

/* Value of argument `key`, cut off at `size`; false: it is not there. */
bool dpdk_device_arg(const char *device, const char *key, char *to, size_t size);

/*
 * Sets report->error to the reason why the device cannot be had, as far as the
 * system tells: no such interface, no permission, bound to a kernel driver,
 * busy. Else to `cause`, a line of DPDK's, or the text of error number `err`
 * (positive) when `cause` is "". Always returns false.
 */
bool dpdk_device_explain(const char *device, int err, const char *cause, struct report *report);
