/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The IP layer around TCP: local addresses, interfaces, routes, the neighbour
 * cache, ARP, neighbour discovery and ICMP. Per shard, one thread, bounded.
 *
 * Replies to a peer never wait for any of this: they return to the MAC they
 * came from. Only connections that we open ourselves need a neighbour.
 */
#pragma once

#include "engine/base/pool.h"
#include "engine/base/tick.h"
#include "engine/conf.h"
#include "engine/wire/parse.h"

struct shard;

#define NEIGH_MAX 1024 /* next hops known at once */

/* What the worker knows of a port, see drivers/port.h. */
struct net_link {
	uint8_t mac[6];
	uint16_t mtu;
	bool tx_ip_csum, tx_tcp_csum;
	bool rx_hash; /* buf.rss_hash is our own Toeplitz hash */
};

struct net_iface {
	uint8_t mac[6];
	uint16_t port;
	uint16_t vlan;
	uint16_t mtu;
	uint8_t tx_flags; /* BUF_TX_IP_CSUM, BUF_TX_L4_CSUM: sums that the port fills in */
} __attribute__((aligned(16))); /* found by a shift */

enum neigh_state { NEIGH_FREE, NEIGH_INCOMPLETE, NEIGH_REACHABLE, NEIGH_FAILED };

struct neigh {
	struct ipaddr addr;
	uint16_t iface;
	uint8_t mac[6];
	uint8_t state; /* enum neigh_state */
	uint8_t probes;
	uint8_t rival[6]; /* who claims the address as well, valid when `contested` */
	bool contested;
	tick_t at; /* of the last answer, or of the last probe */
};

/* A route that was looked up; `to` has no family: none was yet. */
struct net_way {
	struct ipaddr to, next_hop;
	uint16_t iface;
};

#define NET_WAYS 64

struct net {
	const struct conf *conf;
	struct net_iface ifaces[CONF_MAX_IFACES];
	uint16_t untagged[CONF_MAX_PORTS]; /* interface of a port without VLAN, CONF_NONE: none */
	uint16_t *local_table; /* open addressing, see net.c */
	uint32_t local_mask;
	uint64_t local_filter; /* a bit for each hash in it: most others are told at a glance */
	struct neigh *neighs; /* NEIGH_MAX, open addressing */
	uint8_t port_mac[CONF_MAX_PORTS][6];
	bool rx_hash[CONF_MAX_PORTS];
	struct net_way ways[NET_WAYS]; /* the latest ones, each where its address puts it */
};

size_t net_bytes(const struct conf *conf);
void net_init(struct net *net, void *mem, const struct conf *conf, const struct net_link *links);

/* Index of the local address with these bytes, CONF_NONE: not ours. */
uint16_t net_local(const struct net *net, uint8_t family, const uint8_t *bytes);

/* What an address is to us: a local one, the directed broadcast address of one of our
 * networks, or anyone's. */
enum net_whose { NET_OTHERS, NET_LOCAL, NET_BROADCAST };
enum net_whose net_whose(const struct net *net, uint8_t family, const uint8_t *bytes);

/* Interface of a port's VLAN that is not 0, CONF_NONE: none. */
uint16_t net_vlan_iface(const struct net *net, uint16_t port, uint16_t vlan);

/* Interface of a port's VLAN, CONF_NONE: none. */
static inline uint16_t net_iface(const struct net *net, uint16_t port, uint16_t vlan)
{
	return likely(vlan == 0) ? net->untagged[port] : net_vlan_iface(net, port, vlan);
}

/* Where to send a packet for `dst`: interface and next hop; false: no route. */
bool net_route(struct net *net, const struct ipaddr *dst, uint16_t *iface, struct ipaddr *next_hop);

/* Copies the next hop's MAC to mac. When it is not known, asks for it (within a
 * rate limit) and returns false; the caller tries again later: the retransmission
 * timer of the segment does. */
bool net_resolve(struct shard *sh, uint16_t iface, const struct ipaddr *next_hop, uint8_t mac[6]);

/* Frames that are not TCP. They consume s->buf. */
void net_arp(struct shard *sh, struct seg *s);
void net_icmp(struct shard *sh, struct seg *s);

/* Announces local addresses from index `first` on (gratuitous ARP, unsolicited
 * advertisement), so that switches and neighbours learn them: as many at a time as a port's queue
 * takes easily. Returns the index to go on with a little later. */
#define NET_ANNOUNCE_BATCH 64u
uint16_t net_announce(struct shard *sh, uint16_t first);
