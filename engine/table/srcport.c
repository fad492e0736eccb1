/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/table/srcport.h"
#include "engine/base/toeplitz.h"

uint32_t srcport_nb_maps(const struct conf *conf, const struct conf_pool *pool, uint16_t b)
{
	uint32_t n = 0;

	for (uint16_t s = 0; s < pool->nb_sources; s++)
		n += conf->addrs[pool->sources[s]].addr.family == pool->backends[b].addr.family;
	return n;
}

/* True when the port is in the pool's range and its segments come to this shard. */
static bool is_ours(const struct shard *sh, const struct srcport_map *m, uint16_t port_be)
{
	uint16_t port = __builtin_bswap16(port_be);

	if (port < m->first || port > m->last)
		return false;
	return sh->nb_shards == 1 ||
	       toeplitz_owner(toeplitz_word(sh->toeplitz, m->fold ^ port_be), sh->nb_shards) ==
		   sh->id;
}

static void init_map(const struct shard *sh, struct srcport_map *m, const struct conf_pool *pool,
		     const struct conf_backend *backend)
{
	const struct ipaddr *source = &sh->conf->addrs[m->local].addr;

	m->first = pool->source_port_min;
	m->last = pool->source_port_max;
	m->fold = toeplitz_fold(source) ^ toeplitz_fold(&backend->addr) ^ backend->port_be;
	for (uint32_t port = m->first; port <= m->last; port++) {
		if (!is_ours(sh, m, __builtin_bswap16((uint16_t)port)))
			continue;
		m->bits[port / 64] |= 1ull << port % 64;
		m->capacity++;
	}
	m->free = m->capacity;
	/* After a restart other ports come first than before it: backends may hold
	 * the old ones in TIME_WAIT. */
	m->cursor = (uint16_t)((sh->isn_key.sip.k[0] >> 16) % SRCPORT_WORDS);
	m->next = m;
}

void srcport_init(const struct shard *sh, struct srcport_map *maps, const struct conf_pool *pool,
		  uint16_t b)
{
	const struct conf_backend *backend = &pool->backends[b];

	for (uint16_t s = 0; s < pool->nb_sources; s++) {
		if (sh->conf->addrs[pool->sources[s]].addr.family != backend->addr.family)
			continue;
		maps->local = pool->sources[s];
		init_map(sh, maps++, pool, backend);
	}
}

void srcport_join(struct srcport_map *known, struct srcport_map *new)
{
	if (new->next != new)
		return;
	new->next = known->next;
	known->next = new;
}

/* In all of the circle. */
static void occupy(struct srcport_map *first, uint32_t port)
{
	uint64_t bit = 1ull << port % 64;
	struct srcport_map *m = first;

	do {
		m->free -= (m->bits[port / 64] & bit) != 0;
		m->bits[port / 64] &= ~bit;
		m = m->next;
	} while (m != first);
}

static void release(const struct shard *sh, struct srcport_map *first, uint16_t port_be)
{
	uint32_t port = __builtin_bswap16(port_be);
	uint64_t bit = 1ull << port % 64;
	struct srcport_map *m = first;

	do {
		if (!(m->bits[port / 64] & bit) && is_ours(sh, m, port_be)) {
			m->bits[port / 64] |= bit;
			m->free++;
		}
		m = m->next;
	} while (m != first);
}

static uint16_t take_from(struct srcport_map *m)
{
	uint32_t port;

	while (!m->bits[m->cursor])
		m->cursor = (m->cursor + 1) % SRCPORT_WORDS;
	port = (uint32_t)__builtin_ctzll(m->bits[m->cursor]) + m->cursor * 64u;
	occupy(m, port);
	m->cursor = (m->cursor + 1) % SRCPORT_WORDS;
	return __builtin_bswap16((uint16_t)port);
}

bool srcport_take(struct srcport_map *maps, uint32_t nb_maps, uint32_t *turn, uint16_t *local,
		  uint16_t *port_be)
{
	for (uint32_t i = 0; i < nb_maps; i++) {
		struct srcport_map *m = &maps[(*turn)++ % nb_maps];

		if (!m->free)
			continue;
		*local = m->local;
		*port_be = take_from(m);
		return true;
	}
	return false;
}

void srcport_put(const struct shard *sh, struct srcport_map *maps, uint32_t nb_maps, uint16_t local,
		 uint16_t port_be)
{
	for (uint32_t i = 0; i < nb_maps; i++)
		if (maps[i].local == local && is_ours(sh, &maps[i], port_be))
			release(sh, &maps[i], port_be);
}
