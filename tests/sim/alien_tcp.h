/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the stranger share (alien.h). alien.c keeps the connections and
 * serves the user, alien_net.c takes frames apart, alien_input.c walks a segment
 * through RFC 9293 §3.10.7, alien_stream.c keeps the bytes, alien_option.c the
 * options, alien_output.c decides what to send and writes it, alien_frag.c puts
 * fragments together.
 */
#pragma once

#include "tests/sim/alien.h"

#define ALIEN_EARLY  16 /* pieces that came out of order, at most */
#define ALIEN_BLOCKS 4  /* of SACK in a segment */

enum alien_state {
	ALIEN_FREE, /* entry not in use */
	ALIEN_SYN_SENT,
	ALIEN_SYN_RECEIVED,
	ALIEN_UP, /* which half is closed is told by the FINs */
	ALIEN_TIME_WAIT,
};

/* Bytes [start, end) of a stream. */
struct alien_range {
	uint64_t start, end;
};

/*
 * A stream position counts bytes from 0; the SYN has none and the FIN the one behind
 * the last byte. Sequence number of position p: initial one + 1 + p.
 */
struct alien_conn {
	struct alien *host;
	enum alien_state state;
	struct ipaddr raddr;
	uint16_t lport, rport;
	uint32_t tag;
	bool passive;    /* came to us */
	bool forsaken;   /* its user has closed it, or not heard of it: he is told nothing */
	bool came_up;    /* just now */
	bool bare_third; /* the ACK that ends the handshake is to go out alone */
	bool crosses;    /* see habits.h: its SYN is yet to go out */
	bool eof_told;
	bool changed; /* the user may have something to do */
	bool ended;   /* of which he is to be told, with this reason */
	enum tcp_close_reason reason;

	/* Sending. */
	uint8_t *out; /* byte p of the stream is at p % out_size */
	uint32_t out_size;
	uint32_t iss;
	uint64_t una, nxt, max; /* acknowledged, next to be sent, ever sent up to */
	uint64_t queued;        /* written by the user up to here */
	uint64_t edge;          /* of the peer's window */
	uint64_t wl1, wl2;      /* SND.WL1, SND.WL2 as positions */
	uint32_t mss;           /* what a segment may carry, options included */
	uint8_t peer_shift;
	bool fin_queued;
	bool fin_first; /* ours left before the peer's had come */
	uint32_t tries, dupacks;
	bool went_back;        /* since UNA moved */
	bool syn_due, ask_now; /* SYN, or a question for a closed window, is to go out */
	usec_t rto_at, keep_at, wait_at;

	/* Receiving. */
	uint8_t *in;
	uint32_t in_size;
	uint32_t irs;
	uint64_t taken, got; /* read by the user; received in order */
	uint64_t offered;    /* right edge that the peer knows of */
	uint64_t fin_at;     /* position of the peer's FIN, valid with fin_seen */
	bool fin_seen, fin_got;
	struct alien_range early[ALIEN_EARLY]; /* ascending, apart */
	uint32_t nb_early;
	struct alien_range twice; /* to be reported, empty: nothing */
	bool ack_now;
	uint32_t owed; /* segments not yet acknowledged */
	usec_t ack_at;

	/* What both SYNs agreed on. */
	bool timestamps, sack, wscale, ecn;
	uint32_t ts_recent;
	uint64_t last_ack; /* position of the last ACK sent */
	bool ecn_echo, ecn_cwr;
};

struct alien {
	struct alien_conf conf;
	struct dice dice;
	usec_t now, born;
	struct alien_conn conns[ALIEN_CONNS];
	uint32_t top; /* entries ever used, which come first */
	struct alien_frags *frags;
	uint16_t ip_id;    /* of the last IPv4 packet that may be cut */
	bool has_ended;    /* a connection, and */
	uint32_t last_seq; /* this was the highest number of one */
	char complaint[200];
};

/* Options as they lie in a segment. */
struct alien_options {
	bool has_mss, has_wscale, has_sack_ok, has_ts;
	uint16_t mss;
	uint8_t shift;
	uint32_t tsval, tsecr;
};

/* ---- alien.c ---- */

PRINTF_LIKE(2, 3) void alien_complain(struct alien *a, const char *fmt, ...);

/* A connection with its buffers; NULL: the table is full. */
struct alien_conn *alien_conn_new(struct alien *a, const struct ipaddr *raddr, uint16_t lport,
				  uint16_t rport);
struct alien_conn *alien_conn_find(struct alien *a, const struct ipaddr *raddr, uint16_t lport,
				   uint16_t rport);

/* It is over: the user is told, unless he has closed it. */
void alien_conn_end(struct alien_conn *c, enum tcp_close_reason reason);

/* Both FINs are acknowledged and ours went first. */
void alien_conn_wait(struct alien_conn *c);

/* Starts, or restarts, the timer of what is in flight, or asks for a window. */
void alien_arm(struct alien_conn *c);

/* ---- alien_net.c ---- */

/* A frame to the peer: addresses, TTL and the rest are filled in. */
struct frame alien_frame(const struct alien *a, const struct ipaddr *to);

/* Builds the frame and sends it. */
void alien_emit(struct alien *a, const struct frame *f);

/* ---- alien_frag.c ---- */

struct alien_frags *alien_frags_create(void);

/* True when the frame is a fragment. *out, *len: the whole frame when this was the last
 * piece, else *len is 0. */
bool alien_frags_take(struct alien_frags *fr, const uint8_t *bytes, uint32_t n, const uint8_t **out,
		      uint32_t *len);

/* ---- alien_input.c ---- */

void alien_input(struct alien *a, const struct frame *f);

/* ICMP says that packets of this connection above `mtu` do not pass. */
void alien_shrink(struct alien_conn *c, uint32_t mtu);

/* ---- alien_stream.c ---- */

static inline uint32_t alien_seq(const struct alien_conn *c, uint64_t pos)
{
	return c->iss + 1 + (uint32_t)pos;
}

/* What the peer is told of its position `pos`. */
static inline uint32_t alien_ackno(const struct alien_conn *c, uint64_t pos)
{
	return c->irs + 1 + (uint32_t)pos;
}

/* Distances from what is known, so that positions never wrap. */
static inline int64_t alien_pos_sent(const struct alien_conn *c, uint32_t ack)
{
	return (int64_t)c->una + (int32_t)(ack - alien_seq(c, c->una));
}

static inline int64_t alien_pos_received(const struct alien_conn *c, uint32_t seq)
{
	return (int64_t)c->got + (int32_t)(seq - alien_ackno(c, c->got));
}

/* Keeps bytes of the peer's stream from position `pos` on, within the window. */
void alien_store(struct alien_conn *c, uint64_t pos, const uint8_t *bytes, uint32_t len);

/* Right edge to offer now, in units of the window field; the edge only moves right. */
uint16_t alien_window(struct alien_conn *c, bool syn);

/* True when reading has freed so much that the peer is to hear of it. */
bool alien_window_opens(const struct alien_conn *c);

/* ---- alien_option.c ---- */

void alien_options_parse(struct alien_options *o, const struct frame_tcp *t);

/* Writes the options of a segment with these flags. */
void alien_options_write(struct alien_conn *c, struct frame_tcp *t);

/* What both SYNs together allow; the peer's options are `o`. */
void alien_options_agree(struct alien_conn *c, const struct alien_options *o);

/* ---- alien_output.c ---- */

/* Sends what is due. */
void alien_output(struct alien_conn *c);

/* RST for a segment that belongs to nothing (RFC 9293 §3.10.7.1). */
void alien_refuse(struct alien *a, const struct frame *f);

/* An ACK at once, even from TIME_WAIT. */
void alien_acknowledge(struct alien_conn *c);

/* RST for a connection. */
void alien_reset(struct alien_conn *c);

/* Asks whether the peer is there (RFC 9293 §3.8.4). */
void alien_ask(struct alien_conn *c);
