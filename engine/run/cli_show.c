/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/cli_show.h"

#include <fnmatch.h>
#include <inttypes.h>

#include "engine/base/stat.h"
#include "engine/run/cli_json.h"

static bool has_name(const struct show_counters *which, const char *name)
{
	for (int i = 0; i < which->nb_patterns; i++)
		if (fnmatch(which->patterns[i], name, 0) == 0)
			return true;
	return which->nb_patterns == 0;
}

bool is_wanted(const struct show_counters *which, const char *name, uint64_t v)
{
	if (v != 0 || which->zero)
		return has_name(which, name);
	for (int i = 0; i < which->nb_patterns; i++)
		if (strcmp(which->patterns[i], name) == 0)
			return true;
	return false;
}

static bool fits_any(const char *pattern, const json_t *counters)
{
	void *i = json_object_iter((json_t *)counters);

	for (; i; i = json_object_iter_next((json_t *)counters, i))
		if (fnmatch(pattern, json_object_iter_key(i), 0) == 0)
			return true;
	return false;
}

const char *unfit_pattern(const struct show_counters *which, const json_t *counters)
{
	for (int i = 0; i < which->nb_patterns; i++)
		if (!fits_any(which->patterns[i], counters))
			return which->patterns[i];
	return NULL;
}

void keep_counters(json_t *counters, const struct show_counters *which)
{
	const char *name;
	json_t *value;
	void *next;

	json_object_foreach_safe(counters, next, name, value)
	{
		if (!has_name(which, name))
			json_object_del(counters, name);
	}
}

static void limit_cell(struct table *t, uint64_t limit)
{
	if (limit)
		table_cell(t, "%" PRIu64, limit);
	else
		table_cell(t, "-");
}

/* What Linux counts for all listeners together. */
static void note_listener(struct table *t, const json_t *row)
{
	char text[320];

	snprintf(text, sizeof(text),
		 "\tListenOverflows:%" PRIu64 " ListenDrops:%" PRIu64 " SyncookiesSent:%" PRIu64
		 " SyncookiesRecv:%" PRIu64 " SyncookiesFailed:%" PRIu64,
		 number_of(row, "overflows"), number_of(row, "drops"),
		 number_of(row, "cookies_sent"), number_of(row, "cookies_received"),
		 number_of(row, "cookies_failed"));
	table_note(t, text);
}

void show_listeners(FILE *out, const json_t *rows, bool internal)
{
	static const struct table_column columns[] = {
	    {"Listener", false}, {"Local Address:Port", false},
	    {"Service", false},  {"Pool", false},
	    {"Accept-Q", true},  {"Backlog", true},
	    {"Half-open", true}, {"Limit", true},
	    {"Cookies", false},  {"Connections", true},
	    {"Max", true},       {"Reserve", true},
	    {"Accepted", true},  {"Overflows", true},
	    {"Drops", true},     {"Refused", true},
	};
	const json_t *row;
	struct table t;
	size_t i;

	table_start(&t, out, columns, ARRAY_SIZE(columns));
	json_array_foreach(rows, i, row)
	{
		table_cell(&t, "%s", text_of(row, "name"));
		table_cell(&t, "%s", text_of(row, "local"));
		table_cell(&t, "%s", text_of(row, "service"));
		table_cell(&t, "%s", *text_of(row, "pool") ? text_of(row, "pool") : "-");
		table_cell(&t, "%" PRIu64, number_of(row, "recv_q"));
		table_cell(&t, "%" PRIu64, number_of(row, "send_q"));
		table_cell(&t, "%" PRIu64, number_of(row, "half_open"));
		table_cell(&t, "%" PRIu64, number_of(row, "half_open_limit"));
		table_cell(&t, "%s", number_of(row, "cookies") ? "yes" : "no");
		table_cell(&t, "%" PRIu64, number_of(row, "connections"));
		limit_cell(&t, number_of(row, "max_connections"));
		table_cell(&t, "%" PRIu64, number_of(row, "reserve"));
		table_cell(&t, "%" PRIu64, number_of(row, "accepted"));
		table_cell(&t, "%" PRIu64, number_of(row, "overflows"));
		table_cell(&t, "%" PRIu64, number_of(row, "drops"));
		table_cell(&t, "%" PRIu64,
			   number_of(row, "prefix_refused") +
			       number_of(row, "source_limit_refused") +
			       number_of(row, "source_rate_refused"));
		if (internal)
			note_listener(&t, row);
	}
	table_end(&t);
}

static void show_backend(struct table *t, const json_t *pool, const json_t *b)
{
	table_cell(t, "%s", text_of(pool, "name"));
	table_cell(t, "%" PRIu64, number_of(pool, "sessions"));
	limit_cell(t, number_of(pool, "limit"));
	table_cell(t, "%s", text_of(b, "backend"));
	table_cell(t, "%s", text_of(b, "address"));
	table_cell(t, "%" PRIu64, number_of(b, "active"));
	table_cell(t, "%" PRIu64, number_of(b, "total"));
	table_cell(t, "%" PRIu64, number_of(b, "failed"));
	table_cell(t, "%" PRIu64, number_of(b, "free_ports"));
	table_cell(t, "%" PRIu64, number_of(b, "ports"));
}

void show_pools(FILE *out, const json_t *pools)
{
	static const struct table_column columns[] = {
	    {"Pool", false},         {"Sessions", true}, {"Limit", true}, {"Backend", false},
	    {"Address:Port", false}, {"Active", true},   {"Total", true}, {"Failed", true},
	    {"Free ports", true},    {"Ports", true},
	};
	const json_t *pool, *b;
	struct table t;
	size_t i, k;

	table_start(&t, out, columns, ARRAY_SIZE(columns));
	json_array_foreach(pools, i, pool)
	    json_array_foreach(json_object_get(pool, "backends"), k, b) show_backend(&t, pool, b);
	table_end(&t);
}

void show_objects(FILE *out, const json_t *objects)
{
	static const struct table_column columns[] = {
	    {"Object", false}, {"Used", true}, {"Limit", true}, {"Used %", true}};
	void *i = json_object_iter((json_t *)objects);
	struct table t;

	table_start(&t, out, columns, ARRAY_SIZE(columns));
	for (; i; i = json_object_iter_next((json_t *)objects, i)) {
		const json_t *o = json_object_iter_value(i);
		uint64_t used = number_of(o, "used"), limit = number_of(o, "limit");

		table_cell(&t, "%s", json_object_iter_key(i));
		table_cell(&t, "%" PRIu64, used);
		table_cell(&t, "%" PRIu64, limit);
		table_cell(&t, "%.1f", limit ? 100.0 * (double)used / (double)limit : 0.0);
	}
	table_end(&t);
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
	static const struct table_column columns[] = {
	    {"Port", false},  {"Link", false},     {"MAC", false},      {"MTU", true},
	    {"Queues", true}, {"RSS", false},      {"RX frames", true}, {"TX frames", true},
	    {"Missed", true}, {"RX errors", true}, {"TX errors", true}, {"Device", false},
	};
	const json_t *row;
	struct table t;
	size_t i;

	table_start(&t, out, columns, ARRAY_SIZE(columns));
	json_array_foreach(rows, i, row)
	{
		table_cell(&t, "%s", text_of(row, "name"));
		table_cell(&t, "%s", text_of(row, "link"));
		table_cell(&t, "%s", text_of(row, "mac"));
		table_cell(&t, "%" PRIu64, number_of(row, "mtu"));
		table_cell(&t, "%" PRIu64, number_of(row, "queues"));
		table_cell(&t, "%s", number_of(row, "rss") ? "yes" : "no");
		table_cell(&t, "%" PRIu64, number_of(row, "rx_frames"));
		table_cell(&t, "%" PRIu64, number_of(row, "tx_frames"));
		table_cell(&t, "%" PRIu64, number_of(row, "rx_missed"));
		table_cell(&t, "%" PRIu64, number_of(row, "rx_errors"));
		table_cell(&t, "%" PRIu64, number_of(row, "tx_errors"));
		table_cell(&t, "%s", text_of(row, "device"));
		note_recording(&t, row);
	}
	table_end(&t);
}

void show_workers(FILE *out, const json_t *rows)
{
	static const struct table_column columns[] = {
	    {"Worker", true}, {"CPU", true},    {"Busy %", true},   {"Turns", true},
	    {"p50 us", true}, {"p99 us", true}, {"p99.9 us", true}, {"Max us", true},
	};
	static const char *const times[] = {"turn_ns_p50", "turn_ns_p99", "turn_ns_p99_9",
					    "turn_ns_max"};
	const json_t *row;
	struct table t;
	size_t i;

	table_start(&t, out, columns, ARRAY_SIZE(columns));
	json_array_foreach(rows, i, row)
	{
		double busy = (double)number_of(row, "busy_us");
		double all = busy + (double)number_of(row, "idle_us");

		table_cell(&t, "%" PRIu64, number_of(row, "worker"));
		if (json_object_get(row, "cpu"))
			table_cell(&t, "%" PRIu64, number_of(row, "cpu"));
		else
			table_cell(&t, "-");
		table_cell(&t, "%.1f", all > 0 ? 100 * busy / all : 0.0);
		table_cell(&t, "%" PRIu64, number_of(row, "turns"));
		for (size_t k = 0; k < ARRAY_SIZE(times); k++)
			table_cell(&t, "%.1f", (double)number_of(row, times[k]) / 1000);
	}
	table_end(&t);
}

void show_sources(FILE *out, const json_t *rows)
{
	static const struct table_column columns[] = {
	    {"Source", false},    {"Listener", false}, {"Connections", true},
	    {"Per second", true}, {"Refused", true},
	};
	const json_t *row;
	struct table t;
	size_t i;

	table_start(&t, out, columns, ARRAY_SIZE(columns));
	json_array_foreach(rows, i, row)
	{
		table_cell(&t, "%s", text_of(row, "source"));
		table_cell(&t, "%s", text_of(row, "listener"));
		table_cell(&t, "%" PRIu64, number_of(row, "connections"));
		table_cell(&t, "%" PRIu64, number_of(row, "per_second"));
		table_cell(&t, "%" PRIu64, number_of(row, "refused"));
	}
	table_end(&t);
}

/* "1 pool", "2 pools". */
static void show_number(FILE *out, uint64_t n, const char *noun, const char *behind)
{
	fprintf(out, "%" PRIu64 " %s%s%s", n, noun, n == 1 ? "" : "s", behind);
}

void show_info(FILE *out, const json_t *info)
{
	char uptime[SHOW_TIME_MAX];

	fprintf(out, "%s %s, instance \"%s\", pid %" PRIu64 ", up %s\n", text_of(info, "program"),
		text_of(info, "version"), text_of(info, "instance"), number_of(info, "pid"),
		show_time(uptime, number_of(info, "uptime_s") * 1000));
	fprintf(out, "config %s: ", text_of(info, "config"));
	show_number(out, number_of(info, "workers"), "worker", ", ");
	show_number(out, number_of(info, "listeners"), "listener", ", ");
	show_number(out, number_of(info, "pools"), "pool", "\n");
}

void show_lists(FILE *out, const json_t *lists)
{
	uint64_t n = number_of(lists, "prefixes");

	show_number(out, number_of(lists, "lists"), "prefix list", ", ");
	fprintf(out, "%" PRIu64 " prefix%s in force\n", n, n == 1 ? "" : "es");
}

void show_counters(FILE *out, const json_t *counters, const struct show_counters *which)
{
	static const struct table_column columns[] = {{"Counter", false}, {"Value", true}};
	void *i = json_object_iter((json_t *)counters);
	struct table t;

	table_start(&t, out, columns, ARRAY_SIZE(columns));
	for (; i; i = json_object_iter_next((json_t *)counters, i)) {
		const char *name = json_object_iter_key(i);
		uint64_t v = number_of(counters, name);

		if (!is_wanted(which, name, v))
			continue;
		table_cell(&t, "%s", name);
		table_cell(&t, "%" PRIu64, v);
	}
	table_end(&t);
}

void show_rates(FILE *out, const json_t *before, const json_t *after, double seconds,
		const struct show_counters *which)
{
	static const struct table_column columns[] = {
	    {"Counter", false}, {"Value", true}, {"Added", true}, {"Per second", true}};
	void *i = json_object_iter((json_t *)after);
	struct table t;

	table_start(&t, out, columns, ARRAY_SIZE(columns));
	for (; i; i = json_object_iter_next((json_t *)after, i)) {
		const char *name = json_object_iter_key(i);
		uint64_t v = number_of(after, name), added = v - number_of(before, name);

		if (!is_wanted(which, name, added))
			continue;
		table_cell(&t, "%s", name);
		table_cell(&t, "%" PRIu64, v);
		table_cell(&t, "%" PRIu64, added);
		table_cell(&t, "%.1f", (double)added / seconds);
	}
	table_end(&t);
}

void show_explanations(FILE *out, const json_t *texts, const struct show_counters *which)
{
	static const struct table_column columns[] = {{"Counter", false}, {"Counts", false}};
	void *i = json_object_iter((json_t *)texts);
	struct table t;

	table_start(&t, out, columns, ARRAY_SIZE(columns));
	for (; i; i = json_object_iter_next((json_t *)texts, i)) {
		const char *name = json_object_iter_key(i);

		if (!has_name(which, name))
			continue;
		table_cell(&t, "%s", name);
		table_cell(&t, "%s", text_of(texts, name));
	}
	table_end(&t);
}

json_t *explanations(void)
{
	json_t *texts = json_object();

	for (uint32_t i = 0; i < STAT_COUNT; i++)
		json_object_set_new(texts, stat_name(i), json_string(stat_text(i)));
	return texts;
}

json_t *group_pools(const json_t *rows)
{
	json_t *pools = json_array(), *pool = NULL;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (!pool || strcmp(text_of(pool, "name"), text_of(row, "pool")) != 0) {
			pool =
			    json_pack("{s:O, s:O, s:O, s:[]}", "name", json_object_get(row, "pool"),
				      "sessions", json_object_get(row, "pool_sessions"), "limit",
				      json_object_get(row, "pool_limit"), "backends");
			if (json_array_append_new(pools, pool) != 0)
				break;
		}
		json_array_append(json_object_get(pool, "backends"), row);
		json_object_del(row, "pool");
		json_object_del(row, "pool_sessions");
		json_object_del(row, "pool_limit");
	}
	return pools;
}
