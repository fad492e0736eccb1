/* SPDX-License-Identifier: BSD-3-Clause */
/* The control command that lists the heaviest sources, over all workers. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/run/addr_text.h"
#include "engine/run/ctl_commands.h"

#define ROWS 50 /* of at most 200 bytes: one answer holds them */

struct gathered {
	struct source_info *items;
	uint32_t count, room;
};

static bool add(struct gathered *g, const struct source_info *s)
{
	if (g->count == g->room) {
		uint32_t room = g->room ? 2 * g->room : 256;
		struct source_info *items = realloc(g->items, room * sizeof(*items));

		if (!items)
			return false;
		g->items = items;
		g->room = room;
	}
	g->items[g->count++] = *s;
	return true;
}

/* All that one worker counts; false: *d says what is wrong. */
static bool gather(struct engine *e, uint16_t worker, struct gathered *g, struct rte_tel_data *d)
{
	struct inquiry q = {.kind = INQUIRY_SOURCE_STATES, .max = INQUIRY_SOURCES};

	do {
		if (!ctl_ask(e, worker, &q, d))
			return false;
		for (uint32_t i = 0; i < q.count; i++)
			if (!add(g, &q.sources[i])) {
				reply_error(d, "no memory for the list of sources");
				return false;
			}
		q.cursor = q.next;
	} while (q.next);
	return true;
}

/* By what a source is: zero for two parts of the same. */
static int compare_names(const struct source_info *a, const struct source_info *b)
{
	if (a->listener != b->listener)
		return a->listener < b->listener ? -1 : 1;
	if (a->addr.family != b->addr.family)
		return a->addr.family < b->addr.family ? -1 : 1;
	return memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes));
}

static int by_name(const void *a, const void *b)
{
	return compare_names(a, b);
}

/* The heaviest first. */
static int by_weight(const void *va, const void *vb)
{
	const struct source_info *a = va, *b = vb;

	if (a->connections != b->connections)
		return a->connections > b->connections ? -1 : 1;
	if (a->refused != b->refused)
		return a->refused > b->refused ? -1 : 1;
	return compare_names(a, b);
}

/* One row of the parts that several workers have of a source. */
static void merge(struct gathered *g)
{
	uint32_t n = 0;

	if (g->count == 0)
		return;
	qsort(g->items, g->count, sizeof(g->items[0]), by_name);
	for (uint32_t i = 1; i < g->count; i++) {
		struct source_info *sum = &g->items[n], *s = &g->items[i];

		if (compare_names(sum, s) != 0) {
			g->items[++n] = *s;
			continue;
		}
		sum->connections += s->connections;
		sum->refused += s->refused;
		sum->recent_milli += s->recent_milli;
	}
	g->count = n + 1;
	qsort(g->items, g->count, sizeof(g->items[0]), by_weight);
}

static void fill(struct rte_tel_data *d, const struct conf *conf, const struct source_info *s)
{
	char addr[ADDR_TEXT_MAX], text[ADDR_TEXT_MAX + 8];

	addr_text(&s->addr, addr);
	if (s->prefix_len == (s->addr.family == IP_V4 ? 32 : 128))
		snprintf(text, sizeof(text), "%s", addr);
	else
		snprintf(text, sizeof(text), "%s/%u", addr, s->prefix_len);
	reply_text(d, "source", text);
	reply_text(d, "listener", conf->listeners[s->listener].name);
	reply_number(d, "connections", s->connections);
	reply_number(d, "per_second", (s->recent_milli + 500) / 1000);
	reply_number(d, "refused", s->refused);
}

static void answer(struct engine *e, const struct gathered *g, struct rte_tel_data *d)
{
	struct reply p;

	reply_start(&p, d);
	for (uint32_t i = 0; i < g->count && i < ROWS; i++) {
		struct rte_tel_data *row = reply_row(&p);

		if (!row)
			break;
		fill(row, e->conf, &g->items[i]);
		reply_add_row(&p, row);
	}
	reply_number(d, "sources", g->count);
	reply_finish(&p);
}

void ctl_sources(struct engine *e, const char *params UNUSED, struct rte_tel_data *d)
{
	struct gathered g = {0};
	bool ok = true;

	for (uint16_t w = 0; ok && w < e->conf->nb_workers; w++)
		ok = gather(e, w, &g, d);
	if (ok) {
		merge(&g);
		answer(e, &g, d);
	}
	free(g.items);
}
