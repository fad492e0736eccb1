/* SPDX-License-Identifier: BSD-3-Clause */
/* Below the stranger's TCP: frames, addresses, ARP, neighbour discovery, ICMP. */
#include "tests/lib/frame_sum.h"
#include "tests/sim/alien_tcp.h"

enum { PROTO_ICMP4 = 1, PROTO_TCP = 6, PROTO_ICMP6 = 58 };

static uint32_t load16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

struct frame alien_frame(const struct alien *a, const struct ipaddr *to)
{
	const struct habits *h = a->conf.habits;
	struct frame f = {.kind = FRAME_TCP, .ttl = h->ttl, .proto = PROTO_TCP};

	memcpy(f.dst, a->conf.peer_mac, 6);
	memcpy(f.src, a->conf.mac, 6);
	f.saddr = to->family == IP_V4 ? a->conf.addr4 : a->conf.addr6;
	f.daddr = *to;
	f.harm.has_frag = to->family == IP_V4 && h->fragmentable; /* don't-fragment is off */
	return f;
}

/* A packet that may be cut needs a number of its own, another one none (RFC 6864 §4). */
static void number(struct alien *a, uint8_t *ip, bool fragmentable)
{
	uint16_t id = fragmentable ? ++a->ip_id : 0;
	uint32_t sum;

	ip[4] = (uint8_t)(id >> 8);
	ip[5] = (uint8_t)id;
	ip[10] = ip[11] = 0;
	sum = ~frame_sum(0, ip, 20) & 0xffff;
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

void alien_emit(struct alien *a, const struct frame *f)
{
	uint8_t bytes[FRAME_MAX];
	uint32_t len = frame_build(bytes, f);

	if (f->kind != FRAME_ARP && f->saddr.family == IP_V4)
		number(a, bytes + 14, f->harm.has_frag);
	a->conf.send(a->conf.send_ctx, bytes, len);
}

static void answer_arp(struct alien *a, const struct frame *f)
{
	struct frame r = {.kind = FRAME_ARP};

	if (f->arp.op != 1 || memcmp(&f->arp.tpa_be, a->conf.addr4.bytes, 4) != 0)
		return;
	memcpy(r.dst, f->src, 6);
	memcpy(r.src, a->conf.mac, 6);
	r.arp.op = 2;
	memcpy(r.arp.sha, a->conf.mac, 6);
	memcpy(r.arp.tha, f->arp.sha, 6);
	r.arp.spa_be = f->arp.tpa_be;
	r.arp.tpa_be = f->arp.spa_be;
	alien_emit(a, &r);
}

/* RFC 4861 §7.2.4: target, and our address as an option. */
static void answer_solicitation(struct alien *a, const struct frame *f)
{
	struct frame r = alien_frame(a, &f->saddr);
	uint8_t body[24];

	if (f->payload_len < 16 || memcmp(f->payload, a->conf.addr6.bytes, 16) != 0)
		return;
	memcpy(body, f->payload, 16);
	body[16] = 2;
	body[17] = 1;
	memcpy(body + 18, a->conf.mac, 6);
	r.kind = FRAME_ICMP;
	r.proto = PROTO_ICMP6;
	r.ttl = 255;
	r.icmp = (struct frame_icmp){.type = 136, .rest = 0x60000000}; /* solicited, override */
	r.payload = body;
	r.payload_len = sizeof(body);
	alien_emit(a, &r);
}

/* The message quotes the packet that did not pass. */
static void packet_too_big(struct alien *a, const struct frame *f)
{
	const uint8_t *ip = f->payload;
	bool v4 = f->saddr.family == IP_V4;
	uint32_t headers = v4 ? 20 : 40;
	struct ipaddr to = {.family = f->saddr.family};
	struct alien_conn *c;

	if (f->payload_len < headers + 8)
		return;
	memcpy(to.bytes, ip + (v4 ? 16 : 24), v4 ? 4 : 16);
	c = alien_conn_find(a, &to, (uint16_t)load16(ip + headers),
			    (uint16_t)load16(ip + headers + 2));
	if (c)
		alien_shrink(c, f->icmp.rest & (v4 ? 0xffff : UINT32_MAX));
}

static void take_icmp(struct alien *a, const struct frame *f)
{
	bool v4 = f->saddr.family == IP_V4;
	uint8_t type = f->icmp.type;

	if (!v4 && type == 135)
		answer_solicitation(a, f);
	else if (v4 ? type == 3 && f->icmp.code == 4 : type == 2)
		packet_too_big(a, f);
}

void alien_receive(struct alien *a, const uint8_t *bytes, uint32_t len)
{
	struct frame f;
	char why[200];

	if (alien_frags_take(a->frags, bytes, len, &bytes, &len) && len == 0)
		return;
	/* What links have harmed fails here. */
	if (!frame_parse(bytes, len, 0, &f, why, sizeof(why)))
		return;
	if (f.kind == FRAME_ARP)
		answer_arp(a, &f);
	else if (f.kind == FRAME_ICMP)
		take_icmp(a, &f);
	else if (f.kind == FRAME_TCP &&
		 ipaddr_equal(&f.daddr, f.daddr.family == IP_V4 ? &a->conf.addr4 : &a->conf.addr6))
		alien_input(a, &f);
}
