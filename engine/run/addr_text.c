/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/addr_text.h"

#include <arpa/inet.h>
#include <stdio.h>

const char *addr_text(const struct ipaddr *a, char buf[ADDR_TEXT_MAX])
{
	return inet_ntop(a->family == IP_V6 ? AF_INET6 : AF_INET, a->bytes, buf, ADDR_TEXT_MAX);
}

const char *endpoint_text(const struct ipaddr *a, uint16_t port_be, char buf[ADDR_TEXT_MAX])
{
	char addr[ADDR_TEXT_MAX];
	bool v6 = a->family == IP_V6;

	snprintf(buf, ADDR_TEXT_MAX, "%s%.45s%s:%u", v6 ? "[" : "", addr_text(a, addr),
		 v6 ? "]" : "", ntohs(port_be));
	return buf;
}

const char *mac_text(const uint8_t mac[6], char buf[ADDR_TEXT_MAX])
{
	snprintf(buf, ADDR_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return buf;
}
