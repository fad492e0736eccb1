/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room for half-open entries, and whether SYNs are answered with cookies for want of it
 * [tcp_syncookies]. A listener begins when there is no room left, and ends when half of it has
 * been free for ten seconds in which SYNs of nobody came slower than would fill it: entries last
 * for about a minute when nobody answers, so a flood that pauses does not make it change its mind.
 *
 * Listeners have one supply of entries. Each may take as many as there are, up to its own limit,
 * but only an equal share is its own: when nothing is left, who has less than that pushes out an
 * entry of who has more. So a flood against one of them ends no handshake of another, and makes
 * no other one send cookies.
 *
 * Where cookies are not allowed a SYN without room pushes out an entry of its own listener: an
 * honest client answers within a round trip, the entries of a flood grow old. The oldest one
 * goes, or nearly so: a hand for each listener moves round the pool, which fills in its order
 * under a flood, and takes the oldest of some entries that it meets. Where it meets none of the
 * listener's, which may be few among many, it goes on where one of these was made long ago. So a
 * handshake succeeds as long as its round trip is shorter than the flood takes to fill the
 * backlog.
 */
#include "engine/tcp/internal.h"

#define CALM_TICKS	   (10 * TICKS_PER_SEC)
#define ENTRY_SECONDS	   64 /* a half-open entry's life when nobody answers, about */
#define EVICT_LOOKS	   32 /* entries looked at in one place to find one that may go */
#define EVICT_SAMPLE	   8  /* the oldest of so many goes */
#define RICH_LOOKS	   64 /* listeners looked at to find one with more than its share */

bool backlog_full(const struct shard *sh, uint16_t listener)
{
	const struct listener_state *l = &sh->listeners[listener];

	return l->half_open >= l->max_half_open ||
	       (sh->halves.used >= sh->halves.capacity && l->half_open >= sh->half_open_share);
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

/* Ends the pressure when it is over. */
static void settle(struct shard *sh, const struct listener_state *l, struct syn_pressure *p)
{
	count_second(sh, l, p);
	if (sh->now - p->crowded_at < CALM_TICKS)
		return;
	p->cookies = false;
	stat_inc(sh, STAT_syncookies_ended);
}

static bool under_pressure(struct shard *sh, uint16_t listener)
{
	struct listener_state *l = &sh->listeners[listener];
	struct syn_pressure *p = &l->pressure;

	if (!p->cookies) {
		if (likely(!backlog_full(sh, listener)))
			return false;
		*p = (struct syn_pressure){.cookies = true,
					   .supply = sh->halves.used >= sh->halves.capacity,
					   .begun_at = sh->now,
					   .cookies_sent = p->cookies_sent,
					   .cookie_at = p->cookie_at,
					   .second = sh->now,
					   .crowded_at = sh->now};
		stat_inc(sh, STAT_syncookies_begun);
	}
	settle(sh, l, p);
	return p->cookies;
}

void backlog_sweep(struct shard *sh, uint16_t listener)
{
	struct listener_state *l = &sh->listeners[listener];
	struct syn_pressure *p = &l->pressure;

	if (p->cookies)
		settle(sh, l, p);
	if (sh->now - p->cookie_at > COOKIE_LIFE_TICKS)
		p->cookie_at = sh->now - COOKIE_LIFE_TICKS;
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

static bool is_rich(const struct shard *sh, uint16_t listener)
{
	return sh->listeners[listener].half_open > sh->half_open_share;
}

void backlog_taken(struct shard *sh, uint16_t listener, uint32_t index)
{
	struct listener_state *l = &sh->listeners[listener];
	struct half_trail *t = &l->trail;

	l->half_open++;
	t->newest = index;
	if (is_rich(sh, listener))
		sh->half_rich = listener;
	if (t->left-- > 0)
		return;
	t->left = MIN(l->max_half_open, sh->halves.capacity) / HALF_MARKS;
	t->marks[t->next] = index;
	t->next = (t->next + 1) % HALF_MARKS;
}

/* Who has more than its share, CONF_NONE: nobody is found. */
static uint16_t find_rich(struct shard *sh)
{
	uint16_t nb = sh->conf->nb_listeners;

	for (uint32_t looks = 0; !is_rich(sh, sh->half_rich); looks++) {
		if (looks == MIN(nb, RICH_LOOKS))
			return CONF_NONE;
		sh->half_cursor = (uint16_t)((sh->half_cursor + 1) % nb);
		sh->half_rich = sh->half_cursor;
	}
	return sh->half_rich;
}

/* Whose SYN-ACK has gone more often, or is due to go again sooner. */
static bool is_older(const struct shard *sh, const struct half *a, const struct half *b)
{
	if (a->retries != b->retries)
		return a->retries > b->retries;
	return tick_before(group_wheel_at(&sh->half_wheel, half_index(sh, a)),
			   group_wheel_at(&sh->half_wheel, half_index(sh, b)));
}

/* The oldest of some of the listener's entries from its hand on, NULL: there are none near. */
static struct half *oldest_near(const struct shard *sh, uint16_t listener)
{
	uint32_t at = sh->listeners[listener].trail.hand;
	struct half *oldest = NULL;

	for (uint32_t looks = 0, found = 0; looks < EVICT_LOOKS && found < EVICT_SAMPLE; looks++) {
		struct half *h;

		if (at == POOL_NIL || at >= sh->halves.fresh)
			at = 1;
		h = shard_half(sh, at++);
		/* A listener's profile has its index. */
		if (h->tuple.local == TUPLE_FREE || h->profile != listener)
			continue;
		found++;
		if (!oldest || is_older(sh, h, oldest))
			oldest = h;
	}
	return oldest;
}

/* An old entry of the listener's, NULL: none is found. */
static struct half *find_old(struct shard *sh, uint16_t listener)
{
	struct half_trail *t = &sh->listeners[listener].trail;
	struct half *h = oldest_near(sh, listener);

	for (uint32_t i = 0; !h && i < HALF_MARKS; i++) {
		t->hand = t->marks[(t->next + i) % HALF_MARKS];
		h = oldest_near(sh, listener);
	}
	if (!h) {
		t->hand = t->newest;
		h = oldest_near(sh, listener);
	}
	return h;
}

static bool evict(struct shard *sh, uint16_t listener)
{
	uint16_t from = backlog_full(sh, listener) ? listener : find_rich(sh);
	struct half *h = from == CONF_NONE ? NULL : find_old(sh, from);

	if (!h)
		return false;
	sh->listeners[from].trail.hand = half_index(sh, h) + 1;
	stat_inc(sh, STAT_half_open_evicted);
	half_drop(sh, h);
	return true;
}

void backlog_give_way(struct shard *sh, uint16_t listener)
{
	evict(sh, listener);
}

bool backlog_make_room(struct shard *sh, uint16_t listener)
{
	if (backlog_full(sh, listener))
		return sh->profiles[listener].tcp->syncookies == CONF_SYNCOOKIES_NEVER &&
		       sh->listeners[listener].half_open > 0 && evict(sh, listener);
	return sh->halves.used < sh->halves.capacity || evict(sh, listener);
}

void backlog_cookies_sent(struct shard *sh, uint16_t listener, uint32_t n)
{
	struct syn_pressure *p = &sh->listeners[listener].pressure;

	p->syns += n;
	p->cookies_sent += n;
	p->cookie_at = sh->now;
	stat_add(sh, STAT_syncookies_sent, n);
}

void backlog_cookie_returned(struct shard *sh, uint16_t listener)
{
	struct listener_state *l = &sh->listeners[listener];

	l->pressure.syns -= l->pressure.syns > 0;
	l->cookies_received++;
	stat_inc(sh, STAT_syncookies_received);
}

bool backlog_expects_cookie(const struct shard *sh, uint16_t listener)
{
	const struct syn_pressure *p = &sh->listeners[listener].pressure;

	/* Another machine may have sent one that we know nothing of. */
	if (cookies_are_shared(sh, listener))
		return true;
	return p->cookies_sent && sh->now - p->cookie_at < COOKIE_LIFE_TICKS;
}
