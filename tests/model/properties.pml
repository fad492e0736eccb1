/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must hold; -DCHECK_... chooses. Spin itself finds states in which nothing can
 * happen any more although somebody waits (invalid end states).
 */

/* CHECK_LEGAL: states follow each other as in figure 5 of RFC 9293, or lead back to the
 * start by RST, abort or timeout. TIME_WAIT comes after all is acknowledged. */
#ifdef CHECK_LEGAL
#define is(from, to) (was == from && is_now == to)

inline check_transition(i)
{
	is_now = shown(i);
	assert(is_now == CLOSED || is_now == LISTEN ||
	       is(LISTEN, SYN_RECEIVED) || is(CLOSED, SYN_SENT) ||
	       is(SYN_SENT, SYN_RECEIVED) || is(SYN_SENT, ESTABLISHED) ||
	       is(SYN_RECEIVED, ESTABLISHED) || is(SYN_RECEIVED, FIN_WAIT_1) ||
	       is(ESTABLISHED, FIN_WAIT_1) || is(ESTABLISHED, CLOSE_WAIT) ||
	       is(FIN_WAIT_1, FIN_WAIT_2) || is(FIN_WAIT_1, CLOSING) ||
	       is(FIN_WAIT_2, TIME_WAIT) || is(CLOSING, TIME_WAIT) ||
	       is(CLOSE_WAIT, LAST_ACK));
	assert(is_now != TIME_WAIT || (t[i].fin_sent && t[i].una == t[i].nxt));
	is_now = 0
}
#else
#define check_transition(i) skip
#endif

/* CHECK_ORDERLY: when neither side aborts and both are patient, both hear that the
 * connection was closed, not reset or given up. */
#ifdef CHECK_ORDERLY
#define check_end(i, reason) assert(reason == BY_CLOSE || from_state < ESTABLISHED)
#else
#define check_end(i, reason) skip
#endif

/* CHECK_INCARNATION: no byte and no FIN of another connection is believed, and no RST
 * while the other end still has its side of this very connection. */
#ifdef CHECK_INCARNATION
#define is_for(i, j) (t[i].peer == t[j].self || t[i].peer == 0)
#define check_text(i) assert(FROM(s) == t[i].peer && FOR(s) == t[i].self)
#define check_reset(i) \
	assert(!(synchronized(i) || t[i].half) || !(is_open(1 - i) || t[1 - i].half) || \
	       !is_for(i, 1 - i) || !is_for(1 - i, i))
#else
#define check_text(i) skip
#define check_reset(i) skip
#endif

/* CHECK_AGREEMENT: two synchronized ends are so with each other, and neither expects what
 * the other has not sent or has already seen acknowledged. */
#define knows(i, j) \
	(t[i].peer == t[j].self && leq(t[j].una, t[i].rcv) && leq(t[i].rcv, t[j].nxt))
#define agree (knows(0, 1) && knows(1, 0))
#ifdef CHECK_AGREEMENT
#define check_step() assert(!synchronized(0) || !synchronized(1) || agree)
#else
#define check_step() skip
#endif

/* Nothing is left to do. */
#define silent (no_way(0) && no_way(1))
#ifdef KEEP
#define quiet (silent && t[0].st == ESTABLISHED && t[1].st == ESTABLISHED && agree && !crashes)
#else
#define quiet (silent && closed(0) && closed(1) && !t[0].opens && !t[1].opens)
#endif

#ifdef CHECK_END
ltl end_is_reached { <> quiet }
#endif

/* RECORD: prints each transition when it is first taken, as two numbers of states. */
#ifdef RECORD
c_decl {
	static unsigned char taken[16][16];
}

inline record(from, to)
{
	from_state = from;
	to_state = to;
	c_code {
		if (!taken[now.from_state][now.to_state])
			printf("taken %d %d\n", now.from_state, now.to_state);
		taken[now.from_state][now.to_state] = 1;
	}
}
#else
#define record(from, to) skip
#endif
