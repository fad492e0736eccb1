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

static void show_backend(struct table *t, const json_t *pool, const json_t *b)
{
	table_cell(t, "%s", text_of(pool, "name"));
	table_cell(t, "%" PRIu64, number_of(pool, "sessions"));
	if (number_of(pool, "limit"))
		table_cell(t, "%" PRIu64, number_of(pool, "limit"));
	else
		table_cell(t, "-");
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
