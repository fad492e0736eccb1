/* SPDX-License-Identifier: BSD-3-Clause */
/* Toeplitz tables and the definition they are checked against; see toeplitz.h. */
#include "engine/base/toeplitz.h"

#define KEY_4  0x6d, 0x5a, 0x6d, 0x5a
#define KEY_12 KEY_4, KEY_4, KEY_4

const uint8_t toeplitz_key[TOEPLITZ_KEY_MAX] = {KEY_12, KEY_12, KEY_12, KEY_12, KEY_4};

uint32_t toeplitz_reference(const uint8_t *key, const uint8_t *data, uint32_t len)
{
	uint32_t window = (uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 | (uint32_t)key[2] << 8 |
			  key[3];
	uint32_t hash = 0;

	for (uint32_t i = 0; i < len; i++) {
		for (int bit = 7; bit >= 0; bit--) {
			if (data[i] >> bit & 1)
				hash ^= window;
			window = window << 1 | (key[i + 4] >> bit & 1);
		}
	}
	return hash;
}

void toeplitz_init(struct toeplitz *t)
{
	for (uint32_t v = 0; v < 256; v++) {
		uint8_t even[2] = {(uint8_t)v, 0}, odd[2] = {0, (uint8_t)v};

		t->even[v] = toeplitz_reference(toeplitz_key, even, 2);
		t->odd[v] = toeplitz_reference(toeplitz_key, odd, 2);
	}
}
