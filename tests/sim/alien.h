/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stranger: a host with a TCP of its own, after RFC 9293 and RFC 1122, that shares
 * nothing with the engine. It is as simple as it can be (stream positions of 64 bits,
 * one buffer each way, go back N) and does nothing for speed; what is odd about it is
 * its habits, which are lawful. It is client or server at the end of a link.
 *
 * One thread. Time is an argument. Where the engine breaks a rule that only its peer
 * can see, the stranger says so.
 */
#pragma once

#include "engine/base/tick.h"
#include "engine/tcp/tcp.h" /* enum tcp_close_reason */
#include "tests/lib/frame.h"
#include "tests/sim/habits.h"

#define ALIEN_CONNS 128 /* connections at once, those in TIME_WAIT included */
#define ALIEN_NEVER UINT64_MAX

struct alien;
struct alien_conn;

/* What the user of the connections is told; each may call anything below. */
struct alien_events {
	/* Somebody has connected to us. */
	void (*accepted)(void *user, struct alien *a, struct alien_conn *c);
	/* The connection is up, or data waits, or there is room again. */
	void (*ready)(void *user, struct alien *a, struct alien_conn *c);
	/* Everything was read and the peer's FIN has come. */
	void (*eof)(void *user, struct alien *a, struct alien_conn *c);
	/* It is gone, or in TIME_WAIT; not told after alien_close() or alien_abort(). */
	void (*closed)(void *user, struct alien *a, struct alien_conn *c,
		       enum tcp_close_reason reason);
};

struct alien_conf {
	const struct habits *habits; /* outlives it, as all that is pointed to */
	const struct alien_events *events;
	void *user;
	uint8_t mac[6], peer_mac[6];
	struct ipaddr addr4, addr6;
	uint16_t mtu;    /* bytes of IP packet */
	uint16_t listen; /* port that connections are taken on, 0: none */
	uint64_t seed;
	/* A life before this one: numbers go on behind its last, as after a quiet time (RFC
	 * 9293 §3.4.3). */
	bool has_lived;
	uint32_t last_seq;
	/* Puts a finished frame on the wire; it is copied. */
	void (*send)(void *ctx, const uint8_t *bytes, uint32_t len);
	void *send_ctx;
};

/* NULL: out of memory. */
struct alien *alien_create(const struct alien_conf *conf);

/* All connections end without a word. Returns the highest number that one has used. */
uint32_t alien_destroy(struct alien *a);

void alien_set_time(struct alien *a, usec_t now);

/* Takes a received frame, whatever it is. */
void alien_receive(struct alien *a, const uint8_t *bytes, uint32_t len);

/* Does what is due; true: something was. */
bool alien_timers(struct alien *a);

/* Tells what has happened, sends what is to be sent. */
void alien_finish(struct alien *a);

/* Earliest time at which alien_timers() has work, ALIEN_NEVER: none. */
usec_t alien_next(const struct alien *a);

/* Connections, those in TIME_WAIT included. */
uint32_t alien_objects(const struct alien *a);

/* What rule the peer has broken first, "": none. */
const char *alien_complaint(const struct alien *a);

/* ---- for its user ---- */

/* NULL: the port is still in use, or the table is full. */
struct alien_conn *alien_connect(struct alien *a, uint16_t lport, const struct ipaddr *raddr,
				 uint16_t rport);

uint32_t alien_readable(const struct alien_conn *c);
uint32_t alien_writable(const struct alien_conn *c);

/* Copies up to `max` waiting bytes without taking them. */
uint32_t alien_peek(const struct alien_conn *c, uint8_t *dst, uint32_t max);
uint32_t alien_read(struct alien_conn *c, uint8_t *dst, uint32_t max);

/* Queues what there is room for, and returns how much that was. */
uint32_t alien_write(struct alien_conn *c, const uint8_t *bytes, uint32_t len);

void alien_shutdown(struct alien_conn *c);
void alien_close(struct alien_conn *c);
void alien_abort(struct alien_conn *c);

/* The user's own, 0 at first. */
uint32_t *alien_tag(struct alien_conn *c);
