/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/capture_request.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool capture_fail(char err[CAPTURE_ERROR_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, CAPTURE_ERROR_MAX, fmt, ap);
	va_end(ap);
	return false;
}

struct number_key {
	const char *name;
	size_t offset; /* of the uint32_t in struct capture_request */
	uint32_t min, max;
};

#define FIELD(name) offsetof(struct capture_request, name)

static const struct number_key number_keys[] = {
    {"worker", FIELD(worker), 0, CONF_MAX_WORKERS - 1},
    {"drops_only", FIELD(drops_only), 0, 1},
    {"force", FIELD(force), 0, 1},
    {"count", FIELD(count), 0, UINT32_MAX},
    {"seconds", FIELD(seconds), 0, CAPTURE_SECONDS_MAX},
    {"snaplen", FIELD(snaplen), 1, CAPTURE_SNAPLEN_MAX},
    {"lease", FIELD(lease_s), 1, CAPTURE_SECONDS_MAX},
};

struct text_key {
	const char *name;
	size_t offset, size;
};

#define TEXT_FIELD(name) FIELD(name), sizeof(((struct capture_request *)0)->name)

/* `file` is the last one of both tables: it takes the rest of the text. */
static const struct text_key text_keys[] = {
    {"filter", TEXT_FIELD(filter)},
    {"port", TEXT_FIELD(port)},
    {"file", TEXT_FIELD(file)},
};

void capture_request_init(struct capture_request *q)
{
	*q = (struct capture_request){
	    .worker = CAPTURE_ALL_WORKERS,
	    .snaplen = CAPTURE_SNAPLEN_MAX,
	    .lease_s = CAPTURE_LEASE_S,
	};
}

static bool set_number(struct capture_request *q, const struct number_key *k, const char *value,
		       size_t len, char *err)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(value, &end, 10);
	if (!isdigit((unsigned char)*value) || end != value + len || errno || v < k->min ||
	    v > k->max)
		return capture_fail(err, "capture: %s=%.*s: give a number from %u to %u", k->name,
				    (int)MIN(len, 20u), value, k->min, k->max);
	*(uint32_t *)(void *)((char *)q + k->offset) = (uint32_t)v;
	return true;
}

static bool set_text(struct capture_request *q, const struct text_key *k, const char *value,
		     size_t len, char *err)
{
	char *to = (char *)q + k->offset;

	if (len >= k->size)
		return capture_fail(err, "capture: %s: longer than %zu characters", k->name,
				    k->size - 1);
	memcpy(to, value, len);
	to[len] = '\0';
	return true;
}

/* Bytes of the next KEY=VALUE; `file` is not limited by commas. */
static size_t length_of(const char *text)
{
	return strncmp(text, "file=", 5) == 0 ? strlen(text) : strcspn(text, ",");
}

static bool set(struct capture_request *q, const char *text, size_t len, char *err)
{
	size_t key_len = strcspn(text, "=,"), value_len;
	const char *value = text + key_len + 1;

	if (key_len >= len)
		return capture_fail(err, "capture: \"%.*s\" is not KEY=VALUE",
				    (int)MIN(len, 40u), text);
	value_len = len - key_len - 1;
	for (size_t i = 0; i < ARRAY_SIZE(number_keys); i++)
		if (strlen(number_keys[i].name) == key_len &&
		    memcmp(number_keys[i].name, text, key_len) == 0)
			return set_number(q, &number_keys[i], value, value_len, err);
	for (size_t i = 0; i < ARRAY_SIZE(text_keys); i++)
		if (strlen(text_keys[i].name) == key_len &&
		    memcmp(text_keys[i].name, text, key_len) == 0)
			return set_text(q, &text_keys[i], value, value_len, err);
	return capture_fail(err,
			    "capture: unknown key \"%.*s\": use worker port drops_only count "
			    "seconds snaplen lease force filter file",
			    (int)MIN(key_len, 20u), text);
}

bool capture_request_parse(struct capture_request *q, const char *text, char err[CAPTURE_ERROR_MAX])
{
	capture_request_init(q);
	while (*text) {
		size_t len = length_of(text);

		if (!set(q, text, len, err))
			return false;
		text += len;
		text += *text == ',';
	}
	if (*q->file != '/')
		return capture_fail(err,
				    "capture: file=%.40s: give the whole path, from / on, as the "
				    "last",
				    q->file);
	return true;
}

bool capture_request_print(const struct capture_request *q, char *out, size_t size)
{
	struct capture_request usual;
	size_t at = 0;

	capture_request_init(&usual);
	for (size_t i = 0; i < ARRAY_SIZE(number_keys) && at < size; i++) {
		const struct number_key *k = &number_keys[i];
		uint32_t v, normal;

		memcpy(&v, (const char *)q + k->offset, sizeof(v));
		memcpy(&normal, (const char *)&usual + k->offset, sizeof(normal));
		if (v != normal)
			at += (size_t)snprintf(out + at, size - at, "%s=%u,", k->name, v);
	}
	for (size_t i = 0; i < ARRAY_SIZE(text_keys) && at < size; i++) {
		const char *v = (const char *)q + text_keys[i].offset;

		if (*v)
			at += (size_t)snprintf(out + at, size - at, "%s=%s%s", text_keys[i].name, v,
					       i + 1 < ARRAY_SIZE(text_keys) ? "," : "");
	}
	return at < size;
}
