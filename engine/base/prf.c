/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys, and the functions for any processor. The AES in here is for keys only: it is slow, and
 * looks bytes up in a table. See prf.h. */
#include "engine/base/prf.h"
#include "engine/base/prf_aes.h"

#define ROUNDS 10

static uint8_t times2(uint8_t x)
{
	return (uint8_t)(x << 1 ^ (x >> 7) * 0x1b);
}

static uint8_t rotl8(uint8_t x, unsigned n)
{
	return (uint8_t)(x << n | x >> (8 - n));
}

/* FIPS 197 §5.1.1, by walking the multiplicative group: p through all powers of 3, q
 * through their inverses. */
static void make_sbox(uint8_t sbox[256])
{
	uint8_t p = 1, q = 1;

	do {
		p = (uint8_t)(p ^ times2(p));
		q = (uint8_t)(q ^ q << 1);
		q = (uint8_t)(q ^ q << 2);
		q = (uint8_t)(q ^ q << 4);
		q ^= q & 0x80 ? 0x09 : 0;
		sbox[p] = q ^ rotl8(q, 1) ^ rotl8(q, 2) ^ rotl8(q, 3) ^ rotl8(q, 4) ^ 0x63;
	} while (p != 1);
	sbox[0] = 0x63;
}

/* FIPS 197 §5.2 */
static void expand_key(uint8_t w[ROUNDS + 1][16], const uint8_t sbox[256])
{
	uint8_t rcon = 1;

	for (uint32_t r = 1; r <= ROUNDS; r++, rcon = times2(rcon)) {
		const uint8_t *before = w[r - 1];

		for (uint32_t i = 0; i < 4; i++)
			w[r][i] = before[i] ^ sbox[before[12 + (i + 1) % 4]];
		w[r][0] ^= rcon;
		for (uint32_t i = 4; i < 16; i++)
			w[r][i] = before[i] ^ w[r][i - 4];
	}
}

static void mix_columns(uint8_t s[16])
{
	for (uint8_t *c = s; c < s + 16; c += 4) {
		uint8_t all = c[0] ^ c[1] ^ c[2] ^ c[3], first = c[0];

		for (uint32_t i = 0; i < 4; i++)
			c[i] ^= all ^ times2(c[i] ^ (i < 3 ? c[i + 1] : first));
	}
}

/* FIPS 197 §5.1, of an all-zero block. */
static void encrypt_zero(uint8_t s[16], const uint8_t w[ROUNDS + 1][16], const uint8_t sbox[256])
{
	memcpy(s, w[0], 16);
	for (uint32_t r = 1; r <= ROUNDS; r++) {
		uint8_t t[16];

		for (uint32_t i = 0; i < 16; i++)
			t[i] = sbox[s[(i + 4 * (i % 4)) % 16]];
		if (r < ROUNDS)
			mix_columns(t);
		for (uint32_t i = 0; i < 16; i++)
			s[i] = t[i] ^ w[r][i];
	}
}

/* RFC 4493 §2.3 */
static void double_block(uint8_t s[16])
{
	uint8_t top = s[0] >> 7;

	for (uint32_t i = 0; i < 16; i++)
		s[i] = (uint8_t)(s[i] << 1 | (i < 15 ? s[i + 1] >> 7 : 0));
	s[15] ^= (uint8_t)(top * 0x87);
}

void prf_key_init(struct prf_key *key, const uint8_t secret[PRF_SECRET])
{
	uint8_t sbox[256];

	make_sbox(sbox);
	memcpy(key->aes[0], secret, 16);
	expand_key(key->aes, sbox);
	encrypt_zero(key->last, key->aes, sbox);
	double_block(key->last);
	memcpy(&key->sip, secret, sizeof(key->sip));
}

static uint64_t place(const struct prf_key *key, const uint64_t *words, unsigned n)
{
	return siphash13(&key->sip, words, n);
}

static void places(const struct prf_key *key, const uint64_t (*words)[2], uint32_t n, uint64_t *out)
{
	for (uint32_t i = 0; i < n; i++)
		out[i] = place(key, words[i], 2);
}

static uint64_t mac(const struct prf_key *key, const uint64_t *words, unsigned n)
{
	return siphash24(&key->sip, words, n);
}

static void mac_together(const struct prf_key *key, const uint64_t (*words)[4], uint64_t *macs)
{
	for (uint32_t i = 0; i < PRF_TOGETHER; i++)
		macs[i] = mac(key, words[i], 4);
}

const struct prf prf_portable = {
    .place = place, .places = places, .mac = mac, .mac_together = mac_together};

const struct prf *prf_choose(void)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("aes"))
		return &prf_aes;
#endif
	return &prf_portable;
}
