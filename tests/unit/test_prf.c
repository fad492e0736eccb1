/* SPDX-License-Identifier: BSD-3-Clause */
/* Keyed functions: the published vectors of AES and CMAC, and what both kinds promise. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/base/prf.h"

/* FIPS 197 appendix A.1; RFC 4493 §4 */
static const uint8_t secret[16] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
				   0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
static const uint8_t message[64] = {
    0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73,
    0x93, 0x17, 0x2a, 0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03, 0xac, 0x9c, 0x9e, 0xb7,
    0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51, 0x30, 0xc8, 0x1c, 0x46, 0xa3, 0x5c, 0xe4,
    0x11, 0xe5, 0xfb, 0xc1, 0x19, 0x1a, 0x0a, 0x52, 0xef, 0xf6, 0x9f, 0x24, 0x45,
    0xdf, 0x4f, 0x9b, 0x17, 0xad, 0x2b, 0x41, 0x7b, 0xe6, 0x6c, 0x37, 0x10};

static void test_round_keys(void **state)
{
	static const uint8_t tenth[16] = {0xd0, 0x14, 0xf9, 0xa8, 0xc9, 0xee, 0x25, 0x89,
					  0xe1, 0x3f, 0x0c, 0xc8, 0xb6, 0x63, 0x0c, 0xa6};
	static const uint8_t k1[16] = {0xfb, 0xee, 0xd6, 0x18, 0x35, 0x71, 0x33, 0x66,
				       0x7c, 0x85, 0xe0, 0x8f, 0x72, 0x36, 0xa8, 0xde};
	struct prf_key key;

	(void)state;
	prf_key_init(&key, secret);
	assert_memory_equal(key.aes[0], secret, 16);
	assert_memory_equal(key.aes[10], tenth, 16);
	assert_memory_equal(key.last, k1, 16);
}

static void test_cmac(void **state)
{
	static const uint8_t of_16[8] = {0x07, 0x0a, 0x16, 0xb4, 0x6b, 0x4d, 0x41, 0x44};
	static const uint8_t of_64[8] = {0x51, 0xf0, 0xbe, 0xbf, 0x7e, 0x3b, 0x9d, 0x92};
	const struct prf *prf = prf_choose();
	struct prf_key key;
	uint64_t words[8], mac;

	(void)state;
	if (prf == &prf_portable) {
		print_message("this processor has no AES instructions\n");
		skip();
	}
	prf_key_init(&key, secret);
	memcpy(words, message, sizeof(words));
	mac = prf->mac(&key, words, 2);
	assert_memory_equal(&mac, of_16, 8);
	mac = prf->mac(&key, words, 8);
	assert_memory_equal(&mac, of_64, 8);
}

/* Each bit of message and key changes about half of each value's bits. */
static void check_spread(uint64_t (*f)(const struct prf_key *, const uint64_t *, unsigned))
{
	struct prf_key key, other;
	uint32_t changed = 0, flips = 0;
	uint8_t altered[16];

	prf_key_init(&key, secret);
	for (unsigned n = 2; n <= 6; n += 2) {
		uint64_t words[6], base;

		memcpy(words, message, sizeof(words));
		base = f(&key, words, n);
		for (unsigned bit = 0; bit < n * 64; bit++, flips++) {
			words[bit / 64] ^= 1ull << bit % 64;
			changed += (uint32_t)__builtin_popcountll(f(&key, words, n) ^ base);
			words[bit / 64] ^= 1ull << bit % 64;
		}
		for (unsigned bit = 0; bit < 128; bit++, flips++) {
			memcpy(altered, secret, 16);
			altered[bit / 8] ^= (uint8_t)(1 << bit % 8);
			prf_key_init(&other, altered);
			changed += (uint32_t)__builtin_popcountll(f(&other, words, n) ^ base);
		}
		assert_true(f(&key, words, n) == base);
	}
	assert_in_range(changed, flips * 31, flips * 33);
}

static void test_spread(void **state)
{
	(void)state;
	check_spread(prf_choose()->place);
	check_spread(prf_choose()->mac);
	check_spread(prf_portable.place);
	check_spread(prf_portable.mac);
}

static void test_lengths_differ(void **state)
{
	static const uint64_t zeros[6];
	const struct prf *kinds[] = {prf_choose(), &prf_portable};
	struct prf_key key;

	(void)state;
	prf_key_init(&key, secret);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		assert_true(kinds[i]->mac(&key, zeros, 2) != kinds[i]->mac(&key, zeros, 4));
		assert_true(kinds[i]->mac(&key, zeros, 4) != kinds[i]->mac(&key, zeros, 6));
		assert_true(kinds[i]->place(&key, zeros, 2) != kinds[i]->place(&key, zeros, 4));
	}
}

static void test_together(void **state)
{
	const struct prf *kinds[] = {prf_choose(), &prf_portable};
	uint64_t words[PRF_TOGETHER][4], macs[PRF_TOGETHER];
	struct prf_key key;

	(void)state;
	prf_key_init(&key, secret);
	for (size_t i = 0; i < PRF_TOGETHER; i++)
		memcpy(words[i], message + 4 * i, sizeof(words[i]));
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		kinds[k]->mac_together(&key, words, macs);
		for (size_t i = 0; i < PRF_TOGETHER; i++)
			assert_true(macs[i] == kinds[k]->mac(&key, words[i], 4));
	}
}

static void test_places(void **state)
{
	const struct prf *kinds[] = {prf_choose(), &prf_portable};
	uint64_t words[4][2], places[4 + 1];
	struct prf_key key;

	(void)state;
	prf_key_init(&key, secret);
	memcpy(words, message, sizeof(words));
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (uint32_t n = 0; n <= 4; n++) {
			places[n] = 7;
			kinds[k]->places(&key, (const uint64_t(*)[2])words, n, places);
			for (size_t i = 0; i < n; i++)
				assert_true(places[i] == kinds[k]->place(&key, words[i], 2));
			assert_int_equal(places[n], 7);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_keys),
	    cmocka_unit_test(test_cmac),
	    cmocka_unit_test(test_spread),
	    cmocka_unit_test(test_lengths_differ),
	    cmocka_unit_test(test_together),
	    cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
