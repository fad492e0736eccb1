/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SipHash by words against SipHash by bytes: a second implementation, written
 * from the paper's description of byte strings, that is itself held against the
 * authors' published outputs.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/base/siphash.h"
#include "tests/unit/rng.h"

static uint64_t load_le(const uint8_t *p, size_t len)
{
	uint64_t x = 0;

	for (size_t i = 0; i < len; i++)
		x |= (uint64_t)p[i] << (8 * i);
	return x;
}

static uint64_t rotl(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

/* Section 2.2 of the paper. */
static void rounds(uint64_t v[4], int n)
{
	while (n--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13);
		v[3] = rotl(v[3], 16);
		v[1] ^= v[0];
		v[3] ^= v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl(v[1], 17);
		v[3] = rotl(v[3], 21);
		v[1] ^= v[2];
		v[3] ^= v[0];
		v[2] = rotl(v[2], 32);
	}
}

/* SipHash-c-d of any number of bytes; key in 16 bytes. */
static uint64_t reference(const uint8_t *key, const uint8_t *msg, size_t len, int c, int d)
{
	uint64_t k0 = load_le(key, 8), k1 = load_le(key + 8, 8);
	uint64_t v[4] = {load_le((const uint8_t *)"uespemos", 8) ^ k0,
			 load_le((const uint8_t *)"modnarod", 8) ^ k1,
			 load_le((const uint8_t *)"arenegyl", 8) ^ k0,
			 load_le((const uint8_t *)"setybdet", 8) ^ k1};
	size_t whole = len / 8 * 8;

	for (size_t i = 0; i <= whole; i += 8) {
		uint64_t m = i < whole ? load_le(msg + i, 8)
				       : load_le(msg + i, len % 8) | (uint64_t)(len & 0xff) << 56;

		v[3] ^= m;
		rounds(v, c);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	rounds(v, d);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct vectors {
	uint8_t key[16], msg[64];
	struct siphash_key words_key;
	uint64_t words[8];
};

/* Key and message of all published vectors: 00 01 02 … */
static void setup_vectors(struct vectors *v)
{
	for (uint8_t i = 0; i < 64; i++)
		v->msg[i] = i;
	memcpy(v->key, v->msg, 16);
	for (int i = 0; i < 8; i++)
		v->words[i] = load_le(v->msg + 8 * i, 8);
	v->words_key = (struct siphash_key){{v->words[0], v->words[1]}};
}

static void test_reference_is_siphash(void **state)
{
	struct vectors v;

	(void)state;
	setup_vectors(&v);
	/* Appendix A of the paper. */
	assert_true(reference(v.key, v.msg, 15, 2, 4) == 0xa129ca6149be45e5ull);
	/* vectors.h of the authors' implementation. */
	assert_true(reference(v.key, v.msg, 0, 2, 4) == 0x726fdb47dd0e0e31ull);
	assert_true(reference(v.key, v.msg, 1, 2, 4) == 0x74f839c593dc67fdull);
	assert_true(reference(v.key, v.msg, 7, 2, 4) == 0xab0200f58b01d137ull);
	assert_true(reference(v.key, v.msg, 63, 2, 4) == 0x958a324ceb064572ull);
}

static void test_published_vectors(void **state)
{
	struct vectors v;

	(void)state;
	setup_vectors(&v);
	assert_true(siphash24(&v.words_key, v.words, 0) == 0x726fdb47dd0e0e31ull);
	assert_true(siphash24(&v.words_key, v.words, 1) == 0x93f5f5799a932462ull);
	assert_true(siphash24(&v.words_key, v.words, 2) == 0x3f2acc7f57c29bdbull);
	/* SipHash-1-3 of nothing, as other implementations have it. */
	assert_true(siphash13(&v.words_key, v.words, 0) == 0xabac0158050fc4dcull);
}

static void test_random_against_reference(void **state)
{
	struct rng rng = {2012};

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint8_t key[16], msg[64];
		struct siphash_key k;
		uint64_t words[8];
		unsigned n = rng_below(&rng, 9);

		rng_fill(&rng, key, sizeof(key));
		rng_fill(&rng, msg, sizeof(msg));
		for (int w = 0; w < 8; w++)
			words[w] = load_le(msg + 8 * w, 8);
		k = (struct siphash_key){{load_le(key, 8), load_le(key + 8, 8)}};
		assert_true(siphash24(&k, words, n) == reference(key, msg, n * 8, 2, 4));
		assert_true(siphash13(&k, words, n) == reference(key, msg, n * 8, 1, 3));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reference_is_siphash),
	    cmocka_unit_test(test_published_vectors),
	    cmocka_unit_test(test_random_against_reference),
	};

	return cmocka_run_group_tests_name("siphash", tests, NULL, NULL);
}
