/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/pressure.h"

#include <inttypes.h>

#include "engine/run/addr_text.h"
#include "engine/run/engine.h"

#define ANSWER_TIMEOUT_US 100000
#define PAGE              INQUIRY_LISTENERS
#define ROOM_MAX          96 /* what a listener had none left of */

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

static void tell_begin(const struct engine *e, uint32_t i, const struct listener_info *l,
		       const char *local, struct report *r)
{
	const struct conf_listener *c = &e->conf->listeners[i];
	const char *share = e->conf->nb_workers > 1 ? "a worker's share of " : "";
	char room[ROOM_MAX];

	if (l->supply)
		snprintf(room, sizeof(room), "%sthe %u of all listeners (memory.half_open)", share,
			 e->conf->memory.half_open);
	else
		snprintf(room, sizeof(room), "%sits %u (max_syn_backlog)", share, l->max_half_open);
	report_notice(r,
		      "%s:%d: listener \"%s\" at %s had no half-open entry left of %s: it sends "
		      "SYN cookies",
		      e->conf->file, c->line, c->name, local, room);
}

static void tell_end(const struct engine *e, uint32_t i, const struct listener_info *l,
		     const char *local, struct report *r)
{
	const struct conf_listener *c = &e->conf->listeners[i];
	uint64_t sent = l->cookies_sent - e->pressure.listeners[i].sent;
	uint64_t received = l->cookies_received - e->pressure.listeners[i].received;

	report_notice(r,
		      "%s:%d: listener \"%s\" at %s has %u of %u half-open entries: no more SYN "
		      "cookies after %" PRIu64 " s, %" PRIu64 " were sent and %" PRIu64
		      " came back%s",
		      e->conf->file, c->line, c->name, local, l->half_open, l->max_half_open,
		      (engine_now() - e->pressure.listeners[i].since) / 1000000, sent, received,
		      received > sent ? ", earlier ones or other machines' among them" : "");
}

/* Tells of a change; false: no room. */
static bool tell(struct engine *e, uint32_t i, const struct listener_info *l, struct report *r)
{
	const struct conf_listener *c = &e->conf->listeners[i];
	struct pressure_watch *p = &e->pressure;
	char local[ADDR_TEXT_MAX];

	if (strlen(r->notice) > REPORT_MAX / 2)
		return false;
	endpoint_text(&c->addr, c->port_be, local);
	p->listeners[i].under = l->cookies;
	if (l->cookies) {
		tell_begin(e, i, l, local, r);
		p->listeners[i].since = engine_now() - l->pressed_ms * (usec_t)1000;
		p->nb_under++;
	} else {
		tell_end(e, i, l, local, r);
		p->listeners[i].sent = l->cookies_sent;
		p->listeners[i].received = l->cookies_received;
		p->nb_under--;
	}
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
