/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The walk over a document by tables of keys, and the messages that say where
 * in the file something is wrong.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/run/config_reader.h"

#define SUGGEST_MAX 32 /* longest key that is compared with the known ones */

int config_line(const yaml_node_t *node)
{
	return (int)node->start_mark.line + 1;
}

static bool error_format(struct config_error *err, const char *name, int line, const char *path,
			 const char *fmt, va_list ap)
{
	int n;

	err->line = line;
	if (line > 0)
		n = snprintf(err->text, sizeof(err->text), "%s:%d: ", name, line);
	else
		n = snprintf(err->text, sizeof(err->text), "%s: ", name);
	if (*path && n < CONFIG_ERROR_MAX)
		n += snprintf(err->text + n, sizeof(err->text) - (size_t)n, "%s: ", path);
	if (n < CONFIG_ERROR_MAX)
		vsnprintf(err->text + n, sizeof(err->text) - (size_t)n, fmt, ap);
	return false;
}

bool config_error_set(struct config_error *err, const char *name, int line, const char *path,
		      const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_format(err, name, line, path, fmt, ap);
	va_end(ap);
	return false;
}

bool config_fail(struct config_reader *r, const yaml_node_t *node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_format(r->err, r->name, node ? config_line(node) : 0, r->path, fmt, ap);
	va_end(ap);
	return false;
}

size_t config_enter(struct config_reader *r, const char *fmt, ...)
{
	size_t mark = r->path_len, room = sizeof(r->path) - mark;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(r->path + mark, room, fmt, ap);
	va_end(ap);
	r->path_len += MIN((size_t)n, room - 1);
	return mark;
}

void config_leave(struct config_reader *r, size_t mark)
{
	r->path_len = mark;
	r->path[mark] = '\0';
}

/* Levenshtein's distance, one row of the matrix at a time. */
static unsigned edit_distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned row[SUGGEST_MAX + 1];

	for (size_t j = 0; j <= nb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned change = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
		}
	}
	return row[nb];
}

/* The known key that the operator most likely meant; NULL when none is close. */
static const char *closest(const struct config_key *keys, const char *text, size_t len)
{
	const char *best = NULL;
	unsigned best_distance = UINT32_MAX;

	if (len > SUGGEST_MAX)
		return NULL;
	for (; keys->name; keys++) {
		size_t n = strlen(keys->name);
		unsigned d = edit_distance(text, len, keys->name, n);

		if (d < best_distance && d <= (MAX(n, len) + 2) / 3) {
			best = keys->name;
			best_distance = d;
		}
	}
	return best;
}

static bool unknown_key(struct config_reader *r, const yaml_node_t *node,
			const struct config_key *keys)
{
	const char *text = (const char *)node->data.scalar.value;
	size_t len = node->data.scalar.length, n = 0;
	const char *best = closest(keys, text, len);
	char quoted[CONFIG_QUOTE_MAX], known[CONFIG_ERROR_MAX / 2] = "";

	config_quote(text, len, quoted);
	if (best)
		return config_fail(r, node, "unknown key %s: did you mean \"%s\"?", quoted, best);
	for (; keys->name && n < sizeof(known); keys++)
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", n ? ", " : "",
				      keys->name);
	return config_fail(r, node, "unknown key %s: the keys here are %s", quoted, known);
}

/* The row of a key, or the row without a name at the end. Quoted keys may hold NULs. */
static unsigned find_row(const struct config_key *keys, const yaml_node_t *key)
{
	const char *text = (const char *)key->data.scalar.value;
	size_t len = key->data.scalar.length;
	unsigned i = 0;

	while (keys[i].name && (strlen(keys[i].name) != len || memcmp(keys[i].name, text, len)))
		i++;
	return i;
}

/* Finds each pair's row and leaves its value node at the row's place in values. */
static bool match_pairs(struct config_reader *r, yaml_node_t *node, const struct config_key *keys,
			yaml_node_t *values[CONFIG_KEYS_MAX])
{
	const yaml_node_pair_t *pair = node->data.mapping.pairs.start;

	for (; pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&r->doc, pair->key);
		unsigned i;

		if (key->type != YAML_SCALAR_NODE)
			return config_fail(r, key, "a key is a word, not a list or a section");
		i = find_row(keys, key);
		if (!keys[i].name)
			return unknown_key(r, key, keys);
		if (values[i])
			return config_fail(r, key,
					   "key \"%s\" was given before, on line %d: "
					   "keep one of them",
					   keys[i].name, config_line(values[i]));
		values[i] = yaml_document_get_node(&r->doc, pair->value);
	}
	return true;
}

bool config_map(struct config_reader *r, yaml_node_t *node, const struct config_key *keys,
		void *base)
{
	yaml_node_t *values[CONFIG_KEYS_MAX] = {0};

	if (node->type != YAML_MAPPING_NODE)
		return config_fail(r, node,
				   "must be a section of \"key: value\" lines, begin with "
				   "\"%s: ...\"",
				   keys->name);
	if (!match_pairs(r, node, keys, values))
		return false;
	for (unsigned i = 0; keys[i].name; i++) {
		size_t mark;

		if (!values[i] && keys[i].required)
			return config_fail(r, node, "key \"%s\" is missing: add %s", keys[i].name,
					   keys[i].hint);
		if (!values[i])
			continue;
		mark = config_enter(r, "%s%s", r->path_len ? "." : "", keys[i].name);
		if (!config_value(r, &keys[i], values[i], (char *)base + keys[i].offset))
			return false;
		config_leave(r, mark);
	}
	return true;
}

bool config_list(struct config_reader *r, yaml_node_t *node, unsigned min, unsigned max,
		 config_read_fn read, void *field)
{
	const yaml_node_item_t *item;
	unsigned i = 0;

	if (node->type != YAML_SEQUENCE_NODE)
		return config_fail(r, node,
				   "must be a list: write [...] or lines that begin "
				   "with \"- \"");
	if (node->data.sequence.items.top - node->data.sequence.items.start < (ptrdiff_t)min)
		return config_fail(r, node, "the list is empty: it needs at least %u", min);
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		yaml_node_t *value = yaml_document_get_node(&r->doc, *item);
		size_t mark = config_enter(r, "[%u]", i);

		if (i++ == max)
			return config_fail(r, value, "one too many: at most %u are supported", max);
		if (!read(r, value, field))
			return false;
		config_leave(r, mark);
	}
	return true;
}

void *config_grow(struct config_reader *r, const yaml_node_t *node, void *array, unsigned count,
		  size_t size, unsigned max, const char *what)
{
	char *p = array;

	if (count >= max) {
		config_fail(r, node, "more than %u %s: split the configuration between instances",
			    max, what);
		return NULL;
	}
	if ((count & (count - 1)) == 0)
		p = realloc(array, (count ? 2 * count : 1) * size);
	if (!p) {
		config_fail(r, NULL, "out of memory");
		return NULL;
	}
	memset(p + count * size, 0, size);
	return p;
}

bool config_unique(struct config_reader *r, const yaml_node_t *node, const char *name,
		   const void *array, unsigned count, size_t size, size_t line_offset)
{
	const char *object = array;

	for (unsigned i = 0; i < count; i++, object += size) {
		int line;

		if (strcmp(object, name) != 0)
			continue;
		memcpy(&line, object + line_offset, sizeof(line));
		return config_fail(r, node, "the name \"%s\" is taken on line %d: choose another",
				   name, line);
	}
	return true;
}
