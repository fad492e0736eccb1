/* SPDX-License-Identifier: BSD-3-Clause */
/* Builds frames. All arithmetic is on bytes and host-order numbers. */
#include "tests/lib/frame.h"
#include "tests/lib/frame_sum.h"

enum { PROTO_ICMP4 = 1, PROTO_TCP = 6, PROTO_ICMP6 = 58, EXT_FRAGMENT = 44 };

struct writer {
	uint8_t *start, *p;
};

static void put8(struct writer *w, unsigned v)
{
	*w->p++ = (uint8_t)v;
}

static void put16(struct writer *w, unsigned v)
{
	put8(w, v >> 8);
	put8(w, v & 0xff);
}

static void put32(struct writer *w, uint32_t v)
{
	put16(w, v >> 16);
	put16(w, v & 0xffff);
}

static void put_bytes(struct writer *w, const void *src, uint32_t len)
{
	if (len)
		memcpy(w->p, src, len);
	w->p += len;
}

static void store16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put_link(struct writer *w, const struct frame *f)
{
	unsigned type = f->kind == FRAME_ARP ? 0x0806 : f->saddr.family == IP_V4 ? 0x0800 : 0x86dd;

	put_bytes(w, f->dst, 6);
	put_bytes(w, f->src, 6);
	if (f->vlan) {
		put16(w, 0x8100);
		put16(w, f->vlan);
	}
	put16(w, f->harm.ethertype ? 0x88b5 : type);
}

static void put_arp(struct writer *w, const struct frame_arp *a)
{
	put16(w, 1);
	put16(w, 0x0800);
	put8(w, 6);
	put8(w, 4);
	put16(w, a->op);
	put_bytes(w, a->sha, 6);
	put_bytes(w, &a->spa_be, 4);
	put_bytes(w, a->tha, 6);
	put_bytes(w, &a->tpa_be, 4);
}

static uint32_t padded_options(const struct frame *f)
{
	return ALIGN_UP(f->tcp.opts_len, 4u);
}

static uint32_t l4_length(const struct frame *f)
{
	if (f->kind == FRAME_TCP)
		return 20 + padded_options(f) + f->payload_len;
	return (f->kind == FRAME_ICMP ? 8 : 0) + f->payload_len;
}

static void put_tcp(struct writer *w, const struct frame *f)
{
	const struct frame_tcp *t = &f->tcp;
	uint32_t opts = padded_options(f);
	unsigned offset = f->harm.data_offset ? f->harm.data_offset : 5 + opts / 4;

	put16(w, t->sport);
	put16(w, t->dport);
	put32(w, t->seq);
	put32(w, t->ack);
	put8(w, offset << 4);
	put8(w, t->flags);
	put16(w, t->wnd);
	put16(w, 0);
	put16(w, t->urp);
	put_bytes(w, t->opts, t->opts_len);
	for (uint32_t i = t->opts_len; i < opts; i++)
		put8(w, 0);
}

/* The transport header, the payload, and the sum over both. */
static void put_l4(struct writer *w, const struct frame *f)
{
	uint8_t *start = w->p;
	uint32_t sum_at, len, sum = 0;

	if (f->kind == FRAME_TCP) {
		put_tcp(w, f);
		sum_at = 16;
	} else if (f->kind == FRAME_ICMP) {
		put8(w, f->icmp.type);
		put8(w, f->icmp.code);
		put16(w, 0);
		put32(w, f->icmp.rest);
		sum_at = 2;
	} else {
		put_bytes(w, f->payload, f->payload_len);
		return;
	}
	put_bytes(w, f->payload, f->payload_len);
	len = (uint32_t)(w->p - start);
	if (f->kind == FRAME_TCP || f->saddr.family == IP_V6)
		sum = frame_sum_pseudo(&f->saddr, &f->daddr, f->proto, len);
	sum = ~frame_sum(sum, start, len) & 0xffff;
	store16(start + sum_at, sum ^ (f->harm.l4_csum ? 1 : 0));
}

static void put_ipv4(struct writer *w, const struct frame *f)
{
	uint8_t *start = w->p;
	unsigned words = 5u + f->harm.ip_option_words;
	unsigned version = f->harm.ip_version ? f->harm.ip_version : 4;
	uint32_t sum;

	put8(w, version << 4 | words);
	put8(w, f->tos);
	put16(w, (unsigned)((int)(words * 4 + l4_length(f)) + f->harm.ip_len));
	put16(w, 0x1234);
	put16(w, f->harm.has_frag ? f->harm.frag : 0x4000);
	put8(w, f->ttl);
	put8(w, f->proto);
	put16(w, 0);
	put_bytes(w, f->saddr.bytes, 4);
	put_bytes(w, f->daddr.bytes, 4);
	for (unsigned i = 0; i < f->harm.ip_option_words * 4u; i++)
		put8(w, 1);
	sum = ~frame_sum(0, start, (uint32_t)(w->p - start)) & 0xffff;
	store16(start + 10, sum ^ (f->harm.ip_csum ? 1 : 0));
}

static void put_ipv6(struct writer *w, const struct frame *f)
{
	uint32_t extra = (f->harm.ext ? 8 : 0) + (f->harm.has_frag ? 8 : 0);
	unsigned version = f->harm.ip_version ? f->harm.ip_version : 6;
	unsigned inner = f->harm.has_frag ? EXT_FRAGMENT : f->proto;

	put32(w, (uint32_t)version << 28 | (uint32_t)f->tos << 20);
	put16(w, (unsigned)((int)(extra + l4_length(f)) + f->harm.ip_len));
	put8(w, f->harm.ext ? f->harm.ext_header : inner);
	put8(w, f->ttl);
	put_bytes(w, f->saddr.bytes, 16);
	put_bytes(w, f->daddr.bytes, 16);
	if (f->harm.ext) {
		put8(w, inner);
		put8(w, 0);
		put16(w, 0x0104); /* PadN of 4 bytes; for a routing header: nothing left */
		put32(w, 0);
		if (f->harm.ext_header == 43)
			store16(w->p - 6, 0);
	}
	if (f->harm.has_frag) {
		put16(w, (unsigned)f->proto << 8);
		put16(w, f->harm.frag);
		put32(w, 0x01020304);
	}
}

uint32_t frame_build(uint8_t *out, const struct frame *f)
{
	struct writer w = {out, out};

	put_link(&w, f);
	if (f->kind == FRAME_ARP) {
		put_arp(&w, &f->arp);
	} else {
		if (f->saddr.family == IP_V4)
			put_ipv4(&w, f);
		else
			put_ipv6(&w, f);
		put_l4(&w, f);
	}
	for (unsigned i = 0; i < f->harm.pad; i++)
		put8(&w, 0xa5);
	return (uint32_t)(w.p - w.start) - MIN(f->harm.cut, (uint32_t)(w.p - w.start));
}

struct frame_icmp frame_icmp_error(uint8_t family, const char *what, uint32_t mtu, bool *known)
{
	static const struct {
		const char *what;
		uint8_t type4, code4, type6, code6;
	} kinds[] = {
	    {"net_unreachable", 3, 0, 1, 0},    {"host_unreachable", 3, 1, 1, 3},
	    {"proto_unreachable", 3, 2, 4, 1},  {"port_unreachable", 3, 3, 1, 4},
	    {"admin_prohibited", 3, 13, 1, 1},  {"too_big", 3, 4, 2, 0},
	    {"source_quench", 4, 0, 100, 0},    {"time_exceeded", 11, 0, 3, 0},
	    {"parameter_problem", 12, 0, 4, 0}, {"redirect", 5, 1, 137, 0},
	};
	struct frame_icmp icmp = {0};

	*known = false;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(what, kinds[i].what) != 0)
			continue;
		icmp.type = family == IP_V4 ? kinds[i].type4 : kinds[i].type6;
		icmp.code = family == IP_V4 ? kinds[i].code4 : kinds[i].code6;
		icmp.rest = mtu;
		*known = true;
	}
	return icmp;
}
