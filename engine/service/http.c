/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The http service: the same response to every request, for tests and
 * benchmarks. It understands as much of HTTP/1.x (RFC 9112) as it takes to
 * answer right: request heads, pipelining, HEAD, request bodies by
 * Content-Length, and when to close.
 */
#include "engine/service/builtin.h"

#define HEAD_MAX 8192 /* longest request head, as most servers have it */

/* svc_data of an http connection: bytes of the current request's body that are
 * still to be skipped. */

struct request {
	uint32_t head_len; /* bytes up to and including the empty line; 0: incomplete */
	uint32_t body_len;
	bool is_head;
	bool close; /* answer, then close */
	bool bad;
};

static const char bad_request[] = "HTTP/1.1 400 Bad Request\r\nServer: terminus\r\n"
				  "Content-Length: 0\r\nConnection: close\r\n\r\n";

static void http_acceptable(struct shard *sh, uint16_t listener)
{
	while (tcp_accept(sh, listener))
		;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* True when the line begins with this lower-case header name and colon; *value
 * is then what follows, blanks skipped. */
static bool header_is(const char *line, uint32_t len, const char *name, const char **value)
{
	uint32_t i = 0;

	for (; name[i]; i++)
		if (i >= len || lower(line[i]) != name[i])
			return false;
	while (i < len && (line[i] == ' ' || line[i] == '\t'))
		i++;
	*value = line + i;
	return true;
}

static bool value_has(const char *value, const char *end, const char *word)
{
	for (; value < end; value++) {
		uint32_t i = 0;

		while (word[i] && value + i < end && lower(value[i]) == word[i])
			i++;
		if (!word[i])
			return true;
	}
	return false;
}

static void parse_header(struct request *r, const char *line, uint32_t len)
{
	const char *end = line + len, *value;

	if (header_is(line, len, "connection:", &value)) {
		if (value_has(value, end, "close"))
			r->close = true;
		else if (value_has(value, end, "keep-alive"))
			r->close = false;
	} else if (header_is(line, len, "content-length:", &value)) {
		uint64_t n = 0;

		for (; value < end && *value >= '0' && *value <= '9' && n < UINT32_MAX; value++)
			n = n * 10 + (uint64_t)(*value - '0');
		r->bad |= n >= UINT32_MAX;
		r->body_len = (uint32_t)n;
	} else if (header_is(line, len, "transfer-encoding:", &value)) {
		r->bad = true; /* nothing that measures us sends one */
	}
}

/* "METHOD target HTTP/1.x" */
static void parse_request_line(struct request *r, const char *line, uint32_t len)
{
	const char *version = line + len - 8;

	r->bad = len < 14 || memcmp(version, "HTTP/1.", 7) != 0 || line[0] < 'A' || line[0] > 'Z';
	if (r->bad)
		return;
	r->is_head = memcmp(line, "HEAD ", 5) == 0;
	r->close = version[7] == '0';
}

static struct request parse_request(const char *p, uint32_t len)
{
	struct request r = {0};
	uint32_t start = 0;

	for (uint32_t i = 0; i + 1 < len; i++) {
		if (p[i] != '\r' || p[i + 1] != '\n')
			continue;
		if (i == start) {
			r.head_len = i + 2;
			return r;
		}
		if (start == 0)
			parse_request_line(&r, p, i);
		else
			parse_header(&r, p + start, i - start);
		start = i + 2;
		i++;
	}
	return (struct request){0};
}

static void answer(struct shard *sh, struct conn *c, const struct request *r)
{
	const struct profile *p = &sh->profiles[conn_cold(sh, c)->profile];
	const struct conf_listener *l = &sh->conf->listeners[p->listener];
	const struct conf_body *body = &sh->conf->bodies[l->http_body];
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

/* Skips what is left of a request's body; true: none is left. */
static bool skip_body(struct shard *sh, struct conn *c)
{
	uint32_t n = MIN(c->svc_data, tcp_readable(sh, c));

	if (n)
		tcp_consume(sh, c, n);
	c->svc_data -= n;
	return c->svc_data == 0;
}

/* Answers one request; false: there is none, or the connection is done with. */
static bool serve_one(struct shard *sh, struct conn *c)
{
	char head[HEAD_MAX];
	uint32_t len = tcp_peek(sh, c, 0, head, sizeof(head));
	struct request r;

	if (len == 0)
		return false;
	if (len >= 2 && head[0] == '\r' && head[1] == '\n') {
		tcp_consume(sh, c, 2); /* RFC 9112 §2.2: ignored before a request */
		return true;
	}
	r = parse_request(head, len);
	if (!r.head_len) {
		if (len < HEAD_MAX && !tcp_eof(c))
			return false;
		r = (struct request){.bad = true, .head_len = len};
	}
	tcp_consume(sh, c, r.head_len);
	c->svc_data = r.body_len;
	answer(sh, c, &r);
	if (r.bad || r.close) {
		/* Our FIN says that this was the last response. */
		tcp_linger(sh, c);
		return false;
	}
	return true;
}

static void http_pump(struct shard *sh, struct conn *c)
{
	while (!(c->flags & CF_ORPHAN) && tcp_writable(sh, c) && skip_body(sh, c) &&
	       serve_one(sh, c))
		;
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
};
