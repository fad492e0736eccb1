/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LISTEN (RFC 9293 §3.10.7.2): a SYN becomes a half-open entry of 48 bytes, which half.c
 * makes a connection of.
 */
#include "engine/table/listen_table.h"
#include "engine/tcp/internal.h"

/* How far beyond an old connection's last number a new one begins at least: no
 * window of the old one reaches there unscaled. */
#define ISS_GAP 65537

static void drop(struct shard *sh, struct seg *s, enum stat why)
{
	stat_inc(sh, why);
	shard_buf_free(sh, s->buf);
}

/* What both SYNs together allow (RFC 7323 §1.3, RFC 2018 §2, RFC 3168 §6.1.1). */
static void half_take_options(struct shard *sh, struct half *h, const struct seg *s)
{
	const struct conf_tcp *tcp = sh->profiles[h->profile].tcp;
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
		h->wscale = (uint8_t)(o->wscale << 4 | wscale_for(tcp->rcvbuf));
	}
	h->flags = (uint8_t)(flags & 15);
	h->mss = tuple_is_v6(&h->tuple) ? MSS_DEFAULT_V6 : MSS_DEFAULT_V4; /* MUST-15 */
	if ((o->seen & TCPOPT_HAS_MSS) && o->mss)
		h->mss = o->mss;
}

/* Takes an entry for the SYN, NULL: none left (counted). */
static struct half *half_create(struct shard *sh, const struct seg *s, uint16_t listener,
				const uint32_t *iss_after)
{
	struct tuple_key key = tuple_key_of_seg(s);
	uint32_t i = pool_get(&sh->halves);
	struct half *h;

	if (i == POOL_NIL) {
		stat_inc(sh, STAT_drop_no_half_open);
		return NULL;
	}
	h = pool_at(&sh->halves, i);
	memset(h, 0, sizeof(*h));
	if (!tuple_set(sh, &h->tuple, &key, s->iface) ||
	    !table_insert(&sh->table, s->hash, ref_make(REF_HALF, i))) {
		stat_inc(sh, STAT_drop_no_table_slot);
		tuple_clear(sh, &h->tuple);
		pool_put(&sh->halves, i);
		return NULL;
	}
	h->profile = listener; /* a listener's profile has its index */
	h->irs = s->seq;
	h->iss = isn_of(sh, &h->tuple);
	if (iss_after && seq_leq(h->iss, *iss_after))
		h->iss = *iss_after + ISS_GAP;
	memcpy(h->dmac, s->buf->data + 6, 6);
	half_take_options(sh, h, s);
	sh->listeners[listener].half_open++;
	return h;
}

static void listen_syn(struct shard *sh, struct seg *s, uint16_t listener,
		       const uint32_t *iss_after)
{
	struct half *h;

	/* As Linux: a full accept queue turns new clients away at the door. */
	if (accept_queue_full(sh, listener)) {
		sh->listeners[listener].overflows++;
		drop(sh, s, STAT_drop_listen_overflow);
		return;
	}
	h = half_create(sh, s, listener, iss_after);
	if (!h) {
		shard_buf_free(sh, s->buf);
		return;
	}
	stat_inc(sh, STAT_syn_received);
	half_arm(sh, h);
	/* Data in the SYN is not kept: its sender will send it again. */
	emit_synack(sh, h, s->buf);
}

bool tcp_listen_ready(const struct shard *sh, const struct seg *s)
{
	uint16_t listener = listen_table_find(sh, s->family, s->local, s->dport_be);

	return listener != CONF_NONE && !accept_queue_full(sh, listener) &&
	       sh->halves.used < sh->halves.capacity;
}

void tcp_listen_input(struct shard *sh, struct seg *s, const uint32_t *iss_after)
{
	uint16_t listener;

	/* MUST-63: not even a reset goes there. */
	if (net_local(&sh->net, s->family, s->src) != CONF_NONE) {
		drop(sh, s, STAT_drop_land);
		return;
	}
	if (net_is_broadcast(&sh->net, s->iface, s->family, s->src)) {
		drop(sh, s, STAT_drop_bad_source);
		return;
	}
	listener = listen_table_find(sh, s->family, s->local, s->dport_be);
	if (listener == CONF_NONE) {
		tcp_reset_reply(sh, s);
		return;
	}
	/* RFC 9293 §3.10.7.2: first RST, second ACK, third SYN, else drop. */
	if (s->flags & TCP_RST)
		drop(sh, s, STAT_drop_not_synchronized);
	else if (s->flags & TCP_ACK)
		tcp_reset_reply(sh, s);
	else if (!(s->flags & TCP_SYN) || (s->flags & TCP_FIN))
		drop(sh, s, STAT_drop_not_synchronized);
	else
		listen_syn(sh, s, listener, iss_after);
}
