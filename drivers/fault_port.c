/* SPDX-License-Identifier: BSD-3-Clause */
/* The harming port; see fault_port.h. Every frame goes through the hold queue of
 * its port queue, a heap by due time and then by arrival; the generator is asked
 * the same number of times for each frame, so that changing one probability
 * leaves the other harms where they were. */
#include "drivers/fault_port.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "drivers/wrap_port.h"

#define FAULT_BURST 64
#define PPM	    1000000u
#define NEVER	    UINT64_MAX

struct held {
	usec_t due;
	uint64_t order; /* of arrival */
	struct buf *buf;
};

/* Written by the queue's thread only; the counters and `due` are read by all. */
struct fault_queue {
	CACHE_ALIGNED uint64_t prng;
	uint64_t next_order;
	struct held *heap; /* FAULT_HOLD_MAX */
	_Atomic uint64_t due; /* of heap[0], or NEVER */
	_Atomic uint64_t held;
	_Atomic uint64_t passed, dropped, duplicated, reordered, corrupted, no_copy, hurried;
};

struct fault_port {
	struct wrap_port wrap;
	struct conf_fault conf;
	struct buf_ops bufs;
	struct fault_queue *queues;
};

static struct fault_port *fault_port_of(struct port *p)
{
	return CONTAINER_OF(p, struct fault_port, wrap.port);
}

/* splitmix64: any seed is a good one. */
static uint64_t prng_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static bool chance(uint64_t *state, uint32_t ppm)
{
	return prng_next(state) % PPM < ppm;
}

static uint64_t counted(_Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void set(_Atomic uint64_t *counter, uint64_t value)
{
	atomic_store_explicit(counter, value, memory_order_relaxed);
}

static void count(_Atomic uint64_t *counter)
{
	set(counter, counted(counter) + 1);
}

static bool earlier(const struct held *a, const struct held *b)
{
	return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void hold(struct fault_queue *q, struct buf *b, usec_t due)
{
	struct held h = {.due = due, .order = q->next_order++, .buf = b};
	uint64_t i = counted(&q->held);

	INVARIANT(i < FAULT_HOLD_MAX);
	set(&q->held, i + 1);
	for (; i > 0 && earlier(&h, &q->heap[(i - 1) / 2]); i = (i - 1) / 2)
		q->heap[i] = q->heap[(i - 1) / 2];
	q->heap[i] = h;
}

/* Takes the earliest; there is one. */
static struct buf *release(struct fault_queue *q)
{
	struct buf *b = q->heap[0].buf;
	uint64_t n = counted(&q->held) - 1, i = 0, child;
	struct held last = q->heap[n];

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && earlier(&q->heap[child + 1], &q->heap[child]))
			child++;
		if (!earlier(&q->heap[child], &last))
			break;
		q->heap[i] = q->heap[child];
		i = child;
	}
	q->heap[i] = last;
	set(&q->held, n);
	return b;
}

static void corrupt(struct buf *b, uint64_t seed)
{
	uint32_t word = (uint32_t)(prng_next(&seed) % ((b->len + 1) / 2));
	uint32_t bits = word * 2 + 1 < b->len ? 16 : 8;
	uint32_t flips = 1 + (uint32_t)(prng_next(&seed) % 3), done = 0;

	while ((uint32_t)__builtin_popcount(done) < flips)
		done |= 1u << prng_next(&seed) % bits;
	b->data[word * 2] ^= (uint8_t)done;
	if (bits == 16)
		b->data[word * 2 + 1] ^= (uint8_t)(done >> 8);
	/* What the device found out about the frame no longer holds. */
	b->flags &= ~(uint32_t)(BUF_RX_IP_CSUM_OK | BUF_RX_L4_CSUM_OK | BUF_RX_HASH);
}

static void duplicate(struct fault_port *p, struct fault_queue *q, const struct buf *b, usec_t due)
{
	struct buf *c;

	if (!p->bufs.alloc_bulk(p->bufs.ctx, &c, 1)) {
		count(&q->no_copy);
		return;
	}
	if (b->len > buf_tailroom(c)) {
		p->bufs.free_bulk(p->bufs.ctx, &c, 1);
		count(&q->no_copy);
		return;
	}
	memcpy(c->data, b->data, b->len);
	c->len = b->len;
	c->flags = b->flags;
	c->rss_hash = b->rss_hash;
	c->port = b->port;
	hold(q, c, due);
	count(&q->duplicated);
}

/* Decides one frame's fate. */
static void receive(struct fault_port *p, struct fault_queue *q, struct buf *b, usec_t now)
{
	bool dropped = chance(&q->prng, p->conf.drop_ppm);
	bool duplicated = chance(&q->prng, p->conf.duplicate_ppm);
	bool corrupted = chance(&q->prng, p->conf.corrupt_ppm);
	bool reordered = chance(&q->prng, p->conf.reorder_ppm);
	uint64_t seed = prng_next(&q->prng);
	usec_t due = now + p->conf.delay_us;

	count(&q->passed);
	if (dropped) {
		p->bufs.free_bulk(p->bufs.ctx, &b, 1);
		count(&q->dropped);
		return;
	}
	if (duplicated)
		duplicate(p, q, b, due);
	if (corrupted && b->len > 0) {
		corrupt(b, seed);
		count(&q->corrupted);
	}
	if (reordered) {
		due += p->conf.reorder_us;
		count(&q->reordered);
	}
	hold(q, b, due);
}

/* Delivers what is due, and what the hold queue is too full to keep. */
static uint16_t deliver(struct fault_queue *q, struct buf **bufs, uint16_t n, usec_t now)
{
	uint16_t k = 0;

	while (k < n && counted(&q->held) > 0) {
		if (q->heap[0].due > now) {
			if (counted(&q->held) <= FAULT_HOLD_MAX - 2 * FAULT_BURST)
				break;
			count(&q->hurried);
		}
		bufs[k++] = release(q);
	}
	set(&q->due, counted(&q->held) > 0 ? q->heap[0].due : NEVER);
	return k;
}

static uint16_t rx_burst(struct port *port, uint16_t queue, struct buf **bufs, uint16_t n,
			 usec_t now)
{
	struct fault_port *p = fault_port_of(port);
	struct fault_queue *q = &p->queues[queue];
	struct buf *in[FAULT_BURST];
	uint64_t room = (FAULT_HOLD_MAX - counted(&q->held)) / 2; /* each may be duplicated */
	uint16_t most = (uint16_t)MIN(room, MIN(n, FAULT_BURST));
	uint16_t got = port_rx(p->wrap.inner, queue, in, most, now);

	for (uint16_t i = 0; i < got; i++)
		receive(p, q, in[i], now);
	return deliver(q, bufs, n, now);
}

static uint16_t tx_burst(struct port *port, uint16_t queue, struct buf **bufs, uint16_t n,
			 usec_t now)
{
	return port_tx(fault_port_of(port)->wrap.inner, queue, bufs, n, now);
}

static bool next_event(struct port *port, usec_t *at)
{
	struct fault_port *p = fault_port_of(port);
	const struct port_ops *inner = p->wrap.inner->ops;
	uint64_t first = NEVER;
	usec_t t;

	for (uint16_t i = 0; i < port->nb_queues; i++)
		first = MIN(first, counted(&p->queues[i].due));
	if (inner->next_event && inner->next_event(p->wrap.inner, &t))
		first = MIN(first, t);
	*at = first;
	return first != NEVER;
}

static void fault_port_free(struct fault_port *p)
{
	for (uint16_t i = 0; p->queues && i < p->wrap.port.nb_queues; i++)
		free(p->queues[i].heap);
	free(p->queues);
	free(p);
}

static void close_port(struct port *port)
{
	struct fault_port *p = fault_port_of(port);

	for (uint16_t i = 0; i < port->nb_queues; i++) {
		struct fault_queue *q = &p->queues[i];

		while (counted(&q->held) > 0) {
			struct buf *b = release(q);

			p->bufs.free_bulk(p->bufs.ctx, &b, 1);
		}
	}
	p->wrap.inner->ops->close(p->wrap.inner);
	fault_port_free(p);
}

static const struct port_ops fault_port_ops = {
	.rx_burst = rx_burst,
	.tx_burst = tx_burst,
	.next_event = next_event,
	.link_up = wrap_port_link_up,
	.stats = wrap_port_stats,
	.close = close_port,
};

static bool queues_create(struct fault_port *p)
{
	p->queues = wrap_port_queues(p->wrap.port.nb_queues, sizeof(*p->queues));
	if (!p->queues)
		return false;
	for (uint16_t i = 0; i < p->wrap.port.nb_queues; i++) {
		struct fault_queue *q = &p->queues[i];

		q->prng = p->conf.seed + i * 0xd1b54a32d192ed03;
		set(&q->due, NEVER);
		q->heap = calloc(FAULT_HOLD_MAX, sizeof(*q->heap));
		if (!q->heap)
			return false;
	}
	return true;
}

struct port *fault_port_create(struct port *inner, const struct conf_fault *conf,
			       const struct buf_ops *bufs)
{
	struct fault_port *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->wrap.port = *inner;
	p->wrap.port.ops = &fault_port_ops;
	p->wrap.inner = inner;
	p->conf = *conf;
	p->bufs = *bufs;
	if (!queues_create(p)) {
		fault_port_free(p);
		return NULL;
	}
	return &p->wrap.port;
}

void fault_port_stats(struct port *port, struct fault_stats *out)
{
	struct fault_port *p = fault_port_of(port);

	*out = (struct fault_stats){0};
	for (uint16_t i = 0; i < port->nb_queues; i++) {
		struct fault_queue *q = &p->queues[i];

		out->passed += counted(&q->passed);
		out->dropped += counted(&q->dropped);
		out->duplicated += counted(&q->duplicated);
		out->reordered += counted(&q->reordered);
		out->corrupted += counted(&q->corrupted);
		out->no_copy += counted(&q->no_copy);
		out->hurried += counted(&q->hurried);
		out->held += counted(&q->held);
	}
}
