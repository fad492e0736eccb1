/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hash that decides which worker owns a connection: Toeplitz, as NICs
 * compute it for RSS, with a key that repeats every 16 bits. That period makes
 * it symmetric (both directions of a connection hash alike) and makes all
 * 16-bit words of the input interchangeable: the hash of a tuple is the hash of
 * the XOR of its words. So two 256-entry tables do, and a port's share of the
 * hash can be had on its own. Pure functions; no library is needed.
 */
#pragma once

#include "engine/base/ipaddr.h"

/* Longest key that NICs ask for; most take the first 40 bytes. */
#define TOEPLITZ_KEY_MAX 52

/* Granularity of ownership: the size of the smallest redirection table that is
 * common among NICs. A power of two. */
#define TOEPLITZ_SLOTS 128

extern const uint8_t toeplitz_key[TOEPLITZ_KEY_MAX];

/* Lookup tables of our key; read-only after toeplitz_init(), so all threads may
 * share one. */
struct toeplitz {
	uint32_t even[256]; /* share of a byte at an even offset of the input */
	uint32_t odd[256];
};

void toeplitz_init(struct toeplitz *t);

/* The hash by its definition, bit by bit, for any key of at least len + 4
 * bytes: the yardstick for tests and start-up checks. */
uint32_t toeplitz_reference(const uint8_t *key, const uint8_t *data, uint32_t len);

/* Share of one 16-bit word of the input, such as a port; shares are combined by
 * XOR: hash(x ^ y) == hash(x) ^ hash(y). */
static inline uint32_t toeplitz_word(const struct toeplitz *t, uint16_t word_be)
{
	uint8_t bytes[2];

	memcpy(bytes, &word_be, sizeof(bytes));
	return t->even[bytes[0]] ^ t->odd[bytes[1]];
}

/* XOR of the address's 16-bit words, network byte order. */
static inline uint16_t toeplitz_fold(const struct ipaddr *a)
{
	uint64_t x = a->family == IP_V4 ? a->v4_be : a->words[0] ^ a->words[1];

	x ^= x >> 32;
	x ^= x >> 16;
	return (uint16_t)x;
}

/* The RSS hash of a TCP connection; the order of the two ends does not matter. */
static inline uint32_t toeplitz_tuple(const struct toeplitz *t, const struct ipaddr *a,
				      const struct ipaddr *b, uint16_t port_a_be,
				      uint16_t port_b_be)
{
	return toeplitz_word(t, toeplitz_fold(a) ^ toeplitz_fold(b) ^ port_a_be ^ port_b_be);
}

/* Which of nb_workers owns the connections of this hash; ports that announce
 * PORT_RSS deliver them to the queue of that number. nb_workers > 0. */
static inline uint16_t toeplitz_owner(uint32_t hash, uint16_t nb_workers)
{
	return (uint16_t)(hash % TOEPLITZ_SLOTS % nb_workers);
}
