/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A TCP segment in a script's notation, packetdrill's where it has one:
 *   FLAGS SEQ:END(LEN) [ack N] [win N] [urg N] [<options>] ["payload"] [[mods]]
 * FLAGS are letters of SFRPUEW and `.` for ACK, or `-` for none. Numbers are
 * relative; mods are harm and fields below TCP, see docs/packet-scripts.md.
 */
#pragma once

#include "tests/lib/frame.h"
#include "tests/script/options.h"

#define SEGMENT_TEXT_MAX 2048

#define PEER	 2 /* rig number of the peer, */
#define STRANGER 9 /* and of a station that is neither he nor the engine */

/* Fields below TCP that a script may set or check. */
#define MODS_PIECES 32

struct mods {
	bool has_ttl, has_tos, has_vlan;
	bool fragmentable; /* expected: IPv4 without don't-fragment */
	uint32_t ttl, tos, vlan;
	char ether[16]; /* destination MAC: "broadcast", "multicast", "other", "": the engine's */
	char from[48], to[48]; /* IP addresses instead of the usual ones, "": usual */
	bool stranger;         /* sent by, or to, another station of the link than the peer */
	bool land;             /* addresses and ports of source and destination are the same */
	struct frame_harm harm;
	uint32_t nb_pieces; /* sent as IP fragments of these bytes of the IP payload */
	struct {
		uint32_t start, end;
	} pieces[MODS_PIECES];
	uint32_t id; /* their identification */
};

struct segment {
	uint8_t flags; /* enum frame_tcp_flags */
	uint32_t seq, len;
	bool has_ack, has_wnd, has_urp;
	bool any_wnd, any_flags_psh; /* `win *`; expected with `?`: PSH or not */
	uint32_t ack, wnd, urp;
	struct options opts;
	bool has_text; /* payload as given, not from the stream's pattern */
	uint32_t text_len;
	char text[SEGMENT_TEXT_MAX];
	struct mods mods;
};

/* Reads a segment up to the end of the line. */
bool segment_scan(struct scan *s, struct segment *seg);

/* Reads `[mods]` if they come next, then the end of the line. */
bool mods_scan(struct scan *s, struct mods *m);

/* What frame_parse() made of a TCP segment of the engine's, in relative numbers. */
void segment_of_frame(const struct frame *f, const struct relation *rel, struct segment *seg);

/* True when `got` is what `want` describes; payload content is not compared. */
bool segment_match(const struct segment *want, const struct segment *got);

void segment_print(FILE *out, const struct segment *seg);
