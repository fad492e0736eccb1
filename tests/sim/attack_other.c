/* SPDX-License-Identifier: BSD-3-Clause */
/* Forged frames that are no segments. See attack.h. */
#include "tests/sim/attack.h"

#define L2   14
#define EDGE 70000u

static const uint8_t his_mac[6] = {0x02, 0x00, 0x5e, 0x66, 0x66, 0x66};

void attack_headers(struct frame *f, const struct attack_mark *m, struct dice *d)
{
	memcpy(f->dst, m->mac, 6);
	/* From the neighbour's place, or his own in the same network. */
	memcpy(f->src, dice_one_in(d, 2) ? m->neighbour : his_mac, 6);
	f->saddr = m->them;
	f->daddr = m->us;
	f->ttl = (uint8_t)DICE_PICK(d, 1, 64, 255);
	f->fragmentable = dice_one_in(d, 2);
	f->tos = (uint8_t)DICE_PICK(d, 0, 0, 3);
}

/* What the engine may have sent, as an error quotes it: numbers in flight or not. A
 * connection that is not up yet would believe an error that names the right one. */
static uint32_t quote(uint8_t *room, const struct attack_mark *m, struct dice *d)
{
	static const uint8_t nothing[1400];
	struct frame q = {.kind = FRAME_TCP,
			  .saddr = m->us,
			  .daddr = m->them,
			  .ttl = 60,
			  .proto = 6,
			  .tcp = {.sport = m->lport, .dport = m->rport, .flags = FRAME_ACK},
			  .payload = nothing,
			  .payload_len = dice_between(d, 0, sizeof(nothing))};
	uint8_t bytes[FRAME_MAX];
	uint32_t len;

	q.tcp.seq = (uint32_t)dice_roll(d);
	if (dice_one_in(d, 2) && !m->opening)
		q.tcp.seq = m->snd_una - EDGE + dice_between(d, 0, m->flight + 2 * EDGE);
	if (m->opening && q.tcp.seq - m->snd_una <= m->flight)
		q.tcp.seq += m->flight + 1;
	len = frame_build(bytes, &q) - L2;
	len = MIN(len, DICE_PICK(d, 8, 28, 48, 68, 548, 1232));
	memcpy(room, bytes + L2, len);
	return len;
}

void attack_icmp(struct frame *f, const struct attack_mark *m, struct dice *d, uint8_t *room)
{
	static const char *const kinds[] = {
	    "net_unreachable",  "host_unreachable", "proto_unreachable", "port_unreachable",
	    "admin_prohibited", "too_big",          "too_big",           "source_quench",
	    "time_exceeded",    "parameter_problem"};
	bool v4 = m->us.family == IP_V4, known;
	uint32_t mtu = DICE_PICK(d, 0, 1, 68, 296, 552, 1006, 1280, 1400, 65535);

	f->kind = FRAME_ICMP;
	f->proto = v4 ? 1 : 58;
	f->icmp = frame_icmp_error(m->us.family, kinds[dice_between(d, 0, ARRAY_SIZE(kinds) - 1)],
				   mtu, &known);
	if (dice_one_in(d, 8)) { /* redirect */
		f->icmp = (struct frame_icmp){
		    .type = v4 ? 5 : 137, .code = v4 ? 1 : 0, .rest = (uint32_t)dice_roll(d)};
		f->ttl = 255;
	}
	f->payload = room;
	f->payload_len = quote(room, m, d);
	f->harm.l4_csum = dice_one_in(d, 32);
}

static void claim_by_arp(struct frame *f, const struct attack_mark *m, struct dice *d)
{
	bool gratuitous = dice_one_in(d, 2);

	f->kind = FRAME_ARP;
	f->arp = (struct frame_arp){.op = (uint16_t)dice_between(d, 1, 2),
				    .spa_be = m->them.v4_be,
				    .tpa_be = gratuitous ? m->them.v4_be : m->us.v4_be};
	memcpy(f->arp.sha, his_mac, 6);
	memcpy(f->arp.tha, m->mac, 6);
	if (gratuitous)
		memset(f->dst, 0xff, 6);
}

void attack_claim(struct frame *f, const struct attack_mark *m, struct dice *d, uint8_t *room)
{
	static const uint8_t option[2] = {2, 1}; /* target link-layer address */

	memcpy(f->src, his_mac, 6);
	if (m->us.family == IP_V4) {
		claim_by_arp(f, m, d);
		return;
	}
	f->kind = FRAME_ICMP;
	f->proto = 58;
	f->ttl = 255;
	/* An advertisement, or a solicitation that says where the asker is. */
	f->icmp = (struct frame_icmp){.type = (uint8_t)DICE_PICK(d, 136, 136, 135),
				      .rest = dice_between(d, 0, 7) << 29};
	memcpy(room, f->icmp.type == 136 ? m->them.bytes : m->us.bytes, 16);
	memcpy(room + 16, option, 2);
	room[16] -= f->icmp.type == 135;
	memcpy(room + 18, his_mac, 6);
	f->payload = room;
	f->payload_len = 24;
}
