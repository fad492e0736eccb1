/* SPDX-License-Identifier: BSD-3-Clause */
/* The in-memory pair; see mem_port.h. With a steering callback any queue may
 * send to any other, so there is then a ring for each pair of queues: every
 * ring keeps one producer and one consumer. */
#include "drivers/mem_port.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* Head and tail count frames ever taken and put; each side caches the other's
 * so that the shared lines move only when the ring looks empty or full. */
struct mem_ring {
	CACHE_ALIGNED _Atomic uint32_t tail; /* written by the producer */
	uint32_t head_seen;
	CACHE_ALIGNED _Atomic uint32_t head; /* written by the consumer */
	uint32_t tail_seen;
	CACHE_ALIGNED uint32_t mask;
	struct buf **slot;
};

/* One queue of one side. Each counter has the one writer named. */
struct mem_queue {
	CACHE_ALIGNED _Atomic uint64_t rx_frames; /* its receiving thread */
	uint16_t next_from;			  /* sending queue that is polled first */
	CACHE_ALIGNED _Atomic uint64_t tx_frames; /* its sending thread */
	_Atomic uint64_t tx_errors;
	_Atomic uint64_t peer_missed;
};

struct mem_link;

struct mem_port {
	struct port port;
	struct mem_link *link;
	struct mem_port *peer; /* part of the same link, so valid as long as this */
	atomic_bool closed;
	struct mem_ring *rings; /* towards this side: [from * nb_queues + to], or [to] */
	struct mem_queue *queues;
};

/* What both sides share; freed with the side that is closed last. */
struct mem_link {
	struct mem_port side[2];
	struct mem_pool *pool;
	struct buf_ops ops;
	uint16_t (*steer)(void *ctx, const struct buf *b);
	void *steer_ctx;
	uint32_t rx_flags;
	uint16_t from_count; /* rings per receive queue: 1, or nb_queues when steered */
	atomic_int open;
};

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static uint64_t counted(_Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static bool ring_has_room(struct mem_ring *r)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (tail - r->head_seen <= r->mask)
		return true;
	r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
	return tail - r->head_seen <= r->mask;
}

/* The ring has room. */
static void ring_put(struct mem_ring *r, struct buf *b)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	r->slot[tail & r->mask] = b;
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
}

static uint16_t ring_take(struct mem_ring *r, struct buf **bufs, uint16_t n)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	uint16_t k = 0;

	if (r->tail_seen - head < n)
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
	while (k < n && head != r->tail_seen)
		bufs[k++] = r->slot[head++ & r->mask];
	atomic_store_explicit(&r->head, head, memory_order_release);
	return k;
}

static struct mem_ring *ring_of(struct mem_port *to, uint16_t from_queue, uint16_t to_queue)
{
	uint32_t from = to->link->from_count > 1 ? from_queue : 0;

	return &to->rings[from * to->port.nb_queues + to_queue];
}

static uint16_t rx_burst(struct port *port, uint16_t queue, struct buf **bufs, uint16_t n,
			 usec_t now)
{
	struct mem_port *p = CONTAINER_OF(port, struct mem_port, port);
	struct mem_link *l = p->link;
	struct mem_queue *q = &p->queues[queue];
	uint16_t got = 0;

	(void)now;
	for (uint16_t i = 0; i < l->from_count && got < n; i++) {
		uint16_t from = (uint16_t)((q->next_from + i) % l->from_count);

		got += ring_take(ring_of(p, from, queue), bufs + got, n - got);
	}
	q->next_from = (uint16_t)((q->next_from + 1) % l->from_count);

	for (uint16_t i = 0; i < got; i++) {
		bufs[i]->next = NULL;
		bufs[i]->flags = l->rx_flags;
	}
	count(&q->rx_frames, got);
	return got;
}

/* A copy that its receiver may write to, with the full headroom; NULL when no
 * buf is left or the frame is longer than one holds. */
static struct buf *copy_of(struct mem_link *l, const struct buf *b)
{
	struct buf *c = mem_pool_get(l->pool);

	if (!c)
		return NULL;
	if (b->len > buf_tailroom(c)) {
		mem_pool_put(l->pool, c);
		return NULL;
	}
	memcpy(c->data, b->data, b->len);
	c->len = b->len;
	return c;
}

static uint16_t drop_all(struct mem_port *p, uint16_t queue, struct buf **bufs, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		if (!(bufs[i]->flags & BUF_KEEP))
			mem_pool_put(p->link->pool, bufs[i]);
	}
	count(&p->queues[queue].tx_errors, n);
	return n;
}

static uint16_t tx_burst(struct port *port, uint16_t queue, struct buf **bufs, uint16_t n,
			 usec_t now)
{
	struct mem_port *p = CONTAINER_OF(port, struct mem_port, port);
	struct mem_link *l = p->link;
	uint16_t i, missed = 0;

	(void)now;
	if (atomic_load_explicit(&p->peer->closed, memory_order_relaxed))
		return drop_all(p, queue, bufs, n);

	for (i = 0; i < n; i++) {
		struct buf *b = bufs[i], *sent = b;
		uint16_t to = l->steer ? l->steer(l->steer_ctx, b) % port->nb_queues : queue;
		struct mem_ring *r = ring_of(p->peer, queue, to);
		bool keep = b->flags & BUF_KEEP;

		if (!ring_has_room(r))
			break;
		if (keep || !mem_pool_is_sole(b)) {
			sent = copy_of(l, b);
			if (!keep)
				mem_pool_put(l->pool, b);
		}
		if (sent)
			ring_put(r, sent);
		else
			missed++;
	}
	count(&p->queues[queue].tx_frames, i);
	count(&p->queues[queue].peer_missed, missed);
	return i;
}

static bool link_up(struct port *port)
{
	struct mem_port *p = CONTAINER_OF(port, struct mem_port, port);

	return !atomic_load_explicit(&p->peer->closed, memory_order_relaxed);
}

static void stats(struct port *port, struct port_stats *out)
{
	struct mem_port *p = CONTAINER_OF(port, struct mem_port, port);

	*out = (struct port_stats){0};
	for (uint16_t i = 0; i < port->nb_queues; i++) {
		out->rx_frames += counted(&p->queues[i].rx_frames);
		out->tx_frames += counted(&p->queues[i].tx_frames);
		out->tx_errors += counted(&p->queues[i].tx_errors);
		out->rx_missed += counted(&p->peer->queues[i].peer_missed);
	}
}

static void link_free(struct mem_link *l)
{
	for (int s = 0; s < 2; s++) {
		struct mem_port *p = &l->side[s];

		if (p->rings)
			free(p->rings[0].slot);
		free(p->rings);
		free(p->queues);
	}
	free(l);
}

static void drain(struct mem_port *p)
{
	struct buf *bufs[32];
	uint32_t nb_rings = (uint32_t)p->link->from_count * p->port.nb_queues;

	for (uint32_t i = 0; i < nb_rings; i++) {
		uint16_t n;

		while ((n = ring_take(&p->rings[i], bufs, ARRAY_SIZE(bufs))) > 0)
			p->link->ops.free_bulk(p->link->ops.ctx, bufs, n);
	}
}

static void close_side(struct port *port)
{
	struct mem_port *p = CONTAINER_OF(port, struct mem_port, port);
	struct mem_link *l = p->link;

	atomic_store_explicit(&p->closed, true, memory_order_relaxed);
	drain(p);
	if (atomic_fetch_sub(&l->open, 1) > 1)
		return;
	/* The peer may have sent between its last look at `closed` and our drain. */
	drain(&l->side[0]);
	drain(&l->side[1]);
	link_free(l);
}

static const struct port_ops mem_port_ops = {
	.rx_burst = rx_burst,
	.tx_burst = tx_burst,
	.link_up = link_up,
	.stats = stats,
	.close = close_side,
};

static bool rings_create(struct mem_port *p, uint32_t nb_rings, uint32_t ring_size)
{
	struct buf **slots = calloc((size_t)nb_rings * ring_size, sizeof(*slots));

	p->rings = aligned_alloc(CACHE_LINE, nb_rings * sizeof(*p->rings));
	if (!slots || !p->rings) {
		free(slots);
		free(p->rings);
		p->rings = NULL;
		return false;
	}
	memset(p->rings, 0, nb_rings * sizeof(*p->rings));
	for (uint32_t i = 0; i < nb_rings; i++) {
		p->rings[i].mask = ring_size - 1;
		p->rings[i].slot = slots + (size_t)i * ring_size;
	}
	return true;
}

static bool side_init(struct mem_link *l, int s, const struct mem_port_conf *conf)
{
	struct mem_port *p = &l->side[s];
	uint16_t nb_queues = MAX(conf->nb_queues, 1);
	uint32_t wanted = conf->ring_size > 0 ? conf->ring_size : 1024, ring_size = 1;

	while (ring_size < wanted && ring_size < 1u << 24)
		ring_size <<= 1;
	p->link = l;
	p->peer = &l->side[!s];
	p->port = (struct port){
		.ops = &mem_port_ops,
		.mac = {0x02, 0, 0, 0, 0, (uint8_t)(1 + s)},
		.mtu = conf->mtu > 0 ? conf->mtu : 1500,
		.nb_queues = nb_queues,
		.caps = conf->caps,
	};
	snprintf(p->port.name, sizeof(p->port.name), "mem%d", s);
	p->queues = aligned_alloc(CACHE_LINE, nb_queues * sizeof(*p->queues));
	if (!p->queues)
		return false;
	memset(p->queues, 0, nb_queues * sizeof(*p->queues));
	return rings_create(p, (uint32_t)l->from_count * nb_queues, ring_size);
}

bool mem_port_pair_create(const struct mem_port_conf *conf, struct port *out[2])
{
	struct mem_link *l = calloc(1, sizeof(*l));

	if (!l)
		return false;
	l->pool = conf->pool;
	l->ops = mem_pool_ops(conf->pool);
	l->steer = conf->steer;
	l->steer_ctx = conf->steer_ctx;
	l->from_count = conf->steer ? MAX(conf->nb_queues, 1) : 1;
	if (conf->caps & PORT_TX_IP_CSUM)
		l->rx_flags |= BUF_RX_IP_CSUM_OK;
	if (conf->caps & PORT_TX_TCP_CSUM)
		l->rx_flags |= BUF_RX_L4_CSUM_OK;
	atomic_init(&l->open, 2);
	if (!side_init(l, 0, conf) || !side_init(l, 1, conf)) {
		link_free(l);
		return false;
	}
	out[0] = &l->side[0].port;
	out[1] = &l->side[1].port;
	return true;
}
