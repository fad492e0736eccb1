/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an end keeps of a connection. Names are those of engine/tcp. There is one tuple,
 * so one connection at a time: a half-open entry, a control block, a TIME_WAIT record.
 */

/* Numbered from the last on. */
mtype = { TIME_WAIT, LAST_ACK, CLOSING, FIN_WAIT_2, FIN_WAIT_1, CLOSE_WAIT, ESTABLISHED,
	  SYN_RECEIVED, SYN_SENT, LISTEN, CLOSED };

/* Why one ends. */
#define BY_CLOSE   0
#define BY_RESET   1
#define BY_TIMEOUT 2
#define BY_ABORT   3

/* Steps of the clock that initial sequence numbers come from, and end.safety. */
#define CLOCK	   8
#define SLOW_CLOCK 1
#define PEER_WAITS 1
#define HAS_WAITED 2

typedef end {
	mtype st;	    /* conn.state, and of a TIME_WAIT record */
	bit half;	    /* a half-open entry: st is CLOSED, the numbers are the entry's */
	bit listens;
	byte una, nxt, rcv; /* SND.UNA, SND.NXT, RCV.NXT */
	bit text_sent, fin_sent;
	bit early;	    /* CF_SHUTDOWN_EARLY */
	bit orphan;	    /* CF_ORPHAN, while it matters */
	bit fin_early;	    /* the FIN behind the next byte has come before that byte */
	unsigned retries : 2;
	byte isn;	    /* the last initial sequence number taken */
	unsigned safety : 2; /* from what is left of the last connection, see take_isn() */
	unsigned self : 2;  /* the last connection's number at this end, and its number at */
	unsigned peer : 2;  /* the peer's, 0: not known; no part of the protocol, see FROM */
	unsigned opens : 2; /* active opens still to be made */
	bit aborts;	    /* may abort, once */
};
end t[2];

/* Of the step under way: what is sent at its end, whether that is to be our FIN, and what
 * go() and die() look at. 0 between steps, as all that belongs to one. */
int out;
bit fin_now;
mtype was, is_now, from_state, to_state;

#define who(i)		(65 + (i))
#define closed(i)	(t[i].st == CLOSED && !t[i].half)
#define is_open(i)	(t[i].st != CLOSED && t[i].st != TIME_WAIT)
#define synchronized(i) (t[i].st >= ESTABLISHED)
#define sends(i)	(t[i].st == ESTABLISHED || t[i].st == CLOSE_WAIT)
#define receives(i) \
	(t[i].st == ESTABLISHED || t[i].st == FIN_WAIT_1 || t[i].st == FIN_WAIT_2)

/* The state by RFC 9293's names. */
#define shown(i) \
	(t[i].half -> SYN_RECEIVED : (t[i].st == CLOSED && t[i].listens -> LISTEN : t[i].st))

#define own(i, flags, seq) segment(flags, seq, t[i].rcv, t[i].self, t[i].peer)
#define SYN_OF(i)     segment(SYN, t[i].una, 0, t[i].self, 0)
#define SYN_ACK_OF(i) own(i, SYN | ACK, t[i].una)
#define ACK_OF(i)     own(i, ACK, t[i].nxt)
#define RST_OF(i)     own(i, RST | ACK, t[i].nxt)
