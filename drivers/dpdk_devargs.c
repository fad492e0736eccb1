/* SPDX-License-Identifier: BSD-3-Clause */
/* Device strings; see dpdk_devargs.h. */
#include "drivers/dpdk_devargs.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <unistd.h>

#define SYS_PCI "/sys/bus/pci/devices"

static bool has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static const char *without_bus(const char *device)
{
	if (has_prefix(device, "vdev:"))
		return device + 5;
	return has_prefix(device, "pci:") ? device + 4 : device;
}

/* "01:00.0" or "0000:01:00.0". */
static bool is_pci(const char *name)
{
	unsigned domain, bus, slot, function;
	int end = 0;

	if (sscanf(name, "%x:%x:%x.%x%n", &domain, &bus, &slot, &function, &end) == 4)
		return name[end] == '\0';
	end = 0;
	return sscanf(name, "%x:%x.%x%n", &bus, &slot, &function, &end) == 3 && name[end] == '\0';
}

/* The part up to the first comma, without "vdev:" or "pci:". */
static void bare_name(const char *device, char to[CONF_DEVICE_MAX])
{
	const char *name = without_bus(device);

	snprintf(to, CONF_DEVICE_MAX, "%.*s", (int)strcspn(name, ","), name);
}

enum dpdk_device_kind dpdk_device_kind(const char *device)
{
	static const char *const buses[] = {"pci:", "auxiliary:", "vmbus:", "fslmc:", "dpaa_bus:"};
	char bare[CONF_DEVICE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(buses); i++) {
		if (has_prefix(device, buses[i]))
			return DPDK_DEVICE_BUS;
	}
	bare_name(device, bare);
	return is_pci(bare) ? DPDK_DEVICE_BUS : DPDK_DEVICE_VIRTUAL;
}

void dpdk_device_name(const char *device, char *to, size_t size)
{
	char bare[CONF_DEVICE_MAX];

	bare_name(device, bare);
	if (is_pci(bare) && strchr(bare, ':') == strrchr(bare, ':'))
		snprintf(to, size, "0000:%.16s", bare);
	else
		snprintf(to, size, "%.*s", (int)(size - 1), bare);
}

bool dpdk_device_arg(const char *device, const char *key, char *to, size_t size)
{
	size_t n = strlen(key);

	for (const char *at = strchr(device, ','); at; at = strchr(at, ',')) {
		at++;
		if (strncmp(at, key, n) == 0 && at[n] == '=') {
			at += n + 1;
			snprintf(to, size, "%.*s", (int)strcspn(at, ","), at);
			return true;
		}
	}
	return false;
}

/* The driver that a PCI device is bound to; false: none. */
static bool pci_driver(const char *address, char *to, size_t size)
{
	char path[CONF_DEVICE_MAX + 64], target[512];
	const char *base;
	ssize_t n;

	snprintf(path, sizeof(path), SYS_PCI "/%s/driver", address);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	base = strrchr(target, '/');
	snprintf(to, size, "%.*s", (int)(size - 1), base ? base + 1 : target);
	return true;
}

static bool explain_pci(const char *address, int err, const char *cause, struct report *report)
{
	char path[CONF_DEVICE_MAX + 64], driver[64];

	snprintf(path, sizeof(path), SYS_PCI "/%s", address);
	if (access(path, F_OK) != 0)
		return report_error(report, "there is no PCI device %s: list them with: "
					    "dpdk-devbind.py --status-dev net", address);
	if (!pci_driver(address, driver, sizeof(driver)))
		return report_error(report, "PCI device %s has no driver: bind it with: "
					    "dpdk-devbind.py --bind=vfio-pci %s", address, address);
	/* These three hand the device to user space; Mellanox's work beside it. */
	if (strcmp(driver, "vfio-pci") != 0 && strcmp(driver, "uio_pci_generic") != 0 &&
	    strcmp(driver, "igb_uio") != 0 && !has_prefix(driver, "mlx"))
		return report_error(report, "PCI device %s is in the hands of the kernel driver "
					    "%s: bind it with: dpdk-devbind.py --bind=vfio-pci %s",
				    address, driver, address);
	if (err == EBUSY || strstr(cause, "busy") != NULL)
		return report_error(report, "PCI device %s is in use by another program: stop that "
					    "one first", address);
	return report_error(report, "PCI device %s (driver %s) cannot be used: %s", address, driver,
			    cause[0] != '\0' ? cause : strerror(err));
}

bool dpdk_device_explain(const char *device, int err, const char *cause, struct report *report)
{
	char name[CONF_DEVICE_MAX], iface[CONF_DEVICE_MAX];
	bool attaches;

	dpdk_device_name(device, name, sizeof(name));
	attaches = strstr(name, "af_packet") || strstr(name, "af_xdp");
	if (is_pci(name))
		return explain_pci(name, err, cause, report);
	if (attaches && !dpdk_device_arg(device, "iface", iface, sizeof(iface)))
		return report_error(report, "device %s names no network interface: add "
					    ",iface=NAME to it", name);
	if (attaches && if_nametoindex(iface) == 0)
		return report_error(report, "there is no network interface \"%s\" here: create it "
					    "or correct iface= (ip link shows them)", iface);
	if (geteuid() != 0 && (attaches || strstr(name, "net_tap")))
		return report_error(report, "device %s needs root or CAP_NET_RAW and "
					    "CAP_NET_ADMIN: run as root", name);
	if (strstr(cause, "failed to parse device") != NULL)
		return report_error(report, "DPDK has no driver for a device called %s: correct "
					    "device, as in net_af_packet0,iface=eth0 or "
					    "0000:01:00.0", name);
	if (err == EBUSY || strstr(cause, "busy") != NULL)
		return report_error(report, "device %s is in use by another program or port: stop "
					    "that one first", name);
	return report_error(report, "device %s cannot be opened: %s: check its name and arguments",
			    name, cause[0] != '\0' ? cause : strerror(err));
}
