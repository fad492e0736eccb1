/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Toeplitz hash of receive-side scaling, by one table per input byte. The
 * hash is linear: the hash of a tuple is the xor of the hashes of its parts,
 * which is what lets a source port be chosen for the queue it leads to.
 *
 * Our key repeats 0x6d5a, which makes the hash symmetric: both directions of a
 * connection have the same one (Woo & Park, 2012). So a shard's own connection
 * to a backend comes back to it when the source port was chosen for it.
 */
#pragma once

#include "engine/base/compiler.h"

#define TOEPLITZ_KEY_LEN    52 /* what the longest-keyed devices take */
#define TOEPLITZ_INPUT_MAX  36 /* IPv6 addresses and ports */
#define TOEPLITZ_RETA_SIZE  128 /* entries of the indirection table, or a multiple */

struct toeplitz {
	uint32_t table[TOEPLITZ_INPUT_MAX][256];
};

/* Writes the first `len` bytes of our symmetric key. */
void toeplitz_symmetric_key(uint8_t *key, uint32_t len);

/* Prepares the tables for a key of at least TOEPLITZ_INPUT_MAX + 4 bytes. */
void toeplitz_init(struct toeplitz *t, const uint8_t *key);

/* The hash of `len` bytes that begin at byte `offset` of the input. */
static inline uint32_t toeplitz_part(const struct toeplitz *t, uint32_t offset, const void *data,
				     uint32_t len)
{
	const uint8_t *p = data;
	uint32_t hash = 0;

	for (uint32_t i = 0; i < len; i++)
		hash ^= t->table[offset + i][p[i]];
	return hash;
}

/* Input order of RSS: source address, destination address, ports; all of it in
 * network byte order. */
static inline uint32_t toeplitz_hash4(const struct toeplitz *t, const void *src, const void *dst,
				      uint16_t sport_be, uint16_t dport_be)
{
	return toeplitz_part(t, 0, src, 4) ^ toeplitz_part(t, 4, dst, 4) ^
	       toeplitz_part(t, 8, &sport_be, 2) ^ toeplitz_part(t, 10, &dport_be, 2);
}

static inline uint32_t toeplitz_hash6(const struct toeplitz *t, const void *src, const void *dst,
				      uint16_t sport_be, uint16_t dport_be)
{
	return toeplitz_part(t, 0, src, 16) ^ toeplitz_part(t, 16, dst, 16) ^
	       toeplitz_part(t, 32, &sport_be, 2) ^ toeplitz_part(t, 34, &dport_be, 2);
}

/* The queue that an indirection table of our making sends a hash to. */
static inline uint16_t toeplitz_queue(uint32_t hash, uint16_t nb_queues)
{
	return (uint16_t)(hash % TOEPLITZ_RETA_SIZE % nb_queues);
}
