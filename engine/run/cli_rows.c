/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables with a row for each object of the engine's answer and a column for each of a list of
 * fields. See cli_show.h. */
#include <inttypes.h>

#include "engine/run/cli_json.h"
#include "engine/run/cli_show.h"

struct field {
	const char *title;
	const char *key; /* NULL: the cell is of several */
	void (*cell)(struct table *t, const json_t *row, const char *key);
	bool right; /* aligned: numbers */
};

static void text_cell(struct table *t, const json_t *row, const char *key)
{
	table_cell(t, "%s", text_of(row, key));
}

/* Only the proxy has one. */
static void pool_cell(struct table *t, const json_t *row, const char *key)
{
	table_cell(t, "%s", *text_of(row, key) ? text_of(row, key) : "-");
}

static void yes_no_cell(struct table *t, const json_t *row, const char *key)
{
	table_cell(t, "%s", number_of(row, key) ? "yes" : "no");
}

static void number_cell(struct table *t, const json_t *row, const char *key)
{
	table_cell(t, "%" PRIu64, number_of(row, key));
}

/* 0: there is none. */
static void limit_cell(struct table *t, const json_t *row, const char *key)
{
	if (number_of(row, key))
		number_cell(t, row, key);
	else
		table_cell(t, "-");
}

static void refused_cell(struct table *t, const json_t *row, const char *key UNUSED)
{
	table_cell(t, "%" PRIu64,
		   number_of(row, "prefix_refused") + number_of(row, "source_limit_refused") +
		       number_of(row, "source_rate_refused"));
}

/* CPU 0 is one; a worker that is not pinned has none. */
static void cpu_cell(struct table *t, const json_t *row, const char *key)
{
	if (json_object_get(row, key))
		number_cell(t, row, key);
	else
		table_cell(t, "-");
}

static void busy_cell(struct table *t, const json_t *row, const char *key UNUSED)
{
	double busy = (double)number_of(row, "busy_us");
	double all = busy + (double)number_of(row, "idle_us");

	table_cell(t, "%.1f", all > 0 ? 100 * busy / all : 0.0);
}

/* Nanoseconds as microseconds. */
static void usec_cell(struct table *t, const json_t *row, const char *key)
{
	table_cell(t, "%.1f", (double)number_of(row, key) / 1000);
}

/* `note`: adds a line below a row, or none; may be NULL. */
static void show_rows(FILE *out, const json_t *rows, const struct field *fields, int nb_fields,
		      void (*note)(struct table *t, const json_t *row))
{
	struct table_column columns[TABLE_COLUMNS_MAX];
	const json_t *row;
	struct table t;
	size_t i;

	for (int k = 0; k < nb_fields; k++)
		columns[k] = (struct table_column){fields[k].title, fields[k].right};
	table_start(&t, out, columns, nb_fields);
	json_array_foreach(rows, i, row)
	{
		for (int k = 0; k < nb_fields; k++)
			fields[k].cell(&t, row, fields[k].key);
		if (note)
			note(&t, row);
	}
	table_end(&t);
}

/* What Linux counts for all listeners together. */
static void note_listener(struct table *t, const json_t *row)
{
	char text[400];

	snprintf(text, sizeof(text),
		 "\tListenOverflows:%" PRIu64 " ListenDrops:%" PRIu64 " SyncookiesSent:%" PRIu64
		 " SyncookiesRecv:%" PRIu64 " SyncookiesFailed:%" PRIu64
		 " TCPReqQFullDoCookies:%" PRIu64 " TCPTimeWaitOverflow:%" PRIu64,
		 number_of(row, "overflows"), number_of(row, "drops"),
		 number_of(row, "cookies_sent"), number_of(row, "cookies_received"),
		 number_of(row, "cookies_failed"), number_of(row, "cookies_sent"),
		 number_of(row, "time_wait_overflows"));
	table_note(t, text);
}

void show_listeners(FILE *out, const json_t *rows, bool internal)
{
	static const struct field fields[] = {
	    {"Listener", "name", text_cell, false},
	    {"Local Address:Port", "local", text_cell, false},
	    {"Service", "service", text_cell, false},
	    {"Pool", "pool", pool_cell, false},
	    {"Accept-Q", "recv_q", number_cell, true},
	    {"Backlog", "send_q", number_cell, true},
	    {"Half-open", "half_open", number_cell, true},
	    {"Limit", "half_open_limit", number_cell, true},
	    {"Cookies", "cookies", yes_no_cell, false},
	    {"Connections", "connections", number_cell, true},
	    {"Max", "max_connections", limit_cell, true},
	    {"Reserve", "reserve", number_cell, true},
	    {"Accepted", "accepted", number_cell, true},
	    {"Overflows", "overflows", number_cell, true},
	    {"Drops", "drops", number_cell, true},
	    {"Refused", NULL, refused_cell, true},
	};
	static_assert(ARRAY_SIZE(fields) <= TABLE_COLUMNS_MAX, "the widest of these tables");

	show_rows(out, rows, fields, ARRAY_SIZE(fields), internal ? note_listener : NULL);
}

/* The line below a port whose frames go to a file as well. */
static void note_recording(struct table *t, const json_t *row)
{
	const char *error = text_of(row, "record_error");
	char text[512];

	if (!*text_of(row, "record"))
		return;
	if (*error)
		snprintf(text, sizeof(text),
			 "\trecording to %s has stopped: %s: %" PRIu64 " in it, %" PRIu64 " missed",
			 text_of(row, "record"), error, number_of(row, "recorded"),
			 number_of(row, "record_missed"));
	else
		snprintf(text, sizeof(text), "\trecorded to %s: %" PRIu64, text_of(row, "record"),
			 number_of(row, "recorded"));
	table_note(t, text);
}

void show_ports(FILE *out, const json_t *rows)
{
	static const struct field fields[] = {
	    {"Port", "name", text_cell, false},
	    {"Link", "link", text_cell, false},
	    {"MAC", "mac", text_cell, false},
	    {"MTU", "mtu", number_cell, true},
	    {"Queues", "queues", number_cell, true},
	    {"RSS", "rss", yes_no_cell, false},
	    {"RX frames", "rx_frames", number_cell, true},
	    {"TX frames", "tx_frames", number_cell, true},
	    {"Missed", "rx_missed", number_cell, true},
	    {"RX errors", "rx_errors", number_cell, true},
	    {"TX errors", "tx_errors", number_cell, true},
	    {"Device", "device", text_cell, false},
	};

	show_rows(out, rows, fields, ARRAY_SIZE(fields), note_recording);
}

void show_workers(FILE *out, const json_t *rows)
{
	static const struct field fields[] = {
	    {"Worker", "worker", number_cell, true},
	    {"CPU", "cpu", cpu_cell, true},
	    {"CPU use", "cpu_use", text_cell, false},
	    {"Busy %", NULL, busy_cell, true},
	    {"Turns", "turns", number_cell, true},
	    {"p50 us", "turn_ns_p50", usec_cell, true},
	    {"p99 us", "turn_ns_p99", usec_cell, true},
	    {"p99.9 us", "turn_ns_p99_9", usec_cell, true},
	    {"Max us", "turn_ns_max", usec_cell, true},
	};

	show_rows(out, rows, fields, ARRAY_SIZE(fields), NULL);
}

void show_sources(FILE *out, const json_t *rows)
{
	static const struct field fields[] = {
	    {"Source", "source", text_cell, false},
	    {"Listener", "listener", text_cell, false},
	    {"Connections", "connections", number_cell, true},
	    {"Per second", "per_second", number_cell, true},
	    {"Refused", "refused", number_cell, true},
	};

	show_rows(out, rows, fields, ARRAY_SIZE(fields), NULL);
}
