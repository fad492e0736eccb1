/* SPDX-License-Identifier: BSD-3-Clause */
/* The Internet checksum against a sum of bytes, one by one. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdlib.h>

#include "engine/wire/csum.h"
#include "tests/unit/rng.h"

/* RFC 1071 as its first page has it: big-endian words, carries added at once. */
static uint16_t reference(const uint8_t *p, uint32_t len)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < len; i++) {
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return (uint16_t)sum;
}

static uint16_t folded(const uint8_t *p, uint32_t len)
{
	return ntohs(csum_fold(csum_partial(p, len)));
}

/* One's complement has two zeros; both leave a sum as it is. */
static uint16_t canonical(uint16_t sum)
{
	return sum == 0xffff ? 0 : sum;
}

static void check(const uint8_t *p, uint32_t len)
{
	bool all_zero = true;

	assert_int_equal(canonical(folded(p, len)), canonical(reference(p, len)));
	for (uint32_t i = 0; i < len && all_zero; i++)
		all_zero = p[i] == 0;
	/* A sum is +0 only when there is nothing in it. */
	assert_int_equal(folded(p, len) == 0, all_zero);
	assert_int_equal(ntohs(csum_fold(csum_header(p, len))), folded(p, len));
}

/* Exactly `len` bytes of heap, so that reading one more is found by sanitizers. */
static uint8_t *exact(uint32_t len)
{
	uint8_t *p = malloc(len ? len : 1);

	assert_non_null(p);
	return p;
}

static void test_every_length(void **state)
{
	struct rng rng = {1071};

	(void)state;
	for (uint32_t len = 0; len <= 300; len++) {
		uint8_t *p = exact(len);

		rng_fill(&rng, p, len);
		check(p, len);
		memset(p, 0xff, len);
		check(p, len);
		memset(p, 0, len);
		check(p, len);
		for (uint32_t i = 0; i < len; i++) {
			p[i] = 0xff;
			check(p, len);
			p[i] = 0;
		}
		free(p);
	}
}

static void test_any_alignment(void **state)
{
	struct rng rng = {16};
	uint8_t bytes[256];

	(void)state;
	rng_fill(&rng, bytes, sizeof(bytes));
	for (uint32_t from = 0; from < 32; from++)
		for (uint32_t len = 0; len <= 200; len++)
			check(bytes + from, len);
}

/* As many carries as there can be. */
static void test_longest_frames(void **state)
{
	static const uint32_t lens[] = {1460, 1461, 9216, 65535, 65536, 16u << 20, (16u << 20) + 3};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(lens); i++) {
		uint8_t *p = exact(lens[i]);

		memset(p, 0xff, lens[i]);
		check(p, lens[i]);
		free(p);
	}
}

static void check_fold(uint64_t sum)
{
	uint16_t want = (uint16_t)(sum ? (sum - 1) % 0xffff + 1 : 0);

	assert_int_equal(csum_fold(sum), want);
}

static void test_fold_of_any_sum(void **state)
{
	struct rng rng = {3};

	(void)state;
	for (uint64_t i = 0; i < 70000; i++) {
		check_fold(i);
		check_fold(UINT64_MAX - i);
		check_fold(rng_u64(&rng));
		check_fold(rng_u64(&rng) >> rng_below(&rng, 64));
	}
}

static void test_pieces_add_up(void **state)
{
	struct rng rng = {4};
	uint8_t bytes[600];

	(void)state;
	rng_fill(&rng, bytes, sizeof(bytes));
	for (int i = 0; i < 5000; i++) {
		uint32_t len = rng_below(&rng, sizeof(bytes));
		uint32_t cut = rng_below(&rng, len + 1) & ~1u;
		uint64_t sum = csum_partial(bytes, cut) + csum_partial(bytes + cut, len - cut);

		assert_int_equal(canonical(ntohs(csum_fold(sum))),
				 canonical(reference(bytes, len)));
	}
}

/* Pseudo-headers laid out as the RFCs draw them. */
static void test_pseudo_headers(void **state)
{
	struct rng rng = {5};

	(void)state;
	for (int i = 0; i < 5000; i++) {
		uint8_t p4[12] = {0}, p6[40] = {0};
		uint32_t len = rng_below(&rng, 65536), src, dst;
		uint8_t proto = (uint8_t)rng_below(&rng, 256);

		rng_fill(&rng, p4, 8);
		p4[9] = proto;
		p4[10] = (uint8_t)(len >> 8);
		p4[11] = (uint8_t)len;
		memcpy(&src, p4, 4);
		memcpy(&dst, p4 + 4, 4);
		assert_int_equal(ntohs(csum_fold(csum_pseudo4(src, dst, proto, len))),
				 reference(p4, 12));

		rng_fill(&rng, p6, 32);
		p6[34] = (uint8_t)(len >> 8);
		p6[35] = (uint8_t)len;
		p6[39] = proto;
		assert_int_equal(ntohs(csum_fold(csum_pseudo6(p6, p6 + 16, proto, len))),
				 reference(p6, 40));
	}
}

/* The example of RFC 1071 §3, and the finished field makes the sum all ones. */
static void test_finish(void **state)
{
	static const uint8_t example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	uint8_t p[64];
	struct rng rng = {6};

	(void)state;
	assert_int_equal(folded(example, sizeof(example)), 0xddf2);
	assert_int_equal(ntohs(csum_finish(csum_partial(example, sizeof(example)))), 0x220d);
	for (int i = 0; i < 1000; i++) {
		uint16_t field;

		rng_fill(&rng, p, sizeof(p));
		memset(p + 10, 0, 2);
		field = csum_finish(csum_partial(p, sizeof(p)));
		memcpy(p + 10, &field, 2);
		assert_int_equal(reference(p, sizeof(p)), 0xffff);
	}
}

static void update_word(uint8_t *p, uint32_t len, uint32_t at, uint16_t to)
{
	uint16_t from, field, full;

	memcpy(&from, p + at, 2);
	memcpy(&field, p, 2);
	field = csum_update16(field, from, to);
	memcpy(p + at, &to, 2);
	memset(p, 0, 2);
	full = csum_finish(csum_partial(p, len));
	memcpy(p, &field, 2);
	assert_int_equal(field, full);
	assert_int_equal(reference(p, len), 0xffff);
}

/* The field (at offset 0) follows any change of any word, to the corner values
 * too, exactly as a new sum over everything would. */
static void test_incremental_update(void **state)
{
	static const uint16_t corners[] = {0, 1, 0xff, 0xff00, 0xfffe, 0xffff};
	struct rng rng = {1624};

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint8_t p[24] = {0};
		uint16_t field;

		rng_fill(&rng, p + 2, sizeof(p) - 2);
		if (i % 2) /* nothing but corners: the zeros of one's complement */
			for (uint32_t w = 2; w < sizeof(p); w += 2)
				memcpy(p + w, &corners[rng_below(&rng, ARRAY_SIZE(corners))], 2);
		/* RFC 1624 §3: a header that is all zero has a sum of its own. */
		p[sizeof(p) - 1] |= 1;
		field = csum_finish(csum_partial(p, sizeof(p)));
		memcpy(p, &field, 2);
		for (int k = 0; k < 4; k++) {
			uint32_t at = 2 + 2 * rng_below(&rng, 10);

			update_word(p, sizeof(p), at,
				    k % 2 ? corners[rng_below(&rng, ARRAY_SIZE(corners))]
					  : (uint16_t)rng_u64(&rng));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_length),
	    cmocka_unit_test(test_any_alignment),
	    cmocka_unit_test(test_longest_frames),
	    cmocka_unit_test(test_fold_of_any_sum),
	    cmocka_unit_test(test_pieces_add_up),
	    cmocka_unit_test(test_pseudo_headers),
	    cmocka_unit_test(test_finish),
	    cmocka_unit_test(test_incremental_update),
	};

	return cmocka_run_group_tests_name("csum", tests, NULL, NULL);
}
