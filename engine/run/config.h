/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration loader: from a YAML file to the read-only struct conf that
 * every layer reads, or to one line that tells the operator what to change.
 * Used while starting, reloading and checking; never by a worker. Reentrant: no
 * state outside the arguments. The format is described in docs/configuration.md.
 */
#pragma once

#include <stdio.h>

#include "engine/conf.h"

#define CONFIG_FILE_MAX  (1u << 20) /* bytes of a config file at most */
#define CONFIG_ERROR_MAX 1024       /* bytes of a message at most, NUL included */
#define CONFIG_SECRET    32         /* bytes of a shared secret */
#define CONFIG_PAGE_SIZE (2u << 20) /* bytes of the huge pages that sizes are counted in */

/* Why a configuration was refused. The text is one line without a newline:
 * `FILE:LINE: KEY: what is wrong: what to do`. */
struct config_error {
	int line; /* of the file, counted from 1; 0: the file as a whole */
	char text[CONFIG_ERROR_MAX];
};

/*
 * Reads, checks and compiles the file at `path` (a regular file of at most
 * CONFIG_FILE_MAX bytes). NULL with *err filled in when it can't be used. The
 * caller owns the result: config_free().
 */
struct conf *config_load(const char *path, struct config_error *err);

/* The same for `len` bytes at `text`, which need no terminator and are not kept;
 * `name` stands for the file in messages and becomes conf.file. Touches neither
 * files nor anything else of the machine. */
struct conf *config_parse(const char *name, const char *text, size_t len, struct config_error *err);

/*
 * Compares what config_load() or config_parse() returned with the machine the
 * caller runs on: CPUs that this process may use, pcapng files to replay,
 * directories to record into, the file of the shared secret. False with *err filled in
 * at the first mismatch.
 */
bool config_check_machine(const struct conf *conf, struct config_error *err);

/*
 * Reads conf->cookie_secret_file, CONFIG_SECRET bytes in hexadecimal. False with *err filled in
 * when it can't be read, can be read by others than its owner and group, or holds something else.
 */
bool config_read_secret(const struct conf *conf, uint8_t secret[CONFIG_SECRET],
			struct config_error *err);

/* Frees what config_load() or config_parse() returned; NULL is fine. No reader
 * may be left. Not for a struct conf made in any other way. */
void config_free(struct conf *conf);

/* Takes conf->prefixes out of it: prefix_set_free() is the caller's then. NULL: there are none. */
struct prefix_set *config_take_prefixes(struct conf *conf);

/* Sets every field to the default that docs/configuration.md gives for it. */
void conf_tcp_defaults(struct conf_tcp *tcp);

/* One line of the sizing report. */
struct config_size_item {
	const char *name; /* static */
	uint64_t count;
	uint64_t each_bytes;
	uint64_t bytes; /* count * each_bytes */
	uint64_t pages; /* huge pages of CONFIG_PAGE_SIZE it takes */
};

enum config_size_kind {
	CONFIG_SIZE_SHARDS,
	CONFIG_SIZE_BUFFERS,
	CONFIG_SIZE_DPDK,
	CONFIG_SIZE_ITEMS
};

/* Memory that the engine asks for at the start for a configuration, and keeps. */
struct config_size {
	struct config_size_item items[CONFIG_SIZE_ITEMS]; /* by config_size_kind */
	uint64_t bytes, pages;                            /* of all items */
};

/* Fills in *out. `shard_bytes` is what one worker's shard takes: tables, pools
 * and wheels. Each shard is placed in pages of its own. */
void config_size(const struct conf *conf, size_t shard_bytes, struct config_size *out);

/* Prints it as a table of a line per item and one for the sum. */
void config_size_print(const struct config_size *size, FILE *out);
