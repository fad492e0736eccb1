/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments to frames: byte for byte against frames that Scapy 2.5 built from the
 * same description, then random segments against two parsers that had no part in
 * writing them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdlib.h>

#include "engine/wire/build.h"
#include "engine/wire/csum.h"
#include "engine/wire/parse.h"
#include "tests/lib/frame.h"
#include "tests/unit/rng.h"

#define ROOM	   4096
#define ODD	   "odd number of bytes"

static const uint8_t smac[6] = {0x02, 0x00, 0x5e, 0x00, 0x53, 0x01};
static const uint8_t dmac[6] = {0x02, 0x00, 0x5e, 0x00, 0x53, 0x02};
static const uint8_t src4[4] = {192, 0, 2, 1}, dst4[4] = {198, 51, 100, 7};
static const uint8_t src6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
static const uint8_t dst6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 7};

static const struct tcpopt_out no_options;
static const struct tcpopt_out syn_options = {.has_ts = true,
					      .sack_permitted = true,
					      .has_wscale = true,
					      .wscale = 7,
					      .mss = 1460,
					      .tsval = 0x01020304,
					      .tsecr = 0xf1f2f3f4};
static const struct tcpopt_out ts_options = {
    .has_ts = true, .tsval = 0x01020304, .tsecr = 0xf1f2f3f4};
static const struct tcpopt_out sack_options = {
    .has_ts = true,
    .tsval = 0x01020304,
    .tsecr = 0xf1f2f3f4,
    .nb_sack = 3,
    .sack = {{0xfffffff0, 0x10}, {1000, 2000}, {3000, 4000}}};

struct vector {
	const char *name;
	uint8_t family, flags;
	uint16_t vlan, urp;
	const struct tcpopt_out *opt;
	const char *payload;
	const char *hex;
	uint8_t ttl, tos; /* 0: 64, 0 */
	bool reset;	  /* acknowledges nothing and offers no window */
};

/* clang-format off */
static const struct vector vectors[] = {
	{"ACK", IP_V4, TCP_ACK, 0, 0, &no_options, "",
	 "02005e00530202005e0053010800450000280000400040064e94c0000201c633640701bbc822fedcba9889ab"
	 "cdef5010fde8eac00000",
	 .ttl = 64},
	{"SYN-ACK", IP_V4, TCP_SYN | TCP_ACK, 0, 0, &syn_options, "",
	 "02005e00530202005e00530108004500003c00004000ff068f7fc0000201c633640701bbc822fedcba9889ab"
	 "cdefa012fde898ee0000020405b40402080a01020304f1f2f3f401030307",
	 .ttl = 255},
	{"data", IP_V4, TCP_PSH | TCP_ACK, 0, 0, &ts_options, ODD,
	 "02005e00530202005e005301080045b800470000400040064dbdc0000201c633640701bbc822fedcba9889ab"
	 "cdef8018fde8e26200000101080a01020304f1f2f3f46f6464206e756d626572206f66206279746573",
	 .ttl = 64, .tos = 0xb8},
	{"SACK in a VLAN", IP_V4, TCP_ACK, 100, 0, &sack_options, "",
	 "02005e00530202005e005301810000640800450000500000400040064e6cc0000201c633640701bbc822fedc"
	 "ba9889abcdeff010fde82a7300000101080a01020304f1f2f3f40101051afffffff000000010000003e80000"
	 "07d000000bb800000fa0",
	 .ttl = 64},
	{"urgent data and FIN", IP_V4, TCP_FIN | TCP_URG | TCP_ACK, 4094, 5, &no_options, "urgent!!",
	 "02005e00530202005e00530181000ffe0800450000300000400040064e8cc0000201c633640701bbc822fedc"
	 "ba9889abcdef5031fde87e250005757267656e742121",
	 .ttl = 64},
	{"RST over IPv6", IP_V6, TCP_RST, 0, 0, &no_options, "",
	 "02005e00530202005e00530186dd600000000014064020010db800000000000000000000000120010db80001"
	 "0000000000000000000701bbc822fedcba980000000050040000d1120000",
	 .ttl = 64, .reset = true},
	{"SYN-ACK over IPv6", IP_V6, TCP_SYN | TCP_ACK, 0, 0, &syn_options, "",
	 "02005e00530202005e00530186dd600000000028060120010db800000000000000000000000120010db80001"
	 "0000000000000000000701bbc822fedcba9889abcdefa012fde829b00000020405b40402080a01020304f1f2"
	 "f3f401030307",
	 .ttl = 1},
	{"data over IPv6", IP_V6, TCP_PSH | TCP_ACK, 0, 0, &ts_options, ODD,
	 "02005e00530202005e00530186dd6b8000000033064020010db800000000000000000000000120010db80001"
	 "0000000000000000000701bbc822fedcba9889abcdef8018fde8732400000101080a01020304f1f2f3f46f64"
	 "64206e756d626572206f66206279746573",
	 .ttl = 64, .tos = 0xb8},
	{"SACK and data in a VLAN over IPv6", IP_V6, TCP_ACK, 100, 0, &sack_options, "x",
	 "02005e00530202005e0053018100006486dd60000000003d064020010db80000000000000000000000012001"
	 "0db800010000000000000000000701bbc822fedcba9889abcdeff010fde8433300000101080a01020304f1f2"
	 "f3f40101051afffffff000000010000003e8000007d000000bb800000fa078",
	 .ttl = 64},
};
/* clang-format on */

struct test_buf {
	struct buf buf;
	uint8_t memory[ROOM];
};

/* A buf whose payload has exactly the headroom that build_tcp() asks for. */
static struct buf *payload_buf(struct test_buf *t, const void *payload, uint32_t len)
{
	t->buf = (struct buf){.start = t->memory,
			      .data = t->memory + BUILD_HDR_MAX,
			      .room = ROOM,
			      .len = len};
	memset(t->memory, 0xa5, sizeof(t->memory));
	if (len)
		memcpy(t->buf.data, payload, len);
	return &t->buf;
}

static struct out vector_out(const struct vector *v)
{
	return (struct out){.smac = smac,
			    .dmac = dmac,
			    .src = v->family == IP_V4 ? src4 : src6,
			    .dst = v->family == IP_V4 ? dst4 : dst6,
			    .opt = v->opt,
			    .seq = 0xfedcba98,
			    .ack = v->reset ? 0 : 0x89abcdef,
			    .sport_be = htons(443),
			    .dport_be = htons(51234),
			    .wnd = v->reset ? 0 : 65000,
			    .vlan = v->vlan,
			    .urp = v->urp,
			    .family = v->family,
			    .flags = v->flags,
			    .ttl = v->ttl,
			    .tos = v->tos};
}

static uint32_t from_hex(const char *hex, uint8_t *bytes)
{
	uint32_t n = 0;

	for (; hex[0]; hex += 2) {
		char digits[3] = {hex[0], hex[1], 0};

		bytes[n++] = (uint8_t)strtol(digits, NULL, 16);
	}
	return n;
}

static void check_lens(const struct buf *b, const struct out *o, uint32_t payload_len)
{
	assert_int_equal(b->l2_len, o->vlan ? 18 : 14);
	assert_int_equal(b->l3_len, o->family == IP_V4 ? 20 : 40);
	assert_int_equal(b->l4_len, 20 + tcpopt_size(o->opt));
	assert_int_equal(b->hdr_len, b->l2_len + b->l3_len + b->l4_len);
	assert_int_equal(b->len, b->hdr_len + payload_len);
}

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		const struct vector *v = &vectors[i];
		struct out o = vector_out(v);
		uint8_t want[256];
		struct test_buf t;
		struct buf *b = payload_buf(&t, v->payload, (uint32_t)strlen(v->payload));
		uint32_t len = from_hex(v->hex, want);

		build_tcp(b, &o);
		if (b->len != len || memcmp(b->data, want, len) != 0)
			fail_msg("%s: not the frame that Scapy builds", v->name);
		check_lens(b, &o, (uint32_t)strlen(v->payload));
		assert_int_equal(b->flags,
				 BUF_PAYLOAD_CSUM | (v->family == IP_V6 ? BUF_TX_IPV6 : 0));
	}
}

/* A known sum is used, not computed again: a wrong one comes out in the frame. */
static void test_payload_sum_is_reused(void **state)
{
	const struct vector *v = &vectors[2];
	struct out o = vector_out(v);
	uint8_t want[256];
	struct test_buf t;
	struct buf *b = payload_buf(&t, ODD, strlen(ODD));
	uint16_t sum = csum_fold(csum_partial(ODD, strlen(ODD)));

	(void)state;
	from_hex(v->hex, want);
	b->payload_csum = sum;
	b->flags = BUF_PAYLOAD_CSUM | BUF_SENT | BUF_KEEP;
	build_tcp(b, &o);
	assert_memory_equal(b->data, want, b->len);
	assert_int_equal(b->flags, BUF_PAYLOAD_CSUM | BUF_SENT | BUF_KEEP);

	b = payload_buf(&t, ODD, strlen(ODD));
	b->payload_csum = (uint16_t)(sum + 1);
	b->flags = BUF_PAYLOAD_CSUM;
	build_tcp(b, &o);
	assert_memory_not_equal(b->data, want, b->len);

	b = payload_buf(&t, ODD, strlen(ODD));
	build_tcp(b, &o);
	assert_true(b->flags & BUF_PAYLOAD_CSUM);
	assert_int_equal(b->payload_csum, sum);
}

/* Sums left to the port: 0 in IPv4, the pseudo-header's in TCP, and the flags
 * that say so; flags of an earlier transmission do not survive. */
static void test_offload(void **state)
{
	struct test_buf t;
	char why[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		for (unsigned caps = 0; caps < 4; caps++) {
			const struct vector *v = &vectors[i];
			bool v4 = v->family == IP_V4;
			struct buf *b = payload_buf(&t, v->payload, (uint32_t)strlen(v->payload));
			struct out o = vector_out(v);
			uint32_t want = v4 ? 0 : BUF_TX_IPV6;
			unsigned pending = 0;
			struct frame f;

			o.tx_flags = (caps & 1 ? BUF_TX_IP_CSUM : 0) |
				     (caps & 2 ? BUF_TX_L4_CSUM : 0);
			if ((caps & 1) && v4) {
				want |= BUF_TX_IP_CSUM;
				pending |= FRAME_IP_SUM_PENDING;
			}
			if (caps & 2) {
				want |= BUF_TX_L4_CSUM;
				pending |= FRAME_L4_SUM_PENDING;
			}
			b->flags = BUF_TX_IP_CSUM | BUF_TX_L4_CSUM | BUF_TX_IPV6;
			build_tcp(b, &o);
			assert_int_equal(b->flags & ~(uint32_t)BUF_PAYLOAD_CSUM, want);
			if (!frame_parse(b->data, b->len, pending, &f, why, sizeof(why)))
				fail_msg("%s: %s", v->name, why);
			if (pending & FRAME_IP_SUM_PENDING)
				assert_true(b->data[b->l2_len + 10] == 0 &&
					    b->data[b->l2_len + 11] == 0);
		}
}

/* A reply is written over the segment it answers, whose addresses it uses. */
static void test_addresses_inside_the_frame(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		const struct vector *v = &vectors[i];
		uint32_t alen = v->family == IP_V4 ? 4 : 16;

		for (uint32_t at = 0; at + 2 * alen <= BUILD_HDR_MAX; at++) {
			struct out o = vector_out(v);
			uint8_t want[256];
			struct test_buf t;
			struct buf *b = payload_buf(&t, v->payload, (uint32_t)strlen(v->payload));
			uint32_t len = from_hex(v->hex, want);

			memcpy(t.memory + at, o.src, alen);
			memcpy(t.memory + at + alen, o.dst, alen);
			o.src = t.memory + at;
			o.dst = t.memory + at + alen;
			build_tcp(b, &o);
			assert_int_equal(b->len, len);
			assert_memory_equal(b->data, want, len);
		}
	}
}

static struct out random_out(struct rng *r, struct tcpopt_out *opt, uint8_t addrs[32])
{
	struct out o = {.smac = smac,
			.dmac = dmac,
			.src = addrs,
			.dst = addrs + 16,
			.opt = opt,
			.seq = (uint32_t)rng_u64(r),
			.ack = (uint32_t)rng_u64(r),
			.sport_be = (uint16_t)rng_u64(r),
			.dport_be = (uint16_t)rng_u64(r),
			.wnd = (uint16_t)rng_u64(r),
			.vlan = rng_below(r, 2) ? (uint16_t)rng_range(r, 1, 4094) : 0,
			.urp = (uint16_t)rng_u64(r),
			.family = rng_below(r, 2) ? IP_V4 : IP_V6,
			.flags = (uint8_t)rng_u64(r),
			.ttl = (uint8_t)rng_u64(r),
			.tos = (uint8_t)rng_u64(r)};

	rng_fill(r, addrs, 32);
	addrs[0] = addrs[16] = 0x20; /* unicast in both families */
	*opt = (struct tcpopt_out){.has_ts = rng_below(r, 2),
				   .sack_permitted = rng_below(r, 2),
				   .has_wscale = rng_below(r, 2),
				   .wscale = (uint8_t)rng_below(r, 15),
				   .mss = rng_below(r, 2) ? (uint16_t)rng_u64(r) : 0,
				   .tsval = (uint32_t)rng_u64(r),
				   .tsecr = (uint32_t)rng_u64(r),
				   .nb_sack = (uint8_t)rng_below(r, 5)};
	return o;
}

static void check_segment(struct buf *b, const struct out *o, const uint8_t *payload, uint32_t len)
{
	uint32_t alen = o->family == IP_V4 ? 4 : 16;
	struct seg s;

	assert_int_equal(parse_frame(b, dmac, &s), PARSE_TCP);
	assert_int_equal(s.family, o->family);
	assert_memory_equal(s.src, o->src, alen);
	assert_memory_equal(s.dst, o->dst, alen);
	assert_int_equal(s.seq, o->seq);
	assert_int_equal(s.ack, o->ack);
	assert_int_equal(s.sport_be, o->sport_be);
	assert_int_equal(s.dport_be, o->dport_be);
	assert_int_equal(s.wnd, o->wnd);
	assert_int_equal(s.urp, o->urp);
	assert_int_equal(s.flags, o->flags);
	assert_int_equal(s.vlan, o->vlan);
	assert_int_equal(s.ttl, o->ttl);
	assert_int_equal(s.tos, o->tos);
	assert_int_equal(s.payload_len, len);
	assert_memory_equal(s.payload, payload, len);
	assert_int_equal(s.payload_csum, b->payload_csum);
}

static void test_random_round_trip(void **state)
{
	struct rng rng = {8200};
	char why[128];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint8_t addrs[32], payload[1600];
		uint32_t len = rng_below(&rng, 3) ? rng_below(&rng, 64) : rng_below(&rng, 1600);
		struct tcpopt_out opt;
		struct out o = random_out(&rng, &opt, addrs);
		struct test_buf t;
		struct buf *b;
		struct frame f;

		rng_fill(&rng, payload, len);
		if (rng_below(&rng, 16) == 0)
			memset(payload, 0xff, len);
		b = payload_buf(&t, payload, len);
		build_tcp(b, &o);
		check_lens(b, &o, len);
		if (!frame_parse(b->data, b->len, 0, &f, why, sizeof(why)))
			fail_msg("%s", why);
		check_segment(b, &o, payload, len);
	}
}

/* Nothing is written outside of the headers. */
static void test_writes_headers_only(void **state)
{
	struct rng rng = {5};

	(void)state;
	for (int i = 0; i < 2000; i++) {
		uint8_t addrs[32], payload[64];
		struct tcpopt_out opt;
		struct out o = random_out(&rng, &opt, addrs);
		struct test_buf t;
		struct buf *b;

		rng_fill(&rng, payload, sizeof(payload));
		b = payload_buf(&t, payload, sizeof(payload));
		build_tcp(b, &o);
		for (const uint8_t *p = t.memory; p < b->data; p++)
			assert_int_equal(*p, 0xa5);
		assert_memory_equal(b->data + b->hdr_len, payload, sizeof(payload));
		for (const uint8_t *p = b->data + b->len; p < t.memory + ROOM; p++)
			assert_int_equal(*p, 0xa5);
	}
}

/* The largest header there can be is what BUILD_HDR_MAX says. */
static void test_largest_header(void **state)
{
	struct tcpopt_out opt = {.has_ts = true, .nb_sack = 3};
	struct vector v = {.family = IP_V6, .vlan = 1, .opt = &opt};
	struct out o = vector_out(&v);
	struct test_buf t;
	struct buf *b = payload_buf(&t, NULL, 0);

	(void)state;
	assert_int_equal(tcpopt_size(&opt), 40);
	build_tcp(b, &o);
	assert_int_equal(b->len, BUILD_HDR_MAX);
	assert_ptr_equal(b->data, t.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_payload_sum_is_reused),
	    cmocka_unit_test(test_offload),
	    cmocka_unit_test(test_addresses_inside_the_frame),
	    cmocka_unit_test(test_random_round_trip),
	    cmocka_unit_test(test_writes_headers_only),
	    cmocka_unit_test(test_largest_header),
	};

	return cmocka_run_group_tests_name("build", tests, NULL, NULL);
}
