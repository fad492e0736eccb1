/* SPDX-License-Identifier: BSD-3-Clause */
/* The recording port; see record_port.h. The blocks of a burst are laid out in
 * memory of the queue first, and then appended to what all queues share. For sent
 * frames that allows to lay them out before they are given away, and to append only
 * those that the inner port took. */
#include "drivers/record_port.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "drivers/pcapng_writer.h"
#include "drivers/wrap_port.h"

#define RECORD_BURST 32
#define FILE_BUFFER  (1u << 18)
#define FLUSH_US     1000000 /* an idle port's file is complete after this */

/* Written by the queue's thread only. */
struct record_queue {
	CACHE_ALIGNED uint8_t *blocks; /* RECORD_BURST packets of block_max bytes */
	usec_t flushed_us;
	bool dirty; /* appended to since flushed_us */
};

struct record_port {
	struct wrap_port wrap;
	size_t block_max;
	_Atomic uint64_t base_ns; /* wall-clock time at usec 0; 0: not known yet */
	struct record_queue *queues;

	pthread_mutex_t lock; /* of what follows */
	int fd;
	uint8_t *buf; /* buf_size bytes */
	size_t buf_size;
	size_t used;	  /* of buf, in whole blocks: not yet written */
	uint64_t written; /* bytes in the file */
	struct record_stats stats;
};

static struct record_port *record_port_of(struct port *p)
{
	return CONTAINER_OF(p, struct record_port, wrap.port);
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

/* After `at` bytes of the buffer nothing can be written any more. */
static void give_up(struct record_port *p, size_t at)
{
	uint64_t lost;
	size_t whole;

	p->stats.error = errno;
	lost = pcapng_unwritten(p->buf, p->used, at, &whole);
	p->stats.frames -= lost;
	p->stats.missed += lost;
	/* A frame cut in half would keep the file from being replayed. */
	if (ftruncate(p->fd, (off_t)(p->written + whole)) != 0)
		p->stats.error = errno;
}

static void flush(struct record_port *p)
{
	size_t at = 0;

	while (at < p->used && p->stats.error == 0) {
		ssize_t n = write(p->fd, p->buf + at, p->used - at);

		if (n >= 0)
			at += (size_t)n;
		else if (errno != EINTR)
			give_up(p, at);
	}
	p->written += at;
	p->used = 0;
}

static void append(struct record_port *p, struct record_queue *q, size_t bytes, uint16_t frames)
{
	if (frames == 0)
		return;
	pthread_mutex_lock(&p->lock);
	if (bytes > p->buf_size - p->used)
		flush(p);
	if (p->stats.error == 0) {
		memcpy(p->buf + p->used, q->blocks, bytes);
		p->used += bytes;
		p->stats.frames += frames;
		q->dirty = true;
	} else {
		p->stats.missed += frames;
	}
	pthread_mutex_unlock(&p->lock);
}

static void flush_when_idle(struct record_port *p, struct record_queue *q, usec_t now)
{
	if (!q->dirty || now - q->flushed_us < FLUSH_US)
		return;
	record_port_flush(&p->wrap.port);
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
	append(p, q, end[got - 1], got);
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
		append(p, q, k > 0 ? end[k - 1] : 0, k);
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
	free(p->buf);
	if (p->fd >= 0)
		close(p->fd);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static void close_port(struct port *port)
{
	struct record_port *p = record_port_of(port);

	p->wrap.inner->ops->close(p->wrap.inner);
	flush(p);
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

/* What waits for its reader would make workers wait, and cannot be cut: a FIFO that nobody reads
 * is not even opened. NULL: fine, else why not. */
static const char *file_open(struct record_port *p, const char *path)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
	struct stat st;

	/* Not readable by others: it holds what users of the service said. */
	p->fd = open(path, flags, 0600);
	if (p->fd < 0 && errno != ENXIO)
		return strerror(errno);
	if (p->fd < 0 || fstat(p->fd, &st) != 0 || !S_ISREG(st.st_mode))
		return "it is no regular file";
	return NULL;
}

/* The head is written at once, so that a full or unwritable disk shows now. */
static const char *file_create(struct record_port *p, const char *path)
{
	const char *why = file_open(p, path);

	if (why)
		return why;
	p->used = pcapng_put_section(p->buf, p->buf_size);
	p->used += pcapng_put_interface(p->buf + p->used, p->buf_size - p->used, p->wrap.port.name,
					p->wrap.port.mac);
	flush(p);
	return p->stats.error ? strerror(p->stats.error) : NULL;
}

static bool buffers_create(struct record_port *p)
{
	/* The MTU, an Ethernet header and two VLAN tags. */
	p->block_max = ALIGN_UP(p->wrap.inner->mtu + 22u, 4u) + PCAPNG_PACKET_EXTRA;
	p->buf_size = MAX(FILE_BUFFER, RECORD_BURST * p->block_max);
	p->buf = malloc(p->buf_size);
	return p->buf && queues_create(p);
}

struct port *record_port_create(struct port *inner, const char *path, struct report *report)
{
	struct record_port *p = calloc(1, sizeof(*p));
	const char *why;

	if (!p) {
		report_error(report, "out of memory");
		return NULL;
	}
	p->wrap.port = *inner;
	p->wrap.port.ops = &record_port_ops;
	p->wrap.port.caps &= ~(uint32_t)(PORT_TX_IP_CSUM | PORT_TX_TCP_CSUM);
	p->wrap.inner = inner;
	p->fd = -1;
	pthread_mutex_init(&p->lock, NULL);
	why = buffers_create(p) ? file_create(p, path) : "out of memory";
	if (!why)
		return &p->wrap.port;
	report_error(report, "cannot record to %s: %s: name a file that can be written", path, why);
	record_port_free(p);
	return NULL;
}

void record_port_flush(struct port *port)
{
	struct record_port *p = record_port_of(port);

	pthread_mutex_lock(&p->lock);
	flush(p);
	pthread_mutex_unlock(&p->lock);
}

void record_port_stats(struct port *port, struct record_stats *out)
{
	struct record_port *p = record_port_of(port);

	pthread_mutex_lock(&p->lock);
	*out = p->stats;
	pthread_mutex_unlock(&p->lock);
}
