/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A struct conf built by hand, piece by piece, in place of a config file. Every
 * TCP knob starts at the documented default, written down here a second time on
 * purpose. Mistakes in a test's set-up end the program with a message.
 */
#pragma once

#include "engine/conf.h"

#define TESTCONF_PORTS     2
#define TESTCONF_IFACES    4
#define TESTCONF_ADDRS     8
#define TESTCONF_ROUTES    4
#define TESTCONF_LISTENERS 8
#define TESTCONF_POOLS     2
#define TESTCONF_BACKENDS  4
#define TESTCONF_BODIES    2

struct testconf {
	struct conf conf; /* what shards get; their conf pointer leads back to this struct */
	struct conf_port ports[TESTCONF_PORTS];
	struct conf_iface ifaces[TESTCONF_IFACES];
	struct conf_addr addrs[TESTCONF_ADDRS];
	struct conf_route routes[TESTCONF_ROUTES];
	struct conf_listener listeners[TESTCONF_LISTENERS];
	struct conf_pool pools[TESTCONF_POOLS];
	struct conf_backend backends[TESTCONF_POOLS][TESTCONF_BACKENDS];
	struct conf_body bodies[TESTCONF_BODIES];
	void *user; /* the test's own, for callbacks that are given a shard only */
};

/* Empty but for defaults; the other calls add to it and return the index. */
void testconf_init(struct testconf *tc);

struct ipaddr testconf_ip(const char *text);

uint16_t testconf_port(struct testconf *tc, uint16_t mtu);
uint16_t testconf_iface(struct testconf *tc, uint16_t port, uint16_t vlan);
uint16_t testconf_addr(struct testconf *tc, const char *addr, uint8_t prefix_len, uint16_t iface);
uint16_t testconf_route(struct testconf *tc, const char *to, uint8_t prefix_len, const char *via,
			uint16_t iface);

/* `local`: index of an address; `pool`: for the proxy, else CONF_NONE. */
uint16_t testconf_listener(struct testconf *tc, uint16_t local, uint16_t port,
			   enum conf_service service, uint16_t pool);

/* A pool without backends that may use source address `local`; more of both. */
uint16_t testconf_pool(struct testconf *tc, uint16_t local);
void testconf_source(struct testconf *tc, uint16_t pool, uint16_t local);
void testconf_backend(struct testconf *tc, uint16_t pool, const char *addr, uint16_t port);

/* `text` is a complete response and outlives the configuration. */
uint16_t testconf_body(struct testconf *tc, const char *text);

/* Gives conf.tcp to every listener and pool. */
void testconf_share_tcp(struct testconf *tc);
