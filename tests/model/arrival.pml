/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A segment arrives: RFC 9293 §3.10.7 and RFC 5961, check by check as engine/tcp does it
 * in timewait.c, listen.c, half.c, open.c, input.c, ack.c, text.c and close.c. Challenge ACKs are
 * not counted: one that the limit holds back is like one that the network drops.
 */

/* The segment, its fields as they are cut to what is new, and whether it goes on. */
int s;
byte f, seq, ackno, length;
byte todo, ack_now;

/* A TIME_WAIT record has just yielded; the connection of it used numbers up to `last`. */
byte reused;
byte last;

/* tcp_reset_reply() */
inline reset_reply()
{
	todo = 0;
	if
	:: f & RST || broken(NO_RESET) -> skip
	:: !(f & RST || broken(NO_RESET)) && f & ACK -> out = segment(RST, ackno, 0, 0, FROM(s))
	:: !(f & RST || broken(NO_RESET)) && !(f & ACK) ->
		out = segment(RST | ACK, 0, add(seq, length), 0, FROM(s))
	fi
}

/* tcp_listen_ready(): an entry is left; here, a number for another connection. */
#define listen_ready(i) (t[i].listens && t[i].self < CONNECTIONS)

/* half_create() */
inline half_create(i)
{
	if
	:: !reused -> take_isn(i, (t[i].safety == HAS_WAITED -> SLOW_CLOCK : CLOCK))
	:: reused && broken(NO_ISS_GAP) -> take_isn(i, 0)
	:: reused && !broken(NO_ISS_GAP) -> take_isn(i, add(sub(last, t[i].isn), ISS_GAP))
	fi;
	was = shown(i);
	t[i].half = 1;
	t[i].rcv = add(seq, 1);
	t[i].peer = FROM(s);
	check_transition(i);
	out = SYN_ACK_OF(i)
}

/* tcp_time_wait_input() */
inline time_wait_input(i)
{
	todo = 0;
	if
	:: f & RST ->
		if
		:: broken(RESET_ENDS_TIME_WAIT) && seq == t[i].rcv -> die(i, BY_RESET)
		:: else
		fi
	:: (f & (SYN | ACK | RST)) == SYN && listen_ready(i) &&
	   (gt(seq, t[i].rcv) || broken(ANY_SYN_IS_NEWER)) ->
		last = t[i].nxt;
		reused = 1;
		todo = 1;
		die(i, BY_CLOSE)
	:: (f & (FIN | RST)) == FIN && add(seq, length) == t[i].rcv ->
		if
		:: broken(TIME_WAIT_DEAF)
		:: else -> out = ACK_OF(i)
		fi
	:: else ->
		if
		:: length == 0 && seq == t[i].rcv
		:: else -> out = ACK_OF(i)
		fi
	fi
}

/* tcp_listen_input() */
inline listen_input(i)
{
	if
	:: !t[i].listens || (f & (ACK | RST)) == ACK -> reset_reply()
	:: listen_ready(i) && (f & (SYN | ACK | RST | FIN)) == SYN -> half_create(i)
	:: else
	fi;
	todo = 0
}

/* half_in_window(): a segment without data counts by its first number alone. */
#define half_in_window(i) \
	(sub(seq, t[i].rcv) < WINDOW || \
	 ((f & TEXT) && sub(add(seq, 1), add(t[i].rcv, 1)) < WINDOW))

inline half_drop(i)
{
	printf("%c:         the half-open entry ends\n", who(i));
	was = SYN_RECEIVED;
	t[i].half = 0;
	forget(i);
	check_transition(i)
}

/* half_acceptable(), half_promote() */
inline half_input(i)
{
	todo = 0;
	if
	:: f & RST ->
		if
		:: seq == t[i].rcv || broken(RESET_ANYWHERE) -> check_reset(i); half_drop(i)
		:: seq != t[i].rcv && !broken(RESET_ANYWHERE) && half_in_window(i) ->
			out = ACK_OF(i)
		:: else
		fi
	:: (f & (SYN | ACK | RST)) == SYN && add(seq, 1) == t[i].rcv -> out = SYN_ACK_OF(i)
	:: else ->
		if
		:: !half_in_window(i) || f & SYN -> out = ACK_OF(i)
		:: half_in_window(i) && !(f & SYN) && f & ACK && ackno != t[i].nxt &&
		   !broken(ANY_ACK_OF_SYN_ACK) -> reset_reply()
		:: half_in_window(i) && !(f & SYN) && f & ACK &&
		   (ackno == t[i].nxt || broken(ANY_ACK_OF_SYN_ACK)) ->
			t[i].una = t[i].nxt;
			t[i].retries = 0;
			go(i, CLOSED, ESTABLISHED);
			todo = 1
		:: else
		fi
	fi
}

/* tcp_connection_up() */
inline connection_up(i)
{
	t[i].una = t[i].nxt;
	t[i].retries = 0;
	ack_now = 1;
	if
	:: t[i].early -> t[i].early = 0; send_fin(i)
	:: else
	fi
}

/* tcp_syn_sent_input(). No SYN of these ends carries data or FIN. */
inline syn_sent_input(i)
{
	todo = 0;
	if
	:: f & ACK && ackno != t[i].nxt && !(broken(ANY_ACK_OF_SYN) && f & SYN) -> reset_reply()
	:: f & RST && f & ACK && ackno == t[i].nxt -> check_reset(i); die(i, BY_RESET)
	:: (f & (RST | ACK)) == RST -> skip
	:: !(f & RST) && f & SYN && (ackno == t[i].nxt || broken(ANY_ACK_OF_SYN)) && f & ACK ->
		t[i].rcv = add(seq, 1);
		t[i].peer = FROM(s);
		go(i, SYN_SENT, ESTABLISHED);
		connection_up(i)
	:: (f & (RST | SYN | ACK)) == SYN ->
		t[i].rcv = add(seq, 1);
		t[i].peer = FROM(s);
		t[i].retries = 0;
		go(i, SYN_SENT, SYN_RECEIVED);
		out = SYN_ACK_OF(i)
	:: else
	fi
}

/* in_window(): table 6 of RFC 9293 §3.4 */
#define in_window(i) \
	(sub(seq, t[i].rcv) < WINDOW || \
	 length > 0 && sub(add(seq, length - 1), t[i].rcv) < WINDOW)

/* is_crossed_syn_ack(), then checks one to four; todo: goes on with the ACK. */
inline check_slow(i)
{
	if
	:: t[i].st == SYN_RECEIVED && add(seq, 1) == t[i].rcv &&
	   (f & (SYN | ACK | RST)) == (SYN | ACK) && ackno == t[i].nxt ->
		f = f & ~SYN;
		seq = add(seq, 1);
		length--;
		ack_now = 1
	:: else
	fi;
	todo = 0;
	if
	:: !in_window(i) -> ack_now = !(f & RST) && !(f & SYN && broken(NO_CHALLENGE))
	:: in_window(i) && f & RST ->
		if
		:: seq == t[i].rcv || broken(RESET_ANYWHERE) -> check_reset(i); die(i, BY_RESET)
		:: else -> ack_now = 1
		fi
	:: in_window(i) && !(f & RST) && f & SYN -> ack_now = !broken(NO_CHALLENGE)
	:: in_window(i) && (f & (RST | SYN | ACK)) == ACK -> todo = 1
	:: else
	fi
}

/* trim() of what was received before */
inline trim(i)
{
	if
	:: f & TEXT && lt(seq, t[i].rcv) -> f = f & ~TEXT; seq = add(seq, 1); ack_now = 1
	:: else
	fi
}

/* syn_received_ack() */
inline syn_received_ack(i)
{
	if
	:: ackno != t[i].nxt -> reset_reply()
	:: else -> go(i, SYN_RECEIVED, ESTABLISHED); connection_up(i)
	fi
}

/* tcp_fin_acked() */
inline fin_acked(i)
{
	if
	:: t[i].st == FIN_WAIT_1 -> go(i, FIN_WAIT_1, FIN_WAIT_2)
	:: t[i].st == CLOSING -> go(i, CLOSING, TIME_WAIT); rest(i)
	:: t[i].st == LAST_ACK -> die(i, BY_CLOSE)
	:: else
	fi
}

/* tcp_ack_input() */
inline ack_input(i)
{
	if
	:: gt(ackno, t[i].nxt) || lt(ackno, sub(t[i].una, WINDOW)) && !broken(ANY_OLD_ACK) ->
		ack_now = 1;
		todo = 0
	:: else ->
		if
		:: gt(ackno, t[i].una) ->
			t[i].una = ackno;
			t[i].retries = 0;
			if
			:: t[i].fin_sent && t[i].una == t[i].nxt -> fin_acked(i)
			:: else
			fi
		:: else
		fi;
		if
		:: t[i].una == t[i].nxt -> t[i].retries = 0
		:: else
		fi
	fi
}

/* tcp_fin_received() */
inline fin_received(i)
{
	if
	:: t[i].st == ESTABLISHED -> go(i, ESTABLISHED, CLOSE_WAIT)
	:: t[i].st == FIN_WAIT_1 -> go(i, FIN_WAIT_1, CLOSING); t[i].orphan = 0
	:: t[i].st == FIN_WAIT_2 -> go(i, FIN_WAIT_2, TIME_WAIT); rest(i)
	fi;
	ack_now = 1
}

/* tcp_text_and_fin(). A byte that comes early is not kept: it is like a lost one. */
inline text_and_fin(i)
{
	if
	:: !receives(i) || !(f & (TEXT | FIN)) -> skip
	:: receives(i) && f & TEXT && t[i].orphan -> out = RST_OF(i); die(i, BY_ABORT)
	:: receives(i) && f & (TEXT | FIN) && !(f & TEXT && t[i].orphan) && seq != t[i].rcv ->
		check_text(i);
		t[i].fin_early = t[i].fin_early || (f & FIN && seq == add(t[i].rcv, 1));
		ack_now = 1
	:: receives(i) && f & (TEXT | FIN) && !(f & TEXT && t[i].orphan) && seq == t[i].rcv ->
		check_text(i);
		ack_now = 1;
		if
		:: f & TEXT ->
			t[i].rcv = add(t[i].rcv, 1);
			f = (t[i].fin_early -> f | FIN : f);
			t[i].fin_early = 0
		:: else
		fi;
		if
		:: f & FIN ->
			t[i].rcv = add(t[i].rcv, (broken(FIN_NOT_COUNTED) -> 0 : 1));
			fin_received(i)
		:: else
		fi
	fi
}

/* tcp_input() */
inline conn_input(i)
{
	check_slow(i);
	if
	:: todo && t[i].st == SYN_RECEIVED -> syn_received_ack(i)
	:: else
	fi;
	if
	:: todo ->
		trim(i);
		ack_input(i)
	:: else
	fi;
	if
	:: todo -> text_and_fin(i)
	:: else
	fi
}

inline arrive(i)
{
	f = FLAGS(s);
	seq = SEQ(s);
	ackno = ACKNO(s);
	length = LEN(f);
	todo = 1;
	ack_now = 0;
	reused = 0;
	printf("%c: %e receives ", who(i), shown(i));
	tell(s);
	printf("\n");
	if
	:: t[i].st == TIME_WAIT -> time_wait_input(i)
	:: else
	fi;
	if
	:: todo && closed(i) -> listen_input(i)
	:: else
	fi;
	if
	:: todo && t[i].half -> half_input(i)
	:: else
	fi;
	if
	:: todo && t[i].st == SYN_SENT -> syn_sent_input(i)
	:: else
	fi;
	if
	:: todo -> conn_input(i)
	:: else
	fi;
	if
	:: ack_now && out == 0 && synchronized(i) || ack_now && out == 0 && t[i].st == SYN_RECEIVED ->
		out = ACK_OF(i)
	:: else
	fi;
	finish(i);
	s = 0;
	f = 0;
	seq = 0;
	ackno = 0;
	length = 0;
	todo = 0;
	ack_now = 0;
	reused = 0;
	last = 0
}
