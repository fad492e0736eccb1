/* SPDX-License-Identifier: BSD-3-Clause */
/* The scanner. See scan.h. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/script/scan.h"

bool scan_fail(struct scan *s, const char *fmt, ...)
{
	va_list ap;

	if (s->why[0])
		return false;
	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	return false;
}

void scan_space(struct scan *s)
{
	while (*s->p == ' ' || *s->p == '\t')
		s->p++;
}

bool scan_end(struct scan *s)
{
	scan_space(s);
	return *s->p == '\0';
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.-:", c));
}

bool scan_accept(struct scan *s, const char *literal)
{
	size_t n = strlen(literal);

	scan_space(s);
	if (strncmp(s->p, literal, n) != 0)
		return false;
	/* `ack` does not begin `ackward`. */
	if (isalnum((unsigned char)literal[n - 1]) && isalnum((unsigned char)s->p[n]))
		return false;
	s->p += n;
	return true;
}

bool scan_expect(struct scan *s, const char *literal)
{
	return scan_accept(s, literal) ||
	       scan_fail(s, "\"%s\" should come at \"%.20s\"", literal, s->p);
}

bool scan_word(struct scan *s, char *word, size_t size)
{
	size_t n = 0;

	scan_space(s);
	while (is_word(s->p[n]) && n + 1 < size) {
		word[n] = s->p[n];
		n++;
	}
	word[n] = '\0';
	s->p += n;
	return n > 0 || scan_fail(s, "a word should come at \"%.20s\"", s->p);
}

bool scan_number(struct scan *s, uint32_t *n)
{
	bool negative = scan_accept(s, "-");
	char *end;
	unsigned long long v;

	scan_space(s);
	if (!isdigit((unsigned char)*s->p))
		return scan_fail(s, "a number should come at \"%.20s\"", s->p);
	v = strtoull(s->p, &end, 0);
	s->p = end;
	*n = negative ? -(uint32_t)v : (uint32_t)v;
	return true;
}

bool scan_time(struct scan *s, uint64_t *us)
{
	uint64_t unit = 1000000;

	scan_space(s);
	*us = 0;
	if (!isdigit((unsigned char)*s->p))
		return scan_fail(s, "seconds should come at \"%.20s\"", s->p);
	while (isdigit((unsigned char)*s->p))
		*us = *us * 10 + (uint64_t)(*s->p++ - '0');
	*us *= unit;
	if (*s->p != '.')
		return true;
	for (s->p++; isdigit((unsigned char)*s->p); s->p++) {
		unit /= 10;
		*us += (uint64_t)(*s->p - '0') * unit;
	}
	return true;
}

static int hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

static bool escape(struct scan *s, char *c)
{
	static const char from[] = "rnt\"\\", to[] = "\r\n\t\"\\";
	const char *at;

	if (*s->p == 'x' && hex_digit(s->p[1]) >= 0 && hex_digit(s->p[2]) >= 0) {
		*c = (char)(hex_digit(s->p[1]) << 4 | hex_digit(s->p[2]));
		s->p += 3;
		return true;
	}
	at = *s->p ? strchr(from, *s->p) : NULL;
	if (!at)
		return scan_fail(s, "unknown escape \"\\%c\"", *s->p);
	*c = to[at - from];
	s->p++;
	return true;
}

bool scan_string(struct scan *s, char *out, size_t size, uint32_t *len)
{
	*len = 0;
	if (!scan_expect(s, "\""))
		return false;
	while (*s->p != '"') {
		if (*s->p == '\0' || *len + 1 >= size)
			return scan_fail(s, "string without an end, or too long");
		if (*s->p != '\\') {
			out[(*len)++] = *s->p++;
			continue;
		}
		s->p++;
		if (!escape(s, &out[(*len)++]))
			return false;
	}
	s->p++;
	out[*len] = '\0';
	return true;
}

bool scan_hex(struct scan *s, uint8_t *out, size_t size, uint32_t *len)
{
	for (*len = 0; *len < size; (*len)++) {
		scan_space(s);
		if (hex_digit(s->p[0]) < 0)
			break;
		if (hex_digit(s->p[1]) < 0)
			return scan_fail(s, "odd number of hex digits");
		out[*len] = (uint8_t)(hex_digit(s->p[0]) << 4 | hex_digit(s->p[1]));
		s->p += 2;
	}
	return *len > 0 || scan_fail(s, "hex digits should come at \"%.20s\"", s->p);
}
