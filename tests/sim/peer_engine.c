/* SPDX-License-Identifier: BSD-3-Clause */
/* Ends on an engine: the calls of engine/tcp/tcp.h. See peer.h. */
#include <arpa/inet.h>

#include "engine/table/tuple.h"
#include "tests/lib/rig.h"
#include "tests/sim/peer.h"

static struct link_end end_of(struct shard *sh, struct conn *c)
{
	return (struct link_end){&engine_transport, sh, c};
}

static uint16_t local_of(const struct peers *p, const struct flow_plan *fp)
{
	return fp->family == IP_V6 ? p->local6 : p->local4;
}

static bool owns(const struct peers *p, void *host, const struct flow_plan *fp)
{
	struct shard *sh = host;
	const struct ipaddr *local = &sh->conf->addrs[local_of(p, fp)].addr;

	return tuple_owner(sh, fp->family, peers_server(p, fp)->bytes, local->bytes,
			   htons(peer_port(fp->kind)), htons(fp->lport)) == sh->id;
}

static void *open_to(struct peers *p, void *host, const struct flow_plan *fp, uint32_t tag)
{
	struct conn *c = tcp_connect(host, p->profile, 0, local_of(p, fp), htons(fp->lport),
				     peers_server(p, fp), htons(peer_port(fp->kind)));

	if (c)
		c->svc_data = tag;
	return c;
}

static uint32_t writable(void *host, void *c)
{
	return tcp_writable(host, c);
}

static uint32_t put(void *host, void *c, const uint8_t *bytes, uint32_t len, bool by_copy)
{
	struct buf *b;

	if (by_copy)
		return tcp_write_copy(host, c, bytes, len);
	b = shard_buf_alloc(host);
	if (!b)
		return 0;
	b->len = MIN(len, buf_tailroom(b));
	memcpy(b->data, bytes, b->len);
	len = b->len;
	return tcp_write(host, c, b) ? len : 0;
}

static uint32_t readable(void *host, void *c)
{
	return tcp_readable(host, c);
}

static uint32_t peek(void *host, void *c, uint8_t *dst, uint32_t max)
{
	return tcp_peek(host, c, 0, dst, max);
}

/* Whole buffers fit: no frame is as long as `max`. */
static uint32_t get(void *host, void *c, uint8_t *dst, uint32_t max, bool by_copy)
{
	struct buf *b;
	uint32_t n;

	if (by_copy) {
		n = tcp_peek(host, c, 0, dst, max);
		if (n)
			tcp_consume(host, c, n);
		return n;
	}
	b = tcp_read(host, c);
	if (!b)
		return 0;
	n = b->len;
	memcpy(dst, b->data, n);
	shard_buf_free(host, b);
	return n;
}

static void urgent(void *host, void *c, uint32_t ahead)
{
	tcp_set_urgent(host, c, ahead);
}

static void half_close(void *host, void *c)
{
	tcp_shutdown(host, c);
}

static void full_close(void *host, void *c)
{
	tcp_close(host, c);
}

static void reset(void *host, void *c)
{
	tcp_abort(host, c);
}

static uint32_t *tag(void *c)
{
	return &((struct conn *)c)->svc_data;
}

const struct transport engine_transport = {
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

static void on_acceptable(struct shard *sh, uint16_t listener)
{
	while (tcp_accept(sh, listener))
		peers_accepted(rig_user(sh));
}

static void on_ready(struct shard *sh, struct conn *c)
{
	peers_ready(rig_user(sh), end_of(sh, c));
}

static void on_eof(struct shard *sh, struct conn *c)
{
	peers_eof(rig_user(sh), end_of(sh, c));
}

static void on_closed(struct shard *sh, struct conn *c, enum tcp_close_reason reason)
{
	peers_closed(rig_user(sh), end_of(sh, c), reason);
}

const struct service client_service = {
    .name = "sim-client",
    .connected = on_ready,
    .readable = on_ready,
    .eof = on_eof,
    .writable = on_ready,
    .closed = on_closed,
};

const struct service server_service = {
    .name = "sim-server",
    .acceptable = on_acceptable,
    .readable = on_ready,
    .eof = on_eof,
    .writable = on_ready,
    .closed = on_closed,
};
