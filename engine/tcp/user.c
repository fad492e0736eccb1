/* SPDX-License-Identifier: BSD-3-Clause */
/* User calls that move data: RFC 9293 §3.9.1.2, §3.9.1.3. */
#include "engine/tcp/internal.h"

uint32_t tcp_readable(const struct shard *sh, const struct conn *c)
{
	const struct xfer *x = conn_xfer(sh, c);

	return x ? x->rcvq.bytes : 0;
}

/* Reading opens the window and may uncover the peer's FIN. */
static void after_read(struct shard *sh, struct conn *c, struct xfer *x)
{
	conn_work(sh, c, CF_READ);
	tcp_urgent_read(c, x);
	if (!x->rcvq.head && (c->flags & CF_FIN_RECEIVED) && !(c->flags & CF_EOF_TOLD))
		conn_work(sh, c, CF_EV_EOF);
}

struct buf *tcp_read(struct shard *sh, struct conn *c)
{
	struct xfer *x = conn_xfer(sh, c);
	struct buf *b = x ? bufq_pop(&x->rcvq) : NULL;

	if (b)
		after_read(sh, c, x);
	return b;
}

const void *tcp_front(const struct shard *sh, const struct conn *c, uint32_t *len)
{
	const struct xfer *x = conn_xfer(sh, c);
	const struct buf *b = x ? x->rcvq.head : NULL;

	*len = b ? b->len : 0;
	return b ? b->data : NULL;
}

uint32_t tcp_peek(const struct shard *sh, const struct conn *c, uint32_t from, void *dst,
		  uint32_t max)
{
	const struct xfer *x = conn_xfer(sh, c);
	uint32_t copied = 0;

	for (const struct buf *b = x ? x->rcvq.head : NULL; b && copied < max; b = b->next) {
		uint32_t n;

		if (from >= b->len) {
			from -= b->len;
			continue;
		}
		n = MIN(b->len - from, max - copied);
		memcpy((uint8_t *)dst + copied, b->data + from, n);
		copied += n;
		from = 0;
	}
	return copied;
}

void tcp_consume(struct shard *sh, struct conn *c, uint32_t n)
{
	struct xfer *x = conn_xfer(sh, c);

	INVARIANT(n <= (x ? x->rcvq.bytes : 0));
	while (n) {
		struct buf *b = x->rcvq.head;

		if (n >= b->len) {
			n -= b->len;
			shard_buf_free(sh, bufq_pop(&x->rcvq));
			continue;
		}
		b->data += n;
		b->len -= n;
		b->flags &= ~(uint32_t)BUF_PAYLOAD_CSUM;
		x->rcvq.bytes -= n;
		n = 0;
	}
	if (x)
		after_read(sh, c, x);
}

uint32_t tcp_writable(struct shard *sh, struct conn *c)
{
	const struct xfer *x = conn_xfer(sh, c);
	uint32_t sndbuf = conn_tcp(sh, c)->sndbuf;
	uint32_t queued = x ? x->sndq.bytes : 0;

	if (unlikely(!x && pool_is_empty(&sh->xfers))) {
		conn_work(sh, c, CF_WANT_WRITE); /* its timer asks again */
		return 0;
	}
	if (queued < sndbuf)
		return sndbuf - queued;
	c->flags |= CF_WANT_WRITE;
	return 0;
}

bool tcp_may_queue(const struct conn *c)
{
	return !(c->flags & (CF_FIN_QUEUED | CF_SHUTDOWN_EARLY)) &&
	       (tcp_state_sends(c->state) || c->state == TCP_SYN_SENT ||
		c->state == TCP_SYN_RECEIVED);
}

bool tcp_write(struct shard *sh, struct conn *c, struct buf *b)
{
	struct xfer *x = tcp_may_queue(c) ? conn_xfer_get(sh, c) : NULL;

	if (!x) {
		shard_buf_free(sh, b);
		return false;
	}
	sndq_append(sh, c, x, b);
	conn_work(sh, c, CF_OUTPUT);
	return true;
}

uint32_t tcp_write_copy(struct shard *sh, struct conn *c, const void *data, uint32_t len)
{
	uint32_t done = 0;

	while (done < len) {
		struct buf *b = shard_buf_alloc(sh);
		uint32_t n;

		if (!b)
			break;
		n = MIN(len - done, buf_tailroom(b));
		if (c->mss) /* known once the connection is up; before, a guess */
			n = MIN(n, (uint32_t)c->mss);
		memcpy(b->data, (const uint8_t *)data + done, n);
		b->len = n;
		if (!tcp_write(sh, c, b))
			break;
		done += n;
	}
	return done;
}
