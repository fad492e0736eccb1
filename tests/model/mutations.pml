/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ways to break the model on purpose, one at a time (-DBREAK=...): each must make the
 * property it is listed with in meson.build fail.
 */
#define NOTHING		     0
#define NO_TIME_WAIT	     1	/* a connection that closed first is forgotten at once */
#define ANY_SYN_IS_NEWER     2	/* TIME_WAIT yields to any SYN */
#define RESET_ENDS_TIME_WAIT 3	/* tcp.rfc1337 off */
#define NO_ISS_GAP	     4	/* a reused tuple takes its number from the clock alone */
#define RESET_ANYWHERE	     5	/* a RST need not have the exact number */
#define ANY_ACK_OF_SYN_ACK   6	/* a half-open entry believes any ACK */
#define ANY_ACK_OF_SYN	     7	/* SYN_SENT believes any SYN,ACK */
#define SYN_ONCE	     8	/* SYN, SYN-ACK, FIN are not sent again */
#define SYN_ACK_ONCE	     9
#define FIN_ONCE	     10
#define NO_FIN_TIMEOUT	     11 /* FIN_WAIT_2 waits for ever */
#define NO_CHALLENGE	     12 /* a SYN to a connection is not answered */
#define NO_RESET	     13 /* what belongs to nothing is not answered */
#define TIME_WAIT_DEAF	     14 /* TIME_WAIT does not answer the FIN that comes again */
#define SHUTDOWN_TWICE	     15 /* FIN_WAIT_2 lets the service close its side again */
#define FIN_NOT_COUNTED	     16 /* RCV.NXT does not move beyond the FIN */
#define ANY_OLD_ACK	     17 /* an ACK may be older than a window */

#ifndef BREAK
#define BREAK NOTHING
#endif
#define broken(how) (BREAK == how)
