/* SPDX-License-Identifier: BSD-3-Clause */
/* From a file or a text to struct conf: runs the passes over its document in order, and
 * frees the result. */
#include <stdlib.h>

#include "engine/run/config_reader.h"

/* Sections are read in this order wherever they stand in the file, so that each
 * finds what it refers to. */
static const struct config_key root_keys[] = {
    {"instance", CONFIG_ROW_NAME(struct conf, instance)},
    {"workers", CONFIG_ROW_SELF(config_read_workers)},
    {"memory", CONFIG_ROW_NODE(struct conf, memory, config_read_memory)},
    {"limits", CONFIG_ROW_NODE(struct conf, limits, config_read_limits)},
    {"ports", CONFIG_ROW_SELF(config_read_ports), .required = true,
     .hint = "ports: [{name: front, device: \"net_af_packet0,iface=eth1\", addresses: [...]}]"},
    {"routes", CONFIG_ROW_SELF(config_read_routes)},
    {"tcp", CONFIG_ROW_NODE(struct conf, tcp, config_read_tcp)},
    {"pools", CONFIG_ROW_SELF(config_read_pools)},
    {"prefix_lists", CONFIG_ROW_SELF(config_read_prefix_lists)},
    {"listeners", CONFIG_ROW_SELF(config_read_listeners), .required = true,
     .hint = "listeners: [{name: web, address: \"IPV4:PORT\", service: ...}]"},
    {0},
};

static void set_defaults(struct conf *conf)
{
	strcpy(conf->instance, "terminus");
	conf->idle_sleep_us = 50;
	conf->share_cpu = true;
	config_defaults(config_memory_keys, &conf->memory);
	config_defaults(config_limits_keys, &conf->limits);
	conf_tcp_defaults(&conf->tcp);
}

static const struct config_schema engine_schema = {.size = sizeof(struct config_file),
						   .keys = root_keys};

static void default_workers(struct conf *conf)
{
	if (conf->nb_workers > 0)
		return;
	conf->nb_workers = 1;
	conf->worker_cpu[0] = -1;
}

static bool compile(struct config_reader *r, const struct config_schema *schema, const char *text,
		    size_t len)
{
	yaml_node_t *root;

	set_defaults(r->conf);
	if (schema->defaults)
		schema->defaults(r->file);
	if (!config_yaml_load(r, text, len, &root))
		return false;
	if (!config_map(r, root, schema->keys, r->conf))
		return false;
	default_workers(r->conf);
	return config_check_buffers(r, root) && config_compile_prefixes(r) &&
	       (!schema->check || schema->check(r, root));
}

struct conf *config_parse_as(const struct config_schema *schema, const char *name, const char *text,
			     size_t len, struct config_error *err)
{
	struct config_reader r = {.name = name, .err = err};
	bool ok = false;

	memset(err, 0, sizeof(*err));
	r.file = calloc(1, schema->size);
	if (r.file)
		r.file->conf.file = strdup(name);
	if (!r.file || !r.file->conf.file) {
		config_fail(&r, NULL, "out of memory");
	} else if (len > CONFIG_FILE_MAX) {
		config_fail(&r, NULL, "larger than %u bytes: a configuration is never that long",
			    CONFIG_FILE_MAX);
	} else {
		r.conf = &r.file->conf;
		ok = compile(&r, schema, text, len);
		yaml_document_delete(&r.doc);
	}
	if (!ok && r.file) {
		config_free(&r.file->conf);
		return NULL;
	}
	return ok ? r.conf : NULL;
}

struct conf *config_parse(const char *name, const char *text, size_t len, struct config_error *err)
{
	return config_parse_as(&engine_schema, name, text, len, err);
}

struct conf *config_load_as(const struct config_schema *schema, const char *path,
			    struct config_error *err)
{
	char why[CONFIG_ERROR_MAX], *text;
	struct conf *conf;
	size_t len;

	memset(err, 0, sizeof(*err));
	text = config_read_file(path, CONFIG_FILE_MAX + 1, "a configuration file", &len, why);
	if (!text) {
		config_error_set(err, path, 0, "", "%s", why);
		return NULL;
	}
	conf = config_parse_as(schema, path, text, len, err);
	free(text);
	return conf;
}

struct conf *config_load(const char *path, struct config_error *err)
{
	return config_load_as(&engine_schema, path, err);
}

struct prefix_set *config_take_prefixes(struct conf *conf)
{
	struct prefix_set *set = conf->prefixes;

	conf->prefixes = NULL;
	return set;
}

void config_free(struct conf *conf)
{
	struct config_file *file;

	if (!conf)
		return;
	file = CONTAINER_OF(conf, struct config_file, conf);
	config_drop_prefix_lists(file);
	prefix_set_free(conf->prefixes);
	for (uint16_t i = 0; i < conf->nb_pools; i++)
		free(conf->pools[i].backends);
	for (uint16_t i = 0; i < conf->nb_bodies; i++)
		free(conf->bodies[i].bytes);
	free(conf->bodies);
	free(conf->pools);
	free(conf->listeners);
	free(conf->routes);
	free(conf->addrs);
	free(conf->ifaces);
	free(conf->ports);
	free(conf->file);
	free(file);
}
