/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SipHash (Aumasson & Bernstein, 2012) over whole 64-bit words: the keyed
 * function behind everything in prf.h where there is nothing faster. An
 * outsider who sees outputs cannot predict others without the 128-bit key.
 *
 * siphash24 is the full-strength variant; siphash13 serves the table, where an
 * attacker sees no output at all (the trade Linux makes too).
 */
#pragma once

#include "engine/base/compiler.h"

struct siphash_key {
	uint64_t k[2];
};

static ALWAYS_INLINE uint64_t sip_rotl(uint64_t x, unsigned b)
{
	return (x << b) | (x >> (64 - b));
}

static ALWAYS_INLINE void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = sip_rotl(v[1], 13) ^ v[0];
	v[0] = sip_rotl(v[0], 32);
	v[2] += v[3];
	v[3] = sip_rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = sip_rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = sip_rotl(v[1], 17) ^ v[2];
	v[2] = sip_rotl(v[2], 32);
}

/* The hash of `n` little-endian words, as SipHash-c-d of 8n bytes. */
static ALWAYS_INLINE uint64_t siphash_words(const struct siphash_key *key, const uint64_t *words,
					    unsigned n, unsigned c, unsigned d)
{
	uint64_t v[4] = {
	    key->k[0] ^ 0x736f6d6570736575ull,
	    key->k[1] ^ 0x646f72616e646f6dull,
	    key->k[0] ^ 0x6c7967656e657261ull,
	    key->k[1] ^ 0x7465646279746573ull,
	};

	for (unsigned i = 0; i <= n; i++) {
		uint64_t m = i < n ? words[i] : (uint64_t)n * 8 << 56;

		v[3] ^= m;
		for (unsigned r = 0; r < c; r++)
			sip_round(v);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	for (unsigned r = 0; r < d; r++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static inline uint64_t siphash24(const struct siphash_key *key, const uint64_t *words, unsigned n)
{
	return siphash_words(key, words, n, 2, 4);
}

static inline uint64_t siphash13(const struct siphash_key *key, const uint64_t *words, unsigned n)
{
	return siphash_words(key, words, n, 1, 3);
}
