/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LISTEN (RFC 9293 §3.10.7.2): a SYN becomes a half-open entry of 36 bytes, which half.c
 * makes a connection of, or a cookie, which makes one when it comes back.
 */
#include "engine/table/listen_table.h"
#include "engine/tcp/internal.h"

/* How far beyond an old connection's last number a new one begins at least: no
 * window of the old one reaches there unscaled. */
#define ISS_GAP 65537

/* With RFC 6298's initial RTO a client's first segment comes again after 1, 3, 7 and 15 seconds,
 * by then in smaller pieces where a path swallows large ones and says nothing (RFC 4821). */
#define COOKIELESS_RESET_TICKS	   (16 * TICKS_PER_SEC)
#define COOKIELESS_FORGOTTEN_TICKS (60 * TICKS_PER_SEC)

static COLD void drop(struct shard *sh, struct seg *s, enum stat why)
{
	stat_inc(sh, why);
	shard_buf_free(sh, s->buf);
}

/* What both SYNs together allow (RFC 7323 §1.3, RFC 2018 §2, RFC 3168 §6.1.1). */
static void half_take_options(struct shard *sh, struct half *h, const struct seg *s)
{
	const struct profile *p = &sh->profiles[h->profile];
	const struct conf_tcp *tcp = p->tcp;
	const struct tcpopt *o = &s->opt;
	uint32_t flags = tcp_ecn_offered(tcp, s) ? CF_ECN : 0;

	if ((o->seen & TCPOPT_HAS_TS) && tcp->timestamps) {
		flags |= CF_TIMESTAMPS;
		h->ts_recent = o->tsval;
	}
	if ((o->seen & TCPOPT_HAS_SACK_PERMITTED) && tcp->sack)
		flags |= CF_SACK;
	if ((o->seen & TCPOPT_HAS_WSCALE) && tcp->window_scaling) {
		flags |= CF_WSCALE;
		h->wscale = (uint8_t)(o->wscale << 4 | p->wscale);
	}
	h->flags = (uint8_t)(flags & 15);
	h->mss = s->family == IP_V6 ? MSS_DEFAULT_V6 : MSS_DEFAULT_V4; /* MUST-15 */
	if ((o->seen & TCPOPT_HAS_MSS) && o->mss)
		h->mss = o->mss;
}

/* Takes an entry for the SYN, NULL: none left (counted). */
static struct half *half_create(struct shard *sh, const struct seg *s, uint16_t listener,
				const uint32_t *iss_after)
{
	struct tuple_key key = tuple_key_of_seg(s);
	struct half *h;
	uint32_t i = POOL_NIL;

	/* What follows on TIME_WAIT is bounded by that, not by the listener's limit. */
	if (iss_after || backlog_make_room(sh, listener))
		i = pool_get(&sh->halves);
	if (i == POOL_NIL) {
		stat_inc(sh, STAT_drop_no_half_open);
		return NULL;
	}
	h = shard_half(sh, i);
	memset(h, 0, sizeof(*h));
	if (!tuple_set(sh, &h->tuple, &key, s->iface) ||
	    !table_insert(&sh->table, s->hash, ref_make(REF_HALF, i))) {
		stat_inc(sh, STAT_drop_no_table_slot);
		tuple_clear(sh, &h->tuple);
		pool_put(&sh->halves, i);
		return NULL;
	}
	h->profile = listener & 0x1fff; /* a listener's profile has its index */
	h->reopens = iss_after != NULL;
	h->irs = s->seq;
	h->iss = isn_of(sh, &h->tuple);
	if (iss_after && seq_leq(h->iss, *iss_after))
		h->iss = *iss_after + ISS_GAP;
	memcpy(h->dmac, s->buf->data + 6, 6);
	half_take_options(sh, h, s);
	if (!iss_after && cookies_are_shared(sh, listener))
		cookie_share(sh, s, h);
	backlog_taken(sh, listener, i);
	return h;
}

/* Answers a SYN with a cookie; false: none can be made of it. */
static bool listen_cookie(struct shard *sh, struct seg *s, uint16_t listener)
{
	struct half h = {.profile = listener & 0x1fff, .irs = s->seq};
	uint32_t tsval = 0;

	half_take_options(sh, &h, s);
	if (!cookie_make(sh, s, &h, &tsval))
		return false;
	backlog_cookies_sent(sh, listener, 1);
	emit_cookie(sh, s, &h, tsval);
	return true;
}

static void listen_syn(struct shard *sh, struct seg *s, uint16_t listener,
		       const uint32_t *iss_after)
{
	struct half *h;

	if (unlikely(sh->listeners[listener].guarded) && !admit_syn(sh, s, listener))
		return;
	/* As Linux: a full accept queue turns new clients away at the door. */
	if (accept_queue_full(sh, listener)) {
		sh->listeners[listener].overflows++;
		sh->listeners[listener].drops++;
		drop(sh, s, STAT_drop_listen_overflow);
		return;
	}
	if (unlikely(sh->has_quotas) && quota_full(sh, listener)) {
		sh->listeners[listener].drops++;
		drop(sh, s, STAT_drop_max_connections);
		return;
	}
	/* A cookie's number cannot be chosen, so none follows on TIME_WAIT. */
	if (!iss_after && backlog_wants_cookie(sh, listener) && listen_cookie(sh, s, listener))
		return;
	h = half_create(sh, s, listener, iss_after);
	if (!h) {
		sh->listeners[listener].drops++;
		shard_buf_free(sh, s->buf);
		return;
	}
	stat_inc(sh, STAT_syn_received);
	half_arm(sh, h);
	/* Data in the SYN is not kept: its sender will send it again. */
	emit_synack(sh, h, s->buf);
}

/* A connection of what a cookie tells; NULL: no room for it (counted). */
static struct conn *open_by_cookie(struct shard *sh, struct half *h, const struct seg *s)
{
	struct tuple_key key = tuple_key_of_seg(s);
	struct conn *c = conn_alloc(sh, h->profile);

	if (!c) {
		stat_inc(sh, quota_refusal(sh, h->profile));
		return NULL;
	}
	if (!tuple_set(sh, &h->tuple, &key, s->iface) ||
	    !table_insert(&sh->table, s->hash, ref_make(REF_CONN, conn_index(sh, c)))) {
		stat_inc(sh, STAT_drop_no_table_slot);
		tuple_clear(sh, &h->tuple);
		conn_free(sh, c);
		return NULL;
	}
	memcpy(h->dmac, s->buf->data + 6, 6);
	tcp_passive_up(sh, c, h, s);
	conn_cold(c)->cookie = 1;
	return c;
}

/* A cookie that came back. */
static void cookie_received(struct shard *sh, struct half *h, struct seg *s)
{
	enum source_place place = SOURCE_NOWHERE;
	struct conn *c;

	/* Its sender believes to be connected; what it sends next brings the cookie again. */
	if (accept_queue_full(sh, h->profile)) {
		accept_queue_refuse(sh, h->profile, s);
		return;
	}
	if (unlikely(sh->listeners[h->profile].guarded) && !admit_cookie(sh, s, h->profile, &place))
		return;
	c = open_by_cookie(sh, h, s);
	if (!c) {
		sh->listeners[h->profile].drops++;
		admit_failed(sh, s, h->profile, place);
		shard_buf_free(sh, s->buf);
		return;
	}
	conn_cold(c)->source = place & 3;
	backlog_cookie_returned(sh, h->profile);
	tcp_input(sh, c, s); /* the ACK may bring data and a FIN (M1) */
}

/*
 * An ACK without a cookie of ours is a stranger's, or it is of a client whose handshake was
 * proven by segments that got lost: a reset would end a connection that its first segment, sent
 * again, will open. So only who goes on like that is reset: a tuple, with the number it
 * acknowledges, which is another one in each handshake.
 */
static bool cookieless_for_long(struct shard *sh, const struct seg *s)
{
	struct cookieless *e = &sh->cookieless[s->hash % SHARD_COOKIELESS];
	uint32_t tag = (uint32_t)(s->hash >> 32) ^ s->ack, ticks = sh->now - e->since;

	if (e->tag == tag && ticks < COOKIELESS_FORGOTTEN_TICKS)
		return ticks >= COOKIELESS_RESET_TICKS;
	*e = (struct cookieless){.tag = tag, .since = sh->now};
	return false;
}

/* An ACK without a connection: it may complete a handshake that we remember nothing of. */
static void listen_ack(struct shard *sh, struct seg *s, uint16_t listener)
{
	struct half h = {.profile = listener & 0x1fff, .tuple.local = TUPLE_FREE};

	if ((s->flags & TCP_SYN) || !backlog_expects_cookie(sh, listener)) {
		tcp_reset_reply(sh, s);
		return;
	}
	switch (cookie_check(sh, s, &h)) {
	case COOKIE_GOOD:
		cookie_received(sh, &h, s);
		return;
	case COOKIE_STALE:
		stat_inc(sh, STAT_syncookies_stale);
		tcp_reset_reply(sh, s);
		break;
	case COOKIE_EARLY:
		stat_inc(sh, STAT_syncookies_early);
		shard_buf_free(sh, s->buf);
		break;
	case COOKIE_FORGED:
		stat_inc(sh, STAT_syncookies_failed);
		if (cookieless_for_long(sh, s))
			tcp_reset_reply(sh, s);
		else
			shard_buf_free(sh, s->buf);
		break;
	}
	sh->listeners[listener].cookies_failed++;
}

bool tcp_listen_ready(const struct shard *sh, const struct seg *s)
{
	uint16_t listener = listen_table_find(sh, s->family, s->local, s->dport_be);

	return listener != CONF_NONE && !accept_queue_full(sh, listener) &&
	       !(sh->has_quotas && quota_full(sh, listener)) &&
	       sh->halves.used < sh->halves.capacity;
}

void tcp_listen_input(struct shard *sh, struct seg *s, const uint32_t *iss_after)
{
	enum net_whose whose = net_whose(&sh->net, s->family, s->src);
	uint16_t listener;

	/* MUST-63: not even a reset goes there. */
	if (unlikely(whose != NET_OTHERS)) {
		drop(sh, s, whose == NET_LOCAL ? STAT_drop_land : STAT_drop_bad_source);
		return;
	}
	listener = listen_table_find(sh, s->family, s->local, s->dport_be);
	if (listener == CONF_NONE) {
		tcp_refuse_closed(sh, s);
		return;
	}
	/* RFC 9293 §3.10.7.2: first RST, second ACK, third SYN, else drop. */
	if (s->flags & TCP_RST)
		drop(sh, s, STAT_drop_not_synchronized);
	else if (s->flags & TCP_ACK)
		listen_ack(sh, s, listener);
	else if (!(s->flags & TCP_SYN) || (s->flags & TCP_FIN))
		drop(sh, s, STAT_drop_not_synchronized);
	else
		listen_syn(sh, s, listener, iss_after);
}
