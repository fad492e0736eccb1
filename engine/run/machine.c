/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/machine.h"

#include <ifaddrs.h>
#include <linux/capability.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/run/addr_text.h"

bool machine_device_is_private(const char *device)
{
	static const char *const kinds[] = {
	    "pcapng", "net_null", "net_ring", "net_memif", "eth_null", "eth_ring",
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strncmp(device, kinds[i], strlen(kinds[i])) == 0)
			return true;
	return false;
}

/* family 0 when it is neither IPv4 nor IPv6. */
static struct ipaddr kernel_address(const struct ifaddrs *i)
{
	const struct sockaddr *sa = i->ifa_addr;

	if (sa && sa->sa_family == AF_INET)
		return ipaddr_v4(((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr);
	if (sa && sa->sa_family == AF_INET6)
		return ipaddr_v6(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
	return (struct ipaddr){0};
}

static bool check_address(const struct conf *conf, const struct conf_addr *a,
			  const struct ifaddrs *list, struct report *r)
{
	const struct conf_port *port = &conf->ports[conf->ifaces[a->iface].port];
	char text[ADDR_TEXT_MAX];

	if (machine_device_is_private(port->device))
		return true;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		struct ipaddr k = kernel_address(i);

		if (k.family && ipaddr_equal(&k, &a->addr))
			return report_error(r,
					    "%s:%d: address %s is also configured on kernel "
					    "interface %s, whose TCP would answer with RST: remove "
					    "it there or choose another",
					    conf->file, a->line, addr_text(&a->addr, text),
					    i->ifa_name);
	}
	return true;
}

bool machine_check_addresses(const struct conf *conf, struct report *r)
{
	struct ifaddrs *list;
	bool ok = true;

	if (getifaddrs(&list) != 0)
		return report_error(r, "the kernel's addresses can't be read: %m");
	for (uint16_t i = 0; ok && i < conf->nb_addrs; i++)
		ok = check_address(conf, &conf->addrs[i], list, r);
	freeifaddrs(list);
	return ok;
}

/* Effective capabilities of this process, 0 when /proc does not say. */
static uint64_t capabilities(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[128];
	uint64_t caps = 0;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "CapEff:", 7) == 0)
			caps = strtoull(line + 7, NULL, 16);
	if (f)
		fclose(f);
	return caps;
}

bool machine_check_privileges(const struct conf *conf, struct report *r)
{
	const uint64_t needed = 1ull << CAP_NET_ADMIN | 1ull << CAP_NET_RAW;

	if ((capabilities() & needed) == needed)
		return true;
	for (uint16_t i = 0; i < conf->nb_ports; i++)
		if (!machine_device_is_private(conf->ports[i].device))
			return report_error(
			    r,
			    "%s:%d: no permission to open port %s (%s), which needs "
			    "CAP_NET_ADMIN and CAP_NET_RAW: run terminus as root",
			    conf->file, conf->ports[i].line, conf->ports[i].name,
			    conf->ports[i].device);
	return true;
}

bool machine_check_memory(const struct conf *conf, uint64_t bytes, struct report *r)
{
	long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
	uint64_t have = (uint64_t)MAX(pages, 0) * (uint64_t)MAX(page_bytes, 0);

	if (have == 0 || bytes <= have)
		return true;
	return report_error(r,
			    "%s: memory: %llu MiB are needed and this machine has %llu: lower the "
			    "limits in memory (terminus --check shows what takes how much)",
			    conf->file, (unsigned long long)bytes >> 20,
			    (unsigned long long)have >> 20);
}
