/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/capture_out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/pcapng_writer.h"
#include "engine/wire/csum.h"

#define BUFFER_BYTES (1u << 20)

/* Where the sums are, in an IPv4 and in a TCP header. */
#define IP4_SUM_AT 10
#define TCP_SUM_AT 16

static_assert(BUFFER_BYTES > (CONF_MAX_PORTS + 1) * PCAPNG_HEAD_MAX, "the head fits");
static_assert(BUFFER_BYTES > CAPTURE_SNAPLEN_MAX + PCAPNG_FRAME_EXTRA, "each frame fits");

static bool fail(int fd, char *err, const char *path, const char *why)
{
	if (fd >= 0)
		close(fd);
	snprintf(err, CAPTURE_ERROR_MAX, "cannot capture to %.60s: %s", path, why);
	return false;
}

bool capture_out_open(struct capture_out *o, const char *path, bool force,
		      char err[CAPTURE_ERROR_MAX])
{
	/* Not readable by others: it holds what users of the service said. */
	int fd = open(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	struct stat st;

	*o = (struct capture_out){.fd = -1};
	if (fd < 0)
		return fail(fd, err, path,
			    errno == ENXIO ? "nobody reads this FIFO" : strerror(errno));
	if (fstat(fd, &st) != 0 || !(S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode)))
		return fail(fd, err, path, "neither a file nor a FIFO");
	if (S_ISREG(st.st_mode) && st.st_size > 0) {
		if (!force)
			return fail(fd, err, path, "it exists: name another, or force it");
		if (ftruncate(fd, 0) != 0)
			return fail(fd, err, path, strerror(errno));
	}
	o->buf = malloc(BUFFER_BYTES);
	if (!o->buf)
		return fail(fd, err, path, "no memory");
	o->fd = fd;
	return true;
}

void capture_out_head(struct capture_out *o, const struct capture_iface *ifaces, uint16_t n)
{
	o->used = pcapng_put_section(o->buf, BUFFER_BYTES);
	for (uint16_t i = 0; i < n; i++)
		o->used += pcapng_put_interface(o->buf + o->used, BUFFER_BYTES - o->used,
						ifaces[i].name, ifaces[i].mac);
}

bool capture_out_has_room(const struct capture_out *o, uint32_t kept)
{
	return BUFFER_BYTES - o->used >= (size_t)kept + PCAPNG_FRAME_EXTRA;
}

/* A frame that was cut is left as it is: its sum needs all of it. */
static void fill_sums(struct capture_record *r)
{
	uint8_t *ip = capture_record_bytes(r) + r->l2_len, *tcp = ip + r->l3_len;
	uint32_t headers = (uint32_t)r->l2_len + r->l3_len;
	uint16_t sum = 0;

	if (r->kept < r->len || headers + TCP_SUM_AT + sizeof(sum) > r->len)
		return;
	if (r->sums & CAPTURE_IP_SUM) {
		memcpy(ip + IP4_SUM_AT, &sum, sizeof(sum));
		sum = csum_finish(csum_partial(ip, r->l3_len));
		memcpy(ip + IP4_SUM_AT, &sum, sizeof(sum));
	}
	if (r->sums & CAPTURE_L4_SUM) {
		/* The pseudo-header's sum is in place. */
		sum = csum_finish(csum_partial(tcp, r->len - headers));
		memcpy(tcp + TCP_SUM_AT, &sum, sizeof(sum));
	}
}

void capture_out_frame(struct capture_out *o, struct capture_record *r, uint32_t worker,
		       uint64_t wall_ns)
{
	struct pcapng_frame f = {
	    .iface = r->port,
	    .time_ns = wall_ns + r->time_us * 1000,
	    .direction = r->direction,
	    .data = capture_record_bytes(r),
	    .kept = r->kept,
	    .len = r->len,
	    .queue = &worker,
	    .comment = r->drop,
	};

	if (r->sums)
		fill_sums(r);
	o->used += pcapng_put_frame(o->buf + o->used, BUFFER_BYTES - o->used, &f);
}

enum capture_write capture_out_flush(struct capture_out *o)
{
	while (o->at < o->used) {
		ssize_t n = write(o->fd, o->buf + o->at, o->used - o->at);

		if (n >= 0) {
			o->at += (size_t)n;
		} else if (errno == EAGAIN) {
			return CAPTURE_WAITS;
		} else if (errno != EINTR) {
			o->error = errno;
			return CAPTURE_BROKEN;
		}
	}
	o->used = o->at = 0;
	return CAPTURE_WRITTEN;
}

bool capture_out_wait(struct capture_out *o, int timeout_ms)
{
	struct pollfd p = {.fd = o->fd, .events = o->at < o->used ? POLLOUT : 0};

	if (poll(&p, 1, timeout_ms) == 1 && (p.revents & POLLERR))
		o->error = EPIPE;
	return o->error == 0;
}

uint64_t capture_out_unwritten(const struct capture_out *o)
{
	size_t whole;

	return pcapng_unwritten(o->buf, o->used, o->at, &whole);
}

void capture_out_close(struct capture_out *o)
{
	if (o->fd >= 0)
		close(o->fd);
	free(o->buf);
	*o = (struct capture_out){.fd = -1};
}
