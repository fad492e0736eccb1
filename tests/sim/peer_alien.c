/* SPDX-License-Identifier: BSD-3-Clause */
/* Ends on a stranger: the calls of alien.h. See peer.h. */
#include "tests/sim/alien.h"
#include "tests/sim/peer.h"

static struct link_end end_of(struct alien *a, struct alien_conn *c)
{
	return (struct link_end){&alien_transport, a, c};
}

static bool owns(const struct peers *p, void *host, const struct flow_plan *fp)
{
	(void)p;
	(void)host;
	(void)fp;
	return true;
}

static void *open_to(struct peers *p, void *host, const struct flow_plan *fp, uint32_t tag)
{
	struct alien_conn *c =
	    alien_connect(host, fp->lport, peers_server(p, fp), peer_port(fp->kind));

	if (c)
		*alien_tag(c) = tag;
	return c;
}

static uint32_t writable(void *host, void *c)
{
	(void)host;
	return alien_writable(c);
}

static uint32_t put(void *host, void *c, const uint8_t *bytes, uint32_t len, bool by_copy)
{
	(void)host;
	(void)by_copy;
	return alien_write(c, bytes, len);
}

static uint32_t readable(void *host, void *c)
{
	(void)host;
	return alien_readable(c);
}

static uint32_t peek(void *host, void *c, uint8_t *dst, uint32_t max)
{
	(void)host;
	return alien_peek(c, dst, max);
}

static uint32_t get(void *host, void *c, uint8_t *dst, uint32_t max, bool by_copy)
{
	(void)host;
	(void)by_copy;
	return alien_read(c, dst, max);
}

/* What is urgent is a matter of habit. */
static void urgent(void *host, void *c, uint32_t ahead)
{
	(void)host;
	(void)c;
	(void)ahead;
}

static void half_close(void *host, void *c)
{
	(void)host;
	alien_shutdown(c);
}

static void full_close(void *host, void *c)
{
	(void)host;
	alien_close(c);
}

static void reset(void *host, void *c)
{
	(void)host;
	alien_abort(c);
}

static uint32_t *tag(void *c)
{
	return alien_tag(c);
}

const struct transport alien_transport = {
    .connect = open_to,
    .owns = owns,
    .writable = writable,
    .write = put,
    .readable = readable,
    .peek = peek,
    .read = get,
    .urgent = urgent,
    .shutdown = half_close,
    .close = full_close,
    .abort = reset,
    .tag = tag,
};

static void on_accepted(void *user, struct alien *a, struct alien_conn *c)
{
	(void)a;
	(void)c;
	peers_accepted(user);
}

static void on_ready(void *user, struct alien *a, struct alien_conn *c)
{
	peers_ready(user, end_of(a, c));
}

static void on_eof(void *user, struct alien *a, struct alien_conn *c)
{
	peers_eof(user, end_of(a, c));
}

static void on_closed(void *user, struct alien *a, struct alien_conn *c,
		      enum tcp_close_reason reason)
{
	peers_closed(user, end_of(a, c), reason);
}

const struct alien_events alien_user = {
    .accepted = on_accepted,
    .ready = on_ready,
    .eof = on_eof,
    .closed = on_closed,
};
