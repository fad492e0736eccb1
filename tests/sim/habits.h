/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ways of a strange but lawful TCP, drawn from a seed: what it offers in its SYN,
 * how it cuts, repeats and acknowledges, what window it keeps. All of it is allowed
 * by RFC 9293 and RFC 1122, much of it is unwise, and some of it exists.
 */
#pragma once

#include "engine/base/tick.h"
#include "tests/sim/dice.h"

enum habits_close {
	HABITS_FIN_WITH_DATA, /* on the last segment of data when that is not out yet */
	HABITS_FIN_APART,     /* in a segment of its own */
	HABITS_FIN_LATE,      /* when all data is acknowledged */
};

struct habits {
	/* Options of its SYN, and of all segments where agreed. */
	uint16_t mss; /* announced, 0: not at all */
	bool timestamps, sack, wscale;
	uint8_t shift;           /* of its window, when scaled */
	uint8_t layout;          /* order and padding of options, any number */
	bool unknown_option;     /* one that nobody knows among them */
	uint32_t ts_tick_us;     /* of its timestamp clock, which may wrap soon */
	uint32_t ts_before_wrap; /* ticks until then */

	/* Opening. */
	uint32_t iss_before_wrap; /* numbers between its initial one and 2^32, 0: any */
	bool syn_data;            /* the SYN carries what is queued */
	bool data_on_third;       /* the handshake's last segment does, else it is bare */
	bool crosses;             /* as a server: answers a SYN by one of its own, as if both
				   * had opened at once */

	/* Sending. */
	uint16_t segment;       /* payload of a segment at most, bytes */
	bool uneven;            /* each one as long as chance will have it */
	uint16_t flight;        /* segments in flight at most */
	uint32_t rto_us;        /* fixed, or the first one with backoff */
	bool backoff, fast;     /* goes back after three duplicate ACKs as well */
	uint32_t duplicate_ppm; /* segments sent twice */
	uint32_t urgent_ppm;    /* data segments with URG */
	bool push;              /* PSH on every segment, else on none */
	enum habits_close close;
	uint32_t keepalive_us; /* silence until it asks, 0: never */
	bool keepalive_byte;   /* with one byte of old data */
	bool ecn;
	bool fragmentable; /* IPv4: without don't-fragment */
	uint8_t ttl;

	/* Receiving. */
	uint32_t rcvbuf;       /* bytes */
	uint8_t ack_every;     /* segments in order for an ACK */
	uint32_t ack_delay_us; /* or so long, below 500 ms */
	bool keeps_early;      /* what comes out of order; else it is dropped */
	bool dsack;            /* reports what came twice (RFC 2883) */
	bool silly_window;     /* every byte read is offered at once */
	bool keeps_quiet;      /* tells of an opened window only when asked */
	uint32_t wait_us;      /* in TIME_WAIT */
	bool reuses_wait;      /* a newer SYN ends it (RFC 1122 §4.2.2.13) */
};

/* Draws all of it. `mtu`: of the link, bytes of IP packet; `lossy`: frames may be
 * lost by the dozen, so what waits for one must not wait long. */
void habits_draw(struct habits *h, struct dice *d, uint16_t mtu, bool lossy);
