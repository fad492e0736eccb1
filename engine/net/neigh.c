/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/net/neigh.h"
#include "engine/net/arp.h"
#include "engine/net/nd.h"

#define NEIGH_WAYS	   8 /* places an address may have */
#define NEIGH_FORGET_TICKS (24u * 24 * 3600 * TICKS_PER_SEC)

static struct neigh *neigh_set(struct shard *sh, uint16_t iface, const struct ipaddr *addr)
{
	uint64_t key[4] = {addr->words[0], addr->words[1], iface};
	uint64_t hash = sh->prf->place(&sh->table_key, key, ARRAY_SIZE(key));

	return &sh->net.neighs[hash % (NEIGH_MAX / NEIGH_WAYS) * NEIGH_WAYS];
}

static struct neigh *neigh_find(struct shard *sh, uint16_t iface, const struct ipaddr *addr)
{
	struct neigh *set = neigh_set(sh, iface, addr);

	for (int i = 0; i < NEIGH_WAYS; i++)
		if (set[i].state != NEIGH_FREE && set[i].iface == iface &&
		    ipaddr_equal(&set[i].addr, addr))
			return &set[i];
	return NULL;
}

/* A place for a new entry: free, else the least recently answered or asked. */
static struct neigh *neigh_make(struct shard *sh, uint16_t iface, const struct ipaddr *addr)
{
	struct neigh *set = neigh_set(sh, iface, addr), *n = &set[0];

	for (int i = 0; i < NEIGH_WAYS && n->state != NEIGH_FREE; i++)
		if (set[i].state == NEIGH_FREE || tick_before(set[i].at, n->at))
			n = &set[i];
	if (n->state != NEIGH_FREE)
		stat_inc(sh, STAT_neighbour_full);
	*n = (struct neigh){.addr = *addr, .iface = iface, .state = NEIGH_INCOMPLETE};
	return n;
}

static void neigh_ask(struct shard *sh, struct neigh *n)
{
	n->at = sh->now;
	n->probes++;
	stat_inc(sh, STAT_neighbour_requests);
	if (n->addr.family == IP_V4)
		arp_request(sh, n->iface, &n->addr);
	else
		nd_solicit(sh, n->iface, &n->addr);
}

/* The holder does not answer; who claims his address has it. False: nobody does. */
static bool neigh_pass_on(struct shard *sh, struct neigh *n)
{
	if (n->state != NEIGH_REACHABLE || !n->contested)
		return false;
	memcpy(n->mac, n->rival, 6);
	n->contested = false;
	n->probes = 0;
	n->at = sh->now;
	stat_inc(sh, STAT_neighbour_moved);
	return true;
}

static void neigh_give_up(struct shard *sh, struct neigh *n)
{
	n->state = NEIGH_FAILED;
	stat_inc(sh, STAT_neighbour_failed);
}

/* What was asked and not answered for long enough is asked again, or given up. */
static void neigh_press(struct shard *sh, struct neigh *n)
{
	if (!n->probes || n->state == NEIGH_FAILED || sh->now - n->at < NEIGH_RETRY_TICKS)
		return;
	if (n->probes < NEIGH_PROBES_MAX)
		neigh_ask(sh, n);
	else if (!neigh_pass_on(sh, n))
		neigh_give_up(sh, n);
}

bool net_resolve(struct shard *sh, uint16_t iface, const struct ipaddr *next_hop, uint8_t mac[6])
{
	struct neigh *n = neigh_find(sh, iface, next_hop);

	if (!n) {
		n = neigh_make(sh, iface, next_hop);
		neigh_ask(sh, n);
		return false;
	}
	if (n->state == NEIGH_FAILED && sh->now - n->at >= NEIGH_DEAD_TICKS) {
		n->state = NEIGH_INCOMPLETE;
		n->probes = 0;
		neigh_ask(sh, n);
	} else if (n->state == NEIGH_REACHABLE && n->probes == 0 &&
		   sh->now - n->at >= (n->contested ? NEIGH_RETRY_TICKS : NEIGH_FRESH_TICKS)) {
		neigh_ask(sh, n);
	} else {
		neigh_press(sh, n);
	}
	if (n->state != NEIGH_REACHABLE)
		return false;
	memcpy(mac, n->mac, 6);
	return true;
}

/* Asked for a little later than what was asked last: claims come as fast as anyone likes. */
static void neigh_contest(struct shard *sh, struct neigh *n, const uint8_t mac[6])
{
	stat_inc(sh, STAT_neighbour_contested);
	memcpy(n->rival, mac, 6);
	n->contested = true;
	if (sh->now - n->at < NEIGH_RETRY_TICKS)
		return;
	if (n->probes < NEIGH_PROBES_MAX)
		neigh_ask(sh, n);
	else
		neigh_pass_on(sh, n);
}

void neigh_learn(struct shard *sh, uint16_t iface, const struct ipaddr *addr, const uint8_t mac[6])
{
	struct neigh *n = neigh_find(sh, iface, addr);

	/* A group address as a neighbour's would turn us into an amplifier. */
	if (!n || (mac[0] & 1))
		return;
	if (n->state == NEIGH_REACHABLE && memcmp(n->mac, mac, 6) != 0) {
		neigh_contest(sh, n, mac);
		return;
	}
	memcpy(n->mac, mac, 6);
	n->contested = false;
	n->state = NEIGH_REACHABLE;
	n->probes = 0;
	n->at = sh->now;
}

bool neigh_agrees(struct shard *sh, uint16_t iface, const struct ipaddr *addr,
		  const uint8_t mac[6])
{
	const struct neigh *n = neigh_find(sh, iface, addr);

	return n && n->state == NEIGH_REACHABLE && memcmp(n->mac, mac, 6) == 0;
}

void neigh_suspect(struct shard *sh, uint16_t iface, const struct ipaddr *addr)
{
	struct neigh *n = neigh_find(sh, iface, addr);

	if (n && n->state == NEIGH_REACHABLE && n->probes == 0)
		neigh_ask(sh, n);
}

bool neigh_is_dead(struct shard *sh, uint16_t iface, const struct ipaddr *addr)
{
	const struct neigh *n = neigh_find(sh, iface, addr);

	return n && n->state == NEIGH_FAILED;
}

void neigh_sweep(struct shard *sh, uint32_t index)
{
	struct neigh *n = &sh->net.neighs[index];

	if (n->state == NEIGH_FREE)
		return;
	if (sh->now - n->at > NEIGH_FORGET_TICKS)
		n->state = NEIGH_FREE;
	else
		neigh_press(sh, n);
}
