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

static void take_line(struct http_head *h, const char *line, bool first)
{
	size_t n = strlen(line);
	const char *v;

	if (first) {
		h->bad = n < 14 || memcmp(line + n - 8, "HTTP/1.", 7) != 0 || *line < 'A' ||
			 *line > 'Z';
		if (!h->bad) {
			h->is_head = strncmp(line, "HEAD ", 5) == 0;
			h->close = line[n - 1] == '0';
		}
	} else if ((v = value_of(line, "Connection:"))) {
		if (strcasestr(v, "close"))
			h->close = true;
		else if (strcasestr(v, "keep-alive"))
			h->close = false;
	} else if ((v = value_of(line, "Content-Length:"))) {
		h->body_len = (uint32_t)strtoul(v, NULL, 10);
	} else if (value_of(line, "Transfer-Encoding:")) {
		h->bad = true;
	}
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

static const char *const lines[] = {
    "GET / HTTP/1.1",
    "HEAD /a HTTP/1.0",
    "POST /form HTTP/1.1",
    "get / HTTP/1.1",
    "G HTTP/1.1",
    "GET / HTTP/2.0",
    "Host: a",
    "Host: \nwith LF",
    "Connection: close",
    "CONNECTION:close",
    "connection: keep-alive",
    "Connection: TE, Close",
    "Content-Length: 12",
    "content-length:\t7 ",
    "Content-Lengths: 9",
    "Transfer-Encoding: chunked",
    "Cookie: a=b; c=d",
    "Te: trailers",
    "C",
    "X: \r",
    "User-Agent: something that is rather long, longer than what one look takes in at once 0123",
};

static uint32_t make(struct rng *r, char *out)
{
	uint32_t len = 0, n = rng_below(r, 6);

	for (uint32_t i = 0; i < n; i++) {
		const char *l = lines[rng_below(r, i ? ARRAY_SIZE(lines) : 6)];

		memcpy(out + len, l, strlen(l));
		len += (uint32_t)strlen(l);
		memcpy(out + len, "\r\n", 2);
		len += 2;
	}
	memcpy(out + len, "\r\nbody", 6);
	return len + 6;
}

static void test_random(void **state)
{
	struct rng r = {.state = 1};
	uint32_t complete = 0;
	struct guard g;

	(void)state;
	guard_init(&g, 1024);
	for (uint32_t i = 0; i < 20000; i++) {
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
			assert_int_equal(h.close, want.close);
			assert_int_equal(h.is_head, want.is_head);
			assert_int_equal(h.body_len, want.body_len);
		}
	}
	assert_in_range(complete, 2000, 19000);
	guard_fini(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
