/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loss recovery: what is in flight, what is lost, how much may be sent.
 *
 * scoreboard.c keeps the marks on the sent bufs (RFC 2018, 6675), rack.c decides
 * by time what is lost and probes for lost tails (RFC 8985), recovery.c moves
 * between the phases and holds the rate during one (RFC 5681, 6582, 6937) and
 * takes back reductions that were not due (RFC 4015, 5682, 3708), cc.c and
 * cubic.c say how the window grows and shrinks (RFC 5681, 9438).
 */
#pragma once

#include "engine/tcp/internal.h"

/* What one ACK has brought; made by tcp_ack_input() on its stack. */
struct ack_news {
	uint32_t prior_flight;	/* bytes in flight before it */
	uint32_t fack;		/* the highest number delivered before it, SND.UNA if none */
	uint32_t acked;		/* bytes newly acknowledged by SEG.ACK */
	uint32_t delivered;	/* bytes newly acknowledged or SACKed */
	uint32_t rtt_us;	/* of the latest segment among them that times, 0: none */
	bool sacked_new;	/* a SACK block covers something new */
	bool dsack;		/* it reports a duplicate (RFC 2883) */
	bool original;		/* among what was delivered: a segment sent once only */
	bool duplicate;		/* by RFC 5681 §2 */
	bool ecn_echo;		/* the peer has seen congestion marked (RFC 3168) */
};

/* ---- scoreboard.c ---- */

/* Bytes in flight as congestion control counts them (RFC 6675 "pipe"). */
uint32_t tcp_flight(const struct conn *c, const struct xfer *x);

/* Marks what the segment's SACK blocks cover. */
void scoreboard_sack(struct shard *sh, struct conn *c, struct xfer *x, const struct seg *s,
		     struct ack_news *news);

/* Frees what `ack` covers entirely. */
void scoreboard_ack(struct shard *sh, struct conn *c, struct xfer *x, uint32_t ack,
		    const struct seg *s, struct ack_news *news);

/* Frees all that is queued: it was all sent, and has arrived, none of it known to be lost. Returns
 * the round trip of the last segment in microseconds, 0: none that times it. */
uint32_t scoreboard_all_arrived(struct shard *sh, struct xfer *x);

/* Marks a sent buf lost; a retransmission of it counts as lost as well. */
void scoreboard_lose(struct xfer *x, struct buf *b);

/* Takes every mark of loss back. */
void scoreboard_forgive(struct xfer *x);

/* The first lost buf that has not gone again, NULL: none. */
struct buf *scoreboard_next_lost(struct xfer *x);

/* b went out (again): keeps the counts. */
void scoreboard_sent(struct xfer *x, struct buf *b, bool again);

/* Forgets SACKs: the peer may have reneged (RFC 2018 §8). */
void scoreboard_forget_sacks(struct xfer *x);

/* ---- rack.c ---- */

#define TLP_MAX_ACK_DELAY_MS 200 /* RFC 8985 §7.2: what the peer may hold back an ACK for */

/* A segment was delivered: RFC 8985 §6.2 steps 1 to 3. Call before its marks go. */
void rack_delivered(struct shard *sh, const struct conn *c, struct xfer *x, const struct buf *b,
		    const struct seg *s, uint32_t fack);

/* The same for a whole flight whose last segment is b, all of it sent once. Returns its round trip
 * in microseconds. */
uint32_t rack_all_delivered(const struct shard *sh, struct xfer *x, const struct buf *b);

/* Step 5: marks what is lost; returns microseconds until more may be, 0: none. */
uint32_t rack_detect_loss(struct shard *sh, struct conn *c, struct xfer *x);

/* After a timeout: all that RACK would call lost, and the first segment. */
void rack_mark_timeout(struct shard *sh, struct conn *c, struct xfer *x);

/* Widens the reordering window after a DSACK, RFC 8985 §6.2 step 4. */
void rack_dsack(const struct conn *c, struct xfer *x);

/* Probe timeout in ticks, 0: no probe is to be scheduled (RFC 8985 §7.2). */
uint32_t tlp_timeout(const struct conn *c, const struct xfer *x);
void tlp_expired(struct shard *sh, struct conn *c, struct xfer *x);

/* True when the probe has repaired a loss and the window was reduced for it. */
bool tlp_ack(struct shard *sh, struct conn *c, struct xfer *x, uint32_t ack,
	     const struct ack_news *news);

/* ---- recovery.c ---- */

/* The phase after an ACK, the window that follows, what is to be sent again. */
void recovery_ack(struct shard *sh, struct conn *c, struct xfer *x, const struct seg *s,
		  const struct ack_news *news);
void recovery_enter(struct shard *sh, struct conn *c, struct xfer *x);
void recovery_timeout(struct shard *sh, struct conn *c, struct xfer *x);

/* Chooses and arms the timer for what is in flight. */
void recovery_arm(struct shard *sh, struct conn *c, struct xfer *x, uint32_t reorder_us);

/* As recovery_arm() for the first segment of a flight, whose ACK comes first nearly always: no
 * deadline is worked out before one can be due. */
void recovery_arm_later(struct shard *sh, struct conn *c, struct xfer *x);

/* XFER_TIMER_LATER becomes the timer that recovery_arm() would have chosen. */
void recovery_work_out(struct shard *sh, struct conn *c, struct xfer *x);

/* ---- cc.c, cubic.c ---- */

/* Whether the window was what held us back, now or when this was sent: else an ACK proves nothing
 * of it (RFC 7661 §4.2). Call when SND.UNA has moved. */
static inline bool cc_was_limited(const struct conn *c, const struct conn_cold *k,
				  const struct xfer *x, uint32_t prior_flight)
{
	return prior_flight >= k->cwnd / 2 ||
	       (x->phase == XFER_OPEN && seq_leq(c->snd_una, x->full_end));
}

/* The window grows by an ACK outside recovery, of `acked` bytes of the `prior_flight` before it. */
void cc_ack(struct shard *sh, struct conn *c, struct xfer *x, uint32_t prior_flight,
	    uint32_t acked);

/* Slow-start threshold in bytes after a congestion event, noting it. */
uint32_t cc_reduce(struct shard *sh, struct conn *c, struct xfer *x);

/* Sets cold.ssthresh from bytes. */
void cc_set_ssthresh(struct conn_cold *k, const struct conn *c, uint32_t bytes);

/* The application holds the flow back: that time does not count (RFC 9438 §4.2). */
void cubic_pause(const struct shard *sh, struct xfer *x);
void cubic_ack(struct shard *sh, struct conn *c, struct xfer *x, uint32_t acked);
uint32_t cubic_reduce(struct conn *c, struct xfer *x);
