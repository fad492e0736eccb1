/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The clients of a worker, by number: number <-> address and port, both ways, by
 * a permutation of a power of two, so that nothing about them is in order and
 * nothing is divided or stored. Numbers without a client are skipped; each
 * client has exactly one.
 */
#pragma once

#include "bench/tgen/plan.h"
#include "engine/base/toeplitz.h"

/* An end of a connection, in network byte order. IPv4 addresses are in the low
 * 32 bits of addr[0], the rest is 0. */
struct end {
	uint64_t addr[2];
	uint16_t port_be;
};

/* One network's part of the hosts. */
struct population_net {
	uint64_t first, count; /* place among all hosts, how many */
	uint64_t high_be, low; /* first 8 bytes of its addresses, the rest of its first one */
};

struct population {
	uint64_t mask; /* numbers are 0 .. mask */
	uint64_t mul[2], inverse[2], add;
	uint64_t hosts;
	uint32_t ports;
	uint16_t port_min;
	uint8_t shift, port_bits;
	bool v6, shared;
	uint16_t nb_nets;
	struct population_net nets[PLAN_NETS_MAX];
	uint16_t fixed; /* the target's words, folded */
	bool mine[TOEPLITZ_SLOTS];
	struct toeplitz toeplitz;
};

/* Of worker `id` of conf.nb_workers: the clients whose connections with the
 * target belong to it by toeplitz_owner(). */
void population_init(struct population *p, const struct plan *plan, uint16_t id);

/* The end of an address; port 0. */
struct end end_of(const struct ipaddr *a);

/* Clients of all workers together. */
static inline uint64_t population_count(const struct population *p)
{
	return p->hosts * p->ports;
}

/* The host's address; host < p->hosts. */
static ALWAYS_INLINE void population_host(const struct population *p, uint64_t host, struct end *e)
{
	const struct population_net *n = p->nets;

	while (unlikely(host - n->first >= n->count))
		n++;
	host += n->low - n->first;
	if (p->v6) {
		e->addr[0] = n->high_be;
		e->addr[1] = __builtin_bswap64(host);
	} else {
		e->addr[0] = __builtin_bswap32((uint32_t)host);
		e->addr[1] = 0;
	}
}

/* True when this worker's queue gets what comes back from the target. */
static ALWAYS_INLINE bool population_is_mine(const struct population *p, const struct end *e)
{
	uint64_t x = e->addr[0] ^ e->addr[1];

	x ^= x >> 32;
	x ^= x >> 16;
	x ^= p->fixed ^ e->port_be;
	return p->mine[toeplitz_word(&p->toeplitz, (uint16_t)x) % TOEPLITZ_SLOTS];
}

/* The client of a number; false: it has none, or another worker's. */
static ALWAYS_INLINE bool population_client(const struct population *p, uint64_t number,
					    struct end *e)
{
	uint64_t x = (number * p->mul[0] + p->add) & p->mask, port;

	x ^= x >> p->shift;
	x = x * p->mul[1] & p->mask;
	port = x & ((1u << p->port_bits) - 1);
	x >>= p->port_bits;
	if (unlikely(port >= p->ports || x >= p->hosts))
		return false;
	population_host(p, x, e);
	e->port_be = __builtin_bswap16((uint16_t)(p->port_min + port));
	return !p->shared || population_is_mine(p, e);
}

/* The number of a client; false: it is none of ours. The other way round. */
static ALWAYS_INLINE bool population_number(const struct population *p, const struct end *e,
					    uint64_t *number)
{
	uint64_t low =
	    p->v6 ? __builtin_bswap64(e->addr[1]) : __builtin_bswap32((uint32_t)e->addr[0]);
	uint32_t port = __builtin_bswap16(e->port_be) - p->port_min;
	const struct population_net *n = p->nets;
	uint64_t x;

	while (low - n->low >= n->count || (p->v6 && e->addr[0] != n->high_be))
		if (++n == p->nets + p->nb_nets)
			return false;
	if (port >= p->ports)
		return false;
	x = (low - n->low + n->first) << p->port_bits | port;
	x = x * p->inverse[1] & p->mask;
	x ^= x >> p->shift;
	*number = (x - p->add) * p->inverse[0] & p->mask;
	return true;
}

/* True for an address of any client. */
bool population_has(const struct population *p, const struct end *e);
