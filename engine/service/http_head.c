/* SPDX-License-Identifier: BSD-3-Clause */
/* See http_head.h. */
#include "engine/service/http_head.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Eight bytes of text against eight of a lower-case word, letters of either case: of what words
 * hold only letters have the bit 0x40. */
static ALWAYS_INLINE bool same_eight(const char *text, const char *word)
{
	uint64_t t, w;

	memcpy(&t, text, 8);
	memcpy(&w, word, 8);
	return (t | (w & 0x4040404040404040ull) >> 1) == w;
}

/* True when the line begins with this lower-case name and colon, of 8 to 24 bytes; *value
 * is then what follows, blanks skipped. */
static ALWAYS_INLINE bool header_is(const char *line, const char *end, const char *name,
				    uint32_t len, const char **value)
{
	if (end - line < len || !same_eight(line, name) ||
	    !same_eight(line + len - 8, name + len - 8))
		return false;
	if (len > 16 && !same_eight(line + 8, name + 8))
		return false;
	for (line += len; line < end && (*line == ' ' || *line == '\t');)
		line++;
	*value = line;
	return true;
}
#define HEADER_IS(line, end, name, value) header_is(line, end, name, sizeof(name) - 1, value)

/* "close" alone, letters of either case: what nearly every client of one request sends. */
static ALWAYS_INLINE bool is_close(const char *value, const char *end)
{
	uint32_t clos;

	if (end - value != 5)
		return false;
	memcpy(&clos, value, 4);
	return (clos | 0x20202020) == 0x736f6c63 && (value[4] | 0x20) == 'e';
}

/* True when a list of words has this lower-case one, or one that it is a part of. */
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

static void take_length(struct http_head *h, const char *value, const char *end)
{
	uint64_t n = 0;

	for (; value < end && *value >= '0' && *value <= '9' && n < UINT32_MAX; value++)
		n = n * 10 + (uint64_t)(*value - '0');
	h->bad |= n >= UINT32_MAX;
	h->body_len = (uint32_t)n;
}

static void parse_header(struct http_head *h, const char *line, const char *end)
{
	const char *value;

	switch (lower(*line)) {
	case 'c':
		if (HEADER_IS(line, end, "content-length:", &value))
			take_length(h, value, end);
		else if (!HEADER_IS(line, end, "connection:", &value))
			break;
		else if (likely(is_close(value, end)) || value_has(value, end, "close"))
			h->close = true;
		else if (value_has(value, end, "keep-alive"))
			h->close = false;
		break;
	case 't':
		/* Nothing that measures us sends one. */
		h->bad |= HEADER_IS(line, end, "transfer-encoding:", &value);
		break;
	}
}

/* "METHOD target HTTP/1.x" */
static void parse_request_line(struct http_head *h, const char *line, const char *end)
{
	const char *version = end - 8;

	h->bad = end - line < 14 || memcmp(version, "HTTP/1.", 7) != 0 || line[0] < 'A' ||
		 line[0] > 'Z';
	if (h->bad)
		return;
	h->is_head = memcmp(line, "HEAD ", 5) == 0;
	h->close = version[7] == '0';
}

#define EACH_BYTE(c) (0x0101010101010101ull * (c))

/* The next LF, NULL: none. Lines are short: eight bytes at a time, without a call. */
static ALWAYS_INLINE const char *next_lf(const char *p, const char *end)
{
	for (; end - p >= 8; p += 8) {
		uint64_t word, zeros;

		memcpy(&word, p, 8);
		word ^= EACH_BYTE('\n');
		zeros = (word - EACH_BYTE(1)) & ~word & EACH_BYTE(0x80);
		if (zeros) /* the lowest one is exact */
			return p + __builtin_ctzll(zeros) / 8;
	}
	for (; p < end; p++)
		if (*p == '\n')
			return p;
	return NULL;
}

/* The CR of the next line's end, NULL: it has none yet. */
static ALWAYS_INLINE const char *line_end(const char *p, const char *end)
{
	for (const char *lf = p; (lf = next_lf(lf, end)); lf++)
		if (likely(lf > p && lf[-1] == '\r'))
			return lf - 1;
	return NULL;
}

struct http_head http_head_parse(const char *p, uint32_t len)
{
	const char *end = p + len, *line = p, *cr;
	struct http_head h = {0};

	for (; (cr = line_end(line, end)); line = cr + 2) {
		if (cr == line) {
			h.len = (uint32_t)(cr + 2 - p);
			return h;
		}
		if (line == p)
			parse_request_line(&h, line, cr);
		else
			parse_header(&h, line, cr);
	}
	return (struct http_head){0};
}
