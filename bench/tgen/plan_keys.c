/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys of the section `load`, a row each. Whole files are checked in
 * plan.c, where one key has to agree with another.
 */
#include "bench/tgen/plan_keys.h"

#define LOAD(member) struct plan_file, plan.member

static const char *const mode_words[] = {"syn",   "ack",  "synack", "rst",     "fin",
					 "xmas",  "null", "data",   "garbage", "open",
					 "visit", "wake", "client", "answer",  NULL};
static_assert(ARRAY_SIZE(mode_words) == PLAN_MODES + 1, "a word for each mode");

static const char *const close_words[] = {"server", "client", "reset", NULL};

const char *plan_mode_name(enum plan_mode mode)
{
	return mode_words[mode];
}

/* "250k", "1.5M", "3G": thousands, not 1024s, as rates are told. False: it is none. */
static bool parse_amount(const char *s, size_t len, uint64_t *out)
{
	static const char units[] = "kMG";
	uint64_t value = 0, scale = 1, unit = 1;
	bool point = false, digits = false;
	const char *u;

	if (len > 1 && (u = strchr(units, s[len - 1] == 'K' ? 'k' : s[len - 1])) && *u) {
		for (const char *p = units; p <= u; p++)
			unit *= 1000;
		len--;
	}
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '.' && digits && !point && i + 1 < len) {
			point = true;
			continue;
		}
		if (s[i] < '0' || s[i] > '9' || value > UINT64_MAX / 1000000000000ull)
			return false;
		value = value * 10 + (uint64_t)(s[i] - '0');
		scale *= point ? 10 : 1;
		digits = true;
	}
	if (!digits || value * unit % scale != 0)
		return false;
	*out = value * unit / scale;
	return true;
}

static bool read_amount(struct config_reader *r, yaml_node_t *node, uint64_t min, uint64_t max,
			uint64_t *out)
{
	char quoted[CONFIG_QUOTE_MAX];
	const char *s;
	size_t len;

	if (!config_scalar(r, node, "a number such as 500, 100k or 2.5M", &s, &len))
		return false;
	if (!parse_amount(s, len, out))
		return config_fail(r, node, "%s is not a number such as 500, 100k or 2.5M",
				   config_quote(s, len, quoted));
	if (*out < min || *out > max)
		return config_fail(r, node, "%s is out of range: write %llu to %llu",
				   config_quote(s, len, quoted), (unsigned long long)min,
				   (unsigned long long)max);
	return true;
}

#define RATE_LIMIT 1000000000ull /* a second; more than any port carries */

static bool read_rate(struct config_reader *r, yaml_node_t *node, void *rate)
{
	return read_amount(r, node, 1, RATE_LIMIT, rate);
}

static bool read_rate_or_max(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct plan_file *f = field;

	f->has_rate = true;
	if (node->type == YAML_SCALAR_NODE && node->data.scalar.length == 3 &&
	    !memcmp(node->data.scalar.value, "max", 3)) {
		f->plan.rate = PLAN_RATE_MAX;
		return true;
	}
	return read_rate(r, node, &f->plan.rate);
}

static bool read_connections(struct config_reader *r, yaml_node_t *node, void *count)
{
	return read_amount(r, node, 0, 1000000000000ull, count);
}

static bool read_concurrency(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct plan_file *f = field;

	f->has_concurrency = true;
	return read_amount(r, node, 0, 1 << 24, &f->plan.concurrency);
}

static const struct config_key duration_row = {
    "duration", CONFIG_ROW_TIME(struct plan, duration_us, 1000000, 1, 1000, 86400000000ull * 30, 0),
    .or_zero = true};

static bool read_duration(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct plan_file *f = field;

	f->has_duration = true;
	return config_value(r, &duration_row, node, &f->plan.duration_us);
}

static bool read_target(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct plan *plan = &((struct plan_file *)field)->plan;
	char quoted[CONFIG_QUOTE_MAX];
	const char *s;
	size_t len;

	if (!config_scalar(r, node, "IPV4:PORT or [IPV6]:PORT", &s, &len))
		return false;
	if (!config_endpoint(s, len, &plan->target, &plan->target_port_be) ||
	    !ipaddr_is_unicast(&plan->target))
		return config_fail(r, node,
				   "%s is not a server's address: write IPV4:PORT or "
				   "[IPV6]:PORT",
				   config_quote(s, len, quoted));
	return true;
}

static bool read_via(struct config_reader *r, yaml_node_t *node, void *via)
{
	char quoted[CONFIG_QUOTE_MAX];
	const char *s;
	size_t len;

	if (!config_scalar(r, node, "the router's address", &s, &len))
		return false;
	if (!config_ipaddr(s, len, via) || !ipaddr_is_unicast(via))
		return config_fail(r, node, "%s is not a host's address: write the router's",
				   config_quote(s, len, quoted));
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_mac(const char *s, size_t len, uint8_t mac[6])
{
	if (len != 17)
		return false;
	for (int i = 0; i < 6; i++) {
		int high = hex_digit(s[3 * i]), low = hex_digit(s[3 * i + 1]);

		if (high < 0 || low < 0 || (i < 5 && s[3 * i + 2] != ':'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return (mac[0] & 1) == 0;
}

static bool read_mac(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct plan *plan = &((struct plan_file *)field)->plan;
	char quoted[CONFIG_QUOTE_MAX];
	const char *s;
	size_t len;

	if (!config_scalar(r, node, "a MAC address", &s, &len))
		return false;
	plan->has_mac = parse_mac(s, len, plan->mac);
	return plan->has_mac || config_fail(r, node,
					    "%s is not a station's MAC address: write it like "
					    "\"02:00:00:00:00:01\"",
					    config_quote(s, len, quoted));
}

/* The hosts of a network: not its all-zero and all-one addresses, see RFC 3021 and
 * RFC 4291 §2.6.1, unless it is too small to have any others. */
static void count_hosts(struct plan_net *n)
{
	unsigned bits = (n->net.family == IP_V4 ? 32u : 128u) - n->prefix_len;
	uint64_t all = bits < 32 ? 1ull << bits : PLAN_HOSTS_MAX;

	n->first = bits >= 2;
	n->count = all - n->first - (n->net.family == IP_V4 && bits >= 2);
	if (bits > 32)
		n->count = all; /* cut off: the last address is not among them */
}

static bool read_net(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct plan *plan = &((struct plan_file *)field)->plan;
	struct plan_net *n = &plan->nets[plan->nb_nets];
	char quoted[CONFIG_QUOTE_MAX];
	struct ipaddr cut;
	const char *s;
	size_t len;

	if (!config_scalar(r, node, "NETWORK/PREFIX or an address", &s, &len))
		return false;
	config_quote(s, len, quoted);
	if (!config_prefix(s, len, &n->net, &n->prefix_len)) {
		if (!config_ipaddr(s, len, &n->net))
			return config_fail(r, node,
					   "%s is not a network: write it like "
					   "198.19.0.0/16, 2001:db8:1::/64 or an address",
					   quoted);
		n->prefix_len = n->net.family == IP_V4 ? 32 : 128;
	}
	cut = n->net;
	for (unsigned bit = n->prefix_len; bit < 128; bit++)
		cut.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	if (!ipaddr_equal(&cut, &n->net))
		return config_fail(r, node, "%s has bits set behind its prefix: remove them",
				   quoted);
	if (!ipaddr_is_unicast(&n->net))
		return config_fail(r, node, "%s is not a network of hosts", quoted);
	count_hosts(n);
	plan->nb_nets++;
	return true;
}

static bool read_nets(struct config_reader *r, yaml_node_t *node, void *file)
{
	return config_list(r, node, 1, PLAN_NETS_MAX, read_net, file);
}

static const struct config_key port_keys[] = {
    {"min", CONFIG_ROW_COUNT(struct plan_file, plan.port_min, 1, 65535, 1024)},
    {"max", CONFIG_ROW_COUNT(struct plan_file, plan.port_max, 1, 65535, 65535)},
    {0},
};

static bool read_ports(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct plan *plan = &((struct plan_file *)field)->plan;

	if (!config_map(r, node, port_keys, field))
		return false;
	return plan->port_min <= plan->port_max ||
	       config_fail(r, node, "min %u is above max %u: swap them", plan->port_min,
			   plan->port_max);
}

static bool read_payload(struct config_reader *r, yaml_node_t *node, uint8_t *bytes, uint32_t *n)
{
	const char *s;
	size_t len;

	if (!config_scalar(r, node, "a text in quotes", &s, &len))
		return false;
	if (len == 0 || len > PLAN_PAYLOAD_MAX)
		return config_fail(r, node, "has %zu bytes: write 1 to %u, they go in one segment",
				   len, PLAN_PAYLOAD_MAX);
	memcpy(bytes, s, len);
	*n = (uint32_t)len;
	return true;
}

static bool read_request(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct plan_file *f = field;

	f->has_request = true;
	return read_payload(r, node, f->plan.request, &f->plan.request_len);
}

static bool read_response(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct plan_file *f = field;

	f->has_response = true;
	return read_payload(r, node, f->plan.response, &f->plan.response_len);
}

static const struct config_key request_bytes_row = {
    "request_bytes", CONFIG_ROW_COUNT(struct plan, request_len, 1, PLAN_PAYLOAD_MAX, 0)};

static bool read_request_bytes(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct plan_file *f = field;

	if (f->has_request)
		return config_fail(r, node, "request is given as well: keep one of them");
	f->has_request = true;
	memset(f->plan.request, 'x', PLAN_PAYLOAD_MAX);
	return config_value(r, &request_bytes_row, node, &f->plan.request_len);
}

static const struct config_key option_keys[] = {
    {"mss", CONFIG_ROW_COUNT(struct plan_options, mss, 64, 9176, 1460)},
    {"wscale", CONFIG_ROW_COUNT(struct plan_options, wscale, 0, 14, 7)},
    {"sack", CONFIG_ROW_BOOL(struct plan_options, sack, true)},
    {"timestamps", CONFIG_ROW_BOOL(struct plan_options, timestamps, true)},
    {0},
};

static bool read_options(struct config_reader *r, yaml_node_t *node, void *options)
{
	return config_map(r, node, option_keys, options);
}

#define HOLD(type) CONFIG_ROW_TIME(type, hold_us, 1000000, 1, 10000, 3600000000u, 1000000)

static const struct config_key ramp_keys[] = {
    {"from", CONFIG_ROW_NODE(struct plan_ramp, from, read_rate), .required = true,
     .hint = "from: RATE"},
    {"to", CONFIG_ROW_NODE(struct plan_ramp, to, read_rate), .required = true, .hint = "to: RATE"},
    {"steps", CONFIG_ROW_COUNT(struct plan_ramp, steps, 2, 1000, 10)},
    {"hold", HOLD(struct plan_ramp)},
    {0},
};

static const struct config_key search_keys[] = {
    {"from", CONFIG_ROW_NODE(struct plan_search, from, read_rate), .required = true,
     .hint = "from: RATE"},
    {"to", CONFIG_ROW_NODE(struct plan_search, to, read_rate), .required = true,
     .hint = "to: RATE"},
    {"loss", CONFIG_ROW_SHARE(struct plan_search, loss_ppm), .def = 1000},
    {"precision", .kind = CONFIG_SHARE, CONFIG_FIELD(struct plan_search, precision_ppm),
     .unit = 1000000, .store = 1, .min = 1000, .max = 500000, .def = 20000},
    {"hold", HOLD(struct plan_search)},
    {0},
};

static bool read_ramp(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct plan_ramp *ramp = field;

	ramp->on = true;
	return config_map(r, node, ramp_keys, ramp);
}

static bool read_search(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct plan_search *search = field;

	search->on = true;
	if (!config_map(r, node, search_keys, search))
		return false;
	return search->from <= search->to || config_fail(r, node, "from is above to: swap them");
}

#define SECONDS(member, lo, hi, dflt)                                                              \
	CONFIG_ROW_TIME(struct plan_file, plan.member, 1000000, 1, lo, hi, dflt)
#define HOUR_US 3600000000u

static const struct config_key load_keys[] = {
    {"target", CONFIG_ROW_SELF(read_target), .required = true, .hint = "target: ADDRESS:PORT"},
    {"mac", CONFIG_ROW_SELF(read_mac)},
    {"via", CONFIG_ROW_NODE(struct plan_file, plan.via, read_via)},
    {"clients", CONFIG_ROW_SELF(read_nets)},
    {"client_ports", CONFIG_ROW_SELF(read_ports)},
    {"mode", .kind = CONFIG_CHOICE, CONFIG_FIELD(struct plan_file, plan.mode),
     .choices = mode_words, .required = true, .hint = "mode: visit"},
    {"rate", CONFIG_ROW_SELF(read_rate_or_max)},
    {"duration", CONFIG_ROW_SELF(read_duration)},
    {"warmup", SECONDS(warmup_us, 0, HOUR_US, 0)},
    {"drain", SECONDS(drain_us, 0, HOUR_US, 200000)},
    {"connections", CONFIG_ROW_NODE(struct plan_file, plan.connections, read_connections)},
    {"concurrency", CONFIG_ROW_SELF(read_concurrency)},
    {"request", CONFIG_ROW_SELF(read_request)},
    {"request_bytes", CONFIG_ROW_SELF(read_request_bytes)},
    {"response", CONFIG_ROW_SELF(read_response)},
    {"response_bytes", CONFIG_ROW_BYTES(struct plan_file, plan.response_bytes, 0, 1ull << 40, 0)},
    {"requests", CONFIG_ROW_COUNT(struct plan_file, plan.requests, 1, 1000000000, 1)},
    {"close", .kind = CONFIG_CHOICE, CONFIG_FIELD(struct plan_file, plan.close),
     .choices = close_words, .def = PLAN_CLOSE_SERVER},
    {"think", SECONDS(think_us, 0, HOUR_US, 0)},
    {"retries", CONFIG_ROW_COUNT(struct plan_file, plan.retries, 0, 15, 5)},
    {"seed", CONFIG_ROW_COUNT(struct plan_file, plan.seed, 0, UINT64_MAX, 1)},
    {"options", CONFIG_ROW_NODE(struct plan_file, plan.options, read_options)},
    {"verify", CONFIG_ROW_BOOL(struct plan_file, plan.verify, false)},
    {"ramp", CONFIG_ROW_NODE(struct plan_file, plan.ramp, read_ramp)},
    {"search", CONFIG_ROW_NODE(struct plan_file, plan.search, read_search)},
    {0},
};

bool plan_read_load(struct config_reader *r, yaml_node_t *node, void *file)
{
	((struct plan_file *)file)->load_line = config_line(node);
	return config_map(r, node, load_keys, file);
}

void plan_set_defaults(struct config_file *file)
{
	struct plan_file *f = CONTAINER_OF(file, struct plan_file, file);

	config_defaults(load_keys, f);
	config_defaults(port_keys, f);
	config_defaults(option_keys, &f->plan.options);
	config_defaults(ramp_keys, &f->plan.ramp);
	config_defaults(search_keys, &f->plan.search);
	f->plan.rate = PLAN_RATE_MAX;
	f->plan.duration_us = 10000000;
	strcpy(f->file.conf.instance, "tgen");
}
