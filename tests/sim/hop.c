/* SPDX-License-Identifier: BSD-3-Clause */
/* The router's line and queue. See hop.h. */
#include <stdlib.h>

#include "drivers/wrap_port.h"
#include "tests/lib/frame.h"
#include "tests/sim/hop.h"

#define FIFO   4096 /* frames in the router at most, those included that wait for nothing */
#define PIECES 64   /* fragments of one frame at most */

struct waiting {
	struct buf *b;
	usec_t depart;
};

struct hop {
	struct wrap_port wrap;
	struct hop_conf conf;
	struct dice dice;
	usec_t busy_until; /* the line is, with what is in the queue */
	uint64_t head, tail;
	struct waiting fifo[FIFO];
	uint64_t dropped, made, marked;
};

static struct hop *hop_of(struct port *p)
{
	return CONTAINER_OF(p, struct hop, wrap.port);
}

static void drop(struct hop *h, struct buf *b)
{
	mem_pool_put(h->conf.pool, b);
	h->dropped++;
}

/* When a frame that comes now has left: the line takes one after the other. */
static usec_t departure(struct hop *h, uint32_t bytes, usec_t now)
{
	if (!h->conf.plan->rate_bps)
		return now;
	h->busy_until = MAX(h->busy_until, now) + bytes * 8000000ull / h->conf.plan->rate_bps;
	return h->busy_until;
}

static void enqueue(struct hop *h, struct buf *b, usec_t now)
{
	const struct hop_plan *plan = h->conf.plan;
	uint64_t waiting = h->tail - h->head;

	if (plan->rate_bps && waiting >= plan->queue) {
		drop(h, b);
		return;
	}
	if (plan->rate_bps && plan->mark_at && waiting >= plan->mark_at)
		h->marked += hop_mark(b);
	h->fifo[h->tail++ % FIFO] = (struct waiting){b, departure(h, b->len, now)};
}

/* What passes now, 0: everything. */
static uint32_t mtu_at(const struct hop *h, uint8_t family, usec_t now)
{
	const struct hop_plan *plan = h->conf.plan;
	uint32_t mtu = 0;

	for (uint32_t i = 0; i < plan->nb_steps; i++)
		if (now >= *h->conf.begin + plan->steps[i].at_us)
			mtu = family == IP_V4 ? plan->steps[i].mtu4 : plan->steps[i].mtu6;
	return mtu;
}

/* The report goes back by the line that the frame came from. */
static void report(struct hop *h, const struct buf *b, uint32_t mtu, usec_t now)
{
	struct buf *out;

	if (dice_chance(&h->dice, h->conf.plan->silent_ppm))
		return;
	out = mem_pool_get(h->conf.pool);
	if (!out)
		return;
	hop_report(out, b, h->conf.plan->nameless && b->data[12] == 0x08 ? 0 : mtu);
	if (port_tx(h->wrap.inner, 0, &out, 1, now) == 1)
		h->made++;
	else
		mem_pool_put(h->conf.pool, out);
}

/* Cuts an IPv4 packet into pieces that pass, each a frame of its own. */
static void cut(struct hop *h, struct buf *b, uint32_t mtu, usec_t now)
{
	uint32_t header = (b->data[14] & 15) * 4u, total = hop_packet_len(b) - header;
	uint32_t step = (mtu - header) & ~7u;
	uint16_t id = (uint16_t)(b->data[18] << 8 | b->data[19]);

	h->made--; /* one of them is the frame itself */
	for (uint32_t start = 0; start < total; start += step) {
		struct buf *piece = mem_pool_get(h->conf.pool);

		h->made++;
		if (!piece) {
			h->dropped++;
			continue;
		}
		piece->len = frame_fragment(piece->data, b->data, 14 + header + total, start,
					    start + step, id);
		enqueue(h, piece, now);
	}
	mem_pool_put(h->conf.pool, b);
}

static void forward(struct hop *h, struct buf *b, usec_t now)
{
	uint32_t len = hop_packet_len(b);
	uint32_t mtu = mtu_at(h, b->data[12] == 0x08 ? IP_V4 : IP_V6, now);

	if (len == 0 || mtu == 0 || len <= mtu) {
		enqueue(h, b, now);
	} else if (hop_may_cut(b)) {
		cut(h, b, mtu, now);
	} else {
		report(h, b, mtu, now);
		drop(h, b);
	}
}

/* Devices put the check sequence behind the frame as it leaves. */
static void seal(struct buf *b)
{
	uint32_t crc = frame_crc(b->data, b->len);

	if (buf_tailroom(b) < HOP_FCS) {
		memmove(b->start, b->data, b->len);
		b->data = b->start;
	}
	memcpy(b->data + b->len, &crc, HOP_FCS);
	b->len += HOP_FCS;
}

static uint16_t rx_burst(struct port *port, uint16_t queue, struct buf **bufs, uint16_t n,
			 usec_t now)
{
	struct hop *h = hop_of(port);
	struct buf *in[16];
	uint16_t got = 0, k = 0;

	if (h->tail - h->head + ARRAY_SIZE(in) * PIECES <= FIFO)
		got = port_rx(h->wrap.inner, queue, in, ARRAY_SIZE(in), now);
	for (uint16_t i = 0; i < got; i++)
		forward(h, in[i], now);
	while (k < n && h->head != h->tail && h->fifo[h->head % FIFO].depart <= now) {
		bufs[k] = h->fifo[h->head++ % FIFO].b;
		if (h->conf.fcs)
			seal(bufs[k]);
		k++;
	}
	*h->conf.activity += got + k;
	return k;
}

static uint16_t tx_burst(struct port *port, uint16_t queue, struct buf **bufs, uint16_t n,
			 usec_t now)
{
	return port_tx(hop_of(port)->wrap.inner, queue, bufs, n, now);
}

static bool next_event(struct port *port, usec_t *at)
{
	struct hop *h = hop_of(port);

	if (h->head == h->tail)
		return false;
	*at = h->fifo[h->head % FIFO].depart;
	return true;
}

static void close_port(struct port *port)
{
	struct hop *h = hop_of(port);

	while (h->head != h->tail)
		mem_pool_put(h->conf.pool, h->fifo[h->head++ % FIFO].b);
	h->wrap.inner->ops->close(h->wrap.inner);
	free(h);
}

static const struct port_ops hop_ops = {
    .rx_burst = rx_burst,
    .tx_burst = tx_burst,
    .next_event = next_event,
    .link_up = wrap_port_link_up,
    .stats = wrap_port_stats,
    .close = close_port,
};

struct port *hop_create(struct port *inner, const struct hop_conf *conf)
{
	struct hop *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->wrap.port = *inner;
	h->wrap.port.ops = &hop_ops;
	h->wrap.inner = inner;
	h->conf = *conf;
	h->dice.state = conf->seed;
	return &h->wrap.port;
}

void hop_stats(struct port *p, struct hop_stats *out)
{
	const struct hop *h = hop_of(p);

	*out = (struct hop_stats){.dropped = h->dropped,
				  .made = h->made,
				  .marked = h->marked,
				  .queued = h->tail - h->head};
}
