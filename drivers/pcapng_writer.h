/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lays out the blocks of a pcapng file in memory, in the machine's byte order
 * and with times in nanoseconds. Whoever calls writes them to a file: a section
 * header first, then an interface for each index used, then packets. Each
 * function returns the bytes it put, or 0 when `room` is too small.
 */
#pragma once

#include "engine/base/compiler.h"
#include "drivers/pcapng.h"

/* Enough for either of the first two blocks, with a name of up to 127 bytes. */
#define PCAPNG_HEAD_MAX 256

/* A packet's block is at most this much longer than the frame. */
#define PCAPNG_PACKET_EXTRA 48

/* With its queue as well, and a comment of up to PCAPNG_COMMENT_MAX bytes. */
#define PCAPNG_COMMENT_MAX 64
#define PCAPNG_FRAME_EXTRA (PCAPNG_PACKET_EXTRA + 8 + 4 + PCAPNG_COMMENT_MAX)

/* One packet and what is to be said of it. */
struct pcapng_frame {
	uint32_t iface;   /* counted from 0 in the order put */
	uint64_t time_ns; /* since 1970 */
	enum pcapng_direction direction;
	const uint8_t *data;
	uint32_t kept;         /* bytes at data */
	uint32_t len;          /* bytes on the wire */
	const uint32_t *queue; /* that it passed through; NULL: not told */
	const char *comment;   /* at most PCAPNG_COMMENT_MAX bytes; NULL: none */
};

size_t pcapng_put_section(uint8_t *to, size_t room);

/* An Ethernet interface. */
size_t pcapng_put_interface(uint8_t *to, size_t room, const char *name, const uint8_t mac[6]);

/* A frame on interface number `iface`, counted from 0 in the order put. As much
 * of it as fits is kept. */
size_t pcapng_put_packet(uint8_t *to, size_t room, uint32_t iface, uint64_t time_ns,
			 enum pcapng_direction direction, const uint8_t *data, uint32_t len);

/* The same with all that can be said of a frame. All kept bytes go in: `room` is
 * at least PCAPNG_FRAME_EXTRA more. */
size_t pcapng_put_frame(uint8_t *to, size_t room, const struct pcapng_frame *f);

/* What is left of blocks in memory, `bytes` long, when a write has ended after `at`
 * of them: the number of packets that are not in the file as a whole. In *whole:
 * the bytes of the blocks in front of the one that was cut. */
uint64_t pcapng_unwritten(const uint8_t *blocks, size_t bytes, size_t at, size_t *whole);
