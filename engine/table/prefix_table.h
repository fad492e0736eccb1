/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which source addresses are admitted: lists of prefixes, compiled into one table that is
 * never changed. The longest prefix that holds an address decides; of two of the same length
 * the one that refuses does; where none does, the table's default.
 *
 * What prefixes nested in each other come to is, for each family, a row of disjoint ranges
 * that are admitted and refused in turn. So a table is the numbers at which the verdict
 * changes, at most two for each prefix, and a search is a binary one over plain numbers.
 *
 * Nothing here allocates: a table is built in memory that its owner provides, outside of the
 * packet path, and may then be read by any number of threads.
 */
#pragma once

#include "engine/base/ipaddr.h"

typedef unsigned __int128 addr128_t; /* an address as a number in host order */

struct prefix {
	struct ipaddr addr; /* no bit is set behind the prefix */
	uint8_t len;        /* 0..32 or 128 */
	bool refused;
};

struct prefix_table {
	bool refused_v4, refused_v6; /* verdict from the lowest address on */
	uint32_t nb_v4, nb_v6;
	const addr128_t *v6; /* where it changes, ascending; of 16 bytes each, */
	const uint32_t *v4;  /* and of 4; behind the struct */
};

/* Who may connect to each listener of a configuration. */
struct prefix_set {
	uint32_t nb_lists, nb_prefixes; /* that it was made of */
	uint16_t nb_listeners;
	const struct prefix_table *of_listener[]; /* NULL: everybody */
};

/* Bytes of memory that a table of n prefixes takes at most. */
size_t prefix_table_bytes(uint32_t n);

/*
 * Compiles n prefixes, which it puts into another order; `refused` is the default. `mem` holds
 * prefix_table_bytes(n) bytes at a multiple of 16. The table lies at its beginning.
 */
struct prefix_table *prefix_table_build(void *mem, struct prefix *prefixes, uint32_t n,
					bool refused);

/* Bytes of its memory that the table really takes, */
size_t prefix_table_used(const struct prefix_table *t);

/* and a copy of it in so many at `mem`, at a multiple of 16. */
struct prefix_table *prefix_table_copy(void *mem, const struct prefix_table *t);

/* The verdict on an address of 4 or 16 bytes by family. */
bool prefix_table_refuses(const struct prefix_table *t, uint8_t family, const uint8_t *addr);
