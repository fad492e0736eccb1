/* SPDX-License-Identifier: BSD-3-Clause */
/* What a router does to a packet. See hop.h. Links are untagged Ethernet. */
#include "tests/lib/frame.h"
#include "tests/lib/frame_sum.h"
#include "tests/sim/hop.h"

#define L2         14
#define ECN_MASK   3
#define ECN_CE     3
#define QUOTE_MAX4 (20 + 8) /* RFC 792 asks for no more */
#define QUOTE_MAX6 (1280 - 40 - 8)

static uint32_t load16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static void store16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static bool is_v4(const struct buf *b)
{
	return load16(b->data + 12) == 0x0800;
}

static bool is_v6(const struct buf *b)
{
	return load16(b->data + 12) == 0x86dd;
}

uint32_t hop_packet_len(const struct buf *b)
{
	if (is_v4(b))
		return load16(b->data + L2 + 2);
	return is_v6(b) ? 40 + load16(b->data + L2 + 4) : 0;
}

bool hop_may_cut(const struct buf *b)
{
	return is_v4(b) && !(b->data[L2 + 6] & 0x40);
}

static void mark4(uint8_t *ip)
{
	ip[1] |= ECN_CE;
	store16(ip + 10, 0);
	store16(ip + 10, ~frame_sum(0, ip, (ip[0] & 15) * 4u) & 0xffff);
}

bool hop_mark(struct buf *b)
{
	uint8_t *ip = b->data + L2;
	uint8_t ecn = is_v4(b) ? ip[1] & ECN_MASK : is_v6(b) ? ip[1] >> 4 & ECN_MASK : 0;

	if (ecn == 0 || ecn == ECN_CE)
		return false;
	if (is_v4(b))
		mark4(ip);
	else
		ip[1] |= ECN_CE << 4;
	return true;
}

void hop_report(struct buf *out, const struct buf *b, uint32_t mtu)
{
	static const uint8_t router4[4] = {203, 0, 113, 1};
	static const uint8_t router6[16] = {0x20, 0x01, 0x0d, 0xb8, 0xff, [15] = 1};
	bool v4 = is_v4(b), known;
	uint32_t len = hop_packet_len(b);
	const uint8_t *ip = b->data + L2;
	uint8_t frame[FRAME_MAX];
	struct frame f = {.kind = FRAME_ICMP,
			  .ttl = 64,
			  .proto = v4 ? 1 : 58,
			  .payload = ip,
			  .payload_len = MIN(len, v4 ? QUOTE_MAX4 : QUOTE_MAX6)};

	memcpy(f.dst, b->data + 6, 6);
	memcpy(f.src, b->data, 6);
	f.saddr.family = f.daddr.family = v4 ? IP_V4 : IP_V6;
	memcpy(f.saddr.bytes, v4 ? router4 : router6, v4 ? 4 : 16);
	memcpy(f.daddr.bytes, ip + (v4 ? 12 : 8), v4 ? 4 : 16);
	f.icmp = frame_icmp_error(f.saddr.family, "too_big", mtu, &known);
	out->len = frame_build(frame, &f);
	memcpy(out->data, frame, out->len);
}
