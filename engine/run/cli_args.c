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
	TAKES_COUNTING = 1 << 3, /* --all, --explain, --linux, --watch, --count, --worker */
	TAKES_CAPTURE = 1 << 4,  /* a file, a filter of tcpdump's, and what limits a capture */
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
    {"listeners", CLI_LISTENERS, TAKES_INTERNAL},
    {"pools", CLI_POOLS, 0},
    {"objects", CLI_OBJECTS, 0},
    {"ports", CLI_PORTS, 0},
    {"workers", CLI_WORKERS, 0},
    {"sources", CLI_SOURCES, 0},
    {"reload-lists", CLI_RELOAD_LISTS, 0},
    {"capture", CLI_CAPTURE, TAKES_CAPTURE},
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
	       "      -l, --linux             by Linux' names, in nstat's format\n"
	       "  listeners               accept queues and half-open handshakes\n"
	       "      -i, --info              drops and cookies of each by Linux' names as well\n"
	       "  pools                   backends and their source ports\n"
	       "  objects                 what is limited in number, and how much is used\n"
	       "  ports                   ports and their frames\n"
	       "  workers                 how busy they are, and how long their turns take\n"
	       "  sources                 who has the most connections, where they are limited\n"
	       "  reload-lists            reads the prefix lists again, and puts them in force\n"
	       "  capture FILE [EXPRESSION]\n"
	       "                          frames to a pcapng file, - for standard output, until\n"
	       "                          Ctrl-C; EXPRESSION as for tcpdump\n"
	       "      -W, --worker N          of one worker only\n"
	       "      -p, --port NAME         of one port only\n"
	       "      -d, --drops-only        received frames that were dropped, and why\n"
	       "      -c, --count N           stop after N frames\n"
	       "      -t, --seconds N         stop after N seconds\n"
	       "      -s, --snaplen N         keep N bytes of each\n"
	       "      -f, --force             overwrite FILE\n"
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

/* True when the command that `takes` these has option -o; all have -j. */
static bool has_option(uint32_t takes, int o)
{
	static const struct {
		const char *options;
		uint32_t takes;
	} known[] = {
	    {"i", TAKES_INTERNAL},
	    {"aelw", TAKES_COUNTING},
	    {"cW", TAKES_COUNTING | TAKES_CAPTURE},
	    {"pdtsf", TAKES_CAPTURE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strchr(known[i].options, o))
			return known[i].takes & takes;
	return o == 'j';
}

static bool set_number(struct cli_args *args, int o, char *err)
{
	static const struct {
		int option;
		const char *name;
		long min, max;
	} numbers[] = {
	    {'c', "--count", 1, 1000000000},
	    {'W', "--worker", 0, CONF_MAX_WORKERS - 1},
	    {'t', "--seconds", 1, CAPTURE_SECONDS_MAX},
	    {'s', "--snaplen", 1, CAPTURE_SNAPLEN_MAX},
	};
	long v = 0;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].option == o &&
		    !parse_number(numbers[i].name, optarg, numbers[i].min, numbers[i].max, &v, err))
			return false;
	if (o == 'c') {
		args->watch_count = (uint32_t)v;
		args->capture.count = (uint32_t)v;
	} else if (o == 'W') {
		args->worker = (int)v;
		args->capture.worker = (uint32_t)v;
	} else if (o == 't') {
		args->capture.seconds = (uint32_t)v;
	} else {
		args->capture.snaplen = (uint32_t)v;
	}
	return true;
}

static bool set_port(struct cli_args *args, char *err)
{
	if (strlen(optarg) >= sizeof(args->capture.port) || strchr(optarg, ','))
		return fail(err, "--port %.40s: this is not the name of a port", optarg);
	memcpy(args->capture.port, optarg, strlen(optarg) + 1);
	return true;
}

static bool set_option(struct cli_args *args, int o, char *err)
{
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
	case 'l':
		args->linux_names = true;
		return true;
	case 'd':
		args->capture.drops_only = 1;
		return true;
	case 'f':
		args->capture.force = 1;
		return true;
	case 'w':
		return parse_watch(optarg, &args->watch_s, err);
	case 'p':
		return set_port(args, err);
	default:
		return set_number(args, o, err);
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
	    {"port", required_argument, NULL, 'p'},
	    {"drops-only", no_argument, NULL, 'd'},
	    {"seconds", required_argument, NULL, 't'},
	    {"snaplen", required_argument, NULL, 's'},
	    {"force", no_argument, NULL, 'f'},
	    {"linux", no_argument, NULL, 'l'},
	    {"help", no_argument, NULL, 'h'},
	    {0},
	};
	int o;

	optind = 0; /* GNU getopt: start over, forget the first pass */
	while ((o = getopt_long(argc, argv, ":jiaelw:c:W:p:dt:s:fh", options, NULL)) != -1) {
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
		if (!has_option(c->takes, o))
			return fail(err, "%s takes no option -%c: see terminusctl --help", c->name,
				    o);
		if (!set_option(args, o, err))
			return false;
	}
	return true;
}

/* All words with a blank between two; false: longer than out[]. */
static bool join_words(char *out, size_t size, char **words, int n)
{
	size_t at = 0;

	*out = '\0';
	for (int i = 0; i < n && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%s", i ? " " : "", words[i]);
	return at < size;
}

static bool join_filter(struct cli_args *args, char *err)
{
	struct filter f;

	if (!join_words(args->filter, sizeof(args->filter), args->names, args->nb_names))
		return fail(err, "filter: longer than %d characters", FILTER_TEXT_MAX);
	static_assert(FILTER_ERROR_MAX <= CLI_ERROR_MAX, "filter_parse() writes to err");
	return filter_parse(&f, args->filter, err);
}

/* FILE [EXPRESSION]. */
static bool take_capture(struct cli_args *args, char *err)
{
	struct capture_request *q = &args->capture;
	struct capture_filter f;

	if (args->json)
		return fail(err, "capture prints no JSON: leave --json out");
	if (args->nb_names == 0)
		return fail(err, "capture: to which file? Name one, or - for standard output");
	if (strlen(args->names[0]) >= sizeof(q->file))
		return fail(err, "capture: %.40s...: longer than %zu characters", args->names[0],
			    sizeof(q->file) - 1);
	memcpy(q->file, args->names[0], strlen(args->names[0]) + 1);
	if (!join_words(q->filter, sizeof(q->filter), args->names + 1, args->nb_names - 1))
		return fail(err, "filter: longer than %d characters", CAPTURE_FILTER_MAX);
	static_assert(CAPTURE_FILTER_ERROR_MAX <= CLI_ERROR_MAX, "the compiler writes to err");
	if (!capture_filter_compile(&f, q->filter, err))
		return false;
	capture_filter_free(&f);
	return true;
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

static bool fail_unknown(const char *name, char *err)
{
	int n = snprintf(err, CLI_ERROR_MAX, "unknown command \"%.40s\": use one of ", name);

	for (size_t i = 0; i < ARRAY_SIZE(commands) && n < CLI_ERROR_MAX; i++)
		n += snprintf(err + n, CLI_ERROR_MAX - (size_t)n, "%s%s", i ? ", " : "",
			      commands[i].name);
	return false;
}

bool cli_parse(int argc, char **argv, struct cli_args *args, char err[CLI_ERROR_MAX])
{
	const struct command *c = NULL;
	bool done = false;

	*args = (struct cli_args){.worker = -1};
	capture_request_init(&args->capture);
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
		return fail_unknown(argv[0], err);
	args->command = c->command;
	if (!parse_options(c, argc, argv, args, err))
		return false;
	if (args->command == CLI_HELP)
		return true;
	args->names = argv + optind;
	args->nb_names = argc - optind;
	if (c->takes & TAKES_FILTER)
		return join_filter(args, err);
	if (c->takes & TAKES_CAPTURE)
		return take_capture(args, err);
	if (args->nb_names && !(c->takes & TAKES_NAMES))
		return fail(err, "%s: \"%.40s\" means nothing here: see terminusctl --help",
			    c->name, args->names[0]);
	return check_together(args, err);
}
