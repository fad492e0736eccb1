/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network of a fuzzed shard: peers whose segments are nearly right, since
 * segments at random never get past the sequence check. What a peer would know
 * of a connection is read from the shard itself. See world.h.
 */
#include "tests/fuzz/world.h"

/* What a peer knows of the connection that it sends to. */
struct view {
	struct ipaddr peer, local;
	uint16_t pport, lport; /* host order */
	uint16_t vlan;
	uint32_t next, edge;   /* what the shard expects, and how far */
	uint32_t una, nxt;     /* what it has sent */
	uint32_t ts_recent;
	bool timestamps;
};

/* What peers send to the http service: one of these at every multiple of their
 * size in the sequence space. */
#define HTTP_PORT 8080
#define HTTP_SIZE 32
static const char requests[8][HTTP_SIZE + 1] = {
    "GET / HTTP/1.1\r\nHost: abcdef\r\n\r\n",  "HEAD / HTTP/1.1\r\nHost: abcde\r\n\r\n",
    "PUT / HTTP/1.1\r\nhost: \r\ncontent-", "length: 18\r\n\r\nof eighteen bytes.",
    "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost:a\r\n\r\n", "GET / HTTP/1.1\r\nConnection:close",
    "\r\nhost:\r\n\r\nPUT / HTTP/1.1\r\nhost:", "GET / HTTP/1.0\r\nX: abcdefghi\r\n\r\n"};

static const uint8_t peer_mac[6] = {0x02, 0x00, 0x5e, 0x20, 0x00, 0x01};

void world_arrive(struct world *w, const uint8_t *bytes, uint32_t len, uint32_t rx_flags)
{
	struct buf *b;

	if (w->burst_len == SHARD_BURST)
		world_receive(w);
	b = mem_pool_get(w->pool);
	if (!b)
		return;
	b->len = MIN(len, buf_tailroom(b));
	memcpy(b->data, bytes, b->len);
	b->port = 0;
	b->flags = rx_flags;
	w->burst[w->burst_len++] = b;
}

/* In two to four fragments; one may be missing, come twice or overlap, and the last
 * one may come first. */
static void arrive_cut(struct world *w, const uint8_t *bytes, uint32_t len)
{
	uint32_t pieces = 2 + w->cut % 3, step = len / pieces / 8 * 8 + 8;
	uint8_t piece[FRAME_MAX];

	for (uint32_t i = 0; i < pieces; i++) {
		uint32_t n = w->cut & 8 ? pieces - 1 - i : i, start = n * step;
		bool odd = (w->cut >> 6) == n;

		if (start + 80 >= len || (odd && (w->cut & 16)))
			continue;
		if (odd && (w->cut & 32) && start)
			start -= 8;
		for (uint32_t k = odd && !(w->cut & 48) ? 2 : 1; k; k--)
			world_arrive(w, piece,
				     frame_fragment(piece, bytes, len, start, (n + 1) * step,
						    w->frag_id & 3),
				     0);
	}
}

static void arrive_frame(struct world *w, const struct frame *f)
{
	uint8_t bytes[FRAME_MAX];
	uint32_t len = frame_build(bytes, f);

	if (w->cut && f->kind != FRAME_ARP && len > 80)
		arrive_cut(w, bytes, len);
	else
		world_arrive(w, bytes, len, w->rx_flags);
	w->cut = 0;
}

static void view_tuple(const struct world *w, struct view *v, const struct tuple *t)
{
	v->peer = tuple_ipaddr(w->sh, t);
	v->local = w->tc.addrs[tuple_local(t)].addr;
	v->pport = get_be16(&t->rport_be);
	v->lport = get_be16(&t->lport_be);
	v->vlan = w->tc.ifaces[t->iface].vlan;
}

static bool view_conn(const struct world *w, uint32_t i, struct view *v)
{
	const struct conn *c = shard_conn(w->sh, i);

	if (c->tuple.local == TUPLE_FREE)
		return false;
	view_tuple(w, v, &c->tuple);
	v->next = c->rcv_nxt;
	v->edge = c->rcv_adv;
	v->una = c->snd_una;
	v->nxt = c->snd_nxt;
	v->ts_recent = c->ts_recent;
	v->timestamps = c->flags & CF_TIMESTAMPS;
	return true;
}

static bool view_half(const struct world *w, uint32_t i, struct view *v)
{
	const struct half *h = pool_at(&w->sh->halves, i);

	if (h->tuple.local == TUPLE_FREE)
		return false;
	view_tuple(w, v, &h->tuple);
	v->next = h->irs + 1;
	v->edge = v->next + UINT16_MAX;
	v->una = h->iss;
	v->nxt = h->iss + 1;
	v->ts_recent = h->ts_recent;
	v->timestamps = h->flags & CF_TIMESTAMPS;
	return true;
}

static bool view_time_wait(const struct world *w, uint32_t i, struct view *v)
{
	const struct time_wait *tw = tw_at(&w->sh->time_waits, i);
	struct tuple t = tuple_of_time_wait(w->sh, tw);

	if (!tw->used)
		return false;
	view_tuple(w, v, &t);
	v->next = tw->rcv_nxt;
	v->edge = v->next + UINT16_MAX;
	v->una = v->nxt = tw->snd_nxt;
	v->ts_recent = tw->ts_recent;
	v->timestamps = tw_has_timestamps(&w->sh->time_waits, i);
	return true;
}

/* A peer that may or may not be known: few of them, so that they meet again. */
static void view_stranger(const struct world *w, uint8_t pick, struct view *v)
{
	static const uint16_t ports[] = {WORLD_TEST_PORT, WORLD_TEST_PORT, 7, 9, 8080, 81, 4444,
					 WORLD_TEST_PORT};
	static const char *const peers[4] = {"192.0.2.9", "2001:db8::9", "203.0.113.9",
					     "2001:db8:5::9"};
	uint16_t local = pick >> 3 & 3;

	*v = (struct view){.peer = testconf_ip(peers[local]),
			   .local = w->tc.addrs[local].addr,
			   .pport = (uint16_t)(1024 + (pick >> 5)),
			   .lport = ports[pick & 7],
			   .vlan = w->tc.ifaces[w->tc.addrs[local].iface].vlan,
			   .next = 0xfffffff0,
			   .edge = 0xfffffff0};
}

/* Whom the next segment comes from. */
static void choose(const struct world *w, struct input *in, struct view *v)
{
	uint8_t kind = input_u8(in), pick = input_u8(in);
	const struct shard *sh = w->sh;

	if (kind < 160 && sh->conns.fresh > 1 && view_conn(w, 1 + pick % (sh->conns.fresh - 1), v))
		return;
	if (kind < 200 && sh->halves.fresh > 1 &&
	    view_half(w, 1 + pick % (sh->halves.fresh - 1), v))
		return;
	if (kind < 220 && tw_index_end(&sh->time_waits) &&
	    view_time_wait(w, pick % tw_index_end(&sh->time_waits), v))
		return;
	view_stranger(w, pick, v);
}

static uint32_t choose_seq(const struct view *v, uint8_t how, struct input *in)
{
	switch (how) {
	case 6:
		return v->next - 1;
	case 7:
		return v->next + 1;
	case 8:
		return v->next - input_u8(in);
	case 9:
		return v->next + input_u8(in);
	case 10:
		return v->next - input_u16(in);
	case 11:
		return v->next + input_u16(in);
	case 12:
		return v->edge;
	case 13:
		return v->edge - 1;
	case 14:
		return v->edge - input_u8(in);
	case 15:
		return input_u32(in);
	default:
		return v->next;
	}
}

static uint32_t choose_ack(const struct view *v, uint8_t how, struct input *in)
{
	switch (how) {
	case 5:
		return v->una;
	case 6:
		return v->nxt + 1;
	case 7:
		return v->una - 1;
	case 8:
		return v->una + input_u8(in);
	case 9:
		return v->nxt - input_u8(in);
	case 10:
		return v->una + input_u16(in);
	case 11:
		return 0;
	case 12:
		return input_u32(in);
	default:
		return v->nxt;
	}
}

static uint8_t choose_flags(struct input *in)
{
	static const uint8_t usual[] = {FRAME_ACK,
					FRAME_ACK | FRAME_PSH,
					FRAME_SYN,
					FRAME_FIN | FRAME_ACK,
					FRAME_RST,
					FRAME_RST | FRAME_ACK,
					FRAME_SYN | FRAME_ACK,
					FRAME_ACK | FRAME_URG,
					FRAME_FIN | FRAME_PSH | FRAME_ACK,
					FRAME_ACK};
	uint8_t pick = input_u8(in);

	return pick % 12 < ARRAY_SIZE(usual) ? usual[pick % 12] : input_u8(in);
}

/* Small, large and everything between, finer where it matters. */
static uint16_t choose_window(uint8_t b)
{
	return (uint16_t)(b < 64 ? b : b < 128 ? (b - 63) * 16 : (b - 127) * 511);
}

static uint32_t choose_len(uint8_t b)
{
	return b < 200 ? b : (b - 199) * 25u;
}

static void put_be(struct frame_tcp *t, uint32_t value, uint32_t bytes)
{
	while (bytes--)
		t->opts[t->opts_len++] = (uint8_t)(value >> (8 * bytes));
}

static void put_timestamps(struct frame_tcp *t, uint32_t tsval, uint32_t tsecr)
{
	put_be(t, 0x0101080a, 4);
	put_be(t, tsval, 4);
	put_be(t, tsecr, 4);
}

static void syn_options(struct frame_tcp *t, struct input *in)
{
	uint8_t offer = input_u8(in);

	if (offer & 1)
		put_be(t, 0x02040000 | (uint32_t)input_u8(in) * 8, 4);
	if (offer & 2)
		put_be(t, 0x01030300 | input_u8(in), 4);
	if (offer & 4)
		put_be(t, 0x01010402, 4);
	if (offer & 8)
		put_timestamps(t, 1000u + input_u8(in), 0);
}

/* Right timestamps unless the input wants others, and what it adds to them. */
static void options(const struct world *w, struct frame_tcp *t, const struct view *v,
		    struct input *in)
{
	uint8_t how = input_u8(in);

	if (v->timestamps != !!(how & 1))
		put_timestamps(t,
			       how & 2 ? v->ts_recent + (uint32_t)(int8_t)input_u8(in)
				       : v->ts_recent,
			       w->sh->now + w->sh->ts_offset);
	if (how & 4) {
		put_be(t, 0x0101050a, 4);
		put_be(t, v->una + input_u8(in) * 8u, 4);
		put_be(t, v->una + input_u16(in), 4);
	}
	if (how & 8)
		for (uint32_t n = input_u8(in) % 13; n; n--)
			put_be(t, input_u8(in), 1);
}

static uint8_t payload_byte(const struct view *v, uint32_t seq)
{
	if (v->lport == HTTP_PORT)
		return (uint8_t)requests[seq / HTTP_SIZE % ARRAY_SIZE(requests)][seq % HTTP_SIZE];
	return world_byte(seq);
}

void world_peer_segment(struct world *w, struct input *in)
{
	struct frame f = {.kind = FRAME_TCP, .ttl = 64, .proto = 6};
	uint8_t payload[1600];
	struct view v;
	uint8_t how;

	choose(w, in, &v);
	how = input_u8(in);
	memcpy(f.dst, w->rig.links[0].mac, 6);
	memcpy(f.src, peer_mac, 6);
	f.vlan = v.vlan;
	f.saddr = v.peer;
	f.daddr = v.local;
	f.tcp.flags = choose_flags(in);
	f.tcp.sport = v.pport;
	f.tcp.dport = v.lport;
	f.tcp.seq = choose_seq(&v, how & 15, in);
	f.tcp.ack = choose_ack(&v, how >> 4, in);
	f.tcp.wnd = choose_window(input_u8(in));
	f.payload = payload;
	f.payload_len = choose_len(input_u8(in));
	if (f.tcp.flags & FRAME_URG)
		f.tcp.urp = input_u8(in);
	if (f.tcp.flags & FRAME_SYN)
		syn_options(&f.tcp, in);
	else
		options(w, &f.tcp, &v, in);
	for (uint32_t i = 0; i < f.payload_len; i++)
		payload[i] = payload_byte(&v, f.tcp.seq + !!(f.tcp.flags & FRAME_SYN) + i);
	arrive_frame(w, &f);
}

/* The next hops that the shard may ask for. */
static struct ipaddr next_hop(uint8_t pick)
{
	static const char *const hops[] = {"192.0.2.50", "192.0.2.52", "192.0.2.254",
					   "2001:db8::fe"};

	return testconf_ip(hops[pick % ARRAY_SIZE(hops)]);
}

static void peer_arp(struct world *w, struct input *in, struct frame *f)
{
	uint8_t pick = input_u8(in);
	struct ipaddr hop = next_hop(pick % 3);

	f->kind = FRAME_ARP;
	f->arp.op = pick & 0x80 ? 1 : 2;
	f->arp.spa_be = hop.v4_be;
	f->arp.tpa_be = w->tc.addrs[0].addr.v4_be;
	memcpy(f->arp.sha, peer_mac, 6);
	f->arp.sha[0] |= pick & 0x40 ? 1 : 0;
	arrive_frame(w, f);
	if ((pick & 0x20) && w->burst_len) /* another worker's copy */
		w->burst[w->burst_len - 1]->flags = BUF_RX_LEARN_ONLY;
}

static void peer_nd(struct world *w, struct input *in, struct frame *f)
{
	uint8_t pick = input_u8(in);
	struct ipaddr hop = testconf_ip("2001:db8::fe");
	uint8_t body[40] = {0};
	bool solicit = pick & 0x80;

	f->kind = FRAME_ICMP;
	f->proto = 58;
	f->ttl = pick & 0x40 ? 64 : 255;
	f->saddr = hop;
	f->daddr = w->tc.addrs[1].addr;
	if (solicit && (pick & 0x20))
		f->saddr = (struct ipaddr){.family = IP_V6};
	f->icmp = (struct frame_icmp){solicit ? 135 : 136, 0, solicit ? 0 : 0x60000000};
	memcpy(body, solicit ? w->tc.addrs[1].addr.bytes : hop.bytes, 16);
	body[16] = solicit ? 1 : 2;
	body[17] = pick & 0x10 ? input_u8(in) : 1;
	memcpy(body + 18, peer_mac, 6);
	f->payload = body;
	f->payload_len = pick & 8 ? input_u8(in) % sizeof(body) : 24;
	arrive_frame(w, f);
}

static void peer_ping(struct world *w, struct input *in, struct frame *f)
{
	uint8_t pick = input_u8(in);
	uint8_t body[128] = {0};

	f->kind = FRAME_ICMP;
	f->saddr = testconf_ip(pick & 1 ? "2001:db8::9" : "192.0.2.9");
	f->daddr = w->tc.addrs[pick & 1].addr;
	f->proto = pick & 1 ? 58 : 1;
	f->icmp = (struct frame_icmp){pick & 1 ? 128 : 8, pick >> 7, input_u32(in)};
	f->payload = body;
	f->payload_len = input_u8(in) % sizeof(body);
	if (!(pick & 1))
		f->harm.ip_option_words = pick >> 1 & 3;
	arrive_frame(w, f);
}

/* An error that quotes a segment the shard may have sent. */
static void peer_icmp_error(struct world *w, struct input *in, struct frame *f)
{
	uint8_t quote[FRAME_MAX];
	struct frame q = {.kind = FRAME_TCP, .ttl = 3, .proto = 6};
	uint8_t how, type, code;
	struct view v;
	uint32_t len;

	choose(w, in, &v);
	how = input_u8(in);
	type = input_u8(in);
	code = input_u8(in);
	q.saddr = v.local;
	q.daddr = v.peer;
	q.tcp = (struct frame_tcp){.sport = v.lport,
				   .dport = v.pport,
				   .seq = choose_ack(&v, how >> 4, in),
				   .flags = FRAME_ACK};
	len = frame_build(quote, &q) - 14;
	f->kind = FRAME_ICMP;
	f->vlan = v.vlan;
	f->saddr = v.peer;
	f->daddr = v.local;
	f->proto = v.peer.family == IP_V4 ? 1 : 58;
	f->icmp = (struct frame_icmp){type, code, input_u16(in)};
	f->payload = quote + 14;
	f->payload_len = how & 1 ? input_u8(in) % len : len;
	if (how & 2)
		quote[14 + input_u8(in) % len] ^= input_u8(in);
	arrive_frame(w, f);
}

/* Bytes as the input has them, behind an address that gets them in or not. */
static void noise(struct world *w, struct input *in)
{
	uint32_t len = input_u8(in);
	uint8_t bytes[256];

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = input_u8(in);
	if (len > 6 && bytes[0] < 128)
		memcpy(bytes, w->rig.links[0].mac, 6);
	world_arrive(w, bytes, len, 0);
}

/* A SYN that is for somebody else: a group, another VLAN, another address. */
static void stray(struct world *w, struct input *in, struct frame *f)
{
	uint8_t pick = input_u8(in);
	struct view v;

	view_stranger(w, pick, &v);
	f->kind = FRAME_TCP;
	f->proto = 6;
	f->saddr = pick & 1 ? v.local : v.peer; /* or from our own address */
	f->daddr = v.local;
	f->vlan = v.vlan;
	f->tcp = (struct frame_tcp){
	    .sport = v.pport, .dport = v.lport, .seq = 5, .flags = FRAME_SYN};
	if (pick & 2)
		f->dst[0] |= 1;
	else if (pick & 4)
		f->vlan = 77;
	else if (!(pick & 1))
		f->daddr.bytes[f->daddr.family == IP_V4 ? 3 : 15] ^= 0x40;
	arrive_frame(w, f);
}

void world_peer_other(struct world *w, struct input *in)
{
	struct frame f = {.ttl = 64};

	memcpy(f.dst, w->rig.links[0].mac, 6);
	memcpy(f.src, peer_mac, 6);
	switch (input_u8(in) % 8) {
	case 0:
	case 1:
		peer_arp(w, in, &f);
		break;
	case 2:
		peer_nd(w, in, &f);
		break;
	case 3:
		peer_ping(w, in, &f);
		break;
	case 4:
		peer_icmp_error(w, in, &f);
		break;
	case 5:
		noise(w, in);
		break;
	case 6:
		stray(w, in, &f);
		break;
	case 7:
		w->cut = input_u8(in);
		w->frag_id = input_u8(in);
		break;
	}
}
