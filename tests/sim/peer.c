/* SPDX-License-Identifier: BSD-3-Clause */
/* Both ends of a simulated connection. See peer.h. */
#include <stdarg.h>
#include <stdio.h>

#include "engine/tcp/internal.h"
#include "tests/lib/pattern.h"
#include "tests/sim/peer.h"

#define CLIENT    0
#define SERVER    1
#define CHUNK_MAX 32768
#define QUIET_US  3000000 /* what is under way on the slowest link arrives in that time */
#define RETRY_US  500000  /* between attempts to connect from a port still in use */
#define COOKIE_US (COOKIE_LIFE_TICKS / 2 * 1000ull) /* that one is good for at least */

/* A connection's tag; 0 is a server's whose flow is not known yet. */
static uint32_t tag_of(const struct flow *f, uint32_t side)
{
	return (f->id << 1 | side) + 1;
}

static uint32_t side_index(const struct link_end *at)
{
	return (*at->t->tag(at->c) - 1) & 1;
}

static struct flow *flow_of(struct peers *p, const struct link_end *at)
{
	return &p->flows[(*at->t->tag(at->c) - 1) >> 1];
}

static struct side *side_of(struct peers *p, const struct link_end *at)
{
	return &flow_of(p, at)->side[side_index(at)];
}

static const struct side_plan *plan_of(struct peers *p, const struct link_end *at)
{
	return &flow_of(p, at)->plan->side[side_index(at)];
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
	s->at.c = NULL;
	s->ended = true;
	s->reason = reason;
	s->wake = PEER_NEVER;
}

/* RST when the plan says so; true: the connection is gone. */
static bool maybe_abort(struct peers *p, const struct link_end *at)
{
	const struct side_plan *sp = plan_of(p, at);
	struct side *s = side_of(p, at);

	if (!sp->abort_at || s->sent + s->received < sp->abort_at)
		return false;
	s->aborted = true;
	ended(s, TCP_CLOSE_ABORTED);
	at->t->abort(at->host, at->c);
	return true;
}

/* Ends our half, or both, when it is time. */
static void maybe_close(struct peers *p, const struct link_end *at)
{
	const struct flow *f = flow_of(p, at);
	const struct side_plan *sp = plan_of(p, at);
	struct side *s = side_of(p, at);
	uint32_t expected = f->plan->side[1 - side_index(at)].total;
	bool all_sent = s->sent == sp->total;
	bool now = s->eof && all_sent;

	if (sp->close == CLOSE_AT_ONCE && s->up)
		now |= all_sent && s->received == expected;
	if (now) {
		ended(s, TCP_CLOSE_DONE);
		at->t->close(at->host, at->c);
	} else if (sp->close == CLOSE_SHUTDOWN && all_sent && !s->shut) {
		s->shut = true;
		at->t->shutdown(at->host, at->c);
	}
}

/* What comes from here on is urgent, and so is a little more than is written. */
static void maybe_urgent(struct peers *p, const struct link_end *at)
{
	const struct side_plan *sp = plan_of(p, at);
	struct side *s = side_of(p, at);

	if (!sp->urgent_at || s->urgent || s->sent < sp->urgent_at || s->sent == sp->total)
		return;
	s->urgent = true;
	at->t->urgent(at->host, at->c, 1 + (uint32_t)(sp->total - s->sent) / 2);
}

static void pump_out(struct peers *p, const struct link_end *at)
{
	const struct flow *f = flow_of(p, at);
	const struct side_plan *sp = plan_of(p, at);
	struct side *s = side_of(p, at);
	uint8_t bytes[CHUNK_MAX];

	while (s->sent < sp->total) {
		uint32_t room = at->t->writable(at->host, at->c), n, took;

		if (room == 0)
			return; /* ready() comes */
		maybe_urgent(p, at);
		n = MIN(MIN(sp->chunk, room), (uint32_t)(sp->total - s->sent));
		content(f, side_index(at), s->sent, bytes, n);
		took = at->t->write(at->host, at->c, bytes, n, sp->by_copy);
		s->sent += took;
		if (took < n) /* out of memory, or only part taken */
			wake_at(s, p->now + 1000);
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

static void pump_in(struct peers *p, const struct link_end *at)
{
	struct side *s = side_of(p, at);
	const struct side_plan *sp = plan_of(p, at);
	uint8_t bytes[CHUNK_MAX];
	uint32_t n;

	while (!is_paused(p, sp, s) &&
	       (n = at->t->read(at->host, at->c, bytes, sizeof(bytes), sp->by_copy))) {
		verify(p, flow_of(p, at), side_index(at), bytes, n);
		s->received += n;
	}
}

/* Everything that can be done for this end now. */
static void pump(struct peers *p, struct link_end end)
{
	pump_in(p, &end);
	if (maybe_abort(p, &end))
		return;
	pump_out(p, &end);
	if (!maybe_abort(p, &end))
		maybe_close(p, &end);
}

/* A server learns from the first bytes which flow it serves. */
static bool introduce(struct peers *p, const struct link_end *at)
{
	uint8_t bytes[PEER_HEADER];
	uint64_t header;
	struct side *s;
	uint32_t id;

	if (*at->t->tag(at->c)) {
		side_of(p, at)->up = true;
		return true;
	}
	if (at->t->peek(at->host, at->c, bytes, sizeof(bytes)) < sizeof(bytes))
		return false;
	memcpy(&header, bytes, sizeof(header));
	id = (uint32_t)header;
	if (header >> 32 != 0x7465726d || id >= p->plan->nb_flows ||
	    (p->flows[id].side[SERVER].opened && !p->flows[id].struck)) {
		mistake(p, "a connection begins with %016llx", (unsigned long long)header);
		return false;
	}
	p->unknown--;
	*at->t->tag(at->c) = tag_of(&p->flows[id], SERVER);
	s = &p->flows[id].side[SERVER];
	if (s->at.c) /* of before a reboot, and nobody is left at its other end */
		s->at.t->abort(s->at.host, s->at.c);
	*s = (struct side){.at = *at, .wake = PEER_NEVER, .opened = true, .up = true};
	return true;
}

void peers_accepted(struct peers *p)
{
	p->unknown++;
}

void peers_ready(struct peers *p, struct link_end at)
{
	if (introduce(p, &at))
		pump(p, at);
}

void peers_eof(struct peers *p, struct link_end at)
{
	uint32_t unread = at.t->readable(at.host, at.c);

	if (!introduce(p, &at)) {
		/* A client that has gone before it said which one it is. */
		p->unknown--;
		at.t->close(at.host, at.c);
		return;
	}
	if (unread)
		mistake(p, "flow %u: eof with %u bytes unread", flow_of(p, &at)->id, unread);
	side_of(p, &at)->eof = true;
	pump(p, at);
}

static bool cookies_are_given(const struct plan *plan)
{
	for (uint32_t i = 1; i < plan->nb_nodes; i++)
		if (!plan->nodes[i].alien &&
		    plan->nodes[i].tcp.syncookies != CONF_SYNCOOKIES_NEVER)
			return true;
	return false;
}

/* Nothing of it came through before its cookie was too old, so the server knows of no connection,
 * and nobody has read any of what was sent: as with any server that gives cookies. */
static bool cookie_ran_out(const struct peers *p, const struct flow *f, const struct side *s,
			   enum tcp_close_reason reason)
{
	return cookies_are_given(p->plan) && reason == TCP_CLOSE_RESET && s->received == 0 &&
	       !f->side[SERVER].opened && p->now - s->began >= COOKIE_US;
}

/* It did not come up: the link has swallowed all questions for the next hop, the server
 * was away, or opened at the same time with somebody who is no more. */
static bool may_try_again(const struct peers *p, const struct flow *f, const struct side *s,
			  enum tcp_close_reason reason)
{
	const struct node_plan *server = &p->plan->nodes[p->plan->nb_nodes - 1];
	bool crossed = server->alien && server->habits.crosses && reason == TCP_CLOSE_REFUSED;

	return reason == TCP_CLOSE_UNREACHABLE || cookie_ran_out(p, f, s, reason) ||
	       (!s->up && (crossed || (f->struck && reason != TCP_CLOSE_ABORTED)));
}

void peers_closed(struct peers *p, struct link_end at, enum tcp_close_reason reason)
{
	struct side *s;

	if (!*at.t->tag(at.c)) {
		p->unknown--;
		return;
	}
	s = side_of(p, &at);
	if (side_index(&at) == CLIENT && may_try_again(p, flow_of(p, &at), s, reason))
		*s = (struct side){.wake = p->now + RETRY_US};
	else
		ended(s, reason);
}

const struct ipaddr *peers_server(const struct peers *p, const struct flow_plan *fp)
{
	return fp->family == IP_V6 ? &p->server6 : &p->server4;
}

static void connect_flow(struct peers *p, const struct transport *t, void *host, struct flow *f)
{
	struct side *s = &f->side[CLIENT];
	void *c = t->connect(p, host, f->plan, tag_of(f, CLIENT));

	if (!c) {
		wake_at(s, p->now + RETRY_US);
		return;
	}
	s->opened = true;
	s->began = p->now;
	f->struck |= p->now < p->quiet_until;
	s->at = (struct link_end){t, host, c};
	if (f->plan->early)
		pump_out(p, &s->at);
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

bool peers_wake(struct peers *p, const struct transport *t, void *host, uint32_t side)
{
	bool any = false;

	for (uint32_t i = 0; i < p->plan->nb_flows; i++) {
		struct flow *f = &p->flows[i];
		struct side *s = &f->side[side];

		if (s->wake > p->now ||
		    (s->opened ? s->at.host != host : !t->owns(p, host, f->plan)))
			continue;
		any = true;
		s->wake = PEER_NEVER;
		if (side == CLIENT && !s->opened)
			connect_flow(p, t, host, f);
		else if (s->at.c)
			pump(p, s->at);
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

/* What was under way when the node went ends anyhow; its own end has ended. */
static void strike(struct flow *f, bool client, bool server)
{
	if (!f->side[CLIENT].opened || (f->side[CLIENT].ended && f->side[SERVER].ended))
		return;
	f->struck = true;
	if (client && f->side[CLIENT].at.c)
		ended(&f->side[CLIENT], TCP_CLOSE_ABORTED);
	if (server && f->side[SERVER].at.c)
		ended(&f->side[SERVER], TCP_CLOSE_ABORTED);
}

void peers_strike(struct peers *p, bool client, bool server)
{
	p->quiet_until = p->now + QUIET_US;
	for (uint32_t i = 0; i < p->plan->nb_flows; i++)
		strike(&p->flows[i], client, server);
	if (server)
		p->unknown = 0;
}

/* A server that the client never reached has nothing to end. */
static bool side_done(const struct flow *f, uint32_t side)
{
	if (side == SERVER && !f->side[SERVER].opened && f->side[CLIENT].ended &&
	    (f->struck || f->side[CLIENT].aborted || f->side[CLIENT].reason != TCP_CLOSE_DONE))
		return true;
	return f->side[side].ended;
}

bool peers_done(const struct peers *p, uint32_t kept)
{
	for (uint32_t i = 0; i < p->plan->nb_flows; i++)
		if (!side_done(&p->flows[i], CLIENT) || !side_done(&p->flows[i], SERVER))
			return false;
	return p->unknown <= kept;
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

		if (f->struck || f->plan->side[CLIENT].abort_at || f->plan->side[SERVER].abort_at)
			continue;
		verify_side(p, f, CLIENT);
		verify_side(p, f, SERVER);
	}
	return p->why[0] == '\0';
}
