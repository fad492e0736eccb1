/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs packet scripts and reports in TAP: each script once with IPv4 and once
 * with IPv6, in virtual time, on an engine of its own. Directories stand for
 * all *.pkt files in them. docs/packet-scripts.md has the language.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/script/play.h"

struct run {
	bool v4, v6, verbose;
	unsigned number, failed;
	char **paths; /* of scripts, in order */
	size_t nb_paths;
};

static void add_path(struct run *r, const char *path)
{
	r->paths = realloc(r->paths, (r->nb_paths + 1) * sizeof(*r->paths));
	if (!r->paths || !(r->paths[r->nb_paths++] = strdup(path))) {
		fprintf(stderr, "out of memory\n");
		exit(2);
	}
}

static int is_script(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 4 && strcmp(d->d_name + n - 4, ".pkt") == 0;
}

static bool add_argument(struct run *r, const char *path)
{
	struct dirent **list;
	char name[4096];
	int n = scandir(path, &list, is_script, alphasort);

	if (n < 0 && errno == ENOTDIR) {
		add_path(r, path);
		return true;
	}
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/%s", path, list[i]->d_name);
		add_path(r, name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	if (n > 0)
		return true;
	fprintf(stderr, "run_script: %s: no script and no directory of scripts\n", path);
	return false;
}

/* Every line of a message as a TAP comment. */
static void diagnose(const char *why)
{
	for (const char *end; *why; why = *end ? end + 1 : end) {
		end = why + strcspn(why, "\n");
		printf("# %.*s\n", (int)(end - why), why);
	}
}

static void run_one(struct run *r, const char *path, uint8_t family)
{
	struct play *p = calloc(1, sizeof(*p));
	struct script script;
	char why[4200];
	bool fine;

	if (!p) {
		fprintf(stderr, "out of memory\n");
		exit(2);
	}
	fine = script_load(&script, path, why, sizeof(why));
	if (fine && !(fine = play_run(p, &script, family, r->verbose)))
		snprintf(why, sizeof(why), "%s", p->why);
	if (!fine)
		diagnose(why);
	printf("%s %u - %s %s\n", fine ? "ok" : "not ok", ++r->number, path,
	       family == IP_V4 ? "ipv4" : "ipv6");
	r->failed += !fine;
	fflush(stdout);
	script_free(&script);
	free(p);
}

static int usage(void)
{
	fprintf(stderr, "usage: run_script [-4|-6] [-v] FILE-OR-DIRECTORY...\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct run r = {.v4 = true, .v6 = true};
	bool fine = true;
	int opt;

	while ((opt = getopt(argc, argv, "46v")) != -1) {
		if (opt == '?')
			return usage();
		r.v4 &= opt != '6';
		r.v6 &= opt != '4';
		r.verbose |= opt == 'v';
	}
	if (optind == argc || (!r.v4 && !r.v6))
		return usage();
	for (int i = optind; i < argc; i++)
		fine &= add_argument(&r, argv[i]);
	printf("1..%zu\n", r.nb_paths * ((size_t)r.v4 + r.v6));
	for (size_t i = 0; i < r.nb_paths; i++) {
		if (r.v4)
			run_one(&r, r.paths[i], IP_V4);
		if (r.v6)
			run_one(&r, r.paths[i], IP_V6);
		free(r.paths[i]);
	}
	free(r.paths);
	return fine && r.failed == 0 ? 0 : 1;
}
