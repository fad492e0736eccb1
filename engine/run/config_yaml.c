/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From text to a YAML document, by libyaml. A first pass over the parser's
 * events bounds nesting and anchors and refuses what a configuration has no use
 * for, so that building the document and walking it stays cheap whatever the
 * text is: libyaml searches its anchors and tag directives one by one, and an
 * alias may stand inside the very node that it names.
 */
#include "engine/run/config_reader.h"

#define DEPTH_MAX      16 /* the format itself nests 6 levels */
#define ANCHORS_MAX    64
#define DIRECTIVES_MAX 8

struct scan {
	yaml_event_t open[DEPTH_MAX]; /* start events of the containers around */
	unsigned depth, anchors, documents;
};

/* libyaml's marks count lines from 0; its reader's errors only have an offset. */
static int problem_line(const yaml_parser_t *p, const char *text, size_t len)
{
	int line = 1;

	if (p->error != YAML_READER_ERROR)
		return (int)p->problem_mark.line + 1;
	for (size_t i = 0; i < len && i < p->problem_offset; i++)
		line += text[i] == '\n';
	return line;
}

static const char *remedy(const yaml_parser_t *p)
{
	const char *context = p->context ? p->context : "";

	if (p->error == YAML_READER_ERROR)
		return "save the file as UTF-8 text";
	if (strstr(context, "alias") || strstr(p->problem, "alias"))
		return "put a value that begins with * in quotes";
	if (strstr(p->problem, "cannot start any token"))
		return "indent with spaces, not tabs, and put values with special characters in "
		       "quotes";
	return "check the indentation, and put values that begin with [ { * & ! % @ or hold \": \" "
	       "in quotes";
}

static bool yaml_failed(struct config_reader *r, const yaml_parser_t *p, const char *text,
			size_t len)
{
	/* Out of memory, libyaml leaves the problem unset, sometimes the error as well. */
	if (!p->problem)
		return config_fail(r, NULL, "out of memory");
	return config_error_set(r->err, r->name, problem_line(p, text, len), "",
				"not valid YAML: %s%s%s: %s", p->problem, p->context ? " " : "",
				p->context ? p->context : "", remedy(p));
}

static bool scan_failed(struct config_reader *r, const yaml_event_t *e, const char *message)
{
	return config_error_set(r->err, r->name, (int)e->start_mark.line + 1, "", "%s", message);
}

static const yaml_char_t *anchor_of(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return e->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return e->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return e->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

static bool names_open_node(const struct scan *s, const yaml_event_t *alias)
{
	for (unsigned i = 0; i < s->depth; i++) {
		const yaml_char_t *anchor = anchor_of(&s->open[i]);

		if (anchor && !strcmp((const char *)anchor, (const char *)alias->data.alias.anchor))
			return true;
	}
	return false;
}

/* Checks one event. The scan keeps it, and *kept is set, when it opens a container. */
static bool scan_event(struct config_reader *r, struct scan *s, yaml_event_t *e, bool *kept)
{
	if (anchor_of(e) && ++s->anchors > ANCHORS_MAX)
		return scan_failed(r, e, "more than 64 anchors (&name): write the values out");
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++s->documents > 1)
			return scan_failed(r, e,
					   "a second document begins here: a configuration "
					   "is one document, remove the line \"---\"");
		return true;
	case YAML_ALIAS_EVENT:
		if (names_open_node(s, e))
			return scan_failed(r, e,
					   "the alias stands inside what it refers to: "
					   "write the value out");
		return true;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (s->depth == DEPTH_MAX)
			return scan_failed(r, e, "nested more than 16 levels deep: no section is");
		s->open[s->depth++] = *e;
		*kept = true;
		return true;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		yaml_event_delete(&s->open[--s->depth]);
		return true;
	default:
		return true;
	}
}

/* libyaml reads all directives before its first event, so they are counted in
 * the text. A line of a text in quotes may look like one: hence a few are fine. */
static bool scan_directives(struct config_reader *r, const char *text, size_t len)
{
	unsigned directives = 0;
	int line = 1;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '%' && (i == 0 || text[i - 1] == '\n' || text[i - 1] == '\r') &&
		    ++directives > DIRECTIVES_MAX)
			return config_error_set(r->err, r->name, line, "",
						"more than %u lines begin with %%: a configuration "
						"needs no directives, remove them",
						DIRECTIVES_MAX);
		line += text[i] == '\n';
	}
	return true;
}

static bool scan(struct config_reader *r, const char *text, size_t len)
{
	struct scan s = {0};
	yaml_parser_t p;
	bool ok = true, end = false;

	if (!scan_directives(r, text, len))
		return false;
	if (!yaml_parser_initialize(&p))
		return config_fail(r, NULL, "out of memory");
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	while (ok && !end) {
		yaml_event_t e;
		bool kept = false;

		if (!yaml_parser_parse(&p, &e)) {
			ok = yaml_failed(r, &p, text, len);
			break;
		}
		end = e.type == YAML_STREAM_END_EVENT;
		ok = scan_event(r, &s, &e, &kept);
		if (!kept)
			yaml_event_delete(&e);
	}
	while (s.depth > 0)
		yaml_event_delete(&s.open[--s.depth]);
	yaml_parser_delete(&p);
	return ok;
}

bool config_yaml_load(struct config_reader *r, const char *text, size_t len, yaml_node_t **root)
{
	yaml_parser_t p;
	bool ok;

	if (!scan(r, text, len))
		return false;
	if (!yaml_parser_initialize(&p))
		return config_fail(r, NULL, "out of memory");
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	ok = yaml_parser_load(&p, &r->doc) || yaml_failed(r, &p, text, len);
	yaml_parser_delete(&p);
	if (!ok)
		return false;
	*root = yaml_document_get_root_node(&r->doc);
	if (!*root || ((*root)->type == YAML_SCALAR_NODE && (*root)->data.scalar.length == 0))
		return config_fail(r, NULL,
				   "is empty, or holds comments only: begin with a copy of "
				   "conf/demo.yaml");
	return true;
}
