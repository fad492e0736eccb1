/* SPDX-License-Identifier: BSD-3-Clause */
/* See peer.h. */
#include "bench/peer.h"
#include "bench/segment.h"
#include "engine/table/tuple.h"
#include "engine/wire/wire.h"

#define BATCH 32

/* client * SPREAD modulo 2^31 is an address of 198.19.0.0/16 and one of 32,768 ports; SPREAD *
 * GATHER is 1 there, so the way back is a product as well. */
#define SPREAD     0x2545f491u
#define GATHER     0x41444c71u
#define MASK       (PEER_MAX - 1)
#define FIRST_PORT 1024

static const uint8_t engine_mac[6] = {2, 0, 0, 0, 0, 1}, peer_mac[6] = {2, 0, 0, 0, 0, 9};
static const uint8_t engine_ip[4] = {198, 18, 0, 1};

static_assert(((uint64_t)SPREAD * GATHER & MASK) == 1, "GATHER is not the inverse of SPREAD");

uint32_t peer_isn(uint32_t client)
{
	return client * 2654435761u;
}

static uint16_t address_of(uint32_t client, uint8_t ip[4])
{
	uint32_t x = client * SPREAD & MASK;

	ip[0] = 198;
	ip[1] = 19;
	ip[2] = (uint8_t)(x >> 23);
	ip[3] = (uint8_t)(x >> 15);
	return __builtin_bswap16((uint16_t)(FIRST_PORT + (x & 0x7fff)));
}

static uint32_t client_at(const uint8_t ip[4], uint16_t port_be)
{
	uint32_t port = (uint32_t)(__builtin_bswap16(port_be) - FIRST_PORT) & 0x7fff;
	uint32_t x = (uint32_t)ip[2] << 23 | (uint32_t)ip[3] << 15 | port;

	return x * GATHER & MASK;
}

bool peer_is_ours(const struct bench *b, uint32_t client)
{
	uint16_t port_be;
	uint8_t ip[4];

	if (b->sh->nb_shards == 1)
		return true;
	port_be = address_of(client, ip);
	return b->sh->id ==
	       tuple_owner(b->sh, IP_V4, ip, engine_ip, port_be, __builtin_bswap16(80));
}

struct buf *peer_make(struct bench *b, const struct peer_seg *s)
{
	struct buf *f = segment_buf(b, s->len, 0);
	uint8_t ip[4];
	struct out o = {.smac = peer_mac,
			.dmac = engine_mac,
			.src = ip,
			.dst = engine_ip,
			.dport_be = __builtin_bswap16(80),
			.seq = s->seq,
			.ack = s->ack,
			.flags = s->flags};

	o.sport_be = address_of(s->client, ip);
	if (s->len)
		memcpy(f->data, s->payload, s->len);
	segment_finish(b, f, &o, s->tsecr);
	return f;
}

bool peer_read(const struct buf *f, struct peer_view *v)
{
	const struct eth_hdr *e = (const void *)f->data;
	const uint8_t *ip = f->data + ETH_HLEN;
	const struct tcp_hdr *t = (const void *)(ip + IPV4_HLEN);
	uint32_t hlen = (t->off >> 4) * 4u;

	if (get_be16(&e->type_be) != ETH_TYPE_IPV4)
		return false;
	*v = (struct peer_view){.client = client_at(ip + 16, t->dst_be),
				.flags = t->flags,
				.seq = get_be32(&t->seq_be),
				.ack = get_be32(&t->ack_be),
				.len = get_be16(ip + 2) - IPV4_HLEN - hlen};
	/* Behind MSS in a SYN, else alone. */
	v->tsval = get_be32(ip + IPV4_HLEN + (t->flags & TCP_SYN ? 28 : 24));
	return true;
}

void peer_ignore(struct bench *b)
{
	for (uint32_t i = 0; i < b->nb_frames; i++)
		mem_pool_put(b->pool, b->frames[i]);
	b->nb_frames = 0;
}

/* The handshake's last segment for each SYN-ACK among the engine's frames. */
static uint32_t confirm(struct bench *b, uint32_t first, uint32_t *snd_nxt, uint32_t *rcv_nxt,
			struct buf **out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->nb_frames; i++) {
		struct peer_view v;

		if (!peer_read(b->frames[i], &v) || !(v.flags & TCP_SYN))
			continue;
		if (snd_nxt)
			snd_nxt[v.client - first] = v.ack;
		if (rcv_nxt)
			rcv_nxt[v.client - first] = v.seq + 1;
		out[n++] = peer_make(b, &(struct peer_seg){.client = v.client,
							   .flags = TCP_ACK,
							   .seq = v.ack,
							   .ack = v.seq + 1,
							   .tsecr = v.tsval});
	}
	return n;
}

void peer_connect(struct bench *b, uint32_t first, uint32_t n, uint32_t *snd_nxt, uint32_t *rcv_nxt)
{
	for (uint32_t at = 0; at < n; at += BATCH) {
		struct buf *bufs[BATCH];
		uint32_t count = 0;

		for (uint32_t i = at; i < n && i < at + BATCH; i++)
			if (peer_is_ours(b, first + i))
				bufs[count++] =
				    peer_make(b, &(struct peer_seg){.client = first + i,
								    .flags = TCP_SYN,
								    .seq = peer_isn(first + i)});
		bench_turn(b, bufs, count);
		count = confirm(b, first, snd_nxt, rcv_nxt, bufs);
		peer_ignore(b);
		bench_turn(b, bufs, count);
		peer_ignore(b);
	}
}
