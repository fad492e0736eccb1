/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * terminus: arguments, the order of the start and of the end, signals. Nothing
 * else in the program prints or exits.
 */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/run/config.h"
#include "engine/run/engine.h"
#include "engine/run/instance.h"
#include "engine/run/machine.h"
#include "engine/run/news.h"
#include "engine/run/probe.h"
#include "engine/run/signals.h"
#include "engine/run/std_streams.h"

#define LOOK_MS	  1000
#define READY_MAX 96

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE };

struct args {
	bool check, help, version;
	const char *conf;
};

static const char usage_text[] =
    "usage: terminus [--check] CONF\n"
    "Ends TCP connections where CONF, a YAML file, says. See docs/configuration.md.\n"
    "\n"
    "  --check     read and check CONF, print what memory it takes, start nothing\n"
    "  --help, --version\n"
    "\n"
    "SIGINT, SIGTERM or SIGHUP ends it; a second one ends it at once. terminusctl shows\n"
    "what it does while it runs.\n"
    "Exit status: 0, 1 when it can't run, 2 for a wrong command line.\n";

static int complain(const char *text)
{
	fprintf(stderr, "terminus: %s\n", text);
	return EXIT_FAILED;
}

static bool parse_args(int argc, char **argv, struct args *a)
{
	static const struct option options[] = {
	    {"check", no_argument, NULL, 'c'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {0},
	};
	int o;

	*a = (struct args){0};
	opterr = 0;
	while ((o = getopt_long(argc, argv, "chV", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			a->check = true;
			break;
		case 'h':
			a->help = true;
			break;
		case 'V':
			a->version = true;
			break;
		default:
			fprintf(stderr, "terminus: unknown option %s: see terminus --help\n",
				argv[optind - 1]);
			return false;
		}
	}
	if (a->help || a->version)
		return true;
	if (optind == argc) {
		fprintf(stderr, "terminus: no configuration: usage: terminus [--check] CONF\n");
		return false;
	}
	if (optind + 1 < argc) {
		fprintf(stderr, "terminus: \"%s\": one configuration is enough\n",
			argv[optind + 1]);
		return false;
	}
	a->conf = argv[optind];
	return true;
}

/* Tells meanwhile what there is to tell. */
static void wait_for_signal(struct engine *e, struct news *n, struct report *r)
{
	while (!signals_wait(LOOK_MS)) {
		engine_news(e, r);
		news_say_notices(n, r);
	}
}

static int printed(void)
{
	return std_streams_flush("terminus") ? EXIT_OK : EXIT_FAILED;
}

static int check(const struct conf *conf)
{
	struct config_size size;

	config_size(conf, shard_bytes(conf), &size);
	printf("terminus: %s is valid\n", conf->file);
	config_size_print(&size, stdout);
	return printed();
}

/* False without an error: a signal was heard. Notices are news, not errors: they go where `ready`
 * goes as well. */
static bool start(struct engine *e, struct conf *conf, struct news *n, struct report *r)
{
	struct probe_args probe = {.conf = conf, .ports = e->ports, .now = engine_now};

	if (!engine_open(e, conf, r))
		return false;
	news_say_notices(n, r);
	probe.buf_ops = &e->buf_ops[0];
	return probe_addresses(&probe, r) && engine_start(e, r);
}

static const char *plural(uint32_t n)
{
	return n == 1 ? "" : "s";
}

/* Nobody waits any more for who reads what is said from now on. */
static void say_ready(struct news *n, const struct conf *conf)
{
	char text[READY_MAX];

	snprintf(text, sizeof(text), "ready, %u worker%s, %u listener%s, %u pool%s",
		 conf->nb_workers, plural(conf->nb_workers), conf->nb_listeners,
		 plural(conf->nb_listeners), conf->nb_pools, plural(conf->nb_pools));
	news_say(n, text);
	n->patient = false;
}

static int run(struct conf *conf)
{
	struct engine engine = {0};
	struct report r = {0};
	struct instance instance;
	struct news news;
	bool ok;

	if (!signals_hear())
		return complain("no thread can be made that listens to signals");
	if (!machine_check_privileges(conf, &r) || !instance_claim(&instance, conf, &r))
		return complain(r.error);
	news_open(&news, STDOUT_FILENO);
	ok = start(&engine, conf, &news, &r);
	news_say_notices(&news, &r);
	if (ok) {
		say_ready(&news, conf);
		wait_for_signal(&engine, &news, &r);
	}
	engine_stop(&engine);
	if (ok) {
		engine_news(&engine, &r);
		news_say_notices(&news, &r);
	}
	engine_close(&engine);
	instance_release(&instance);
	return ok || !*r.error ? EXIT_OK : complain(r.error);
}

static int load_and_run(const struct args *a)
{
	struct report r = {0};
	struct config_error err;
	struct conf *conf = config_load(a->conf, &err);
	int status;

	if (!conf)
		return complain(err.text);
	if (!config_check_machine(conf, &err))
		status = complain(err.text);
	else if (!machine_check_addresses(conf, &r))
		status = complain(r.error);
	else
		status = a->check ? check(conf) : run(conf);
	config_free(conf);
	return status;
}

int main(int argc, char **argv)
{
	struct args a;

	std_streams_claim();
	if (!parse_args(argc, argv, &a))
		return EXIT_USAGE;
	if (a.help || a.version) {
		fputs(a.help ? usage_text : "terminus " TERMINUS_VERSION "\n", stdout);
		return printed();
	}
	return load_and_run(&a);
}
