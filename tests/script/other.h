/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that are not TCP, one notation for both families:
 *   neighbour request [who IP] [tell IP]     ARP request / neighbour solicitation
 *   neighbour reply [who IP] [tell IP]       ARP reply / neighbour advertisement
 *   echo request|reply [id N] [seq N] [(LEN)]
 *   icmp KIND [mtu N] [seq N[(LEN)]] [quote BYTES]   an error about a segment of ours
 */
#pragma once

#include "tests/script/segment.h"

enum other_kind {
	OTHER_NEIGHBOUR_REQUEST,
	OTHER_NEIGHBOUR_REPLY,
	OTHER_ECHO_REQUEST,
	OTHER_ECHO_REPLY,
	OTHER_ICMP_ERROR
};

struct other {
	enum other_kind kind;
	struct ipaddr who, tell; /* whose MAC it is about, and who asks or is told */
	uint32_t id, seq, len;   /* echo; seq and len of what an error is about */
	char error[32];
	uint32_t mtu, quote; /* bytes of TCP header quoted; 20 unless said otherwise */
	struct mods mods;
};

/* What was on the wire from which side, and where its numbers begin. */
struct other_context {
	uint8_t family;
	struct ipaddr local, peer;
	uint16_t lport, rport;
	const struct relation *rel;
	uint8_t local_mac[6], peer_mac[6];
};

/* True when the line begins with a word of this notation. */
bool other_comes(struct scan *s);

/* Reads the rest of the line; `from_engine`: who sends it decides what is left out. */
bool other_scan(struct scan *s, const struct other_context *ctx, bool from_engine, struct other *o);

/* Fills *f with what the peer sends; `room` holds its payload (FRAME_MAX bytes). */
bool other_build(const struct other *o, const struct other_context *ctx, struct frame *f,
		 uint8_t *room);

/* What a frame of the engine's is; false: `why` (size bytes) says what is wrong with it. */
bool other_of_frame(const struct frame *f, const struct other_context *ctx, struct other *o,
		    char *why, size_t size);

bool other_match(const struct other *want, const struct other *got);
void other_print(FILE *out, const struct other *o);
