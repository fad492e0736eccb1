/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/tgen/population.h"

#define WEYL 0x9e3779b97f4a7c15ull

/* Two odd factors; any would do for a permutation. */
static const uint64_t factors[2] = {0xd1342543de82ef95ull, 0xaf251af3b0f025b5ull};

struct end end_of(const struct ipaddr *a)
{
	struct end e = {.addr = {a->words[0], a->words[1]}};

	return e;
}

static uint8_t bits_for(uint64_t n)
{
	uint8_t bits = 0;

	while (bits < 63 && 1ull << bits < n)
		bits++;
	return bits;
}

/* Of an odd number, modulo 2^64: each step doubles the bits that are right. */
static uint64_t inverse_of(uint64_t a)
{
	uint64_t x = a;

	for (int i = 0; i < 6; i++)
		x *= 2 - a * x;
	return x;
}

static void add_net(struct population *p, const struct plan_net *n)
{
	struct population_net *out = &p->nets[p->nb_nets++];

	*out = (struct population_net){.first = p->hosts, .count = n->count};
	if (p->v6) {
		out->high_be = n->net.words[0];
		out->low = __builtin_bswap64(n->net.words[1]) + n->first;
	} else {
		out->low = __builtin_bswap32(n->net.v4_be) + n->first;
	}
	p->hosts += n->count;
}

static void set_permutation(struct population *p, uint64_t seed)
{
	uint8_t bits;

	p->port_bits = bits_for(p->ports);
	bits = (uint8_t)(p->port_bits + bits_for(p->hosts));
	p->mask = (1ull << bits) - 1;
	/* At least half of the bits, so that doing it twice undoes it. */
	p->shift = (uint8_t)MAX((bits + 1) / 2, 1);
	p->add = seed * WEYL;
	for (int i = 0; i < 2; i++) {
		p->mul[i] = factors[i];
		p->inverse[i] = inverse_of(factors[i]);
	}
}

void population_init(struct population *p, const struct plan *plan, uint16_t id)
{
	uint16_t nb_workers = plan->conf->nb_workers;

	*p = (struct population){.ports = plan->port_max - plan->port_min + 1u,
				 .port_min = plan->port_min,
				 .v6 = plan->target.family == IP_V6,
				 .shared = nb_workers > 1,
				 .fixed = toeplitz_fold(&plan->target) ^ plan->target_port_be};
	for (uint16_t i = 0; i < plan->nb_nets; i++)
		add_net(p, &plan->nets[i]);
	set_permutation(p, plan->seed);
	toeplitz_init(&p->toeplitz);
	for (uint32_t i = 0; i < TOEPLITZ_SLOTS; i++)
		p->mine[i] = toeplitz_owner(i, nb_workers) == id;
}

bool population_has(const struct population *p, const struct end *e)
{
	struct end any = {.addr = {e->addr[0], e->addr[1]},
			  .port_be = __builtin_bswap16(p->port_min)};
	uint64_t number;

	return p->nb_nets > 0 && population_number(p, &any, &number);
}
