/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/cli_args.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WATCH_MIN_S 0.1
#define WATCH_MAX_S 86400.0

/* What a command takes besides --json. */
enum takes {
	TAKES_FILTER = 1 << 0,
	TAKES_INTERNAL = 1 << 1,
	TAKES_NAMES = 1 << 2,
	TAKES_COUNTING = 1 << 3, /* --all, --explain, --watch, --count, --worker */
};

struct command {
	const char *name;
	enum cli_command command;
	uint32_t takes; /* enum takes */
};

static const struct command commands[] = {
    {"info", CLI_INFO, 0},
    {"connections", CLI_CONNECTIONS, TAKES_FILTER | TAKES_INTERNAL},
    {"counters", CLI_COUNTERS, TAKES_NAMES | TAKES_COUNTING},
    {"listeners", CLI_LISTENERS, 0},
    {"pools", CLI_POOLS, 0},
    {"objects", CLI_OBJECTS, 0},
    {"ports", CLI_PORTS, 0},
};

const char *cli_usage(void)
{
	return "usage: terminusctl [-i INSTANCE] COMMAND [OPTION]...\n"
	       "Shows what a running terminus does.\n"
	       "\n"
	       "  info                    version, process, workers\n"
	       "  connections [FILTER]    connections, as ss -tano lists them\n"
	       "      -i, --info              RTT, windows and options as well\n"
	       "  counters [PATTERN]...   counters that are not zero\n"
	       "      -a, --all               also those that are\n"
	       "      -e, --explain           what each one counts\n"
	       "      -w, --watch SECONDS     what is added, again and again\n"
	       "      -c, --count N           stop after N times\n"
	       "      -W, --worker N          of one worker only\n"
	       "  listeners               accept queues\n"
	       "  pools                   backends and their source ports\n"
	       "  objects                 what is limited in number, and how much is used\n"
	       "  ports                   ports and their frames\n"
	       "\n"
	       "  -i, --instance NAME     before the command: which terminus, when several run\n"
	       "  -j, --json              print JSON\n"
	       "  -h, --help   -V, --version\n"
	       "\n"
	       "FILTER: [exclude] state STATE, sport|dport [OP] :PORT, src|dst ADDR[/LEN][:PORT],\n"
	       "  listener NAME, pool NAME; all of them must hold. OP: = != < > <= >=\n"
	       "  STATE: established, time-wait, listening ..., connected, synchronized, all\n"
	       "Exit status: 0, 1 when it can't be shown, 2 for a wrong command line.\n";
}

static bool fail(char *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

static bool fail(char *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, CLI_ERROR_MAX, fmt, ap);
	va_end(ap);
	return false;
}

static bool parse_watch(const char *text, double *s, char *err)
{
	char *end;

	*s = strtod(text, &end);
	if (end == text || *end != '\0' || !(*s >= WATCH_MIN_S && *s <= WATCH_MAX_S))
		return fail(err, "--watch %.40s: give the seconds between looks, 0.1 to 86400",
			    text);
	return true;
}

static bool parse_number(const char *option, const char *text, long min, long max, long *v,
			 char *err)
{
	char *end;

	*v = strtol(text, &end, 10);
	if (end == text || *end != '\0' || *v < min || *v > max)
		return fail(err, "%s %.40s: give a number from %ld to %ld", option, text, min, max);
	return true;
}

/* Options in front of the command; leaves optind at the command. */
static bool parse_global(int argc, char **argv, struct cli_args *args, bool *done, char *err)
{
	static const struct option options[] = {
	    {"instance", required_argument, NULL, 'i'},
	    {"json", no_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {0},
	};
	int at = 1, o;

	while ((o = getopt_long(argc, argv, "+:i:jhV", options, NULL)) != -1) {
		switch (o) {
		case 'i':
			args->instance = optarg;
			break;
		case 'j':
			args->json = true;
			break;
		case 'h':
		case 'V':
			args->command = o == 'h' ? CLI_HELP : CLI_VERSION;
			*done = true;
			return true;
		case ':':
			return fail(err, "%.40s needs a value", argv[at]);
		default:
			return fail(err, "unknown option %.40s: see terminusctl --help", argv[at]);
		}
		at = optind;
	}
	return true;
}

static bool set_option(struct cli_args *args, int o, char *err)
{
	long v;

	switch (o) {
	case 'j':
		args->json = true;
		return true;
	case 'i':
		args->internal = true;
		return true;
	case 'a':
		args->all = true;
		return true;
	case 'e':
		args->explain = true;
		return true;
	case 'w':
		return parse_watch(optarg, &args->watch_s, err);
	case 'c':
		if (!parse_number("--count", optarg, 1, 1000000000, &v, err))
			return false;
		args->watch_count = (uint32_t)v;
		return true;
	default:
		if (!parse_number("--worker", optarg, 0, CONF_MAX_WORKERS - 1, &v, err))
			return false;
		args->worker = (int)v;
		return true;
	}
}

/* argv[0] is the command; its words are moved behind its options. */
static bool parse_options(const struct command *c, int argc, char **argv, struct cli_args *args,
			  char *err)
{
	static const struct option options[] = {
	    {"json", no_argument, NULL, 'j'},
	    {"info", no_argument, NULL, 'i'},
	    {"all", no_argument, NULL, 'a'},
	    {"explain", no_argument, NULL, 'e'},
	    {"watch", required_argument, NULL, 'w'},
	    {"count", required_argument, NULL, 'c'},
	    {"worker", required_argument, NULL, 'W'},
	    {"help", no_argument, NULL, 'h'},
	    {0},
	};
	int o;

	optind = 0; /* GNU getopt: start over, forget the first pass */
	while ((o = getopt_long(argc, argv, ":jiaew:c:W:h", options, NULL)) != -1) {
		if (o == 'h') {
			args->command = CLI_HELP;
			return true;
		}
		if (o == ':')
			return fail(err, "%.40s needs a value", argv[optind - 1]);
		if (o == '?' && optopt)
			return fail(err, "%s: unknown option -%c: see terminusctl --help", c->name,
				    optopt);
		if (o == '?')
			return fail(err, "%s: unknown option %.40s: see terminusctl --help",
				    c->name, argv[optind - 1]);
		if ((o == 'i' && !(c->takes & TAKES_INTERNAL)) ||
		    (strchr("aewcW", o) && !(c->takes & TAKES_COUNTING)))
			return fail(err, "%s takes no option -%c: see terminusctl --help", c->name,
				    o);
		if (!set_option(args, o, err))
			return false;
	}
	return true;
}

static bool join_filter(struct cli_args *args, char **words, int n, char *err)
{
	struct filter f;
	size_t at = 0;

	for (int i = 0; i < n; i++) {
		at += (size_t)snprintf(args->filter + at, sizeof(args->filter) - at, "%s%s",
				       i ? " " : "", words[i]);
		if (at >= sizeof(args->filter))
			return fail(err, "filter: longer than %d characters", FILTER_TEXT_MAX);
	}
	static_assert(FILTER_ERROR_MAX <= CLI_ERROR_MAX, "filter_parse() writes to err");
	return filter_parse(&f, args->filter, err);
}

static bool check_together(const struct cli_args *args, char *err)
{
	if (args->watch_s > 0 && args->json)
		return fail(err, "counters: --watch prints text: leave --json out");
	if (args->watch_count && args->watch_s == 0)
		return fail(err, "counters: --count goes with --watch SECONDS");
	if (args->explain && (args->json || args->watch_s > 0))
		return fail(err, "counters: --explain prints a text for each counter: leave --json "
				 "and --watch out");
	return true;
}

bool cli_parse(int argc, char **argv, struct cli_args *args, char err[CLI_ERROR_MAX])
{
	const struct command *c = NULL;
	bool done = false;

	*args = (struct cli_args){.worker = -1};
	opterr = 0;
	optind = 0;
	if (!parse_global(argc, argv, args, &done, err) || done)
		return done;
	if (optind >= argc)
		return fail(err, "no command: see terminusctl --help");
	argc -= optind;
	argv += optind;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(argv[0], commands[i].name) == 0)
			c = &commands[i];
	if (!c)
		return fail(
		    err,
		    "unknown command \"%.40s\": use info, connections, counters, listeners, "
		    "pools, objects or ports",
		    argv[0]);
	args->command = c->command;
	if (!parse_options(c, argc, argv, args, err))
		return false;
	if (args->command == CLI_HELP)
		return true;
	args->names = argv + optind;
	args->nb_names = argc - optind;
	if (c->takes & TAKES_FILTER)
		return join_filter(args, args->names, args->nb_names, err);
	if (args->nb_names && !(c->takes & TAKES_NAMES))
		return fail(err, "%s: \"%.40s\" means nothing here: see terminusctl --help",
			    c->name, args->names[0]);
	return check_together(args, err);
}
