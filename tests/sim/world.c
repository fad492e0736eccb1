/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulated world. See world.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "drivers/fault_port.h"
#include "drivers/mem_port.h"
#include "tests/sim/turn.h"
#include "tests/sim/world.h"

#define POOL_BUFS      24000
#define POOL_ROOM      9216
#define STEPS_IN_PLACE 100000              /* turns without time passing: stuck */
#define TIME_LIMIT     (7200ull * 1000000) /* virtual µs until everything has ended */
#define REST_LIMIT     (600ull * 1000000)  /* and until every object is back */
#define BUSY_US        20                  /* until a port that was full is tried again */
#define CHECK_EVERY    32                  /* steps between invariant checks */

/* The shards of all nodes in a row. */
static struct rig *rig_at(const struct world *w, uint32_t i)
{
	const struct node *n = &w->nodes[i / w->nb_shards];

	return (struct rig *)(uintptr_t)&n->rigs[i % w->nb_shards];
}

/* A counter, summed over the shards of a node. */
static uint64_t count(const struct world *w, uint32_t node, enum stat stat)
{
	uint64_t sum = 0;

	for (uint32_t k = 0; k < w->nb_shards; k++)
		sum += w->nodes[node].rigs[k].sh->stats[stat];
	return sum;
}

PRINTF_LIKE(2, 3) static bool failed(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->why[0])
		return false;
	va_start(ap, fmt);
	vsnprintf(w->why, sizeof(w->why), fmt, ap);
	va_end(ap);
	return false;
}

struct mem_pool *world_pool(void)
{
	struct mem_pool *pool = mem_pool_create(POOL_BUFS, POOL_ROOM, 0);

	if (!pool) {
		fprintf(stderr, "sim: no memory for %d buffers\n", POOL_BUFS);
		exit(2);
	}
	return pool;
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
	if (client) {
		add_port(tc, "198.18.0.1", "2001:db8:1::1", np->mtu);
		add_pool(tc, 0, peer_port(FLOW_STREAM));
	} else if (server) {
		if (w->nb_nodes == 2)
			add_port(tc, "198.18.0.2", "2001:db8:1::2", np->mtu);
		else
			add_port(tc, "198.18.1.2", "2001:db8:2::2", np->mtu);
		listen_both(tc, 0, FLOW_STREAM, CONF_SERVICE_DISCARD, CONF_NONE);
		listen_both(tc, 0, FLOW_ECHO, CONF_SERVICE_ECHO, CONF_NONE);
		listen_both(tc, 0, FLOW_DISCARD, CONF_SERVICE_DISCARD, CONF_NONE);
	} else {
		add_port(tc, "198.18.0.2", "2001:db8:1::2", np->mtu);
		add_port(tc, "198.18.1.1", "2001:db8:2::1", np->mtu);
		listen_both(tc, 0, FLOW_STREAM, CONF_SERVICE_PROXY,
			    add_pool(tc, 2, peer_port(FLOW_STREAM)));
		listen_both(tc, 0, FLOW_ECHO, CONF_SERVICE_PROXY,
			    add_pool(tc, 2, peer_port(FLOW_ECHO)));
	}
	testconf_share_tcp(tc);
}

static void start_node(struct world *w, uint32_t i, struct mem_pool *pool)
{
	struct node *n = &w->nodes[i];

	for (uint16_t k = 0; k < w->nb_shards; k++) {
		struct rig *r = &n->rigs[k];

		rig_init_shard(r, &n->tc, pool, (uint8_t)(i + 1), k, w->plan->seed * 8 + i, false,
			       w->now);
		if (i == 0)
			rig_serve(r, &client_service);
		if (i + 1 == w->nb_nodes)
			r->sh->profiles[0].service = r->sh->profiles[1].service = &server_service;
	}
}

static bool start_links(struct world *w, struct mem_pool *pool)
{
	struct buf_ops ops = mem_pool_ops(pool);

	for (uint32_t i = 0; i + 1 < w->nb_nodes; i++) {
		const struct link_plan *lp = &w->plan->links[i];
		struct mem_port_conf mc = {.pool = pool, .ring_size = lp->ring_size, .mtu = 9000};
		struct port *ends[2];

		if (!mem_port_pair_create(&mc, ends))
			return failed(w, "no memory for a link");
		for (uint32_t e = 0; e < 2; e++) {
			struct node *n = &w->nodes[i + e];
			struct port *p = fault_port_create(ends[e], &lp->fault[e], &ops);

			if (!p)
				return failed(w, "no memory for a link");
			n->ports[n->nb_ports++] = p;
		}
	}
	return true;
}

static void start(struct world *w, const struct plan *plan)
{
	memset(w, 0, sizeof(*w));
	w->plan = plan;
	w->nb_nodes = plan->nb_nodes;
	w->nb_shards = plan->wishes.shards;
	w->now = w->begin = plan->start;
	peers_init(&w->peers, plan);
	w->peers.server4 = testconf_ip("198.18.0.2");
	w->peers.server6 = testconf_ip("2001:db8:1::2");
	w->peers.local6 = 1;
	w->peers.profile = 0; /* the client has no listener, so its pool comes first */
	for (uint32_t i = 0; i < w->nb_nodes; i++)
		configure(w, i);
}

/* Takes every free buffer away, the engines' own small stocks included. */
static void begin_drought(struct world *w)
{
	struct buf *b;

	for (uint32_t i = 0; i < w->nb_nodes * w->nb_shards; i++) {
		struct rig *r = rig_at(w, i);

		r->buf_ops.free_bulk(r->buf_ops.ctx, r->sh->cache.bufs, r->sh->cache.count);
		r->sh->cache.count = 0;
	}
	while ((b = mem_pool_get(w->pool))) {
		b->next = w->hoard;
		w->hoard = b;
	}
}

static void end_drought(struct world *w)
{
	while (w->hoard) {
		struct buf *b = w->hoard;

		w->hoard = b->next;
		mem_pool_put(w->pool, b);
	}
}

/* When buffers vanish or come back next. */
static usec_t next_drought(const struct world *w)
{
	const struct drought *d = &w->plan->droughts[w->drought];

	if (w->drought == w->plan->nb_droughts)
		return PEER_NEVER;
	return w->begin + (w->hoard ? d->end_us : d->begin_us);
}

static void weather(struct world *w)
{
	while (next_drought(w) <= w->now) {
		if (!w->hoard) {
			begin_drought(w);
			if (w->hoard)
				continue;
		}
		end_drought(w);
		w->drought++;
	}
}

/* The next time at which a shard has something to do. */
static usec_t next_of_shard(const struct world *w, struct shard *sh)
{
	usec_t next = PEER_NEVER, at;

	if (shard_next_deadline(sh, &at))
		next = at;
	for (uint16_t p = 0; p < sh->conf->nb_ports; p++)
		if (sh->tx[p].count)
			next = MIN(next, w->now + BUSY_US);
	return next;
}

/* The next time at which something can happen; false: never. */
static bool next_event(const struct world *w, usec_t *next)
{
	usec_t at;

	*next = MIN(peers_next(&w->peers), next_drought(w));
	for (uint32_t i = 0; i < w->nb_nodes; i++) {
		const struct node *n = &w->nodes[i];

		for (uint32_t k = 0; k < w->nb_shards; k++)
			*next = MIN(*next, next_of_shard(w, n->rigs[k].sh));
		for (uint32_t p = 0; p < n->nb_ports; p++)
			if (n->ports[p]->ops->next_event &&
			    n->ports[p]->ops->next_event(n->ports[p], &at))
				*next = MIN(*next, at);
	}
	return *next != PEER_NEVER;
}

static bool check(struct world *w)
{
	if (w->peers.why[0])
		return failed(w, "%s", w->peers.why);
	if (w->steps++ % CHECK_EVERY)
		return true;
	for (uint32_t i = 0; i < w->nb_nodes * w->nb_shards; i++)
		if (!shard_check(rig_at(w, i)->sh))
			return failed(w, "shard_check() finds node %u inconsistent",
				      i / w->nb_shards);
	return true;
}

/* Everything that happens at this time. */
static bool settle(struct world *w)
{
	uint32_t left = STEPS_IN_PLACE;
	bool any;

	w->peers.now = w->now;
	weather(w);
	do {
		any = false;
		for (uint32_t i = 0; i < w->nb_nodes; i++)
			any |= world_turn(w, i);
		if (!check(w))
			return false;
		if (--left == 0)
			return failed(w, "the engines are busy without time passing");
	} while (any);
	return true;
}

static bool all_objects_back(const struct world *w)
{
	for (uint32_t i = 0; i < w->nb_nodes * w->nb_shards; i++)
		if (rig_objects(rig_at(w, i)) || rig_timers(rig_at(w, i)))
			return false;
	return true;
}

/* Runs until `done`, or `limit` µs have passed. */
static bool run_until(struct world *w, bool (*done)(const struct world *w), usec_t limit,
		      const char *what)
{
	usec_t end = w->now + limit, next;

	for (;;) {
		if (!settle(w))
			return false;
		if (done(w))
			return true;
		if (!next_event(w, &next))
			return failed(w, "nothing will ever happen again, but not %s", what);
		if (next <= w->now)
			next = w->now + BUSY_US; /* a port was full: try again */
		if (next > end)
			return failed(w, "not %s after %llu s", what,
				      (unsigned long long)(limit / 1000000));
		w->now = next;
	}
}

/* Who a node sends to: the other addresses on its links. */
static bool knows_neighbours(const struct node *n, struct shard *sh, uint32_t first_link)
{
	static const char *const addrs[][4] = {
	    {"198.18.0.1", "2001:db8:1::1", "198.18.0.2", "2001:db8:1::2"},
	    {"198.18.1.1", "2001:db8:2::1", "198.18.1.2", "2001:db8:2::2"},
	};
	bool all = true;

	for (uint16_t p = 0; p < n->nb_ports; p++) {
		for (uint32_t k = 0; k < 4; k++) {
			struct ipaddr a = testconf_ip(addrs[first_link + p][k]);
			uint8_t mac[6];

			if (net_local(&sh->net, a.family, a.bytes) == CONF_NONE)
				all &= net_resolve(sh, p, &a, mac);
		}
	}
	return all;
}

static bool all_know_neighbours(const struct world *w)
{
	bool all = true;

	for (uint32_t i = 0; i < w->nb_nodes * w->nb_shards; i++) {
		uint32_t node = i / w->nb_shards;

		all &= knows_neighbours(&w->nodes[node], rig_at(w, i)->sh, node ? node - 1 : 0);
	}
	return all;
}

/* Engines that have run for a while know their neighbours: the plan's connections
 * begin then, so that a lossy link is not taken for a dead one. */
static bool meet_neighbours(struct world *w)
{
	for (uint32_t tries = 0; tries < 1000; tries++) {
		if (all_know_neighbours(w)) {
			w->begin = w->now;
			peers_begin(&w->peers, w->now);
			return true;
		}
		for (usec_t end = w->now + 100000; w->now < end; w->now += 1000)
			for (uint32_t i = 0; i < w->nb_nodes; i++)
				world_turn(w, i);
	}
	return failed(w, "the neighbours never answered");
}

static bool flows_done(const struct world *w)
{
	return peers_done(&w->peers);
}

/* Frames sent = frames received, but for what the links did on purpose. */
static bool frames_balance(struct world *w)
{
	uint64_t sent = 0, received = 0, passed = 0, delivered = 0, missed = 0;

	for (uint32_t i = 0; i < w->nb_nodes; i++) {
		const struct node *n = &w->nodes[i];

		sent += count(w, i, STAT_tx_frames);
		/* A frame handed over is received once more. */
		received += count(w, i, STAT_rx_frames) - count(w, i, STAT_handed_over);
		for (uint32_t p = 0; p < n->nb_ports; p++) {
			for (uint32_t k = 0; k < w->nb_shards; k++)
				sent -= n->rigs[k].sh->tx[p].count; /* not sent yet */
		}
		for (uint32_t p = 0; p < n->nb_ports; p++) {
			struct fault_stats fs;
			struct port_stats ps;

			fault_port_stats(n->ports[p], &fs);
			n->ports[p]->ops->stats(n->ports[p], &ps);
			missed += ps.rx_missed; /* no buffer for a copy */
			passed += fs.passed;
			delivered += fs.passed - fs.dropped + fs.duplicated - fs.held;
		}
	}
	delivered -= w->fcs_dropped;
	if (sent != passed + missed || received != delivered)
		return failed(w,
			      "frames do not balance: %llu sent, %llu carried, %llu delivered, "
			      "%llu received",
			      (unsigned long long)sent, (unsigned long long)passed,
			      (unsigned long long)delivered, (unsigned long long)received);
	return true;
}

/* Payload that the server's engine counted as accepted = what was sent to it. */
static bool bytes_balance(struct world *w)
{
	uint64_t counted_down = count(w, 0, STAT_rx_bytes);
	uint64_t counted_up = count(w, w->nb_nodes - 1, STAT_rx_bytes);
	uint64_t up = 0, down = 0;

	if (w->plan->wishes.aborts)
		return true;
	for (uint32_t i = 0; i < w->plan->nb_flows; i++) {
		up += w->peers.flows[i].side[0].sent;
		down += w->peers.flows[i].side[0].received;
	}
	if (counted_up != up || counted_down != down)
		return failed(w,
			      "bytes do not balance: %llu sent up, %llu counted; %llu read, "
			      "%llu counted",
			      (unsigned long long)up, (unsigned long long)counted_up,
			      (unsigned long long)down, (unsigned long long)counted_down);
	return true;
}

static void stop(struct world *w, struct mem_pool *pool)
{
	uint32_t left;

	end_drought(w);
	for (uint32_t i = 0; i < w->nb_nodes; i++) {
		struct node *n = &w->nodes[i];

		for (uint32_t k = 0; k < w->nb_shards; k++) {
			while (n->nb_inbox[k])
				mem_pool_put(w->pool, n->inbox[k][--n->nb_inbox[k]]);
			if (n->rigs[k].sh)
				rig_fini(&n->rigs[k]);
		}
		while (n->nb_ports) {
			struct port *p = n->ports[--n->nb_ports];

			p->ops->close(p);
		}
	}
	left = mem_pool_in_use(pool);
	if (left)
		failed(w, "%u buffers have leaked", left);
}

bool world_run(struct world *w, const struct plan *plan, struct mem_pool *pool, bool trace_all)
{
	start(w, plan);
	w->trace = trace_all;
	w->pool = pool;
	for (uint32_t i = 0; i < w->nb_nodes; i++)
		start_node(w, i, pool);
	if (start_links(w, pool) && meet_neighbours(w) &&
	    run_until(w, flows_done, TIME_LIMIT, "all connections ended") &&
	    run_until(w, all_objects_back, REST_LIMIT, "all objects back") &&
	    (peers_verify(&w->peers) || failed(w, "%s", w->peers.why)) && frames_balance(w))
		bytes_balance(w);
	stop(w, pool);
	return w->why[0] == '\0';
}
