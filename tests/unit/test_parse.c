/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames to segments, with every frame at the very end of readable memory: one
 * line per drop reason and boundary. The frames come from tests/lib, which shares
 * no code with the parser. test_parse_bounds.c goes on where this ends.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>

#include "tests/lib/frame_sum.h"
#include "tests/unit/guard.h"
#include "tests/unit/parse_frames.h"

struct edit {
	uint16_t at; /* byte of the frame, 0: no edit (byte 0 has cases of its own) */
	uint8_t value;
};

struct parse_case {
	const char *name;
	enum base base;
	enum parse_result want;
	struct frame_harm harm;
	struct edit edits[4];
	uint32_t rx_flags; /* what the port claims to have verified */
	bool resum;	   /* the IPv4 header's sum is made right after the edits */
};

#define EDITS(...) .edits = {__VA_ARGS__}

/* clang-format off */
static const struct parse_case cases[] = {
	{"tcp over ipv4", V4, .want = PARSE_TCP},
	{"tcp over ipv6", V6, .want = PARSE_TCP},
	{"tcp over ipv4, tagged", V4_VLAN, .want = PARSE_TCP},
	{"tcp over ipv6, tagged", V6_VLAN, .want = PARSE_TCP},
	{"tcp options", V4_OPTS, .want = PARSE_TCP},
	{"arp", ARP, .want = PARSE_ARP},
	{"icmp", PING4, .want = PARSE_ICMP4},
	{"icmpv6", PING6, .want = PARSE_ICMP6},

	{"another station", V4, .want = PARSE_NOT_OURS_L2, EDITS({5, 0x77})},
	{"another station by its first byte", V4, .want = PARSE_NOT_OURS_L2, EDITS({1, 0x80})},
	{"another station's arp", ARP, .want = PARSE_NOT_OURS_L2, EDITS({5, 0x77})},
	{"experimental ethertype", V4, .want = PARSE_UNKNOWN_ETHERTYPE,
	 .harm = {.ethertype = true}},
	{"length instead of a type", V4, .want = PARSE_UNKNOWN_ETHERTYPE, EDITS({12, 0}, {13, 46})},
	{"experimental type in a vlan", V4_VLAN, .want = PARSE_UNKNOWN_ETHERTYPE,
	 .harm = {.ethertype = true}},
	{"vlan in a vlan", V4_VLAN, .want = PARSE_UNKNOWN_ETHERTYPE, EDITS({16, 0x81}, {17, 0x00})},
	{"service tag", V4_VLAN, .want = PARSE_UNKNOWN_ETHERTYPE, EDITS({12, 0x88}, {13, 0xa8})},
	{"vlan priority is no part of the id", V4_VLAN, .want = PARSE_TCP, EDITS({14, 0xf0})},

	{"ipv4 version 5", V4, .want = PARSE_BAD_IP_VERSION, .harm = {.ip_version = 5}},
	{"ipv4 version 6", V4, .want = PARSE_BAD_IP_VERSION, .harm = {.ip_version = 6}},
	{"ipv4 header of 16 bytes", V4, .want = PARSE_TOO_SHORT, EDITS({IP4, 0x44})},
	{"ipv4 header of 0 bytes", V4, .want = PARSE_TOO_SHORT, EDITS({IP4, 0x40})},
	{"ipv4 with 4 bytes of options", V4, .want = PARSE_TCP, .harm = {.ip_option_words = 1}},
	{"ipv4 with 40 bytes of options", V4, .want = PARSE_TCP, .harm = {.ip_option_words = 10}},
	{"tagged ipv4 with options", V4_VLAN, .want = PARSE_TCP, .harm = {.ip_option_words = 10}},
	{"icmp with options", PING4, .want = PARSE_ICMP4, .harm = {.ip_option_words = 10}},
	{"ipv4 header longer than the packet", V4, .want = PARSE_TOO_SHORT,
	 EDITS({IP4 + 2, 0}, {IP4 + 3, 19})},
	{"ipv4 packet of its header only", V4, .want = PARSE_TOO_SHORT,
	 EDITS({IP4 + 2, 0}, {IP4 + 3, 20}),
	 .resum = true},
	{"ipv4 length 0", V4, .want = PARSE_TOO_SHORT, EDITS({IP4 + 2, 0}, {IP4 + 3, 0})},
	{"ipv4 length one more than there is", V4, .want = PARSE_TOO_SHORT, .harm = {.ip_len = 1}},
	{"ipv4 length 65535", V4, .want = PARSE_TOO_SHORT, EDITS({IP4 + 2, 0xff}, {IP4 + 3, 0xff})},
	{"ipv4 sum wrong", V4, .want = PARSE_BAD_IP_CSUM, .harm = {.ip_csum = true}},
	{"ipv4 sum wrong, verified by the port", V4, .want = PARSE_TCP, .harm = {.ip_csum = true},
	 .rx_flags = BUF_RX_IP_CSUM_OK},
	{"ipv4 sum wrong, the port agrees", V4, .want = PARSE_BAD_IP_CSUM,
	 .harm = {.ip_csum = true},
	 .rx_flags = BUF_RX_CSUM_BAD},
	{"sums right, the port errs", V4, .want = PARSE_TCP, .rx_flags = BUF_RX_CSUM_BAD},
	{"ipv4 sum covers options", V4, .want = PARSE_BAD_IP_CSUM, .harm = {.ip_option_words = 2},
	 EDITS({36, 0x07})},
	{"loose source route", V4, .want = PARSE_SOURCE_ROUTE, .harm = {.ip_option_words = 3},
	 EDITS({34, 131}, {35, 11}, {36, 4}), .resum = true},
	{"strict source route behind others", V4, .want = PARSE_SOURCE_ROUTE,
	 .harm = {.ip_option_words = 5}, EDITS({36, 7}, {37, 7}, {43, 137}, {44, 7}),
	 .resum = true},
	{"source route behind the end", V4, .want = PARSE_TCP, .harm = {.ip_option_words = 2},
	 EDITS({34, 0}, {35, 131}, {36, 7}), .resum = true},
	{"record route", V4, .want = PARSE_TCP, .harm = {.ip_option_words = 2},
	 EDITS({34, 7}, {35, 7}, {36, 4}), .resum = true},
	{"ip option of no length", V4, .want = PARSE_TCP, .harm = {.ip_option_words = 2},
	 EDITS({34, 7}, {35, 0}), .resum = true},
	{"ip option cut", V4, .want = PARSE_TCP, .harm = {.ip_option_words = 1},
	 EDITS({37, 68}), .resum = true},
	{"don't fragment", V4, .want = PARSE_TCP, .harm = {.has_frag = true, .frag = 0x4000}},
	{"no fragment flag at all", V4, .want = PARSE_TCP, .harm = {.has_frag = true, .frag = 0}},
	{"evil bit", V4, .want = PARSE_TCP, .harm = {.has_frag = true, .frag = 0x8000}},
	{"first fragment", V4, .want = PARSE_FRAGMENT, .harm = {.has_frag = true, .frag = 0x2000}},
	{"last fragment", V4, .want = PARSE_FRAGMENT, .harm = {.has_frag = true, .frag = 0x0001}},
	{"fragment far behind", V4, .want = PARSE_FRAGMENT,
	 .harm = {.has_frag = true, .frag = 0x1fff}},
	{"fragment of a ping", PING4, .want = PARSE_FRAGMENT,
	 .harm = {.has_frag = true, .frag = 0x2000}},
	{"udp", V4, .want = PARSE_UNKNOWN_PROTOCOL, EDITS({IP4 + 9, 17}), .resum = true},
	{"icmpv6 over ipv4", V4, .want = PARSE_UNKNOWN_PROTOCOL, EDITS({IP4 + 9, 58}),
	 .resum = true},

	{"from 0.0.0.0", V4, .want = PARSE_BAD_SOURCE, EDITS({26, 0}, {27, 0}, {28, 0}, {29, 0}),
	 .resum = true},
	{"from 0.1.2.3", V4, .want = PARSE_BAD_SOURCE, EDITS({26, 0}), .resum = true},
	{"from 127.0.0.1", V4, .want = PARSE_BAD_SOURCE, EDITS({26, 127}), .resum = true},
	{"from 126.255.255.255", V4, .want = PARSE_BAD_TCP_CSUM, EDITS({26, 126}), .resum = true},
	{"from 223.255.255.255", V4, .want = PARSE_BAD_TCP_CSUM, EDITS({26, 223}), .resum = true},
	{"from 224.0.0.1", V4, .want = PARSE_BAD_SOURCE, EDITS({26, 224}), .resum = true},
	{"from 255.255.255.255", V4, .want = PARSE_BAD_SOURCE,
	 EDITS({26, 255}, {27, 255}, {28, 255}, {29, 255}),
	 .resum = true},
	{"ping from a group", PING4, .want = PARSE_BAD_SOURCE, EDITS({26, 239}), .resum = true},

	{"ipv6 version 4", V6, .want = PARSE_BAD_IP_VERSION, .harm = {.ip_version = 4}},
	{"ipv6 version 7", V6, .want = PARSE_BAD_IP_VERSION, .harm = {.ip_version = 7}},
	{"ipv6 length one more than there is", V6, .want = PARSE_TOO_SHORT, .harm = {.ip_len = 1}},
	{"ipv6 length 0", V6, .want = PARSE_TOO_SHORT, EDITS({IP6 + 4, 0}, {IP6 + 5, 0})},
	{"ipv6 length 65535", V6, .want = PARSE_TOO_SHORT, EDITS({IP6 + 4, 0xff}, {IP6 + 5, 0xff})},
	{"ipv6 no next header", V6, .want = PARSE_UNKNOWN_PROTOCOL, EDITS({IP6 + 6, 59})},
	{"ipv6 udp", V6, .want = PARSE_UNKNOWN_PROTOCOL, EDITS({IP6 + 6, 17})},
	{"icmp over ipv6", V6, .want = PARSE_UNKNOWN_PROTOCOL, EDITS({IP6 + 6, 1})},
	{"hop-by-hop options", V6, .want = PARSE_TCP, .harm = {.ext = true, .ext_header = 0}},
	{"destination options", V6, .want = PARSE_TCP, .harm = {.ext = true, .ext_header = 60}},
	{"routing header, nothing left", V6, .want = PARSE_TCP,
	 .harm = {.ext = true, .ext_header = 43}},
	{"routing header, one hop left", V6, .want = PARSE_UNKNOWN_PROTOCOL,
	 .harm = {.ext = true, .ext_header = 43},
	 EDITS({57, 1})},
	{"options in a vlan", V6_VLAN, .want = PARSE_TCP, .harm = {.ext = true, .ext_header = 60}},
	{"options before icmpv6", PING6, .want = PARSE_ICMP6,
	 .harm = {.ext = true, .ext_header = 0}},
	{"ipv6 fragment", V6, .want = PARSE_FRAGMENT, .harm = {.has_frag = true, .frag = 0x0001}},
	{"ipv6 atomic fragment", V6, .want = PARSE_FRAGMENT,
	 .harm = {.has_frag = true, .frag = 0x0000}},
	{"ipv6 fragment behind options", V6, .want = PARSE_FRAGMENT,
	 .harm = {.ext = true, .ext_header = 60, .has_frag = true, .frag = 0x0001}},
	{"fragment of a fragment", V6, .want = PARSE_TOO_SHORT,
	 .harm = {.has_frag = true, .frag = 0x0001}, EDITS({IP6 + 40, 44})},
	{"authentication header", V6, .want = PARSE_UNKNOWN_PROTOCOL,
	 .harm = {.ext = true, .ext_header = 51}},
	{"encrypted", V6, .want = PARSE_UNKNOWN_PROTOCOL, .harm = {.ext = true, .ext_header = 50}},
	{"extension header beyond the packet", V6, .want = PARSE_TOO_SHORT,
	 .harm = {.ext = true, .ext_header = 60},
	 EDITS({55, 255})},
	{"extension header to the last byte", V6, .want = PARSE_TOO_SHORT,
	 .harm = {.ext = true, .ext_header = 60},
	 EDITS({55, 7})},
	{"from ::", V6, .want = PARSE_BAD_SOURCE,
	 EDITS({22, 0}, {23, 0}, {24, 0}, {25, 0}), .resum = true},
	{"from ff02::7", V6, .want = PARSE_BAD_SOURCE, EDITS({22, 0xff}, {23, 0x02})},
	{"ping from ff02::7", PING6, .want = PARSE_BAD_SOURCE, EDITS({22, 0xff}, {23, 0x02})},

	{"tcp offset 4", V4, .want = PARSE_BAD_TCP_OFFSET, .harm = {.data_offset = 4}},
	{"tcp offset 1", V4, .want = PARSE_BAD_TCP_OFFSET, .harm = {.data_offset = 1}},
	{"tcp offset 0", V4, .want = PARSE_BAD_TCP_OFFSET, EDITS({TCP4 + 12, 0x00})},
	{"tcp offset beyond the segment", V4, .want = PARSE_BAD_TCP_OFFSET,
	 .harm = {.data_offset = 15}},
	{"tcp offset to the last word", V4, .want = PARSE_TCP, .harm = {.data_offset = 14}},
	{"tcp offset over ipv6", V6, .want = PARSE_BAD_TCP_OFFSET, .harm = {.data_offset = 15}},
	{"tcp sum wrong", V4, .want = PARSE_BAD_TCP_CSUM, .harm = {.l4_csum = true}},
	{"tcp sum wrong over ipv6", V6, .want = PARSE_BAD_TCP_CSUM, .harm = {.l4_csum = true}},
	{"tcp sum wrong, verified by the port", V4, .want = PARSE_TCP, .harm = {.l4_csum = true},
	 .rx_flags = BUF_RX_L4_CSUM_OK},
	{"tcp sum wrong, the port agrees", V4, .want = PARSE_BAD_TCP_CSUM,
	 .harm = {.l4_csum = true},
	 .rx_flags = BUF_RX_CSUM_BAD | BUF_RX_IP_CSUM_OK},
	{"payload damaged", V4, .want = PARSE_BAD_TCP_CSUM, EDITS({TCP4 + 20, 'z'})},
	{"last byte damaged", V4, .want = PARSE_BAD_TCP_CSUM,
	 EDITS({TCP4 + 20 + PAYLOAD_LEN - 1, 'z'})},
	{"options damaged", V4_OPTS, .want = PARSE_BAD_TCP_CSUM, EDITS({TCP4 + 24, 'z'})},
	{"other destination, same segment", V4, .want = PARSE_BAD_TCP_CSUM, EDITS({33, 9}),
	 .resum = true},
	{"other destination over ipv6", V6, .want = PARSE_BAD_TCP_CSUM, EDITS({53, 9})},
	{"reserved tcp bits", V4, .want = PARSE_TCP, .harm = {.l4_csum = true},
	 EDITS({TCP4 + 12, 0x5e}),
	 .rx_flags = BUF_RX_L4_CSUM_OK},

	{"icmp sum wrong", PING4, .want = PARSE_BAD_ICMP_CSUM, .harm = {.l4_csum = true}},
	{"icmpv6 sum wrong", PING6, .want = PARSE_BAD_ICMP_CSUM, .harm = {.l4_csum = true}},
	{"icmp sum is never left to the port", PING4, .want = PARSE_BAD_ICMP_CSUM,
	 .harm = {.l4_csum = true},
	 .rx_flags = BUF_RX_L4_CSUM_OK | BUF_RX_IP_CSUM_OK},
	{"icmpv6 sum covers the addresses", PING6, .want = PARSE_BAD_ICMP_CSUM, EDITS({53, 9})},
	{"icmp of 7 bytes", PING4, .want = PARSE_TOO_SHORT, EDITS({IP4 + 2, 0}, {IP4 + 3, 27}),
	 .resum = true},
	{"icmpv6 of 7 bytes", PING6, .want = PARSE_TOO_SHORT, EDITS({IP6 + 4, 0}, {IP6 + 5, 7})},

	{"padded by the link", V4, .want = PARSE_TCP, .harm = {.pad = 6}},
	{"padded a lot", V6, .want = PARSE_TCP, .harm = {.pad = 700}},
	{"tcp header of 19 bytes", V4, .want = PARSE_TOO_SHORT, EDITS({IP4 + 2, 0}, {IP4 + 3, 39}),
	 .resum = true},
	{"tcp header of 19 bytes over ipv6", V6, .want = PARSE_TOO_SHORT,
	 EDITS({IP6 + 4, 0}, {IP6 + 5, 19})},
};
/* clang-format on */

static void ipv4_resum(uint8_t *ip)
{
	uint32_t sum;

	ip[10] = ip[11] = 0;
	sum = ~frame_sum(0, ip, (ip[0] & 15) * 4u);
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

static void check_case(const struct guard *g, const struct parse_case *c)
{
	struct frame f = base_frame(c->base);
	uint8_t bytes[FRAME_MAX];
	enum parse_result r;
	struct buf b;
	struct seg s;
	uint32_t len;

	f.harm = c->harm;
	len = frame_build(bytes, &f);
	if (c->base == V6 && c->resum) /* the whole source address becomes :: */
		memset(bytes + 22, 0, 16);
	for (size_t i = 0; i < ARRAY_SIZE(c->edits); i++)
		if (c->edits[i].at)
			bytes[c->edits[i].at] = c->edits[i].value;
	if (c->resum && c->base != V6)
		ipv4_resum(bytes + IP4);
	b = frame_buf(guard_place(g, bytes, len), len, c->rx_flags);
	memset(&s, 0xee, sizeof(s));
	r = parse_frame(&b, our_mac, &s);
	if (r != c->want)
		fail_msg("%s: result %d instead of %d", c->name, (int)r, (int)c->want);
	check_lengths(&b, &s, r);
}

static void test_cases(void **state)
{
	struct guard g;

	(void)state;
	guard_init(&g, FRAME_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_case(&g, &cases[i]);
	guard_fini(&g);
}

/* Every drop reason is reached by some case. */
static void test_cases_are_complete(void **state)
{
	(void)state;
	for (int r = PARSE_TCP; r <= PARSE_BAD_SOURCE; r++) {
		bool seen = false;

		for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
			seen |= (int)cases[i].want == r;
		if (!seen)
			fail_msg("no case for result %d", r);
	}
}

/* What the segment says, field by field. */
static void test_fields(void **state)
{
	static const enum base bases[] = {V4, V6, V4_VLAN, V6_VLAN, V4_OPTS};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		struct frame f = base_frame(bases[i]);
		uint32_t alen = f.saddr.family == IP_V4 ? 4 : 16, len;
		uint8_t bytes[FRAME_MAX];
		struct buf b;
		struct seg s;

		f.harm.pad = 3;
		len = frame_build(bytes, &f);
		b = frame_buf(bytes, len, 0);
		memset(&s, 0xee, sizeof(s));
		assert_int_equal(parse_frame(&b, our_mac, &s), PARSE_TCP);
		assert_int_equal(b.len, len - 3);
		assert_int_equal(s.family, f.saddr.family);
		assert_memory_equal(s.src, f.saddr.bytes, alen);
		assert_memory_equal(s.dst, f.daddr.bytes, alen);
		assert_int_equal(ntohs(s.sport_be), f.tcp.sport);
		assert_int_equal(ntohs(s.dport_be), f.tcp.dport);
		assert_int_equal(s.seq, f.tcp.seq);
		assert_int_equal(s.ack, f.tcp.ack);
		assert_int_equal(s.wnd, f.tcp.wnd);
		assert_int_equal(s.urp, f.tcp.urp);
		assert_int_equal(s.flags, f.tcp.flags);
		assert_int_equal(s.tos, f.tos);
		assert_int_equal(s.ttl, f.ttl);
		assert_int_equal(s.vlan, f.vlan);
		assert_false(s.multicast);
		assert_int_equal(s.payload_len, PAYLOAD_LEN);
		assert_memory_equal(s.payload, payload, PAYLOAD_LEN);
		assert_int_equal(seg_len(&s), PAYLOAD_LEN);
		assert_true(s.csum_known);
		assert_int_equal(ntohs((uint16_t)s.payload_csum),
				 frame_sum(0, payload, PAYLOAD_LEN));
		assert_int_equal(s.opt.seen, bases[i] == V4_OPTS ? TCPOPT_HAS_TS : 0);
		if (bases[i] == V4_OPTS)
			assert_true(s.opt.tsval == 5 && s.opt.tsecr == 6);
	}
}

static void test_port_that_verifies_leaves_the_sum_unknown(void **state)
{
	struct frame f = base_frame(V4);
	uint8_t bytes[FRAME_MAX];
	struct buf b = frame_buf(bytes, frame_build(bytes, &f), BUF_RX_L4_CSUM_OK);
	struct seg s;

	(void)state;
	assert_int_equal(parse_frame(&b, our_mac, &s), PARSE_TCP);
	assert_false(s.csum_known);
}

static void test_seg_len_counts_syn_and_fin(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags < 256; flags++) {
		struct frame f = base_frame(V4);
		uint8_t bytes[FRAME_MAX];
		struct buf b;
		struct seg s;

		f.tcp.flags = (uint8_t)flags;
		b = frame_buf(bytes, frame_build(bytes, &f), 0);
		assert_int_equal(parse_frame(&b, our_mac, &s), PARSE_TCP);
		assert_int_equal(s.flags, flags);
		assert_int_equal(seg_len(&s), PAYLOAD_LEN + !!(flags & FRAME_SYN) +
						  !!(flags & FRAME_FIN));
	}
}

/* Group addresses are for whoever takes them; who that is, is said above. */
static void test_group_addresses(void **state)
{
	static const uint8_t groups[][6] = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
					    {0x33, 0x33, 0, 0, 0, 1},
					    {0x01, 0x00, 0x5e, 0, 0, 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		struct frame f = base_frame(V4);
		uint8_t bytes[FRAME_MAX];
		struct buf b;
		struct seg s;

		memcpy(f.dst, groups[i], 6);
		b = frame_buf(bytes, frame_build(bytes, &f), 0);
		assert_int_equal(parse_frame(&b, our_mac, &s), PARSE_TCP);
		assert_true(s.multicast);
	}
}

/* An unspecified source is right in duplicate address detection and nowhere else. */
static void test_unspecified_ipv6_source(void **state)
{
	struct frame f = base_frame(PING6);
	uint8_t bytes[FRAME_MAX];
	struct buf b;
	struct seg s;

	(void)state;
	memset(f.saddr.bytes, 0, 16);
	b = frame_buf(bytes, frame_build(bytes, &f), 0);
	assert_int_equal(parse_frame(&b, our_mac, &s), PARSE_ICMP6);
	f.saddr.bytes[15] = 1; /* loopback */
	b = frame_buf(bytes, frame_build(bytes, &f), 0);
	assert_int_equal(parse_frame(&b, our_mac, &s), PARSE_BAD_SOURCE);
}

static void test_vlan_id(void **state)
{
	static const uint16_t tags[] = {0x0064, 0x2064, 0x1064, 0xf064,
					0x0fff, 0xffff, 0x0000, 0xe000};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		struct frame f = base_frame(V4_VLAN);
		uint8_t bytes[FRAME_MAX];
		struct buf b;
		struct seg s;

		b = frame_buf(bytes, frame_build(bytes, &f), 0);
		bytes[14] = (uint8_t)(tags[i] >> 8);
		bytes[15] = (uint8_t)tags[i];
		assert_int_equal(parse_frame(&b, our_mac, &s), PARSE_TCP);
		assert_int_equal(s.vlan, tags[i] % 4096);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_cases_are_complete),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_port_that_verifies_leaves_the_sum_unknown),
	    cmocka_unit_test(test_seg_len_counts_syn_and_fin),
	    cmocka_unit_test(test_group_addresses),
	    cmocka_unit_test(test_unspecified_ipv6_source),
	    cmocka_unit_test(test_vlan_id),
	};

	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
