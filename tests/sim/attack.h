/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An attacker who sends to every engine whatever is known to hurt a TCP, while the
 * plan's connections go on: segments of all flags with the tuple of a connection that
 * is there, opening or closing, or of none; options, fragments and sums that are
 * nonsense; ICMP errors about what is in flight or not; false claims to the neighbour's
 * address. He is not on the path, so of a connection's numbers he guesses at most one
 * right: a sequence number in the window, or an acknowledgement of what is in flight,
 * never both, and never the very number a RST must have. Nor does he guess in the
 * moment of an active open, whose first answer every TCP must take on trust, nor speak
 * for a neighbour who is too slow to answer for himself.
 *
 * Whatever he does, what holds without him holds with him: world.c sees to that.
 *
 * attack.c says when and at whom, attack_mark.c knows him, attack_segment.c and
 * attack_other.c forge frames.
 */
#pragma once

#include "engine/base/tick.h"
#include "tests/lib/frame.h"
#include "tests/sim/dice.h"

struct node;
struct shard;
struct world;

/* Whose tuple a frame has. */
enum attack_aim { ATTACK_CONN, ATTACK_HALF, ATTACK_TIME_WAIT, ATTACK_NOBODY, ATTACK_AIMS };

struct attack {
	struct dice dice;
	usec_t at;                    /* when the next volley comes, PEER_NEVER: no more */
	uint32_t volleys;             /* left */
	uint64_t frames[ATTACK_AIMS]; /* sent so far */
};

/* What an attacker could know at best of whom he aims at. */
struct attack_mark {
	enum attack_aim aim;
	uint16_t port;          /* of the engine's that the frame comes in by */
	uint8_t mac[6];         /* of that port, */
	uint8_t neighbour[6];   /* and of the other end of its link */
	struct ipaddr us, them; /* the engine's address and its peer's */
	uint16_t lport, rport;
	bool opening;             /* a SYN of the engine's own waits for its answer */
	bool poison;              /* the neighbour is quick enough to defend his address */
	uint32_t rcv_nxt, window; /* numbers of theirs that would be taken */
	uint32_t snd_una, flight; /* and those of ours that are in flight */
	uint32_t ts_recent;
};

/* Begins with the plan's connections. */
void attack_begin(struct world *w);

/* Sends what is due. */
void attack(struct world *w);

/* When there is more, PEER_NEVER: never. */
usec_t attack_next(const struct world *w);

/* ---- attack_mark.c ---- */

/* Draws somebody of node `i` to aim at. */
void attack_aim(const struct world *w, uint32_t i, struct dice *d, struct attack_mark *m);

/* ---- attack_segment.c, attack_other.c ---- */

/* Link and network layer of a frame to the mark, in the name of its peer. */
void attack_headers(struct frame *f, const struct attack_mark *m, struct dice *d);

/* A forged segment. */
void attack_segment(struct frame *f, const struct attack_mark *m, struct dice *d);

/* An ICMP message; what it quotes is written to room[FRAME_MAX]. */
void attack_icmp(struct frame *f, const struct attack_mark *m, struct dice *d, uint8_t *room);

/* A false claim to the neighbour's address, by ARP or neighbour discovery; likewise. */
void attack_claim(struct frame *f, const struct attack_mark *m, struct dice *d, uint8_t *room);
