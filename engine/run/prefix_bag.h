/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Prefixes on their way from a configuration and its files to the tables that workers look
 * addresses up in. Used while starting and reloading; never by a worker.
 */
#pragma once

#include "engine/table/prefix_table.h"

#define PREFIX_LINE_ERROR_MAX 256

/* Any number of prefixes; all zero: none. */
struct prefix_bag {
	struct prefix *items;
	uint32_t count, room;
};

/* Adds one; false: no memory. */
bool prefix_bag_add(struct prefix_bag *bag, const struct prefix *p);
void prefix_bag_free(struct prefix_bag *bag);

/* ADDRESS/LEN, or an address alone, which is a prefix of all its bits. False: `why` says what
 * is wrong, and what to write. */
bool prefix_parse(const char *text, size_t len, struct prefix *out,
		  char why[PREFIX_LINE_ERROR_MAX]);

/*
 * Adds the prefixes of a text that has one in each line; blanks around it, empty lines and what
 * follows a # are nothing. At most `max` are in the bag then. Returns 0, or the line (from 1)
 * that is wrong, with `why`; -1: no memory.
 */
int prefix_bag_read(struct prefix_bag *bag, const char *text, size_t len, uint32_t max,
		    char why[PREFIX_LINE_ERROR_MAX]);

/* A table of what is in the bag, whose order changes; NULL: no memory. free() it. */
struct prefix_table *prefix_bag_compile(struct prefix_bag *bag, bool refused);

/* A set for so many listeners, each open to everybody; NULL: no memory. */
struct prefix_set *prefix_set_create(uint16_t nb_listeners);

/* Frees the set and its tables, of which several listeners may have one; NULL is fine. */
void prefix_set_free(struct prefix_set *set);
