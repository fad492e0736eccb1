/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/pressure.h"

#include <inttypes.h>

#include "engine/run/addr_text.h"
#include "engine/run/engine.h"

#define ANSWER_TIMEOUT_US 100000
#define PAGE              INQUIRY_LISTENERS

static uint64_t count_beginnings(struct engine *e)
{
	uint64_t sum[STAT_COUNT] = {0};

	for (uint16_t w = 0; w < e->nb_launched; w++)
		stat_board_add(&e->workers[w]->board, sum);
	return sum[STAT_syncookies_begun];
}

/* All workers' parts of a page of listeners; how many, 0: no more, or no answer (*ok). */
static uint32_t ask_page(struct engine *e, uint32_t first, struct listener_info sum[PAGE], bool *ok)
{
	uint32_t count = 0;

	memset(sum, 0, PAGE * sizeof(*sum));
	for (uint16_t w = 0; w < e->nb_launched; w++) {
		struct inquiry q = {.kind = INQUIRY_LISTENER_STATES, .cursor = first, .max = PAGE};

		if (!mailbox_ask(&e->workers[w]->mailbox, &q, ANSWER_TIMEOUT_US)) {
			*ok = false;
			return 0;
		}
		count = q.count;
		for (uint32_t i = 0; i < count; i++)
			listener_info_add(&sum[i], &q.listeners[i]);
	}
	return count;
}

/* "12 of 65536 half-open entries". */
#define ROOM_MAX 64

static void print_news(const struct engine *e, uint32_t i, const struct listener_info *l,
		       struct report *r)
{
	const struct conf_listener *c = &e->conf->listeners[i];
	char local[ADDR_TEXT_MAX], room[ROOM_MAX];

	endpoint_text(&c->addr, c->port_be, local);
	snprintf(room, sizeof(room), "%u of %u half-open entries", l->half_open, l->max_half_open);
	if (l->cookies) {
		report_notice(r, "%s:%d: listener \"%s\" at %s has %s: it sends SYN cookies",
			      e->conf->file, c->line, c->name, local, room);
		return;
	}
	report_notice(r,
		      "%s:%d: listener \"%s\" at %s has %s: no more SYN cookies after %" PRIu64
		      " s, %" PRIu64 " were sent and %" PRIu64 " came back",
		      e->conf->file, c->line, c->name, local, room,
		      (engine_now() - e->pressure.listeners[i].since) / 1000000,
		      l->cookies_sent - e->pressure.listeners[i].sent,
		      l->cookies_received - e->pressure.listeners[i].received);
}

/* Tells of a change; false: no room. */
static bool tell(struct engine *e, uint32_t i, const struct listener_info *l, struct report *r)
{
	struct pressure_watch *p = &e->pressure;

	if (strlen(r->notice) > REPORT_MAX / 2)
		return false;
	print_news(e, i, l, r);
	p->listeners[i].under = l->cookies;
	p->listeners[i].since = engine_now();
	p->listeners[i].sent = l->cookies_sent;
	p->listeners[i].received = l->cookies_received;
	if (l->cookies)
		p->nb_under++;
	else
		p->nb_under--;
	return true;
}

void pressure_news(struct engine *e, struct report *r)
{
	struct pressure_watch *p = &e->pressure;
	uint64_t begun = count_beginnings(e);
	struct listener_info page[PAGE];
	bool complete = true;

	if (begun == p->begun && p->nb_under == 0)
		return;
	for (uint32_t first = 0; complete; first += PAGE) {
		uint32_t n = ask_page(e, first, page, &complete);

		for (uint32_t i = 0; i < n && complete; i++)
			if (page[i].cookies != p->listeners[first + i].under)
				complete = tell(e, first + i, &page[i], r);
		if (n < PAGE)
			break;
	}
	if (complete)
		p->begun = begun;
}
