/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_tgen: a traffic generator. Arguments, the order of the start and of the
 * end, signals; docs/tgen.md describes it. Nothing else in it exits.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "bench/tgen/conduct.h"
#include "bench/tgen/crew.h"
#include "bench/tgen/resolve.h"
#include "engine/run/config.h"
#include "engine/run/instance.h"
#include "engine/run/machine.h"
#include "engine/run/signals.h"

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE };

struct args {
	bool check, help, json;
	const char *conf;
};

static const char usage_text[] =
    "usage: bench_tgen [--json] [--check] CONF\n"
    "Drives a TCP server with the load that CONF, a YAML file, describes. See docs/tgen.md.\n"
    "\n"
    "  --json      a JSON object a line, and no progress\n"
    "  --check     read and check CONF, print what memory it takes, start nothing\n"
    "  --help\n"
    "\n"
    "SIGINT or SIGTERM ends it early, with the results so far; a second one ends it at once.\n"
    "Exit status: 0, 1 when it can't run, 2 for a wrong command line.\n";

static int complain(const char *text)
{
	fprintf(stderr, "tgen: %s\n", text);
	return EXIT_FAILED;
}

static bool parse_args(int argc, char **argv, struct args *a)
{
	static const struct option options[] = {
	    {"check", no_argument, NULL, 'c'},
	    {"help", no_argument, NULL, 'h'},
	    {"json", no_argument, NULL, 'j'},
	    {0},
	};
	int o;

	*a = (struct args){0};
	opterr = 0;
	while ((o = getopt_long(argc, argv, "chj", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			a->check = true;
			break;
		case 'h':
			a->help = true;
			break;
		case 'j':
			a->json = true;
			break;
		default:
			fprintf(stderr, "tgen: unknown option %s: see bench_tgen --help\n",
				argv[optind - 1]);
			return false;
		}
	}
	if (a->help || argc - optind == 1) {
		a->conf = argv[optind];
		return true;
	}
	fprintf(stderr, "tgen: %s: usage: bench_tgen [--json] [--check] CONF\n",
		optind == argc ? "no configuration" : "one configuration is enough");
	return false;
}

static bool interrupted(void)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
	       sigismember(&pending, SIGHUP);
}

static int check(const struct plan *plan)
{
	struct config_size size;

	config_size(plan->conf, crew_hand_bytes(plan), &size);
	printf("tgen: %s is valid\n", plan->conf->file);
	config_size_print(&size, stdout);
	return EXIT_OK;
}

static bool start(struct crew *c, const struct plan *plan, struct report *r)
{
	struct resolve_args resolve = {.plan = plan, .now = crew_now, .interrupted = interrupted};
	uint8_t mac[6];

	if (!crew_open(c, plan, r))
		return false;
	report_print_notices(r, "tgen", stderr);
	resolve.port = c->port;
	resolve.buf_ops = &c->buf_ops[0];
	return resolve_target(&resolve, mac, r) && crew_launch(c, mac, r);
}

static int run(const struct plan *plan, bool json)
{
	struct report r = {0};
	struct instance instance;
	struct crew crew = {0};
	sigset_t signals;
	bool ok;

	if (!machine_check_privileges(plan->conf, &r) || !instance_claim(&instance, plan->conf, &r))
		return complain(r.error);
	signals_hold(&signals);
	ok = start(&crew, plan, &r);
	report_print_notices(&r, "tgen", stderr);
	if (ok)
		conduct(&crew, &signals, json);
	/* What is still to come kills. */
	sigprocmask(SIG_UNBLOCK, &signals, NULL);
	crew_close(&crew);
	instance_release(&instance);
	return ok ? EXIT_OK : complain(r.error);
}

static int load_and_run(const struct args *a)
{
	struct report r = {0};
	struct config_error err;
	struct plan *plan = plan_load(a->conf, &err);
	int status;

	if (!plan)
		return complain(err.text);
	if (!config_check_machine(plan->conf, &err))
		status = complain(err.text);
	else if (!machine_check_addresses(plan->conf, &r))
		status = complain(r.error);
	else
		status = a->check ? check(plan) : run(plan, a->json);
	plan_free(plan);
	return status;
}

int main(int argc, char **argv)
{
	struct args a;

	if (!parse_args(argc, argv, &a))
		return EXIT_USAGE;
	if (a.help) {
		fputs(usage_text, stdout);
		return EXIT_OK;
	}
	return load_and_run(&a);
}
