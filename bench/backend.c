/* SPDX-License-Identifier: BSD-3-Clause */
/* See backend.h. */
#include "bench/backend.h"
#include "bench/segment.h"
#include "engine/wire/wire.h"

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 8};
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/* The question for the next hop: this is it. */
static struct buf *answer_arp(struct bench *b, const struct buf *f)
{
	struct buf *r = segment_buf(b, ETH_HLEN + sizeof(struct arp_hdr), 1);
	const struct arp_hdr *q = (const void *)(f->data + ETH_HLEN);
	struct arp_hdr *a = (void *)(r->data + ETH_HLEN);

	memcpy(r->data, f->data + 6, 6);
	memcpy(r->data + 6, mac, 6);
	memcpy(r->data + 12, f->data + 12, 2);
	*a = *q;
	a->op_be = __builtin_bswap16(2);
	memcpy(a->sha, mac, 6);
	a->spa_be = q->tpa_be;
	memcpy(a->tha, q->sha, 6);
	a->tpa_be = q->spa_be;
	return r;
}

/* What a segment is answered with, `to_data` if it has any; 0: nothing. */
static uint8_t flags_for(const struct tcp_hdr *t, uint32_t len, uint8_t to_data)
{
	if (t->flags & TCP_SYN)
		return TCP_SYN | TCP_ACK;
	if (len)
		return to_data;
	return t->flags & TCP_FIN ? TCP_ACK : 0;
}

static struct buf *answer(struct bench *b, const struct buf *f, uint8_t to_data)
{
	const uint8_t *ip = f->data + ETH_HLEN;
	const struct tcp_hdr *t = (const void *)(ip + IPV4_HLEN);
	bool syn = t->flags & TCP_SYN;
	uint32_t len = get_be16(ip + 2) - IPV4_HLEN - (t->off >> 4) * 4u;
	struct out o = {.smac = mac,
			.dmac = f->data + 6,
			.src = ip + 16,
			.dst = ip + 12,
			.sport_be = t->dst_be,
			.dport_be = t->src_be,
			.flags = flags_for(t, len, to_data)};
	struct buf *r;

	if (get_be16(f->data + 12) == ETH_TYPE_ARP)
		return answer_arp(b, f);
	if (!o.flags)
		return NULL;
	o.seq = syn ? 1 : get_be32(&t->ack_be);
	o.ack = get_be32(&t->seq_be) + len + !!(t->flags & (TCP_SYN | TCP_FIN));
	r = segment_buf(b, o.flags & TCP_FIN ? sizeof(response) - 1 : 0, 1);
	memcpy(r->data, response, r->len);
	segment_finish(b, r, &o, get_be32(ip + IPV4_HLEN + (syn ? 32 : 24)));
	return r;
}

struct buf *backend_answer(struct bench *b, const struct buf *f)
{
	return answer(b, f, TCP_ACK | TCP_PSH | TCP_FIN);
}

struct buf *backend_take(struct bench *b, const struct buf *f)
{
	return answer(b, f, TCP_ACK);
}
