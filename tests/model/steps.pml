/* SPDX-License-Identifier: BSD-3-Clause */
/* What the user of an end does and what its timers do. */

inline connect(i, step)
{
	t[i].opens--;
	take_isn(i, step);
	printf("%c: opens\n", who(i));
	go(i, CLOSED, SYN_SENT);
	out = SYN_OF(i);
	finish(i)
}

/* tcp_shutdown() */
inline shut_down(i)
{
	printf("%c: %e shutdown\n", who(i), t[i].st);
	if
	:: sends(i) -> send_fin(i)
	:: t[i].st == FIN_WAIT_2 -> go(i, FIN_WAIT_2, FIN_WAIT_1)
	:: else -> t[i].early = 1
	fi;
	finish(i)
}

/* tcp_close() of a connection that is up; unread data or too many orphans make it an
 * abort. */
inline close(i)
{
	printf("%c: %e close\n", who(i), t[i].st);
	t[i].orphan = 1;
	if
	:: sends(i) -> send_fin(i)
	:: else
	fi;
	finish(i)
}

inline abort(i)
{
	printf("%c: %e abort\n", who(i), t[i].st);
	t[i].aborts = 0;
	reset_and_die(i);
	finish(i)
}

inline write(i)
{
	printf("%c: %e write\n", who(i), t[i].st);
	out = own(i, TEXT | ACK, t[i].nxt);
	t[i].text_sent = 1;
	t[i].nxt = add(t[i].nxt, 1);
	finish(i)
}

inline retransmit(i)
{
	printf("%c: %e retransmission timeout\n", who(i), shown(i));
	count_retry(i);
	send_again(i);
	finish(i)
}

inline give_up(i)
{
	printf("%c: %e gives up\n", who(i), shown(i));
	if
	:: t[i].half -> half_drop(i)
	:: else -> die(i, BY_TIMEOUT)
	fi;
	finish(i)
}

inline expire(i)
{
	printf("%c: %e timeout\n", who(i), t[i].st);
	if
	:: t[i].st == TIME_WAIT -> die(i, BY_CLOSE)
	:: else -> die(i, BY_TIMEOUT)
	fi;
	finish(i)
}

inline crash(i)
{
	printf("%c: %e crash\n", who(i), shown(i));
	crashes = 0;
	was = CLOSED;
	t[i].st = CLOSED;
	t[i].half = 0;
	t[i].safety = 0;
	forget(i);
	finish(i)
}

inline keep_alive(i)
{
	printf("%c: keepalive\n", who(i));
	out = own(i, ACK, sub(t[i].nxt, 1));
	finish(i)
}

/* Where it makes a difference. Before the connection is up it is an abort. */
#define may_close(i) \
	(sends(i) || (t[i].st == FIN_WAIT_1 || t[i].st == FIN_WAIT_2) && !t[i].orphan)

#ifdef PATIENT
#define may_shut_down(i) sends(i)
#else
#define may_shut_down(i) \
	((t[i].st == SYN_SENT || t[i].st == SYN_RECEIVED) && !t[i].early || sends(i) || \
	 broken(SHUTDOWN_TWICE) && t[i].st == FIN_WAIT_2)
#endif

#ifdef KEEP
#define may_crash(i) (crashes && t[0].st == ESTABLISHED && t[1].st == ESTABLISHED)
#else
#define may_crash(i) (crashes && !closed(i))
#endif

/* What the retransmission timer runs for. */
#define unanswered(i) \
	(t[i].half && !broken(SYN_ACK_ONCE) || \
	 (t[i].st == SYN_SENT || t[i].st == SYN_RECEIVED) && !broken(SYN_ONCE) || \
	 synchronized(i) && t[i].una != t[i].nxt && !(broken(FIN_ONCE) && t[i].fin_sent))

#define fin_timeout_runs(i) \
	(t[i].st == FIN_WAIT_2 && t[i].orphan && !broken(NO_FIN_TIMEOUT))

/* 2MSL: what was sent of the connection, and what answered it, has arrived or is gone by
 * then, except what a peer that has heard nothing is sending still. (The record's own last
 * answer could outlive it in truth; here it does not.) */
#define sends_still(i, s) \
	(FLAGS(s) & FIN && t[1 - i].self == t[i].peer && t[1 - i].una != t[1 - i].nxt)
#define of_old(i, n) \
	(at(1 - i, n) && FROM(at(1 - i, n)) == t[i].self || \
	 at(i, n) && FROM(at(i, n)) == 0 && FOR(at(i, n)) == t[i].self || \
	 at(i, n) && FROM(at(i, n)) == t[i].peer && !sends_still(i, at(i, n)))
#define time_wait_over(i) \
	(broken(NO_TIME_WAIT) || true each_slot(and_not_old))
#define and_not_old(n) && !of_old(i, n)

#ifdef PATIENT
#define patience silent
#define peer_is_gone(i) (!is_open(1 - i) && !t[1 - i].half)
#else
#define patience true
#define peer_is_gone(i) true
#endif
