/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/tcp/icmp_error.h"
#include "engine/burst.h"
#include "engine/net/net.h"
#include "engine/tcp/internal.h"

/* What the error quotes of the segment we sent. */
struct quoted {
	struct tuple_key key;
	const uint8_t *laddr;
	uint32_t seq;
	uint32_t packet_len; /* of the IP packet */
};

/* Reads the quoted headers: at least 8 bytes of TCP are there (RFC 792). */
static bool read_quoted(const struct shard *sh, const struct seg *s, struct quoted *q)
{
	const uint8_t *ip = s->payload + sizeof(struct icmp_hdr);
	uint32_t len = s->payload_len - (uint32_t)sizeof(struct icmp_hdr);
	uint32_t hlen = s->family == IP_V4 ? IPV4_HLEN : IPV6_HLEN;
	const uint8_t *tcp;
	uint16_t local;

	if (len < hlen)
		return false;
	if (s->family == IP_V4) {
		hlen = (ip[0] & 15) * 4u;
		if (ip[0] >> 4 != 4 || hlen < IPV4_HLEN || ip[9] != IPPROTO_TCP_)
			return false;
		q->packet_len = get_be16(ip + 2);
		q->laddr = ip + 12;
		q->key.raddr = ip + 16;
	} else {
		if (ip[0] >> 4 != 6 || ip[6] != IPPROTO_TCP_)
			return false;
		q->packet_len = IPV6_HLEN + get_be16(ip + 4);
		q->laddr = ip + 8;
		q->key.raddr = ip + 24;
	}
	if (len < hlen + 8)
		return false;
	tcp = ip + hlen;
	local = net_local(&sh->net, s->family, q->laddr);
	if (local == CONF_NONE)
		return false;
	memcpy(&q->key.lport_be, tcp, 2);
	memcpy(&q->key.rport_be, tcp + 2, 2);
	q->key.local = (uint16_t)(local | (s->family == IP_V6 ? TUPLE_V6 : 0));
	q->seq = get_be32(tcp + 4);
	return true;
}

/* Port or protocol unreachable: nobody will ever answer there. Everything else
 * may pass (MUST-56). */
static bool is_hard(const struct seg *s)
{
	uint8_t type = s->payload[0], code = s->payload[1];

	if (s->family == IP_V4)
		return type == 3 && (code == 2 || code == 3);
	return type == 1 && code == 4;
}

/* RFC 8201 §4: to be discarded. Nothing on an IPv6 path needs less. */
static bool is_below_least(const struct seg *s)
{
	return s->family == IP_V6 && s->payload[0] == 2 &&
	       get_be32(s->payload + 4) < PMTU_MIN_V6;
}

/* The MTU that "fragmentation needed" or "packet too big" names; 0: another error. */
static uint32_t next_hop_mtu(const struct seg *s, const struct quoted *q)
{
	uint8_t type = s->payload[0], code = s->payload[1];
	uint32_t mtu;

	if (s->family == IP_V6)
		return type == 2 ? get_be32(s->payload + 4) : 0;
	if (type != 3 || code != 4)
		return 0;
	mtu = get_be16(s->payload + 6);
	return mtu ? mtu : tcp_pmtu_below(q->packet_len);
}

/* Only a connection that is not up yet believes a hard error: later on TCP's own
 * retransmissions know better than a message anyone can forge (RFC 5927 §5). */
static void apply(struct shard *sh, struct conn *c, const struct quoted *q, const struct seg *s)
{
	uint32_t mtu = next_hop_mtu(s, q);

	if (is_below_least(s) || q->seq - c->snd_una >= MAX(c->snd_nxt - c->snd_una, 1u)) {
		stat_inc(sh, STAT_drop_icmp_stale);
		return;
	}
	stat_inc(sh, STAT_icmp_errors);
	if (!mtu && !is_hard(s) && conn_xfer(sh, c))
		tcp_tell_trouble(sh, c, conn_xfer(sh, c), TCP_TROUBLE_ICMP);
	/* What it quotes is in flight, so it is about a packet of ours (RFC 5927 §7). */
	if (mtu && c->state >= TCP_ESTABLISHED)
		tcp_path_mtu(sh, c, mtu);
	if (is_hard(s) && (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED)) {
		stat_inc(sh, STAT_active_open_failed);
		conn_die(sh, c, TCP_CLOSE_UNREACHABLE);
	}
}

/* MUST-54: acts on, and tells of, what comes about our segments. */
void tcp_icmp_error(struct shard *sh, struct seg *s)
{
	struct quoted q;
	uint32_t ref;
	uint16_t owner;

	if (!read_quoted(sh, s, &q)) {
		stat_inc(sh, STAT_drop_unused_icmp);
		shard_buf_free(sh, s->buf);
		return;
	}
	owner = tuple_owner(sh, s->family, q.key.raddr, q.laddr, q.key.rport_be, q.key.lport_be);
	if (owner != sh->id) {
		burst_hand_over(sh, s->buf, owner);
		return;
	}
	ref = tuple_find(sh, &q.key, tuple_hash(sh, &q.key));
	if (ref && ref_kind(ref) == REF_CONN)
		apply(sh, shard_conn(sh, ref_index(ref)), &q, s);
	else
		stat_inc(sh, STAT_drop_icmp_stale);
	shard_buf_free(sh, s->buf);
}
