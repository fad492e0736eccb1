/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/base/toeplitz.h"

void toeplitz_symmetric_key(uint8_t *key, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		key[i] = i % 2 ? 0x5a : 0x6d;
}

/* The 32 key bits that begin at bit `bit`. */
static uint32_t key_window(const uint8_t *key, uint32_t bit)
{
	uint64_t w = 0;

	for (uint32_t i = 0; i < 5; i++)
		w = w << 8 | key[bit / 8 + i];
	return (uint32_t)(w >> (8 - bit % 8));
}

void toeplitz_init(struct toeplitz *t, const uint8_t *key)
{
	for (uint32_t pos = 0; pos < TOEPLITZ_INPUT_MAX; pos++)
		for (uint32_t value = 0; value < 256; value++) {
			uint32_t hash = 0;

			for (uint32_t bit = 0; bit < 8; bit++)
				if (value & (0x80u >> bit))
					hash ^= key_window(key, pos * 8 + bit);
			t->table[pos][value] = hash;
		}
}
