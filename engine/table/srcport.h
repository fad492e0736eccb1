/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Source ports of our own connections to backends. For each backend and each
 * source address one bitmap holds the ports that are free and whose segments
 * the RSS hash brings back to this shard, so taking one never tries in vain and
 * the shard knows exactly how many are left. Pools that have a backend and a source
 * address in common may have different ports, but each is taken once. One thread.
 */
#pragma once

#include "engine/shard.h"

#define SRCPORT_WORDS (65536 / 64)

/* The ports from one source address towards one backend. */
struct srcport_map {
	uint16_t local;	   /* source address, index into conf.addrs */
	uint16_t cursor;   /* word to look at next: ports are reused as late as possible */
	uint16_t first, last; /* the pool's range, host order */
	uint16_t fold;	   /* toeplitz_fold() of all of the tuple but the source port */
	uint32_t free;	   /* bits set */
	uint32_t capacity; /* bits set when none is taken */
	/* The maps of all pools for this source address and this backend, in a circle. */
	struct srcport_map *next;
	uint64_t bits[SRCPORT_WORDS]; /* 1: free, by host-order port */
};

/* Maps that backend b of the pool has: sources of its family. */
uint32_t srcport_nb_maps(const struct conf *conf, const struct conf_pool *pool, uint16_t b);

/* Fills the maps for one backend, in the order of the pool's sources. */
void srcport_init(const struct shard *sh, struct srcport_map *maps, const struct conf_pool *pool,
		  uint16_t b);

/* Before anything is taken: `new` is for the same source address and backend. Who has joined one
 * of a circle is in it. */
void srcport_join(struct srcport_map *known, struct srcport_map *new);

/* Takes a free port, the source addresses in turn; false: all are in use. */
bool srcport_take(struct srcport_map *maps, uint32_t nb_maps, uint32_t *turn, uint16_t *local,
		  uint16_t *port_be);

/* Gives a port back; one that is free or was never in the maps is ignored. */
void srcport_put(const struct shard *sh, struct srcport_map *maps, uint32_t nb_maps, uint16_t local,
		 uint16_t port_be);
