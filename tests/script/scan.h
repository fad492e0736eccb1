/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading one line of a script: words, numbers, times and literals, with the
 * first mistake kept for the message. */
#pragma once

#include "engine/base/compiler.h"

struct scan {
	const char *p;
	char why[160]; /* what is wrong, "" so far nothing */
};

/* Notes what is wrong unless something already is; always false. */
bool scan_fail(struct scan *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

void scan_space(struct scan *s);

/* True at the end of the line. */
bool scan_end(struct scan *s);

/* Takes `literal` if it comes next. */
bool scan_accept(struct scan *s, const char *literal);

/* As scan_accept(), where anything else is a mistake. */
bool scan_expect(struct scan *s, const char *literal);

/* Takes a word of letters, digits, `_`, `.`, `-` and `:`; false: none there. */
bool scan_word(struct scan *s, char *word, size_t size);

/* A number, decimal or 0x…, modulo 2^32, `-` in front allowed. */
bool scan_number(struct scan *s, uint32_t *n);

/* Seconds with up to six decimals, as microseconds. */
bool scan_time(struct scan *s, uint64_t *us);

/* A string in double quotes with \r \n \t \" \\ and \xHH; NUL-terminated. */
bool scan_string(struct scan *s, char *out, size_t size, uint32_t *len);

/* Pairs of hex digits, blanks between them allowed. */
bool scan_hex(struct scan *s, uint8_t *out, size_t size, uint32_t *len);
