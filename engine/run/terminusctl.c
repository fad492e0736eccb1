/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * terminusctl: asks a running terminus over its control socket and prints what
 * it says, as tables or as JSON; captures frames to a file. Needs no DPDK.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/run/cli_args.h"
#include "engine/run/cli_capture.h"
#include "engine/run/cli_client.h"
#include "engine/run/cli_json.h"
#include "engine/run/cli_linux.h"
#include "engine/run/cli_show.h"
#include "engine/run/std_streams.h"

#define COMMAND_MAX	 1000
#define RELOAD_TIMEOUT_S 60

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE };

static int complain(const char *err)
{
	fprintf(stderr, "terminusctl: %s\n", err);
	return EXIT_FAILED;
}

static int printed(void)
{
	return std_streams_flush("terminusctl") ? EXIT_OK : EXIT_FAILED;
}

static int finish(int status)
{
	return status == EXIT_OK ? printed() : status;
}

static void print_json(json_t *whole)
{
	json_dumpf(whole, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(whole);
}

/* All rows of a command that answers in pages; NULL with the reason in err. */
static json_t *ask_rows(struct cli_client *c, const char *command, char *err)
{
	json_t *rows = json_array(), *page, *row;
	char text[COMMAND_MAX];
	uint64_t next = 0;
	const char *key;

	do {
		snprintf(text, sizeof(text), "%s,%" PRIu64, command, next);
		page = cli_client_ask(c, text, err);
		if (!page) {
			json_decref(rows);
			return NULL;
		}
		json_object_foreach(json_object_get(page, "rows"), key, row)
		    json_array_append(rows, row);
		next = number_of(page, "next");
		json_decref(page);
	} while (next);
	return rows;
}

static int show_info_command(struct cli_client *c, const struct cli_args *args, char *err)
{
	json_t *info = cli_client_ask(c, "/terminus/info", err);

	if (!info)
		return complain(err);
	if (args->json) {
		print_json(info);
		return EXIT_OK;
	}
	show_info(stdout, info);
	json_decref(info);
	return EXIT_OK;
}

/* A listing that fits in memory: what it is called, asked by, printed by. */
struct listing {
	const char *name;
	const char *command;
	void (*show)(FILE *out, const json_t *rows); /* NULL: show_listeners() */
};

static int show_listing(struct cli_client *c, const struct cli_args *args, const struct listing *l,
			char *err)
{
	json_t *rows = ask_rows(c, l->command, err);

	if (!rows)
		return complain(err);
	if (args->command == CLI_POOLS) {
		json_t *pools = group_pools(rows);

		json_decref(rows);
		rows = pools;
	}
	if (args->json) {
		print_json(json_pack("{s:o}", l->name, rows));
		return EXIT_OK;
	}
	if (l->show)
		l->show(stdout, rows);
	else
		show_listeners(stdout, rows, args->internal);
	json_decref(rows);
	return EXIT_OK;
}

static int show_objects_command(struct cli_client *c, const struct cli_args *args, char *err)
{
	json_t *objects = cli_client_ask(c, "/terminus/objects", err);

	if (!objects)
		return complain(err);
	if (args->json) {
		print_json(json_pack("{s:o}", "objects", objects));
		return EXIT_OK;
	}
	show_objects(stdout, objects);
	json_decref(objects);
	return EXIT_OK;
}

/* A million prefixes take a second or two to read. */
static int reload_lists(struct cli_client *c, const struct cli_args *args, char *err)
{
	json_t *answer;

	cli_client_patience(c, RELOAD_TIMEOUT_S);
	answer = cli_client_ask(c, "/terminus/lists/reload", err);
	if (!answer)
		return complain(err);
	if (args->json) {
		print_json(answer);
		return EXIT_OK;
	}
	show_lists(stdout, answer);
	json_decref(answer);
	return EXIT_OK;
}

static json_t *ask_counters(struct cli_client *c, const struct cli_args *args, char *err)
{
	char command[64] = "/terminus/counters";

	json_t *counters;

	if (args->worker >= 0)
		snprintf(command, sizeof(command), "/terminus/counters,%d", args->worker);
	counters = cli_client_ask(c, command, err);
	return counters && args->linux_names ? linux_counters(counters) : counters;
}

static double seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void sleep_seconds(double s)
{
	struct timespec left = {.tv_sec = (time_t)s};

	left.tv_nsec = (long)((s - (double)left.tv_sec) * 1e9);
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

/* As grep does: what nothing fits is most likely misspelt. True when there is such
 * a pattern, which is complained about. */
static bool is_unfit(const struct show_counters *which, const json_t *counters)
{
	const char *pattern = unfit_pattern(which, counters);
	char err[CLIENT_ERROR_MAX];

	if (!pattern)
		return false;
	snprintf(err, sizeof(err),
		 "no counter's name fits \"%.60s\": terminusctl counters --explain lists them",
		 pattern);
	complain(err);
	return true;
}

/* Takes over `before`. */
static int watch_counters(struct cli_client *c, const struct cli_args *args,
			  const struct show_counters *which, json_t *before, char *err)
{
	double then = seconds_now(), now;
	int status = EXIT_OK;
	json_t *after;

	for (uint32_t n = 0; before && (args->watch_count == 0 || n < args->watch_count); n++) {
		sleep_seconds(args->watch_s);
		after = ask_counters(c, args, err);
		now = seconds_now();
		if (after) {
			printf("%sin %.1f s:\n", n ? "\n" : "", now - then);
			show_rates(stdout, before, after, now - then, which);
			status = printed();
		}
		json_decref(before);
		before = after;
		then = now;
		if (status != EXIT_OK)
			break;
	}
	if (!before)
		return complain(err);
	json_decref(before);
	return status;
}

/* Takes over `counters`. Who asks for some by name, or Linux', wants nothing but these. */
static int print_counters_json(struct cli_client *c, const struct cli_args *args,
			       const struct show_counters *which, json_t *counters, char *err)
{
	json_t *objects;

	if (which->nb_patterns || args->linux_names) {
		keep_counters(counters, which);
		print_json(json_pack("{s:o}", "counters", counters));
		return EXIT_OK;
	}
	objects = cli_client_ask(c, "/terminus/objects", err);
	if (!objects) {
		json_decref(counters);
		return complain(err);
	}
	print_json(json_pack("{s:o, s:o}", "counters", counters, "objects", objects));
	return EXIT_OK;
}

static int show_counters_command(struct cli_client *c, const struct cli_args *args, char *err)
{
	struct show_counters which = {args->names, args->nb_names, args->all};
	json_t *counters = ask_counters(c, args, err);

	if (!counters)
		return complain(err);
	if (is_unfit(&which, counters)) {
		json_decref(counters);
		return EXIT_FAILED;
	}
	if (args->watch_s > 0)
		return watch_counters(c, args, &which, counters, err);
	if (args->json)
		return print_counters_json(c, args, &which, counters, err);
	if (args->linux_names)
		show_linux_counters(stdout, counters, &which);
	else
		show_counters(stdout, counters, &which);
	json_decref(counters);
	return EXIT_OK;
}

static int explain_counters(const struct cli_args *args)
{
	struct show_counters which = {args->names, args->nb_names, true};
	json_t *texts = args->linux_names ? linux_explanations() : explanations();
	int status = EXIT_FAILED;

	if (!is_unfit(&which, texts)) {
		show_explanations(stdout, texts, &which);
		status = EXIT_OK;
	}
	json_decref(texts);
	return status;
}

/* Where the rows of a listing of any length go. */
struct sink {
	bool json, internal, begun, first;
	struct table table;
};

/* Nothing is printed before the engine has taken the filter. */
static void sink_begin(struct sink *s)
{
	if (s->begun)
		return;
	s->begun = true;
	if (s->json)
		printf("{\"connections\": [");
	else
		show_connections_start(&s->table, stdout);
}

static void sink_end(struct sink *s)
{
	if (s->json)
		printf("\n]}\n");
	else
		table_end(&s->table);
}

static void sink_row(struct sink *s, const json_t *row)
{
	sink_begin(s);
	if (!s->json) {
		show_connection(&s->table, row, s->internal);
		return;
	}
	fputs(s->first ? "\n" : ",\n", stdout);
	s->first = false;
	json_dumpf(row, stdout, JSON_COMPACT);
}

static bool sink_connections(struct cli_client *c, const char *filter, struct sink *s, char *err)
{
	char command[COMMAND_MAX];
	uint64_t next = 0;
	const char *key;
	json_t *page, *row;

	do {
		snprintf(command, sizeof(command), "/terminus/connections,%" PRIu64 ",%s", next,
			 filter);
		page = cli_client_ask(c, command, err);
		if (!page)
			return false;
		json_object_foreach(json_object_get(page, "rows"), key, row) sink_row(s, row);
		next = number_of(page, "next");
		json_decref(page);
	} while (next);
	return true;
}

/* Listening sockets, unless the filter asks for what they have not. */
static bool sink_listeners(struct cli_client *c, const struct filter *f, struct sink *s, char *err)
{
	json_t *rows = ask_rows(c, "/terminus/listeners", err), *row;
	struct conn_info info = {.state = TCP_LISTEN};
	bool is_known = !f->listener[0];
	size_t i;

	if (!rows)
		return false;
	json_array_foreach(rows, i, row)
	{
		if (f->listener[0] && strcmp(f->listener, text_of(row, "name")))
			continue;
		is_known = true;
		if (!f->pool[0] &&
		    filter_endpoint(text_of(row, "local"), &info.local, &info.lport_be) &&
		    info_filter_matches(&f->match, &info))
			sink_row(s, row);
	}
	json_decref(rows);
	if (!is_known)
		snprintf(err, CLIENT_ERROR_MAX,
			 "instance \"%s\": filter: there is no listener \"%s\"", c->instance,
			 f->listener);
	return is_known;
}

static int show_connections_command(struct cli_client *c, const struct cli_args *args, char *err)
{
	struct sink s = {.json = args->json, .internal = args->internal, .first = true};
	struct filter f;
	bool ok = filter_parse(&f, args->filter, err);

	if (ok && (f.match.states & FILTER_LISTEN))
		ok = sink_listeners(c, &f, &s, err);
	if (ok && (f.match.states & ~FILTER_LISTEN))
		ok = sink_connections(c, args->filter, &s, err);
	if (ok)
		sink_begin(&s);
	if (s.begun)
		sink_end(&s);
	return ok ? EXIT_OK : complain(err);
}

static int run_command(struct cli_client *c, const struct cli_args *args, char *err)
{
	static const struct listing listings[] = {
	    [CLI_LISTENERS] = {"listeners", "/terminus/listeners", NULL},
	    [CLI_POOLS] = {"pools", "/terminus/pools", show_pools},
	    [CLI_PORTS] = {"ports", "/terminus/ports", show_ports},
	    [CLI_WORKERS] = {"workers", "/terminus/workers", show_workers},
	    [CLI_SOURCES] = {"sources", "/terminus/sources", show_sources},
	};

	switch (args->command) {
	case CLI_INFO:
		return show_info_command(c, args, err);
	case CLI_CONNECTIONS:
		return show_connections_command(c, args, err);
	case CLI_COUNTERS:
		return show_counters_command(c, args, err);
	case CLI_OBJECTS:
		return show_objects_command(c, args, err);
	case CLI_RELOAD_LISTS:
		return reload_lists(c, args, err);
	case CLI_CAPTURE:
		return cli_capture(c, &args->capture, err) ? EXIT_OK : complain(err);
	default:
		return show_listing(c, args, &listings[args->command], err);
	}
}

int main(int argc, char **argv)
{
	char err[CLIENT_ERROR_MAX];
	struct cli_client client;
	struct cli_args args;
	int status;

	std_streams_claim();
	if (!cli_parse(argc, argv, &args, err)) {
		complain(err);
		return EXIT_USAGE;
	}
	if (args.command == CLI_HELP || args.command == CLI_VERSION) {
		fputs(args.command == CLI_HELP ? cli_usage() : "terminusctl " TERMINUS_VERSION "\n",
		      stdout);
		return printed();
	}
	if (args.explain)
		return finish(explain_counters(&args));
	if (!cli_client_open(&client, args.instance, err))
		return complain(err);
	status = finish(run_command(&client, &args, err));
	cli_client_close(&client);
	return status;
}
