/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools: the backends, and the local addresses and ports that connections to
 * them are made from. */
#include <arpa/inet.h>

#include "engine/base/toeplitz.h"
#include "engine/run/addr_text.h"
#include "engine/run/config_reader.h"

#define SOURCE_PORT_MIN 1024

static bool read_source(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct conf_pool *pool = field;
	char quoted[CONFIG_QUOTE_MAX];
	struct ipaddr addr;
	uint16_t local;
	const char *s;
	size_t len;

	if (!config_scalar(r, node, "a local address", &s, &len))
		return false;
	config_quote(s, len, quoted);
	if (!config_ipaddr(s, len, &addr))
		return config_fail(r, node,
				   "%s is not an address: write IPV4 or IPV6 without port "
				   "and prefix length",
				   quoted);
	local = config_local(r->conf, &addr);
	if (local == CONF_NONE)
		return config_fail(r, node,
				   "%s is not a local address: add it to a port's "
				   "addresses",
				   quoted);
	for (uint16_t i = 0; i < pool->nb_sources; i++) {
		if (pool->sources[i] == local)
			return config_fail(r, node, "%s is in the list twice: keep one of them",
					   quoted);
	}
	pool->sources[pool->nb_sources++] = local;
	return true;
}

static bool read_sources(struct config_reader *r, yaml_node_t *node, void *pool)
{
	return config_list(r, node, 1, CONF_MAX_SOURCES, read_source, pool);
}

static bool parse_port_range(const char *s, size_t len, unsigned *min, unsigned *max)
{
	unsigned value[2] = {0, 0}, n = 0;
	bool digit = false;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '-' && n == 0 && digit) {
			n = 1;
			digit = false;
			continue;
		}
		if (s[i] < '0' || s[i] > '9' || value[n] > UINT16_MAX)
			return false;
		value[n] = value[n] * 10 + (unsigned)(s[i] - '0');
		digit = true;
	}
	*min = value[0];
	*max = value[1];
	return n == 1 && digit;
}

static bool read_source_ports(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct conf_pool *pool = field;
	char quoted[CONFIG_QUOTE_MAX];
	unsigned min, max;
	const char *s;
	size_t len;

	if (!config_scalar(r, node, "MIN-MAX", &s, &len))
		return false;
	if (!parse_port_range(s, len, &min, &max) || min < SOURCE_PORT_MIN || max > UINT16_MAX ||
	    min > max)
		return config_fail(r, node,
				   "%s is not a range of source ports: write MIN-MAX "
				   "within 1024-65535",
				   config_quote(s, len, quoted));
	pool->source_port_min = (uint16_t)min;
	pool->source_port_max = (uint16_t)max;
	return true;
}

static bool is_reachable(const struct conf *conf, const struct ipaddr *addr)
{
	if (config_on_link(conf, addr) != CONF_NONE)
		return true;
	for (uint16_t i = 0; i < conf->nb_routes; i++) {
		const struct conf_route *route = &conf->routes[i];

		if (route->to.family == addr->family &&
		    ipaddr_prefix_match(&route->to, addr, route->prefix_len))
			return true;
	}
	return false;
}

static bool check_backend_address(struct config_reader *r, const yaml_node_t *node,
				  const struct ipaddr *addr)
{
	const struct conf *conf = r->conf;
	uint16_t near = config_on_link(conf, addr);
	char text[ADDR_TEXT_MAX];

	addr_text(addr, text);
	if (!config_is_host(addr, near == CONF_NONE ? 128 : conf->addrs[near].prefix_len))
		return config_fail(r, node,
				   "%s is not a host's address (multicast, broadcast, "
				   "loopback or unspecified): write the backend's",
				   text);
	if (config_local(conf, addr) != CONF_NONE)
		return config_fail(r, node,
				   "%s is one of the local addresses: a backend is "
				   "another host, write its address",
				   text);
	if (!is_reachable(conf, addr))
		return config_fail(r, node,
				   "%s can't be reached: give a port an address of its "
				   "network or add a route to it",
				   text);
	return true;
}

static bool read_backend_address(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct conf_backend *backend = field;
	char quoted[CONFIG_QUOTE_MAX];
	const char *s;
	size_t len;

	if (!config_scalar(r, node, "IPV4:PORT or [IPV6]:PORT", &s, &len))
		return false;
	if (!config_endpoint(s, len, &backend->addr, &backend->port_be) ||
	    backend->addr.family == 0)
		return config_fail(r, node, "%s is not an address: write IPV4:PORT or [IPV6]:PORT",
				   config_quote(s, len, quoted));
	return check_backend_address(r, node, &backend->addr);
}

static const struct config_key backend_keys[] = {
    {"name", CONFIG_ROW_NAME(struct conf_backend, name), .required = true, .hint = "name: NAME"},
    {"address", CONFIG_ROW_SELF(read_backend_address), .required = true,
     .hint = "address: \"IPV4:PORT\""},
    {0},
};

static bool read_backend(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct conf_pool *pool = field;
	struct conf_backend *backends =
	    config_grow(r, node, pool->backends, pool->nb_backends, sizeof(*backends),
			CONF_MAX_BACKENDS, "backends");
	struct conf_backend *backend;

	if (!backends)
		return false;
	pool->backends = backends;
	backend = &backends[pool->nb_backends++];
	backend->line = config_line(node);
	if (!config_map(r, node, backend_keys, backend))
		return false;
	for (const struct conf_backend *b = backends; b < backend; b++) {
		if (b->port_be == backend->port_be && ipaddr_equal(&b->addr, &backend->addr))
			return config_fail(r, node,
					   "the address is backend %s's, on line %d: list "
					   "a backend once",
					   b->name, b->line);
	}
	return config_unique(r, node, backend->name, backends, pool->nb_backends - 1u,
			     sizeof(*backends), offsetof(struct conf_backend, line));
}

static bool read_backends(struct config_reader *r, yaml_node_t *node, void *pool)
{
	return config_list(r, node, 1, CONF_MAX_BACKENDS, read_backend, pool);
}

#define POOL_MSEC(field, lo, hi, dflt)                                                             \
	CONFIG_ROW_TIME(struct conf_pool, field, 1000000, 1000, lo, hi, dflt)

static const struct config_key pool_keys[] = {
    {"name", CONFIG_ROW_NAME(struct conf_pool, name), .required = true, .hint = "name: NAME"},
    {"sources", CONFIG_ROW_SELF(read_sources), .required = true,
     .hint = "sources: [one of the ports' addresses]"},
    {"source_ports", CONFIG_ROW_SELF(read_source_ports)},
    {"connect_timeout", POOL_MSEC(connect_timeout_ms, 1, 600000, 3000)},
    {"max_connections",
     CONFIG_ROW_COUNT(struct conf_pool, max_connections, CONF_MAX_WORKERS, CONF_MAX_OBJECTS, 0),
     .or_zero = true},
    {"tcp", CONFIG_ROW_NODE(struct conf_pool, tcp, config_read_tcp)},
    {"backends", CONFIG_ROW_SELF(read_backends), .required = true,
     .hint = "backends: [{name: NAME, address: \"IPV4:PORT\"}]"},
    {0},
};

static unsigned nb_sources_of(const struct conf *conf, const struct conf_pool *pool, uint8_t family)
{
	unsigned n = 0;

	for (uint16_t i = 0; i < pool->nb_sources; i++)
		n += conf->addrs[pool->sources[i]].addr.family == family;
	return n;
}

static unsigned nb_backends_of(const struct conf_pool *pool, uint8_t family)
{
	unsigned n = 0;

	for (uint16_t i = 0; i < pool->nb_backends; i++)
		n += pool->backends[i].addr.family == family;
	return n;
}

/* A pool without sources for a backend can't reach it; a source that no backend
 * needs is most likely in the wrong pool. */
static bool check_families(struct config_reader *r, const yaml_node_t *node,
			   const struct conf_pool *pool)
{
	static const uint8_t families[] = {IP_V4, IP_V6};

	for (unsigned i = 0; i < ARRAY_SIZE(families); i++) {
		if (nb_backends_of(pool, families[i]) > 0 &&
		    nb_sources_of(r->conf, pool, families[i]) == 0)
			return config_fail(r, node,
					   "has IPv%u backends but no IPv%u source: add a local "
					   "IPv%u address to sources",
					   families[i], families[i], families[i]);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(families); i++) {
		if (nb_sources_of(r->conf, pool, families[i]) > 0 &&
		    nb_backends_of(pool, families[i]) == 0)
			return config_fail(r, node,
					   "has an IPv%u source but no IPv%u backend: remove the "
					   "source or add a backend",
					   families[i], families[i]);
	}
	return true;
}

/* Each backend can be reached from every source port of every source once. */
static bool check_capacity(struct config_reader *r, const yaml_node_t *node,
			   const struct conf_pool *pool)
{
	unsigned ports = pool->source_port_max - pool->source_port_min + 1u;
	unsigned pairs = nb_sources_of(r->conf, pool, IP_V4) * nb_backends_of(pool, IP_V4) +
			 nb_sources_of(r->conf, pool, IP_V6) * nb_backends_of(pool, IP_V6);
	uint64_t capacity = (uint64_t)pairs * ports;

	if (pool->max_connections <= capacity)
		return true;
	return config_fail(r, node,
			   "max_connections %u can't be reached, the sources' addresses and ports "
			   "allow %llu: add sources or lower it",
			   pool->max_connections, (unsigned long long)capacity);
}

/* Those that own connections from the pool's ports to the backend, a bit each. */
static uint64_t workers_with_ports(const struct conf *conf, const struct conf_pool *pool,
				   const struct conf_backend *b, uint64_t all)
{
	struct toeplitz t;
	uint64_t found = 0;

	toeplitz_init(&t);
	for (uint16_t i = 0; i < pool->nb_sources; i++) {
		const struct ipaddr *source = &conf->addrs[pool->sources[i]].addr;

		if (source->family != b->addr.family)
			continue;
		for (uint32_t p = pool->source_port_min; p <= pool->source_port_max; p++) {
			uint32_t hash =
			    toeplitz_tuple(&t, source, &b->addr, htons((uint16_t)p), b->port_be);

			found |= 1ull << toeplitz_owner(hash, conf->nb_workers);
			if (found == all)
				return all;
		}
	}
	return found;
}

static_assert(CONF_MAX_WORKERS <= 64, "a bit each");

/* A worker has only those ports whose answers are hashed to it. With none the clients that are its
 * own would be reset, as if the backend were down. */
static bool check_workers(struct config_reader *r, const yaml_node_t *node,
			  const struct conf_pool *pool)
{
	uint16_t nb_workers = r->conf->nb_workers;
	uint64_t all = UINT64_MAX >> (64 - MAX(nb_workers, 1));

	/* 0 stands for the only one of who has no section `workers`. */
	for (uint16_t i = 0; nb_workers > 1 && i < pool->nb_backends; i++) {
		const struct conf_backend *b = &pool->backends[i];
		uint64_t found = workers_with_ports(r->conf, pool, b, all);

		if (found != all)
			return config_fail(r, node,
					   "source_ports %u-%u are too few for %u workers: none of "
					   "them is worker %d's towards backend %s: widen the "
					   "range or add sources",
					   pool->source_port_min, pool->source_port_max, nb_workers,
					   __builtin_ctzll(~found), b->name);
	}
	return true;
}

static bool read_pool(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct conf *conf = field;
	struct conf_pool *pools = config_grow(r, node, conf->pools, conf->nb_pools, sizeof(*pools),
					      CONF_MAX_POOLS, "pools");
	struct conf_pool *pool;

	if (!pools)
		return false;
	conf->pools = pools;
	pool = &pools[conf->nb_pools++];
	config_defaults(pool_keys, pool);
	pool->source_port_min = SOURCE_PORT_MIN;
	pool->source_port_max = UINT16_MAX;
	pool->tcp = conf->tcp;
	pool->line = config_line(node);
	return config_map(r, node, pool_keys, pool) &&
	       config_unique(r, node, pool->name, pools, conf->nb_pools - 1u, sizeof(*pools),
			     offsetof(struct conf_pool, line)) &&
	       check_families(r, node, pool) && check_capacity(r, node, pool) &&
	       check_workers(r, node, pool);
}

bool config_read_pools(struct config_reader *r, yaml_node_t *node, void *conf)
{
	return config_list(r, node, 0, CONF_MAX_POOLS, read_pool, conf);
}
