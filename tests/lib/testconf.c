/* SPDX-License-Identifier: BSD-3-Clause */
/* Configurations for tests. See testconf.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/testconf.h"

static const struct conf_tcp tcp_defaults = {
    .congestion_control = CONF_CC_CUBIC,
    .ecn = CONF_ECN_ACCEPT,
    .frto = true,
    .syncookies = CONF_SYNCOOKIES_AUTO,
    .syn_retries = 7,
    .synack_retries = 5,
    .retries1 = 3,
    .retries2 = 15,
    .orphan_retries = 8,
    .keepalive_probes = 9,
    .timestamps = true,
    .window_scaling = true,
    .sack = true,
    .rfc1337 = true,
    .pmtu_discovery = true,
    .ttl = 64,
    .delack_ms = 40,
    .quick_acks = 7,
    .initial_cwnd = 10,
    .rto_min_ms = 200,
    .rto_max_ms = 120000,
    .rto_initial_ms = 1000,
    .fin_timeout_ms = 60000,
    .half_close_timeout_ms = 3600000,
    .time_wait_ms = 60000,
    .keepalive_time_ms = 7200000,
    .keepalive_intvl_ms = 75000,
    .rcvbuf = 262144,
    .sndbuf = 262144,
};

static void need(bool fine, const char *what)
{
	if (fine)
		return;
	fprintf(stderr, "test configuration: %s\n", what);
	exit(2);
}

void testconf_init(struct testconf *tc)
{
	memset(tc, 0, sizeof(*tc));
	tc->conf.nb_workers = 1;
	tc->conf.worker_cpu[0] = -1;
	tc->conf.memory = (struct conf_memory){.huge_pages = CONF_HUGE_NEVER,
					       .connections = 64,
					       .half_open = 64,
					       .time_wait = 64,
					       .orphans = 64,
					       .sessions = 32,
					       .buffers = 1024};
	tc->conf.limits =
	    (struct conf_limits){.max_rst_per_second = 10000, .icmp_msgs_per_sec = 1000};
	tc->conf.tcp = tcp_defaults;
	tc->conf.ports = tc->ports;
	tc->conf.ifaces = tc->ifaces;
	tc->conf.addrs = tc->addrs;
	tc->conf.routes = tc->routes;
	tc->conf.listeners = tc->listeners;
	tc->conf.pools = tc->pools;
	tc->conf.bodies = tc->bodies;
	for (int i = 0; i < TESTCONF_POOLS; i++)
		tc->pools[i].backends = tc->backends[i];
	snprintf(tc->conf.instance, sizeof(tc->conf.instance), "test");
}

struct ipaddr testconf_ip(const char *text)
{
	struct ipaddr a = {.family = strchr(text, ':') ? IP_V6 : IP_V4};

	need(inet_pton(a.family == IP_V6 ? AF_INET6 : AF_INET, text, a.bytes) == 1, text);
	return a;
}

uint16_t testconf_port(struct testconf *tc, uint16_t mtu)
{
	uint16_t i = tc->conf.nb_ports++;

	need(i < TESTCONF_PORTS, "too many ports");
	snprintf(tc->ports[i].name, sizeof(tc->ports[i].name), "port%u", i);
	tc->ports[i].mtu = mtu;
	tc->ports[i].rx_ring = tc->ports[i].tx_ring = 1024;
	return i;
}

uint16_t testconf_iface(struct testconf *tc, uint16_t port, uint16_t vlan)
{
	uint16_t i = tc->conf.nb_ifaces++;

	need(i < TESTCONF_IFACES, "too many interfaces");
	tc->ifaces[i] = (struct conf_iface){.port = port, .vlan = vlan, .mtu = tc->ports[port].mtu};
	return i;
}

uint16_t testconf_addr(struct testconf *tc, const char *addr, uint8_t prefix_len, uint16_t iface)
{
	uint16_t i = tc->conf.nb_addrs++;

	need(i < TESTCONF_ADDRS, "too many addresses");
	tc->addrs[i].addr = testconf_ip(addr);
	tc->addrs[i].prefix_len = prefix_len;
	tc->addrs[i].iface = iface;
	return i;
}

uint16_t testconf_route(struct testconf *tc, const char *to, uint8_t prefix_len, const char *via,
			uint16_t iface)
{
	uint16_t i = tc->conf.nb_routes++;

	need(i < TESTCONF_ROUTES, "too many routes");
	tc->routes[i].to = testconf_ip(to);
	tc->routes[i].prefix_len = prefix_len;
	tc->routes[i].via = testconf_ip(via);
	tc->routes[i].iface = iface;
	return i;
}

uint16_t testconf_listener(struct testconf *tc, uint16_t local, uint16_t port,
			   enum conf_service service, uint16_t pool)
{
	uint16_t i = tc->conf.nb_listeners++;
	struct conf_listener *l = &tc->listeners[i];

	need(i < TESTCONF_LISTENERS, "too many listeners");
	snprintf(l->name, sizeof(l->name), "listener%u", i);
	l->addr = tc->addrs[local].addr;
	l->local = local;
	l->port_be = htons(port);
	l->first = i;
	l->backlog = 4096;
	l->refuse = CONF_REFUSE_AS_ADDRESS;
	l->source_prefix_v4 = 32;
	l->source_prefix_v6 = 64;
	l->group = i;
	l->request_timeout_ms = 30000;
	l->service = service;
	l->pool = pool;
	l->http_body = tc->conf.nb_bodies ? 0 : CONF_NONE;
	l->tcp = tc->conf.tcp;
	return i;
}

uint16_t testconf_pool(struct testconf *tc, uint16_t local)
{
	uint16_t i = tc->conf.nb_pools++;
	struct conf_pool *p = &tc->pools[i];

	need(i < TESTCONF_POOLS, "too many pools");
	snprintf(p->name, sizeof(p->name), "pool%u", i);
	p->nb_sources = 1;
	p->sources[0] = local;
	p->source_port_min = 10000;
	p->source_port_max = 20000;
	p->connect_timeout_ms = 3000;
	p->tcp = tc->conf.tcp;
	return i;
}

void testconf_source(struct testconf *tc, uint16_t pool, uint16_t local)
{
	struct conf_pool *p = &tc->pools[pool];

	need(p->nb_sources < CONF_MAX_SOURCES, "too many sources");
	p->sources[p->nb_sources++] = local;
}

void testconf_backend(struct testconf *tc, uint16_t pool, const char *addr, uint16_t port)
{
	struct conf_pool *p = &tc->pools[pool];
	struct conf_backend *b = &tc->backends[pool][p->nb_backends];

	need(p->nb_backends < TESTCONF_BACKENDS, "too many backends");
	snprintf(b->name, sizeof(b->name), "backend%u", p->nb_backends++);
	b->addr = testconf_ip(addr);
	b->port_be = htons(port);
}

uint16_t testconf_body(struct testconf *tc, const char *text)
{
	uint16_t i = tc->conf.nb_bodies++;

	need(i < TESTCONF_BODIES, "too many bodies");
	tc->bodies[i].bytes = (uint8_t *)(uintptr_t)text;
	tc->bodies[i].len = (uint32_t)strlen(text);
	tc->bodies[i].head_len = (uint32_t)(strstr(text, "\r\n\r\n") + 4 - text);
	return i;
}

void testconf_share_tcp(struct testconf *tc)
{
	for (uint16_t i = 0; i < tc->conf.nb_listeners; i++)
		tc->listeners[i].tcp = tc->conf.tcp;
	for (uint16_t i = 0; i < tc->conf.nb_pools; i++)
		tc->pools[i].tcp = tc->conf.tcp;
}
