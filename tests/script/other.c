/* SPDX-License-Identifier: BSD-3-Clause */
/* The notation of frames that are not TCP. See other.h. */
#include <arpa/inet.h>

#include "tests/lib/pattern.h"
#include "tests/lib/testconf.h"
#include "tests/script/other.h"

static const char *const names[] = {"neighbour request", "neighbour reply", "echo request",
				    "echo reply", "icmp"};

bool other_comes(struct scan *s)
{
	scan_space(s);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strncmp(s->p, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static bool scan_ip(struct scan *s, struct ipaddr *a)
{
	char word[48];

	if (!scan_word(s, word, sizeof(word)))
		return false;
	*a = testconf_ip(word);
	return true;
}

static bool scan_neighbour(struct scan *s, struct other *o)
{
	if (scan_accept(s, "who") && !scan_ip(s, &o->who))
		return false;
	return !scan_accept(s, "tell") || scan_ip(s, &o->tell);
}

static bool scan_echo(struct scan *s, struct other *o)
{
	if (scan_accept(s, "id") && !scan_number(s, &o->id))
		return false;
	if (scan_accept(s, "seq") && !scan_number(s, &o->seq))
		return false;
	return !scan_accept(s, "(") || (scan_number(s, &o->len) && scan_expect(s, ")"));
}

static bool scan_icmp(struct scan *s, struct other *o)
{
	o->quote = 20;
	if (!scan_word(s, o->error, sizeof(o->error)))
		return false;
	if (scan_accept(s, "mtu") && !scan_number(s, &o->mtu))
		return false;
	if (scan_accept(s, "seq") && !scan_number(s, &o->seq))
		return false;
	if (scan_accept(s, "(") && (!scan_number(s, &o->len) || !scan_expect(s, ")")))
		return false;
	return !scan_accept(s, "quote") || scan_number(s, &o->quote);
}

bool other_scan(struct scan *s, const struct other_context *ctx, bool from_engine, struct other *o)
{
	bool fine;

	*o = (struct other){0};
	while (!scan_accept(s, names[o->kind]))
		o->kind++;
	/* The engine asks for the peer's address and answers for its own. */
	if ((o->kind == OTHER_NEIGHBOUR_REQUEST) == from_engine) {
		o->who = ctx->peer;
		o->tell = ctx->local;
	} else {
		o->who = ctx->local;
		o->tell = ctx->peer;
	}
	if (o->kind <= OTHER_NEIGHBOUR_REPLY)
		fine = scan_neighbour(s, o);
	else if (o->kind <= OTHER_ECHO_REPLY)
		fine = scan_echo(s, o);
	else
		fine = from_engine ? scan_word(s, o->error, sizeof(o->error)) : scan_icmp(s, o);
	return fine && mods_scan(s, &o->mods);
}

static void solicited_node(const struct ipaddr *target, struct ipaddr *group, uint8_t mac[6])
{
	static const uint8_t prefix[16] = {0xff, 0x02, [11] = 0x01, [12] = 0xff};

	*group = ipaddr_v6(prefix);
	memcpy(group->bytes + 13, target->bytes + 13, 3);
	memcpy(mac, (const uint8_t[3]){0x33, 0x33, 0xff}, 3);
	memcpy(mac + 3, target->bytes + 13, 3);
}

static void build_arp(const struct other *o, const struct other_context *ctx, struct frame *f)
{
	bool request = o->kind == OTHER_NEIGHBOUR_REQUEST;

	f->kind = FRAME_ARP;
	f->arp.op = request ? 1 : 2;
	memcpy(f->arp.sha, ctx->peer_mac, 6);
	f->arp.spa_be = request ? o->tell.v4_be : o->who.v4_be;
	f->arp.tpa_be = request ? o->who.v4_be : o->tell.v4_be;
	if (request)
		memset(f->dst, 0xff, 6);
	else
		memcpy(f->arp.tha, ctx->local_mac, 6);
}

static void build_nd(const struct other *o, const struct other_context *ctx, struct frame *f,
		     uint8_t *room)
{
	bool request = o->kind == OTHER_NEIGHBOUR_REQUEST;

	f->kind = FRAME_ICMP;
	f->ttl = 255;
	f->icmp = (struct frame_icmp){request ? 135 : 136, 0, request ? 0 : 0x60000000};
	memcpy(room, o->who.bytes, 16);
	room[16] = request ? 1 : 2;
	room[17] = 1;
	memcpy(room + 18, ctx->peer_mac, 6);
	f->payload = room;
	f->payload_len = 24;
	if (request) {
		f->saddr = o->tell;
		solicited_node(&o->who, &f->daddr, f->dst);
		/* Duplicate address detection has no MAC to offer (RFC 4861 §4.3). */
		if (o->tell.words[0] == 0 && o->tell.words[1] == 0)
			f->payload_len = 16;
	} else {
		f->saddr = o->who;
		f->daddr = o->tell;
	}
}

static void build_echo(const struct other *o, const struct other_context *ctx, struct frame *f,
		       uint8_t *room)
{
	bool request = o->kind == OTHER_ECHO_REQUEST;

	f->kind = FRAME_ICMP;
	f->icmp.type = ctx->family == IP_V4 ? (request ? 8 : 0) : (request ? 128 : 129);
	f->icmp.rest = o->id << 16 | (o->seq & 0xffff);
	pattern_fill(o->id, 0, room, o->len);
	f->payload = room;
	f->payload_len = o->len;
}

/* The error quotes a packet of ours: its IP header and some of its TCP header. */
static bool build_icmp(const struct other *o, const struct other_context *ctx, struct frame *f,
		       uint8_t *room)
{
	static const uint8_t data[FRAME_MAX / 2];
	uint8_t quoted[FRAME_MAX];
	uint32_t ip = ctx->family == IP_V4 ? 20 : 40;
	struct frame ours = {.kind = FRAME_TCP,
			     .saddr = ctx->local,
			     .daddr = ctx->peer,
			     .ttl = 60,
			     .proto = 6,
			     .payload = data,
			     .payload_len = MIN(o->len, (uint32_t)sizeof(data)),
			     .tcp = {.sport = ctx->lport,
				     .dport = ctx->rport,
				     .seq = o->seq + ctx->rel->ours,
				     .flags = FRAME_ACK}};
	bool known;

	f->kind = FRAME_ICMP;
	/* As with the port's MTU: segments get the same size in both families. */
	f->icmp = frame_icmp_error(ctx->family, o->error,
				   o->mtu && ctx->family == IP_V6 ? o->mtu + 20 : o->mtu, &known);
	frame_build(quoted, &ours);
	memcpy(room, quoted + 14, ip + 20);
	f->payload = room;
	f->payload_len = ip + MIN(o->quote, 20u);
	return known;
}

bool other_build(const struct other *o, const struct other_context *ctx, struct frame *f,
		 uint8_t *room)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->dst, ctx->local_mac, 6);
	memcpy(f->src, ctx->peer_mac, 6);
	f->saddr = ctx->peer;
	f->daddr = ctx->local;
	f->ttl = 64;
	f->proto = ctx->family == IP_V4 ? 1 : 58;
	if (o->kind == OTHER_ICMP_ERROR)
		return build_icmp(o, ctx, f, room);
	if (o->kind >= OTHER_ECHO_REQUEST)
		build_echo(o, ctx, f, room);
	else if (ctx->family == IP_V4)
		build_arp(o, ctx, f);
	else
		build_nd(o, ctx, f, room);
	return true;
}

static bool wrong(char *why, size_t size, const char *what)
{
	snprintf(why, size, "%s", what);
	return false;
}

static bool arp_of_frame(const struct frame *f, const struct other_context *ctx, struct other *o,
			 char *why, size_t size)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct ipaddr sender = ipaddr_v4(f->arp.spa_be), target = ipaddr_v4(f->arp.tpa_be);
	bool request = f->arp.op == 1;

	if (memcmp(f->arp.sha, f->src, 6) != 0)
		return wrong(why, size, "ARP sender is not who sent the frame");
	if (request && memcmp(f->dst, all, 6) != 0)
		return wrong(why, size, "ARP request is not broadcast");
	if (!request && memcmp(f->arp.tha, ctx->peer_mac, 6) != 0)
		return wrong(why, size, "ARP reply names another target than who asked");
	o->kind = request ? OTHER_NEIGHBOUR_REQUEST : OTHER_NEIGHBOUR_REPLY;
	o->who = request ? target : sender;
	o->tell = request ? sender : target;
	return true;
}

static bool nd_of_frame(const struct frame *f, struct other *o, char *why, size_t size)
{
	bool request = f->icmp.type == 135;
	struct ipaddr group;
	uint8_t mac[6];

	if (f->ttl != 255 || f->icmp.code != 0 || f->payload_len != 24)
		return wrong(why, size, "neighbour discovery with wrong hop limit, code or length");
	if (f->payload[16] != (request ? 1 : 2) || f->payload[17] != 1 ||
	    memcmp(f->payload + 18, f->src, 6) != 0)
		return wrong(why, size, "link-layer address option is not the sender's MAC");
	o->kind = request ? OTHER_NEIGHBOUR_REQUEST : OTHER_NEIGHBOUR_REPLY;
	o->who = ipaddr_v6(f->payload);
	o->tell = request ? f->saddr : f->daddr;
	if (!request)
		return (f->icmp.rest & 0x20000000) ||
		       wrong(why, size, "advertisement without the override flag");
	solicited_node(&o->who, &group, mac);
	return (ipaddr_equal(&group, &f->daddr) && memcmp(mac, f->dst, 6) == 0) ||
	       wrong(why, size, "solicitation is not sent to the solicited-node group");
}

/* An error quotes the whole segment that it is about, from the peer to us. */
static bool error_of_frame(const struct frame *f, const struct other_context *ctx, struct other *o,
			   char *why, size_t size)
{
	bool known;
	struct frame_icmp icmp = frame_icmp_error(ctx->family, "port_unreachable", 0, &known);
	uint32_t alen = ctx->family == IP_V4 ? 4 : 16, ip = ctx->family == IP_V4 ? 20 : 40;
	const uint8_t *q = f->payload;
	const uint8_t *tcp = q + ip;

	if (f->icmp.type != icmp.type || f->icmp.code != icmp.code || f->icmp.rest != 0)
		return wrong(why, size, "an ICMP message that the engine does not send");
	if (f->payload_len < ip + 20 || q[0] >> 4 != (alen == 4 ? 4 : 6))
		return wrong(why, size, "an ICMP error that quotes no segment");
	if (memcmp(q + ip - 2 * alen, ctx->peer.bytes, alen) != 0 ||
	    memcmp(q + ip - alen, ctx->local.bytes, alen) != 0 ||
	    (tcp[0] << 8 | tcp[1]) != ctx->rport || (tcp[2] << 8 | tcp[3]) != ctx->lport)
		return wrong(why, size, "an ICMP error that quotes another connection's segment");
	o->kind = OTHER_ICMP_ERROR;
	snprintf(o->error, sizeof(o->error), "port_unreachable");
	return true;
}

bool other_of_frame(const struct frame *f, const struct other_context *ctx, struct other *o,
		    char *why, size_t size)
{
	bool v4 = f->saddr.family == IP_V4;

	*o = (struct other){.mods = {.has_ttl = true, .has_tos = true, .has_vlan = true}};
	o->mods.ttl = f->ttl;
	o->mods.tos = f->tos;
	o->mods.vlan = f->vlan;
	if (f->kind == FRAME_ARP)
		return arp_of_frame(f, ctx, o, why, size);
	if (f->kind != FRAME_ICMP)
		return wrong(why, size, "a protocol that the engine does not speak");
	if (!v4 && (f->icmp.type == 135 || f->icmp.type == 136))
		return nd_of_frame(f, o, why, size);
	if (f->icmp.type != (v4 ? 0 : 129) || f->icmp.code != 0)
		return error_of_frame(f, ctx, o, why, size);
	o->kind = OTHER_ECHO_REPLY;
	o->id = f->icmp.rest >> 16;
	o->seq = f->icmp.rest & 0xffff;
	o->len = f->payload_len;
	return pattern_check(o->id, 0, f->payload, f->payload_len) == PATTERN_OK ||
	       wrong(why, size, "echo reply with other data than the request's");
}

bool other_match(const struct other *want, const struct other *got)
{
	if (want->kind != got->kind)
		return false;
	if ((want->mods.has_ttl && want->mods.ttl != got->mods.ttl) ||
	    (want->mods.has_vlan && want->mods.vlan != got->mods.vlan))
		return false;
	if (want->kind <= OTHER_NEIGHBOUR_REPLY)
		return ipaddr_equal(&want->who, &got->who) && ipaddr_equal(&want->tell, &got->tell);
	if (want->kind == OTHER_ICMP_ERROR)
		return strcmp(want->error, got->error) == 0;
	return want->id == got->id && want->seq == got->seq && want->len == got->len;
}

void other_print(FILE *out, const struct other *o)
{
	char who[INET6_ADDRSTRLEN] = "-", tell[INET6_ADDRSTRLEN] = "-";

	fputs(names[o->kind], out);
	if (o->kind <= OTHER_NEIGHBOUR_REPLY) {
		int af = o->who.family == IP_V6 ? AF_INET6 : AF_INET;

		inet_ntop(af, o->who.bytes, who, sizeof(who));
		inet_ntop(af, o->tell.bytes, tell, sizeof(tell));
		fprintf(out, " who %s tell %s", who, tell);
	} else if (o->kind == OTHER_ICMP_ERROR) {
		fprintf(out, " %s", o->error);
	} else {
		fprintf(out, " id %u seq %u (%u)", o->id, o->seq, o->len);
	}
}
