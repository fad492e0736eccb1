/* SPDX-License-Identifier: BSD-3-Clause */
/* `<` lines: frames that the peer sends. */
#include "tests/lib/pattern.h"
#include "tests/script/other.h"
#include "tests/script/play.h"

static void set_link(struct play *p, const struct mods *m, struct frame *f)
{
	rig_mac(f->src, m->stranger ? STRANGER : PEER, 0);
	if (!m->ether[0])
		rig_mac(f->dst, 1, 0);
	else if (strcmp(m->ether, "broadcast") == 0)
		memset(f->dst, 0xff, 6);
	else if (strcmp(m->ether, "multicast") == 0)
		memcpy(f->dst, (const uint8_t[6]){0x01, 0x00, 0x5e, 1, 2, 3}, 6);
	else
		rig_mac(f->dst, STRANGER, 0);
	f->vlan = m->has_vlan ? (uint16_t)m->vlan : p->flow->vlan;
}

static void set_ip(const struct mods *m, struct frame *f)
{
	if (m->has_ttl)
		f->ttl = (uint8_t)m->ttl;
	if (m->has_tos)
		f->tos = (uint8_t)m->tos;
	if (m->from[0])
		f->saddr = testconf_ip(m->from);
	if (m->to[0])
		f->daddr = testconf_ip(m->to);
	f->harm = m->harm;
}

/* Payload as written in the line, or the stream's bytes at that place. */
static void set_payload(struct play *p, const struct segment *seg, struct frame *f, uint8_t *room)
{
	/* SYN takes number 0, so byte n of the stream has number n + 1. */
	uint32_t off = seg->seq - (seg->flags & FRAME_SYN ? 0 : 1);

	if (seg->has_text)
		memcpy(room, seg->text, seg->len);
	else
		pattern_fill(play_stream_in(p, p->flow), off, room, seg->len);
	f->payload = room;
	f->payload_len = seg->len;
}

/* The frame as it is, or in the pieces that the line asks for. */
static bool receive(struct play *p, const struct mods *m, const uint8_t *bytes, uint32_t len)
{
	uint8_t piece[FRAME_MAX];

	if (m->nb_pieces == 0)
		return play_receive(p, bytes, len);
	for (uint32_t i = 0; i < m->nb_pieces; i++) {
		uint32_t n = frame_fragment(piece, bytes, len, m->pieces[i].start,
					    m->pieces[i].end, (uint16_t)m->id);

		if (!play_receive(p, piece, n))
			return false;
	}
	return true;
}

static bool inject_segment(struct play *p, struct scan *s)
{
	struct flow *flow = p->flow;
	uint8_t payload[FRAME_MAX], bytes[FRAME_MAX];
	struct segment seg;
	struct frame f = {.kind = FRAME_TCP, .ttl = 64, .proto = 6};
	uint32_t opts;

	if (!segment_scan(s, &seg))
		return false;
	if (seg.len > p->set.mtu)
		return scan_fail(s, "%u bytes of payload do not fit the MTU", seg.len);
	f.saddr = flow->peer;
	f.daddr = flow->local;
	if (seg.has_wnd && !seg.any_wnd)
		flow->wnd = seg.wnd;
	f.tcp =
	    (struct frame_tcp){.sport = flow->rport,
			       .dport = flow->lport,
			       .seq = seg.seq + flow->rel.theirs,
			       .ack = seg.flags & FRAME_ACK ? seg.ack + flow->rel.ours : seg.ack,
			       .flags = seg.flags,
			       .wnd = (uint16_t)flow->wnd,
			       .urp = (uint16_t)seg.urp};
	opts = options_emit(&seg.opts, &flow->rel, f.tcp.opts);
	if (opts > 40)
		return scan_fail(s, "the options have more than 40 bytes");
	f.tcp.opts_len = (uint8_t)opts;
	set_payload(p, &seg, &f, payload);
	set_link(p, &seg.mods, &f);
	set_ip(&seg.mods, &f);
	if (seg.mods.land) {
		f.saddr = f.daddr;
		f.tcp.sport = f.tcp.dport;
	}
	return receive(p, &seg.mods, bytes, frame_build(bytes, &f));
}

struct other_context play_context(const struct play *p)
{
	struct other_context ctx = {.family = p->family,
				    .local = p->flow->local,
				    .peer = p->flow->peer,
				    .lport = p->flow->lport,
				    .rport = p->flow->rport,
				    .rel = &p->flow->rel};

	rig_mac(ctx.local_mac, 1, 0);
	rig_mac(ctx.peer_mac, PEER, 0);
	return ctx;
}

static bool inject_other(struct play *p, struct scan *s)
{
	struct other_context ctx = play_context(p);
	uint8_t room[FRAME_MAX], bytes[FRAME_MAX];
	struct frame f;
	struct other o;

	if (!other_scan(s, &ctx, false, &o))
		return false;
	if (o.mods.stranger)
		rig_mac(ctx.peer_mac, STRANGER, 0);
	if (!other_build(&o, &ctx, &f, room))
		return scan_fail(s, "unknown ICMP error \"%s\"", o.error);
	if (o.mods.ether[0] || o.kind > OTHER_NEIGHBOUR_REPLY)
		set_link(p, &o.mods, &f);
	f.vlan = o.mods.has_vlan ? (uint16_t)o.mods.vlan : p->flow->vlan;
	set_ip(&o.mods, &f);
	return receive(p, &o.mods, bytes, frame_build(bytes, &f));
}

/* The whole frame, Ethernet header included. */
static bool inject_raw(struct play *p, struct scan *s)
{
	uint8_t bytes[1024];
	uint32_t len;

	return scan_hex(s, bytes, sizeof(bytes), &len) && play_receive(p, bytes, len);
}

bool play_inject(struct play *p, struct scan *s)
{
	if (scan_accept(s, "raw"))
		return inject_raw(p, s);
	return other_comes(s) ? inject_other(p, s) : inject_segment(p, s);
}
