/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The send queue: one buf per segment, in order from SND.UNA on. A buf that
 * came in as a received segment leaves as a sent one; its payload is copied
 * only when it must be cut, or when it is small enough that joining costs less
 * than the header it saves.
 */
#include "engine/tcp/internal.h"

/* What the second piece of a cut buf has of the first. */
#define KEPT_BY_SPLIT                                                                              \
	(BUF_PSH | BUF_SENT | BUF_RESENT | BUF_SACKED | BUF_LOST | BUF_RETRANS)

#define JOIN_MAX 512 /* payload bytes that are copied to fill the buf before */

uint32_t sndq_end(const struct conn *c, const struct xfer *x)
{
	const struct buf *tail = x->sndq.tail;

	return tail ? tail->seq + buf_payload_len(tail) : c->snd_nxt;
}

static bool may_join(const struct conn *c, const struct buf *tail, const struct buf *b)
{
	return tail && !(tail->flags & BUF_SENT) && b->len <= JOIN_MAX &&
	       tail->len + b->len <= c->mss && buf_tailroom(tail) >= b->len;
}

void sndq_append(struct shard *sh, struct conn *c, struct xfer *x, struct buf *b)
{
	struct buf *tail = x->sndq.tail;

	if (may_join(c, tail, b)) {
		memcpy(tail->data + tail->len, b->data, b->len);
		tail->len += b->len;
		tail->flags &= ~(uint32_t)BUF_PAYLOAD_CSUM;
		tail->flags |= b->flags & BUF_PSH;
		x->sndq.bytes += b->len;
		shard_buf_free(sh, b);
		return;
	}
	b->seq = sndq_end(c, x);
	b->hdr_len = 0;
	b->flags &= BUF_PAYLOAD_CSUM | BUF_PSH;
	bufq_append(&x->sndq, b);
	if (!x->send_next)
		x->send_next = b;
}

void sndq_fill(struct shard *sh, struct xfer *x, struct buf *b, uint32_t want)
{
	struct buf *n;

	buf_strip(b);
	while (b->len < want && (n = b->next) && buf_tailroom(b)) {
		uint32_t take = MIN(MIN(want - b->len, n->len), buf_tailroom(b));

		memcpy(b->data + b->len, n->data, take);
		b->len += take;
		b->flags = (b->flags & ~(uint32_t)BUF_PAYLOAD_CSUM) | (n->flags & BUF_PSH);
		n->data += take;
		n->len -= take;
		n->seq += take;
		n->flags &= ~(uint32_t)BUF_PAYLOAD_CSUM;
		if (n->len)
			return;
		b->next = n->next;
		if (x->sndq.tail == n)
			x->sndq.tail = b;
		x->sndq.count--;
		shard_buf_free(sh, n);
	}
}

struct buf *sndq_unshare(struct shard *sh, struct xfer *x, struct buf *b)
{
	struct buf *copy = shard_buf_alloc(sh), **link = &x->sndq.head;

	if (!copy)
		return NULL;
	while (*link != b)
		link = &(*link)->next;
	copy->len = buf_payload_len(b);
	memcpy(copy->data, b->data + b->hdr_len, copy->len);
	copy->seq = b->seq;
	copy->sent_us = b->sent_us;
	copy->payload_csum = b->payload_csum;
	copy->flags = b->flags & (KEPT_BY_SPLIT | BUF_PAYLOAD_CSUM);
	copy->next = b->next;
	*link = copy;
	if (x->sndq.tail == b)
		x->sndq.tail = copy;
	if (x->lost_hint == b)
		x->lost_hint = copy;
	shard_buf_free_kept(sh, b);
	return copy;
}

bool sndq_split(struct shard *sh, struct xfer *x, struct buf *b, uint32_t n)
{
	struct buf *rest = shard_buf_alloc(sh);

	if (!rest)
		return false;
	buf_strip(b);
	rest->len = b->len - n;
	memcpy(rest->data, b->data + n, rest->len);
	rest->seq = b->seq + n;
	rest->sent_us = b->sent_us;
	rest->flags = b->flags & KEPT_BY_SPLIT;
	rest->next = b->next;
	b->next = rest;
	b->len = n;
	b->flags &= ~(uint32_t)(BUF_PSH | BUF_PAYLOAD_CSUM);
	if (x->sndq.tail == b)
		x->sndq.tail = rest;
	x->sndq.count++;
	return true;
}
