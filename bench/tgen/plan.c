/* SPDX-License-Identifier: BSD-3-Clause */
/* From a file to the plan: the order of its parts, and where one key has to
 * agree with another. */
#include "bench/tgen/plan.h"
#include "bench/tgen/plan_keys.h"
#include "engine/run/addr_text.h"

#define CONCURRENCY_DEFAULT 512 /* fits a virtual link's ring */

static const char close_request[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
static const char keep_request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
static const char short_response[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n"
				     "Connection: close\r\n\r\nhello\n";

static const struct config_key root_keys[] = {
    {"instance", CONFIG_ROW_NAME(struct conf, instance)},
    {"workers", CONFIG_ROW_SELF(config_read_workers)},
    {"memory", CONFIG_ROW_NODE(struct conf, memory, config_read_memory)},
    {"ports", CONFIG_ROW_SELF(config_read_ports), .required = true,
     .hint = "ports: [{name: p, device: \"net_memif0,...\", addresses: [...]}]"},
    {"load", CONFIG_ROW_SELF(plan_read_load), .required = true,
     .hint = "load: {target: ADDRESS:PORT, clients: [NETWORK], mode: visit}"},
    {0},
};

static void set_payload(uint8_t *bytes, uint32_t *len, const char *text, size_t size)
{
	memcpy(bytes, text, size - 1);
	*len = (uint32_t)size - 1;
}

static void derive(struct plan_file *f)
{
	struct plan *p = &f->plan;
	bool keeps = p->requests > 1 || p->mode == PLAN_WAKE ||
		     (p->mode == PLAN_CLIENT && p->close != PLAN_CLOSE_SERVER);

	p->conf = &f->file.conf;
	if (!f->has_request && keeps)
		set_payload(p->request, &p->request_len, keep_request, sizeof(keep_request));
	else if (!f->has_request)
		set_payload(p->request, &p->request_len, close_request, sizeof(close_request));
	if (p->mode == PLAN_ANSWER && !f->has_response) {
		set_payload(p->response, &p->response_len, short_response, sizeof(short_response));
		if (p->response_bytes > 0 && p->response_bytes <= PLAN_PAYLOAD_MAX) {
			memset(p->response, 'x', p->response_bytes);
			p->response_len = (uint32_t)p->response_bytes;
		}
	}
	if (!f->has_duration && p->mode != PLAN_WAKE &&
	    (p->connections > 0 || p->mode == PLAN_ANSWER))
		p->duration_us = 0;
	if (!f->has_concurrency && (plan_is_closed(p) || p->mode == PLAN_CLIENT))
		p->concurrency = plan_is_closed(p) ? CONCURRENCY_DEFAULT : 65536;
	if (p->via.family == 0)
		p->via = p->target;
	p->local = config_on_link(p->conf, &p->via);
}

/* Writes the error with the section's line and the key's name. */
static bool refuse(struct config_reader *r, const char *key, const char *text)
{
	const struct plan_file *f = CONTAINER_OF(r->file, struct plan_file, file);

	return config_error_set(r->err, r->name, f->load_line, key, "%s", text);
}

static bool check_port(struct config_reader *r, yaml_node_t *root)
{
	const struct conf *c = r->conf;

	if (c->nb_ports != 1 || c->nb_ifaces != 1 || c->ifaces[0].vlan != 0) {
		config_enter(r, "ports");
		return config_fail(r, root,
				   "the generator has one port without VLANs: keep one, "
				   "and start another process for another port");
	}
	return true;
}

static bool check_target(struct config_reader *r, const struct plan *p)
{
	if (p->mode == PLAN_ANSWER)
		return config_local(p->conf, &p->target) != CONF_NONE ||
		       refuse(r, "load.target",
			      "is not one of the port's addresses, which "
			      "answer: write one of them");
	if (config_local(p->conf, &p->target) != CONF_NONE)
		return refuse(r, "load.target",
			      "is the port's own address: write the server's address");
	if (p->via.family != p->target.family)
		return refuse(r, "load.via",
			      "is not of the target's family: write a router's "
			      "address of the same one");
	if (!p->has_mac && p->local == CONF_NONE)
		return refuse(r, "load.target",
			      "can't be reached: give the port an address of its "
			      "network, or write via: ROUTER or mac: MAC");
	return true;
}

static bool check_clients(struct config_reader *r, const struct plan *p)
{
	char path[32];

	if (p->nb_nets == 0 && p->mode != PLAN_ANSWER)
		return refuse(r, "load",
			      "key \"clients\" is missing: add "
			      "clients: [198.19.0.0/16]");
	for (uint16_t i = 0; i < p->nb_nets; i++) {
		const struct plan_net *n = &p->nets[i];

		snprintf(path, sizeof(path), "load.clients[%u]", i);
		if (n->net.family != p->target.family)
			return refuse(r, path,
				      "is not of the target's family: write a network of "
				      "the same one");
		if (ipaddr_prefix_match(&n->net, &p->target, n->prefix_len))
			return refuse(r, path, "holds the target itself: choose another network");
		for (uint16_t k = 0; k < i; k++)
			if (ipaddr_prefix_match(&n->net, &p->nets[k].net,
						MIN(n->prefix_len, p->nets[k].prefix_len)))
				return refuse(r, path,
					      "overlaps another one: each client is in "
					      "one network");
	}
	return true;
}

static bool check_keys(struct config_reader *r, const struct plan_file *f)
{
	const struct plan *p = &f->plan;

	if (p->ramp.on && p->search.on)
		return refuse(r, "load.search", "can't go with ramp: keep one of them");
	if (f->has_rate && (p->ramp.on || p->search.on))
		return refuse(r, "load.rate",
			      "can't go with ramp or search, "
			      "which set it: remove it");
	if (p->mode == PLAN_ANSWER && (p->ramp.on || p->search.on || f->has_rate))
		return refuse(r, "load.mode",
			      "answer starts nothing, so it has no rate, ramp or "
			      "search: remove them");
	if (p->mode == PLAN_ANSWER && !f->has_response && p->response_bytes > PLAN_PAYLOAD_MAX)
		return refuse(r, "load.response_bytes",
			      "goes in one segment here: write at most "
			      "1400");
	if (p->mode == PLAN_WAKE && !p->options.timestamps)
		return refuse(r, "load.options.timestamps",
			      "wake tells its answers apart by them: "
			      "write true");
	if (p->mode == PLAN_WAKE && p->connections == 0)
		return refuse(r, "load.connections",
			      "wake needs to know how many there are: write "
			      "the number that the run with open had");
	if (p->mode == PLAN_CLIENT && p->concurrency == 0)
		return refuse(r, "load.concurrency",
			      "client keeps each connection's state: write "
			      "how many at once, at least 1");
	if (p->mode == PLAN_CLIENT && p->response_bytes == 0 &&
	    (p->requests > 1 || p->close != PLAN_CLOSE_SERVER))
		return refuse(r, "load.response_bytes",
			      "is 0, so a response ends with the server's "
			      "FIN: write its length");
	if (p->mode != PLAN_CLIENT && (p->requests > 1 || p->close != PLAN_CLOSE_SERVER))
		return refuse(r, "load.mode",
			      "only client has requests and close: write mode: "
			      "client or remove them");
	return true;
}

/* Whoever starts `count` connections at once needs as many clients. */
static bool check_population(struct config_reader *r, const struct plan *p)
{
	uint64_t hosts = 0, ports = p->port_max - p->port_min + 1u, needed = 0;

	for (uint16_t i = 0; i < p->nb_nets; i++)
		hosts += p->nets[i].count;
	if (p->mode == PLAN_OPEN || p->mode == PLAN_WAKE)
		needed = p->connections;
	else if (p->mode == PLAN_CLIENT)
		needed = 2 * p->concurrency * p->conf->nb_workers;
	return hosts * ports >= needed ||
	       refuse(r, "load.clients",
		      "are fewer than are needed at once (client: two for each "
		      "connection): add networks or widen client_ports");
}

static bool check(struct config_reader *r, yaml_node_t *root)
{
	struct plan_file *f = CONTAINER_OF(r->file, struct plan_file, file);

	derive(f);
	return check_port(r, root) && check_target(r, &f->plan) && check_clients(r, &f->plan) &&
	       check_keys(r, f) && check_population(r, &f->plan);
}

static const struct config_schema schema = {.size = sizeof(struct plan_file),
					    .keys = root_keys,
					    .defaults = plan_set_defaults,
					    .check = check};

static struct plan *plan_of(struct conf *conf)
{
	return conf ? &CONTAINER_OF(conf, struct plan_file, file.conf)->plan : NULL;
}

struct plan *plan_load(const char *path, struct config_error *err)
{
	return plan_of(config_load_as(&schema, path, err));
}

struct plan *plan_parse(const char *name, const char *text, size_t len, struct config_error *err)
{
	return plan_of(config_parse_as(&schema, name, text, len, err));
}

void plan_free(struct plan *plan)
{
	if (plan)
		config_free(&CONTAINER_OF(plan, struct plan_file, plan)->file.conf);
}
