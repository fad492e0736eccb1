/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/burst.h"
#include "engine/net/arp.h"
#include "engine/net/nd.h"
#include "engine/net/neigh.h"
#include "engine/tcp/flood.h"
#include "engine/tcp/internal.h"

#define XFER_AHEAD     3 /* segments whose transfer blocks are, while one is processed, */
#define SENT_AHEAD     1 /* and those whose first unacknowledged buffers are */
#define PREFETCH_AHEAD 4 /* frames whose headers are on their way while one is parsed */

static const uint8_t drop_stats[] = {
    [PARSE_TOO_SHORT - PARSE_DROP_FIRST] = STAT_drop_too_short,
    [PARSE_NOT_OURS_L2 - PARSE_DROP_FIRST] = STAT_drop_not_ours_l2,
    [PARSE_UNKNOWN_ETHERTYPE - PARSE_DROP_FIRST] = STAT_drop_unknown_ethertype,
    [PARSE_BAD_IP_VERSION - PARSE_DROP_FIRST] = STAT_drop_bad_ip_version,
    [PARSE_BAD_IP_CSUM - PARSE_DROP_FIRST] = STAT_drop_bad_ip_csum,
    [PARSE_SOURCE_ROUTE - PARSE_DROP_FIRST] = STAT_drop_source_route,
    [PARSE_UNKNOWN_PROTOCOL - PARSE_DROP_FIRST] = STAT_drop_unknown_protocol,
    [PARSE_BAD_TCP_OFFSET - PARSE_DROP_FIRST] = STAT_drop_bad_tcp_offset,
    [PARSE_BAD_TCP_CSUM - PARSE_DROP_FIRST] = STAT_drop_bad_tcp_csum,
    [PARSE_BAD_ICMP_CSUM - PARSE_DROP_FIRST] = STAT_drop_bad_icmp_csum,
    [PARSE_BAD_SOURCE - PARSE_DROP_FIRST] = STAT_drop_bad_source,
};
static_assert(STAT_COUNT <= UINT8_MAX, "drop_stats holds them in a byte");

static COLD void drop(struct shard *sh, struct buf *b, enum stat why)
{
	stat_inc(sh, why);
	shard_buf_free(sh, b);
}

void burst_hand_over(struct shard *sh, struct buf *b, uint16_t owner)
{
	if (sh->handover_count == SHARD_HANDOVER) {
		drop(sh, b, STAT_drop_handover_full);
		return;
	}
	b->owner = (uint8_t)owner;
	sh->handover[sh->handover_count++] = b;
	stat_inc(sh, STAT_handed_over);
}

/* Who says where which neighbour is. */
struct claim {
	struct ipaddr addr;
	const uint8_t *mac;
};

static bool read_claim(const struct seg *s, enum parse_result kind, struct claim *out)
{
	if (kind == PARSE_ARP)
		return arp_claims(s, &out->addr, &out->mac);
	return kind == PARSE_ICMP6 && nd_claims(s, &out->addr, &out->mac);
}

/* Those that the configuration names can be counted on, however much is said about others; and who
 * is known to have one of their addresses is heard, however many claim it. */
static struct budget *budget_for(struct shard *sh, const struct seg *s, const struct claim *c)
{
	if (!hops_may_have(&sh->hops, c->addr.family, c->addr.bytes))
		return &sh->share_budget;
	if (neigh_agrees(sh, s->iface, &c->addr, c->mac))
		return &sh->holder_budget;
	return &sh->hop_budget;
}

/* The rest of a burst has room behind the copies. */
static bool may_share(struct shard *sh, const struct seg *s, const struct claim *c)
{
	return sh->handover_count + sh->nb_shards + SHARD_BURST <= SHARD_HANDOVER &&
	       budget_take(budget_for(sh, s, c), sh->now, &sh->isn_key.sip);
}

/* What is said about neighbours reaches one worker only; the others learn from copies. */
static void share_claim(struct shard *sh, const struct seg *s, const struct claim *c)
{
	if (!may_share(sh, s, c)) {
		stat_inc(sh, STAT_neighbour_limited);
		return;
	}
	for (uint16_t w = 0; w < sh->nb_shards; w++) {
		struct buf *copy;

		if (w == sh->id)
			continue;
		copy = shard_buf_alloc(sh);
		if (!copy)
			return;
		copy->len = MIN(s->buf->len, buf_tailroom(copy));
		memcpy(copy->data, s->buf->data, copy->len);
		copy->port = s->buf->port;
		copy->flags = BUF_RX_LEARN_ONLY;
		burst_hand_over(sh, copy, w);
	}
}

/* ARP and ICMP are rare: they are dealt with at once. Consumes. */
static COLD void input_other(struct shard *sh, struct seg *s, enum parse_result kind)
{
	struct claim claim;

	if (sh->nb_shards > 1 && !(s->buf->flags & BUF_RX_LEARN_ONLY) &&
	    read_claim(s, kind, &claim))
		share_claim(sh, s, &claim);
	if (kind == PARSE_ARP)
		net_arp(sh, s);
	else
		net_icmp(sh, s);
}

/* A fragment for us; what it completes, NULL: nothing. Consumes s->buf. */
static struct buf *input_fragment(struct shard *sh, struct seg *s)
{
	uint16_t owner;

	if (s->multicast || net_local(&sh->net, s->family, s->dst) == CONF_NONE) {
		drop(sh, s->buf, STAT_drop_not_ours_l3);
		return NULL;
	}
	/* Only a datagram's first piece has ports: one worker gets all of them. */
	owner = tuple_owner(sh, s->family, s->src, s->dst, 0, 0);
	if (owner != sh->id) {
		burst_hand_over(sh, s->buf, owner);
		return NULL;
	}
	return frag_input(sh, s);
}

/* Parses and finds the interface; PARSE_DROP_FIRST: dealt with. */
static ALWAYS_INLINE enum parse_result parse(struct shard *sh, struct buf *b, struct seg *s)
{
	enum parse_result kind = parse_frame(b, sh->net.port_mac[b->port], s);

	if (unlikely(kind >= PARSE_DROP_FIRST)) {
		drop(sh, b, drop_stats[kind - PARSE_DROP_FIRST]);
		return PARSE_DROP_FIRST;
	}
	s->iface = net_iface(&sh->net, b->port, s->vlan);
	if (s->iface == CONF_NONE) {
		drop(sh, b, STAT_drop_unknown_iface);
		return PARSE_DROP_FIRST;
	}
	return kind;
}

/* Of what was put together from fragments not all that parses may be there. */
static bool may_be_whole(struct shard *sh, const struct seg *s, enum parse_result kind)
{
	/* Fragments of fragments, behind other headers: nobody's honest work. */
	if (kind == PARSE_FRAGMENT) {
		drop(sh, s->buf, STAT_drop_fragment_bad);
		return false;
	}
	/* RFC 6980 §5: neighbours have no reason to fragment their messages. */
	if (kind == PARSE_ICMP6 && s->payload[0] >= 133 && s->payload[0] <= 137) {
		drop(sh, s->buf, STAT_drop_bad_nd);
		return false;
	}
	return true;
}

/* What is not TCP, parsed as `kind`. Returns the frame that it completes, to be parsed in its
 * place; NULL: it has been dealt with. */
static NOINLINE struct buf *take_other(struct shard *sh, struct seg *s, enum parse_result kind)
{
	if (kind >= PARSE_DROP_FIRST)
		return NULL;
	if ((s->buf->flags & BUF_RX_WHOLE) && !may_be_whole(sh, s, kind))
		return NULL;
	if (kind == PARSE_FRAGMENT)
		return input_fragment(sh, s);
	input_other(sh, s, kind);
	return NULL;
}

/* The address it was sent to: most often that of the one before. False: not ours. */
static ALWAYS_INLINE bool find_local(struct shard *sh, struct seg *s)
{
	uint32_t be;

	if (unlikely(s->family != IP_V4)) {
		s->local = net_local(&sh->net, s->family, s->dst);
		s->tuple_local = s->local | TUPLE_V6;
		return s->local != CONF_NONE;
	}
	memcpy(&be, s->dst, 4);
	if (unlikely(be != sh->last_dst_be)) {
		sh->last_dst_be = be;
		sh->last_local = net_local(&sh->net, IP_V4, s->dst);
	}
	s->local = s->tuple_local = sh->last_local;
	return s->local != CONF_NONE;
}

/* True when the segment is TCP for one of our addresses and ours to process;
 * otherwise the frame has been dealt with. */
static ALWAYS_INLINE bool classify(struct shard *sh, struct buf *b, struct seg *s)
{
	enum parse_result kind;
	uint16_t owner;

	while (unlikely((kind = parse(sh, b, s)) != PARSE_TCP)) {
		b = take_other(sh, s, kind);
		if (!b)
			return false;
	}
	if (unlikely(s->multicast)) {
		drop(sh, s->buf, STAT_drop_multicast_tcp);
		return false;
	}
	if (unlikely(!find_local(sh, s))) {
		drop(sh, s->buf, STAT_drop_not_ours_l3);
		return false;
	}
	owner = tuple_owner_of_frame(sh, s->buf, s->family, s->src, s->dst, s->sport_be,
				     s->dport_be);
	if (owner != sh->id) {
		burst_hand_over(sh, s->buf, owner);
		return false;
	}
	stat_inc(sh, STAT_rx_segments);
	return true;
}

/* The two or three lines it lies in. */
static ALWAYS_INLINE void fetch_conn(const struct conn *c)
{
	FETCH(c);
	FETCH((const uint8_t *)c + CACHE_LINE);
	FETCH((const uint8_t *)c + sizeof(struct conn_pair) - 1);
}

/* Asks for the object's memory; the connection, NULL: it is none. */
static ALWAYS_INLINE struct conn *fetch_object(const struct shard *sh, uint32_t ref)
{
	uint32_t i = ref_index(ref);
	struct conn *c = NULL;

	switch (ref_kind(ref)) {
	case REF_CONN:
		c = shard_conn(sh, i);
		fetch_conn(c);
		break;
	case REF_HALF:
		FETCH(shard_half(sh, i));
		break;
	case REF_TIME_WAIT:
		FETCH(tw_at(&sh->time_waits, i));
		break;
	}
	return c;
}

/* What is queued and in flight, once the connection itself is here to tell where that is: the two
 * lines that every segment touches. */
static void prefetch_xfer(const struct shard *sh, const struct conn *c)
{
	const struct xfer *x = c ? conn_xfer(sh, c) : NULL;

	if (!x)
		return;
	PREFETCH_WRITE(x);
	PREFETCH_WRITE((const uint8_t *)x + CACHE_LINE);
}

/* What the segment's ACK is for. */
static void prefetch_sent(const struct shard *sh, const struct conn *c)
{
	const struct xfer *x = c ? conn_xfer(sh, c) : NULL;

	if (x && x->sndq.head)
		PREFETCH_WRITE(x->sndq.head);
}

/* Out of the table already, in memory until the end of the burst. */
static bool has_died(const struct shard *sh, uint32_t ref)
{
	return ref_kind(ref) == REF_CONN && shard_conn(sh, ref_index(ref))->state == TCP_CLOSED;
}

/* The object of the segment. The hint from the lookup stage, when so many had been stored, holds
 * unless an earlier segment of the burst changed something. */
static uint32_t confirm(const struct shard *sh, const struct seg *s, uint32_t inserted)
{
	struct tuple_key key = tuple_key_of_seg(s);

	if (ref_kind(s->ref) && tuple_matches(sh, s->ref, &key) && !has_died(sh, s->ref))
		return s->ref;
	if (s->ref == 0 && sh->table.inserted == inserted)
		return 0;
	return tuple_find(sh, &key, s->hash);
}

static NOINLINE void input_confirmed(struct shard *sh, struct seg *s, uint32_t inserted)
{
	uint32_t ref = confirm(sh, s, inserted);
	uint32_t i = ref_index(ref);

	if (!ref)
		tcp_listen_input(sh, s, NULL);
	else if (ref_kind(ref) == REF_CONN)
		tcp_input(sh, shard_conn(sh, i), s);
	else if (ref_kind(ref) == REF_HALF)
		tcp_half_input(sh, shard_half(sh, i), s);
	else
		tcp_time_wait_input(sh, i, s);
}

/* `c` is the connection that the segment is for, most likely. */
static ALWAYS_INLINE void input_tcp(struct shard *sh, struct seg *s, struct conn *c,
				    uint32_t inserted)
{
	struct tuple_key key = tuple_key_of_seg(s);

	if (c && likely(tuple_same(sh, &c->tuple, &key) && c->state != TCP_CLOSED))
		tcp_input(sh, c, s);
	else
		input_confirmed(sh, s, inserted);
}

/* The parsed segments of a burst, and what IPv4's tuples are hashed from. */
struct burst {
	struct seg segs[SHARD_BURST];
	uint64_t words[SHARD_BURST][2];
	struct conn *conns[SHARD_BURST]; /* that they are for, most likely, if they are for one */
};

/* What is dealt with by each frame alone; returns how many segments are left. */
static ALWAYS_INLINE uint32_t take_frames(struct shard *sh, struct burst *b,
					  struct buf *const *bufs, uint32_t n)
{
	struct seg *s = b->segs;
	uint64_t(*words)[2] = b->words;

	for (uint32_t i = 0; i < n; i++) {
		struct tuple_key key;

		if (i + PREFETCH_AHEAD < n)
			PREFETCH(bufs[i + PREFETCH_AHEAD]->data);
		if (!classify(sh, bufs[i], s))
			continue;
		key = tuple_key_of_seg(s++);
		tuple_words_v4(&key, *words++);
	}
	return (uint32_t)(s - b->segs);
}

/* Each segment's place in the table, whose memory is asked for. */
static ALWAYS_INLINE void find_places(struct shard *sh, struct burst *b, uint32_t count)
{
	uint64_t places[SHARD_BURST];

	sh->prf->places(&sh->table_key, (const uint64_t(*)[2])b->words, count, places);
	for (uint32_t i = 0; i < count; i++) {
		struct seg *s = &b->segs[i];

		s->hash = places[i];
		if (unlikely(s->family != IP_V4)) {
			struct tuple_key key = tuple_key_of_seg(s);

			s->hash = tuple_hash(sh, &key);
		}
		table_prefetch(&sh->table, s->hash);
	}
}

/* Those that are not in their own buckets. */
static NOINLINE void find_elsewhere(const struct shard *sh, struct burst *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct seg *s = &b->segs[i];

		if (s->ref == TABLE_UNSURE) {
			s->ref = table_hint_elsewhere(&sh->table, s->hash);
			b->conns[i] = fetch_object(sh, s->ref);
		}
	}
}

/* The objects that the segments are for, most likely, whose memory is asked for. */
static ALWAYS_INLINE void find_objects(const struct shard *sh, struct burst *b, uint32_t count)
{
	uint32_t unsure = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct seg *s = &b->segs[i];

		s->ref = table_hint(&sh->table, s->hash);
		unsure |= s->ref == TABLE_UNSURE;
		b->conns[i] = fetch_object(sh, s->ref);
	}
	if (unlikely(unsure))
		find_elsewhere(sh, b, count);
}

static void receive(struct shard *sh, struct buf *const *bufs, uint32_t n)
{
	struct burst b;
	uint32_t count = take_frames(sh, &b, bufs, n), inserted;

	find_places(sh, &b, count);
	find_objects(sh, &b, count);
	inserted = sh->table.inserted;
	for (uint32_t i = 0; i < count; i++) {
		if (i + XFER_AHEAD < count)
			prefetch_xfer(sh, b.conns[i + XFER_AHEAD]);
		if (i + SENT_AHEAD < count)
			prefetch_sent(sh, b.conns[i + SENT_AHEAD]);
		input_tcp(sh, &b.segs[i], b.conns[i], inserted);
	}
}

void shard_receive(struct shard *sh, struct buf *const *bufs, uint32_t n)
{
	uint64_t cookies = sh->stats[STAT_syncookies_sent];
	struct buf *rest[SHARD_BURST];

	INVARIANT(n <= SHARD_BURST);
	stat_add(sh, STAT_rx_frames, n);
	if (unlikely(sh->flooded)) {
		n = flood_answer(sh, bufs, n, rest);
		bufs = rest;
	}
	receive(sh, bufs, n);
	sh->flooded = sh->stats[STAT_syncookies_sent] - cookies >= FLOOD_BURST;
}
