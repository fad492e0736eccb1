/* SPDX-License-Identifier: BSD-3-Clause */
/* Both ends of a simulated connection. See peer.h. */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

#include "engine/table/tuple.h"
#include "tests/lib/pattern.h"
#include "tests/lib/rig.h"
#include "tests/sim/peer.h"

#define CLIENT    0
#define SERVER    1
#define CHUNK_MAX 32768
#define RETRY_US  500000 /* between attempts to connect from a port still in use */

/* svc_data: 0 is a server's connection whose flow is not known yet. */
static uint32_t tag_of(const struct flow *f, uint32_t side)
{
	return (f->id << 1 | side) + 1;
}

static struct flow *flow_of(struct peers *p, const struct conn *c)
{
	return &p->flows[(c->svc_data - 1) >> 1];
}

static struct side *side_of(struct peers *p, const struct conn *c)
{
	return &flow_of(p, c)->side[(c->svc_data - 1) & 1];
}

static const struct side_plan *plan_of(struct peers *p, const struct conn *c)
{
	return &flow_of(p, c)->plan->side[(c->svc_data - 1) & 1];
}

PRINTF_LIKE(2, 3) static void mistake(struct peers *p, const char *fmt, ...)
{
	va_list ap;

	if (p->why[0])
		return;
	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
}

uint16_t peer_port(enum flow_kind kind)
{
	static const uint16_t ports[] = {[FLOW_STREAM] = 100, [FLOW_ECHO] = 7, [FLOW_DISCARD] = 9};

	return ports[kind];
}

static void write_header(uint8_t *dst, uint32_t id)
{
	uint64_t v = 0x7465726d00000000ull | id;

	memcpy(dst, &v, sizeof(v));
}

/* The bytes that `side` sends from `off` on. */
static void content(const struct flow *f, uint32_t side, uint64_t off, uint8_t *dst, uint32_t len)
{
	pattern_fill(tag_of(f, side), off, dst, len);
	if (side == CLIENT && off < PEER_HEADER) {
		uint8_t header[PEER_HEADER];

		write_header(header, f->id);
		memcpy(dst, header + off, MIN(len, PEER_HEADER - (uint32_t)off));
	}
}

/* Compares what has been read on `side` with what the other one sends. */
static void verify(struct peers *p, const struct flow *f, uint32_t side, const uint8_t *src,
		   uint32_t len)
{
	/* Echo returns the client's own bytes. */
	uint32_t from = f->plan->kind == FLOW_ECHO ? CLIENT : 1 - side;
	uint64_t off = f->side[side].received;
	uint8_t want[CHUNK_MAX];

	for (uint32_t done = 0; done < len;) {
		uint32_t n = MIN(len - done, CHUNK_MAX);

		content(f, from, off + done, want, n);
		if (memcmp(want, src + done, n) != 0) {
			mistake(p, "flow %u: the %s has read wrong bytes between %llu and %llu",
				f->id, side ? "server" : "client", (unsigned long long)(off + done),
				(unsigned long long)(off + done + n));
			return;
		}
		done += n;
	}
}

static void wake_at(struct side *s, usec_t at)
{
	s->wake = MIN(s->wake, at);
}

static void ended(struct side *s, enum tcp_close_reason reason)
{
	s->c = NULL;
	s->ended = true;
	s->reason = reason;
	s->wake = PEER_NEVER;
}

/* RST when the plan says so; true: the connection is gone. */
static bool maybe_abort(struct peers *p, struct shard *sh, struct conn *c)
{
	const struct side_plan *sp = plan_of(p, c);
	struct side *s = side_of(p, c);

	if (!sp->abort_at || s->sent + s->received < sp->abort_at)
		return false;
	s->aborted = true;
	ended(s, TCP_CLOSE_ABORTED);
	tcp_abort(sh, c);
	return true;
}

/* Ends our half, or both, when it is time; true: the connection is gone. */
static bool maybe_close(struct peers *p, struct shard *sh, struct conn *c)
{
	const struct flow *f = flow_of(p, c);
	const struct side_plan *sp = plan_of(p, c);
	struct side *s = side_of(p, c);
	uint32_t expected = f->plan->side[1 - ((c->svc_data - 1) & 1)].total;
	bool all_sent = s->sent == sp->total;
	bool now = s->eof && all_sent;

	if (sp->close == CLOSE_AT_ONCE)
		now |= all_sent && s->received == expected;
	if (now) {
		ended(s, TCP_CLOSE_DONE);
		tcp_close(sh, c);
		return true;
	}
	if (sp->close == CLOSE_SHUTDOWN && all_sent && !s->shut) {
		s->shut = true;
		tcp_shutdown(sh, c);
	}
	return false;
}

static bool write_by_copy(struct shard *sh, struct conn *c, const uint8_t *bytes, uint32_t n,
			  uint32_t *took)
{
	*took = tcp_write_copy(sh, c, bytes, n);
	return *took == n;
}

static bool write_by_buf(struct shard *sh, struct conn *c, const uint8_t *bytes, uint32_t n,
			 uint32_t *took)
{
	struct buf *b = shard_buf_alloc(sh);

	*took = 0;
	if (!b)
		return false;
	n = MIN(n, buf_tailroom(b));
	memcpy(b->data, bytes, n);
	b->len = n;
	if (tcp_write(sh, c, b))
		*took = n;
	return *took == n;
}

static void pump_out(struct peers *p, struct shard *sh, struct conn *c)
{
	const struct flow *f = flow_of(p, c);
	const struct side_plan *sp = plan_of(p, c);
	struct side *s = side_of(p, c);
	uint8_t bytes[CHUNK_MAX];

	while (s->sent < sp->total) {
		uint32_t room = tcp_writable(sh, c), n, took;

		if (room == 0)
			return; /* writable() comes */
		n = MIN(MIN(sp->chunk, room), (uint32_t)(sp->total - s->sent));
		content(f, (c->svc_data - 1) & 1, s->sent, bytes, n);
		if (!(sp->by_copy ? write_by_copy : write_by_buf)(sh, c, bytes, n, &took))
			wake_at(s, p->now + 1000); /* out of memory, or only part taken */
		s->sent += took;
		if (sp->pace_us || took == 0) {
			wake_at(s, p->now + MAX(sp->pace_us, 1000u));
			return;
		}
	}
}

/* Reading stops for a while where the plan says so. */
static bool is_paused(struct peers *p, const struct side_plan *sp, struct side *s)
{
	if (sp->pause_us && !s->paused && s->received >= sp->pause_at) {
		s->paused = true;
		s->pause_until = p->now + sp->pause_us;
	}
	if (p->now >= s->pause_until)
		return false;
	wake_at(s, s->pause_until);
	return true;
}

static uint32_t read_some(struct peers *p, struct shard *sh, struct conn *c)
{
	const struct flow *f = flow_of(p, c);
	uint32_t side = (c->svc_data - 1) & 1;
	uint8_t bytes[CHUNK_MAX];
	struct buf *b;
	uint32_t n;

	if (plan_of(p, c)->by_copy) {
		n = tcp_peek(sh, c, 0, bytes, sizeof(bytes));
		verify(p, f, side, bytes, n);
		if (n)
			tcp_consume(sh, c, n);
		return n;
	}
	b = tcp_read(sh, c);
	if (!b)
		return 0;
	n = b->len;
	verify(p, f, side, b->data, n);
	shard_buf_free(sh, b);
	return n;
}

static void pump_in(struct peers *p, struct shard *sh, struct conn *c)
{
	struct side *s = side_of(p, c);
	uint32_t n;

	while (!is_paused(p, plan_of(p, c), s) && (n = read_some(p, sh, c)))
		s->received += n;
}

/* Everything that can be done for this end now. */
static void pump(struct peers *p, struct shard *sh, struct conn *c)
{
	pump_in(p, sh, c);
	if (maybe_abort(p, sh, c))
		return;
	pump_out(p, sh, c);
	if (!maybe_abort(p, sh, c))
		maybe_close(p, sh, c);
}

/* A server learns from the first bytes which flow it serves. */
static bool introduce(struct peers *p, struct shard *sh, struct conn *c)
{
	uint64_t header = 0;
	uint32_t id;

	if (c->svc_data)
		return true;
	if (tcp_peek(sh, c, 0, &header, sizeof(header)) < sizeof(header))
		return false;
	id = (uint32_t)header;
	if (header >> 32 != 0x7465726d || id >= p->plan->nb_flows ||
	    p->flows[id].side[SERVER].opened) {
		mistake(p, "a connection begins with %016llx", (unsigned long long)header);
		return false;
	}
	p->unknown--;
	c->svc_data = tag_of(&p->flows[id], SERVER);
	p->flows[id].side[SERVER].opened = true;
	p->flows[id].side[SERVER].c = c;
	p->flows[id].side[SERVER].sh = sh;
	return true;
}

static void on_acceptable(struct shard *sh, uint16_t listener)
{
	struct peers *p = rig_user(sh);

	while (tcp_accept(sh, listener))
		p->unknown++;
}

static void on_ready(struct shard *sh, struct conn *c)
{
	struct peers *p = rig_user(sh);

	if (introduce(p, sh, c))
		pump(p, sh, c);
}

static void on_eof(struct shard *sh, struct conn *c)
{
	struct peers *p = rig_user(sh);

	if (!introduce(p, sh, c)) {
		/* A client that has gone before it said which one it is. */
		p->unknown--;
		tcp_close(sh, c);
		return;
	}
	if (tcp_readable(sh, c))
		mistake(p, "flow %u: eof with %u bytes unread", flow_of(p, c)->id,
			tcp_readable(sh, c));
	side_of(p, c)->eof = true;
	pump(p, sh, c);
}

static void on_closed(struct shard *sh, struct conn *c, enum tcp_close_reason reason)
{
	struct peers *p = rig_user(sh);

	struct side *s = c->svc_data ? side_of(p, c) : NULL;

	if (!s) {
		p->unknown--;
	} else if (reason == TCP_CLOSE_UNREACHABLE) {
		/* The link has swallowed all questions for the next hop: try again. */
		s->c = NULL;
		s->opened = s->shut = false;
		s->sent = 0;
		s->wake = p->now + RETRY_US;
	} else {
		ended(s, reason);
	}
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

/* True when this shard gets what the server sends: it has to open the flow. */
static bool is_owner(const struct peers *p, const struct shard *sh, const struct flow *f)
{
	const struct flow_plan *fp = f->plan;
	bool v6 = fp->family == IP_V6;
	const struct ipaddr *server = v6 ? &p->server6 : &p->server4;
	const struct ipaddr *local = &sh->conf->addrs[v6 ? p->local6 : p->local4].addr;

	return tuple_owner(sh, fp->family, server->bytes, local->bytes, htons(peer_port(fp->kind)),
			   htons(fp->lport)) == sh->id;
}

static void connect_flow(struct peers *p, struct shard *sh, struct flow *f)
{
	const struct flow_plan *fp = f->plan;
	struct side *s = &f->side[CLIENT];
	bool v6 = fp->family == IP_V6;

	s->c = tcp_connect(sh, p->profile, 0, v6 ? p->local6 : p->local4, htons(fp->lport),
			   v6 ? &p->server6 : &p->server4, htons(peer_port(fp->kind)));
	if (!s->c) {
		wake_at(s, p->now + RETRY_US);
		return;
	}
	s->opened = true;
	s->sh = sh;
	s->c->svc_data = tag_of(f, CLIENT);
}

void peers_init(struct peers *p, const struct plan *plan)
{
	*p = (struct peers){.plan = plan};
	for (uint32_t i = 0; i < plan->nb_flows; i++) {
		struct flow *f = &p->flows[i];

		f->plan = &plan->flows[i];
		f->id = i;
		f->side[CLIENT].wake = f->side[SERVER].wake = PEER_NEVER;
		/* The engine's own services are nobody's to watch. */
		f->side[SERVER].ended = f->plan->kind != FLOW_STREAM;
	}
}

void peers_begin(struct peers *p, usec_t now)
{
	p->now = now;
	for (uint32_t i = 0; i < p->plan->nb_flows; i++)
		p->flows[i].side[CLIENT].wake = now + p->flows[i].plan->start_us;
}

bool peers_wake(struct peers *p, struct shard *sh, uint32_t side)
{
	bool any = false;

	for (uint32_t i = 0; i < p->plan->nb_flows; i++) {
		struct flow *f = &p->flows[i];
		struct side *s = &f->side[side];

		if (s->wake > p->now || (s->opened ? s->sh != sh : !is_owner(p, sh, f)))
			continue;
		any = true;
		s->wake = PEER_NEVER;
		if (side == CLIENT && !s->opened)
			connect_flow(p, sh, f);
		else if (s->c)
			pump(p, sh, s->c);
	}
	return any;
}

usec_t peers_next(const struct peers *p)
{
	usec_t next = PEER_NEVER;

	for (uint32_t i = 0; i < p->plan->nb_flows; i++)
		for (int s = 0; s < 2; s++)
			next = MIN(next, p->flows[i].side[s].wake);
	return next;
}

/* A server that the client never reached has nothing to end. */
static bool side_done(const struct flow *f, uint32_t side)
{
	if (side == SERVER && !f->side[SERVER].opened && f->side[CLIENT].ended &&
	    (f->side[CLIENT].aborted || f->side[CLIENT].reason != TCP_CLOSE_DONE))
		return true;
	return f->side[side].ended;
}

bool peers_done(const struct peers *p)
{
	for (uint32_t i = 0; i < p->plan->nb_flows; i++)
		if (!side_done(&p->flows[i], CLIENT) || !side_done(&p->flows[i], SERVER))
			return false;
	return p->unknown == 0;
}

/* A flow that nobody aborted has brought everything, and has ended in order. */
static void verify_side(struct peers *p, const struct flow *f, uint32_t side)
{
	const struct side *s = &f->side[side];
	uint32_t expected = f->plan->side[1 - side].total;

	if (side == SERVER && f->plan->kind != FLOW_STREAM)
		return;
	if (s->reason != TCP_CLOSE_DONE)
		mistake(p, "flow %u: the %s's connection ended: %s", f->id,
			side ? "server" : "client", tcp_close_reason_name(s->reason));
	if (s->received != expected || s->sent != f->plan->side[side].total)
		mistake(p, "flow %u: the %s has received %llu of %u and sent %llu of %u bytes",
			f->id, side ? "server" : "client", (unsigned long long)s->received,
			expected, (unsigned long long)s->sent, f->plan->side[side].total);
}

bool peers_verify(struct peers *p)
{
	for (uint32_t i = 0; i < p->plan->nb_flows; i++) {
		const struct flow *f = &p->flows[i];

		if (f->plan->side[CLIENT].abort_at || f->plan->side[SERVER].abort_at)
			continue;
		verify_side(p, f, CLIENT);
		verify_side(p, f, SERVER);
	}
	return p->why[0] == '\0';
}
