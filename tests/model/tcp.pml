/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two ends of engine/tcp and a network between them, in Promela, for Spin to try every
 * order of events. A, end 0, opens connections; B, end 1, listens.
 *
 * Not in the model: time but for its order, windows that close, congestion, timestamps
 * and SACK, more than one byte of data in each direction.
 *
 * What a run may do is set by -D:
 *   OPENS=n        A opens so many connections, one after the other (1)
 *   SIMULTANEOUS   B opens one as well, and nobody listens, or it listens
 *   CLOSES SHUTDOWNS TEXTS    users do this at some time; TEXTS: one byte
 *   ABORTS         one of the ends aborts, or closes before the connection is up, or none
 *   REUSE          the clock of sequence numbers may be slow, see take_isn()
 *   CRASH          one end loses all it knows, once
 *   STRAYS         segments that belong to no connection arrive at any time
 *   FAULTS=n       the network drops and repeats n segments in all, and an end gives up
 *                  after RETRIES (1) retransmissions; without it, any number of each
 *   PATIENT        timers run out only when nothing is on its way, and a closed end's only
 *                  when the other has closed
 *   KEEP           nothing is to be closed, keepalive is on
 */
#ifndef OPENS
#define OPENS 1
#endif
#ifndef RETRIES
#define RETRIES 1
#endif

/* Numbers of connections are 1 to 3; with strays, 1 is what they are of. */
#define CONNECTIONS 3
#ifdef STRAYS
#define FIRST 2
#else
#define FIRST 1
#endif
#define STRAY 1

#ifdef CRASH
bit crashes = 1;
#else
#define crashes false
#endif

#include "mutations.pml"
#include "net.pml"
#include "state.pml"
#include "properties.pml"
#include "end.pml"
#include "arrival.pml"
#include "steps.pml"

/* A segment of no connection here: any flags, any number in or about the window, but
 * for the one number that ends a connection; it acknowledges nothing that was sent. */
#ifdef STRAYS
#define no_window(i) (closed(i) || t[i].st == SYN_SENT)

inline stray(i)
{
	if
	:: f = SYN
	:: f = SYN | ACK
	:: f = ACK
	:: f = TEXT | ACK
	:: f = FIN | ACK
	:: f = RST
	:: f = RST | ACK
	fi;
	if
	:: no_window(i) -> seq = 20
	:: !no_window(i) -> seq = sub(t[i].rcv, 2)
	:: !no_window(i) -> seq = sub(t[i].rcv, 1)
	:: !no_window(i) && (!(f & RST) || t[i].st == TIME_WAIT) -> seq = t[i].rcv
	:: !no_window(i) && t[i].st != TIME_WAIT -> seq = add(t[i].rcv, 1)
	:: !no_window(i) && t[i].st != TIME_WAIT -> seq = add(t[i].rcv, WINDOW - 1)
	:: !no_window(i) && t[i].st != TIME_WAIT -> seq = add(t[i].rcv, WINDOW)
	fi;
	if
	:: ackno = sub(t[i].una, WINDOW + 1)
	:: ackno = add(t[i].nxt, 3 * WINDOW + 1)
	fi;
	s = segment(f, seq, ackno, STRAY, STRAY)
}
#endif

/* What may arrive next stays on its way, or not. */
#define taken(slot) :: at(i, slot) -> n = slot; s = at(i, slot)

proctype Arrival(bit i)
{
	byte n;
	bit once;

	do
	:: atomic {
		if
		each_slot(taken)
#ifdef STRAYS
		:: !closed(i) || t[i].listens -> stray(i)
#endif
		fi;
#ifdef FAULTS
		if
		:: once = 1
		:: faults -> faults--
		fi;
#endif
		d_step {
			if
			:: once -> lose(i, n)
			:: else
			fi;
			n = 0;
			once = 0;
			arrive(i)
		}
	   }
	:: quiet -> break
	od
}

/* What opens, closes, writes and fails. */
proctype User(bit i)
{
	do
	:: d_step { closed(i) && t[i].opens -> connect(i, CLOCK) }
#ifdef REUSE
	:: d_step { closed(i) && t[i].opens && t[i].safety -> connect(i, SLOW_CLOCK) }
	:: d_step { closed(i) && t[i].opens && t[i].safety -> connect(i, SLOW_CLOCK + 2) }
#endif
#ifdef CLOSES
	:: d_step { may_close(i) -> close(i) }
#endif
#ifdef SHUTDOWNS
	:: d_step { may_shut_down(i) -> shut_down(i) }
#endif
#ifdef TEXTS
	:: d_step { sends(i) && !t[i].text_sent -> write(i) }
#endif
#ifdef ABORTS
	:: d_step { t[i].aborts && is_open(i) -> abort(i) }
#endif
#ifdef CRASH
	:: d_step { may_crash(i) -> crash(i) }
#endif
	:: quiet -> break
	od
}

proctype Clock(bit i)
{
	do
	:: d_step { unanswered(i) && patience && retry_left(i) -> retransmit(i) }
	:: d_step { unanswered(i) && patience && last_retry(i) -> give_up(i) }
	:: d_step { fin_timeout_runs(i) && patience && peer_is_gone(i) -> expire(i) }
	:: d_step { t[i].st == TIME_WAIT && time_wait_over(i) && peer_is_gone(i) -> expire(i) }
#ifdef KEEP
	:: d_step { t[i].st == ESTABLISHED && t[i].una == t[i].nxt && silent && !crashes && !quiet && !unanswered(1 - i) ->
		    keep_alive(i) }
#endif
	:: quiet -> break
	od
}

#define dropped(i, n)	:: d_step { at(i, n) && fault_left -> count_fault; lose(i, n) }
#define dropped_to_a(n) dropped(0, n)
#define dropped_to_b(n) dropped(1, n)

proctype Network()
{
	do
	each_slot(dropped_to_a)
	each_slot(dropped_to_b)
	:: quiet -> break
	od
}

init {
	atomic {
		t[0].st = CLOSED;
		t[1].st = CLOSED;
		t[0].isn = 22;
		t[1].isn = 21;
		t[0].self = FIRST - 1;
		t[1].self = FIRST - 1;
		t[0].opens = OPENS;
		if
		:: t[1].listens = 1
#ifdef SIMULTANEOUS
		:: t[1].opens = 1
#endif
		fi;
#ifdef ABORTS
		if
		:: skip
		:: t[0].aborts = 1
		:: t[1].aborts = 1
		fi;
#endif
		run Arrival(0);
		run Arrival(1);
		run User(0);
		run User(1);
		run Clock(0);
		run Clock(1);
		run Network()
	}
}
