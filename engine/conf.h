/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The compiled configuration: what a config file turns into after it has been
 * parsed and validated. One read-only object; every layer reads it, nobody
 * writes it. References between parts are array indexes, which the loader has
 * checked. Addresses and ports are in network byte order where named _be.
 *
 * The core reads this header and links nothing of the loader, so tests build a
 * struct conf by hand as well.
 */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/ipaddr.h"

#define CONF_NAME_MAX	     32
#define CONF_DEVICE_MAX	     256
#define CONF_MAX_PORTS	     16
#define CONF_MAX_IFACES	     64
#define CONF_MAX_ADDRS	     1024
#define CONF_MAX_ROUTES	     64
#define CONF_MAX_LISTENERS   1024
#define CONF_MAX_POOLS	     256
#define CONF_MAX_BACKENDS    1024 /* per pool */
#define CONF_MAX_SOURCES     64	  /* per pool */
#define CONF_MAX_WORKERS     64
#define CONF_MAX_OBJECTS     1000000000 /* of one kind: REF_INDEX_MAX holds them */
#define CONF_HTTP_BODY_MAX   65536
#define CONF_MAX_PREFIX_LISTS 64
#define CONF_MAX_PREFIXES    1000000 /* in all lists together */
#define CONF_SOURCES_DEFAULT 65536
#define CONF_NONE	     UINT16_MAX

enum conf_cc { CONF_CC_CUBIC, CONF_CC_NEWRENO };

/* Explicit congestion notification (RFC 3168): Linux's tcp_ecn 0, 2, 1. */
enum conf_ecn { CONF_ECN_NEVER, CONF_ECN_ACCEPT, CONF_ECN_REQUEST };

/* What a SYN without room is answered with: Linux's tcp_syncookies 0, 1, 2. */
enum conf_syncookies { CONF_SYNCOOKIES_NEVER, CONF_SYNCOOKIES_AUTO, CONF_SYNCOOKIES_ALWAYS };

/* What a client gets that is not to connect, at a closed port or in front of a listener. */
enum conf_refuse {
	CONF_REFUSE_RESET,	 /* a RST: "connection refused" */
	CONF_REFUSE_DROP,	 /* nothing */
	CONF_REFUSE_UNREACHABLE, /* ICMP: port unreachable */
	CONF_REFUSE_AS_ADDRESS,	 /* listeners only: what the local address has */
};

/*
 * TCP behaviour of a listener's or a pool's connections. Names and defaults are
 * Linux's where Linux has the knob (sysctl net.ipv4.*); units are in the name.
 */
struct conf_tcp {
	enum conf_cc congestion_control; /* tcp_congestion_control, cubic */
	enum conf_ecn ecn;	   /* tcp_ecn, accept: when the peer asks for it */
	enum conf_syncookies syncookies; /* tcp_syncookies, auto: when there is no room */
	uint8_t syn_retries;	   /* tcp_syn_retries, 7: 4 minutes (MUST-23: 3 at least) */
	uint8_t synack_retries;	   /* tcp_synack_retries, 5 */
	uint8_t retries1;	   /* tcp_retries1, 3: R1, then the next hop is looked up anew */
	uint8_t retries2;	   /* tcp_retries2, 15: R2, then the connection is given up */
	uint8_t orphan_retries;	   /* tcp_orphan_retries, 8: for closed connections */
	uint8_t keepalive_probes;  /* tcp_keepalive_probes, 9 */
	bool keepalive;		   /* off: RFC 9293 MUST-25; to be turned on, MUST-24 */
	bool pacing;		   /* new data spread over the round trip, false */
	bool nodelay;		   /* TCP_NODELAY: Nagle off; false */
	bool timestamps;	   /* tcp_timestamps, true */
	bool window_scaling;	   /* tcp_window_scaling, true */
	bool sack;		   /* tcp_sack, true */
	bool abort_on_overflow;	   /* tcp_abort_on_overflow, false */
	bool rfc1337;		   /* tcp_rfc1337, true: a RST never ends TIME_WAIT */
	bool frto;		   /* tcp_frto, true: spurious timeouts are found and undone */
	bool pmtu_discovery;	   /* not ip_no_pmtu_disc, true: don't-fragment is set */
	bool synack_jitter;	   /* retries spread by up to an eighth, false */
	uint8_t ttl;		   /* ip_default_ttl / hop limit, 64 */
	uint8_t dscp;		   /* 0..63, 0 */
	uint32_t max_syn_backlog;  /* tcp_max_syn_backlog: half-open entries of a listener at
				    * once, 0: as many as memory.half_open has */
	uint16_t mss;		   /* announced MSS limit in bytes; 0: from the MTU */
	uint16_t delack_ms;	   /* delayed-ACK limit, 40; below 500 (MUST-40) */
	uint8_t quick_acks;	   /* first data segments, and first ones after a loss, that are
				    * acknowledged at once, 7 at most; 0: nor after a lull */
	uint16_t initial_cwnd;	   /* segments, 10 (RFC 6928) */
	uint32_t rto_min_ms;	   /* above the round trip, 200 */
	uint32_t rto_max_ms;	   /* 120000 */
	uint32_t rto_initial_ms;   /* 1000 (RFC 6298 2.1) */
	uint32_t fin_timeout_ms;   /* tcp_fin_timeout, 60000 */
	uint32_t half_close_timeout_ms; /* resets a connection of which one direction is closed
				    * and the other gets nowhere this long, 3600000; 0: never */
	uint32_t time_wait_ms;	   /* 2MSL, 60000 */
	uint32_t keepalive_time_ms;  /* tcp_keepalive_time, 7200000 (MUST-27, MUST-28) */
	uint32_t keepalive_intvl_ms; /* tcp_keepalive_intvl, 75000 */
	uint32_t user_timeout_ms;    /* TCP_USER_TIMEOUT, 0: by retries2 */
	uint32_t idle_timeout_ms;    /* aborts a connection silent this long; 0: never */
	uint32_t rcvbuf;	     /* tcp_rmem, bytes of window, 262144 */
	uint32_t sndbuf;	     /* tcp_wmem, bytes queued for sending, 262144 */
};

enum conf_huge { CONF_HUGE_AUTO, CONF_HUGE_REQUIRE, CONF_HUGE_NEVER };

/* Limits in objects, for the whole engine; a worker gets its equal share. */
struct conf_memory {
	enum conf_huge huge_pages; /* auto: used when there are enough */
	uint32_t connections;	   /* connections with a control block, 100000 */
	uint32_t half_open;	   /* SYN_RECEIVED entries, 65536 */
	uint32_t time_wait;	   /* tcp_max_tw_buckets, 262144 */
	uint32_t transfers;	   /* connections with data queued or in flight, 0: all */
	uint32_t sessions;	   /* proxied pairs at once, 0: half of connections */
	uint32_t orphans;	   /* tcp_max_orphans, 65536: closed by us, not yet by the peer */
	uint32_t sources;	   /* that each worker can tell apart, 0: 65536 if any listener
				    * limits them, else none */
	uint32_t buffers;	   /* packet buffers, 65536 */
};

/* Answers per second to who is no peer of ours, for the whole engine; 0: no limit. */
struct conf_limits {
	uint32_t max_rst_per_second; /* RSTs for segments without a connection, 10000 */
	uint32_t icmp_msgs_per_sec;  /* icmp_msgs_per_sec: all ICMP that we send, 1000 */
};

/* Harm done on purpose, for tests: probabilities in parts per million. */
struct conf_fault {
	bool enabled;
	uint64_t seed;
	uint32_t drop_ppm, duplicate_ppm, reorder_ppm, corrupt_ppm;
	uint32_t delay_us;	  /* added to every frame */
	uint32_t reorder_us;	  /* how much later a reordered frame comes, 1000 */
};

struct conf_port {
	char name[CONF_NAME_MAX];
	char device[CONF_DEVICE_MAX]; /* DPDK devargs, or "pcapng:FILE" to replay */
	char record[CONF_DEVICE_MAX]; /* pcapng file to record to, or "" */
	uint16_t mtu;		      /* bytes of IP packet, 1500 */
	uint16_t rx_ring, tx_ring;    /* descriptors, 1024 */
	struct conf_fault fault;
	int line; /* of the config file, for messages */
};

/* A port's untagged side or one of its VLANs. */
struct conf_iface {
	uint16_t port;
	uint16_t vlan; /* 802.1Q id, 0: untagged */
	uint16_t mtu;
};

/* A local address: answered for by ARP / ND and ICMP echo; listeners and
 * sources must be among these. */
struct conf_addr {
	struct ipaddr addr;
	uint8_t prefix_len; /* of the on-link network */
	uint16_t iface;
	enum conf_refuse refuse; /* of its closed ports: reset; never as_address */
	int line;
};

struct conf_route {
	struct ipaddr to; /* network */
	uint8_t prefix_len;
	struct ipaddr via; /* on-link on iface */
	uint16_t iface;
};

enum conf_service {
	CONF_SERVICE_PROXY,
	CONF_SERVICE_HTTP,
	CONF_SERVICE_ECHO,
	CONF_SERVICE_DISCARD,
};

/* When a client's connection is given to the service. */
enum conf_defer { CONF_DEFER_NEVER, CONF_DEFER_DATA };

/* How fast clients must take what they asked for, and say what they want. */
struct conf_min_rate {
	uint32_t bytes;	   /* in each period; 0: any rate will do */
	uint32_t per_ms;   /* the period, 10000 */
	uint32_t grace_ms; /* being slower is borne this long, in whole periods, 20000 */
};

struct conf_listener {
	char name[CONF_NAME_MAX];
	struct ipaddr addr; /* one of conf.addrs, or family-only: any local address */
	uint16_t local;	    /* index of that address, CONF_NONE: any */
	uint16_t port_be;
	uint16_t first;	  /* index of the listener's first address: each has an entry here */
	uint32_t max_connections; /* of all its addresses, 0: no limit; divided among workers */
	uint32_t reserve;	  /* that others cannot take, 0: none; divided among workers */
	uint32_t backlog; /* accept queue limit, 4096 (somaxconn); divided among workers */
	enum conf_refuse refuse; /* what clients get that are turned away: as_address */
	uint32_t max_connections_per_source; /* at once, 0: no limit */
	uint32_t max_rate_per_source;	     /* new ones in a second, 0: no limit */
	uint8_t source_prefix_v4, source_prefix_v6; /* bits that make a source, 32 and 64 */
	uint16_t group; /* index of the first entry of the same listener: entries share limits */
	enum conf_service service;
	uint16_t pool;	      /* proxy: index of the pool */
	uint16_t http_body;   /* http: index into conf.bodies */
	enum conf_defer defer;	/* never: the service gets a connection at once */
	uint32_t first_byte_timeout_ms; /* from the handshake to the client's first byte; 0: none */
	uint32_t request_timeout_ms;	/* http: for the rest of a request's head, 30000; 0: none */
	struct conf_min_rate min_rate;
	struct conf_tcp tcp;
	int line;
};

struct conf_backend {
	char name[CONF_NAME_MAX];
	struct ipaddr addr;
	uint16_t port_be;
	int line;
};

struct conf_pool {
	char name[CONF_NAME_MAX];
	struct conf_backend *backends;
	uint16_t nb_backends;
	uint16_t nb_sources;
	uint16_t sources[CONF_MAX_SOURCES]; /* indexes into conf.addrs */
	uint16_t source_port_min, source_port_max; /* host order, 1024..65535 */
	uint32_t connect_timeout_ms;		   /* 3000, then the next backend is tried */
	uint32_t max_connections; /* per pool, 0: no limit; divided among workers */
	struct conf_tcp tcp;
	int line;
};

/* A complete response of the http service, headers included. */
struct conf_body {
	uint8_t *bytes;
	uint32_t len;
	uint32_t head_len; /* up to and including the empty line: the answer to HEAD */
};

struct prefix_set; /* table/prefix_table.h */

struct conf {
	char *file; /* for messages */
	uint16_t nb_workers;
	int16_t worker_cpu[CONF_MAX_WORKERS]; /* -1: not pinned */
	uint32_t idle_sleep_us; /* a worker without work sleeps this long, 0: polls */
	bool share_cpu; /* a worker whose CPU others need naps between turns */
	struct conf_memory memory;
	struct conf_limits limits;
	struct conf_tcp tcp; /* the defaults that listeners and pools start from */
	char cookie_secret_file[CONF_DEVICE_MAX]; /* of SYN cookies and timestamps, which the
						   * machines that have it share; "": none */
	uint16_t nb_ports, nb_ifaces, nb_addrs, nb_routes, nb_listeners, nb_pools, nb_bodies;
	struct conf_port *ports;
	struct conf_iface *ifaces;
	struct conf_addr *addrs;
	struct conf_route *routes;
	struct conf_listener *listeners;
	struct conf_pool *pools;
	struct conf_body *bodies;
	struct prefix_set *prefixes; /* who may connect to which listener, NULL: everybody */
	char instance[CONF_NAME_MAX]; /* DPDK file prefix: names the control socket */
};

static inline bool conf_limits_sources(const struct conf_listener *l)
{
	return l->max_connections_per_source || l->max_rate_per_source;
}

/* Sources that each worker has room for. */
static inline uint32_t conf_sources(const struct conf *conf)
{
	for (uint16_t i = 0; i < conf->nb_listeners; i++)
		if (conf_limits_sources(&conf->listeners[i]))
			return conf->memory.sources ? conf->memory.sources : CONF_SOURCES_DEFAULT;
	return 0;
}

/* The TCP settings of a shard's i-th profile: listeners' come first, then pools'. */
static inline const struct conf_tcp *conf_tcp_of_profile(const struct conf *conf, uint32_t i)
{
	return i < conf->nb_listeners ? &conf->listeners[i].tcp
				      : &conf->pools[i - conf->nb_listeners].tcp;
}

/* Bytes of frame that every packet buffer must hold behind its headroom: enough
 * for the largest MTU of any port with Ethernet header, two VLAN tags and CRC, in
 * steps of 1 KB as devices take them. */
static inline uint32_t conf_buffer_room(const struct conf *conf)
{
	uint32_t room = BUF_DATAROOM;

	for (uint16_t i = 0; i < conf->nb_ports; i++)
		room = MAX(room, ALIGN_UP(conf->ports[i].mtu + 14u + 2u * 4u + 4u, 1024u));
	return room;
}
