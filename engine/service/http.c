/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The http service: the same response to every request, for tests and
 * benchmarks. It understands as much of HTTP/1.x (RFC 9112) as it takes to
 * answer right: request heads, pipelining, HEAD, request bodies by
 * Content-Length, and when to close.
 */
#include "engine/service/builtin.h"
#include "engine/service/http_head.h"

#define HEAD_MAX 8192 /* longest request head, as most servers have it */

/* svc_data of an http connection: bytes of the current request's body that are
 * still to be skipped, or that a part of a head is there. */
#define HEAD_BEGUN UINT32_MAX /* no body has so many bytes */

static const char bad_request[] = "HTTP/1.1 400 Bad Request\r\nServer: terminus\r\n"
				  "Content-Length: 0\r\nConnection: close\r\n\r\n";

static void http_acceptable(struct shard *sh, uint16_t listener)
{
	while (tcp_accept(sh, listener))
		;
}

static const struct conf_listener *listener_of(const struct shard *sh, const struct conn *c)
{
	return &sh->conf->listeners[conn_profile(sh, c)->listener];
}

static void answer(struct shard *sh, struct conn *c, const struct http_head *r)
{
	const struct conf_body *body = conn_profile(sh, c)->body;
	uint32_t len = body->len, sent;

	if (r->bad) {
		stat_inc(sh, STAT_http_bad_requests);
		tcp_write_copy(sh, c, bad_request, sizeof(bad_request) - 1);
		return;
	}
	stat_inc(sh, STAT_http_requests);
	if (r->is_head)
		len = body->head_len;
	sent = tcp_write_copy(sh, c, body->bytes, len);
	/* Half a response would be mistaken for a whole one of another length. */
	if (sent < len)
		tcp_abort(sh, c);
}

/* Skips what is there of a request's body. */
static COLD void skip_body(struct shard *sh, struct conn *c)
{
	uint32_t n = MIN(c->svc_data, tcp_readable(sh, c));

	tcp_consume(sh, c, n);
	c->svc_data -= n;
}

/* The same of a request whose head lies in more than one piece. *waiting: bytes that are there. */
static COLD bool read_pieces(struct shard *sh, struct conn *c, struct http_head *h,
			     uint32_t *waiting)
{
	char whole[HEAD_MAX];

	*waiting = tcp_peek(sh, c, 0, whole, sizeof(whole));
	return http_head_parse(h, whole, *waiting);
}

/* The rest of the head has its time, counted from here (slow loris). */
static COLD void await_head(struct shard *sh, struct conn *c)
{
	uint32_t timeout_ms = listener_of(sh, c)->request_timeout_ms;

	if (c->svc_data == HEAD_BEGUN)
		return;
	c->svc_data = HEAD_BEGUN;
	if (timeout_ms)
		tcp_limit(sh, c, timeout_ms);
}

/* Answers the request that begins with `waiting` bytes at `front`; false: it is not all there, or
 * the connection is done with. */
static bool serve_one(struct shard *sh, struct conn *c, const char *front, uint32_t waiting)
{
	struct http_head h;
	bool whole = http_head_parse(&h, front, waiting);

	if (unlikely(!whole) && waiting < tcp_readable(sh, c))
		whole = read_pieces(sh, c, &h, &waiting);
	if (unlikely(!whole)) {
		if (waiting < HEAD_MAX && !tcp_eof(c)) {
			await_head(sh, c);
			return false;
		}
		h = (struct http_head){.bad = true, .len = waiting};
	}
	tcp_consume(sh, c, h.len);
	c->svc_data = h.body_len;
	if (unlikely(h.len == 2 && whole))
		return true; /* RFC 9112 §2.2: an empty line before a request */
	answer(sh, c, &h);
	if (h.bad || h.close) {
		/* Our FIN says that this was the last response. */
		tcp_linger(sh, c);
		return false;
	}
	return true;
}

static void http_pump(struct shard *sh, struct conn *c)
{
	const char *front;
	uint32_t len;

	while (!(c->flags & CF_ORPHAN) && (front = tcp_front(sh, c, &len))) {
		if (!tcp_writable(sh, c))
			return;
		if (unlikely(c->svc_data) && c->svc_data != HEAD_BEGUN)
			skip_body(sh, c);
		else if (!serve_one(sh, c, front, len))
			return;
	}
}

static void http_late(struct shard *sh, struct conn *c)
{
	/* The head has come since, if there is a body now, or nothing. */
	if (c->svc_data != HEAD_BEGUN)
		return;
	stat_inc(sh, STAT_request_expired);
	tcp_abort(sh, c);
}

static bool http_owes(const struct conn *c)
{
	return c->svc_data != 0;
}

static void http_eof(struct shard *sh, struct conn *c)
{
	tcp_shutdown(sh, c);
}

const struct service http_service = {
    .name = "http",
    .acceptable = http_acceptable,
    .readable = http_pump,
    .writable = http_pump,
    .eof = http_eof,
    .late = http_late,
    .owes = http_owes,
};
