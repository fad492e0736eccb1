/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A received frame that is a TCP segment between the plan's target and somebody,
 * taken apart: the one shape that matters, IPv4 without options or IPv6 without
 * extension headers. Total: any bytes are safe, and what is taken apart has
 * lengths that agree. Everything else is for the slow path.
 */
#pragma once

#include "bench/tgen/population.h"
#include "engine/base/buf.h"
#include "engine/wire/tcpopt.h"
#include "engine/wire/wire.h"

/* Host order, except `peer`. */
struct inbound {
	struct end peer; /* the end that is not the target */
	uint32_t seq, ack;
	uint32_t tsval, tsecr; /* 0: the segment has no timestamps */
	uint32_t len;          /* bytes of payload */
	uint8_t flags;         /* enum tcp_flags */
};

/* Timestamps of the header at `tcp`, wherever they are. */
static NOINLINE UNUSED void inbound_search(struct inbound *s, const uint8_t *tcp, uint32_t hlen)
{
	struct tcpopt opt;

	tcpopt_parse(&opt, tcp + TCP_HLEN, hlen - TCP_HLEN, s->flags & TCP_SYN);
	if (opt.seen & TCPOPT_HAS_TS) {
		s->tsval = opt.tsval;
		s->tsecr = opt.tsecr;
	}
}

static ALWAYS_INLINE void inbound_timestamps(struct inbound *s, const uint8_t *tcp, uint32_t hlen)
{
	const uint32_t alone = 0x01010000 | TCPOPT_TIMESTAMPS << 8 | 10;
	const uint32_t linux_syn =
	    TCPOPT_SACK_PERMITTED << 24 | 2 << 16 | TCPOPT_TIMESTAMPS << 8 | 10;

	s->tsval = s->tsecr = 0;
	if (likely(hlen >= TCP_HLEN + TCPOPT_TS_LEN && get_be32(tcp + 20) == alone)) {
		s->tsval = get_be32(tcp + 24);
		s->tsecr = get_be32(tcp + 28);
	} else if (hlen >= TCP_HLEN + 8 + TCPOPT_TS_LEN && get_be32(tcp + 28) == alone) {
		/* Behind MSS and SACK-permitted. */
		s->tsval = get_be32(tcp + 32);
		s->tsecr = get_be32(tcp + 36);
	} else if (hlen >= TCP_HLEN + 4 + TCPOPT_TS_LEN && get_be32(tcp + 24) == linux_syn) {
		s->tsval = get_be32(tcp + 28);
		s->tsecr = get_be32(tcp + 32);
	} else if (hlen > TCP_HLEN) {
		inbound_search(s, tcp, hlen);
	}
}

/* Length of the segment, TCP header included, by the IP header at `ip`; 0: it is not of the
 * shape. `room`: bytes from `ip` on. */
static ALWAYS_INLINE uint32_t inbound_length(const uint8_t *ip, uint32_t room, bool v6)
{
	uint32_t len;

	if (v6) {
		len = get_be16(ip + 4);
		return (ip[0] >> 4) == 6 && ip[6] == IPPROTO_TCP_ && len <= room - IPV6_HLEN ? len
											     : 0;
	}
	len = get_be16(ip + 2);
	if (ip[0] != 0x45 || ip[9] != IPPROTO_TCP_ || len > room || len < IPV4_HLEN ||
	    (get_be16(ip + 6) & (IPV4_MF | IPV4_OFFSET)))
		return 0;
	return len - IPV4_HLEN;
}

/* False: it is something else. `from_target`: the target is its source, else its
 * destination; that and `v6` are constants. */
static ALWAYS_INLINE bool inbound_read(const struct buf *b, const struct end *target,
				       struct inbound *s, bool from_target, bool v6)
{
	const uint32_t l3 = v6 ? IPV6_HLEN : IPV4_HLEN, addr_len = v6 ? 16 : 4;
	const uint8_t *ip = b->data + ETH_HLEN, *tcp = ip + l3;
	const uint8_t *src = ip + (v6 ? 8 : 12), *dst = src + addr_len;
	struct end fixed = {0};
	uint32_t len, hlen;

	if (unlikely(b->len < ETH_HLEN + l3 + TCP_HLEN) ||
	    get_be16(b->data + 12) != (v6 ? ETH_TYPE_IPV6 : ETH_TYPE_IPV4))
		return false;
	len = inbound_length(ip, b->len - ETH_HLEN, v6);
	hlen = (tcp[12] >> 4) * 4u;
	if (unlikely(len < TCP_HLEN || hlen < TCP_HLEN || hlen > len))
		return false;
	s->peer.addr[0] = s->peer.addr[1] = 0;
	memcpy(fixed.addr, from_target ? src : dst, addr_len);
	memcpy(s->peer.addr, from_target ? dst : src, addr_len);
	memcpy(&fixed.port_be, tcp + (from_target ? 0 : 2), 2);
	memcpy(&s->peer.port_be, tcp + (from_target ? 2 : 0), 2);
	if (unlikely(fixed.addr[0] != target->addr[0] || fixed.addr[1] != target->addr[1] ||
		     fixed.port_be != target->port_be))
		return false;
	s->seq = get_be32(tcp + 4);
	s->ack = get_be32(tcp + 8);
	s->flags = tcp[13];
	s->len = len - hlen;
	inbound_timestamps(s, tcp, hlen);
	return true;
}

/* Sequence numbers that it takes. */
static inline uint32_t inbound_space(const struct inbound *s)
{
	return s->len + !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN);
}
