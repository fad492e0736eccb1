/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scalars to checked values: numbers with their units, words, names and texts,
 * each by its row of a table.
 */
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "engine/run/config_reader.h"

/* More digits than any value has, few enough that products stay below 2^128. */
#define DIGITS_MAX 24

typedef unsigned __int128 wide_t;

struct suffix {
	const char *text;
	uint64_t factor; /* base units */
};

/* Largest first, which is the order in which messages try them. */
static const struct suffix durations[] = {{"d", 86400000000},
					  {"h", 3600000000},
					  {"m", 60000000},
					  {"s", 1000000},
					  {"ms", 1000},
					  {"us", 1},
					  {0}};
static const struct suffix sizes[] = {{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {0}};
static const struct suffix shares[] = {{"%", 10000}, {0}};
static const struct suffix none[] = {{0}};

static const struct suffix *suffixes(enum config_kind kind)
{
	switch (kind) {
	case CONFIG_DURATION:
		return durations;
	case CONFIG_BYTES:
		return sizes;
	case CONFIG_SHARE:
		return shares;
	default:
		return none;
	}
}

static const char *expected(enum config_kind kind)
{
	switch (kind) {
	case CONFIG_DURATION:
		return "a duration such as 500ms, 60s, 5m, 2h or 1d";
	case CONFIG_BYTES:
		return "a size such as 4096, 64K or 1M";
	case CONFIG_SHARE:
		return "a share such as 1% or 0.01";
	case CONFIG_BOOL:
		return "true or false";
	case CONFIG_CHOICE:
		return "a word";
	case CONFIG_NAME:
		return "a name of 1 to 31 characters out of A-Z a-z 0-9 _ . -";
	case CONFIG_TEXT:
		return "a text";
	default:
		return "a whole number";
	}
}

/* Bytes of the character of UTF-8 that begins here (RFC 3629 section 4); 0: there is none, or one
 * that can't be printed. */
static size_t character(const uint8_t *p, size_t n)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (p[0] < 0x20 || p[0] == 0x7f || (p[0] >= 0x80 && p[0] < 0xc2) || p[0] > 0xf4 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be, half of a pair, beyond the last one. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

const char *config_quote(const char *text, size_t len, char out[CONFIG_QUOTE_MAX])
{
	size_t room = CONFIG_QUOTE_MAX - sizeof("\"...\""), n = MIN(len, room), o = 0;

	/* Not in the middle of a character of several bytes. */
	while (n > 0 && n < len && ((uint8_t)text[n] & 0xc0) == 0x80)
		n--;
	out[o++] = '"';
	for (size_t i = 0, k; i < n; i += k) {
		bool fine = (k = character((const uint8_t *)text + i, n - i)) > 0;

		k = fine ? k : 1;
		memcpy(out + o, fine ? text + i : "?", k);
		o += k;
	}
	strcpy(out + o, n < len ? "...\"" : "\"");
	return out;
}

bool config_scalar(struct config_reader *r, yaml_node_t *node, const char *what, const char **text,
		   size_t *len)
{
	if (node->type != YAML_SCALAR_NODE)
		return config_fail(r, node, "is a %s: write %s",
				   node->type == YAML_SEQUENCE_NODE ? "list" : "section", what);
	*text = (const char *)node->data.scalar.value;
	*len = node->data.scalar.length;
	if (*len == 0 && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		return config_fail(r, node, "has no value: write %s", what);
	return true;
}

/* "12.5ms": the digits as one number, how many of them are decimals, the rest.
 * False when it doesn't begin with a number or the number is absurdly long. */
static bool parse_number(const char *s, size_t len, wide_t *digits, unsigned *decimals, size_t *end)
{
	unsigned n = 0;
	size_t i = 0;

	*digits = 0;
	*decimals = 0;
	for (; i < len && s[i] >= '0' && s[i] <= '9' && n < DIGITS_MAX; i++, n++)
		*digits = *digits * 10 + (unsigned)(s[i] - '0');
	if (n > 0 && i + 1 < len && s[i] == '.' && s[i + 1] >= '0' && s[i + 1] <= '9') {
		for (i++; i < len && s[i] >= '0' && s[i] <= '9' && n < DIGITS_MAX; i++, n++) {
			*digits = *digits * 10 + (unsigned)(s[i] - '0');
			++*decimals;
		}
	}
	*end = i;
	return n > 0;
}

/* Base units that one of the number stands for, by what follows it; 0: unknown. */
static uint64_t factor_of(const struct config_key *key, const char *rest, size_t len)
{
	if (len == 0)
		return key->unit;
	for (const struct suffix *x = suffixes(key->kind); x->text; x++) {
		if (strlen(x->text) == len && !memcmp(x->text, rest, len))
			return x->factor;
	}
	return 0;
}

/* A value of a field as an operator would write it. */
static void print_number(const struct config_key *key, uint64_t value, char *out, size_t size)
{
	uint64_t base = value * key->store;

	for (const struct suffix *x = suffixes(key->kind); x->text && value; x++) {
		if (base % x->factor == 0) {
			snprintf(out, size, "%" PRIu64 "%s", base / x->factor, x->text);
			return;
		}
	}
	snprintf(out, size, "%" PRIu64 "%s", value, key->kind == CONFIG_SHARE ? "%" : "");
}

static bool out_of_range(struct config_reader *r, const struct config_key *key,
			 const yaml_node_t *node, const char *quoted)
{
	char min[32], max[32];

	print_number(key, key->min, min, sizeof(min));
	print_number(key, key->max, max, sizeof(max));
	return config_fail(r, node, "%s is out of range: write %s%s to %s", quoted,
			   key->or_zero ? "0, or " : "", min, max);
}

static const char *finest(const struct config_key *key)
{
	switch (key->kind) {
	case CONFIG_DURATION:
		return key->store == 1 ? "whole microseconds" : "whole milliseconds";
	case CONFIG_SHARE:
		return "at most 4 decimals of a percent";
	default:
		return "a whole number";
	}
}

static void store(void *field, uint16_t size, uint64_t value)
{
	uint8_t v8 = (uint8_t)value;
	uint16_t v16 = (uint16_t)value;
	uint32_t v32 = (uint32_t)value;

	switch (size) {
	case 1:
		memcpy(field, &v8, size);
		return;
	case 2:
		memcpy(field, &v16, size);
		return;
	case 4:
		memcpy(field, &v32, size);
		return;
	default:
		INVARIANT(size == sizeof(value));
		memcpy(field, &value, size);
	}
}

static bool read_number(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
			void *field, const char *s, size_t len)
{
	bool negative = len > 0 && s[0] == '-';
	char quoted[CONFIG_QUOTE_MAX];
	unsigned decimals;
	uint64_t factor;
	wide_t v, scale;
	size_t end;

	config_quote(s, len, quoted);
	if (!parse_number(s + negative, len - negative, &v, &decimals, &end))
		return config_fail(r, node, "%s is not %s", quoted, expected(key->kind));
	factor = factor_of(key, s + negative + end, len - negative - end);
	if (!factor)
		return config_fail(r, node, "%s is not %s", quoted, expected(key->kind));
	for (scale = key->store; decimals > 0; decimals--)
		scale *= 10;
	v *= factor;
	if (v % scale != 0)
		return config_fail(r, node, "%s is too fine: write %s", quoted, finest(key));
	v /= scale;
	if (negative || v > key->max || (v < key->min && !(key->or_zero && v == 0)))
		return out_of_range(r, key, node, quoted);
	store(field, key->size, (uint64_t)v);
	return true;
}

static bool word_is(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && !strncasecmp(s, word, len);
}

/* YAML 1.1's words, and the 0 and 1 of Linux's sysctl. */
static bool read_bool(struct config_reader *r, yaml_node_t *node, void *field, const char *s,
		      size_t len)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
	char quoted[CONFIG_QUOTE_MAX];

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		if (word_is(s, len, words[i])) {
			store(field, sizeof(bool), i % 2);
			return true;
		}
	}
	return config_fail(r, node, "%s is not %s", config_quote(s, len, quoted),
			   expected(CONFIG_BOOL));
}

static bool read_choice(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
			void *field, const char *s, size_t len)
{
	char quoted[CONFIG_QUOTE_MAX], known[128] = "";
	size_t n = 0;

	for (unsigned i = 0; key->choices[i]; i++) {
		if (word_is(s, len, key->choices[i])) {
			store(field, key->size, i);
			return true;
		}
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", i ? ", " : "",
				      key->choices[i]);
	}
	return config_fail(r, node, "%s is not known: write one of %s",
			   config_quote(s, len, quoted), known);
}

static bool is_name(const char *s, size_t len)
{
	if (len == 0 || len >= CONF_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool alnum = (s[i] >= '0' && s[i] <= '9') || (s[i] >= 'A' && s[i] <= 'Z') ||
			     (s[i] >= 'a' && s[i] <= 'z');

		if (!alnum && s[i] != '_' && s[i] != '.' && s[i] != '-')
			return false;
	}
	/* Names become parts of file names. */
	return !(s[0] == '.' && (len == 1 || (len == 2 && s[1] == '.')));
}

static bool read_text(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
		      char *field, const char *s, size_t len)
{
	char quoted[CONFIG_QUOTE_MAX];

	config_quote(s, len, quoted);
	if (key->kind == CONFIG_NAME && !is_name(s, len))
		return config_fail(r, node, "%s is not %s", quoted, expected(key->kind));
	if (len == 0)
		return config_fail(r, node, "is empty: write a text or remove the key");
	if (len >= key->size)
		return config_fail(r, node, "%s is too long: write at most %u bytes", quoted,
				   key->size - 1);
	for (size_t i = 0; i < len; i++) {
		if ((uint8_t)s[i] < 0x20 || s[i] == 0x7f)
			return config_fail(r, node, "%s holds a control character: remove it",
					   quoted);
	}
	memset(field, 0, key->size);
	memcpy(field, s, len);
	return true;
}

bool config_value(struct config_reader *r, const struct config_key *key, yaml_node_t *node,
		  void *field)
{
	const char *s;
	size_t len;

	if (key->kind == CONFIG_NODE)
		return key->read(r, node, field);
	if (!config_scalar(r, node, expected(key->kind), &s, &len))
		return false;
	switch (key->kind) {
	case CONFIG_BOOL:
		return read_bool(r, node, field, s, len);
	case CONFIG_CHOICE:
		return read_choice(r, key, node, field, s, len);
	case CONFIG_NAME:
	case CONFIG_TEXT:
		return read_text(r, key, node, field, s, len);
	default:
		return read_number(r, key, node, field, s, len);
	}
}

void config_defaults(const struct config_key *keys, void *base)
{
	for (; keys->name; keys++) {
		if (keys->kind <= CONFIG_CHOICE)
			store((char *)base + keys->offset, keys->size, keys->def);
	}
}
