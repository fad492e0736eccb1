/* SPDX-License-Identifier: BSD-3-Clause */
/* The service of a fuzzed shard: it does what the input says, whenever it is
 * called, and verifies every byte it is given. See world.h. */
#include "tests/fuzz/world.h"

static struct world *world_of(const struct shard *sh)
{
	return rig_user(sh);
}

static struct user *user_of(struct world *w, const struct conn *c)
{
	uint32_t i = conn_index(w->sh, c);

	if (i == 0 || i > WORLD_CONNS_MAX)
		world_fail("connection %u does not exist", i);
	return &w->users[i];
}

/* Received bytes have the sequence numbers that follow those read before. */
static void verify(struct user *u, const uint8_t *bytes, uint32_t len, uint32_t from)
{
	for (uint32_t i = 0; i < len; i++)
		if (bytes[i] != world_byte(u->read_seq + from + i))
			world_fail("byte %u of %u read at %u is not what was sent", i, len,
				   u->read_seq + from);
}

static void synchronize(struct world *w, struct conn *c)
{
	struct user *u = user_of(w, c);

	u->read_seq = c->rcv_nxt - tcp_readable(w->sh, c) - !!tcp_eof(c);
	u->synchronized = true;
}

static bool read_one(struct world *w, struct conn *c)
{
	struct user *u = user_of(w, c);
	struct buf *b = tcp_read(w->sh, c);

	if (!b)
		return false;
	if (!b->len || !u->synchronized)
		world_fail("%u bytes read from a connection that is not up", b->len);
	verify(u, b->data, b->len, 0);
	u->read_seq += b->len;
	shard_buf_free(w->sh, b);
	return true;
}

static void consume(struct world *w, struct conn *c)
{
	struct user *u = user_of(w, c);
	uint32_t n = (tcp_readable(w->sh, c) + 1) / 2;

	tcp_consume(w->sh, c, n);
	u->read_seq += n;
}

static void peek(struct world *w, struct conn *c)
{
	uint32_t unread = tcp_readable(w->sh, c), from = unread / 3;
	uint8_t bytes[700];
	uint32_t n = tcp_peek(w->sh, c, from, bytes, sizeof(bytes));

	if (n != MIN(unread - from, sizeof(bytes)))
		world_fail("%u bytes seen of %u from %u", n, unread, from);
	verify(user_of(w, c), bytes, n, from);
}

/* Sequence number of the next byte that is written. */
static uint32_t write_seq(const struct world *w, const struct conn *c)
{
	const struct xfer *x = conn_xfer(w->sh, c);

	return x ? sndq_end(c, x) : c->snd_nxt;
}

static void write_copy(struct world *w, struct conn *c, uint32_t len)
{
	uint32_t seq = write_seq(w, c);
	uint8_t bytes[5000];

	len = MIN(len, tcp_writable(w->sh, c));
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = world_byte(seq + i);
	tcp_write_copy(w->sh, c, bytes, len);
}

/* Passes a received buf on, with bytes that fit the other direction. */
static void bounce(struct world *w, struct conn *c, struct conn *to)
{
	struct user *u = user_of(w, c);
	struct buf *b;

	if (!tcp_writable(w->sh, to))
		return;
	b = tcp_read(w->sh, c);
	if (!b)
		return;
	verify(u, b->data, b->len, 0);
	u->read_seq += b->len;
	for (uint32_t i = 0; i < b->len; i++)
		b->data[i] = world_byte(write_seq(w, to) + i);
	b->flags &= ~(uint32_t)BUF_PAYLOAD_CSUM;
	tcp_write(w->sh, to, b);
}

static void let_go(struct world *w, struct conn *c, bool abort_it)
{
	*user_of(w, c) = (struct user){0};
	if (abort_it)
		tcp_abort(w->sh, c);
	else
		tcp_close(w->sh, c);
}

uint32_t world_accept(struct world *w, uint16_t listener)
{
	struct conn *c = tcp_accept(w->sh, listener);
	struct user *u;

	if (!c)
		return 0;
	u = user_of(w, c);
	if (u->owned)
		world_fail("connection %u accepted twice", conn_index(w->sh, c));
	u->owned = true;
	synchronize(w, c);
	return conn_index(w->sh, c);
}

uint32_t world_connect(struct world *w)
{
	uint16_t b = w->connects % 2, local, lport_be;
	const struct conf_backend *backend = &w->tc.backends[1][b];
	struct backend_state *bs = &w->sh->pools[1].backends[b];
	struct conn *c;

	if (w->connects >= WORLD_CONNECTS ||
	    !srcport_take(bs->maps, bs->nb_maps, &bs->turn, &local, &lport_be))
		return 0;
	w->connects++;
	c = tcp_connect(w->sh, (uint16_t)(w->tc.conf.nb_listeners + 1), b, local, lport_be,
			&backend->addr, backend->port_be);
	if (!c) {
		srcport_put(w->sh, bs->maps, bs->nb_maps, local, lport_be);
		return 0;
	}
	if (user_of(w, c)->owned)
		world_fail("connection %u given out twice", conn_index(w->sh, c));
	*user_of(w, c) = (struct user){.owned = true};
	return conn_index(w->sh, c);
}

/* Another connection that the service has, NULL: none. */
static struct conn *other(struct world *w, uint32_t index)
{
	for (uint32_t i = 1; i <= WORLD_CONNS_MAX; i++)
		if (i != index && w->users[i].owned)
			return shard_conn(w->sh, i);
	return NULL;
}

static void act_on_other(struct world *w, uint32_t index, uint8_t action)
{
	struct conn *o = other(w, index);

	if (o)
		world_act(w, conn_index(w->sh, o), action);
}

void world_act(struct world *w, uint32_t index, uint8_t action)
{
	struct conn *c = shard_conn(w->sh, index), *o;

	if (!w->users[index].owned)
		return;
	/* Data may be there before the service is told that it is connected. */
	if (!w->users[index].synchronized && tcp_readable(w->sh, c))
		synchronize(w, c);
	switch (action % 16) {
	case 0:
		break;
	case 1:
		while (read_one(w, c))
			;
		break;
	case 2:
		read_one(w, c);
		break;
	case 3:
		consume(w, c);
		break;
	case 4:
		write_copy(w, c, 10);
		break;
	case 5:
		write_copy(w, c, 5000);
		break;
	case 6:
		bounce(w, c, c);
		break;
	case 7:
		tcp_shutdown(w->sh, c);
		break;
	case 8:
		let_go(w, c, false);
		break;
	case 9:
		let_go(w, c, true);
		break;
	case 10:
		o = other(w, index);
		if (o)
			bounce(w, c, o);
		break;
	case 11:
		act_on_other(w, index, 8);
		break;
	case 12:
		act_on_other(w, index, 9);
		break;
	case 13:
		world_connect(w);
		break;
	case 14:
		world_accept(w, (uint16_t)(index % 4));
		break;
	case 15:
		peek(w, c);
		break;
	}
}

static void acceptable(struct shard *sh, uint16_t listener)
{
	struct world *w = world_of(sh);
	uint32_t i;

	if (!w->moods.acceptable)
		return;
	while ((i = world_accept(w, listener)) && w->moods.acceptable != 1)
		world_act(w, i, w->moods.acceptable);
}

static void must_own(struct world *w, const struct conn *c)
{
	if (!user_of(w, c)->owned)
		world_fail("event for connection %u, which is not the service's",
			   conn_index(w->sh, c));
}

static void connected(struct shard *sh, struct conn *c)
{
	struct world *w = world_of(sh);

	must_own(w, c);
	if (!user_of(w, c)->synchronized)
		synchronize(w, c);
	world_act(w, conn_index(sh, c), w->moods.connected);
}

static void readable(struct shard *sh, struct conn *c)
{
	struct world *w = world_of(sh);

	must_own(w, c);
	if (!tcp_readable(sh, c))
		world_fail("readable without a byte");
	world_act(w, conn_index(sh, c), w->moods.readable);
}

static void eof(struct shard *sh, struct conn *c)
{
	struct world *w = world_of(sh);

	must_own(w, c);
	if (tcp_readable(sh, c) || !tcp_eof(c))
		world_fail("eof before the end");
	world_act(w, conn_index(sh, c), w->moods.eof);
}

static void writable(struct shard *sh, struct conn *c)
{
	struct world *w = world_of(sh);

	must_own(w, c);
	world_act(w, conn_index(sh, c), w->moods.writable);
}

static void closed(struct shard *sh, struct conn *c, enum tcp_close_reason reason)
{
	struct world *w = world_of(sh);
	uint32_t i = conn_index(sh, c);

	must_own(w, c);
	if (!tcp_close_reason_name(reason))
		world_fail("closed for no reason");
	world_act(w, i, w->moods.closed);
	w->users[i] = (struct user){0};
}

const struct service world_service = {
    .name = "fuzzed",
    .acceptable = acceptable,
    .connected = connected,
    .readable = readable,
    .eof = eof,
    .writable = writable,
    .closed = closed,
};
