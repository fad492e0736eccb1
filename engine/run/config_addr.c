/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses in text and what the configured networks say about them. */
#include <arpa/inet.h>

#include "engine/run/config_reader.h"

bool config_ipaddr(const char *text, size_t len, struct ipaddr *out)
{
	char copy[INET6_ADDRSTRLEN];
	struct ipaddr a = {0};

	if (len >= sizeof(copy) || memchr(text, '\0', len))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, a.bytes) == 1)
		a.family = IP_V4;
	else if (inet_pton(AF_INET6, copy, a.bytes) == 1)
		a.family = IP_V6;
	*out = a;
	return a.family != 0;
}

/* A whole decimal number of at most 5 digits, nothing around it. */
static bool parse_small(const char *s, size_t len, unsigned max, unsigned *out)
{
	unsigned v = 0;

	if (len == 0 || len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (unsigned)(s[i] - '0');
	}
	*out = v;
	return v <= max;
}

bool config_prefix(const char *text, size_t len, struct ipaddr *out, uint8_t *prefix_len)
{
	const char *slash = memchr(text, '/', len);
	unsigned bits;

	if (!slash || !config_ipaddr(text, (size_t)(slash - text), out))
		return false;
	if (!parse_small(slash + 1, len - (size_t)(slash + 1 - text),
			 out->family == IP_V4 ? 32 : 128, &bits))
		return false;
	*prefix_len = (uint8_t)bits;
	return true;
}

bool config_endpoint(const char *text, size_t len, struct ipaddr *out, uint16_t *port_be)
{
	const char *colon = memrchr(text, ':', len);
	size_t n = colon ? (size_t)(colon - text) : 0;
	bool bracketed = n > 2 && text[0] == '[' && text[n - 1] == ']';
	unsigned port;

	if (!colon || !parse_small(colon + 1, len - n - 1, UINT16_MAX, &port) || port == 0)
		return false;
	*port_be = htons((uint16_t)port);
	if (n == 1 && text[0] == '*') {
		*out = (struct ipaddr){0};
		return true;
	}
	if (bracketed)
		return config_ipaddr(text + 1, n - 2, out) && out->family == IP_V6;
	return config_ipaddr(text, n, out) && out->family == IP_V4;
}

/* The all-zero and the all-one host of an IPv4 network are not hosts; networks
 * of /31 and /32 have neither (RFC 3021). */
static bool is_broadcast(const struct ipaddr *addr, unsigned prefix_len)
{
	uint32_t host_mask, host;

	if (addr->family != IP_V4 || prefix_len > 30)
		return false;
	host_mask = UINT32_MAX >> prefix_len;
	host = ntohl(addr->v4_be) & host_mask;
	return host == 0 || host == host_mask;
}

bool config_is_v4_mapped(const struct ipaddr *addr)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return addr->family == IP_V6 && !memcmp(addr->bytes, prefix, sizeof(prefix));
}

bool config_is_host(const struct ipaddr *addr, unsigned prefix_len)
{
	return ipaddr_is_unicast(addr) && !config_is_v4_mapped(addr) &&
	       !is_broadcast(addr, prefix_len);
}

uint16_t config_local(const struct conf *conf, const struct ipaddr *addr)
{
	for (uint16_t i = 0; i < conf->nb_addrs; i++) {
		if (ipaddr_equal(&conf->addrs[i].addr, addr))
			return i;
	}
	return CONF_NONE;
}

uint16_t config_on_link(const struct conf *conf, const struct ipaddr *addr)
{
	uint16_t best = CONF_NONE;

	for (uint16_t i = 0; i < conf->nb_addrs; i++) {
		const struct conf_addr *a = &conf->addrs[i];

		if (a->addr.family == addr->family &&
		    ipaddr_prefix_match(&a->addr, addr, a->prefix_len) &&
		    (best == CONF_NONE || a->prefix_len > conf->addrs[best].prefix_len))
			best = i;
	}
	return best;
}
