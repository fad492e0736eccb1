/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments, and the network that carries them. A direction is a set of segments on
 * their way: whatever is in it may arrive next, so all orders are possible, and it
 * stays in it, so it may arrive again, until the network drops it. Numbers are 5 bits:
 * small enough to try everything, large enough for three connections in a row.
 */

#define SEQ_MASK 31
#define sub(a, b)  (((a) - (b)) & SEQ_MASK)
#define add(a, b)  (((a) + (b)) & SEQ_MASK)
#define lt(a, b)   (sub(a, b) > SEQ_MASK / 2)
#define gt(a, b)   lt(b, a)
#define leq(a, b)  (!gt(a, b))
#define geq(a, b)  (!lt(a, b))

/* What an end offers at any time, and how far beyond an old connection's last number a
 * new one begins at least (ISS_GAP of engine/tcp/listen.c): more than a window. */
#define WINDOW	4
#define ISS_GAP 5

#define SYN  1
#define ACK  2
#define FIN  4
#define RST  8
#define TEXT 16 /* one byte of data */

/*
 * FROM and FOR are no part of a segment: the number of the connection of its sender's that
 * it belongs to, and of the receiver's that it was meant for, 0: not known yet. Properties
 * look at them, the protocol never does.
 */
#define segment(flags, seq, ack, from, for) \
	((flags) | (seq) << 5 | (ack) << 10 | (from) << 15 | (for) << 17)
#define FLAGS(s) ((s) & 31)
#define SEQ(s)	 ((s) >> 5 & 31)
#define ACKNO(s) ((s) >> 10 & 31)
#define FROM(s)	 ((s) >> 15 & 3)
#define FOR(s)	 ((s) >> 17 & 3)
#define LEN(f)	 (((f) & SYN) + ((f) >> 2 & 1) + ((f) >> 4 & 1))

/* On their way to end i: SLOTS from i * SLOTS on, in descending order, 0: empty. Equal
 * ones are one. */
#ifndef SLOTS
#define SLOTS 3
#endif
#if SLOTS == 2
#define each_slot(x) x(0) x(1)
#elif SLOTS == 3
#define each_slot(x) x(0) x(1) x(2)
#elif SLOTS == 8
#define each_slot(x) x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7)
#endif
int way[2 * SLOTS];
#define at(i, n) way[(i) * SLOTS + (n)]
#define no_way(i) (at(i, 0) == 0)

byte place, next;

/* How often the network may drop or repeat, and an end retransmit before it gives up. */
#ifdef FAULTS
byte faults = FAULTS;
#define fault_left	faults > 0
#define count_fault	faults--
#define retry_left(i)	t[i].retries < RETRIES
#define last_retry(i)	t[i].retries == RETRIES
#define count_retry(i)	t[i].retries++
#else
#define fault_left	true
#define count_fault	skip
#define retry_left(i)	true
#define last_retry(i)	true
#define count_retry(i)	skip
#endif

inline tell(s)
{
	printf("<SEQ=%d>", SEQ(s));
	if
	:: FLAGS(s) & ACK -> printf("<ACK=%d>", ACKNO(s))
	:: else
	fi;
	printf("<CTL=");
	if :: FLAGS(s) & SYN -> printf("S") :: else fi;
	if :: FLAGS(s) & FIN -> printf("F") :: else fi;
	if :: FLAGS(s) & RST -> printf("R") :: else fi;
	if :: FLAGS(s) & ACK -> printf(".") :: else fi;
	printf(">");
	if :: FLAGS(s) & TEXT -> printf("<DATA>") :: else fi;
	printf(" of connection %d for %d", FROM(s), FOR(s))
}

/* A full network drops what is sent; where losses matter there must be room. */
#ifdef PATIENT
#define check_room() assert(place < SLOTS)
#else
#define check_room() skip
#endif

inline carry(i, s)
{
	place = 0;
	do
	:: place < SLOTS && at(i, place) > s -> place++
	:: else -> break
	od;
	if
	:: place == SLOTS -> check_room()
	:: place < SLOTS && at(i, place) == s -> skip
	:: else ->
		next = SLOTS - 1;
		do
		:: next > place -> at(i, next) = at(i, next - 1); next--
		:: else -> break
		od;
		at(i, place) = s;
		next = 0
	fi;
	place = 0
}

inline lose(i, n)
{
	place = n;
	do
	:: place < SLOTS - 1 -> at(i, place) = at(i, place + 1); place++
	:: else -> break
	od;
	at(i, SLOTS - 1) = 0;
	place = 0
}
