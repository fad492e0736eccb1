/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames built and taken apart by code that shares nothing with engine/wire, so
 * that a mistake there cannot hide itself: checksums are summed word by word in
 * host order, lengths are verified against each other. RFC 791, 792, 826, 4443,
 * 4861, 8200, 9293 §3.1; IEEE 802.1Q.
 */
#pragma once

#include <stdio.h>

#include "engine/base/compiler.h"
#include "engine/base/ipaddr.h"

#define FRAME_MAX 10240 /* bytes of the largest frame that is built */

enum frame_kind { FRAME_TCP, FRAME_ARP, FRAME_ICMP, FRAME_OTHER };

/* Flag bits as in the TCP header's 13th byte. */
enum frame_tcp_flags {
	FRAME_FIN = 0x01,
	FRAME_SYN = 0x02,
	FRAME_RST = 0x04,
	FRAME_PSH = 0x08,
	FRAME_ACK = 0x10,
	FRAME_URG = 0x20,
	FRAME_ECE = 0x40,
	FRAME_CWR = 0x80,
};

struct frame_tcp {
	uint16_t sport, dport; /* host order, as all fields here */
	uint32_t seq, ack;
	uint16_t wnd, urp;
	uint8_t flags;
	uint8_t opts_len; /* bytes; a multiple of 4 once in a frame */
	uint8_t opts[40];
};

struct frame_icmp {
	uint8_t type, code;
	uint32_t rest; /* the four bytes behind the checksum, host order */
};

struct frame_arp {
	uint16_t op; /* 1 request, 2 reply */
	uint8_t sha[6], tha[6];
	uint32_t spa_be, tpa_be;
};

/* What goes wrong with a frame on purpose; all zero: nothing. */
struct frame_harm {
	bool ip_csum, l4_csum;   /* the sum is off by one */
	bool ethertype;          /* 0x88b5, a local experiment */
	int ip_len;              /* added to the IP length field */
	uint8_t data_offset;     /* in words instead of the true one, 0: true */
	uint8_t ip_version;      /* instead of the true one */
	uint8_t ip_option_words; /* IPv4: NOP options */
	uint8_t ext_header;      /* IPv6: kind of an extension header in front of TCP, 0: none */
	bool ext;                /* ext_header is to be inserted (kind 0 is hop-by-hop) */
	uint16_t frag;           /* IPv4: flags and offset field; IPv6: offset and M */
	bool has_frag;
	uint16_t cut; /* bytes cut off the frame's end */
	uint16_t pad; /* bytes of link padding behind it */
};

struct frame {
	uint8_t dst[6], src[6];
	uint16_t vlan; /* 0: untagged */
	enum frame_kind kind;
	struct ipaddr saddr, daddr;
	uint8_t ttl, tos, proto;
	bool fragmentable; /* parsed: IPv4 without don't-fragment */
	struct frame_tcp tcp;
	struct frame_icmp icmp;
	struct frame_arp arp;
	const uint8_t *payload; /* behind the TCP header, the ICMP header or the IP header */
	uint32_t payload_len;
	struct frame_harm harm;
};

/* Sums that a port with offload is to fill in; see frame_parse(). */
enum frame_pending { FRAME_IP_SUM_PENDING = 1, FRAME_L4_SUM_PENDING = 2 };

/* Writes the frame to out[FRAME_MAX] and returns its length in bytes. */
uint32_t frame_build(uint8_t *out, const struct frame *f);

/* Writes the fragment that carries bytes [start, end) of the IP payload of a frame
 * without extension headers; start is a multiple of 8, and the last one ends with
 * the frame. Returns its length; out[FRAME_MAX]. */
uint32_t frame_fragment(uint8_t *out, const uint8_t *frame, uint32_t len, uint32_t start,
			uint32_t end, uint16_t id);

/*
 * Takes a frame apart. Everything is verified: lengths, both checksums, the
 * layout of TCP options, that no fragment and no VLAN priority is set. False:
 * `why` (size bytes) says what is wrong. `pending`: an IPv4 sum that must be 0,
 * a TCP sum that must be that of the pseudo-header alone. f->payload points
 * into `bytes`.
 */
bool frame_parse(const uint8_t *bytes, uint32_t len, unsigned pending, struct frame *f, char *why,
		 size_t size);

/* The ICMP message that reports on a packet: type and code of the family that
 * `original` (an IP packet, original_len bytes) has. */
struct frame_icmp frame_icmp_error(uint8_t family, const char *what, uint32_t mtu, bool *known);

/* CRC-32 (IEEE 802.3), as the frame check sequence has it. */
uint32_t frame_crc(const uint8_t *bytes, uint32_t len);
