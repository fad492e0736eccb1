/* SPDX-License-Identifier: BSD-3-Clause */
/* See http_head.h. */
#include "engine/service/http_head.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

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

/* The names that matter begin with C or T. */
static bool begins_name(char c)
{
	c |= 0x20;
	return c == 'c' || c == 't';
}

static NOINLINE void parse_header(struct http_head *h, const char *line, const char *end)
{
	const char *value;

	if (HEADER_IS(line, end, "connection:", &value)) {
		if (likely(is_close(value, end)) || value_has(value, end, "close"))
			h->close = true;
		else if (value_has(value, end, "keep-alive"))
			h->close = false;
	} else if (HEADER_IS(line, end, "content-length:", &value)) {
		take_length(h, value, end);
	} else if (HEADER_IS(line, end, "transfer-encoding:", &value)) {
		h->bad = true; /* nothing that measures us sends one */
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

#define STEP 16 /* bytes looked at together */

/* A bit for each LF among STEP bytes. */
static ALWAYS_INLINE uint32_t lfs_of_step(const char *p)
{
#ifdef __SSE2__
	__m128i text = _mm_loadu_si128((const void *)p);

	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8('\n')));
#else
	uint32_t lfs = 0;

	for (uint32_t i = 0; i < STEP; i++)
		lfs |= (uint32_t)(p[i] == '\n') << i;
	return lfs;
#endif
}

/* A bit for each LF among the n bytes at p, n <= 64. Steps end with the last byte: what two of
 * them see is the same. */
static ALWAYS_INLINE uint64_t lfs_of(const char *p, uint32_t n)
{
	uint64_t lfs = 0;

	if (unlikely(n < STEP)) {
		for (uint32_t i = 0; i < n; i++)
			lfs |= (uint64_t)(p[i] == '\n') << i;
		return lfs;
	}
	for (uint32_t i = 0; i + STEP < n; i += STEP)
		lfs |= (uint64_t)lfs_of_step(p + i) << i;
	return lfs | (uint64_t)lfs_of_step(p + n - STEP) << (n - STEP);
}

bool http_head_parse(struct http_head *h, const char *p, uint32_t len)
{
	const char *line = p;

	*h = (struct http_head){0};
	for (uint32_t at = 0; at < len; at += 64) {
		for (uint64_t lfs = lfs_of(p + at, MIN(len - at, 64u)); lfs; lfs &= lfs - 1) {
			const char *cr = p + at + __builtin_ctzll(lfs) - 1;

			if (unlikely(cr < line || *cr != '\r'))
				continue; /* an LF alone ends no line */
			if (cr == line) {
				h->len = (uint32_t)(cr + 2 - p);
				return true;
			}
			if (line == p)
				parse_request_line(h, line, cr);
			else if (begins_name(*line))
				parse_header(h, line, cr);
			line = cr + 2;
		}
	}
	return false;
}
