/* SPDX-License-Identifier: BSD-3-Clause */
/* Prefix lists: named lists of source addresses, in the configuration and in files of their
 * own, and the listeners that admit or refuse by them. */
#include <stdlib.h>

#include "engine/run/config_reader.h"

#define LIST_FILE_MAX (64u << 20) /* bytes: a million of the longest lines */

/* Prefixes that may still be added to the list at hand. */
static uint32_t room_in(const struct config_file *file)
{
	uint32_t n = 0;

	for (uint16_t i = 0; i + 1 < file->nb_lists; i++)
		n += file->lists[i].prefixes.count;
	return CONF_MAX_PREFIXES - n;
}

static bool read_prefix(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct config_prefix_list *list = field;
	char why[PREFIX_LINE_ERROR_MAX];
	struct prefix p;
	const char *s;
	size_t len;

	if (!config_scalar(r, node, "ADDRESS/PREFIX", &s, &len))
		return false;
	if (!prefix_parse(s, len, &p, why))
		return config_fail(r, node, "%s", why);
	return prefix_bag_add(&list->prefixes, &p) || config_fail(r, NULL, "out of memory");
}

static bool read_prefixes(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct config_prefix_list *list = field;

	list->given = true;
	return config_list(r, node, 0, room_in(r->file), read_prefix, list);
}

static const struct config_key file_row = {"file",
					   CONFIG_ROW_TEXT(struct config_prefix_list, file)};

static bool read_file(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct config_prefix_list *list = field;
	char why[CONFIG_ERROR_MAX], wrong[PREFIX_LINE_ERROR_MAX], *text;
	size_t len;
	int line;

	list->given = true;
	if (!config_value(r, &file_row, node, list->file))
		return false;
	text = config_read_file(list->file, LIST_FILE_MAX + 1, "a file of prefixes", &len, why);
	if (!text)
		return config_fail(r, node, "%s %s", list->file, why);
	if (len > LIST_FILE_MAX) {
		free(text);
		return config_fail(r, node, "%s is larger than %u bytes: split it", list->file,
				   LIST_FILE_MAX);
	}
	line = prefix_bag_read(&list->prefixes, text, len, room_in(r->file), wrong);
	free(text);
	if (line > 0)
		return config_fail(r, node, "%s:%d: %s", list->file, line, wrong);
	return line == 0 || config_fail(r, NULL, "out of memory");
}

static const struct config_key list_keys[] = {
    {"name", CONFIG_ROW_NAME(struct config_prefix_list, name), .required = true,
     .hint = "name: NAME"},
    {"prefixes", CONFIG_ROW_SELF(read_prefixes)},
    {"file", CONFIG_ROW_SELF(read_file)},
    {0},
};

static bool read_list(struct config_reader *r, yaml_node_t *node, void *field UNUSED)
{
	struct config_file *file = r->file;
	struct config_prefix_list *lists =
	    config_grow(r, node, file->lists, file->nb_lists, sizeof(*lists), CONF_MAX_PREFIX_LISTS,
			"prefix lists");
	struct config_prefix_list *list;

	if (!lists)
		return false;
	file->lists = lists;
	list = &lists[file->nb_lists++];
	list->line = config_line(node);
	if (!config_map(r, node, list_keys, list))
		return false;
	if (!list->given)
		return config_fail(r, node,
				   "the list has nothing in it: add prefixes: [...] or "
				   "file: PATH");
	return config_unique(r, node, list->name, lists, file->nb_lists - 1u, sizeof(*lists),
			     offsetof(struct config_prefix_list, line));
}

bool config_read_prefix_lists(struct config_reader *r, yaml_node_t *node, void *conf)
{
	return config_list(r, node, 0, CONF_MAX_PREFIX_LISTS, read_list, conf);
}

/* ---- listeners ---- */

static bool read_name(struct config_reader *r, yaml_node_t *node, uint64_t *lists, uint64_t others)
{
	const struct config_file *file = r->file;
	char quoted[CONFIG_QUOTE_MAX];
	const char *s;
	size_t len;

	if (!config_scalar(r, node, "the name of a prefix list", &s, &len))
		return false;
	config_quote(s, len, quoted);
	for (uint16_t i = 0; i < file->nb_lists; i++) {
		const char *name = file->lists[i].name;

		if (strlen(name) != len || memcmp(name, s, len) != 0)
			continue;
		if ((*lists | others) >> i & 1)
			return config_fail(r, node, "%s is named twice: keep one of them", quoted);
		*lists |= 1ull << i;
		return true;
	}
	return config_fail(
	    r, node, "there is no prefix list %s: write the name of one in prefix_lists", quoted);
}

static bool read_denied(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct config_lists_of *of = field;

	return read_name(r, node, &of->deny, of->allow);
}

static bool read_allowed(struct config_reader *r, yaml_node_t *node, void *field)
{
	struct config_lists_of *of = field;

	return read_name(r, node, &of->allow, of->deny);
}

bool config_read_deny(struct config_reader *r, yaml_node_t *node, void *lists_of)
{
	return config_list(r, node, 1, CONF_MAX_PREFIX_LISTS, read_denied, lists_of);
}

bool config_read_allow(struct config_reader *r, yaml_node_t *node, void *lists_of)
{
	return config_list(r, node, 1, CONF_MAX_PREFIX_LISTS, read_allowed, lists_of);
}

/* ---- tables ---- */

static bool add_lists(struct prefix_bag *bag, const struct config_file *file, uint64_t lists,
		      bool refused)
{
	for (uint16_t i = 0; i < file->nb_lists; i++) {
		const struct prefix_bag *from = &file->lists[i].prefixes;

		for (uint32_t k = 0; (lists >> i & 1) && k < from->count; k++) {
			struct prefix p = from->items[k];

			p.refused = refused;
			if (!prefix_bag_add(bag, &p))
				return false;
		}
	}
	return true;
}

/* Who is in no list is refused where some are listed as admitted. */
static struct prefix_table *compile(const struct config_file *file,
				    const struct config_lists_of *of)
{
	struct prefix_bag bag = {0};
	struct prefix_table *t = NULL;

	if (add_lists(&bag, file, of->deny, true) && add_lists(&bag, file, of->allow, false))
		t = prefix_bag_compile(&bag, of->allow != 0);
	prefix_bag_free(&bag);
	return t;
}

/* The table of a listener before that has the same lists, NULL: there is none. */
static const struct prefix_table *same_before(const struct config_file *file, uint16_t listener)
{
	const struct config_lists_of *of = file->lists_of;

	for (uint16_t i = 0; i < listener; i++)
		if (of[i].deny == of[listener].deny && of[i].allow == of[listener].allow)
			return file->conf.prefixes->of_listener[i];
	return NULL;
}

bool config_compile_prefixes(struct config_reader *r)
{
	struct config_file *file = r->file;
	struct conf *conf = r->conf;
	bool ok = true;

	conf->prefixes = prefix_set_create(conf->nb_listeners);
	for (uint16_t i = 0; conf->prefixes && i < conf->nb_listeners && ok; i++) {
		const struct prefix_table **t = &conf->prefixes->of_listener[i];

		if (!(file->lists_of[i].deny | file->lists_of[i].allow))
			continue;
		*t = same_before(file, i);
		if (!*t)
			*t = compile(file, &file->lists_of[i]);
		ok = *t != NULL;
	}
	for (uint16_t i = 0; conf->prefixes && i < file->nb_lists; i++)
		conf->prefixes->nb_prefixes += file->lists[i].prefixes.count;
	if (conf->prefixes)
		conf->prefixes->nb_lists = file->nb_lists;
	config_drop_prefix_lists(file);
	return (conf->prefixes && ok) || config_fail(r, NULL, "out of memory");
}

void config_drop_prefix_lists(struct config_file *file)
{
	for (uint16_t i = 0; i < file->nb_lists; i++)
		prefix_bag_free(&file->lists[i].prefixes);
	free(file->lists);
	file->lists = NULL;
	file->nb_lists = 0;
}
