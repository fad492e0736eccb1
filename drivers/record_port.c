/* SPDX-License-Identifier: BSD-3-Clause */
/* The recording port; see record_port.h. A burst is laid out in memory first and
 * goes to the file in one fwrite(), which stdio makes atomic among the queues'
 * threads. For sent frames that also allows to lay them out before they are
 * given away and then to write only those that the inner port took. */
#include "drivers/record_port.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "drivers/pcapng_writer.h"
#include "drivers/wrap_port.h"

#define RECORD_BURST 32
#define FILE_BUFFER  (1u << 18)
#define FLUSH_US     1000000 /* an idle port's file is complete after this */

/* Written by the queue's thread only. */
struct record_queue {
	CACHE_ALIGNED uint8_t *blocks; /* RECORD_BURST packets of block_max bytes */
	usec_t flushed_us;
	bool dirty; /* written to since flushed_us */
	_Atomic uint64_t frames, missed;
};

struct record_port {
	struct wrap_port wrap;
	FILE *file;
	size_t block_max;
	_Atomic uint64_t base_ns; /* wall-clock time at usec 0; 0: not known yet */
	atomic_bool failed;
	struct record_queue *queues;
};

static struct record_port *record_port_of(struct port *p)
{
	return CONTAINER_OF(p, struct record_port, wrap.port);
}

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* The wall clock is looked at once, so that times in the file have the engine's
 * own distances even when the clock is being set. */
static uint64_t wall_ns(struct record_port *p, usec_t now)
{
	uint64_t base = atomic_load_explicit(&p->base_ns, memory_order_relaxed), mine;
	struct timespec ts;

	if (base == 0) {
		clock_gettime(CLOCK_REALTIME, &ts);
		mine = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec - now * 1000;
		if (atomic_compare_exchange_strong(&p->base_ns, &base, mine))
			base = mine;
	}
	return base + now * 1000;
}

/* Lays out the frames' blocks; end[i] is the number of bytes up to and with frame i. */
static void lay_out(struct record_port *p, struct record_queue *q, struct buf **bufs, uint16_t n,
		    usec_t now, enum pcapng_direction direction, size_t *end)
{
	uint64_t time_ns = wall_ns(p, now);
	size_t at = 0;

	for (uint16_t i = 0; i < n; i++) {
		at += pcapng_put_packet(q->blocks + at, p->block_max, 0, time_ns, direction,
					bufs[i]->data, bufs[i]->len);
		end[i] = at;
	}
}

static void write_out(struct record_port *p, struct record_queue *q, size_t bytes, uint16_t frames)
{
	if (frames == 0)
		return;
	if (atomic_load_explicit(&p->failed, memory_order_relaxed) ||
	    fwrite(q->blocks, 1, bytes, p->file) != bytes) {
		atomic_store_explicit(&p->failed, true, memory_order_relaxed);
		count(&q->missed, frames);
		return;
	}
	q->dirty = true;
	count(&q->frames, frames);
}

static void flush_when_idle(struct record_port *p, struct record_queue *q, usec_t now)
{
	if (!q->dirty || now - q->flushed_us < FLUSH_US)
		return;
	if (fflush(p->file) != 0)
		atomic_store_explicit(&p->failed, true, memory_order_relaxed);
	q->flushed_us = now;
	q->dirty = false;
}

static uint16_t rx_burst(struct port *port, uint16_t queue, struct buf **bufs, uint16_t n,
			 usec_t now)
{
	struct record_port *p = record_port_of(port);
	struct record_queue *q = &p->queues[queue];
	size_t end[RECORD_BURST];
	uint16_t got = port_rx(p->wrap.inner, queue, bufs, MIN(n, RECORD_BURST), now);

	if (got == 0) {
		flush_when_idle(p, q, now);
		return 0;
	}
	lay_out(p, q, bufs, got, now, PCAPNG_INBOUND, end);
	write_out(p, q, end[got - 1], got);
	return got;
}

static uint16_t tx_burst(struct port *port, uint16_t queue, struct buf **bufs, uint16_t n,
			 usec_t now)
{
	struct record_port *p = record_port_of(port);
	struct record_queue *q = &p->queues[queue];
	size_t end[RECORD_BURST];
	uint16_t sent = 0;

	while (sent < n) {
		uint16_t piece = MIN(n - sent, RECORD_BURST), k;

		lay_out(p, q, bufs + sent, piece, now, PCAPNG_OUTBOUND, end);
		k = port_tx(p->wrap.inner, queue, bufs + sent, piece, now);
		write_out(p, q, k > 0 ? end[k - 1] : 0, k);
		sent += k;
		if (k < piece)
			break;
	}
	return sent;
}

static bool next_event(struct port *port, usec_t *at)
{
	struct port *inner = record_port_of(port)->wrap.inner;

	return inner->ops->next_event && inner->ops->next_event(inner, at);
}

static void record_port_free(struct record_port *p)
{
	for (uint16_t i = 0; p->queues && i < p->wrap.port.nb_queues; i++)
		free(p->queues[i].blocks);
	free(p->queues);
	if (p->file)
		fclose(p->file);
	free(p);
}

static void close_port(struct port *port)
{
	struct record_port *p = record_port_of(port);

	p->wrap.inner->ops->close(p->wrap.inner);
	record_port_free(p);
}

static const struct port_ops record_port_ops = {
	.rx_burst = rx_burst,
	.tx_burst = tx_burst,
	.next_event = next_event,
	.link_up = wrap_port_link_up,
	.stats = wrap_port_stats,
	.close = close_port,
};

static bool queues_create(struct record_port *p)
{
	p->queues = wrap_port_queues(p->wrap.port.nb_queues, sizeof(*p->queues));
	if (!p->queues)
		return false;
	for (uint16_t i = 0; i < p->wrap.port.nb_queues; i++) {
		p->queues[i].blocks = malloc(RECORD_BURST * p->block_max);
		if (!p->queues[i].blocks)
			return false;
	}
	return true;
}

static bool file_create(struct record_port *p, const char *path, struct report *report)
{
	uint8_t head[2 * PCAPNG_HEAD_MAX];
	size_t n;

	p->file = fopen(path, "wbe");
	if (!p->file)
		goto error;
	setvbuf(p->file, NULL, _IOFBF, FILE_BUFFER);
	n = pcapng_put_section(head, sizeof(head));
	n += pcapng_put_interface(head + n, sizeof(head) - n, p->wrap.port.name, p->wrap.port.mac);
	/* Flushed, so that a full or unwritable disk shows now and not later. */
	if (fwrite(head, 1, n, p->file) == n && fflush(p->file) == 0)
		return true;
error:
	return report_error(report, "cannot record to %s: %s: name a file that can be written",
			    path, strerror(errno));
}

struct port *record_port_create(struct port *inner, const char *path, struct report *report)
{
	struct record_port *p = calloc(1, sizeof(*p));

	if (!p) {
		report_error(report, "out of memory");
		return NULL;
	}
	p->wrap.port = *inner;
	p->wrap.port.ops = &record_port_ops;
	p->wrap.port.caps &= ~(uint32_t)(PORT_TX_IP_CSUM | PORT_TX_TCP_CSUM);
	p->wrap.inner = inner;
	/* The MTU, an Ethernet header and two VLAN tags. */
	p->block_max = ALIGN_UP(inner->mtu + 22u, 4u) + PCAPNG_PACKET_EXTRA;
	if (!queues_create(p)) {
		report_error(report, "out of memory");
		record_port_free(p);
		return NULL;
	}
	if (!file_create(p, path, report)) {
		record_port_free(p);
		return NULL;
	}
	return &p->wrap.port;
}

void record_port_stats(struct port *port, struct record_stats *out)
{
	struct record_port *p = record_port_of(port);

	*out = (struct record_stats){0};
	for (uint16_t i = 0; i < port->nb_queues; i++) {
		out->frames += atomic_load_explicit(&p->queues[i].frames, memory_order_relaxed);
		out->missed += atomic_load_explicit(&p->queues[i].missed, memory_order_relaxed);
	}
}
