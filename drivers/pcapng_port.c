/* SPDX-License-Identifier: BSD-3-Clause */
/* Replay of a capture file; see pcapng_port.h. One packet is read ahead, so
 * that its time is known before it is due. */
#include "drivers/pcapng_port.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "drivers/pcapng_reader.h"

struct pcapng_port {
	struct port port;
	FILE *file;
	struct pcapng_reader *reader;
	struct buf_ops bufs;
	enum pcapng_pace pace;
	struct pcapng_packet ahead; /* the next to deliver, when has_ahead */
	bool has_ahead;
	bool is_timed;	   /* first_ns is known */
	uint64_t first_ns; /* recorded time of the first timed frame */
	usec_t ahead_us;   /* when `ahead` is due, counted from first_us */
	bool started;	   /* first_us is known */
	usec_t first_us;   /* time of the first call */
	uint64_t oversized;
	_Atomic uint64_t rx_frames, tx_frames, rx_errors; /* written by the queue's thread */
};

static struct pcapng_port *pcapng_port_of(struct port *p)
{
	return CONTAINER_OF(p, struct pcapng_port, port);
}

static void set(_Atomic uint64_t *counter, uint64_t value)
{
	atomic_store_explicit(counter, value, memory_order_relaxed);
}

static uint64_t counted(_Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Reads the next packet that is to be delivered, and counts those that are not. */
static void read_ahead(struct pcapng_port *p)
{
	do {
		p->has_ahead = pcapng_reader_next(p->reader, &p->ahead);
	} while (p->has_ahead && p->ahead.direction == PCAPNG_OUTBOUND);
	set(&p->rx_errors, pcapng_reader_bad(p->reader) + p->oversized +
				   (pcapng_reader_error(p->reader) != NULL));
	/* Untimed packets and those older than the first follow their predecessor. */
	if (!p->has_ahead || !p->ahead.has_time)
		return;
	if (!p->is_timed) {
		p->is_timed = true;
		p->first_ns = p->ahead.time_ns;
	}
	if (p->ahead.time_ns >= p->first_ns)
		p->ahead_us = (p->ahead.time_ns - p->first_ns) / 1000;
}

static bool is_due(const struct pcapng_port *p, usec_t now)
{
	return p->has_ahead && (p->pace == PCAPNG_FAST || now - p->first_us >= p->ahead_us);
}

static uint16_t rx_burst(struct port *port, uint16_t queue, struct buf **bufs, uint16_t n,
			 usec_t now)
{
	struct pcapng_port *p = pcapng_port_of(port);
	uint16_t got = 0;

	(void)queue;
	if (!p->started) {
		p->first_us = now;
		p->started = true;
	}
	while (got < n && is_due(p, now)) {
		struct buf *b;

		if (!p->bufs.alloc_bulk(p->bufs.ctx, &b, 1))
			break;
		if (p->ahead.len > buf_tailroom(b)) {
			p->bufs.free_bulk(p->bufs.ctx, &b, 1);
			p->oversized++;
		} else {
			memcpy(b->data, p->ahead.data, p->ahead.len);
			b->len = p->ahead.len;
			bufs[got++] = b;
		}
		read_ahead(p);
	}
	set(&p->rx_frames, counted(&p->rx_frames) + got);
	return got;
}

static uint16_t tx_burst(struct port *port, uint16_t queue, struct buf **bufs, uint16_t n,
			 usec_t now)
{
	struct pcapng_port *p = pcapng_port_of(port);

	(void)queue;
	(void)now;
	for (uint16_t i = 0; i < n; i++) {
		if (!(bufs[i]->flags & BUF_KEEP))
			p->bufs.free_bulk(p->bufs.ctx, &bufs[i], 1);
	}
	set(&p->tx_frames, counted(&p->tx_frames) + n);
	return n;
}

static bool next_event(struct port *port, usec_t *at)
{
	struct pcapng_port *p = pcapng_port_of(port);

	if (!p->has_ahead)
		return false;
	*at = p->started && p->pace == PCAPNG_RECORDED ? p->first_us + p->ahead_us : 0;
	return true;
}

static bool link_up(struct port *port)
{
	(void)port;
	return true;
}

static void stats(struct port *port, struct port_stats *out)
{
	struct pcapng_port *p = pcapng_port_of(port);

	*out = (struct port_stats){
		.rx_frames = counted(&p->rx_frames),
		.tx_frames = counted(&p->tx_frames),
		.rx_errors = counted(&p->rx_errors),
	};
}

static void close_port(struct port *port)
{
	struct pcapng_port *p = pcapng_port_of(port);

	pcapng_reader_close(p->reader);
	fclose(p->file);
	free(p);
}

static const struct port_ops pcapng_port_ops = {
	.rx_burst = rx_burst,
	.tx_burst = tx_burst,
	.next_event = next_event,
	.link_up = link_up,
	.stats = stats,
	.close = close_port,
};

static FILE *open_regular(const char *path, struct report *report)
{
	FILE *f = fopen(path, "rbe");
	struct stat st;

	if (!f) {
		report_error(report, "cannot open the capture file %s: %s: check the path", path,
			     strerror(errno));
		return NULL;
	}
	if (fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode)) {
		report_error(report, "%s is not a regular file: name a pcapng or pcap file", path);
		fclose(f);
		return NULL;
	}
	return f;
}

static void choose_mac(struct pcapng_port *p)
{
	static const uint8_t fallback[6] = {0x02, 0, 0, 0, 0, 0x01};
	const uint8_t *mac = fallback;

	if (p->has_ahead && p->ahead.has_mac)
		mac = p->ahead.mac;
	else if (p->has_ahead && p->ahead.len >= 6 && !(p->ahead.data[0] & 1))
		mac = p->ahead.data;
	memcpy(p->port.mac, mac, 6);
}

static bool open_file(struct pcapng_port *p, const char *path, struct report *report)
{
	struct report why = {0};

	p->file = open_regular(path, report);
	if (!p->file)
		return false;
	p->reader = pcapng_reader_open(p->file, &why);
	if (p->reader) {
		read_ahead(p);
		if (p->has_ahead || !pcapng_reader_error(p->reader))
			return true;
		report_error(&why, "%s", pcapng_reader_error(p->reader));
	}
	pcapng_reader_close(p->reader);
	fclose(p->file);
	return report_error(report, "cannot replay %s: %s: name a pcapng or pcap file of Ethernet "
				    "frames", path, why.error);
}

struct port *pcapng_port_open(const char *path, enum pcapng_pace pace, uint16_t mtu,
			      const struct buf_ops *bufs, struct report *report)
{
	struct pcapng_port *p = calloc(1, sizeof(*p));

	if (!p) {
		report_error(report, "out of memory");
		return NULL;
	}
	p->port = (struct port){.ops = &pcapng_port_ops, .mtu = mtu, .nb_queues = 1};
	snprintf(p->port.name, sizeof(p->port.name), "pcapng");
	p->bufs = *bufs;
	p->pace = pace;
	if (!open_file(p, path, report)) {
		free(p);
		return NULL;
	}
	choose_mac(p);
	return &p->port;
}

bool pcapng_port_is_done(const struct port *port)
{
	return !CONTAINER_OF(port, const struct pcapng_port, port)->has_ahead;
}
