/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The world around a shard that is being fuzzed: a configuration chosen by the
 * input, a wire that verifies every frame and keeps some for a while, a service
 * that does what it is told, and the laws that must hold after every step. Any
 * breach ends the program. One thread; one world at a time is enough.
 */
#pragma once

#include "engine/base/toeplitz.h"
#include "engine/info.h"
#include "engine/service/proxy.h"
#include "engine/table/tuple.h"
#include "engine/tcp/internal.h"
#include "tests/lib/frame.h"
#include "tests/lib/rig.h"

#define WORLD_WIRE_MAX	  128 /* frames that have left the shard and not the wire */
#define WORLD_CONNS_MAX	  64
#define WORLD_CONNECTS	  40 /* active opens in one life */
#define WORLD_TEST_PORT	  80 /* listeners of the test's own service */
#define WORLD_BACKEND_PORT 9000 /* what it connects to */

/* The input, read from its beginning; zeros once it is used up. */
struct input {
	const uint8_t *p;
	size_t left;
};

uint8_t input_u8(struct input *in);
uint16_t input_u16(struct input *in);
uint32_t input_u32(struct input *in);

/* What the test's service knows of the connection in a slot. */
struct user {
	bool owned;	   /* accepted or connected, and not closed yet */
	bool synchronized; /* read_seq is known */
	uint32_t read_seq; /* sequence number of the next byte to be read */
};

/* What the service does when it is called; see world_act(). */
struct moods {
	uint8_t acceptable, connected, readable, eof, writable, closed;
};

/* As a device sees it: a piece of memory that nobody may write to meanwhile. */
struct wire_frame {
	struct buf *buf;
	const uint8_t *data;
	uint32_t len, crc;
};

struct world {
	struct testconf tc;
	struct rig rig;
	struct shard *sh;
	struct mem_pool *pool;
	usec_t now;

	struct user users[WORLD_CONNS_MAX + 1]; /* by connection index */
	struct moods moods;
	uint32_t connects;

	struct buf *burst[SHARD_BURST]; /* arrived, not yet given to the shard */
	uint32_t burst_len;
	struct wire_frame wire[WORLD_WIRE_MAX];
	uint32_t wire_len;
	uint32_t wire_takes; /* frames that the port takes at a time */
	bool wire_keeps;     /* frames stay until world_wire_release() */
	uint32_t rx_flags;   /* what the port has verified of right frames */
	uint8_t cut;	     /* how the next frame comes in fragments, 0: whole */
	uint8_t frag_id;     /* few numbers, so that fragments of several meet */
	bool abrupt;	     /* the end comes without warning */
	struct toeplitz toeplitz; /* decides owners when there are other shards */
};

/* ---- world.c ---- */

/* Ends the program with a message. */
PRINTF_LIKE(1, 2) __attribute__((noreturn)) void world_fail(const char *fmt, ...);

/* Takes its configuration from the input. The caller's memory. */
void world_init(struct world *w, struct input *in);

/* The peers fall silent and the service closes everything: in the end nothing
 * may be left, of connections, timers or buffers. Or the shard is stopped as it
 * is, and gives back what it holds. */
void world_fini(struct world *w);

/* Gives the arrived frames to the shard. */
void world_receive(struct world *w);

/* One turn of the worker, with at most `budget` timers. */
void world_turn(struct world *w, uint32_t budget);

void world_advance(struct world *w, usec_t us);

/* ---- world_laws.c ---- */

/* Everything that is true of a shard between two calls. */
void world_check(struct world *w);

/* A listing of all connections, in steps of `max`, names each of them once. */
void world_list(const struct world *w, uint32_t max);

/* ---- world_peer.c ---- */

/* The byte that every sender in this world puts at a sequence number. */
static inline uint8_t world_byte(uint32_t seq)
{
	return (uint8_t)((seq * 2654435761u) >> 24);
}

/* Puts a frame on its way to the shard, unless there is no buffer for it. */
void world_arrive(struct world *w, const uint8_t *bytes, uint32_t len, uint32_t rx_flags);

/* One segment of a peer, its fields from the input, most of them near what the
 * connection expects. */
void world_peer_segment(struct world *w, struct input *in);

/* Anything else from the network: ARP, neighbour discovery, ICMP, noise. */
void world_peer_other(struct world *w, struct input *in);

/* ---- world_wire.c ---- */

/* Offers the shard's frames to the port, verifying those that it takes. */
void world_wire_transmit(struct world *w);

/* The oldest `n` frames have left for good. */
void world_wire_release(struct world *w, uint32_t n);

/* Frames of others leave no more than `room` places in the transmit queue. */
void world_wire_fill(struct world *w, uint32_t room);

/* ---- world_user.c ---- */

extern const struct service world_service;

/* Does to connection `index` what `action` says, when the service has it. */
void world_act(struct world *w, uint32_t index, uint8_t action);

/* Accepts one connection of a listener, the service has it then; 0: none. */
uint32_t world_accept(struct world *w, uint16_t listener);

/* An active open to the test's backend; 0: not possible. */
uint32_t world_connect(struct world *w);
