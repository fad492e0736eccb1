/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a received frame. Nothing beyond them may be read, and what is
 * taken must be what it seems: lengths that agree, sums that verify, no sense in
 * it that changes with padding and none left when a byte is missing.
 *
 * Input: a byte of options (enum how), then the frame.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/wire/parse.h"
#include "tests/lib/frame_sum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum how {
	IP_CSUM_OK = 1,	 /* the port has verified it */
	L4_CSUM_OK = 2,
	OUR_MAC = 4,	 /* the destination address is made ours */
	RIGHT_IP_SUM = 8, /* the IPv4 sum is made right */
	RIGHT_L4_SUM = 16, /* and that of TCP or ICMP */
};

#define PAD 9

static const uint8_t our_mac[6] = {0x02, 0x00, 0x5e, 0x10, 0x00, 0x00};

static void must(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static uint32_t load16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static void store_sum(uint8_t *p, uint32_t sum)
{
	p[0] = (uint8_t)(~sum >> 8);
	p[1] = (uint8_t)~sum;
}

static uint32_t l3_offset(const uint8_t *f, uint32_t len)
{
	return len >= 18 && load16(f + 12) == 0x8100 ? 18 : 14;
}

/* Sum of a transport header and payload with their pseudo-header; `field` is
 * where the checksum lies in it. */
static uint32_t transport_sum(const uint8_t *ip, const uint8_t *l4, uint32_t len, uint8_t proto)
{
	struct ipaddr src = {.family = ip[0] >> 4 == 4 ? IP_V4 : IP_V6}, dst = src;
	uint32_t n = src.family == IP_V4 ? 4 : 16, at = src.family == IP_V4 ? 12 : 8;

	memcpy(src.bytes, ip + at, n);
	memcpy(dst.bytes, ip + at + n, n);
	return frame_sum(proto == 1 ? 0 : frame_sum_pseudo(&src, &dst, proto, len), l4, len);
}

static void right_l4_sum(uint8_t *ip, uint8_t *l4, uint32_t len, uint8_t proto)
{
	uint32_t field = proto == 6 ? 16 : 2;

	if ((proto != 6 && proto != 1 && proto != 58) || len < field + 2)
		return;
	l4[field] = l4[field + 1] = 0;
	store_sum(l4 + field, transport_sum(ip, l4, len, proto));
}

/* Makes sums right as far as there is something to sum. */
static void right_sums(uint8_t *f, uint32_t len, uint8_t how)
{
	uint32_t off = l3_offset(f, len), hlen, total;
	uint8_t *ip = f + off;

	if (len >= off + 40 && ip[0] >> 4 == 6) {
		total = load16(ip + 4);
		if ((how & RIGHT_L4_SUM) && total <= len - off - 40)
			right_l4_sum(ip, ip + 40, total, ip[6]);
		return;
	}
	if (len < off + 20 || ip[0] >> 4 != 4)
		return;
	hlen = (ip[0] & 15) * 4u;
	total = load16(ip + 2);
	if (hlen < 20 || total < hlen || total > len - off)
		return;
	if (how & RIGHT_IP_SUM) {
		ip[10] = ip[11] = 0;
		store_sum(ip + 10, frame_sum(0, ip, hlen));
	}
	if (how & RIGHT_L4_SUM)
		right_l4_sum(ip, ip + hlen, total - hlen, ip[9]);
}

static enum parse_result parse(uint8_t *f, uint32_t len, uint8_t how, struct buf *b,
			       struct seg *s)
{
	*b = (struct buf){.data = f,
			  .len = len,
			  .flags = (how & IP_CSUM_OK ? BUF_RX_IP_CSUM_OK : 0) |
				   (how & L4_CSUM_OK ? BUF_RX_L4_CSUM_OK : 0)};
	return parse_frame(b, our_mac, s);
}

static void check_taken(const uint8_t *f, const struct buf *b, const struct seg *s,
			enum parse_result r, uint8_t how)
{
	const uint8_t *ip = f + s->l3_off, *l4 = f + s->l4_off, *end = f + b->len;
	uint8_t proto = r == PARSE_TCP ? 6 : r == PARSE_ICMP4 ? 1 : 58;

	must(s->l4_off >= s->l3_off + (s->family == IP_V4 ? 20 : 40) && l4 <= end,
	     "header offsets");
	must(s->payload >= l4 && s->payload + s->payload_len == end, "payload and frame end apart");
	if (s->family == IP_V4) {
		must(!(load16(ip + 6) & 0x3fff), "a fragment was taken");
		must((how & IP_CSUM_OK) || frame_sum(0, ip, (ip[0] & 15) * 4u) == 0xffff,
		     "a wrong IPv4 sum was taken");
	}
	must((r == PARSE_TCP && (how & L4_CSUM_OK)) ||
		 transport_sum(ip, l4, (uint32_t)(end - l4), proto) == 0xffff,
	     "a wrong transport sum was taken");
	if (r != PARSE_TCP)
		return;
	must(s->payload == l4 + (l4[12] >> 4) * 4, "TCP header length");
	must(s->seq == (load16(l4 + 4) << 16 | load16(l4 + 6)), "sequence number");
	must(s->wnd == load16(l4 + 14) && s->flags == l4[13], "window or flags");
	if (s->csum_known)
		must(__builtin_bswap16((uint16_t)s->payload_csum) ==
			 frame_sum(0, s->payload, s->payload_len),
		     "payload sum");
}

/* A copy of `len` bytes of the frame with nothing readable behind them. */
static uint8_t *copy(const uint8_t *f, uint32_t len, uint32_t more)
{
	uint8_t *p = malloc(len + more ? len + more : 1);

	must(p, "no memory");
	memcpy(p, f, len);
	memset(p + len, 0x5a, more);
	return p;
}

/* The frame as the link may have changed it: padded, or one byte lost. */
static void check_variants(const uint8_t *f, uint32_t len, enum parse_result r, uint8_t how)
{
	uint8_t *padded = copy(f, len, PAD), *cut = copy(f, len - 1, 0);
	struct buf b;
	struct seg s;

	must(parse(padded, len + PAD, how, &b, &s) == r && b.len == len,
	     "padding changes what a frame is");
	must(parse(cut, len - 1, how, &b, &s) == PARSE_TOO_SHORT, "a byte less is not missed");
	free(padded);
	free(cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum parse_result r;
	uint8_t *f, how;
	struct buf b;
	struct seg s;
	uint32_t len;

	if (size < 1 || size > 4096)
		return 0;
	how = data[0];
	len = (uint32_t)size - 1;
	f = copy(data + 1, len, 0);
	if ((how & OUR_MAC) && len >= 6)
		memcpy(f, our_mac, 6);
	right_sums(f, len, how);
	r = parse(f, len, how, &b, &s);
	must(r <= PARSE_BAD_SOURCE && b.len <= len, "no result at all");
	if (r == PARSE_TCP || r == PARSE_ICMP4 || r == PARSE_ICMP6) {
		check_taken(f, &b, &s, r, how);
		check_variants(f, b.len, r, how);
	}
	free(f);
	return 0;
}
