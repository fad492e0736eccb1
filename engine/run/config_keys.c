/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys of the sections that hold plain values, a row each: field, unit of a
 * bare number, limits, default. A bare duration counts what the key's name ends
 * in (_ms, _us), else seconds; names and defaults are Linux's where it has them.
 */
#include "engine/run/config_reader.h"

#define SEC_US  1000000
#define MSEC_US 1000
#define DAY_MS  86400000u

#define KEEPALIVE_MAX_MS (21 * DAY_MS) /* a silence is measured for 24 days at most */

#define TCP_COUNT(field, lo, hi, dflt) CONFIG_ROW_COUNT(struct conf_tcp, field, lo, hi, dflt)
#define TCP_BYTES(field, lo, hi, dflt) CONFIG_ROW_BYTES(struct conf_tcp, field, lo, hi, dflt)
#define TCP_BOOL(field, dflt)          CONFIG_ROW_BOOL(struct conf_tcp, field, dflt)
#define TCP_SEC(field, lo, hi, dflt)                                                               \
	CONFIG_ROW_TIME(struct conf_tcp, field, SEC_US, MSEC_US, lo, hi, dflt)
#define TCP_MSEC(field, lo, hi, dflt)                                                              \
	CONFIG_ROW_TIME(struct conf_tcp, field, MSEC_US, MSEC_US, lo, hi, dflt)

static const char *const cc_words[] = {"cubic", "newreno", NULL};
static const char *const ecn_words[] = {"never", "accept", "request", NULL};

static const char *const syncookies_words[] = {"never", "auto", "always", NULL};

/* A key of the engine's, for all that it listens on: a clock of timestamps belongs to it. */
static bool read_cookie_secret_file(struct config_reader *r, yaml_node_t *node, void *tcp)
{
	static const struct config_key key = {"", CONFIG_ROW_TEXT(struct conf, cookie_secret_file)};

	if (tcp != &r->conf->tcp)
		return config_fail(r, node,
				   "is the same for all listeners: move it to tcp at the top "
				   "level");
	r->file->cookie_secret_line = config_line(node);
	return config_value(r, &key, node, r->conf->cookie_secret_file);
}

const struct config_key config_tcp_keys[] = {
    {"syn_retries", TCP_COUNT(syn_retries, 0, 127, 7)},
    {"synack_retries", TCP_COUNT(synack_retries, 0, 15, 5)},
    {"synack_jitter", TCP_BOOL(synack_jitter, false)},
    {"syncookies", .kind = CONFIG_CHOICE, CONFIG_FIELD(struct conf_tcp, syncookies),
     .choices = syncookies_words, .def = CONF_SYNCOOKIES_AUTO},
    {"cookie_secret_file", CONFIG_ROW_SELF(read_cookie_secret_file)},
    {"max_syn_backlog", TCP_COUNT(max_syn_backlog, 1, CONF_MAX_OBJECTS, 0), .or_zero = true},
    {"abort_on_overflow", TCP_BOOL(abort_on_overflow, false)},
    {"timestamps", TCP_BOOL(timestamps, true)},
    {"window_scaling", TCP_BOOL(window_scaling, true)},
    {"sack", TCP_BOOL(sack, true)},
    {"mss", TCP_COUNT(mss, 88, 9176, 0), .or_zero = true},
    {"pmtu_discovery", TCP_BOOL(pmtu_discovery, true)},
    {"ttl", TCP_COUNT(ttl, 1, 255, 64)},
    {"dscp", TCP_COUNT(dscp, 0, 63, 0)},
    {"rcvbuf", TCP_BYTES(rcvbuf, 1024, 512 << 20, 262144)},
    {"sndbuf", TCP_BYTES(sndbuf, 1024, 512 << 20, 262144)},
    {"nodelay", TCP_BOOL(nodelay, false)},
    {"delack_ms", TCP_MSEC(delack_ms, 0, 499, 40)},
    {"quick_acks", TCP_COUNT(quick_acks, 0, 7, 7)},
    {"congestion_control", .kind = CONFIG_CHOICE,
     CONFIG_FIELD(struct conf_tcp, congestion_control), .choices = cc_words, .def = CONF_CC_CUBIC},
    {"ecn", .kind = CONFIG_CHOICE, CONFIG_FIELD(struct conf_tcp, ecn), .choices = ecn_words,
     .def = CONF_ECN_ACCEPT},
    {"pacing", TCP_BOOL(pacing, false)},
    {"initial_cwnd", TCP_COUNT(initial_cwnd, 1, 1000, 10)},
    {"rto_min_ms", TCP_MSEC(rto_min_ms, 1, 120000, 200)},
    {"rto_max_ms", TCP_MSEC(rto_max_ms, 1000, 600000, 120000)},
    {"rto_initial_ms", TCP_MSEC(rto_initial_ms, 1, 120000, 1000)},
    {"frto", TCP_BOOL(frto, true)},
    {"retries1", TCP_COUNT(retries1, 0, 255, 3)},
    {"retries2", TCP_COUNT(retries2, 0, 255, 15)},
    {"orphan_retries", TCP_COUNT(orphan_retries, 0, 255, 8)},
    {"user_timeout_ms", TCP_MSEC(user_timeout_ms, 1, 7 * DAY_MS, 0), .or_zero = true},
    {"idle_timeout", TCP_SEC(idle_timeout_ms, 1, 7 * DAY_MS, 0), .or_zero = true},
    {"keepalive", TCP_BOOL(keepalive, false)},
    {"keepalive_time", TCP_SEC(keepalive_time_ms, 1000, 7 * DAY_MS, 7200000)},
    {"keepalive_intvl", TCP_SEC(keepalive_intvl_ms, 1000, DAY_MS, 75000)},
    {"keepalive_probes", TCP_COUNT(keepalive_probes, 2, 127, 9)},
    {"fin_timeout", TCP_SEC(fin_timeout_ms, 1000, 3600000, 60000)},
    {"half_close_timeout", TCP_SEC(half_close_timeout_ms, 1, 7 * DAY_MS, 3600000), .or_zero = true},
    {"time_wait", TCP_SEC(time_wait_ms, 1000, 600000, 60000)},
    {"rfc1337", TCP_BOOL(rfc1337, true)},
    {0},
};

static const char *const huge_words[] = {"auto", "require", "never", NULL};

#define MEMORY_COUNT(field, lo, hi, dflt) CONFIG_ROW_COUNT(struct conf_memory, field, lo, hi, dflt)

/* Every worker gets a share, so no limit is below the number of workers. */
const struct config_key config_memory_keys[] = {
    {"huge_pages", .kind = CONFIG_CHOICE, CONFIG_FIELD(struct conf_memory, huge_pages),
     .choices = huge_words, .def = CONF_HUGE_AUTO},
    {"connections", MEMORY_COUNT(connections, CONF_MAX_WORKERS, CONF_MAX_OBJECTS, 100000)},
    {"half_open", MEMORY_COUNT(half_open, CONF_MAX_WORKERS, CONF_MAX_OBJECTS, 65536)},
    {"time_wait", MEMORY_COUNT(time_wait, CONF_MAX_WORKERS, CONF_MAX_OBJECTS, 262144)},
    {"transfers", MEMORY_COUNT(transfers, CONF_MAX_WORKERS, CONF_MAX_OBJECTS, 0), .or_zero = true},
    {"sessions", MEMORY_COUNT(sessions, CONF_MAX_WORKERS, CONF_MAX_OBJECTS, 0), .or_zero = true},
    {"orphans", MEMORY_COUNT(orphans, CONF_MAX_WORKERS, CONF_MAX_OBJECTS, 65536)},
    {"sources", MEMORY_COUNT(sources, 48, 100000000, 0), .or_zero = true},
    {"buffers", MEMORY_COUNT(buffers, 512, 16777216, 65536)},
    {0},
};

#define LIMIT_COUNT(field, lo, hi, dflt) CONFIG_ROW_COUNT(struct conf_limits, field, lo, hi, dflt)

const struct config_key config_limits_keys[] = {
    {"max_rst_per_second", LIMIT_COUNT(max_rst_per_second, 0, 100000000, 10000)},
    {"icmp_msgs_per_sec", LIMIT_COUNT(icmp_msgs_per_sec, 0, 100000000, 1000)},
    {0},
};

#define FAULT_SHARE(field) CONFIG_ROW_SHARE(struct conf_fault, field)
#define FAULT_USEC(field, lo, dflt)                                                                \
	CONFIG_ROW_TIME(struct conf_fault, field, 1, 1, lo, 10000000, dflt)

const struct config_key config_fault_keys[] = {
    {"seed", CONFIG_ROW_COUNT(struct conf_fault, seed, 0, UINT64_MAX, 1)},
    {"drop", FAULT_SHARE(drop_ppm)},
    {"duplicate", FAULT_SHARE(duplicate_ppm)},
    {"reorder", FAULT_SHARE(reorder_ppm)},
    {"corrupt", FAULT_SHARE(corrupt_ppm)},
    {"delay_us", FAULT_USEC(delay_us, 0, 0)},
    {"reorder_us", FAULT_USEC(reorder_us, 1, 1000)},
    {0},
};

void conf_tcp_defaults(struct conf_tcp *tcp)
{
	memset(tcp, 0, sizeof(*tcp));
	config_defaults(config_tcp_keys, tcp);
}

static bool check_tcp(struct config_reader *r, const yaml_node_t *node, const struct conf_tcp *tcp)
{
	if (tcp->rto_min_ms > tcp->rto_initial_ms || tcp->rto_initial_ms > tcp->rto_max_ms)
		return config_fail(r, node,
				   "rto_min_ms %u, rto_initial_ms %u, rto_max_ms %u are "
				   "out of order: write them so that none is above the next",
				   tcp->rto_min_ms, tcp->rto_initial_ms, tcp->rto_max_ms);
	if (tcp->keepalive_time_ms + tcp->keepalive_probes * (uint64_t)tcp->keepalive_intvl_ms >
	    KEEPALIVE_MAX_MS)
		return config_fail(r, node,
				   "keepalive_time and keepalive_probes times keepalive_intvl "
				   "come to more than 21 days: write less");
	if (tcp->retries1 > tcp->retries2)
		return config_fail(r, node,
				   "retries1 %u is above retries2 %u: give retries2 the "
				   "larger number",
				   tcp->retries1, tcp->retries2);
	return true;
}

bool config_read_tcp(struct config_reader *r, yaml_node_t *node, void *tcp)
{
	return config_map(r, node, config_tcp_keys, tcp) && check_tcp(r, node, tcp);
}

bool config_read_memory(struct config_reader *r, yaml_node_t *node, void *memory)
{
	r->memory = node;
	return config_map(r, node, config_memory_keys, memory);
}

bool config_read_limits(struct config_reader *r, yaml_node_t *node, void *limits)
{
	return config_map(r, node, config_limits_keys, limits);
}
