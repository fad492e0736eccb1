/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading of scripts. See script.h. */
#include <errno.h>
#include <stdlib.h>

#include "tests/script/script.h"

static void *grow(void *list, size_t count, size_t size)
{
	void *p = list;

	if ((count & (count - 1)) == 0)
		p = realloc(list, MAX(2 * count, (size_t)1) * size);
	if (!p) {
		fprintf(stderr, "out of memory\n");
		exit(2);
	}
	return p;
}

static void add_line(struct script *s, const char *file, int number, const char *text)
{
	s->lines = grow(s->lines, s->nb_lines, sizeof(*s->lines));
	s->lines[s->nb_lines++] = (struct script_line){file, number, strdup(text)};
}

/* Cuts a comment and trailing blanks; a # inside quotes stays. */
static void strip(char *text)
{
	bool quoted = false;
	size_t end = 0;

	for (char *p = text; *p && *p != '\n' && (*p != '#' || quoted); p++) {
		if (*p == '"' && (p == text || p[-1] != '\\'))
			quoted = !quoted;
		if (*p != ' ' && *p != '\t' && *p != '\r')
			end = (size_t)(p - text) + 1;
	}
	text[end] = '\0';
}

static bool load(struct script *s, const char *path, int depth, char *why, size_t size);

static bool load_include(struct script *s, const char *from, const char *name, int depth, char *why,
			 size_t size)
{
	const char *slash = strrchr(from, '/');
	char path[4096];

	snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash - from) + 1 : 0, from, name);
	return load(s, path, depth + 1, why, size);
}

static bool load_lines(struct script *s, FILE *f, const char *name, int depth, char *why,
		       size_t size)
{
	char *text = NULL;
	size_t room = 0;
	bool fine = true;

	for (int number = 1; fine && getline(&text, &room, f) >= 0; number++) {
		char *p = text;

		strip(text);
		while (*p == ' ' || *p == '\t')
			p++;
		if (strncmp(p, "include ", 8) == 0)
			fine = load_include(s, name, p + 8, depth, why, size);
		else if (*p)
			add_line(s, name, number, p);
	}
	free(text);
	return fine;
}

static bool load(struct script *s, const char *path, int depth, char *why, size_t size)
{
	FILE *f = depth < SCRIPT_DEPTH_MAX ? fopen(path, "r") : NULL;
	bool fine;

	if (!f) {
		snprintf(why, size, "%s: %s", path,
			 depth < SCRIPT_DEPTH_MAX ? strerror(errno) : "includes nest too deeply");
		return false;
	}
	s->files = grow(s->files, s->nb_files, sizeof(*s->files));
	s->files[s->nb_files] = strdup(path);
	fine = load_lines(s, f, s->files[s->nb_files++], depth, why, size);
	fclose(f);
	return fine;
}

bool script_load(struct script *s, const char *path, char *why, size_t size)
{
	*s = (struct script){0};
	if (!load(s, path, 0, why, size))
		return false;
	if (s->nb_lines > 0)
		return true;
	snprintf(why, size, "%s: nothing in it", path);
	return false;
}

void script_free(struct script *s)
{
	for (size_t i = 0; i < s->nb_lines; i++)
		free(s->lines[i].text);
	for (size_t i = 0; i < s->nb_files; i++)
		free(s->files[i]);
	free(s->lines);
	free(s->files);
}
