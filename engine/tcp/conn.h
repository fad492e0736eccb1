/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is known of a connection, in objects that shrink and grow with how much
 * there is to know: SYN_RECEIVED and TIME_WAIT (table/time_wait_lines.h) are small entries,
 * everything else is a `struct conn_pair`, 64 bytes that each segment reads and 52 colder ones,
 * plus a `struct xfer` while data is queued or in flight. Objects are named by
 * 32-bit index into the shard's pools; all begin with the tuple.
 *
 * Per connection all in, IPv4 (table share 7.5 B included): half-open 48 B,
 * TIME_WAIT 32 B, idle established 124 B. IPv6 adds 16 B for the peer's address.
 *
 * Only engine/tcp reads or writes these fields; services use tcp.h.
 */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/tick.h"
#include "engine/base/wheel.h"
#include "engine/conf.h"
#include "engine/wire/tcpopt.h"

/* RFC 9293 §3.3.2, in the order of a connection's life, so that < and > mean
 * something: from ESTABLISHED on a connection is synchronized and counted. */
enum tcp_state {
	TCP_CLOSED,
	TCP_LISTEN, /* listeners only */
	TCP_SYN_SENT,
	TCP_SYN_RECEIVED, /* a struct conn is in it only after a simultaneous open */
	TCP_ESTABLISHED,
	TCP_CLOSE_WAIT, /* the peer has closed; we may go on sending */
	TCP_FIN_WAIT_1, /* from here on our FIN is queued or sent */
	TCP_FIN_WAIT_2,
	TCP_CLOSING,
	TCP_LAST_ACK,
	TCP_TIME_WAIT,
	TCP_NB_STATES
};

/* Who a segment belongs to, as stored. */
struct tuple {
	uint32_t raddr;	  /* IPv4: address, network order; IPv6: index into shard.addr6s */
	uint16_t rport_be;
	uint16_t lport_be;
	uint16_t local; /* index of the local address | TUPLE_V6; TUPLE_FREE: object not in use */
	uint16_t iface; /* interface that frames leave by */
};
static_assert(sizeof(struct tuple) == 12, "");

#define TUPLE_V6   0x8000u
#define TUPLE_FREE 0xffffu

static inline bool tuple_is_v6(const struct tuple *t)
{
	return t->local & TUPLE_V6;
}

static inline uint16_t tuple_local(const struct tuple *t)
{
	return t->local & (uint16_t)~TUPLE_V6;
}

enum conn_flags {
	CF_TIMESTAMPS = 1 << 0,	   /* both SYNs carried them (RFC 7323) */
	CF_SACK = 1 << 1,	   /* both SYNs carried SACK-permitted */
	CF_WSCALE = 1 << 2,	   /* both SYNs carried it */
	CF_ECN = 1 << 3,	   /* both SYNs agreed on it (RFC 3168); before: ours offers it */
	CF_ECN_ECHO = 1 << 23,	   /* congestion was marked: ACKs say so until the peer's CWR */
	CF_ECN_CWR = 1 << 30,	   /* our window was reduced: the next new segment says so */
	CF_ACTIVE = 1 << 22,	   /* we sent the first SYN; owns a source port */
	CF_TLP = 1 << 21,	   /* a tail loss probe is to go out */
	CF_FRTO_NEW = 1u << 31,	   /* after a timeout: new data, to see whether it was spurious */
	CF_WORK = 1 << 4,	   /* on the shard's work list */
	CF_ACK_NOW = 1 << 5,	   /* an ACK is owed at the end of the burst */
	CF_ACK_DELAYED = 1 << 6,   /* an ACK is owed by the delayed-ACK timer */
	CF_OUTPUT = 1 << 7,	   /* there may be something to send */
	CF_FIN_QUEUED = 1 << 8,	   /* our FIN follows the queued data */
	CF_FIN_SENT = 1 << 9,	   /* snd_nxt counts it */
	CF_FIN_RECEIVED = 1 << 10, /* rcv_nxt counts it */
	CF_ORPHAN = 1 << 11,	   /* closed by its service: nobody reads any more */
	CF_ACCEPT_QUEUE = 1 << 12, /* waits for its service; svc_data links the queue */
	CF_REXMIT_ONE = 1 << 13,   /* SYN or first unacknowledged segment is to go out (again) */
	CF_PROBE = 1 << 14,	   /* a zero-window probe is to go out */
	CF_KEEPALIVE = 1 << 15,	   /* a keepalive probe is to go out */
	CF_WANT_WRITE = 1 << 16,   /* service waits for room in the send queue */
	CF_SHUTDOWN_EARLY = 1 << 19, /* close was called before the connection was up, or when
				      * there was no transfer block for the FIN */
	CF_READ = 1 << 20,	   /* the service has read: the window may open */
	CF_FORCE = 1 << 17,	   /* send what the window takes, however small (SWS override) */
	CF_EOF_TOLD = 1 << 18,	   /* service was told that the peer has closed */
	/* Events for the service, delivered at the end of the burst. */
	CF_EV_CONNECTED = 1 << 24,
	CF_EV_READABLE = 1 << 25,
	CF_EV_EOF = 1 << 26,
	CF_EV_WRITABLE = 1 << 27,
	CF_EV_URGENT = 1 << 28,
	CF_EV_ACCEPTABLE = 1 << 29,
	CF_EVENTS = 0x3f << 24,
};

/* All that a segment in order needs. */
struct conn {
	struct tuple tuple;  /* 0 */
	uint8_t state;	     /* 12: enum tcp_state; written by tcp_set_state() only */
	uint8_t wscale;	     /* 13: peer's shift << 4 | ours */
	uint16_t mss;	     /* 14: largest payload we may send, options already taken off;
			      * in SYN_SENT what is to be announced at most, 0: no matter */
	uint32_t flags;	     /* 16: enum conn_flags */
	uint32_t rcv_nxt;    /* 20 */
	uint32_t rcv_adv;    /* 24: right edge we advertised; never moves left (SHLD-14) */
	uint32_t snd_una;    /* 28 */
	uint32_t snd_nxt;    /* 32: first sequence number never sent */
	uint32_t snd_wnd;    /* 36: bytes, scaled (REC-1: 32 bits) */
	uint32_t snd_wl1;    /* 40: SEG.SEQ of the last window update */
	uint32_t ts_recent;  /* 44: RFC 7323 §4.3 */
	uint32_t xfer;	     /* 48: index into shard.xfers, 0: nothing queued or in flight */
	uint32_t work_next;  /* 52: link of the work list */
	uint32_t svc_data;   /* 56: the service's own */
	tick_t last_rx;	     /* 60: when the last acceptable segment came */
};
static_assert(sizeof(struct conn) == 64, "");
static_assert(offsetof(struct conn, rcv_nxt) == 20 && offsetof(struct conn, xfer) == 48, "");

#define SSTHRESH_NONE UINT16_MAX /* slow start has no end yet */

/* The cold part: timers, the next hop, what changes once a round trip. */
struct conn_cold {
	struct wheel_node timer; /* 0 */
	tick_t opened;		 /* 12: when the control block was taken */
	uint32_t cwnd;		 /* 16: bytes (RFC 5681) */
	uint32_t srtt_us;	 /* 20: RFC 6298, 0: no sample yet */
	uint32_t rttvar_us;	 /* 24 */
	tick_t due;		 /* 28: of the delayed ACK (CF_ACK_DELAYED); of a closed connection
				  * in FIN_WAIT_2, which owes no ACK: when it ends; in
				  * CLOSE_WAIT: when the peer's FIN came */
	tick_t sent_at;		 /* 32: of the last data (restart after idle, RFC 5681 §4.1);
				  * in FIN_WAIT_2, which sends none: what half_close_timeout
				  * counts from */
	uint8_t dmac[6];	 /* 36: next hop, learnt from the last segment or by ARP / ND */
	uint16_t profile : 13;	 /* 42: index into shard.profiles */
	uint16_t cookie : 1;	 /* opened by a SYN cookie */
	uint16_t deferred : 1;	 /* accepted, but in no accept queue before its first byte */
	uint16_t quiet : 1;	 /* no data of the peer's came in order since this was set */
	uint16_t backend : 12;	 /* 44: active: index of the backend in its pool */
	uint16_t source : 2;	 /* enum source_place: where its source's limits count it */
	uint16_t drains : 1;	 /* closed; what still comes is thrown away (tcp_linger()) */
	uint16_t answered : 1;	 /* data of ours has gone since the peer's last */
	uint16_t ssthresh;	 /* 46: segments of conn.mss, or SSTHRESH_NONE */
	uint16_t max_wnd;	 /* 48: largest window field ever received, unscaled */
	uint8_t retries;	 /* 50: unanswered retransmissions or probes in a row */
	uint8_t close_reason : 4; /* 51: enum tcp_close_reason */
	uint8_t quick_acks : 3;	  /* segments left that are acknowledged at once */
	uint8_t fragmentable : 1; /* the path's MTU is below what we cut to */
};

/* Side by side: one page holds both, and where there are millions a page that no TLB knows costs
 * more than a line that no cache has. */
struct conn_pair {
	struct conn hot;
	struct conn_cold cold;
};
static_assert(sizeof(struct conn_pair) == 116, "bytes of a connection");

enum xfer_timer {
	XFER_TIMER_NONE,
	XFER_TIMER_RTO,
	XFER_TIMER_PERSIST, /* data waits, nothing is in flight, the window is closed */
	XFER_TIMER_RESOLVE, /* SYN waits for the next hop's address */
	XFER_TIMER_TLP,	    /* tail loss probe (RFC 8985 §7) */
	XFER_TIMER_LATER,   /* RTO or TLP, worked out when it can be due: recovery_arm_later() */
	XFER_TIMER_REORDER, /* RACK waits for what may be late only (RFC 8985 §6.2 step 5) */
};

/* Where loss recovery stands. */
enum xfer_phase {
	XFER_OPEN,     /* nothing counts as lost */
	XFER_RECOVERY, /* losses found by SACK or duplicate ACKs are being repaired */
	XFER_LOSS,     /* the retransmission timer has expired */
};

/* RFC 8985's per-connection variables; times are low 32 bits of microseconds. */
struct rack {
	uint32_t xmit_us;	/* RACK.xmit_ts: of the segment sent last that was delivered */
	uint32_t end_seq;	/* RACK.end_seq: of that segment */
	uint32_t rtt_us;	/* RACK.rtt */
	uint32_t min_rtt_us;	/* RACK.min_RTT, 0: none yet */
	uint32_t fack;		/* RACK.fack: highest sequence number delivered */
	uint32_t dsack_round;	/* snd_nxt when the last DSACK came: one step a round trip */
	uint8_t reo_wnd_mult;	/* RACK.reo_wnd_mult, in quarters of min_RTT */
	uint8_t reo_wnd_persist; /* recoveries left before it goes back to one */
	bool reordering_seen;
};

/* CUBIC, RFC 9438; sizes in bytes. */
struct cubic {
	uint32_t w_max;	     /* window before the last reduction */
	uint32_t w_est;	     /* what Reno would have */
	uint32_t cwnd_prior; /* cwnd at the last reduction (§4.3) */
	uint32_t k_ms;	     /* time to reach w_max again */
	tick_t epoch;	     /* start of this congestion avoidance stage */
	tick_t counted_at;   /* of the last ACK */
};

/* Held only while data or a SYN or FIN is queued or in flight, or received data waits. What every
 * segment and its ACK touch is in the first two lines. */
struct xfer {
	struct bufq sndq;	/* sent and unsent payload in order, from snd_una on */
	struct buf *send_next;	/* first buf of sndq never sent, NULL: all sent */
	struct bufq rcvq;	/* in order, not yet read by the service */
	struct buf *ooo;	/* received out of order: ascending, no overlaps */

	tick_t timer_at;	/* deadline of `timer` */
	tick_t unacked_since;	/* when what waits for the peer was last seen to advance */
	uint8_t timer;		/* enum xfer_timer */
	uint8_t phase;		/* enum xfer_phase */
	uint8_t backoff;	/* doublings of the RTO or the probe interval */
	uint8_t dupacks;	/* duplicate ACKs; without SACK each stands for a segment */
	uint8_t trouble;	/* enum tcp_trouble that the service is to hear of */
	bool frto : 1;		/* the timeout may turn out to be spurious (RFC 5682) */
	bool may_undo : 1;
	bool retransmitted : 1; /* retrans_ts is valid */
	bool urgent_in : 1, urgent_out : 1;
	bool tlp_out : 1;	/* a tail loss probe is in flight (RFC 8985 §7.1) */
	bool tlp_is_retrans : 1;
	bool tlp_unmeasured : 1; /* no round trip was timed since */
	bool paced : 1;		/* new data waits for pace_us */
	bool probed : 1;	/* a tail loss probe has gone before */
	bool in_epoch : 1;	/* `cubic` holds a stage of congestion avoidance */
	bool has_dsack : 1;	/* `dsack` is to be reported */
	bool limited : 1;	/* the service waits until limit_at (tcp_limit()) */
	bool watched : 1;	/* its struct progress is valid, and it is kept for that */
	bool too_large : 1;	/* XFER_LOSS is of what was larger than the path's MTU */
	union {
		uint32_t syn_sent_us; /* when our SYN went out, for the RTT */
		uint32_t small_end;   /* after the last small segment sent (Nagle), from then on */
	};
	uint32_t full_end;	/* in XFER_OPEN: snd_nxt when the congestion window was last used
				 * whole */
	/* Scoreboard: payload bytes of sent bufs by flag. */
	uint32_t sacked, lost, retrans;
	uint32_t recover;	/* snd_nxt when recovery or the timeout began */
	uint32_t ecn_recover;	/* and when an echo of congestion was heeded last */
	struct rack rack;

	struct buf *lost_hint;	/* no lost buf before it waits to go again, NULL: none does;
				 * valid while `lost` */
	uint32_t ooo_bytes;
	uint32_t ooo_count;
	uint32_t ooo_recent[TCPOPT_MAX_SACK]; /* numbers in the blocks that changed last,
					       * latest first (RFC 2018 §4) */
	struct sack_block dsack; /* received twice (RFC 2883) */
	uint32_t rcv_up;	/* RCV.UP, valid while `urgent_in` */
	uint32_t snd_up;	/* SND.UP, valid while `urgent_out` */
	uint32_t prior_cwnd;	/* cwnd when recovery began, for undoing what was not due */
	uint32_t prior_w_max;	/* CUBIC's likewise */
	uint32_t undo_marker;	/* snd_una then; valid while `may_undo` */
	uint32_t undo_retrans;	/* retransmitted bytes not yet reported as duplicates */
	union {
		uint32_t retrans_ts; /* our timestamp of the first retransmission (RFC 4015) */
		uint32_t undo_end;   /* in XFER_OPEN: snd_una when the recovery ended; what is
				      * behind it was not repeated by it */
	};
	uint32_t prr_delivered, prr_out, prr_start; /* RFC 6937; start: RecoverFS */
	uint32_t tlp_end_seq;	/* SND.NXT at the probe, valid when `tlp_out` */
	struct cubic cubic;
	uint32_t pace_us;	/* when the next new segment may leave, if paced at all */
	tick_t limit_at;
	uint16_t prior_ssthresh;
};
static_assert(sizeof(struct xfer) == 4 * CACHE_LINE, "cleared by lines");
static_assert(offsetof(struct xfer, rack) + offsetof(struct rack, dsack_round) == 2 * CACHE_LINE,
	      "what every ACK touches of RACK's is in the second line");

/* How fast a client is, of a transfer with min_rate: sequence numbers at the last look. */
struct progress {
	tick_t at;	     /* of the next look */
	uint32_t snd_goal;   /* what SND.UNA must have reached by then */
	uint32_t snd_end;    /* behind what was queued for sending */
	uint32_t rcv_nxt;
	uint16_t slow_reads; /* looks that found the client too slow: at taking, in a row, */
	uint16_t slow_writes; /* and at sending, since it was answered last */
};

/* A passive open whose handshake is not complete (M7). Its deadline is in shard.half_wheel. */
struct half {
	struct tuple tuple;
	uint32_t irs;	     /* peer's initial sequence number */
	uint32_t iss;	     /* ours */
	uint32_t ts_recent;
	uint8_t dmac[6];
	uint16_t mss;	     /* peer's, or the default */
	uint16_t profile : 13;
	uint16_t reopens : 1; /* the tuple had a record when its SYN came */
	uint8_t wscale;	     /* peer's shift << 4 | ours */
	uint8_t flags : 4;   /* CF_TIMESTAMPS | CF_SACK | CF_WSCALE | CF_ECN */
	uint8_t retries : 4; /* SYN-ACKs sent again, at most 15 */
};
static_assert(sizeof(struct half) == 36, "");

static_assert(CONF_MAX_LISTENERS + CONF_MAX_POOLS < 1 << 13, "a profile's index has 13 bits");
static_assert(CONF_MAX_BACKENDS <= 1 << 12, "a backend's index has 12 bits");
