/* SPDX-License-Identifier: BSD-3-Clause */
/* What both tests of the parser start from: right frames, one of each kind, and
 * what must hold of every frame that is taken. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/wire/parse.h"
#include "tests/lib/frame.h"

static const uint8_t our_mac[6] = {0x02, 0x00, 0x5e, 0x00, 0x53, 0x01};
static const uint8_t peer_mac[6] = {0x02, 0x00, 0x5e, 0x00, 0x53, 0x02};
static const uint8_t payload[] = "seven words of payload, 39 bytes of it.";
#define PAYLOAD_LEN (sizeof(payload) - 1)
static_assert(PAYLOAD_LEN % 2 == 1, "an odd length exercises the padded sum");

/* The kinds of frames. */
enum base { V4, V6, V4_VLAN, V6_VLAN, V4_OPTS, ARP, PING4, PING6, NB_BASES };

#define IP4  14 /* offsets of headers in untagged frames */
#define IP6  14
#define TCP4 34
#define TCP6 54

static inline struct frame base_frame(enum base base)
{
	bool v6 = base == V6 || base == V6_VLAN || base == PING6;
	struct frame f = {
	    .kind = base == ARP ? FRAME_ARP : base >= PING4 ? FRAME_ICMP : FRAME_TCP,
	    .vlan = base == V4_VLAN || base == V6_VLAN ? 100 : 0,
	    .saddr = {.family = v6 ? IP_V6 : IP_V4, .bytes = {192, 0, 2, 7}},
	    .daddr = {.family = v6 ? IP_V6 : IP_V4, .bytes = {192, 0, 2, 1}},
	    .ttl = 61,
	    .tos = 0xb9,
	    .proto = base < ARP ? 6 : v6 ? 58 : 1,
	    .tcp = {.sport = 51234, .dport = 443, .seq = 0xfedcba98, .ack = 0x89abcdef,
		    .wnd = 65000, .urp = 17, .flags = FRAME_ACK | FRAME_PSH},
	    .icmp = {v6 ? 128 : 8, 0, 0x12340001},
	    .arp = {.op = 1},
	    .payload = payload,
	    .payload_len = PAYLOAD_LEN,
	};

	if (v6) {
		f.saddr = ipaddr_v6("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07");
		f.daddr = ipaddr_v6("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01");
	}
	if (base == V4_OPTS) {
		f.tcp.opts_len = 12;
		memcpy(f.tcp.opts, "\1\1\x08\x0a\0\0\0\5\0\0\0\6", 12);
	}
	memcpy(f.dst, our_mac, 6);
	memcpy(f.src, peer_mac, 6);
	return f;
}

static inline struct buf frame_buf(uint8_t *data, uint32_t len, uint32_t flags)
{
	return (struct buf){.data = data, .len = len, .flags = flags};
}

/* Lengths that agree, whatever came in: nobody above checks them again. */
static inline void check_lengths(const struct buf *b, const struct seg *s, enum parse_result r)
{
	uint32_t l4;

	if (r == PARSE_ARP || r >= PARSE_DROP_FIRST)
		return;
	l4 = s->l4_off;
	assert_true(s->buf == b);
	assert_true(s->l3_off == 14 || s->l3_off == 18);
	assert_true(l4 >= s->l3_off + (s->family == IP_V4 ? 20u : 40u));
	assert_true(s->payload >= b->data + l4);
	assert_true(s->payload + s->payload_len == b->data + b->len);
	assert_true(s->src >= b->data + s->l3_off && s->dst < b->data + l4);
	if (r == PARSE_TCP)
		assert_in_range(s->payload - (b->data + l4), 20, 60);
	else
		assert_true(s->payload == b->data + l4 && s->payload_len >= 8);
}
