/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One run of one script: an engine of one shard in virtual time, a peer whose
 * frames the script writes, and the queue of frames the engine has sent that the
 * script has not looked at yet. Any frame that nobody expected is a failure.
 */
#pragma once

#include "tests/lib/rig.h"
#include "tests/script/other.h"
#include "tests/script/settings.h"

#define PLAY_PORT 80 /* the listener's */
#define PLAY_BACKEND_PORT                                                                          \
	8080 /* and the next one: the peer's, for connections that the engine opens */
#define PLAY_VLAN         100
#define PLAY_LOCAL4       "192.0.2.1"
#define PLAY_LOCAL6       "2001:db8:1::1"
#define PLAY_PEER4        "192.0.2.2"
#define PLAY_PEER6        "2001:db8:1::2"
#define PLAY_FLOWS        40
#define PLAY_EVENTS       256
#define PLAY_TOLERANCE_US 1000

/* A frame the engine has sent, and what the port was asked to do with it. */
struct captured {
	struct captured *next;
	usec_t at;
	unsigned pending; /* enum frame_pending */
	bool hidden;      /* answered behind the script's back */
	uint32_t len;
	uint8_t bytes[];
};

/* One connection as the script sees it; `conn N:` names it. */
struct flow {
	struct ipaddr local, peer;
	uint16_t lport, rport; /* lport 0: taken from the next SYN towards rport */
	uint16_t vlan;
	uint32_t wnd; /* the peer's last window */
	struct relation rel;
	bool has_floor;
	uint32_t floor; /* has_floor: our next initial sequence number comes after this one */
	struct conn *c; /* accepted or connected and not closed since, else NULL */
	const char *events[PLAY_EVENTS];
	uint32_t nb_events, seen_events;
	uint64_t written, read; /* bytes by the application */
};

struct play {
	const struct script *script;
	const struct script_line *line; /* being run */
	struct settings set;
	uint8_t family;
	bool verbose;
	bool learning; /* a rehearsal, to find out the first initial sequence number */
	bool learnt;
	uint32_t learnt_iss;

	struct testconf tc;
	struct mem_pool *pool;
	struct rig rig;
	usec_t start, now, mark; /* of the script, of the engine, of the last event */

	struct flow flows[PLAY_FLOWS];
	uint32_t current;       /* flow of lines that name none */
	struct flow *flow;      /* of the line being run */
	uint32_t nb_acceptable; /* acceptable() calls not asked for yet */
	struct captured *head, *tail;
	struct buf *burst[SHARD_BURST]; /* frames to be received together */
	uint32_t nb_burst;
	bool bursting;
	struct buf *hoard;     /* buffers taken away from the engine */
	struct buf *held[256]; /* frames that the port has not sent yet */
	uint32_t nb_held;
	bool holding;
	bool busy; /* the port takes nothing */
	void *lists; /* table in force, NULL: none */

	bool failed;
	char why[4096];
};

/* Runs a script; false: p->why says where and why. */
bool play_run(struct play *p, const struct script *script, uint8_t family, bool verbose);

/* Notes a failure at the current line unless there is one; always false. */
bool play_fail(struct play *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Lets the engine take a turn now: bursts in, timers, events, frames out. */
bool play_turn(struct play *p);

/* Lets time pass until `until`, or until the engine has sent a frame. */
bool play_wait(struct play *p, usec_t until);

/* Gives a frame to the engine, at once or with the burst being collected. */
bool play_receive(struct play *p, const uint8_t *bytes, uint32_t len);

/* Takes the oldest frame that the engine has sent; NULL: none. free() it. */
struct captured *play_take(struct play *p);

/* Fails because of frame `c`, `expected` having been due instead. */
bool play_unexpected(struct play *p, const struct captured *c, const char *expected);

/* Both sides of the flow that the line is about. */
struct other_context play_context(const struct play *p);

/* Runs the line's command behind `<`; behind `>`, between two times. */
bool play_inject(struct play *p, struct scan *s);
bool play_expect(struct play *p, struct scan *s, usec_t from, usec_t until);

/* Runs an application's or the runner's own command. */
bool play_command(struct play *p, struct scan *s);

/* The flow that a frame of the engine's belongs to; NULL: none. */
struct flow *play_flow_of(struct play *p, const struct frame *f);

/* Streams of payload on a flow: what the peer sends, and what the engine is to. */
uint64_t play_stream_in(const struct play *p, const struct flow *flow);
uint64_t play_stream_out(const struct play *p, const struct flow *flow);

extern const struct service play_service;
