/* SPDX-License-Identifier: BSD-3-Clause */
/* See flood.h. */
#include "engine/tcp/flood.h"
#include "engine/table/listen_table.h"
#include "engine/tcp/cookie_format.h"
#include "engine/tcp/internal.h"
#include "engine/wire/build_inline.h"
#include "engine/wire/wire.h"

#define FRAMES_AHEAD 4 /* frames whose headers are on their way while one is looked at */

/* The SYN, and its answer. */
struct syn {
	struct eth_hdr eth;
	struct ipv4_hdr ip;
	struct tcp_hdr tcp;
	uint16_t mss_head_be, mss_be;
	uint32_t sack_ts_be;
	uint32_t tsval_be, tsecr_be;
	uint8_t nop, wscale_kind, wscale_len, wscale;
} PACKED;

#define L4_LEN (TCP_HLEN + TCPOPT_SYN_LEN)
static_assert(sizeof(struct syn) == ETH_HLEN + IPV4_HLEN + L4_LEN, "");

#define OFF_BYTE  (L4_LEN / 4 << 4)
#define MSS_HEAD  (TCPOPT_MSS << 8 | 4)
#define SACK_TS	  ((uint32_t)TCPOPT_SACK_PERMITTED << 24 | 2 << 16 | TCPOPT_TIMESTAMPS << 8 | 10)
#define WS_HEAD	  ((uint32_t)TCPOPT_NOP << 24 | TCPOPT_WSCALE << 16 | 3 << 8)

/* As they go out: what is the same in every answer. */
#define FRAG_BE	   ((uint32_t)__builtin_bswap16(IPV4_DF) << 16)
#define SACK_TS_BE __builtin_bswap32(SACK_TS)

/* Those whose places in the table are being fetched. */
struct candidates {
	uint32_t count;
	struct buf *bufs[SHARD_BURST];
	uint64_t words[SHARD_BURST][2], places[SHARD_BURST];
	bool known[SHARD_BURST]; /* perhaps: there may be something in the table */
};

/* What the answers to the SYNs for one of our ports that come by one of our interfaces share. Words
 * are as they go out, and their sums are of those that are the same in each. */
struct answer {
	uint32_t to; /* answer_key() */
	bool given;  /* cookies are; else all that comes for it goes the other way */
	uint16_t listener, tx_port;
	uint8_t tx_flags, smac[6];
	uint32_t ver_len, ttl_proto;
	uint32_t flags_wnd, mss, wscale;
	uint64_t ip_sum, tcp_sum;
	uint32_t nb_sent; /* not accounted for yet */
} CACHE_ALIGNED;

#define ANSWERS 4u /* ports that a flood may be for in turn without cost */

/* One that lacks only its MAC. */
struct draft {
	struct buf *buf;
	struct answer *answer;
	uint32_t tsval, mss_row;
};

struct flood {
	const struct prf_key *key;
	struct answer answers[ANSWERS];

	uint32_t waiting;
	struct draft draft[PRF_TOGETHER];
	uint64_t words[PRF_TOGETHER][4];
};

static ALWAYS_INLINE struct syn *syn_of(const struct buf *b)
{
	return (struct syn *)(void *)b->data;
}

static ALWAYS_INLINE uint32_t answer_key(const struct buf *b)
{
	return (uint32_t)syn_of(b)->tcp.dst_be << 8 | b->port;
}

static ALWAYS_INLINE bool has_the_form(const struct shard *sh, const struct buf *b)
{
	const struct syn *s = syn_of(b);

	return b->len == sizeof(*s) && s->tcp.flags == TCP_SYN && s->tcp.off == OFF_BYTE &&
	       get_be16(&s->eth.type_be) == ETH_TYPE_IPV4 && s->ip.ver_ihl == 0x45 &&
	       get_be16(&s->ip.len_be) == IPV4_HLEN + L4_LEN && s->ip.proto == IPPROTO_TCP_ &&
	       !(get_be16(&s->ip.frag_be) & (IPV4_MF | IPV4_OFFSET)) &&
	       get_be16(&s->mss_head_be) == MSS_HEAD && get_be32(&s->sack_ts_be) == SACK_TS &&
	       get_be16(&s->mss_be) >= cookie_ts_mss_v4[0] &&
	       (get_be32(&s->nop) & ~0xffu) == WS_HEAD &&
	       mac_equal(s->eth.dst, sh->net.port_mac[b->port]);
}

/* To the address that the last segment was sent to, by an interface of ours, from somebody else,
 * and this worker's. */
static ALWAYS_INLINE bool is_ours(const struct shard *sh, const struct buf *b)
{
	const struct syn *s = syn_of(b);
	const uint8_t *src = (const uint8_t *)&s->ip.src_be, *dst = (const uint8_t *)&s->ip.dst_be;

	return s->ip.dst_be == sh->last_dst_be && sh->last_local != CONF_NONE &&
	       sh->net.untagged[b->port] != CONF_NONE && ipaddr_v4_is_unicast(src) &&
	       net_whose(&sh->net, IP_V4, src) == NET_OTHERS &&
	       tuple_owner_of_frame(sh, b, IP_V4, src, dst, s->tcp.src_be, s->tcp.dst_be) == sh->id;
}

static ALWAYS_INLINE bool sums_verify(const struct buf *b)
{
	const struct syn *s = syn_of(b);

	if (!(b->flags & BUF_RX_IP_CSUM_OK) &&
	    csum_fold(csum_words(&s->ip, IPV4_HLEN / 4)) != 0xffff)
		return false;
	return (b->flags & BUF_RX_L4_CSUM_OK) || /* RFC 9293 MUST-3 */
	       csum_fold(csum_pseudo4(s->ip.src_be, s->ip.dst_be, IPPROTO_TCP_, L4_LEN) +
			 csum_words(&s->tcp, L4_LEN / 4)) == 0xffff;
}

/* The candidates of a burst; what is none comes to `rest`. */
static ALWAYS_INLINE void choose(const struct shard *sh, struct buf *const *bufs, uint32_t n,
				 struct candidates *out, struct buf **rest, uint32_t *others)
{
	out->count = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct buf *b = bufs[i];
		const struct syn *s = syn_of(b);
		struct tuple_key key;

		if (i + FRAMES_AHEAD < n)
			PREFETCH(bufs[i + FRAMES_AHEAD]->data);
		if (!(has_the_form(sh, b) && is_ours(sh, b) && sums_verify(b))) {
			rest[(*others)++] = b;
			continue;
		}
		key = (struct tuple_key){(const uint8_t *)&s->ip.src_be, s->tcp.src_be,
					 s->tcp.dst_be, sh->last_local};
		out->bufs[out->count] = b;
		tuple_words_v4(&key, out->words[out->count++]);
	}
	sh->prf->places(&sh->table_key, (const uint64_t(*)[2])out->words, out->count, out->places);
	for (uint32_t i = 0; i < out->count; i++) {
		out->known[i] = table_may_have(&sh->table, out->places[i]);
		if (out->known[i])
			table_prefetch(&sh->table, out->places[i]);
	}
}

/* Everybody may connect there, and all that is offered is taken. */
static bool listener_fits(const struct shard *sh, uint16_t listener)
{
	const struct conf_tcp *tcp = sh->profiles[listener].tcp;

	return !sh->listeners[listener].guarded && !sh->has_quotas && tcp->timestamps &&
	       tcp->sack && tcp->window_scaling && tcp->pmtu_discovery;
}

static bool is_given(struct shard *sh, uint16_t listener)
{
	/* As listen.c has it, of a SYN whose sender we know nothing of. */
	return listener != CONF_NONE && listener_fits(sh, listener) &&
	       !accept_queue_full(sh, listener) && backlog_wants_cookie(sh, listener);
}

static void prepare_ip(struct answer *a, const struct conf_tcp *tcp)
{
	a->ver_len = 0x45u | (uint32_t)tcp->dscp << 10 | /* MUST-48 */
		     (uint32_t)__builtin_bswap16(IPV4_HLEN + L4_LEN) << 16;
	a->ttl_proto = tcp->ttl | IPPROTO_TCP_ << 8; /* MUST-49 */
	a->ip_sum = (uint64_t)a->ver_len + FRAG_BE + a->ttl_proto;
}

static void prepare_tcp(const struct shard *sh, struct answer *a, uint16_t iface)
{
	const struct profile *p = &sh->profiles[a->listener];

	a->flags_wnd = OFF_BYTE | (TCP_SYN | TCP_ACK) << 8 |
		       (uint32_t)__builtin_bswap16(synack_window(p->tcp)) << 16;
	a->mss = __builtin_bswap32((uint32_t)MSS_HEAD << 16 |
				   mss_to_announce(sh, p->tcp, iface, false));
	a->wscale = __builtin_bswap32(WS_HEAD | p->wscale);
	a->tcp_sum = csum_pseudo4(0, 0, IPPROTO_TCP_, L4_LEN);
	if (!(a->tx_flags & BUF_TX_L4_CSUM))
		a->tcp_sum += (uint64_t)a->flags_wnd + a->mss + SACK_TS_BE + a->wscale;
}

static void account(struct shard *sh, struct answer *a)
{
	if (a->nb_sent)
		backlog_cookies_sent(sh, a->listener, a->nb_sent);
	a->nb_sent = 0;
}

/* For whom b's SYN is, who may be another than the last one. */
static NOINLINE void prepare(struct shard *sh, struct answer *a, const struct buf *b)
{
	uint16_t dport_be = syn_of(b)->tcp.dst_be, iface = sh->net.untagged[b->port];
	const struct net_iface *ni = &sh->net.ifaces[iface];

	account(sh, a);
	*a = (struct answer){.to = answer_key(b),
			     .listener = listen_table_find(sh, IP_V4, sh->last_local, dport_be),
			     .tx_port = ni->port,
			     .tx_flags = ni->tx_flags};
	a->given = is_given(sh, a->listener);
	if (!a->given)
		return;
	memcpy(a->smac, ni->mac, sizeof(a->smac));
	prepare_ip(a, sh->profiles[a->listener].tcp);
	prepare_tcp(sh, a, iface);
}

static ALWAYS_INLINE void draft(const struct shard *sh, struct flood *f, struct answer *a,
				struct buf *b)
{
	const struct syn *s = syn_of(b);
	uint32_t wscale = MIN(s->wscale, TCPOPT_MAX_WSCALE), seq = get_be32(&s->tcp.seq_be);
	uint32_t row = cookie_mss_row(cookie_ts_mss_v4, COOKIE_TS_MSS, get_be16(&s->mss_be));
	uint32_t tsval = cookie_tsval(ts_now(sh), COOKIE_TS_SACK | wscale);

	cookie_words(f->words[f->waiting], (const uint8_t *)&s->ip.src_be,
		     (const uint8_t *)&s->ip.dst_be, s->tcp.src_be, s->tcp.dst_be, seq,
		     COOKIE_REST_TS(tsval, row));
	f->draft[f->waiting++] = (struct draft){b, a, tsval, row};
}

/* Words go from registers to their places in the frame one by one: gathered in an array first,
 * which is copied then, each copy would wait for what it copies to leave the store buffer. */
static ALWAYS_INLINE void turn_ip(struct syn *s, const struct answer *a, uint64_t addrs)
{
	uint8_t *at = (uint8_t *)&s->ip;
	uint32_t src_be = s->ip.src_be, dst_be = s->ip.dst_be, ttl = a->ttl_proto;

	if (!(a->tx_flags & BUF_TX_IP_CSUM))
		ttl |= (uint32_t)csum_finish(a->ip_sum + addrs) << 16;
	build_word(at, a->ver_len);
	build_word(at + 4, FRAG_BE);
	build_word(at + 8, ttl);
	build_word(at + 12, dst_be);
	build_word(at + 16, src_be);
}

static ALWAYS_INLINE void turn_tcp(struct syn *s, const struct answer *a, uint64_t addrs,
				   uint32_t iss, uint32_t tsval)
{
	uint8_t *at = (uint8_t *)&s->tcp;
	uint32_t ports = (uint32_t)s->tcp.dst_be | (uint32_t)s->tcp.src_be << 16;
	uint32_t seq_be = __builtin_bswap32(iss);
	uint32_t ack_be = __builtin_bswap32(get_be32(&s->tcp.seq_be) + 1);
	uint32_t tsval_be = __builtin_bswap32(tsval), tsecr_be = s->tsval_be;
	uint64_t sum = a->tcp_sum + addrs;
	uint32_t csum;

	if (a->tx_flags & BUF_TX_L4_CSUM)
		csum = csum_fold(sum);
	else
		csum = csum_finish(sum + ports + seq_be + ack_be + tsval_be + tsecr_be);
	build_word(at, ports);
	build_word(at + 4, seq_be);
	build_word(at + 8, ack_be);
	build_word(at + 12, a->flags_wnd);
	build_word(at + 16, csum);
	build_word(at + 20, a->mss);
	build_word(at + 24, SACK_TS_BE);
	build_word(at + 28, tsval_be);
	build_word(at + 32, tsecr_be);
	build_word(at + 36, a->wscale);
}

/* The SYN becomes its own answer. */
static ALWAYS_INLINE void turn(struct shard *sh, const struct draft *d, uint32_t iss)
{
	const struct answer *a = d->answer;
	struct buf *b = d->buf;
	struct syn *s = syn_of(b);
	uint64_t addrs = (uint64_t)s->ip.src_be + s->ip.dst_be;

	memcpy(s->eth.dst, s->eth.src, 6);
	memcpy(s->eth.src, a->smac, 6);
	turn_ip(s, a, addrs);
	turn_tcp(s, a, addrs, iss, d->tsval);
	b->flags = a->tx_flags;
	b->hdr_len = sizeof(*s);
	b->l2_len = ETH_HLEN;
	b->l3_len = IPV4_HLEN;
	b->l4_len = L4_LEN;
	shard_tx(sh, a->tx_port, b);
}

static ALWAYS_INLINE void send_drafts(struct shard *sh, struct flood *f)
{
	uint64_t macs[PRF_TOGETHER];

	sh->cookie_prf->mac_together(f->key, f->words, macs);
	for (uint32_t i = 0; i < f->waiting; i++) {
		const struct draft *d = &f->draft[i];

		turn(sh, d, ((uint32_t)macs[i] & COOKIE_TS_MAC_MASK) |
				d->mss_row << COOKIE_TS_MAC_BITS);
		d->answer->nb_sent++;
	}
	f->waiting = 0;
}

/* Not all of it is cleared: nobody reads what is not set. */
static void begin(struct flood *f, const struct prf_key *key)
{
	f->key = key;
	f->waiting = 0;
	for (uint32_t i = 0; i < ANSWERS; i++) {
		f->answers[i].to = 0; /* port 0, which nobody is given cookies for here */
		f->answers[i].given = false;
		f->answers[i].nb_sent = 0;
	}
}

/* What all SYNs like b's are answered with; NULL: they are not answered here. */
static ALWAYS_INLINE struct answer *answer_for(struct shard *sh, struct flood *f,
					       const struct buf *b)
{
	uint32_t to = answer_key(b);
	struct answer *a = &f->answers[(to >> 16) % ANSWERS];

	if (unlikely(a->to != to)) {
		if (f->waiting)
			send_drafts(sh, f); /* some may be of the one that goes */
		prepare(sh, a, b);
	}
	if (!a->given || shard_tx_room(sh, a->tx_port) < PRF_TOGETHER) /* for all that wait */
		return NULL;
	return a;
}

static ALWAYS_INLINE void answer_candidates(struct shard *sh, struct flood *f,
					    const struct candidates *c, struct buf **rest,
					    uint32_t *others)
{
	for (uint32_t i = 0; i < c->count; i++) {
		struct buf *b = c->bufs[i];
		struct answer *a = NULL;

		if (likely(!c->known[i] || !table_hint(&sh->table, c->places[i])))
			a = answer_for(sh, f, b);
		if (unlikely(!a)) {
			rest[(*others)++] = b;
			continue;
		}
		draft(sh, f, a, b);
		if (f->waiting == PRF_TOGETHER)
			send_drafts(sh, f);
	}
	if (f->waiting)
		send_drafts(sh, f);
}

uint32_t flood_answer(struct shard *sh, struct buf *const *bufs, uint32_t n, struct buf **rest)
{
	const struct prf_key *key = cookie_ts_key(sh);
	struct flood f;
	struct candidates c;
	uint32_t others = 0;

	if (unlikely(!key)) {
		memcpy(rest, bufs, n * sizeof(*rest));
		return n;
	}
	begin(&f, key);
	choose(sh, bufs, n, &c, rest, &others);
	answer_candidates(sh, &f, &c, rest, &others);
	for (uint32_t i = 0; i < ANSWERS; i++)
		account(sh, &f.answers[i]);
	stat_add(sh, STAT_rx_segments, n - others);
	stat_add(sh, STAT_tx_segments, n - others);
	return others;
}
