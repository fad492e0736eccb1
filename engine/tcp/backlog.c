/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room for half-open entries, and whether SYNs are answered with cookies for want of it
 * [tcp_syncookies]. A listener begins when there is no room left, and ends when half of it has
 * been free for ten seconds in which SYNs came slower than would fill it: entries last for
 * about a minute when nobody answers, so a flood that pauses does not make it change its mind.
 */
#include "engine/tcp/internal.h"

#define CALM_TICKS	   (10 * TICKS_PER_SEC)
#define ENTRY_SECONDS	   64 /* a half-open entry's life when nobody answers, about */

bool backlog_full(const struct shard *sh, uint16_t listener)
{
	const struct listener_state *l = &sh->listeners[listener];

	return l->half_open >= l->max_half_open || sh->halves.used >= sh->halves.capacity;
}

static bool half_empty(const struct shard *sh, const struct listener_state *l)
{
	return l->half_open <= l->max_half_open / 2 && sh->halves.used <= sh->halves.capacity / 2;
}

/* Ends the second that is being counted. */
static void count_second(const struct shard *sh, const struct listener_state *l,
			 struct syn_pressure *p)
{
	uint32_t seconds = (sh->now - p->second) / TICKS_PER_SEC;

	if (seconds == 0)
		return;
	if (p->syns / seconds > l->max_half_open / ENTRY_SECONDS || !half_empty(sh, l))
		p->crowded_at = sh->now;
	p->syns = 0;
	p->second = sh->now;
}

static bool under_pressure(struct shard *sh, uint16_t listener)
{
	struct listener_state *l = &sh->listeners[listener];
	struct syn_pressure *p = &l->pressure;

	if (!p->cookies) {
		if (likely(!backlog_full(sh, listener)))
			return false;
		*p = (struct syn_pressure){.cookies = true,
					   .cookies_sent = p->cookies_sent,
					   .cookie_at = p->cookie_at,
					   .second = sh->now,
					   .crowded_at = sh->now};
		stat_inc(sh, STAT_syncookies_begun);
	}
	count_second(sh, l, p);
	if (sh->now - p->crowded_at >= CALM_TICKS)
		p->cookies = false;
	p->syns++;
	return p->cookies;
}

bool backlog_wants_cookie(struct shard *sh, uint16_t listener)
{
	switch (sh->profiles[listener].tcp->syncookies) {
	case CONF_SYNCOOKIES_NEVER:
		return false;
	case CONF_SYNCOOKIES_ALWAYS:
		return true;
	case CONF_SYNCOOKIES_AUTO:
		break;
	}
	return under_pressure(sh, listener);
}

void backlog_cookie_sent(struct shard *sh, uint16_t listener)
{
	struct syn_pressure *p = &sh->listeners[listener].pressure;

	p->cookies_sent = true;
	p->cookie_at = sh->now;
	stat_inc(sh, STAT_syncookies_sent);
}

bool backlog_expects_cookie(const struct shard *sh, uint16_t listener)
{
	const struct syn_pressure *p = &sh->listeners[listener].pressure;

	return p->cookies_sent && sh->now - p->cookie_at < COOKIE_LIFE_TICKS;
}
