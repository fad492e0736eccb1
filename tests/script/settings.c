/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings of a script. See settings.h. */
#include <arpa/inet.h>

#include "tests/script/play.h"
#include "tests/script/settings.h"

struct row {
	const char *name;
	size_t offset; /* in struct settings */
	size_t size;
};

#define ROW(name, field)                                                                           \
	{                                                                                          \
		name, offsetof(struct settings, field), sizeof(((struct settings *)0)->field)      \
	}
#define TCP(field)    ROW(#field, tcp.field)
#define MEMORY(field) ROW(#field, memory.field)

static const struct row rows[] = {
    TCP(syn_retries),
    TCP(synack_retries),
    TCP(retries1),
    TCP(retries2),
    TCP(orphan_retries),
    TCP(keepalive_probes),
    TCP(keepalive),
    TCP(nodelay),
    TCP(pacing),
    TCP(congestion_control),
    TCP(ecn),
    TCP(frto),
    TCP(timestamps),
    TCP(window_scaling),
    TCP(sack),
    TCP(syncookies),
    TCP(max_syn_backlog),
    TCP(abort_on_overflow),
    TCP(rfc1337),
    TCP(synack_jitter),
    TCP(pmtu_discovery),
    TCP(ttl),
    TCP(dscp),
    TCP(mss),
    TCP(delack_ms),
    TCP(quick_acks),
    TCP(initial_cwnd),
    TCP(rto_min_ms),
    TCP(rto_max_ms),
    TCP(rto_initial_ms),
    TCP(fin_timeout_ms),
    TCP(half_close_timeout_ms),
    TCP(time_wait_ms),
    TCP(keepalive_time_ms),
    TCP(keepalive_intvl_ms),
    TCP(user_timeout_ms),
    TCP(idle_timeout_ms),
    TCP(rcvbuf),
    TCP(sndbuf),
    MEMORY(connections),
    MEMORY(half_open),
    MEMORY(time_wait),
    MEMORY(transfers),
    MEMORY(orphans),
    MEMORY(sources),
    MEMORY(buffers),
    ROW("max_rst_per_second", limits.max_rst_per_second),
    ROW("icmp_msgs_per_sec", limits.icmp_msgs_per_sec),
    ROW("mtu", mtu),
    ROW("backlog", backlog),
    ROW("listener_max", listener_max),
    ROW("listener_reserve", listener_reserve),
    ROW("refuse", refuse),
    ROW("max_connections_per_source", max_connections_per_source),
    ROW("max_rate_per_source", max_rate_per_source),
    ROW("source_prefix", source_prefix),
    ROW("peer_isn", peer_isn),
    ROW("iss", iss),
    ROW("start_ms", start_ms),
    ROW("connect_timeout_ms", connect_timeout_ms),
    ROW("backends", backends),
    ROW("max_connections", max_connections),
    ROW("source_ports", source_ports),
    ROW("csum_offload", csum_offload),
    ROW("neighbour", neighbour),
    ROW("any_address", any_address),
    ROW("defer", listener.defer),
    ROW("first_byte_timeout_ms", listener.first_byte_timeout_ms),
    ROW("request_timeout_ms", listener.request_timeout_ms),
    ROW("min_rate_bytes", listener.min_rate.bytes),
    ROW("min_rate_per_ms", listener.min_rate.per_ms),
    ROW("min_rate_grace_ms", listener.min_rate.grace_ms),
};

static const char *const services[] = {"manual", "echo", "discard", "http", "proxy"};

static bool read_pair(struct settings *set, struct scan *scan)
{
	char name[32];
	uint32_t value;

	if (!scan_word(scan, name, sizeof(name)) || !scan_expect(scan, "=") ||
	    !scan_number(scan, &value))
		return false;
	set->iss_required |= strcmp(name, "iss") == 0;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t *field = (uint8_t *)set + rows[i].offset;

		if (strcmp(name, rows[i].name) != 0)
			continue;
		memcpy(field, &value, rows[i].size); /* little-endian, as all of our targets */
		return (rows[i].size == 4 || value >> (8 * rows[i].size) == 0) ||
		       scan_fail(scan, "%s=%u is too large", name, value);
	}
	return scan_fail(scan, "unknown setting \"%s\"", name);
}

static bool read_service(struct settings *set, struct scan *scan)
{
	char name[32];

	if (!scan_word(scan, name, sizeof(name)))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		if (strcmp(name, services[i]) != 0)
			continue;
		set->service = (enum play_service)i;
		return true;
	}
	return scan_fail(scan, "unknown service \"%s\"", name);
}

static bool read_line(struct settings *set, struct scan *scan)
{
	if (scan_accept(scan, "config:")) {
		while (!scan_end(scan))
			if (!read_pair(set, scan))
				return false;
	} else if (scan_accept(scan, "service")) {
		return read_service(set, scan);
	}
	return true;
}

bool settings_is(const char *text)
{
	return strncmp(text, "config:", 7) == 0 || strncmp(text, "service ", 8) == 0;
}

bool settings_read(struct settings *set, const struct script *script, struct scan *scan,
		   const struct script_line **where)
{
	struct testconf defaults;

	testconf_init(&defaults);
	*set = (struct settings){.tcp = defaults.conf.tcp,
				 .memory = defaults.conf.memory,
				 .limits = defaults.conf.limits,
				 .mtu = 1500,
				 .backlog = 64,
				 .backends = 1,
				 .source_ports = 1000,
				 /* Sequence numbers wrap early in every script. */
				 .peer_isn = 0xffffff00,
				 .iss = 0xfffffe00,
				 .neighbour = true,
				 .listener = {.request_timeout_ms = 30000,
					      .min_rate = {.per_ms = 10000, .grace_ms = 20000}}};
	set->tcp.rcvbuf = set->tcp.sndbuf = 65535;
	set->tcp.quick_acks = 0;
	for (size_t i = 0; i < script->nb_lines; i++) {
		*where = &script->lines[i];
		*scan = (struct scan){.p = script->lines[i].text};
		if (settings_is(scan->p) && !read_line(set, scan))
			return false;
	}
	return true;
}

static void add_vlan(struct testconf *tc)
{
	uint16_t iface = testconf_iface(tc, 0, PLAY_VLAN);

	testconf_addr(tc, "203.0.113.1", 24, iface);
	testconf_addr(tc, "2001:db8:100::1", 64, iface);
}

static void limit_sources(const struct settings *set, struct conf_listener *l)
{
	l->max_connections_per_source = set->max_connections_per_source;
	l->max_rate_per_source = set->max_rate_per_source;
	if (set->source_prefix)
		l->source_prefix_v4 = l->source_prefix_v6 = set->source_prefix;
}

void settings_apply(const struct settings *set, uint8_t family, struct testconf *tc)
{
	static const enum conf_service service_of[] = {
	    [PLAY_MANUAL] = CONF_SERVICE_DISCARD,  [PLAY_ECHO] = CONF_SERVICE_ECHO,
	    [PLAY_DISCARD] = CONF_SERVICE_DISCARD, [PLAY_HTTP] = CONF_SERVICE_HTTP,
	    [PLAY_PROXY] = CONF_SERVICE_PROXY,
	};
	bool v6 = family == IP_V6;
	uint16_t iface, local, listener, pool;

	testconf_init(tc);
	tc->conf.tcp = set->tcp;
	tc->conf.memory = set->memory;
	tc->conf.limits = set->limits;
	iface = testconf_iface(tc, testconf_port(tc, (uint16_t)(set->mtu + (v6 ? 20 : 0))), 0);
	local = testconf_addr(tc, v6 ? PLAY_LOCAL6 : PLAY_LOCAL4, v6 ? 64 : 24, iface);
	testconf_addr(tc, v6 ? PLAY_LOCAL4 : PLAY_LOCAL6, v6 ? 24 : 64, iface);
	add_vlan(tc);
	for (uint16_t i = 0; i < tc->conf.nb_addrs; i++)
		tc->addrs[i].refuse = set->refuse;
	testconf_route(tc, v6 ? "::" : "0.0.0.0", 0, v6 ? PLAY_PEER6 : PLAY_PEER4, iface);
	testconf_body(tc, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n");
	pool = testconf_pool(tc, local);
	testconf_backend(tc, pool, v6 ? PLAY_PEER6 : PLAY_PEER4, PLAY_BACKEND_PORT);
	for (uint16_t i = 1; i < set->backends; i++)
		testconf_backend(tc, pool, v6 ? PLAY_PEER6 : PLAY_PEER4,
				 (uint16_t)(PLAY_BACKEND_PORT + i));
	tc->pools[pool].connect_timeout_ms = set->connect_timeout_ms;
	tc->pools[pool].max_connections = set->max_connections;
	tc->pools[pool].source_port_max =
	    (uint16_t)(tc->pools[pool].source_port_min + set->source_ports - 1);
	listener = testconf_listener(tc, local, PLAY_PORT, service_of[set->service],
				     set->service == PLAY_PROXY ? pool : CONF_NONE);
	tc->listeners[listener].backlog = set->backlog;
	tc->listeners[listener].max_connections = set->listener_max;
	tc->listeners[listener].reserve = set->listener_reserve;
	tc->listeners[listener].defer = set->listener.defer;
	tc->listeners[listener].first_byte_timeout_ms = set->listener.first_byte_timeout_ms;
	tc->listeners[listener].request_timeout_ms = set->listener.request_timeout_ms;
	tc->listeners[listener].min_rate = set->listener.min_rate;
	if (set->any_address) {
		tc->listeners[listener].local = CONF_NONE;
		tc->listeners[listener].addr = (struct ipaddr){.family = family};
	}
	/* The same service behind the VLAN's address. */
	testconf_listener(tc, v6 ? 3 : 2, PLAY_PORT, service_of[set->service],
			  set->service == PLAY_PROXY ? pool : CONF_NONE);
	for (uint16_t i = 0; i < tc->conf.nb_listeners; i++)
		limit_sources(set, &tc->listeners[i]);
}
