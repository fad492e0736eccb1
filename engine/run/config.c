/* SPDX-License-Identifier: BSD-3-Clause */
/* From a file or a text to struct conf: reads the file, runs the passes over its
 * document in order, and frees the result. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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
    {"listeners", CONFIG_ROW_SELF(config_read_listeners), .required = true,
     .hint = "listeners: [{name: web, address: \"IPV4:PORT\", service: ...}]"},
    {0},
};

static void set_defaults(struct conf *conf)
{
	strcpy(conf->instance, "terminus");
	conf->idle_sleep_us = 50;
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
	return config_check_buffers(r, root) && (!schema->check || schema->check(r, root));
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

/* Opens without waiting, so that a FIFO is refused instead of waited for. */
static int open_regular(const char *path, struct config_error *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0) {
		config_error_set(err, path, 0, "",
				 "can't be opened: %s: check the path and its "
				 "permissions",
				 strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	config_error_set(err, path, 0, "", "is %s: give the path of a configuration file",
			 S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
	close(fd);
	return -1;
}

/* Reads at most max bytes; -1 with errno set. */
static ssize_t read_all(int fd, char *buf, size_t max)
{
	size_t len = 0;

	while (len < max) {
		ssize_t n = read(fd, buf + len, max - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

struct conf *config_load_as(const struct config_schema *schema, const char *path,
			    struct config_error *err)
{
	struct conf *conf = NULL;
	char *text = NULL;
	ssize_t len;
	int fd;

	memset(err, 0, sizeof(*err));
	fd = open_regular(path, err);
	if (fd < 0)
		return NULL;
	text = malloc(CONFIG_FILE_MAX + 1);
	len = text ? read_all(fd, text, CONFIG_FILE_MAX + 1) : -1;
	if (len < 0)
		config_error_set(err, path, 0, "", "can't be read: %s", strerror(errno));
	else
		conf = config_parse_as(schema, path, text, (size_t)len, err);
	free(text);
	close(fd);
	return conf;
}

struct conf *config_load(const char *path, struct config_error *err)
{
	return config_load_as(&engine_schema, path, err);
}

void config_free(struct conf *conf)
{
	if (!conf)
		return;
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
	free(CONTAINER_OF(conf, struct config_file, conf));
}
