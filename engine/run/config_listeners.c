/* SPDX-License-Identifier: BSD-3-Clause */
/* Listeners: where clients connect, and the service that answers them there. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/run/addr_text.h"
#include "engine/run/config_reader.h"
#include "engine/table/source_table.h"

#define SIZE_UNSET UINT32_MAX
#define TIME_UNSET UINT32_MAX

#define SEC_US                 1000000
#define MSEC_US                1000
#define HOUR_MS                3600000u
#define DAY_MS                 (24 * HOUR_MS)
#define DEFERRED_FIRST_BYTE_MS 60000 /* first_byte_timeout when nothing else ends the wait */

/* What a listener's http section says, until the response is made from it. */
struct http_answer {
	uint16_t status;
	uint32_t size; /* bytes of a made-up body, or SIZE_UNSET */
	uint32_t request_timeout_ms;
	const uint8_t *body;
	size_t body_len;
};

/* A listener of the file, which becomes one entry per address in struct conf. */
struct listener_item {
	struct conf_listener l; /* without address */
	struct config_lists_of lists;
	const yaml_node_t *source_prefix;
	const yaml_node_t *pool, *http;
	struct http_answer answer;
};

static bool read_pool_name(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct listener_item *item = field;
	char quoted[CONFIG_QUOTE_MAX];
	const char *s;
	size_t len;

	item->pool = node;
	if (!config_scalar(r, node, "the name of a pool", &s, &len))
		return false;
	for (uint16_t i = 0; i < r->conf->nb_pools; i++) {
		const char *name = r->conf->pools[i].name;

		if (strlen(name) == len && !memcmp(name, s, len)) {
			item->l.pool = i;
			return true;
		}
	}
	return config_fail(r, node, "there is no pool %s: write the name of one in pools",
			   config_quote(s, len, quoted));
}

static bool read_body(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct http_answer *answer = field;
	const char *s;

	if (!config_scalar(r, node, "a text in quotes", &s, &answer->body_len))
		return false;
	answer->body = (const uint8_t *)s;
	if (answer->body_len > CONF_HTTP_BODY_MAX)
		return config_fail(r, node, "has %zu bytes: at most %u are supported",
				   answer->body_len, CONF_HTTP_BODY_MAX);
	return true;
}

static const struct config_key http_keys[] = {
    {"status", CONFIG_ROW_COUNT(struct http_answer, status, 200, 599, 200)},
    {"size", CONFIG_ROW_BYTES(struct http_answer, size, 0, CONF_HTTP_BODY_MAX, SIZE_UNSET)},
    {"body", CONFIG_ROW_SELF(read_body)},
    {"request_timeout",
     CONFIG_ROW_TIME(struct http_answer, request_timeout_ms, SEC_US, MSEC_US, 1, HOUR_MS, 30000),
     .or_zero = true},
    {0},
};

static bool read_http(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct listener_item *item = field;
	const struct http_answer *answer = &item->answer;

	item->http = node;
	if (!config_map(r, node, http_keys, &item->answer))
		return false;
	if (answer->body && answer->size != SIZE_UNSET)
		return config_fail(r, node, "has both body and size: keep one of them");
	if (answer->status == 204 || answer->status == 205 || answer->status == 304)
		return config_fail(r, node, "status %u never has a body: write another one",
				   answer->status);
	return true;
}

static const struct config_key source_prefix_keys[] = {
    {"ipv4", CONFIG_ROW_COUNT(struct conf_listener, source_prefix_v4, 8, 32, 32)},
    {"ipv6", CONFIG_ROW_COUNT(struct conf_listener, source_prefix_v6, 16, 128, 64)},
    {0},
};

static bool read_source_prefix(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct listener_item *item = field;

	item->source_prefix = node;
	return config_map(r, node, source_prefix_keys, &item->l);
}

static const struct config_key min_rate_keys[] = {
    {"bytes", CONFIG_ROW_BYTES(struct conf_min_rate, bytes, 1, 1 << 30, 0), .required = true,
     .hint = "bytes: 240"},
    {"per", CONFIG_ROW_TIME(struct conf_min_rate, per_ms, SEC_US, MSEC_US, 100, HOUR_MS, 10000)},
    {"grace", CONFIG_ROW_TIME(struct conf_min_rate, grace_ms, SEC_US, MSEC_US, 0, HOUR_MS, 20000)},
    {0},
};

static bool read_min_rate(struct config_reader *r, yaml_node_t *node, void *field)
{
	config_defaults(min_rate_keys, field);
	return config_map(r, node, min_rate_keys, field);
}

static bool add_listener(struct config_reader *r, const yaml_node_t *node,
			 const struct conf_listener *l, const struct config_lists_of *lists)
{
	struct conf *conf = r->conf;
	struct conf_listener *listeners;
	char text[ADDR_TEXT_MAX];

	for (uint16_t i = 0; i < conf->nb_listeners; i++) {
		const struct conf_listener *other = &conf->listeners[i];

		if (other->port_be == l->port_be && ipaddr_equal(&other->addr, &l->addr))
			return config_fail(r, node,
					   "%s is listener %s's already, on line %d: choose "
					   "another port or address",
					   endpoint_text(&l->addr, l->port_be, text), other->name,
					   other->line);
	}
	listeners = config_grow(r, node, conf->listeners, conf->nb_listeners, sizeof(*listeners),
				CONF_MAX_LISTENERS, "listeners and addresses of listeners");
	if (!listeners)
		return false;
	conf->listeners = listeners;
	r->file->lists_of[conf->nb_listeners] = *lists;
	listeners[conf->nb_listeners++] = *l;
	return true;
}

static bool is_unspecified(const struct ipaddr *a)
{
	return a->words[0] == 0 && a->words[1] == 0;
}

/* Adds an entry for an address of the listener, two for "*": one per family. */
static bool read_address(struct config_reader *r, yaml_node_t *node, void *field)
{
	const struct listener_item *item = field;
	struct conf_listener l = item->l;
	char quoted[CONFIG_QUOTE_MAX];
	const char *s;
	size_t len;

	if (!config_scalar(r, node, "IPV4:PORT, [IPV6]:PORT or \"*:PORT\"", &s, &len))
		return false;
	config_quote(s, len, quoted);
	if (!config_endpoint(s, len, &l.addr, &l.port_be))
		return config_fail(r, node, "%s is not an address: write IPV4:PORT or [IPV6]:PORT",
				   quoted);
	l.local = config_local(r->conf, &l.addr);
	if (l.local == CONF_NONE && !is_unspecified(&l.addr))
		return config_fail(r, node,
				   "%s is not at a local address: add the address to a "
				   "port's addresses",
				   quoted);
	if (l.addr.family != 0)
		return add_listener(r, node, &l, &item->lists);
	l.addr.family = IP_V4;
	if (!add_listener(r, node, &l, &item->lists))
		return false;
	l.addr.family = IP_V6;
	return add_listener(r, node, &l, &item->lists);
}

static bool read_address_or_list(struct config_reader *r, yaml_node_t *node, void *item)
{
	if (node->type == YAML_SEQUENCE_NODE)
		return config_list(r, node, 1, CONF_MAX_LISTENERS, read_address, item);
	return read_address(r, node, item);
}

static const char *const refuse_words[] = {"reset", "drop", "unreachable", "as_address", NULL};
static const char *const defer_words[] = {"never", "data", NULL};
static const char *const service_words[] = {"proxy", "http", "echo", "discard", NULL};

/* Every worker gets a share, so neither is below the number of workers. */
#define LISTENER_LIMIT(field)                                                                      \
	CONFIG_ROW_COUNT(struct listener_item, l.field, CONF_MAX_WORKERS, 100000000, 0),           \
	    .or_zero = true

/* The address comes last: it copies what the other keys have filled in. */
static const struct config_key listener_keys[] = {
    {"name", CONFIG_ROW_NAME(struct listener_item, l.name), .required = true, .hint = "name: NAME"},
    {"service", .kind = CONFIG_CHOICE, CONFIG_FIELD(struct listener_item, l.service),
     .choices = service_words, .required = true, .hint = "service: proxy, http, echo or discard"},
    {"backlog", CONFIG_ROW_COUNT(struct listener_item, l.backlog, 1, 1048576, 4096)},
    {"max_connections", LISTENER_LIMIT(max_connections)},
    {"reserve", LISTENER_LIMIT(reserve)},
    {"refuse", .kind = CONFIG_CHOICE, CONFIG_FIELD(struct listener_item, l.refuse),
     .choices = refuse_words, .def = CONF_REFUSE_AS_ADDRESS},
    {"deny", CONFIG_ROW_NODE(struct listener_item, lists, config_read_deny)},
    {"allow", CONFIG_ROW_NODE(struct listener_item, lists, config_read_allow)},
    {"max_connections_per_source",
     CONFIG_ROW_COUNT(struct listener_item, l.max_connections_per_source, 1, 100000000, 0),
     .or_zero = true},
    {"max_rate_per_source",
     CONFIG_ROW_COUNT(struct listener_item, l.max_rate_per_source, 1, SOURCE_RATE_MAX, 0),
     .or_zero = true},
    {"source_prefix", CONFIG_ROW_SELF(read_source_prefix)},
    {"defer", .kind = CONFIG_CHOICE, CONFIG_FIELD(struct listener_item, l.defer),
     .choices = defer_words, .def = CONF_DEFER_NEVER},
    {"first_byte_timeout",
     CONFIG_ROW_TIME(struct listener_item, l.first_byte_timeout_ms, SEC_US, MSEC_US, 1, DAY_MS,
		     TIME_UNSET),
     .or_zero = true},
    {"min_rate", CONFIG_ROW_NODE(struct listener_item, l.min_rate, read_min_rate)},
    {"pool", CONFIG_ROW_SELF(read_pool_name)},
    {"http", CONFIG_ROW_SELF(read_http)},
    {"tcp", CONFIG_ROW_NODE(struct listener_item, l.tcp, config_read_tcp)},
    {"address", CONFIG_ROW_SELF(read_address_or_list), .required = true,
     .hint = "address: \"IPV4:PORT\", \"[IPV6]:PORT\" or \"*:PORT\""},
    {0},
};

static bool check_source_prefix(struct config_reader *r, const struct listener_item *item)
{
	return !item->source_prefix || conf_limits_sources(&item->l) ||
	       config_fail(r, item->source_prefix,
			   "source_prefix limits nothing by itself: add "
			   "max_connections_per_source or max_rate_per_source, or remove it");
}

static bool check_service(struct config_reader *r, const yaml_node_t *node,
			  const struct listener_item *item)
{
	if (item->l.service == CONF_SERVICE_PROXY && !item->pool)
		return config_fail(r, node,
				   "key \"pool\" is missing: add pool: NAME, service "
				   "proxy needs one");
	if (item->l.service != CONF_SERVICE_PROXY && item->pool)
		return config_fail(r, item->pool,
				   "service %s uses no pool: remove the key pool or "
				   "write service: proxy",
				   service_words[item->l.service]);
	if (item->l.service != CONF_SERVICE_HTTP && item->http)
		return config_fail(r, item->http,
				   "service %s has no http section: remove it or "
				   "write service: http",
				   service_words[item->l.service]);
	return true;
}

/* What listeners keep for themselves; a proxied client has a connection to its pool as well. */
static uint64_t reserves(const struct conf *conf)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i < conf->nb_listeners; i++) {
		const struct conf_listener *l = &conf->listeners[i];

		if (l->first == i)
			sum += l->service == CONF_SERVICE_PROXY ? 2ull * l->reserve : l->reserve;
	}
	return sum;
}

static bool check_limits(struct config_reader *r, const yaml_node_t *node,
			 const struct conf_listener *l)
{
	uint32_t all = r->conf->memory.connections;

	if (l->max_connections > all)
		return config_fail(r, node,
				   "max_connections %u is above memory.connections, %u: lower it "
				   "or raise that",
				   l->max_connections, all);
	if (l->max_connections && l->reserve > l->max_connections)
		return config_fail(r, node,
				   "reserve %u is above max_connections %u: keep no more than it "
				   "may have",
				   l->reserve, l->max_connections);
	if (reserves(r->conf) > all)
		return config_fail(r, node,
				   "reserves up to here come to %llu connections, those of service "
				   "proxy counted twice, and memory.connections is %u: lower them "
				   "or raise that",
				   (unsigned long long)reserves(r->conf), all);
	return true;
}

static const char *reason(uint16_t status)
{
	static const struct {
		uint16_t status;
		const char *text;
	} reasons[] = {
	    {200, "OK"},
	    {201, "Created"},
	    {202, "Accepted"},
	    {301, "Moved Permanently"},
	    {302, "Found"},
	    {400, "Bad Request"},
	    {401, "Unauthorized"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {410, "Gone"},
	    {429, "Too Many Requests"},
	    {500, "Internal Server Error"},
	    {502, "Bad Gateway"},
	    {503, "Service Unavailable"},
	    {504, "Gateway Timeout"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].text;
	}
	return "Configured"; /* the phrase is for people only, RFC 9112 section 4 */
}

/* Makes the whole response, and its index the listener's. */
static bool add_body(struct config_reader *r, const yaml_node_t *node, struct listener_item *item)
{
	const struct http_answer *a = &item->answer;
	uint32_t len = a->body ? (uint32_t)a->body_len : a->size == SIZE_UNSET ? 0 : a->size;
	struct conf *conf = r->conf;
	struct conf_body *bodies = config_grow(r, node, conf->bodies, conf->nb_bodies,
					       sizeof(*bodies), CONF_MAX_LISTENERS, "responses");
	char head[160];
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.1 %u %s\r\nServer: terminus\r\n"
			 "Content-Type: text/plain\r\nContent-Length: %u\r\n\r\n",
			 a->status, reason(a->status), len);
	struct conf_body *body;

	if (!bodies)
		return false;
	conf->bodies = bodies;
	body = &bodies[conf->nb_bodies];
	body->head_len = (uint32_t)n;
	body->len = body->head_len + len;
	body->bytes = malloc(body->len);
	if (!body->bytes)
		return config_fail(r, NULL, "out of memory");
	memcpy(body->bytes, head, body->head_len);
	if (a->body)
		memcpy(body->bytes + body->head_len, a->body, len);
	else
		memset(body->bytes + body->head_len, 'x', len);
	item->l.http_body = conf->nb_bodies++;
	item->l.request_timeout_ms = a->request_timeout_ms;
	return true;
}

/* What is known only when all keys have been read. */
static void complete(struct conf_listener *l, const struct listener_item *item)
{
	l->http_body = item->l.http_body;
	l->request_timeout_ms = item->l.request_timeout_ms;
	if (l->first_byte_timeout_ms == TIME_UNSET)
		l->first_byte_timeout_ms = l->defer == CONF_DEFER_DATA ? DEFERRED_FIRST_BYTE_MS : 0;
}

static bool read_listener(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct conf *conf = field;
	struct listener_item item = {.l = {.local = CONF_NONE,
					   .pool = CONF_NONE,
					   .http_body = CONF_NONE,
					   .tcp = conf->tcp,
					   .group = conf->nb_listeners,
					   .line = config_line(node)}};
	uint16_t first = conf->nb_listeners;

	config_defaults(listener_keys, &item);
	config_defaults(http_keys, &item.answer);
	config_defaults(source_prefix_keys, &item.l);
	if (!config_map(r, node, listener_keys, &item) || !check_service(r, node, &item) ||
	    !check_source_prefix(r, &item) ||
	    !config_unique(r, node, item.l.name, conf->listeners, first, sizeof(*conf->listeners),
			   offsetof(struct conf_listener, line)))
		return false;
	for (uint16_t i = first; i < conf->nb_listeners; i++)
		conf->listeners[i].first = first;
	if (!check_limits(r, node, &item.l))
		return false;
	if (item.l.service == CONF_SERVICE_HTTP && !add_body(r, node, &item))
		return false;
	for (uint16_t i = first; i < conf->nb_listeners; i++)
		complete(&conf->listeners[i], &item);
	return true;
}

bool config_read_listeners(struct config_reader *r, yaml_node_t *node, void *conf)
{
	return config_list(r, node, 0, CONF_MAX_LISTENERS, read_listener, conf);
}
