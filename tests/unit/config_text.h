/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of the configuration loader share: a port and a listener that a file needs in
 * any case, and parsing that must succeed or must not.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/run/config.h"

#define PORT                                                                                       \
	"ports:\n"                                                                                 \
	"- name: front\n"                                                                          \
	"  device: net_null0\n"                                                                    \
	"  addresses: [192.0.2.1/24, '2001:db8:1::1/64']\n"
#define LISTENER                                                                                   \
	"listeners:\n"                                                                             \
	"- {name: echo, address: '192.0.2.1:7', service: echo}\n"

static inline struct conf *parse(const char *text)
{
	struct config_error err;
	struct conf *conf = config_parse("test", text, strlen(text), &err);

	if (!conf)
		fail_msg("%s\n%s", err.text, text);
	return conf;
}

static inline void assert_refused(const char *text, const char *message)
{
	struct config_error err;
	struct conf *conf = config_parse("test", text, strlen(text), &err);

	assert_null(conf);
	if (!strstr(err.text, message))
		fail_msg("\"%s\" is not in \"%s\"", message, err.text);
}

static inline struct conf *load(const char *path)
{
	struct config_error err;
	struct conf *conf = config_load(path, &err);

	if (!conf)
		fail_msg("%s", err.text);
	return conf;
}
