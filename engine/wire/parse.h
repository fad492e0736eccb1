/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes of a received frame -> struct seg, or the reason why not. Total: every
 * byte string gets an answer, nothing beyond buf.len is ever read, and what
 * comes out as PARSE_TCP has lengths that agree and sums that verify, so the
 * layers above check no bounds. RFC 791, 8200, 9293 §3.1; RFC 1122 §3.2.1.
 */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/ipaddr.h"
#include "engine/wire/tcpopt.h"
#include "engine/wire/wire.h"

/* What the frame is. Drop reasons match counters of the same name (stat.h). */
enum parse_result {
	PARSE_TCP,
	PARSE_ARP,
	PARSE_ICMP4,
	PARSE_ICMP6,
	PARSE_FRAGMENT, /* seg.frag is filled in */
	PARSE_DROP_FIRST,
	PARSE_TOO_SHORT = PARSE_DROP_FIRST, /* a header or its length exceeds the frame */
	PARSE_NOT_OURS_L2,		    /* another station's MAC */
	PARSE_UNKNOWN_ETHERTYPE,
	PARSE_BAD_IP_VERSION,
	PARSE_BAD_IP_CSUM,
	PARSE_SOURCE_ROUTE, /* IPv4 option that sends answers where the sender likes */
	PARSE_UNKNOWN_PROTOCOL,
	PARSE_BAD_TCP_OFFSET, /* data offset below 5 or beyond the segment */
	PARSE_BAD_TCP_CSUM,
	PARSE_BAD_ICMP_CSUM,
	PARSE_BAD_SOURCE, /* broadcast or multicast source address, MUST-57 */
};

/* A received segment (or, for ICMP, ARP and fragments, just the frame's layers). Host
 * order unless named _be. Pointers go into buf's memory. */
struct seg {
	struct buf *buf;
	const uint8_t *src, *dst; /* IP addresses in the frame, 4 or 16 bytes */
	const uint8_t *payload;	  /* first byte behind the TCP header / of the ICMP message */
	uint32_t payload_len;
	uint32_t seq, ack;
	uint32_t payload_csum; /* folded sum of the payload; valid when csum_known */
	uint32_t wnd;	       /* as in the header, unscaled (MUST-1: unsigned) */
	uint16_t sport_be, dport_be;
	uint16_t urp;
	uint16_t vlan;	 /* 802.1Q id, 0: untagged */
	uint8_t l3_off;	 /* bytes from buf.data to the IP header */
	uint8_t l4_off;	 /* bytes from buf.data to the TCP / ICMP header */
	uint8_t family;	 /* IP_V4, IP_V6 */
	uint8_t flags;	 /* enum tcp_flags */
	uint8_t tos;	 /* DSCP and ECN */
	uint8_t ttl;	 /* or hop limit */
	bool csum_known; /* payload_csum was computed on the way */
	bool multicast;	 /* sent to a link-layer group address */
	struct tcpopt opt;

	struct {
		uint32_t id;	 /* names the datagram, with addresses and protocol */
		uint16_t offset; /* bytes of its payload in front of this piece's */
		uint8_t proto;
		bool more;	 /* it is not the last */
	} frag;

	/* Filled in by the burst's later stages, see engine/burst.c. */
	uint16_t iface;	  /* interface it came in by */
	uint16_t local;	  /* index of the local address it was sent to, */
	uint16_t tuple_local; /* and with TUPLE_V6, as tuples have it */
	uint64_t hash;	  /* keyed hash of the tuple: place in the table */
	uint32_t ref;	  /* table reference whose tag fits, 0: none */
};

/* Length of sequence space: payload + SYN + FIN (RFC 9293 §3.4). */
static inline uint32_t seg_len(const struct seg *s)
{
	return s->payload_len + !!(s->flags & TCP_FIN) + !!(s->flags & TCP_SYN);
}

/* The SYN is dealt with: what is left begins behind its number. */
static inline void seg_strip_syn(struct seg *s)
{
	s->flags &= (uint8_t)~TCP_SYN;
	s->seq++;
	s->urp -= s->urp > 0;
}

/* Parses buf's frame; `mac` is the receiving port's. On PARSE_TCP buf.len is
 * cut to the IP length (link padding removed). */
enum parse_result parse_frame(struct buf *b, const uint8_t mac[6], struct seg *s);
