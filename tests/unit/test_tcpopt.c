/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP options: every layout and every way to get one wrong, both directions. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/wire/tcpopt.h"
#include "tests/unit/guard.h"
#include "tests/unit/rng.h"

#define MSS	0x02, 0x04, 0x05, 0xb4
#define WS7	0x03, 0x03, 0x07
#define SACK_OK 0x04, 0x02
#define TS	0x08, 0x0a, 0x01, 0x02, 0x03, 0x04, 0xf1, 0xf2, 0xf3, 0xf4
#define TSVAL	0x01020304
#define TSECR	0xf1f2f3f4
#define NOP	0x01
#define EOL	0x00
#define BLOCK	0x10, 0x20, 0x30, 0x40, 0x10, 0x20, 0x30, 0x50
#define BYTES(...)                                                                                 \
	.bytes = {__VA_ARGS__}, .len = sizeof((const uint8_t[]){__VA_ARGS__})

struct parse_case {
	const char *name;
	bool syn;
	uint8_t bytes[40];
	uint32_t len;
	uint8_t seen; /* the rest is compared as far as this says */
	uint8_t wscale, nb_sack;
	uint16_t mss;
};

/* clang-format off */
static const struct parse_case cases[] = {
	{"nothing", .syn = true, .seen = 0},
	{"linux syn", true, BYTES(MSS, SACK_OK, TS, NOP, WS7), .mss = 1460, .wscale = 7,
	 .seen = TCPOPT_HAS_MSS | TCPOPT_HAS_SACK_PERMITTED | TCPOPT_HAS_TS | TCPOPT_HAS_WSCALE},
	{"usual ack", false, BYTES(NOP, NOP, TS), .seen = TCPOPT_HAS_TS},
	{"usual syn with ts only", true, BYTES(NOP, NOP, TS), .seen = TCPOPT_HAS_TS},
	{"ts first", false, BYTES(TS, NOP, NOP), .seen = TCPOPT_HAS_TS},
	{"ts unpadded", false, BYTES(TS), .seen = TCPOPT_HAS_TS},
	{"ts between nops", false, BYTES(NOP, TS, NOP), .seen = TCPOPT_HAS_TS},
	{"ts, eol", false, BYTES(TS, EOL, EOL), .seen = TCPOPT_HAS_TS},
	{"ts twice, last counts", false,
	 BYTES(0x08, 0x0a, 9, 9, 9, 9, 9, 9, 9, 9, NOP, NOP, TS), .seen = TCPOPT_HAS_TS},
	{"ts too short", false, BYTES(NOP, NOP, 0x08, 0x09, 1, 2, 3, 4, 5, 6, 7, NOP), .seen = 0},
	{"ts too long", false, BYTES(0x08, 0x0b, 1, 2, 3, 4, 5, 6, 7, 8, 9, NOP), .seen = 0},
	{"ts beyond the header", false, BYTES(NOP, NOP, NOP, 0x08, 0x0a, 1, 2, 3, 4, 5, 6, 7),
	 .seen = TCPOPT_MALFORMED},
	{"mss", true, BYTES(MSS), .mss = 1460, .seen = TCPOPT_HAS_MSS},
	{"mss twice, last counts", true, BYTES(2, 4, 0, 1, MSS), .mss = 1460,
	 .seen = TCPOPT_HAS_MSS},
	{"mss zero", true, BYTES(2, 4, 0, 0), .mss = 0, .seen = TCPOPT_HAS_MSS},
	{"mss largest", true, BYTES(2, 4, 0xff, 0xff), .mss = 65535, .seen = TCPOPT_HAS_MSS},
	{"mss not in a syn", false, BYTES(MSS), .seen = 0},
	{"mss of length 3", true, BYTES(2, 3, 5, NOP), .seen = 0},
	{"mss of length 5", true, BYTES(2, 5, 5, 0xb4, 0, NOP, NOP, NOP), .seen = 0},
	{"mss cut", true, BYTES(2, 4, 5), .seen = TCPOPT_MALFORMED},
	{"wscale 0", true, BYTES(3, 3, 0), .wscale = 0, .seen = TCPOPT_HAS_WSCALE},
	{"wscale 14", true, BYTES(3, 3, 14), .wscale = 14, .seen = TCPOPT_HAS_WSCALE},
	{"wscale 15 is 14", true, BYTES(3, 3, 15), .wscale = 14, .seen = TCPOPT_HAS_WSCALE},
	{"wscale 255 is 14", true, BYTES(3, 3, 255), .wscale = 14, .seen = TCPOPT_HAS_WSCALE},
	{"wscale not in a syn", false, BYTES(WS7), .seen = 0},
	{"wscale of length 2", true, BYTES(3, 2, NOP, NOP), .seen = 0},
	{"wscale of length 4", true, BYTES(3, 4, 7, 7), .seen = 0},
	{"sack permitted", true, BYTES(SACK_OK), .seen = TCPOPT_HAS_SACK_PERMITTED},
	{"sack permitted not in a syn", false, BYTES(SACK_OK), .seen = 0},
	{"sack permitted of length 3", true, BYTES(4, 3, 0, NOP), .seen = 0},
	{"sack, one block", false, BYTES(NOP, NOP, 5, 10, BLOCK), .nb_sack = 1,
	 .seen = TCPOPT_HAS_SACK},
	{"sack, two blocks", false, BYTES(5, 18, BLOCK, BLOCK), .nb_sack = 2,
	 .seen = TCPOPT_HAS_SACK},
	{"sack, three and ts", false, BYTES(NOP, NOP, TS, NOP, NOP, 5, 26, BLOCK, BLOCK, BLOCK),
	 .nb_sack = 3, .seen = TCPOPT_HAS_SACK | TCPOPT_HAS_TS},
	{"sack, four blocks", false, BYTES(5, 34, BLOCK, BLOCK, BLOCK, BLOCK), .nb_sack = 4,
	 .seen = TCPOPT_HAS_SACK},
	{"sack in a syn", true, BYTES(5, 10, BLOCK), .seen = 0},
	{"sack without a block", false, BYTES(5, 2, NOP, NOP), .seen = 0},
	{"sack with half a block", false, BYTES(5, 6, 1, 2, 3, 4), .seen = 0},
	{"sack with one and a half", false, BYTES(5, 14, BLOCK, 1, 2, 3, 4), .seen = 0},
	{"sack with a byte too many", false, BYTES(5, 11, BLOCK, 1), .seen = 0},
	{"sack beyond the header", false, BYTES(5, 18, BLOCK), .seen = TCPOPT_MALFORMED},
	{"unknown kind skipped", true, BYTES(254, 4, 1, 2, MSS), .mss = 1460,
	 .seen = TCPOPT_HAS_MSS},
	{"unknown kind without data", true, BYTES(77, 2, MSS), .mss = 1460, .seen = TCPOPT_HAS_MSS},
	{"fast open cookie skipped", true, BYTES(34, 10, 1, 2, 3, 4, 5, 6, 7, 8, MSS), .mss = 1460,
	 .seen = TCPOPT_HAS_MSS},
	{"md5 skipped", true,
	 BYTES(19, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, MSS),
	 .mss = 1460, .seen = TCPOPT_HAS_MSS},
	{"unaligned", true, BYTES(NOP, MSS, NOP, NOP, WS7), .mss = 1460, .wscale = 7,
	 .seen = TCPOPT_HAS_MSS | TCPOPT_HAS_WSCALE},
	{"after eol nothing counts", true, BYTES(EOL, MSS), .seen = 0},
	{"after eol nothing is malformed", true, BYTES(MSS, EOL, 9, 0, 0), .mss = 1460,
	 .seen = TCPOPT_HAS_MSS},
	{"only nops", false, BYTES(NOP, NOP, NOP, NOP), .seen = 0},
	{"kind without a length", true, BYTES(MSS, NOP, NOP, NOP, 3), .mss = 1460,
	 .seen = TCPOPT_HAS_MSS | TCPOPT_MALFORMED},
	{"unknown kind without a length", false, BYTES(200), .seen = TCPOPT_MALFORMED},
	{"length 0", true, BYTES(MSS, 9, 0, NOP, NOP), .mss = 1460,
	 .seen = TCPOPT_HAS_MSS | TCPOPT_MALFORMED},
	{"length 1", true, BYTES(MSS, 9, 1, WS7), .mss = 1460,
	 .seen = TCPOPT_HAS_MSS | TCPOPT_MALFORMED},
	{"length beyond the end", true, BYTES(WS7, 9, 3), .wscale = 7,
	 .seen = TCPOPT_HAS_WSCALE | TCPOPT_MALFORMED},
	{"length exactly to the end", true, BYTES(WS7, 9, 2), .wscale = 7,
	 .seen = TCPOPT_HAS_WSCALE},
	{"length 255", false, BYTES(NOP, 9, 255, NOP), .seen = TCPOPT_MALFORMED},
};
/* clang-format on */

static void check_case(const struct parse_case *c, const struct guard *g)
{
	struct tcpopt o;

	memset(&o, 0xee, sizeof(o));
	tcpopt_parse(&o, guard_place(g, c->bytes, c->len), c->len, c->syn);
	if (o.seen != c->seen)
		fail_msg("%s: seen 0x%02x instead of 0x%02x", c->name, o.seen, c->seen);
	if ((o.seen & TCPOPT_HAS_MSS) && o.mss != c->mss)
		fail_msg("%s: MSS %u", c->name, o.mss);
	if ((o.seen & TCPOPT_HAS_WSCALE) && o.wscale != c->wscale)
		fail_msg("%s: shift %u", c->name, o.wscale);
	if ((o.seen & TCPOPT_HAS_TS) && (o.tsval != TSVAL || o.tsecr != TSECR))
		fail_msg("%s: timestamps %u %u", c->name, o.tsval, o.tsecr);
	if (!(o.seen & TCPOPT_HAS_SACK))
		return;
	if (o.nb_sack != c->nb_sack)
		fail_msg("%s: %u SACK blocks", c->name, o.nb_sack);
	for (uint32_t i = 0; i < o.nb_sack; i++) {
		struct sack_block b = tcpopt_sack_block(&o, i);

		assert_int_equal(b.start, 0x10203040);
		assert_int_equal(b.end, 0x10203050);
	}
}

static void test_parse_cases(void **state)
{
	struct guard g;

	(void)state;
	guard_init(&g, 64);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_case(&cases[i], &g);
	guard_fini(&g);
}

/* A SYN's options in any order and padding mean the same. */
static void test_any_order(void **state)
{
	static const uint8_t mss[] = {MSS}, ws[] = {WS7}, ok[] = {SACK_OK}, ts[] = {TS};
	static const struct {
		const uint8_t *p;
		uint32_t len;
	} opts[] = {{mss, 4}, {ws, 3}, {ok, 2}, {ts, 10}};
	struct rng rng = {7323};

	(void)state;
	for (int i = 0; i < 3000; i++) {
		uint8_t bytes[40], order[4] = {0, 1, 2, 3};
		uint32_t len = 0, spare = sizeof(bytes) - 19;
		struct tcpopt o;

		for (uint32_t k = 3; k > 0; k--) {
			uint32_t j = rng_below(&rng, k + 1);
			uint8_t t = order[k];

			order[k] = order[j];
			order[j] = t;
		}
		for (uint32_t k = 0; k < 4; k++) {
			uint32_t nops = rng_below(&rng, MIN(spare, 5u) + 1);

			memset(bytes + len, NOP, nops);
			len += nops;
			spare -= nops;
			memcpy(bytes + len, opts[order[k]].p, opts[order[k]].len);
			len += opts[order[k]].len;
		}
		tcpopt_parse(&o, bytes, len, true);
		assert_int_equal(o.seen, TCPOPT_HAS_MSS | TCPOPT_HAS_WSCALE |
					     TCPOPT_HAS_SACK_PERMITTED | TCPOPT_HAS_TS);
		assert_int_equal(o.mss, 1460);
		assert_int_equal(o.wscale, 7);
		assert_int_equal(o.tsval, TSVAL);
		assert_int_equal(o.tsecr, TSECR);
	}
}

/* Any bytes of any length have an answer, and it stays inside of them. */
static void test_garbage(void **state)
{
	static const uint8_t likely_bytes[] = {0, 1, 2, 3, 4, 5, 8, 10, 18, 26, 34};
	struct rng rng = {6};
	struct guard g;

	(void)state;
	guard_init(&g, 64);
	for (int i = 0; i < 200000; i++) {
		uint32_t len = rng_below(&rng, 41);
		uint8_t *p = guard_place(&g, NULL, len);
		struct tcpopt o;

		for (uint32_t k = 0; k < len; k++) {
			uint32_t pick = rng_below(&rng, sizeof(likely_bytes));

			p[k] = rng_below(&rng, 4) ? likely_bytes[pick] : (uint8_t)rng_u64(&rng);
		}
		tcpopt_parse(&o, p, len, rng_below(&rng, 2));
		if (!(o.seen & TCPOPT_HAS_SACK))
			continue;
		assert_in_range(o.nb_sack, 1, TCPOPT_MAX_SACK);
		assert_true(o.sack >= p + 2);
		assert_true(o.sack + 8 * o.nb_sack <= p + len);
	}
	guard_fini(&g);
}

static struct tcpopt_out random_out(struct rng *r)
{
	struct tcpopt_out o = {.has_ts = rng_below(r, 2),
			       .sack_permitted = rng_below(r, 2),
			       .has_wscale = rng_below(r, 2),
			       .wscale = (uint8_t)rng_below(r, 15),
			       .mss = rng_below(r, 2) ? (uint16_t)rng_range(r, 1, 65535) : 0,
			       .tsval = (uint32_t)rng_u64(r),
			       .tsecr = (uint32_t)rng_u64(r),
			       .nb_sack = (uint8_t)rng_below(r, TCPOPT_MAX_SACK + 1)};

	for (uint32_t i = 0; i < o.nb_sack; i++)
		o.sack[i] = (struct sack_block){(uint32_t)rng_u64(r), (uint32_t)rng_u64(r)};
	return o;
}

static void check_written(const struct tcpopt_out *o, const struct tcpopt *syn,
			  const struct tcpopt *ack)
{
	assert_false((syn->seen | ack->seen) & TCPOPT_MALFORMED);
	assert_int_equal(!!(syn->seen & TCPOPT_HAS_MSS), o->mss != 0);
	assert_int_equal(!!(syn->seen & TCPOPT_HAS_WSCALE), o->has_wscale);
	assert_int_equal(!!(syn->seen & TCPOPT_HAS_SACK_PERMITTED), o->sack_permitted);
	assert_int_equal(!!(syn->seen & TCPOPT_HAS_TS), o->has_ts);
	assert_int_equal(!!(ack->seen & TCPOPT_HAS_TS), o->has_ts);
	if (o->mss)
		assert_int_equal(syn->mss, o->mss);
	if (o->has_wscale)
		assert_int_equal(syn->wscale, o->wscale);
	if (o->has_ts) {
		assert_int_equal(ack->tsval, o->tsval);
		assert_int_equal(ack->tsecr, o->tsecr);
	}
}

static void test_write_and_parse_back(void **state)
{
	struct rng rng = {2018};

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct tcpopt_out out = random_out(&rng);
		uint8_t bytes[64];
		struct tcpopt syn, ack;
		uint32_t size, fixed, blocks;

		memset(bytes, 0xcc, sizeof(bytes));
		size = tcpopt_write(bytes, &out);
		assert_int_equal(size, tcpopt_size(&out));
		assert_int_equal(size % 4, 0);
		assert_in_range(size, 0, 40);
		for (uint32_t k = size; k < sizeof(bytes); k++)
			assert_int_equal(bytes[k], 0xcc);
		tcpopt_parse(&syn, bytes, size, true);
		tcpopt_parse(&ack, bytes, size, false);
		check_written(&out, &syn, &ack);
		fixed = (out.mss ? 4 : 0) + (out.has_ts ? 12 : 0) + (out.has_wscale ? 4 : 0) +
			(out.sack_permitted && !out.has_ts ? 4 : 0);
		blocks = MIN((uint32_t)out.nb_sack, (40 - fixed - 4) / 8);
		assert_int_equal(ack.seen & TCPOPT_HAS_SACK ? ack.nb_sack : 0, blocks);
		for (uint32_t k = 0; k < blocks; k++) {
			struct sack_block b = tcpopt_sack_block(&ack, k);

			assert_int_equal(b.start, out.sack[k].start);
			assert_int_equal(b.end, out.sack[k].end);
		}
	}
}

/* The bytes themselves, once: what a peer with a fast path for these expects. */
static void test_written_layout(void **state)
{
	static const uint8_t syn[] = {MSS, SACK_OK, TS, NOP, WS7};
	static const uint8_t ack[] = {NOP, NOP, TS, NOP, NOP, 5, 10, BLOCK};
	struct tcpopt_out o = {.has_ts = true,
			       .sack_permitted = true,
			       .has_wscale = true,
			       .wscale = 7,
			       .mss = 1460,
			       .tsval = TSVAL,
			       .tsecr = TSECR};
	uint8_t bytes[40];

	(void)state;
	assert_int_equal(tcpopt_write(bytes, &o), sizeof(syn));
	assert_memory_equal(bytes, syn, sizeof(syn));
	o = (struct tcpopt_out){.has_ts = true,
				.tsval = TSVAL,
				.tsecr = TSECR,
				.nb_sack = 1,
				.sack = {{0x10203040, 0x10203050}}};
	assert_int_equal(tcpopt_write(bytes, &o), sizeof(ack));
	assert_memory_equal(bytes, ack, sizeof(ack));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse_cases),
	    cmocka_unit_test(test_any_order),
	    cmocka_unit_test(test_garbage),
	    cmocka_unit_test(test_write_and_parse_back),
	    cmocka_unit_test(test_written_layout),
	};

	return cmocka_run_group_tests_name("tcpopt", tests, NULL, NULL);
}
