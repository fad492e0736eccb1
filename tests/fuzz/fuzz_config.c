/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a configuration file: the loader either says what is wrong, or
 * gives a struct conf whose every index and limit holds, since no later layer
 * checks them again.
 */
#include "engine/run/config.h"
#include "engine/table/prefix_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		__builtin_trap();
}

static void check_name(const char name[CONF_NAME_MAX])
{
	size_t len = strnlen(name, CONF_NAME_MAX);

	require(len > 0 && len < CONF_NAME_MAX);
}

static void check_tcp(const struct conf_tcp *t)
{
	require(t->ttl > 0 && t->dscp < 64 && t->delack_ms < 500 && t->initial_cwnd > 0);
	require(t->rto_min_ms > 0 && t->rto_min_ms <= t->rto_initial_ms &&
		t->rto_initial_ms <= t->rto_max_ms);
	require(t->retries1 <= t->retries2 && t->keepalive_probes > 0);
	require(t->time_wait_ms >= 1000 && t->rcvbuf >= 1024 && t->sndbuf >= 1024);
}

static void check_ports(const struct conf *c)
{
	require(c->nb_ports > 0 && c->nb_ports <= CONF_MAX_PORTS);
	require(c->nb_ifaces > 0 && c->nb_ifaces <= CONF_MAX_IFACES);
	require(c->nb_addrs > 0 && c->nb_addrs <= CONF_MAX_ADDRS);
	require(c->nb_routes <= CONF_MAX_ROUTES);
	for (uint16_t i = 0; i < c->nb_ports; i++) {
		check_name(c->ports[i].name);
		require(c->ports[i].mtu >= 576 && c->ports[i].mtu <= 9216);
		require(c->ports[i].device[0] && !c->ports[i].device[CONF_DEVICE_MAX - 1]);
		require(!c->ports[i].record[CONF_DEVICE_MAX - 1] && c->ports[i].line > 0);
	}
	for (uint16_t i = 0; i < c->nb_ifaces; i++) {
		require(c->ifaces[i].port < c->nb_ports && c->ifaces[i].vlan < 4095);
		require(c->ifaces[i].mtu >= 576);
		require(c->ifaces[i].mtu <= c->ports[c->ifaces[i].port].mtu);
	}
	for (uint16_t i = 0; i < c->nb_addrs; i++) {
		const struct conf_addr *a = &c->addrs[i];

		require(a->iface < c->nb_ifaces && ipaddr_is_unicast(&a->addr));
		require(a->refuse < CONF_REFUSE_AS_ADDRESS);
		require(a->prefix_len > 0 && a->prefix_len <= (a->addr.family == IP_V4 ? 32 : 128));
		require(a->addr.family == IP_V4 || c->ifaces[a->iface].mtu >= 1280);
	}
	for (uint16_t i = 0; i < c->nb_routes; i++) {
		require(c->routes[i].iface < c->nb_ifaces);
		require(c->routes[i].to.family == c->routes[i].via.family);
	}
}

static void check_pool(const struct conf *c, const struct conf_pool *p)
{
	check_name(p->name);
	check_tcp(&p->tcp);
	require(p->nb_backends > 0 && p->nb_backends <= CONF_MAX_BACKENDS);
	require(p->nb_sources > 0 && p->nb_sources <= CONF_MAX_SOURCES);
	require(p->source_port_min >= 1024 && p->source_port_min <= p->source_port_max);
	for (uint16_t i = 0; i < p->nb_sources; i++)
		require(p->sources[i] < c->nb_addrs);
	for (uint16_t i = 0; i < p->nb_backends; i++) {
		check_name(p->backends[i].name);
		require(p->backends[i].port_be != 0 && ipaddr_is_unicast(&p->backends[i].addr));
	}
}

static void check_listener(const struct conf *c, const struct conf_listener *l)
{
	check_name(l->name);
	check_tcp(&l->tcp);
	require(l->refuse <= CONF_REFUSE_AS_ADDRESS);
	require(l->group <= l - c->listeners && !strcmp(l->name, c->listeners[l->group].name));
	require(l->source_prefix_v4 >= 8 && l->source_prefix_v4 <= 32);
	require(l->source_prefix_v6 >= 16 && l->source_prefix_v6 <= 128);
	require(l->max_rate_per_source <= 1000000);
	require(l->port_be != 0 && l->backlog > 0);
	require(l->addr.family == IP_V4 || l->addr.family == IP_V6);
	require(l->local == CONF_NONE || l->local < c->nb_addrs);
	require((l->service == CONF_SERVICE_PROXY) == (l->pool != CONF_NONE));
	require(l->pool == CONF_NONE || l->pool < c->nb_pools);
	require((l->service == CONF_SERVICE_HTTP) == (l->http_body != CONF_NONE));
	require(l->http_body == CONF_NONE || l->http_body < c->nb_bodies);
}

static void check_conf(const struct conf *c)
{
	check_name(c->instance);
	check_tcp(&c->tcp);
	require(c->nb_workers > 0 && c->nb_workers <= CONF_MAX_WORKERS);
	for (uint16_t i = 0; i < c->nb_workers; i++)
		require(c->worker_cpu[i] >= -1);
	require(c->memory.connections >= c->nb_workers && c->memory.buffers > 0);
	check_ports(c);
	require(c->nb_pools <= CONF_MAX_POOLS && c->nb_listeners <= CONF_MAX_LISTENERS);
	for (uint16_t i = 0; i < c->nb_pools; i++)
		check_pool(c, &c->pools[i]);
	for (uint16_t i = 0; i < c->nb_listeners; i++)
		check_listener(c, &c->listeners[i]);
	require(c->prefixes && c->prefixes->nb_listeners == c->nb_listeners);
	for (uint16_t i = 0; i < c->nb_bodies; i++) {
		const struct conf_body *b = &c->bodies[i];

		require(b->head_len > 4 && b->head_len <= b->len);
		require(!memcmp(b->bytes, "HTTP/1.1 ", 9));
		require(!memcmp(b->bytes + b->head_len - 4, "\r\n\r\n", 4));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_error err;
	struct conf *conf = config_parse("fuzz", (const char *)data, size, &err);

	if (conf)
		check_conf(conf);
	else
		require(!strncmp(err.text, "fuzz:", 5) && !strchr(err.text, '\n') &&
			strnlen(err.text, CONFIG_ERROR_MAX) < CONFIG_ERROR_MAX);
	config_free(conf);
	return 0;
}
