/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which connections to list: the filter language of ss(8) as far as it is a
 * conjunction of conditions, and two words of our own:
 *
 *   [exclude] state STATE   sport|dport [OP] :PORT   src|dst ADDR[/LEN][:PORT]
 *   listener NAME   pool NAME          joined by spaces or `and`
 *
 * Read by terminusctl, for errors that name the word, and by the engine.
 */
#pragma once

#include "engine/conf.h"
#include "engine/info.h"

#define FILTER_ERROR_MAX 200
#define FILTER_TEXT_MAX  768 /* bytes of a filter; DPDK's telemetry takes 1,024 in all */

struct filter {
	struct info_filter match; /* without listeners and pool: filter_bind() */
	char listener[CONF_NAME_MAX], pool[CONF_NAME_MAX]; /* "": any */
};

/* False, with one line in err[], when `text` is not a filter. "" lets all pass. */
bool filter_parse(struct filter *f, const char *text, char err[FILTER_ERROR_MAX]);

/* Looks the names up and sets the listeners and the pool of match. */
bool filter_bind(struct filter *f, const struct conf *conf, char err[FILTER_ERROR_MAX]);

/* The bit of info_filter.states for a listening socket. */
#define FILTER_LISTEN (1u << TCP_LISTEN)

/* Reads "192.0.2.1:80" or "[2001:db8::1]:80" back; false: neither. */
bool filter_endpoint(const char *text, struct ipaddr *addr, uint16_t *port_be);
