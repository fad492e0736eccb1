/* SPDX-License-Identifier: BSD-3-Clause */
/* See prf_aes.h. */
#include "engine/base/prf_aes.h"

#include <immintrin.h>

#define WITH_AES     __attribute__((target("aes")))
#define PLACE_ROUNDS 4

static inline WITH_AES __m128i load(const void *p)
{
	return _mm_loadu_si128(p);
}

/* Two halves: of words that were stored a moment ago, 16 bytes at once would wait until both have
 * left the store buffer. */
static inline WITH_AES __m128i load_pair(const uint64_t w[2])
{
	return _mm_castpd_si128(_mm_loadh_pd(_mm_load_sd((const double *)(const void *)w),
					     (const double *)(const void *)(w + 1)));
}

static WITH_AES uint64_t place(const struct prf_key *key, const uint64_t *words, unsigned n)
{
	__m128i x = load(key->aes[0]);

	for (unsigned i = 0; i < n; i += 2) {
		x = _mm_xor_si128(x, load_pair(words + i));
		for (int r = 1; r <= PLACE_ROUNDS; r++)
			x = _mm_aesenc_si128(x, load(key->aes[r]));
	}
	return (uint64_t)_mm_cvtsi128_si64(x);
}

/* As place() of each; that they do not wait for each other is up to the processor. */
static WITH_AES void places(const struct prf_key *key, const uint64_t (*words)[2], uint32_t n,
			    uint64_t *out)
{
	__m128i k[PLACE_ROUNDS + 1];

	for (int r = 0; r <= PLACE_ROUNDS; r++)
		k[r] = load(key->aes[r]);
	for (uint32_t i = 0; i < n; i++) {
		__m128i x = _mm_xor_si128(load_pair(words[i]), k[0]);

		for (int r = 1; r <= PLACE_ROUNDS; r++)
			x = _mm_aesenc_si128(x, k[r]);
		out[i] = (uint64_t)_mm_cvtsi128_si64(x);
	}
}

static inline WITH_AES __m128i encrypt(const struct prf_key *key, __m128i x)
{
	x = _mm_xor_si128(x, load(key->aes[0]));
	for (int r = 1; r < 10; r++)
		x = _mm_aesenc_si128(x, load(key->aes[r]));
	return _mm_aesenclast_si128(x, load(key->aes[10]));
}

static WITH_AES uint64_t mac(const struct prf_key *key, const uint64_t *words, unsigned n)
{
	__m128i x = _mm_setzero_si128();

	for (unsigned i = 0; i + 2 < n; i += 2)
		x = encrypt(key, _mm_xor_si128(x, load_pair(words + i)));
	x = _mm_xor_si128(x, _mm_xor_si128(load_pair(words + n - 2), load(key->last)));
	return (uint64_t)_mm_cvtsi128_si64(encrypt(key, x));
}

/* A round waits for the one before it, but not for another message's. */
static inline WITH_AES void encrypt_together(const struct prf_key *key, __m128i x[PRF_TOGETHER])
{
	__m128i k = load(key->aes[0]);

	for (int i = 0; i < PRF_TOGETHER; i++)
		x[i] = _mm_xor_si128(x[i], k);
	for (int r = 1; r < 10; r++) {
		k = load(key->aes[r]);
		for (int i = 0; i < PRF_TOGETHER; i++)
			x[i] = _mm_aesenc_si128(x[i], k);
	}
	k = load(key->aes[10]);
	for (int i = 0; i < PRF_TOGETHER; i++)
		x[i] = _mm_aesenclast_si128(x[i], k);
}

static WITH_AES void mac_together(const struct prf_key *key, const uint64_t (*words)[4],
				  uint64_t *macs)
{
	__m128i x[PRF_TOGETHER], last = load(key->last);

	for (int i = 0; i < PRF_TOGETHER; i++)
		x[i] = load(words[i]);
	encrypt_together(key, x);
	for (int i = 0; i < PRF_TOGETHER; i++)
		x[i] = _mm_xor_si128(_mm_xor_si128(x[i], load(words[i] + 2)), last);
	encrypt_together(key, x);
	for (int i = 0; i < PRF_TOGETHER; i++)
		macs[i] = (uint64_t)_mm_cvtsi128_si64(x[i]);
}

const struct prf prf_aes = {
    .place = place, .places = places, .mac = mac, .mac_together = mac_together};
