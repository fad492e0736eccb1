/* SPDX-License-Identifier: BSD-3-Clause */
/* The run of a simulated world. See world.h. */
#include <stdarg.h>
#include <stdio.h>

#include "drivers/port.h"
#include "tests/sim/alien.h"
#include "tests/sim/turn.h"
#include "tests/sim/world.h"

#define STEPS_IN_PLACE 100000              /* turns without time passing: stuck */
#define TIME_LIMIT     (7200ull * 1000000) /* virtual µs until everything has ended */
#define REST_LIMIT     (600ull * 1000000)  /* and until every object is back */
#define BUSY_US        20                  /* until a port that was full is tried again */
#define OBJECTS_EVERY  8                   /* steps between looks at timers and memory, */
#define TABLES_EVERY   64                  /* and between walks of all tables */

bool world_failed(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->why[0])
		return false;
	va_start(ap, fmt);
	vsnprintf(w->why, sizeof(w->why), fmt, ap);
	va_end(ap);
	return false;
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

static usec_t next_of_node(const struct world *w, const struct node *n)
{
	usec_t next = PEER_NEVER, at;

	for (uint32_t k = 0; k < w->nb_shards && !n->alien; k++)
		next = MIN(next, next_of_shard(w, n->rigs[k].sh));
	if (n->alien)
		next = MIN(next, alien_next(n->alien));
	if (n->outbox.q.count)
		next = MIN(next, w->now + BUSY_US);
	for (uint32_t p = 0; p < n->nb_ports; p++) {
		if (n->ports[p]->ops->next_event(n->ports[p], &at))
			next = MIN(next, at);
	}
	return next;
}

/* The next time at which something can happen; false: never. */
static bool next_event(const struct world *w, usec_t *next)
{
	*next = MIN(MIN(peers_next(&w->peers), weather_next(w)), attack_next(w));
	for (uint32_t i = 0; i < w->nb_nodes; i++)
		*next = MIN(*next, next_of_node(w, &w->nodes[i]));
	return *next != PEER_NEVER;
}

static bool check_shard(struct world *w, uint32_t i, uint32_t k)
{
	struct shard *sh = w->nodes[i].rigs[k].sh;
	char why[200];

	if (!watch_states(&w->nodes[i].watches[k], sh, why, sizeof(why)))
		return world_failed(w, "node %u: %s", i, why);
	if (w->steps % OBJECTS_EVERY == 0 && !watch_objects(sh, why, sizeof(why)))
		return world_failed(w, "node %u: %s", i, why);
	if (w->steps % TABLES_EVERY == 0 && !shard_check(sh))
		return world_failed(w, "shard_check() finds node %u inconsistent", i);
	return true;
}

static bool check(struct world *w)
{
	if (w->peers.why[0])
		return world_failed(w, "%s", w->peers.why);
	if (w->observer.why[0])
		return world_failed(w, "%s", w->observer.why);
	for (uint32_t i = 0; i < w->nb_nodes; i++) {
		const struct node *n = &w->nodes[i];

		if (n->alien && alien_complaint(n->alien)[0])
			return world_failed(w, "node %u: %s", i, alien_complaint(n->alien));
		for (uint32_t k = 0; k < w->nb_shards && !n->alien; k++)
			if (!check_shard(w, i, k))
				return false;
	}
	w->steps++;
	return true;
}

/* Everything that happens at this time. */
static bool settle(struct world *w)
{
	uint32_t left = STEPS_IN_PLACE;
	bool any;

	w->peers.now = w->now;
	if (!weather(w))
		return false;
	attack(w);
	do {
		uint64_t before = w->activity;

		any = false;
		for (uint32_t i = 0; i < w->nb_nodes; i++)
			any |= world_turn(w, i);
		any |= w->activity != before;
		if (!check(w))
			return false;
		if (--left == 0)
			return world_failed(w, "nodes are busy without time passing");
	} while (any);
	return true;
}

/* Connections that a cookie has opened a second time. */
static uint32_t second_openings(const struct world *w)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < w->nb_nodes; i++)
		sum += w->observer.second_openings[i];
	return sum;
}

/* Up to `kept` connections may be left, to their keepalive timers: whom they were opened for is
 * done, and says no more. One may have been carried on. */
static bool objects_back(const struct rig *r, uint32_t kept)
{
	const struct shard *sh = r->sh;
	uint32_t conns = sh->conns.used, sessions = sh->sessions.used;

	if (sessions > kept || conns > kept + sessions || rig_timers(r) > conns)
		return false;
	return rig_objects(r) == conns + sessions + sh->addr6s.used + sh->table.used &&
	       sh->table.used == conns && sh->addr6s.used <= conns;
}

static bool all_objects_back(const struct world *w)
{
	for (uint32_t i = 0; i < w->nb_nodes; i++) {
		const struct node *n = &w->nodes[i];

		if (n->alien && alien_objects(n->alien))
			return false;
		for (uint32_t k = 0; k < w->nb_shards && !n->alien; k++)
			if (!objects_back(&n->rigs[k], second_openings(w)))
				return false;
	}
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
			return world_failed(w, "nothing will ever happen again, but not %s", what);
		if (next <= w->now)
			next = w->now + BUSY_US; /* a port was full: try again */
		if (next > end)
			return world_failed(w, "not %s after %llu s", what,
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

	for (uint32_t i = 0; i < w->nb_nodes; i++) {
		const struct node *n = &w->nodes[i];

		for (uint32_t k = 0; k < w->nb_shards && !n->alien; k++)
			all &= knows_neighbours(n, n->rigs[k].sh, i ? i - 1 : 0);
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
			attack_begin(w);
			return true;
		}
		for (usec_t end = w->now + 100000; w->now < end; w->now += 1000)
			for (uint32_t i = 0; i < w->nb_nodes; i++)
				world_turn(w, i);
	}
	return world_failed(w, "the neighbours never answered");
}

static bool flows_done(const struct world *w)
{
	return peers_done(&w->peers, second_openings(w));
}

bool world_run(struct world *w, const struct plan *plan, struct mem_pool *pool, bool trace)
{
	bool started = world_start(w, plan, pool);

	w->trace = trace;
	if (started && meet_neighbours(w) &&
	    run_until(w, flows_done, TIME_LIMIT + 2 * plan->longest_us, "all connections ended") &&
	    run_until(w, all_objects_back, REST_LIMIT, "all objects back") &&
	    (peers_verify(&w->peers) || world_failed(w, "%s", w->peers.why)))
		balance(w);
	world_stop(w);
	return w->why[0] == '\0';
}
