/* SPDX-License-Identifier: BSD-3-Clause */
/* Members of an answer's rows; missing or mistyped ones read as "" and 0. */
#pragma once

#include <jansson.h>
#include <stdint.h>

static inline const char *text_of(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s ? s : "";
}

static inline uint64_t number_of(const json_t *row, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(row, key));
}
