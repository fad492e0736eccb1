/* SPDX-License-Identifier: BSD-3-Clause */
/* State names and the legal transitions: the table of docs/states.md. */
#include "engine/tcp/internal.h"

#define TO(s) (1u << TCP_##s)

/* RFC 9293 figure 5, row by row: the states that may follow. Every state may
 * end in CLOSED by RST, abort or timeout. */
static const uint16_t followers[TCP_NB_STATES] = {
    /* A connection comes into being by open (SYN_SENT) or, when the handshake
     * was proven by a half-open entry, as ESTABLISHED. */
    [TCP_CLOSED] = TO(SYN_SENT) | TO(ESTABLISHED),
    [TCP_SYN_SENT] = TO(ESTABLISHED) | TO(SYN_RECEIVED) | TO(CLOSED),
    [TCP_SYN_RECEIVED] = TO(ESTABLISHED) | TO(FIN_WAIT_1) | TO(CLOSED),
    [TCP_ESTABLISHED] = TO(FIN_WAIT_1) | TO(CLOSE_WAIT) | TO(CLOSED),
    [TCP_CLOSE_WAIT] = TO(LAST_ACK) | TO(CLOSED),
    [TCP_FIN_WAIT_1] = TO(FIN_WAIT_2) | TO(CLOSING) | TO(TIME_WAIT) | TO(CLOSED),
    [TCP_FIN_WAIT_2] = TO(TIME_WAIT) | TO(CLOSED),
    [TCP_CLOSING] = TO(TIME_WAIT) | TO(CLOSED),
    [TCP_LAST_ACK] = TO(CLOSED),
    [TCP_TIME_WAIT] = TO(CLOSED),
};

bool tcp_state_may_follow(enum tcp_state from, enum tcp_state to)
{
	return followers[from] >> to & 1;
}

void tcp_set_state(struct conn *c, enum tcp_state to)
{
	INVARIANT(tcp_state_may_follow(c->state, to));
	c->state = (uint8_t)to;
}

const char *tcp_state_name(enum tcp_state s)
{
	static const char *const names[TCP_NB_STATES] = {
	    "CLOSED",	  "LISTEN",	"SYN_SENT",   "SYN_RECEIVED", "ESTABLISHED", "CLOSE_WAIT",
	    "FIN_WAIT_1", "FIN_WAIT_2", "CLOSING",    "LAST_ACK",     "TIME_WAIT",
	};

	return names[s];
}

const char *tcp_close_reason_name(enum tcp_close_reason r)
{
	static const char *const names[] = {"done",    "reset",	      "refused",
					    "timeout", "unreachable", "aborted"};

	return names[r];
}
