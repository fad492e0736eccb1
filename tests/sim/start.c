/* SPDX-License-Identifier: BSD-3-Clause */
/* Nodes and links come and go. See world.h. */
#include <stdio.h>
#include <stdlib.h>

#include "drivers/fault_port.h"
#include "drivers/mem_port.h"
#include "tests/sim/alien.h"
#include "tests/sim/hop.h"
#include "tests/sim/turn.h"
#include "tests/sim/world.h"

#define POOL_BUFS 24000
#define POOL_ROOM 9216

struct mem_pool *world_pool(void)
{
	struct mem_pool *pool = mem_pool_create(POOL_BUFS, POOL_ROOM, 0);

	if (!pool) {
		fprintf(stderr, "sim: no memory for %d buffers\n", POOL_BUFS);
		exit(2);
	}
	return pool;
}

/* Addresses of a node, as its neighbour towards the client sees them. */
static const char *address_of(uint32_t i, uint8_t family)
{
	static const char *const v4[] = {"198.18.0.1", "198.18.0.2", "198.18.1.2"};
	static const char *const v6[] = {"2001:db8:1::1", "2001:db8:1::2", "2001:db8:2::2"};

	return family == IP_V4 ? v4[i] : v6[i];
}

static void add_port(struct testconf *tc, const char *v4, const char *v6, uint16_t mtu)
{
	uint16_t iface = testconf_iface(tc, testconf_port(tc, mtu), 0);

	testconf_addr(tc, v4, 24, iface);
	testconf_addr(tc, v6, 64, iface);
}

/* A pool over IPv4 and IPv6 sources on addresses `local` and the next one. */
static uint16_t add_pool(struct testconf *tc, uint16_t local, uint16_t port)
{
	uint16_t pool = testconf_pool(tc, local);

	testconf_source(tc, pool, (uint16_t)(local + 1));
	testconf_backend(tc, pool, "198.18.1.2", port);
	testconf_backend(tc, pool, "2001:db8:2::2", port);
	tc->pools[pool].connect_timeout_ms = 0;
	return pool;
}

static void listen_both(struct testconf *tc, uint16_t local, enum flow_kind kind,
			enum conf_service service, uint16_t pool)
{
	testconf_listener(tc, local, peer_port(kind), service, pool);
	testconf_listener(tc, (uint16_t)(local + 1), peer_port(kind), service, pool);
}

/* Limits that nobody reaches: what is counted has to be taken back. */
static void count_sources(struct testconf *tc)
{
	tc->conf.memory.sources = 48;
	for (uint16_t i = 0; i < tc->conf.nb_listeners; i++) {
		tc->listeners[i].max_connections_per_source = 100000;
		tc->listeners[i].max_rate_per_source = 1000000;
	}
}

/* Limits that nobody reaches, however slow: connections are looked at, and let be. Clients name
 * their flow first, so a proxy may wait for that. */
static void limit_clients(const struct world *w, struct testconf *tc)
{
	for (uint16_t i = 0; i < tc->conf.nb_listeners; i++) {
		struct conf_listener *l = &tc->listeners[i];

		if (w->plan->seed & 1)
			l->min_rate = (struct conf_min_rate){1000, 2000, 24 * 3600000};
		if (w->plan->seed & 2 && l->service == CONF_SERVICE_PROXY)
			l->defer = CONF_DEFER_DATA;
		l->first_byte_timeout_ms = w->plan->seed & 4 ? 24 * 3600000 : 0;
	}
}

static void configure(struct world *w, uint32_t i)
{
	const struct node_plan *np = &w->plan->nodes[i];
	struct testconf *tc = &w->nodes[i].tc;
	bool client = i == 0, server = i + 1 == w->nb_nodes;

	testconf_init(tc);
	tc->user = &w->peers;
	tc->conf.tcp = np->tcp;
	tc->conf.nb_workers = (uint16_t)w->nb_shards;
	tc->conf.memory.connections = tc->conf.memory.sessions = 256;
	add_port(tc, address_of(i, IP_V4), address_of(i, IP_V6), np->mtu);
	if (client) {
		add_pool(tc, 0, peer_port(FLOW_STREAM));
	} else if (server) {
		listen_both(tc, 0, FLOW_STREAM, CONF_SERVICE_DISCARD, CONF_NONE);
		listen_both(tc, 0, FLOW_ECHO, CONF_SERVICE_ECHO, CONF_NONE);
		listen_both(tc, 0, FLOW_DISCARD, CONF_SERVICE_DISCARD, CONF_NONE);
	} else {
		add_port(tc, "198.18.1.1", "2001:db8:2::1", np->mtu);
		listen_both(tc, 0, FLOW_STREAM, CONF_SERVICE_PROXY,
			    add_pool(tc, 2, peer_port(FLOW_STREAM)));
		listen_both(tc, 0, FLOW_ECHO, CONF_SERVICE_PROXY,
			    add_pool(tc, 2, peer_port(FLOW_ECHO)));
	}
	testconf_share_tcp(tc);
	/* Never so little that somebody would wait for it in vain. */
	for (uint16_t k = 0; k < tc->conf.nb_listeners; k += 3)
		tc->listeners[k].reserve = 1u << k;
	if (w->plan->wishes.sources)
		count_sources(tc);
	limit_clients(w, tc);
}

static uint64_t seed_of(const struct world *w, uint32_t i)
{
	return w->plan->seed * 8 + i + w->nodes[i].reboots * 0x100000000ull;
}

static void share_sources(const struct world *w, const struct node *n)
{
	struct shard *shards[WORLD_SHARDS];

	for (uint32_t k = 0; k < w->nb_shards; k++)
		shards[k] = n->rigs[k].sh;
	shard_share_sources(shards, (uint16_t)w->nb_shards);
}

static void start_engine(struct world *w, uint32_t i)
{
	struct node *n = &w->nodes[i];

	for (uint16_t k = 0; k < w->nb_shards; k++) {
		struct rig *r = &n->rigs[k];

		rig_init_shard(r, &n->tc, w->pool, (uint8_t)(i + 1), k, seed_of(w, i), false,
			       w->now);
		if (i == 0)
			rig_serve(r, &client_service);
		if (i + 1 == w->nb_nodes)
			r->sh->profiles[0].service = r->sh->profiles[1].service = &server_service;
	}
	share_sources(w, n);
	memset(n->watches, 0, sizeof(n->watches));
}

static bool start_alien(struct world *w, uint32_t i)
{
	const struct node_plan *np = &w->plan->nodes[i];
	struct node *n = &w->nodes[i];
	uint32_t peer = i == 0 ? 1 : i - 1;
	struct alien_conf ac = {
	    .habits = &np->habits,
	    .events = &alien_user,
	    .user = &w->peers,
	    .addr4 = testconf_ip(address_of(i, IP_V4)),
	    .addr6 = testconf_ip(address_of(i, IP_V6)),
	    .mtu = np->mtu,
	    .listen = i == 0 ? 0 : peer_port(FLOW_STREAM),
	    .seed = seed_of(w, i),
	    .has_lived = n->reboots > 0,
	    .last_seq = n->last_seq,
	    .send = turn_alien_sends,
	    .send_ctx = &n->outbox,
	};

	n->outbox.pool = w->pool;
	rig_mac(ac.mac, (uint8_t)(i + 1), 0);
	/* The proxy's second port faces the server. */
	rig_mac(ac.peer_mac, (uint8_t)(peer + 1), peer == 1 && i == 2 ? 1 : 0);
	n->alien = alien_create(&ac);
	if (!n->alien)
		return world_failed(w, "no memory for a stranger");
	alien_set_time(n->alien, w->now);
	return true;
}

static bool start_node(struct world *w, uint32_t i)
{
	if (w->plan->nodes[i].alien)
		return start_alien(w, i);
	start_engine(w, i);
	return true;
}

/* Wraps the end of a link: what comes in passes the router, and is harmed behind it. */
static bool start_end(struct world *w, struct port *end, const struct link_plan *lp, uint32_t side,
		      struct node *n)
{
	struct buf_ops ops = mem_pool_ops(w->pool);
	struct hop_conf hc = {.plan = &lp->hop[side],
			      .pool = w->pool,
			      .begin = &w->begin,
			      .activity = &w->activity,
			      .seed = lp->fault[side].seed + 1,
			      .fcs = w->plan->wishes.corrupt_ppm > 0};
	struct port *hop = hop_create(end, &hc), *fault;

	if (!hop) {
		end->ops->close(end);
		return world_failed(w, "no memory for a router");
	}
	fault = fault_port_create(hop, &lp->fault[side], &ops);
	if (!fault) {
		hop->ops->close(hop);
		return world_failed(w, "no memory for a link");
	}
	n->hops[n->nb_ports] = hop;
	n->ports[n->nb_ports++] = fault;
	return true;
}

static bool start_links(struct world *w)
{
	for (uint32_t i = 0; i + 1 < w->nb_nodes; i++) {
		const struct link_plan *lp = &w->plan->links[i];
		struct mem_port_conf mc = {
		    .pool = w->pool, .ring_size = lp->ring_size, .mtu = 9000};
		struct port *ends[2];
		bool fine;

		if (!mem_port_pair_create(&mc, ends))
			return world_failed(w, "no memory for a link");
		fine = start_end(w, ends[0], lp, 0, &w->nodes[i]);
		fine &= start_end(w, ends[1], lp, 1, &w->nodes[i + 1]);
		if (!fine)
			return false;
	}
	return true;
}

bool world_start(struct world *w, const struct plan *plan, struct mem_pool *pool)
{
	bool fine = true;

	memset(w, 0, sizeof(*w));
	w->plan = plan;
	w->pool = pool;
	w->nb_nodes = plan->nb_nodes;
	w->nb_shards = plan->wishes.shards;
	w->now = w->begin = plan->start;
	w->attack.at = PEER_NEVER;
	peers_init(&w->peers, plan);
	w->peers.server4 = testconf_ip(address_of(1, IP_V4));
	w->peers.server6 = testconf_ip(address_of(1, IP_V6));
	w->peers.local6 = 1;
	w->peers.profile = 0; /* the client has no listener, so its pool comes first */
	for (uint32_t i = 0; i < w->nb_nodes && fine; i++) {
		configure(w, i);
		fine = start_node(w, i);
	}
	return fine && start_links(w);
}

static void end_engine(struct world *w, struct node *n)
{
	for (uint32_t k = 0; k < w->nb_shards; k++) {
		struct shard *sh = n->rigs[k].sh;

		n->lost += n->nb_inbox[k];
		while (n->nb_inbox[k])
			mem_pool_put(w->pool, n->inbox[k][--n->nb_inbox[k]]);
		if (!sh)
			continue;
		for (uint32_t s = 0; s < STAT_COUNT; s++)
			n->past[s] += sh->stats[s];
		/* What no port has taken was not sent after all. */
		for (uint32_t p = 0; p < n->nb_ports; p++)
			n->past[STAT_tx_frames] -= sh->tx[p].count;
		rig_fini(&n->rigs[k]);
	}
}

static void end_node(struct world *w, struct node *n)
{
	end_engine(w, n);
	while (n->outbox.q.count)
		mem_pool_put(w->pool, n->outbox.q.bufs[--n->outbox.q.count]);
	if (n->alien)
		n->last_seq = alien_destroy(n->alien);
	n->alien = NULL;
}

bool world_restart(struct world *w, uint32_t node)
{
	end_node(w, &w->nodes[node]);
	w->nodes[node].reboots++;
	return start_node(w, node);
}

void world_stop(struct world *w)
{
	uint32_t left;

	weather_end(w);
	for (uint32_t i = 0; i < w->nb_nodes; i++) {
		struct node *n = &w->nodes[i];

		end_node(w, n);
		while (n->nb_ports) {
			struct port *p = n->ports[--n->nb_ports];

			p->ops->close(p);
		}
	}
	left = mem_pool_in_use(w->pool);
	if (left)
		world_failed(w, "%u buffers have leaked", left);
}
