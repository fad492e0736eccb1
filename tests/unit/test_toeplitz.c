/* SPDX-License-Identifier: BSD-3-Clause */
/* The RSS hash against Microsoft's published vectors, and what our key promises:
 * symmetry, equality with the definition, shares that combine by XOR. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>

#include "engine/base/toeplitz.h"

static const uint8_t microsoft_key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

struct vector {
	int family;
	const char *dst, *src;
	uint16_t dst_port, src_port;
	uint32_t hash_ip, hash_tcp;
};

static const struct vector vectors[] = {
	{AF_INET, "161.142.100.80", "66.9.149.187", 1766, 2794, 0x323e8fc2, 0x51ccc178},
	{AF_INET, "65.69.140.83", "199.92.111.2", 4739, 14230, 0xd718262a, 0xc626b0ea},
	{AF_INET, "12.22.207.184", "24.19.198.95", 38024, 12898, 0xd2d0a5de, 0x5c2b394a},
	{AF_INET, "209.142.163.6", "38.27.205.30", 2217, 48228, 0x82989176, 0xafc7327f},
	{AF_INET, "202.188.127.2", "153.39.163.191", 1303, 44251, 0x5d1809c5, 0x10e828a2},
	{AF_INET6, "3ffe:2501:200:3::1", "3ffe:2501:200:1fff::7", 1766, 2794, 0x2cc18cd5,
	 0x40207d3d},
	{AF_INET6, "ff02::1", "3ffe:501:8::260:97ff:fe40:efab", 4739, 14230, 0x0f0c461c,
	 0xdde51bbf},
	{AF_INET6, "fe80::200:f8ff:fe21:67cf", "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 38024, 44251,
	 0x4b61e985, 0x02d1feef},
};

static uint64_t prng(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

/* A tuple as the NIC hashes it; returns its length. */
static uint32_t input_of(uint8_t *to, const struct ipaddr *src, const struct ipaddr *dst,
			 uint16_t sport_be, uint16_t dport_be)
{
	uint32_t n = src->family == IP_V4 ? 4 : 16;

	memcpy(to, src->bytes, n);
	memcpy(to + n, dst->bytes, n);
	memcpy(to + 2 * n, &sport_be, 2);
	memcpy(to + 2 * n + 2, &dport_be, 2);
	return 2 * n + 4;
}

static void test_microsoft_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		const struct vector *v = &vectors[i];
		struct ipaddr src = {.family = v->family == AF_INET ? IP_V4 : IP_V6};
		struct ipaddr dst = src;
		uint8_t input[36];
		uint32_t len;

		assert_int_equal(inet_pton(v->family, v->src, src.bytes), 1);
		assert_int_equal(inet_pton(v->family, v->dst, dst.bytes), 1);
		len = input_of(input, &src, &dst, htons(v->src_port), htons(v->dst_port));
		assert_int_equal(toeplitz_reference(microsoft_key, input, len - 4), v->hash_ip);
		assert_int_equal(toeplitz_reference(microsoft_key, input, len), v->hash_tcp);
	}
}

static void test_key_has_a_period_of_16_bits(void **state)
{
	(void)state;
	for (size_t i = 2; i < sizeof(toeplitz_key); i++)
		assert_int_equal(toeplitz_key[i], toeplitz_key[i - 2]);
	assert_int_not_equal(toeplitz_key[0], toeplitz_key[1]);
}

static struct ipaddr random_addr(uint64_t *seed, uint8_t family)
{
	struct ipaddr a = {.family = family};

	a.words[0] = prng(seed);
	a.words[1] = prng(seed);
	if (family == IP_V4) {
		a.words[0] &= UINT32_MAX;
		a.words[1] = 0;
		memset(a.bytes + 4, 0, 12);
	}
	return a;
}

static void test_tables_agree_with_definition(void **state)
{
	struct toeplitz t;
	uint64_t seed = 0x7365656431;

	(void)state;
	toeplitz_init(&t);
	for (int i = 0; i < 20000; i++) {
		uint8_t family = i & 1 ? IP_V4 : IP_V6, input[36];
		struct ipaddr a = random_addr(&seed, family), b = random_addr(&seed, family);
		uint16_t pa = (uint16_t)prng(&seed), pb = (uint16_t)prng(&seed);
		uint32_t len = input_of(input, &a, &b, pa, pb);
		uint32_t hash = toeplitz_reference(toeplitz_key, input, len);

		assert_int_equal(toeplitz_tuple(&t, &a, &b, pa, pb), hash);
		assert_int_equal(toeplitz_tuple(&t, &b, &a, pb, pa), hash);
	}
}

/* Client ports 1024..65535 to one server must not pile up on few slots. */
static void test_slots_are_used_evenly(void **state)
{
	struct toeplitz t;
	struct ipaddr a = ipaddr_v4(htonl(0xc0000201)), b = ipaddr_v4(htonl(0xc6336401));
	uint32_t used[TOEPLITZ_SLOTS] = {0};

	(void)state;
	toeplitz_init(&t);
	for (uint32_t port = 1024; port < 65536; port++)
		used[toeplitz_tuple(&t, &a, &b, htons((uint16_t)port), htons(80)) %
		     TOEPLITZ_SLOTS]++;
	for (uint32_t i = 0; i < TOEPLITZ_SLOTS; i++)
		assert_in_range(used[i], 64512 / TOEPLITZ_SLOTS * 9 / 10,
				64512 / TOEPLITZ_SLOTS * 11 / 10);
}

static void test_owner_is_among_workers(void **state)
{
	uint32_t seen = 0;

	(void)state;
	for (uint32_t hash = 0; hash < 4096; hash++) {
		uint16_t owner = toeplitz_owner(hash * 0x9e3779b1u, 3);

		assert_true(owner < 3);
		seen |= 1u << owner;
	}
	assert_int_equal(seen, 7);
	assert_int_equal(toeplitz_owner(0xffffffff, 1), 0);
	assert_int_equal(toeplitz_owner(128 + 5, 4), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_microsoft_vectors),
		cmocka_unit_test(test_key_has_a_period_of_16_bits),
		cmocka_unit_test(test_tables_agree_with_definition),
		cmocka_unit_test(test_slots_are_used_evenly),
		cmocka_unit_test(test_owner_is_among_workers),
	};

	return cmocka_run_group_tests_name("toeplitz", tests, NULL, NULL);
}
