/* SPDX-License-Identifier: BSD-3-Clause */
/* How a connection comes, goes and sends at one end. */

/* tcp_set_state() */
inline go(i, from, to)
{
	assert(t[i].st == from);
	printf("%c:         %e -> %e\n", who(i), from, to);
	was = shown(i);
	record(from, to);
	t[i].st = to;
	t[i].half = 0;
	check_transition(i)
}

inline forget(i)
{
	t[i].una = 0;
	t[i].nxt = 0;
	t[i].rcv = 0;
	t[i].text_sent = 0;
	t[i].fin_sent = 0;
	t[i].early = 0;
	t[i].orphan = 0;
	t[i].fin_early = 0;
	t[i].retries = 0;
	t[i].peer = 0
}

/* conn_die() */
inline die(i, reason)
{
	from_state = t[i].st;
	go(i, from_state, CLOSED);
	if
	:: from_state == LAST_ACK && reason == BY_CLOSE -> t[i].safety = PEER_WAITS
	:: from_state == TIME_WAIT && !(is_open(1 - i) && t[1 - i].self == t[i].peer) ->
		t[i].safety = HAS_WAITED
	:: else
	fi;
	check_end(i, reason);
	forget(i)
}

/* tcp_time_wait_enter(): only these numbers are kept. */
inline rest(i)
{
	t[i].text_sent = 0;
	t[i].fin_sent = 0;
	t[i].orphan = 0;
	t[i].retries = 0
}

/* An initial sequence number. The clock it comes from outruns a connection, CLOCK is more
 * than its numbers and window take; but it may hardly have moved when the last connection
 * was closed by both sides, for then TIME_WAIT has seen the end of what was on its way, or
 * the peer's has not yet and refuses what is not newer. */
inline take_isn(i, step)
{
	t[i].isn = add(t[i].isn, step);
	t[i].self++;
	t[i].safety = 0;
	t[i].una = t[i].isn;
	t[i].nxt = add(t[i].isn, 1)
}

/* tcp_send_fin() */
inline send_fin(i)
{
	if
	:: t[i].st == CLOSE_WAIT -> go(i, CLOSE_WAIT, LAST_ACK); t[i].orphan = 0
	:: else -> go(i, ESTABLISHED, FIN_WAIT_1)
	fi;
	fin_now = 1;
	t[i].fin_sent = 1;
	t[i].nxt = add(t[i].nxt, 1)
}

/* reset_and_die() */
inline reset_and_die(i)
{
	if
	:: t[i].st != SYN_SENT && t[i].st != CLOSING && t[i].st != LAST_ACK -> out = RST_OF(i)
	:: else
	fi;
	die(i, BY_ABORT)
}

/* What tcp_rto_expired() sends again: SYN, SYN-ACK, or all from SND.UNA on. */
inline send_again(i)
{
	if
	:: t[i].st == SYN_SENT -> out = SYN_OF(i)
	:: t[i].half || t[i].st == SYN_RECEIVED -> out = SYN_ACK_OF(i)
	:: synchronized(i) && sub(t[i].nxt, t[i].una) > t[i].fin_sent ->
		out = own(i, TEXT | ACK | (t[i].fin_sent -> FIN : 0), t[i].una)
	:: else -> out = own(i, FIN | ACK, t[i].una)
	fi
}

/* Ends a step. The FIN goes with the ACK of what came with it. */
inline finish(i)
{
	if
	:: fin_now && t[i].fin_sent -> out = own(i, FIN | ACK, sub(t[i].nxt, 1))
	:: else
	fi;
	if
	:: out ->
		printf("%c: %e sends ", who(i), shown(i));
		tell(out);
		printf("\n");
		carry(1 - (i), out);
		out = 0
	:: else
	fi;
	check_step();
	fin_now = 0;
	was = 0;
	from_state = 0;
	to_state = 0
}
