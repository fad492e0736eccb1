/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a service can do with connections, after the user calls of RFC 9293
 * §3.9.1 in the shape that run-to-completion wants: no call blocks, reads and
 * writes move buffers instead of copying, and nothing leaves or dies before the
 * end of the burst, so a callback may call anything here on any connection.
 *
 * All calls are made on the shard's own thread. A struct conn * is valid from
 * accept or connect until the service's closed() has returned, or until the
 * service calls tcp_close() or tcp_abort(), after which it gets no more events.
 */
#pragma once

#include "engine/shard.h"

enum tcp_close_reason {
	TCP_CLOSE_DONE,	   /* both sides closed in order */
	TCP_CLOSE_RESET,   /* the peer sent a RST */
	TCP_CLOSE_REFUSED, /* a RST answered our SYN */
	TCP_CLOSE_TIMEOUT, /* given up after R2 retransmissions, keepalive, or as idle or slow */
	TCP_CLOSE_UNREACHABLE, /* ICMP says so while connecting, or no next hop */
	TCP_CLOSE_ABORTED, /* by us, for want of memory */
};

/* What goes wrong without ending the connection (MUST-47, SHLD-25, SHLD-9). */
enum tcp_trouble {
	TCP_TROUBLE_NONE,
	TCP_TROUBLE_ICMP,   /* a soft error: a router cannot deliver at the moment */
	TCP_TROUBLE_SILENT, /* R1 retransmissions without an answer */
};

/* A service: callbacks for one kind of connection. Any may be NULL. */
struct service {
	const char *name;
	/* What it writes was received from another connection: that one's sender
	 * has already waited for more data or not, so Nagle does not. */
	bool relays;
	/* The listener's accept queue is not empty: call tcp_accept(). Called
	 * once per newly queued connection. */
	void (*acceptable)(struct shard *sh, uint16_t listener);
	/* An active open has completed (RFC 9293: ESTABLISHED). */
	void (*connected)(struct shard *sh, struct conn *c);
	/* The peer has marked data urgent, or more of it (RFC 9293 MUST-32): see
	 * tcp_urgent_left(). Nothing need have arrived of it yet. */
	void (*urgent)(struct shard *sh, struct conn *c);
	/* tcp_readable() bytes wait. Called again when more has arrived, or when the
	 * peer has closed and there will be none: tcp_eof(). */
	void (*readable)(struct shard *sh, struct conn *c);
	/* The peer has closed its side and everything it sent has been read. */
	void (*eof)(struct shard *sh, struct conn *c);
	/* Something is wrong on the way; TCP goes on trying. */
	void (*trouble)(struct shard *sh, struct conn *c, enum tcp_trouble what);
	/* tcp_writable() was 0 and is not any more. */
	void (*writable)(struct shard *sh, struct conn *c);
	/* The time set by tcp_limit() has come. */
	void (*late)(struct shard *sh, struct conn *c);
	/* True while the peer owes the rest of what it has begun to send: in that case its
	 * silence is slowness as well, for min_rate. */
	bool (*owes)(const struct conn *c);
	/* The connection is gone (TIME_WAIT counts as gone). */
	void (*closed)(struct shard *sh, struct conn *c, enum tcp_close_reason reason);
};

/* Takes the oldest connection from the listener's accept queue; NULL: empty. */
struct conn *tcp_accept(struct shard *sh, uint16_t listener);

/*
 * Opens a connection (M2) from local address `local`, port `lport_be`, to
 * `raddr`:`rport_be`, with the behaviour and service of `profile`. The 4-tuple
 * must be unused. NULL: no control block, table slot or route. MUST-46: an
 * address that is not unicast is refused with NULL as well.
 */
struct conn *tcp_connect(struct shard *sh, uint16_t profile, uint16_t backend, uint16_t local,
			 uint16_t lport_be, const struct ipaddr *raddr, uint16_t rport_be);

/* Asks the peer of a connection that is just being opened for segments of at most `mss`
 * bytes of payload, those of the connection that they are passed on to. */
void tcp_ask_mss(const struct shard *sh, struct conn *c, uint16_t mss);

/* Bytes that wait to be read. */
uint32_t tcp_readable(const struct shard *sh, const struct conn *c);

/* Takes the oldest received buf (payload at data, len > 0), NULL: none. The
 * caller owns it and passes it to tcp_write() or shard_buf_free(). */
struct buf *tcp_read(struct shard *sh, struct conn *c);

/* The oldest waiting bytes that lie in one piece, *len of them: often all there are. Valid until
 * the next call that takes any. NULL with *len 0: none waits. */
const void *tcp_front(const struct shard *sh, const struct conn *c, uint32_t *len);

/* Copies up to `max` waiting bytes from offset `from` without taking them. */
uint32_t tcp_peek(const struct shard *sh, const struct conn *c, uint32_t from, void *dst,
		  uint32_t max);

/* Drops the oldest `n` waiting bytes, n <= tcp_readable(). */
void tcp_consume(struct shard *sh, struct conn *c, uint32_t n);

/* Bytes from the first unread one to the end of the urgent data, received or not
 * (MUST-33); 0: none is pending, "normal mode". */
uint32_t tcp_urgent_left(const struct shard *sh, const struct conn *c);

/* Marks what is queued and the next `ahead` bytes urgent (SND.UP). At least one byte
 * must follow or have been queued. Ignored once the connection cannot send. */
void tcp_set_urgent(struct shard *sh, struct conn *c, uint32_t ahead);

/* While there are unread bytes: late() is to be called in `ms` milliseconds. Set anew, or
 * forgotten when none is left and nothing is queued. */
void tcp_limit(struct shard *sh, struct conn *c, uint32_t ms);

/* Bytes that the send queue takes now; once 0, writable() tells when not. */
uint32_t tcp_writable(struct shard *sh, struct conn *c);

/* Queues a buf for sending and takes ownership, even beyond tcp_writable() (by
 * at most what the caller had read). False, buf freed: the connection cannot
 * send any more (shut down, closed or out of memory). */
bool tcp_write(struct shard *sh, struct conn *c, struct buf *b);

/* Queues a copy of `len` bytes; returns how many there was memory for. */
uint32_t tcp_write_copy(struct shard *sh, struct conn *c, const void *data, uint32_t len);

/* Sends FIN after what is queued; reading goes on (half-close, M10). */
void tcp_shutdown(struct shard *sh, struct conn *c);

/* Closes both ways; no more events. Unread data resets (RFC 9293 SHLD-3). */
void tcp_close(struct shard *sh, struct conn *c);

/* The same for a peer that may still send, and is not to be reset for that, since a reset
 * might overtake the answer: what comes is thrown away, until its FIN or until
 * fin_timeout is over; beyond `orphans`, until the answer is acknowledged. */
void tcp_linger(struct shard *sh, struct conn *c);

/* Sends RST and forgets the connection; no more events (M13). */
void tcp_abort(struct shard *sh, struct conn *c);

/* Resets connections from pool index `from` (at first 1) on, as many as the ports
 * have room for; services are told as of any other abort. Returns where to go on
 * after the next shard_transmit(), 0: all are gone. Half-open entries, which no
 * service knows yet, and TIME_WAIT end silently. */
uint32_t tcp_stop(struct shard *sh, uint32_t from);

/* True once the peer has closed its side. */
static inline bool tcp_eof(const struct conn *c)
{
	return c->flags & CF_FIN_RECEIVED;
}

const char *tcp_state_name(enum tcp_state s);
const char *tcp_close_reason_name(enum tcp_close_reason r);
