/* SPDX-License-Identifier: BSD-3-Clause */
/* From decisions to frames: fills in what the state says about addresses,
 * window and options, and lets engine/wire write it. */
#include "engine/tcp/internal.h"
#include "engine/wire/build_inline.h"

uint16_t mss_of_mtu(const struct shard *sh, uint16_t iface, bool v6)
{
	return (uint16_t)(sh->net.ifaces[iface].mtu - (v6 ? IPV6_HLEN : IPV4_HLEN) - TCP_HLEN);
}

uint16_t mss_to_announce(const struct shard *sh, const struct conf_tcp *tcp, uint16_t iface,
			 bool v6)
{
	/* MUST-67: what IP can reassemble here is what one frame carries. */
	uint16_t mss = mss_of_mtu(sh, iface, v6);

	return tcp->mss ? MIN(tcp->mss, mss) : mss;
}

uint8_t wscale_for(uint32_t rcvbuf)
{
	uint8_t shift = 0;

	while (shift < TCPOPT_MAX_WSCALE && rcvbuf >> shift > UINT16_MAX)
		shift++;
	return shift;
}

/* IPv4 may be left to routers to cut: then every packet needs a number that no
 * other one between the same hosts has for a while, and nobody can guess (RFC 7739
 * §5). Workers number apart from each other. */
static void fill_fragmentation(struct shard *sh, struct out *o)
{
	uint64_t hosts;

	if (o->family != IP_V4)
		return;
	memcpy(&hosts, o->src, 4);
	memcpy((uint8_t *)&hosts + 4, o->dst, 4);
	sh->ip_id = (uint16_t)(sh->ip_id + sh->nb_shards);
	o->fragmentable = true;
	o->ip_id = (uint16_t)(sh->ip_id + sh->id + siphash13(&sh->isn_key.sip, &hosts, 1));
}

/* Nearly every frame is IPv4 in a network without VLAN, and has timestamps: code of its own for
 * those, in which the compiler leaves out what the others need. */
static ALWAYS_INLINE bool is_plain(const struct net_iface *ni, bool v6)
{
	return !v6 && !ni->vlan;
}

/* MUST-45: one source address for all of a connection's segments. */
static ALWAYS_INLINE void fill_addresses(struct shard *sh, struct out *o,
					 const struct net_iface *ni, const struct tuple *t,
					 const uint8_t *dmac, const struct conf_tcp *tcp,
					 bool plain)
{
	o->smac = ni->mac;
	o->dmac = dmac;
	o->src = sh->conf->addrs[tuple_local(t)].addr.bytes;
	o->dst = plain ? (const uint8_t *)&t->raddr : tuple_raddr(sh, t);
	o->sport_be = t->lport_be;
	o->dport_be = t->rport_be;
	o->vlan = plain ? 0 : ni->vlan;
	o->family = !plain && tuple_is_v6(t) ? IP_V6 : IP_V4;
	o->ttl = tcp->ttl;			 /* MUST-49 */
	o->tos = (uint8_t)(tcp->dscp << 2); /* MUST-48 */
	o->tx_flags = ni->tx_flags;
}

/* The block that begins with b, with a FIN's own number; returns what is queued behind it. */
static const struct buf *block_from(const struct buf *b, struct sack_block *block)
{
	block->start = b->seq;
	do {
		block->end = b->seq + b->len + !!(b->flags & BUF_FIN);
		b = b->next;
	} while (b && b->seq == block->end);
	return b;
}

/* The block of the out-of-order queue that holds `seq`; false: none does. */
static bool block_around(const struct xfer *x, uint32_t seq, struct sack_block *block)
{
	for (const struct buf *b = x->ooo; b && seq_leq(b->seq, seq);) {
		b = block_from(b, block);
		if (seq_lt(seq, block->end))
			return true;
	}
	return false;
}

static void add_block(struct tcpopt_out *opt, struct sack_block block)
{
	for (uint32_t i = 0; i < opt->nb_sack; i++)
		if (opt->sack[i].start == block.start)
			return;
	if (opt->nb_sack < TCPOPT_MAX_SACK)
		opt->sack[opt->nb_sack++] = block;
}

/* RFC 2018 §4: the blocks that changed last first, each once, then others. What is
 * remembered may be of long ago and name the same block, or none. */
static void fill_sack(const struct xfer *x, struct tcpopt_out *opt)
{
	struct sack_block block;

	for (uint32_t i = 0; i < TCPOPT_MAX_SACK; i++)
		if (block_around(x, x->ooo_recent[i], &block))
			add_block(opt, block);
	for (const struct buf *b = x->ooo; b && opt->nb_sack < TCPOPT_MAX_SACK;) {
		b = block_from(b, &block);
		add_block(opt, block);
	}
}

/* RFC 2883 §4: what came twice goes first, once. */
static void fill_dsack(struct xfer *x, struct tcpopt_out *opt)
{
	if (!x->has_dsack)
		return;
	memmove(opt->sack + 1, opt->sack,
		MIN(opt->nb_sack, TCPOPT_MAX_SACK - 1u) * sizeof(opt->sack[0]));
	opt->sack[0] = x->dsack;
	opt->nb_sack = (uint8_t)MIN(opt->nb_sack + 1, TCPOPT_MAX_SACK);
	x->has_dsack = false;
}

/* There is something that only an ACK without data has the room to report. */
static bool has_sack(const struct conn *c, const struct xfer *x)
{
	return x && (c->flags & CF_SACK) && (x->ooo || x->has_dsack);
}

static void fill_syn_options(const struct shard *sh, const struct conn *c, struct tcpopt_out *opt,
			     bool answer)
{
	const struct conf_tcp *tcp = conn_tcp(sh, c);

	opt->mss = mss_to_announce(sh, tcp, c->tuple.iface, tuple_is_v6(&c->tuple));
	if (!answer && c->mss)
		opt->mss = MIN(opt->mss, c->mss);
	/* An answer offers only what the peer's SYN did (RFC 7323 §2.2, §3.2). */
	opt->sack_permitted = answer ? c->flags & CF_SACK : tcp->sack;
	opt->has_wscale = answer ? c->flags & CF_WSCALE : tcp->window_scaling;
	opt->has_ts = answer ? c->flags & CF_TIMESTAMPS : tcp->timestamps;
	opt->wscale = conn_profile(sh, c)->wscale;
}

/* The window field, and with it the right edge we are bound to from now on. */
static ALWAYS_INLINE uint16_t advertise(struct conn *c, const struct conf_tcp *tcp,
					const struct xfer *x, bool syn)
{
	uint32_t space = tcp_receive_space(tcp, x), shift = syn ? 0 : c->wscale & 15;
	uint32_t edge = tcp_receive_edge(c, tcp, space), wnd = edge - c->rcv_nxt;
	uint32_t field = wnd >> shift;

	/* Rounding up keeps the right edge from moving left (SHLD-14), as long as what
	 * that adds stays below a unit in all (RFC 7323 §2.4). */
	field += field << shift < MIN(wnd, space);
	field = MIN(field, (uint32_t)UINT16_MAX);
	c->rcv_adv = seq_max(edge, c->rcv_nxt + (field << shift));
	return (uint16_t)field;
}

/* The segment is none of the many: it has more options than timestamps, or may be cut on its way,
 * or has no window. */
static ALWAYS_INLINE bool is_rare(const struct conn *c, const struct conn_cold *k,
				  const struct conf_tcp *tcp, const struct xfer *x, uint32_t flags)
{
	return (flags & (TCP_SYN | TCP_RST)) || has_sack(c, x) || (x && x->urgent_out) ||
	       k->fragmentable || !tcp->pmtu_discovery;
}

/* What only rare segments have. */
static COLD void fill_rare(struct shard *sh, struct conn *c, struct xfer *x, const struct buf *b,
			   struct out *o, struct tcpopt_out *opt)
{
	if (conn_cold(c)->fragmentable || !conn_tcp(sh, c)->pmtu_discovery)
		fill_fragmentation(sh, o);
	if (o->flags & TCP_SYN)
		fill_syn_options(sh, c, opt, o->flags & TCP_ACK);
	if (has_sack(c, x) && b->len == 0) {
		fill_sack(x, opt);
		fill_dsack(x, opt);
	}
	if (x && x->urgent_out && !(o->flags & (TCP_SYN | TCP_RST))) {
		o->urp = tcp_urgent_pointer(x, o->seq);
		o->flags |= o->urp ? TCP_URG : 0;
	}
}

static ALWAYS_INLINE void emit(struct shard *sh, struct conn *c, struct xfer *x, struct buf *b,
			       uint32_t seq, uint32_t flags, bool rare, bool plain)
{
	const struct net_iface *ni = &sh->net.ifaces[c->tuple.iface];
	const struct conf_tcp *tcp = conn_tcp(sh, c);
	bool report = rare && has_sack(c, x);
	struct tcpopt_out opt = {.has_ts = plain || (c->flags & CF_TIMESTAMPS)};
	struct out o = {.opt = &opt, .seq = seq, .flags = (uint8_t)flags};

	fill_addresses(sh, &o, ni, &c->tuple, conn_cold(c)->dmac, tcp, plain);
	o.tos |= flags & EMIT_ECT ? ECN_ECT0 : 0;
	if (rare)
		fill_rare(sh, c, x, b, &o, &opt);
	if (opt.has_ts) {
		opt.tsval = ts_now(sh);
		opt.tsecr = flags & TCP_ACK ? c->ts_recent : 0;
	}
	if (!rare || !(flags & TCP_RST))
		o.wnd = advertise(c, tcp, x, rare && (flags & TCP_SYN));
	if (flags & TCP_ACK) {
		o.flags |= c->flags & CF_ECN_ECHO ? TCP_ECE : 0;
		o.ack = c->rcv_nxt;
		c->flags &= ~(uint32_t)(CF_ACK_DELAYED | CF_READ);
		if (!report || b->len == 0)
			c->flags &= ~(uint32_t)CF_ACK_NOW;
	}
	stat_inc(sh, STAT_tx_segments);
	stat_add(sh, STAT_tx_bytes, b->len);
	build_tcp_inline(b, &o);
	shard_tx(sh, ni->port, b);
}

void emit_segment(struct shard *sh, struct conn *c, struct buf *b, uint32_t seq, uint32_t flags)
{
	const struct net_iface *ni = &sh->net.ifaces[c->tuple.iface];
	struct xfer *x = conn_xfer(sh, c);

	if (unlikely(is_rare(c, conn_cold(c), conn_tcp(sh, c), x, flags)))
		emit(sh, c, x, b, seq, flags, true, false);
	else if (likely((c->flags & CF_TIMESTAMPS) && is_plain(ni, tuple_is_v6(&c->tuple))))
		emit(sh, c, x, b, seq, flags, false, true);
	else
		emit(sh, c, x, b, seq, flags, false, false);
}

void emit_alone(struct shard *sh, struct conn *c, struct xfer *x, struct buf *b, uint32_t flags)
{
	const struct net_iface *ni = &sh->net.ifaces[c->tuple.iface];
	bool rare = has_sack(c, x) || x->urgent_out || conn_cold(c)->fragmentable;

	if (likely(!rare && (c->flags & CF_TIMESTAMPS) && is_plain(ni, tuple_is_v6(&c->tuple))))
		emit(sh, c, x, b, b->seq, flags, false, true);
	else
		emit_segment(sh, c, b, b->seq, flags);
}

uint32_t tcp_empty_seq(const struct conn *c)
{
	if (c->state < TCP_ESTABLISHED)
		return c->snd_nxt; /* no window is known yet */
	return seq_min(c->snd_nxt, c->snd_una + c->snd_wnd);
}

bool emit_empty(struct shard *sh, struct conn *c, uint32_t seq, uint32_t flags)
{
	struct buf *b;

	if (shard_tx_room(sh, sh->net.ifaces[c->tuple.iface].port) == 0) {
		stat_inc(sh, STAT_drop_tx_full);
		return false;
	}
	b = shard_buf_alloc(sh);
	if (!b)
		return false;
	emit_segment(sh, c, b, seq, flags);
	return true;
}

/* Nothing behind it, and the headers of any answer fit in front of it: they come to lie where the
 * frame lies that is answered, in lines that the cache has. */
#define ANSWER_END (BUF_HEADROOM + 128)
static_assert(ANSWER_END <= BUF_HEADROOM + BUF_DATAROOM, "every buf has room for it");

/* Makes a received or fresh buf an empty payload with room for any header. */
static void make_empty(struct buf *b)
{
	b->data = b->start + ANSWER_END;
	b->len = 0;
	b->flags = 0;
	b->hdr_len = 0;
}

/* Whether both sides want all there is: code of its own for these, too. */
static ALWAYS_INLINE bool wants_all(const struct half *h)
{
	const uint32_t all = CF_SACK | CF_WSCALE | CF_TIMESTAMPS;

	return (h->flags & all) == all;
}

static ALWAYS_INLINE struct tcpopt_out synack_options(const struct shard *sh, const struct half *h,
						      uint16_t iface, bool v6, bool all)
{
	const struct profile *p = &sh->profiles[h->profile];
	struct tcpopt_out opt = {
	    .mss = mss_to_announce(sh, p->tcp, iface, v6),
	    .sack_permitted = all || (h->flags & CF_SACK),
	    .has_wscale = all || (h->flags & CF_WSCALE),
	    .wscale = h->wscale & 15,
	    .has_ts = all || (h->flags & CF_TIMESTAMPS),
	    .tsval = ts_now(sh),
	    .tsecr = h->ts_recent,
	};

	/* A relayed segment leaves with timestamps whether it came with them or
	 * not: leave room for them, so that it need not be cut in two. */
	if (p->service->relays && !opt.has_ts)
		opt.mss = (uint16_t)(opt.mss - TCPOPT_TS_LEN);
	return opt;
}

static uint8_t synack_flags(const struct half *h)
{
	return TCP_SYN | TCP_ACK | (h->flags & CF_ECN ? TCP_ECE : 0);
}

static ALWAYS_INLINE void synack(struct shard *sh, const struct half *h, struct buf *b,
				 const struct net_iface *ni, bool plain, bool all)
{
	const struct conf_tcp *tcp = sh->profiles[h->profile].tcp;
	struct tcpopt_out opt =
	    synack_options(sh, h, h->tuple.iface, !plain && tuple_is_v6(&h->tuple), all);
	struct out o = {
	    .opt = &opt,
	    .seq = h->iss,
	    .ack = h->irs + 1,
	    .flags = synack_flags(h),
	    .wnd = synack_window(tcp),
	};

	fill_addresses(sh, &o, ni, &h->tuple, h->dmac, tcp, plain);
	if (!tcp->pmtu_discovery)
		fill_fragmentation(sh, &o);
	if (!all && cookies_are_shared(sh, h->profile) && (h->flags & CF_TIMESTAMPS))
		opt.tsval = cookie_half_tsval(sh, h);
	make_empty(b);
	stat_inc(sh, STAT_tx_segments);
	build_tcp_inline(b, &o);
	shard_tx(sh, ni->port, b);
}

void emit_synack(struct shard *sh, const struct half *h, struct buf *b)
{
	const struct net_iface *ni = &sh->net.ifaces[h->tuple.iface];

	if (shard_tx_room(sh, ni->port) == 0) {
		/* The retransmission timer sends it again. */
		stat_inc(sh, STAT_drop_tx_full);
		shard_buf_free(sh, b);
	} else if (likely(is_plain(ni, tuple_is_v6(&h->tuple)) && wants_all(h) &&
			  !sh->cookie_skew_ms)) {
		synack(sh, h, b, ni, true, true);
	} else {
		synack(sh, h, b, ni, false, false);
	}
}

static ALWAYS_INLINE void reply(struct shard *sh, struct seg *s, const struct reply *r,
				const struct net_iface *ni, bool plain)
{
	const struct conf_tcp *tcp = r->tcp ? r->tcp : &sh->conf->tcp;
	struct tcpopt_out opt = {.has_ts = r->has_ts, .tsval = ts_now(sh), .tsecr = r->tsecr};
	uint8_t dmac[6], addrs[32];
	uint32_t alen = plain || s->family == IP_V4 ? 4 : 16;
	struct out o = {
	    .opt = r->opt ? r->opt : &opt,
	    .smac = ni->mac,
	    .dmac = dmac,
	    .src = addrs,
	    .dst = addrs + 16,
	    .seq = r->seq,
	    .ack = r->ack,
	    .flags = r->flags,
	    .wnd = r->wnd,
	    .sport_be = s->dport_be,
	    .dport_be = s->sport_be,
	    .vlan = plain ? 0 : ni->vlan,
	    .family = plain ? IP_V4 : s->family,
	    .ttl = tcp->ttl,
	    .tos = (uint8_t)(tcp->dscp << 2),
	    .tx_flags = ni->tx_flags,
	};

	/* Copies: the answer is written over them. */
	memcpy(dmac, s->buf->data + 6, 6);
	memcpy(addrs, s->dst, alen);
	memcpy(addrs + 16, s->src, alen);
	if (!tcp->pmtu_discovery)
		fill_fragmentation(sh, &o);
	make_empty(s->buf);
	stat_inc(sh, STAT_tx_segments);
	build_tcp_inline(s->buf, &o);
	shard_tx(sh, ni->port, s->buf);
}

bool emit_reply(struct shard *sh, struct seg *s, const struct reply *r)
{
	const struct net_iface *ni = &sh->net.ifaces[s->iface];

	if (shard_tx_room(sh, ni->port) == 0) {
		stat_inc(sh, STAT_drop_tx_full);
		shard_buf_free(sh, s->buf);
		return false;
	}
	if (likely(is_plain(ni, s->family == IP_V6)))
		reply(sh, s, r, ni, true);
	else
		reply(sh, s, r, ni, false);
	return true;
}

void emit_cookie(struct shard *sh, struct seg *s, const struct half *h, uint32_t tsval)
{
	const struct conf_tcp *tcp = sh->profiles[h->profile].tcp;
	struct tcpopt_out opt = synack_options(sh, h, s->iface, s->family == IP_V6, false);
	struct reply r = {.seq = h->iss,
			  .ack = h->irs + 1,
			  .wnd = synack_window(tcp),
			  .flags = synack_flags(h),
			  .opt = &opt,
			  .tcp = tcp};

	opt.tsval = tsval;
	emit_reply(sh, s, &r);
}
