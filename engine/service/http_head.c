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

/* RFC 9112 section 6.3: digits alone, and the same each time. */
static void take_length(struct http_head *h, const char *value, const char *end)
{
	const char *first = value;
	uint64_t n = 0;

	for (; value < end && *value >= '0' && *value <= '9' && n < UINT32_MAX; value++)
		n = n * 10 + (uint64_t)(*value - '0');
	h->bad |= value == first || n >= UINT32_MAX || (h->sized && n != h->body_len);
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	h->bad |= value != end;
	h->sized = true;
	h->body_len = (uint32_t)n;
}

/* True when the line is a name, a colon right behind it and whatever follows. A line that goes on
 * with the one before (obs-fold) is none. */
static bool is_header(const char *line, const char *end)
{
	const char *p = line;

	while (p < end && (uint8_t)*p > ' ' && *p != ':')
		p++;
	return p < end && *p == ':' && p != line;
}

static NOINLINE void parse_header(struct http_head *h, const char *line, const char *end)
{
	const char *value;

	if (HEADER_IS(line, end, "connection:", &value))
		h->close |= is_close(value, end) || value_has(value, end, "close");
	else if (HEADER_IS(line, end, "content-length:", &value))
		take_length(h, value, end);
	else if (HEADER_IS(line, end, "transfer-encoding:", &value))
		h->bad = true; /* nothing that measures us sends one */
	else
		h->bad |= !is_header(line, end);
}

/* The one that every request of HTTP/1.1 should have; without it the packet generators' are as good
 * as any, since all get the same answer. */
static ALWAYS_INLINE bool is_host(const char *line, const char *end)
{
	uint32_t host;

	if (end - line < 5)
		return false;
	memcpy(&host, line, 4);
	return (host | 0x20202020) == 0x74736f68 && line[4] == ':';
}

static ALWAYS_INLINE void take_host(struct http_head *h)
{
	h->bad |= h->host;
	h->host = true;
}

#define STEP 16 /* bytes looked at together */
#define VERSION_LEN 9 /* of " HTTP/1.x" */

enum sought { LF, BLANK }; /* BLANK: control characters as well */

static ALWAYS_INLINE bool is_sought(char c, enum sought what)
{
	return what == LF ? c == '\n' : (uint8_t)c <= ' ';
}

/* A bit for each sought byte among STEP bytes. */
static ALWAYS_INLINE uint32_t bits_of_step(const char *p, enum sought what)
{
#ifdef __SSE2__
	__m128i text = _mm_loadu_si128((const void *)p);
	__m128i lf = _mm_set1_epi8('\n'), blank = _mm_min_epu8(text, _mm_set1_epi8(' '));

	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(text, what == LF ? lf : blank));
#else
	uint32_t bits = 0;

	for (uint32_t i = 0; i < STEP; i++)
		bits |= (uint32_t)is_sought(p[i], what) << i;
	return bits;
#endif
}

/* A bit for each sought byte among the n bytes at p, n <= 64. Steps end with the last byte: what
 * two of them see is the same. */
static ALWAYS_INLINE uint64_t bits_of(const char *p, uint32_t n, enum sought what)
{
	uint64_t bits = 0;

	if (unlikely(n < STEP)) {
		for (uint32_t i = 0; i < n; i++)
			bits |= (uint64_t)is_sought(p[i], what) << i;
		return bits;
	}
	bits = bits_of_step(p, what);
	for (uint32_t i = STEP; i + STEP < n; i += STEP)
		bits |= (uint64_t)bits_of_step(p + i, what) << i;
	return bits | (uint64_t)bits_of_step(p + n - STEP, what) << (n - STEP);
}

/* "GET target HTTP/1.1" with a short target, of the `len` bytes that are there. */
static ALWAYS_INLINE bool is_plain_get(const char *line, const char *end, uint32_t len)
{
	uint64_t n = (uint64_t)(end - line) - VERSION_LEN;

	return n - 5 < STEP - 5 && len >= STEP && memcmp(line, "GET ", 4) == 0 &&
	       memcmp(end - VERSION_LEN, " HTTP/1.1", VERSION_LEN) == 0 &&
	       (bits_of_step(line, BLANK) & ((1u << n) - 1)) == 1 << 3;
}

/* True when the n bytes at p are two words with one SP between. */
static bool are_two_words(const char *p, uint32_t n)
{
	uint64_t blanks = bits_of(p, MIN(n, 64u), BLANK);
	uint32_t first;

	for (uint32_t i = 64; i < n; i++) {
		if (is_sought(p[i], BLANK))
			return false;
	}
	if (blanks == 0 || (blanks & (blanks - 1)) != 0)
		return false;
	first = (uint32_t)__builtin_ctzll(blanks);
	return p[first] == ' ' && first + 1 < n;
}

/* "METHOD target HTTP/1.x" */
static NOINLINE void parse_request_line(struct http_head *h, const char *line, const char *end)
{
	const char *version = end - VERSION_LEN;

	if (end - line < VERSION_LEN + 3 || memcmp(version, " HTTP/1.", 8) != 0 || end[-1] < '0' ||
	    end[-1] > '9' || line[0] < 'A' || line[0] > 'Z' ||
	    !are_two_words(line, (uint32_t)(version - line))) {
		h->bad = true;
		return;
	}
	h->is_head = memcmp(line, "HEAD ", 5) == 0;
	h->close = end[-1] == '0';
}

/* What is there, and where its lines end. */
struct text {
	const char *at, *end; /* LFs of the 64 bytes from `at` on are known */
	uint64_t lfs;
};

static ALWAYS_INLINE void find_lfs(struct text *t)
{
	t->lfs = bits_of(t->at, (uint32_t)MIN(t->end - t->at, 64), LF);
}

/* The end of the next line; NULL: it is not there. */
static ALWAYS_INLINE const char *line_end(struct text *t, struct http_head *h)
{
	for (;;) {
		const char *lf;

		while (unlikely(!t->lfs)) {
			if (t->end - t->at <= 64)
				return NULL;
			t->at += 64;
			find_lfs(t);
		}
		lf = t->at + (uint32_t)__builtin_ctzll(t->lfs);
		t->lfs &= t->lfs - 1;
		if (likely(lf[-1] == '\r'))
			return lf - 1;
		h->bad = true; /* an LF alone ends no line here, but perhaps with others */
	}
}

/* The header lines that follow, and the empty one: its end; NULL: it is not there. */
static ALWAYS_INLINE const char *parse_headers(struct http_head *h, struct text *t,
					       const char *line)
{
	const char *end;

	while (likely((end = line_end(t, h)) != NULL) && end != line) {
		if (likely(is_host(line, end)))
			take_host(h);
		else
			parse_header(h, line, end);
		line = end + 2;
	}
	return end;
}

bool http_head_parse(struct http_head *h, const char *p, uint32_t len)
{
	struct text t = {.at = p, .end = p + len};
	const char *end;

	*h = (struct http_head){0};
	find_lfs(&t);
	if (unlikely(t.lfs & 1)) {
		h->bad = true;
		t.lfs--;
	}
	end = line_end(&t, h);
	if (unlikely(!end))
		return false;
	if (unlikely(!is_plain_get(p, end, len))) {
		if (end == p) {
			h->len = 2;
			return true;
		}
		parse_request_line(h, p, end);
	}
	end = parse_headers(h, &t, end + 2);
	if (unlikely(!end))
		return false;
	h->len = (uint32_t)(end + 2 - p);
	return true;
}
