/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of terminusctl. */
#pragma once

#include "engine/run/capture_request.h"
#include "engine/run/filter.h"

enum cli_command {
	CLI_INFO,
	CLI_CONNECTIONS,
	CLI_COUNTERS,
	CLI_LISTENERS,
	CLI_POOLS,
	CLI_OBJECTS,
	CLI_PORTS,
	CLI_WORKERS,
	CLI_SOURCES,
	CLI_RELOAD_LISTS,
	CLI_CAPTURE,
	CLI_HELP,
	CLI_VERSION,
};

#define CLI_ERROR_MAX 256

struct cli_args {
	enum cli_command command;
	const char *instance; /* NULL: the only one that runs */
	bool json, all, explain, internal;
	bool linux_names;                 /* counters: as nstat(8) prints them */
	double watch_s;                   /* 0: once */
	uint32_t watch_count;             /* intervals, 0: until stopped */
	int worker;                       /* -1: all */
	char filter[FILTER_TEXT_MAX + 1]; /* connections: what to list */
	char **names;                     /* counters: patterns of names, of argv */
	int nb_names;
	struct capture_request capture; /* its file as it was given, "-": standard output */
};

/* False, with one line in err[], when argv is not a command line. */
bool cli_parse(int argc, char **argv, struct cli_args *args, char err[CLI_ERROR_MAX]);

/* The text of --help. */
const char *cli_usage(void);
