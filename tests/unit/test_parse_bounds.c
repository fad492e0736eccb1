/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser at the edge: frames that end where readable memory ends, cut at
 * every length, with headers that reach beyond them, and with random damage.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/guard.h"
#include "tests/unit/parse_frames.h"
#include "tests/unit/rng.h"

/* A frame cut anywhere is short, and says so without reading on. */
static void test_every_length(void **state)
{
	struct guard g;

	(void)state;
	guard_init(&g, FRAME_MAX);
	for (int base = 0; base < NB_BASES; base++) {
		struct frame f = base_frame(base);
		uint8_t bytes[FRAME_MAX];
		uint32_t full = frame_build(bytes, &f);

		for (uint32_t len = 0; len < full; len++) {
			struct buf b = frame_buf(guard_place(&g, bytes, len), len, 0);
			struct seg s;

			assert_int_equal(parse_frame(&b, our_mac, &s), PARSE_TOO_SHORT);
		}
	}
	guard_fini(&g);
}

/* Chains of extension headers: some are walked, no more than a few. */
static void test_extension_chains(void **state)
{
	uint8_t bytes[FRAME_MAX];
	struct guard g;

	(void)state;
	guard_init(&g, FRAME_MAX);
	for (uint32_t n = 0; n <= 40; n++) {
		struct frame f = base_frame(V6);
		uint32_t len = frame_build(bytes, &f);
		struct buf b;
		struct seg s;

		memmove(bytes + TCP6 + 8 * n, bytes + TCP6, len - TCP6);
		for (uint32_t i = 0; i < n; i++)
			memcpy(bytes + TCP6 + 8 * i, "\x3c\0\1\4\0\0\0\0", 8);
		if (n) {
			bytes[IP6 + 6] = 60;
			bytes[TCP6 + 8 * (n - 1)] = 6;
		}
		len += 8 * n;
		bytes[IP6 + 4] = (uint8_t)((len - TCP6) >> 8);
		bytes[IP6 + 5] = (uint8_t)(len - TCP6);
		b = frame_buf(guard_place(&g, bytes, len), len, 0);
		if (n <= 2)
			assert_int_equal(parse_frame(&b, our_mac, &s), PARSE_TCP);
		else if (n > 8)
			assert_int_equal(parse_frame(&b, our_mac, &s), PARSE_UNKNOWN_PROTOCOL);
		else
			check_lengths(&b, &s, parse_frame(&b, our_mac, &s));
	}
	guard_fini(&g);
}

/* One extension header of any length, which an 8-bit offset may not be able to
 * name the end of. */
static void test_long_extension_header(void **state)
{
	struct guard g;

	(void)state;
	guard_init(&g, FRAME_MAX);
	for (uint32_t words = 0; words <= 255; words++) {
		struct frame f = base_frame(V6);
		uint8_t bytes[FRAME_MAX];
		uint32_t len = frame_build(bytes, &f), ext = 8 * (words + 1);
		enum parse_result r;
		struct buf b;
		struct seg s;

		memmove(bytes + TCP6 + ext, bytes + TCP6, len - TCP6);
		memset(bytes + TCP6, 0, ext);
		bytes[IP6 + 6] = 60;
		bytes[TCP6] = 6;
		bytes[TCP6 + 1] = (uint8_t)words;
		len += ext;
		bytes[IP6 + 4] = (uint8_t)((len - TCP6) >> 8);
		bytes[IP6 + 5] = (uint8_t)(len - TCP6);
		b = frame_buf(guard_place(&g, bytes, len), len, 0);
		r = parse_frame(&b, our_mac, &s);
		assert_int_equal(r, TCP6 + ext <= 255 ? PARSE_TCP : PARSE_UNKNOWN_PROTOCOL);
		check_lengths(&b, &s, r);
	}
	guard_fini(&g);
}

/* An extension header is announced and the packet ends before or within it. */
static void test_missing_extension_header(void **state)
{
	static const uint8_t kinds[] = {0, 43, 60};
	struct guard g;

	(void)state;
	guard_init(&g, FRAME_MAX);
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (uint8_t n = 0; n < 8; n++) {
			struct frame f = base_frame(V6);
			uint8_t bytes[FRAME_MAX];
			struct buf b;
			struct seg s;

			frame_build(bytes, &f);
			memset(bytes + TCP6, 0, 8);
			bytes[IP6 + 4] = 0;
			bytes[IP6 + 5] = n;
			bytes[IP6 + 6] = kinds[k];
			b = frame_buf(guard_place(&g, bytes, TCP6 + n), TCP6 + n, 0);
			assert_int_equal(parse_frame(&b, our_mac, &s), PARSE_TOO_SHORT);
		}
	guard_fini(&g);
}

/* Damage of all kinds, with sums believed so that it gets far. */
static void test_random_damage(void **state)
{
	struct rng rng = {791};
	struct guard g;
	uint32_t taken = 0;

	(void)state;
	guard_init(&g, FRAME_MAX);
	for (int i = 0; i < 300000; i++) {
		struct frame f = base_frame(rng_below(&rng, NB_BASES));
		uint8_t bytes[FRAME_MAX];
		enum parse_result r;
		uint32_t len;
		struct buf b;
		struct seg s;

		len = frame_build(bytes, &f);
		for (uint32_t n = rng_below(&rng, 4); n; n--)
			bytes[rng_range(&rng, 12, MIN(len, 90u) - 1)] = (uint8_t)rng_u64(&rng);
		len -= rng_below(&rng, 3) ? 0 : rng_below(&rng, len);
		b = frame_buf(guard_place(&g, bytes, len), len,
			      BUF_RX_IP_CSUM_OK | BUF_RX_L4_CSUM_OK);
		memset(&s, 0xee, sizeof(s));
		r = parse_frame(&b, our_mac, &s);
		assert_in_range(r, PARSE_TCP, PARSE_BAD_SOURCE);
		assert_true(b.len <= len);
		check_lengths(&b, &s, r);
		taken += r < PARSE_DROP_FIRST;
	}
	assert_in_range(taken, 50000, 290000);
	guard_fini(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_length),
	    cmocka_unit_test(test_extension_chains),
	    cmocka_unit_test(test_long_extension_header),
	    cmocka_unit_test(test_missing_extension_header),
	    cmocka_unit_test(test_random_damage),
	};

	return cmocka_run_group_tests_name("parse_bounds", tests, NULL, NULL);
}
