/* SPDX-License-Identifier: BSD-3-Clause */
/* Request heads, in sixteen bytes at a time, against a reader that takes one after the other. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <strings.h>

#include "engine/service/http_head.h"
#include "tests/unit/guard.h"
#include "tests/unit/rng.h"

/* The value of a header line when it has this name. */
static const char *value_of(const char *line, const char *name)
{
	size_t n = strlen(name);

	if (strncasecmp(line, name, n) != 0)
		return NULL;
	return line + n + strspn(line + n, " \t");
}

static void take_request(struct http_head *h, const char *line)
{
	size_t n = strlen(line), method = strcspn(line, " "), target;
	const char *rest = line + method + 1;

	h->bad = true;
	if (method == n || *line < 'A' || *line > 'Z')
		return;
	target = strcspn(rest, " ");
	for (const char *c = line; *c; c++) {
		if (*c < ' ')
			return;
	}
	if (target == 0 || strncmp(rest + target, " HTTP/1.", 8) != 0 || rest[target + 8] < '0' ||
	    rest[target + 8] > '9' || rest[target + 9] != '\0')
		return;
	h->bad = false;
	h->is_head = strncmp(line, "HEAD ", 5) == 0;
	h->close = line[n - 1] == '0';
}

static void take_content_length(struct http_head *h, const char *v)
{
	size_t digits = strspn(v, "0123456789");
	unsigned long n = strtoul(v, NULL, 10);

	if (digits == 0 || v[digits + strspn(v + digits, " \t")] != '\0' || n >= UINT32_MAX ||
	    (h->sized && n != h->body_len))
		h->bad = true;
	h->sized = true;
	h->body_len = (uint32_t)n;
}

static void take_header(struct http_head *h, const char *line)
{
	size_t name = strcspn(line, " \t\r\n:");
	const char *v;

	if (name == 0 || line[name] != ':')
		h->bad = true;
	else if ((v = value_of(line, "Connection:")))
		h->close |= strcasestr(v, "close") != NULL;
	else if ((v = value_of(line, "Content-Length:")))
		take_content_length(h, v);
	else if (value_of(line, "Transfer-Encoding:"))
		h->bad = true;
	else if (value_of(line, "Host:")) {
		h->bad |= h->host;
		h->host = true;
	}
}

static void take_line(struct http_head *h, const char *line, bool first)
{
	bool lf = strchr(line, '\n') != NULL;

	if (first)
		take_request(h, line);
	else
		take_header(h, line);
	h->bad |= lf;
}

static bool naive(struct http_head *h, const char *p, uint32_t len)
{
	char line[512];
	uint32_t n = 0;
	bool first = true;

	memset(h, 0, sizeof(*h));
	for (uint32_t i = 0; i < len; i++) {
		line[n++] = p[i];
		if (n < 2 || memcmp(line + n - 2, "\r\n", 2) != 0)
			continue;
		line[n - 2] = '\0';
		if (n == 2) {
			h->len = i + 1;
			return true;
		}
		take_line(h, line, first);
		first = false;
		n = 0;
	}
	return false;
}

static const char *const requests[] = {
    "GET / HTTP/1.1",
    "GET / HTTP/1.1",
    "GET /eleven-byte HTTP/1.1",
    "GET /twelve-bytes HTTP/1.1",
    "HEAD /a HTTP/1.0",
    "POST /form HTTP/1.1",
    "GET /a/target/of/sixty/bytes/which/is/more/than/four/looks/take/in HTTP/1.1",
    "GET /a/target/of/sixty/bytes/which/is/more/than/four looks/take/in HTTP/1.1",
    "GET /a/target/of/sixty/bytes/which/is/more/than/four/looks/take/in,a b HTTP/1.1",
    "get / HTTP/1.1",
    "G HTTP/1.1",
    "GETxxxHTTP/1.1",
    "GET / HTTP/2.0",
    "GET / HTTP/1.x",
    "GET  / HTTP/1.1",
    "GET /  HTTP/1.1",
    "GET /a b HTTP/1.1",
    "GET\t/ HTTP/1.1",
    "GET /\t HTTP/1.1",
    "GET /\nHTTP/1.1",
    "GET  HTTP/1.1",
    "\nGET / HTTP/1.1",
};

static const char *const lines[] = {
    "Host: a",
    "HOST:",
    "host:b",
    "Hos",
    "Host : a",
    "Host: \nwith LF",
    "Hosts: a",
    " Host: a",
    "Connection: close",
    "CONNECTION:close",
    "connection: keep-alive",
    "Connection: TE, Close",
    "Content-Length: 12",
    "content-length:\t12 ",
    "Content-Length: 7",
    "Content-Length: 12, 12",
    "Content-Length: 12x",
    "Content-Length: -1",
    "Content-Length:",
    "Content-Length : 12",
    "Content-Length: 4294967295",
    "Content-Lengths: 9",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding\t: chunked",
    "Cookie: a=b; c=d",
    "Te: trailers",
    "C",
    ": no name",
    "X: \r",
    "\tfolded: more",
    "User-Agent: something that is rather long, longer than what one look takes in at once 0123",
};

static uint32_t add_line(char *out, uint32_t len, const char *line)
{
	uint32_t n = (uint32_t)strlen(line);

	memcpy(out + len, line, n);
	memcpy(out + len + n, "\r\n", 2);
	return len + n + 2;
}

static uint32_t make(struct rng *r, char *out)
{
	uint32_t len = 0, n = rng_below(r, 6);

	if (n != 0)
		len = add_line(out, len, requests[rng_below(r, ARRAY_SIZE(requests))]);
	for (uint32_t i = 1; i < n; i++) {
		/* Else hardly any would be good. */
		const uint32_t some = rng_below(r, 2) ? 3 : ARRAY_SIZE(lines);

		len = add_line(out, len, lines[rng_below(r, some)]);
	}
	memcpy(out + len, "\r\nbody", 6);
	return len + 6;
}

static void test_random(void **state)
{
	struct rng r = {.state = 1};
	uint32_t complete = 0, good = 0;
	struct guard g;

	(void)state;
	guard_init(&g, 1024);
	for (uint32_t i = 0; i < 100000; i++) {
		char text[1024];
		uint32_t len = rng_below(&r, make(&r, text) + 1);
		struct http_head h, want;
		bool whole;

		whole = naive(&want, text, len);
		assert_int_equal(
		    http_head_parse(&h, (const char *)guard_place(&g, text, len), len), whole);
		complete += whole;
		if (whole) {
			assert_int_equal(h.len, want.len);
			assert_int_equal(h.bad, want.bad);
		}
		if (whole && !want.bad) {
			good++;
			assert_int_equal(h.close, want.close);
			assert_int_equal(h.is_head, want.is_head);
			assert_int_equal(h.body_len, want.body_len);
		}
	}
	assert_in_range(complete, 10000, 95000);
	assert_in_range(good, 2000, complete - 2000);
	guard_fini(&g);
}

#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

/* What others on the way may take for something else than we would. */
static const char *const refused[] = {
    POST "Content-Length: 5\r\nContent-Length: 50\r\n\r\n",
    POST "Content-Length: 5, 50\r\n\r\n",
    POST "Content-Length: abc\r\n\r\n",
    POST "Content-Length: 10x\r\n\r\n",
    POST "Content-Length: +10\r\n\r\n",
    POST "Content-Length: 1 0\r\n\r\n",
    POST "Content-Length:\r\n\r\n",
    POST "Content-Length : 10\r\n\r\n",
    POST "Content-Length:\r\n 10\r\n\r\n",
    POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    POST "Transfer-Encoding : chunked\r\n\r\n",
    POST "X: a\nContent-Length: 10\r\n\r\n",
    POST "no colon\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n",
    "GETxxxHTTP/1.1\r\nHost: a\r\n\r\n",
    "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
};

static const struct {
	const char *text;
	uint32_t body_len;
	bool close;
} taken[] = {
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 0, false},
    {"GET / HTTP/1.1\r\n\r\n", 0, false},
    {POST "Content-Length: 5 \t\r\nContent-Length:05\r\n\r\n", 5, false},
    {POST "Connection: close\r\nConnection: keep-alive\r\n\r\n", 0, true},
    {POST "Connection: keep-alive, close\r\n\r\n", 0, true},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 0, true},
};

static void test_framing(void **state)
{
	struct http_head h;

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(refused); i++) {
		assert_true(http_head_parse(&h, refused[i], (uint32_t)strlen(refused[i])));
		assert_true(h.bad);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(taken); i++) {
		assert_true(http_head_parse(&h, taken[i].text, (uint32_t)strlen(taken[i].text)));
		assert_false(h.bad);
		assert_int_equal(h.body_len, taken[i].body_len);
		assert_int_equal(h.close, taken[i].close);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_framing),
	    cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
