/* SPDX-License-Identifier: BSD-3-Clause */
/* Takes frames apart, believing nothing. See frame.h. */
#include <stdarg.h>

#include "tests/lib/frame.h"
#include "tests/lib/frame_sum.h"

struct reader {
	const uint8_t *p;
	uint32_t left;
	unsigned pending;
	char *why;
	size_t size;
};

static uint32_t load16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t load32(const uint8_t *p)
{
	return load16(p) << 16 | load16(p + 2);
}

PRINTF_LIKE(2, 3) static bool wrong(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, r->size, fmt, ap);
	va_end(ap);
	return false;
}

static bool skip(struct reader *r, uint32_t n, const char *what)
{
	if (r->left < n)
		return wrong(r, "%s is cut short: %u of %u bytes", what, r->left, n);
	r->p += n;
	r->left -= n;
	return true;
}

/* The sum over `len` bytes that contain the field at `field`. */
static bool check_sum(struct reader *r, uint32_t pseudo, const uint8_t *start, uint32_t len,
		      const uint8_t *field, bool pending, const char *what)
{
	if (pending && load16(field) != pseudo)
		return wrong(r, "%s sum left to the port is 0x%04x, not 0x%04x", what,
			     load16(field), pseudo);
	if (!pending && frame_sum(pseudo, start, len) != 0xffff)
		return wrong(r, "%s checksum 0x%04x is wrong", what, load16(field));
	return true;
}

static bool parse_options(struct reader *r, const struct frame_tcp *t)
{
	for (uint32_t i = 0; i < t->opts_len;) {
		uint8_t kind = t->opts[i];

		if (kind == 1) {
			i++;
		} else if (kind == 0) {
			for (; i < t->opts_len; i++)
				if (t->opts[i])
					return wrong(r, "option padding is not zero");
		} else if (i + 1 >= t->opts_len || t->opts[i + 1] < 2 ||
			   i + t->opts[i + 1] > t->opts_len) {
			return wrong(r, "option kind %u has a wrong length", kind);
		} else {
			i += t->opts[i + 1];
		}
	}
	return true;
}

static bool parse_tcp(struct reader *r, struct frame *f)
{
	const uint8_t *start = r->p;
	uint32_t len = r->left, hlen;
	uint32_t pseudo = frame_sum_pseudo(&f->saddr, &f->daddr, f->proto, len);
	struct frame_tcp *t = &f->tcp;

	if (!skip(r, 20, "TCP header"))
		return false;
	hlen = (uint32_t)(start[12] >> 4) * 4;
	if (hlen < 20 || hlen > len)
		return wrong(r, "TCP data offset %u is impossible", hlen);
	if (start[12] & 0xf)
		return wrong(r, "reserved TCP bits are set");
	skip(r, hlen - 20, "TCP options");
	t->sport = (uint16_t)load16(start);
	t->dport = (uint16_t)load16(start + 2);
	t->seq = load32(start + 4);
	t->ack = load32(start + 8);
	t->flags = start[13];
	t->wnd = (uint16_t)load16(start + 14);
	t->urp = (uint16_t)load16(start + 18);
	t->opts_len = (uint8_t)(hlen - 20);
	memcpy(t->opts, start + 20, t->opts_len);
	f->kind = FRAME_TCP;
	f->payload = r->p;
	f->payload_len = r->left;
	return parse_options(r, t) && check_sum(r, pseudo, start, len, start + 16,
						r->pending & FRAME_L4_SUM_PENDING, "TCP");
}

static bool parse_icmp(struct reader *r, struct frame *f)
{
	const uint8_t *start = r->p;
	uint32_t len = r->left, pseudo = 0;

	if (f->saddr.family == IP_V6)
		pseudo = frame_sum_pseudo(&f->saddr, &f->daddr, f->proto, len);
	if (!skip(r, 8, "ICMP header"))
		return false;
	f->kind = FRAME_ICMP;
	f->icmp = (struct frame_icmp){start[0], start[1], load32(start + 4)};
	f->payload = r->p;
	f->payload_len = r->left;
	return check_sum(r, pseudo, start, len, start + 2, false, "ICMP");
}

static bool parse_upper(struct reader *r, struct frame *f)
{
	if (f->proto == 6)
		return parse_tcp(r, f);
	if (f->proto == (f->saddr.family == IP_V4 ? 1 : 58))
		return parse_icmp(r, f);
	f->kind = FRAME_OTHER;
	f->payload = r->p;
	f->payload_len = r->left;
	return true;
}

static bool parse_ipv4(struct reader *r, struct frame *f)
{
	const uint8_t *start = r->p;
	uint32_t hlen, total;

	if (!skip(r, 20, "IPv4 header"))
		return false;
	hlen = (uint32_t)(start[0] & 15) * 4;
	total = load16(start + 2);
	if (start[0] >> 4 != 4 || hlen != 20)
		return wrong(r, "IPv4 version and header length are 0x%02x", start[0]);
	if (total < hlen || total - hlen > r->left)
		return wrong(r, "IPv4 length %u does not fit the frame", total);
	if (r->left > total - hlen && r->left + 20 > 46)
		return wrong(r, "%u bytes behind the packet", r->left - (total - hlen));
	r->left = total - hlen;
	if (load16(start + 6) & ~0x4000u)
		return wrong(r, "IPv4 fragment field is 0x%04x", load16(start + 6));
	f->fragmentable = !(load16(start + 6) & 0x4000u);
	/* An echo is answered with what it came with. */
	if (!f->fragmentable && load16(start + 4) != 0 && start[9] == 6)
		return wrong(r, "IPv4 identification is %u with don't-fragment", load16(start + 4));
	f->saddr = (struct ipaddr){.family = IP_V4};
	f->daddr = (struct ipaddr){.family = IP_V4};
	memcpy(f->saddr.bytes, start + 12, 4);
	memcpy(f->daddr.bytes, start + 16, 4);
	f->tos = start[1];
	f->ttl = start[8];
	f->proto = start[9];
	return check_sum(r, 0, start, 20, start + 10, r->pending & FRAME_IP_SUM_PENDING, "IPv4") &&
	       parse_upper(r, f);
}

static bool parse_ipv6(struct reader *r, struct frame *f)
{
	const uint8_t *start = r->p;
	uint32_t len;

	if (!skip(r, 40, "IPv6 header"))
		return false;
	len = load16(start + 4);
	if (start[0] >> 4 != 6)
		return wrong(r, "IP version is %u", start[0] >> 4);
	if (len != r->left)
		return wrong(r, "IPv6 length is %u with %u bytes behind it", len, r->left);
	f->saddr = ipaddr_v6(start + 8);
	f->daddr = ipaddr_v6(start + 24);
	f->tos = (uint8_t)(load16(start) >> 4);
	f->ttl = start[7];
	f->proto = start[6];
	return parse_upper(r, f);
}

static bool parse_arp(struct reader *r, struct frame *f)
{
	const uint8_t *p = r->p;

	if (!skip(r, 28, "ARP"))
		return false;
	if (load32(p) != 0x00010800 || load16(p + 4) != 0x0604)
		return wrong(r, "ARP is not for Ethernet and IPv4");
	f->kind = FRAME_ARP;
	f->arp.op = (uint16_t)load16(p + 6);
	memcpy(f->arp.sha, p + 8, 6);
	memcpy(&f->arp.spa_be, p + 14, 4);
	memcpy(f->arp.tha, p + 18, 6);
	memcpy(&f->arp.tpa_be, p + 24, 4);
	return true;
}

bool frame_parse(const uint8_t *bytes, uint32_t len, unsigned pending, struct frame *f, char *why,
		 size_t size)
{
	struct reader r = {bytes, len, pending, why, size};
	uint32_t type;

	memset(f, 0, sizeof(*f));
	if (!skip(&r, 14, "Ethernet header"))
		return false;
	memcpy(f->dst, bytes, 6);
	memcpy(f->src, bytes + 6, 6);
	type = load16(bytes + 12);
	if (type == 0x8100) {
		if (!skip(&r, 4, "VLAN tag"))
			return false;
		f->vlan = (uint16_t)load16(bytes + 14);
		type = load16(bytes + 16);
		if (f->vlan == 0 || f->vlan > 4094)
			return wrong(&r, "VLAN tag is 0x%04x", f->vlan);
	}
	switch (type) {
	case 0x0800:
		return parse_ipv4(&r, f);
	case 0x86dd:
		return parse_ipv6(&r, f);
	case 0x0806:
		return parse_arp(&r, f);
	default:
		return wrong(&r, "Ethernet type is 0x%04x", type);
	}
}
