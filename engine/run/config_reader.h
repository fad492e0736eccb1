/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the loader's own files share: the reader that walks a YAML document, the
 * tables that describe the keys of a mapping, and the checked values. Private
 * to engine/run/config*.c, and to a program with a configuration of its own that
 * has the engine's ports and memory in it.
 *
 * Every function that returns bool returns false exactly when it has written
 * the reader's error; its caller passes that on at once.
 */
#pragma once

#include <yaml.h>

#include "engine/run/config.h"
#include "engine/run/prefix_bag.h"

#define CONFIG_PATH_MAX      256
#define CONFIG_QUOTE_MAX     72        /* bytes of a value quoted in a message, NUL included */
#define CONFIG_KEYS_MAX      64        /* rows of a table at most */
#define CONFIG_REPLAY_PREFIX "pcapng:" /* of a device that replays a file */

/* A named list of prefixes, until the tables are made of it. */
struct config_prefix_list {
	char name[CONF_NAME_MAX];
	struct prefix_bag prefixes;
	char file[CONF_DEVICE_MAX]; /* "": none */
	bool given;		    /* any of both was */
	int line;
};

/* Whom a listener turns away and lets in: a bit for each list. */
struct config_lists_of {
	uint64_t deny, allow;
};

/* What the loader hands out is the first member of this. */
struct config_file {
	struct conf conf;
	int workers_line, cookie_secret_line;
	struct config_prefix_list *lists;
	uint16_t nb_lists;
	struct config_lists_of lists_of[CONF_MAX_LISTENERS]; /* as conf.listeners */
};

struct config_key;
struct config_reader;

/* What a file means to the program that reads it. */
struct config_schema {
	size_t size; /* bytes of the object it becomes: a struct config_file and what follows it */
	const struct config_key *keys; /* of the top level, into that object */
	/* After the engine's defaults were set, before the file is read; NULL: nothing. */
	void (*defaults)(struct config_file *file);
	/* After all keys were read; NULL: nothing is left to check. */
	bool (*check)(struct config_reader *r, yaml_node_t *root);
};

/* One pass over one document. Lives on config_parse()'s stack. */
struct config_reader {
	const char *name; /* of the file, for messages */
	struct config_file *file;
	struct conf *conf; /* &file->conf */
	struct config_error *err;
	yaml_document_t doc;
	yaml_node_t *memory; /* the section, once it was read; NULL: not given */
	size_t path_len;
	char path[CONFIG_PATH_MAX]; /* of the value at hand, as in listeners[0].address */
};

/* Reads one value into `field`; called with the reader's path on the value. */
typedef bool (*config_read_fn)(struct config_reader *r, yaml_node_t *node, void *field);

enum config_kind {
	CONFIG_COUNT,    /* a whole number */
	CONFIG_DURATION, /* base unit: microseconds */
	CONFIG_BYTES,    /* base unit: bytes */
	CONFIG_SHARE,    /* of frames; base unit: parts per million */
	CONFIG_BOOL,
	CONFIG_CHOICE, /* an enum by its words */
	CONFIG_NAME,   /* 1 to 31 of A-Z a-z 0-9 _ . - */
	CONFIG_TEXT,   /* no control characters, not empty */
	CONFIG_NODE,   /* `read` does it */
};

/* A key of a mapping: one row of a table that ends with a row without a name. */
struct config_key {
	const char *name;
	enum config_kind kind;
	bool required;
	bool or_zero;               /* numbers: 0 is fine though below min */
	uint16_t offset;            /* of the field in the struct that the table fills */
	uint16_t size;              /* of the field in bytes */
	uint32_t unit;              /* numbers: what a bare number counts, in base units */
	uint32_t store;             /* numbers: what the field counts, in base units */
	uint64_t min, max, def;     /* in what the field counts; def also for bool and choice */
	const char *const *choices; /* words in the order of the enum, then NULL */
	config_read_fn read;
	const char *hint; /* an example, for the message that the key is missing */
};

/* Where a row's value goes. */
#define CONFIG_FIELD(type, member)                                                                 \
	.offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)

/* Row bodies; the limits and the default count what the field counts. */
#define CONFIG_ROW_COUNT(type, member, lo, hi, dflt)                                               \
	.kind = CONFIG_COUNT, CONFIG_FIELD(type, member), .unit = 1, .store = 1, .min = (lo),      \
	.max = (hi), .def = (dflt)
#define CONFIG_ROW_BYTES(type, member, lo, hi, dflt)                                               \
	.kind = CONFIG_BYTES, CONFIG_FIELD(type, member), .unit = 1, .store = 1, .min = (lo),      \
	.max = (hi), .def = (dflt)
#define CONFIG_ROW_SHARE(type, member)                                                             \
	.kind = CONFIG_SHARE, CONFIG_FIELD(type, member), .unit = 1000000, .store = 1,             \
	.max = 1000000
#define CONFIG_ROW_TIME(type, member, unit_us, store_us, lo, hi, dflt)                             \
	.kind = CONFIG_DURATION, CONFIG_FIELD(type, member), .unit = (unit_us),                    \
	.store = (store_us), .min = (lo), .max = (hi), .def = (dflt)
#define CONFIG_ROW_BOOL(type, member, dflt)                                                        \
	.kind = CONFIG_BOOL, CONFIG_FIELD(type, member), .max = 1, .def = (dflt)
#define CONFIG_ROW_NAME(type, member) .kind = CONFIG_NAME, CONFIG_FIELD(type, member)
#define CONFIG_ROW_TEXT(type, member) .kind = CONFIG_TEXT, CONFIG_FIELD(type, member)
#define CONFIG_ROW_NODE(type, member, fn)                                                          \
	.kind = CONFIG_NODE, CONFIG_FIELD(type, member), .read = (fn)
#define CONFIG_ROW_SELF(fn) .kind = CONFIG_NODE, .read = (fn) /* field: the struct itself */

/* Tables whose rows are plain values, each into the struct of that name. */
extern const struct config_key config_tcp_keys[];
extern const struct config_key config_memory_keys[];
extern const struct config_key config_limits_keys[];
extern const struct config_key config_fault_keys[];

/* Writes "name:line: path: message" to the error and returns false; without a
 * node the line is left out. */
bool config_fail(struct config_reader *r, const yaml_node_t *node, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* The same with the line given, 0: none; `path` may be "". For use without a reader. */
bool config_error_set(struct config_error *err, const char *name, int line, const char *path,
		      const char *fmt, ...) PRINTF_LIKE(5, 6);

int config_line(const yaml_node_t *node);

/* Adds to the path; the return value is what config_leave() takes back. */
size_t config_enter(struct config_reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
void config_leave(struct config_reader *r, size_t mark);

/* The document's root in *root, from `len` bytes at `text`; r->doc holds it and
 * is the caller's to delete. */
bool config_yaml_load(struct config_reader *r, const char *text, size_t len, yaml_node_t **root);

/* Sets the fields of all rows that carry a plain value to their defaults. */
void config_defaults(const struct config_key *keys, void *base);

/* Reads the mapping `node` into the struct at `base`: refuses unknown, repeated
 * and missing keys, then reads those given in the order of the table. */
bool config_map(struct config_reader *r, yaml_node_t *node, const struct config_key *keys,
		void *base);

/* Reads the list `node` of min to max items, each with `read` and the same field. */
bool config_list(struct config_reader *r, yaml_node_t *node, unsigned min, unsigned max,
		 config_read_fn read, void *field);

/* Reads one value by its row; `field` is where it goes. */
bool config_value(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
		  void *field);

/* The text of a scalar; `what` names what is expected, for the message. */
bool config_scalar(struct config_reader *r, yaml_node_t *node, const char *what, const char **text,
		   size_t *len);

/* A value in quotes for a message: shortened, and with a question mark for each control character
 * and each byte that is no UTF-8, so that the message can be printed and sent as JSON. */
const char *config_quote(const char *text, size_t len, char out[CONFIG_QUOTE_MAX]);

/* `array` of `count` objects of `size` bytes with room for one more, which is
 * all zero; `what` names them. NULL on failure, and the old array stays valid. */
void *config_grow(struct config_reader *r, const yaml_node_t *node, void *array, unsigned count,
		  size_t size, unsigned max, const char *what);

/* Refuses `name` when one of `count` objects of `size` bytes has it already:
 * their names come first in them, their lines at line_offset. */
bool config_unique(struct config_reader *r, const yaml_node_t *node, const char *name,
		   const void *array, unsigned count, size_t size, size_t line_offset);

/* An address, an address with a prefix length, an address with a port; false
 * without a message when the text is none. "*" as the address gives family 0. */
bool config_ipaddr(const char *text, size_t len, struct ipaddr *out);
bool config_prefix(const char *text, size_t len, struct ipaddr *out, uint8_t *prefix_len);
bool config_endpoint(const char *text, size_t len, struct ipaddr *out, uint16_t *port_be);

/* True for an address that a host on a network of that prefix length can have:
 * no multicast, broadcast, loopback, unspecified or IPv4-mapped one. */
bool config_is_host(const struct ipaddr *addr, unsigned prefix_len);

/* ::ffff:192.0.2.1 stands for an IPv4 address inside a host, never on a wire. */
bool config_is_v4_mapped(const struct ipaddr *addr);

/* Index of the local address, or CONF_NONE. */
uint16_t config_local(const struct conf *conf, const struct ipaddr *addr);

/* A local address whose network holds `addr`, the longest prefix first; CONF_NONE. */
uint16_t config_on_link(const struct conf *conf, const struct ipaddr *addr);

/* config_load() and config_parse() by another schema. What is behind the struct
 * config_file goes with config_free() as well: it may own nothing. */
struct conf *config_load_as(const struct config_schema *schema, const char *path,
			    struct config_error *err);
struct conf *config_parse_as(const struct config_schema *schema, const char *name, const char *text,
			     size_t len, struct config_error *err);

/* Sections of the file; those that refer to another one are read after it. */
bool config_read_workers(struct config_reader *r, yaml_node_t *node, void *conf);
bool config_read_memory(struct config_reader *r, yaml_node_t *node, void *memory);
bool config_read_limits(struct config_reader *r, yaml_node_t *node, void *limits);
bool config_read_ports(struct config_reader *r, yaml_node_t *node, void *conf);
bool config_read_routes(struct config_reader *r, yaml_node_t *node, void *conf);
bool config_read_tcp(struct config_reader *r, yaml_node_t *node, void *tcp);
bool config_read_pools(struct config_reader *r, yaml_node_t *node, void *conf);
bool config_read_listeners(struct config_reader *r, yaml_node_t *node, void *conf);

/* The whole text of a regular file, at most `max` bytes of it, which is the caller's to free;
 * *len has its length. NULL: `why` says what is wrong. `what` is what the file should be. */
char *config_read_file(const char *path, size_t max, const char *what, size_t *len,
		       char why[CONFIG_ERROR_MAX]);

/* Prefix lists: the section, a listener's deny and allow (into a struct config_lists_of),
 * conf.prefixes made of both, and the end of the lists. */
bool config_read_prefix_lists(struct config_reader *r, yaml_node_t *node, void *conf);
bool config_read_deny(struct config_reader *r, yaml_node_t *node, void *lists_of);
bool config_read_allow(struct config_reader *r, yaml_node_t *node, void *lists_of);
bool config_compile_prefixes(struct config_reader *r);
void config_drop_prefix_lists(struct config_file *file);

/* Refuses too few packet buffers for the ports' rings. */
bool config_check_buffers(struct config_reader *r, const yaml_node_t *root);
