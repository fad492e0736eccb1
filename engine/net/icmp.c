/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP (RFC 792) and ICMPv6 (RFC 4443): echo is answered, errors go to TCP. */
#include "engine/net/arp.h"
#include "engine/net/mld.h"
#include "engine/net/nd.h"
#include "engine/tcp/icmp_error.h"
#include "engine/wire/csum.h"

enum {
	ICMP4_ECHO_REPLY = 0,
	ICMP4_UNREACHABLE = 3,
	ICMP4_ECHO = 8,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAMETER = 12,
	ICMP6_UNREACHABLE = 1,
	ICMP6_PARAMETER = 4,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_MLD_QUERY = 130,
	ICMP6_ND_SOLICITATION = 135,
	ICMP6_ND_ADVERTISEMENT = 136,
};

/* Replaces the first byte of a 16-bit word and corrects the sum it is under. */
static void change_byte(uint8_t *word, uint8_t to_byte, uint8_t *csum_field)
{
	uint16_t from, to, csum;

	memcpy(&from, word, 2);
	word[0] = to_byte;
	memcpy(&to, word, 2);
	memcpy(&csum, csum_field, 2);
	csum = csum_update16(csum, from, to);
	if (csum == 0) /* an echo of nothing but zeros is legitimate */
		csum = 0xffff;
	memcpy(csum_field, &csum, 2);
}

/* Turns the request round in its own buffer: addresses swapped, type changed,
 * sums corrected for what changed (swapping does not change a sum). */
static void echo_reply(struct shard *sh, struct seg *s, uint8_t type)
{
	const struct net_iface *ni = &sh->net.ifaces[s->iface];
	struct buf *b = s->buf;
	uint8_t *l4 = b->data + s->l4_off, *ip = b->data + s->l3_off;
	uint32_t alen = s->family == IP_V4 ? 4 : 16;
	uint8_t *src = b->data + (s->src - b->data);
	uint8_t *dst = b->data + (s->dst - b->data);
	uint8_t addr[16];

	if (!budget_take(&sh->icmp_budget, sh->now, &sh->isn_key.sip)) {
		stat_inc(sh, STAT_drop_icmp_limited);
		shard_buf_free(sh, b);
		return;
	}
	if (b->len - s->l3_off > ni->mtu) {
		stat_inc(sh, STAT_drop_icmp_too_long);
		shard_buf_free(sh, b);
		return;
	}
	if (shard_tx_room(sh, ni->port) == 0) {
		stat_inc(sh, STAT_drop_tx_full);
		shard_buf_free(sh, b);
		return;
	}
	memcpy(addr, src, alen);
	memcpy(src, dst, alen);
	memcpy(dst, addr, alen);
	memcpy(b->data, b->data + 6, 6);
	memcpy(b->data + 6, ni->mac, 6);
	change_byte(l4, type, l4 + 2);
	if (s->family == IP_V4)
		change_byte(ip + offsetof(struct ipv4_hdr, ttl), sh->conf->tcp.ttl,
			    ip + offsetof(struct ipv4_hdr, csum));
	else
		ip[offsetof(struct ipv6_hdr, hop_limit)] = sh->conf->tcp.ttl;
	b->flags = 0;
	stat_inc(sh, STAT_icmp_echo);
	shard_tx(sh, ni->port, b);
}

static void drop_unused(struct shard *sh, struct seg *s)
{
	stat_inc(sh, STAT_drop_unused_icmp);
	shard_buf_free(sh, s->buf);
}

static void icmp4(struct shard *sh, struct seg *s, bool ours)
{
	switch (s->payload[0]) {
	case ICMP4_ECHO:
		/* RFC 1122 §3.2.2.6 allows silence to a group address. */
		if (ours && !s->multicast && s->payload[1] == 0)
			echo_reply(sh, s, ICMP4_ECHO_REPLY);
		else
			drop_unused(sh, s);
		break;
	case ICMP4_UNREACHABLE:
	case ICMP4_TIME_EXCEEDED:
	case ICMP4_PARAMETER:
		tcp_icmp_error(sh, s);
		break;
	default: /* source quench among them: MUST-55 */
		drop_unused(sh, s);
	}
}

static void icmp6(struct shard *sh, struct seg *s, bool ours)
{
	uint8_t type = s->payload[0];
	struct ipaddr src = ipaddr_v6(s->src);

	if (type == ICMP6_ECHO && ours && ipaddr_is_unicast(&src) && !s->multicast &&
	    s->payload[1] == 0)
		echo_reply(sh, s, ICMP6_ECHO_REPLY);
	else if (type == ICMP6_ND_SOLICITATION || type == ICMP6_ND_ADVERTISEMENT)
		nd_input(sh, s);
	else if (type == ICMP6_MLD_QUERY)
		mld_query(sh, s);
	else if (type >= ICMP6_UNREACHABLE && type <= ICMP6_PARAMETER)
		tcp_icmp_error(sh, s);
	else
		drop_unused(sh, s);
}

void net_icmp(struct shard *sh, struct seg *s)
{
	bool ours = net_local(&sh->net, s->family, s->dst) != CONF_NONE;

	/* RFC 1122 §3.2.1.3; an echo from ourselves would go round and round. */
	if (net_whose(&sh->net, s->family, s->src) != NET_OTHERS) {
		stat_inc(sh, STAT_drop_bad_source);
		shard_buf_free(sh, s->buf);
		return;
	}
	if (s->family == IP_V4)
		icmp4(sh, s, ours);
	else
		icmp6(sh, s, ours);
}

uint16_t net_announce(struct shard *sh, uint16_t first)
{
	uint16_t end = (uint16_t)MIN(first + NET_ANNOUNCE_BATCH, (uint32_t)sh->conf->nb_addrs);

	for (uint16_t i = first; i < end; i++) {
		if (sh->conf->addrs[i].addr.family == IP_V4)
			arp_announce(sh, i);
		else
			nd_announce(sh, i);
	}
	return end;
}
