/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls between the files of engine/tcp. One file per decision: listen.c takes
 * SYNs, half.c completes their handshakes, open.c makes our own, input.c walks a segment
 * through RFC 9293 §3.10.7.4 with check.c, ack.c, text.c and close.c as its
 * steps, output.c decides what to send and emit.c writes it, timer.c and
 * rexmit.c act when nothing comes, guard.c when too little does, finish.c ends the burst.
 *
 * Functions that take a `struct seg *` and say "consumes" own s->buf.
 */
#pragma once

#include "engine/table/tuple.h"
#include "engine/tcp/seq.h"
#include "engine/tcp/tcp.h"

/* ---- state.c ---- */

/* The only writer of conn.state: checks that the transition is one of RFC 9293
 * figure 5's (docs/states.md), traps on others in debug builds. */
void tcp_set_state(struct conn *c, enum tcp_state to);
bool tcp_state_may_follow(enum tcp_state from, enum tcp_state to);

/* States in which we may still send new data, and receive it. */
static inline bool tcp_state_sends(uint8_t s)
{
	return s == TCP_ESTABLISHED || s == TCP_CLOSE_WAIT;
}

static inline bool tcp_state_receives(uint8_t s)
{
	return s == TCP_ESTABLISHED || s == TCP_FIN_WAIT_1 || s == TCP_FIN_WAIT_2;
}

static inline bool tcp_state_is_final(uint8_t s)
{
	return s == TCP_CLOSED || s == TCP_TIME_WAIT;
}

/* ---- conn.c ---- */

/* A control block in CLOSED with its cold part cleared, NULL: none left for this profile. */
struct conn *conn_alloc(struct shard *sh, uint16_t profile);

/* Frees the block, its buffers, its timer; the tuple must be gone from the table. */
void conn_free(struct shard *sh, struct conn *c);

/* The transfer block, taken when there is none yet; NULL: none left. */
struct xfer *conn_xfer_get(struct shard *sh, struct conn *c);

/* The same for what the peer has sent. Of the last blocks none is for what has to be carried on,
 * which takes a second one: when all hold text that waits for that, nothing would ever move. Nor
 * are more of them for what nobody serves yet. */
struct xfer *conn_xfer_for_text(struct shard *sh, struct conn *c);

/* Gives a block back that holds nothing but what it would be good to remember; blocks run short. */
void conn_xfer_forget(struct shard *sh, struct conn *c);

/* Gives its transfer block back, if it has one, when nothing is queued, in flight or timed. */
void conn_xfer_trim(struct shard *sh, struct conn *c, const struct xfer *x);

/* Frees what came out of order. */
void conn_drop_early(struct shard *sh, struct xfer *x);

/* Frees what waits to be read and what came out of order. */
void conn_drop_received(struct shard *sh, struct conn *c);

/* Puts the connection at the end of the work list, on which it is not. */
void conn_enlist(struct shard *sh, struct conn *c);

/* Puts the connection on the work list with these flags added. */
static inline void conn_work(struct shard *sh, struct conn *c, uint32_t flags)
{
	c->flags |= flags;
	if (!(c->flags & CF_WORK))
		conn_enlist(sh, c);
}

/* Nobody reads from the connection any more, nor hears of it. */
void conn_orphan(struct shard *sh, struct conn *c);

/* Takes the tuple out of the table and gives the source port back. */
void conn_unlink(struct shard *sh, struct conn *c);

/* Ends the connection at once: CLOSED, unlinked, closed() will be delivered. */
void conn_die(struct shard *sh, struct conn *c, enum tcp_close_reason reason);

/* Every buffer of the connection back to the shard; for shard_fini(). */
void tcp_conn_release_bufs(struct shard *sh, struct conn *c);

/* ---- quota.c: limits and reserves; the first two are only asked while sh->has_quotas ---- */

/* True when the listener (a profile) has as many connections as it may. */
bool quota_full(const struct shard *sh, uint16_t profile);

/* True when a control block may be taken for it. */
bool quota_allows(const struct shard *sh, uint16_t profile);

/* Counts one taken, and given back. */
void quota_take(struct shard *sh, uint16_t profile);
void quota_put(struct shard *sh, uint16_t profile);

/* What to count when conn_alloc() has refused. */
enum stat quota_refusal(const struct shard *sh, uint16_t profile);

/* ---- sndq.c ---- */

/* Payload bytes of a queued buf, its headers of an earlier transmission not counted. */
static inline uint32_t buf_payload_len(const struct buf *b)
{
	return b->len - b->hdr_len;
}

/* Makes b->data, b->len the payload again after a transmission. */
static inline void buf_strip(struct buf *b)
{
	b->data += b->hdr_len;
	b->len -= b->hdr_len;
	b->hdr_len = 0;
}

/* Sequence number after the last queued byte. */
uint32_t sndq_end(const struct conn *c, const struct xfer *x);

/* Queues b; small pieces join the last buf when it was never sent. */
void sndq_append(struct shard *sh, struct conn *c, struct xfer *x, struct buf *b);

/* Moves bytes of the bufs behind b into it until it has `want`; none of them has
 * been sent. */
void sndq_fill(struct shard *sh, struct xfer *x, struct buf *b, uint32_t want);

/* Puts a copy into the place of b, a sent buf that a port still holds, so that it can
 * be cut. Returns the copy; NULL: no buffer. b is not in a shard's transmit queue. */
struct buf *sndq_unshare(struct shard *sh, struct xfer *x, struct buf *b);

/* Cuts b after its first `n` payload bytes; false: no buffer for the rest. b is
 * not busy. */
bool sndq_split(struct shard *sh, struct xfer *x, struct buf *b, uint32_t n);

/* ---- isn.c ---- */

uint32_t isn_of(const struct shard *sh, const struct tuple *t);

/* The timestamp clock: milliseconds with a secret offset (RFC 7323 §5.4). */
static inline uint32_t ts_now(const struct shard *sh)
{
	return sh->now + sh->ts_offset;
}

/* ---- backlog.c: room for half-open entries (M7) ---- */

/* True when a listener may have no more of them. */
bool backlog_full(const struct shard *sh, uint16_t listener);

/* Makes room for one of the listener's, if need be by giving up an older one; false: there is
 * none. */
bool backlog_make_room(struct shard *sh, uint16_t listener);

/* Counts the entry that one of the listener's SYNs has taken. */
void backlog_taken(struct shard *sh, uint16_t listener, uint32_t index);

/* Gives up an old entry for one of the listener's, whatever it does about SYNs without room. */
void backlog_give_way(struct shard *sh, uint16_t listener);

/* Ends the pressure on a listener that hears nothing any more, before ticks come round. */
void backlog_sweep(struct shard *sh, uint16_t listener);

/* True when the SYN at hand is to be answered with a cookie. */
bool backlog_wants_cookie(struct shard *sh, uint16_t listener);

/* So many are sent: for as long as they are good ACKs are looked at. */
void backlog_cookies_sent(struct shard *sh, uint16_t listener, uint32_t n);

/* One has come back: its SYN was an honest client's, however many there are of these. */
void backlog_cookie_returned(struct shard *sh, uint16_t listener);
bool backlog_expects_cookie(const struct shard *sh, uint16_t listener);

/* ---- cookie.c ---- */

#define COOKIE_LIFE_TICKS (2u << 16) /* of the longest-lived one of ours: two periods */

/* Of one of any machine's: the clock of another one may be ahead. */
static inline uint32_t cookie_life_ticks(const struct shard *sh)
{
	return COOKIE_LIFE_TICKS + sh->cookie_skew_ms;
}

#define COOKIE_SKEW_MS 5000 /* by which clocks of machines with one secret may differ */

enum cookie { COOKIE_GOOD, COOKIE_STALE, COOKIE_EARLY, COOKIE_FORGED };

/*
 * The SYN s as a cookie. `h` holds what its options allow and `irs`, and no tuple; its MSS, window
 * scale and SACK are cut to what the cookie can keep, `iss` is the cookie, and *tsval the
 * timestamp to send with CF_TIMESTAMPS. False: its MSS is too small for one.
 */
bool cookie_make(struct shard *sh, const struct seg *s, struct half *h, uint32_t *tsval);

/* True when other machines complete the handshakes of this profile's listener, and we theirs. */
static inline bool cookies_are_shared(const struct shard *sh, uint16_t profile)
{
	return unlikely(sh->cookie_skew_ms) &&
	       sh->profiles[profile].tcp->syncookies != CONF_SYNCOOKIES_NEVER;
}

/* Makes h->iss a cookie of the SYN s. What `h` can keep is not cut, except that the SYN-ACK offers
 * nothing that the cookie does not say. No effect when none can be made. */
void cookie_share(struct shard *sh, const struct seg *s, struct half *h);

/* Whether it is one, then. */
bool cookie_is_shared(struct shard *sh, const struct half *h);

/* The TSval of the SYN-ACK of an entry with timestamps, the same each time if it is one. */
uint32_t cookie_half_tsval(struct shard *sh, const struct half *h);

/* The key of all cookies with timestamps that are made now; NULL: there are two of them. */
const struct prf_key *cookie_ts_key(struct shard *sh);

/* Whether the ACK s brings a cookie back. `h` holds the profile, and gets all that a half-open
 * entry would know but its tuple and MAC address. */
enum cookie cookie_check(struct shard *sh, const struct seg *s, struct half *h);

/* ---- emit.c ---- */

/* Beside enum tcp_flags: the network may mark it instead of dropping it. */
#define EMIT_ECT 0x100u

/* Largest payload that fits the interface's MTU without TCP options. */
uint16_t mss_of_mtu(const struct shard *sh, uint16_t iface, bool v6);

/* The MSS we announce (MUST-14, MUST-67), and the default of the peer's (MUST-15). */
uint16_t mss_to_announce(const struct shard *sh, const struct conf_tcp *tcp, uint16_t iface,
			 bool v6);
#define MSS_DEFAULT_V4 536
#define MSS_DEFAULT_V6 1220

/* The shift that lets 16 bits hold the receive buffer. */
uint8_t wscale_for(uint32_t rcvbuf);

/* Sends b (payload at data) as a segment of c with these enum tcp_flags and
 * EMIT_ECT; there is room in the port's queue. Whatever ACK was owed is paid by
 * it. */
void emit_segment(struct shard *sh, struct conn *c, struct buf *b, uint32_t seq, uint32_t flags);

/* As emit_segment() of all that is queued and in flight of a connection with an ordinary profile;
 * neither SYN nor RST. */
void emit_alone(struct shard *sh, struct conn *c, struct xfer *x, struct buf *b, uint32_t flags);

/* Sequence number of a segment that takes none: SND.NXT, but not beyond the
 * peer's window. A window probe, or a window that shrank, leaves SND.NXT where a
 * peer drops what it gets (RFC 9293 §3.10.7.4, first check). */
uint32_t tcp_empty_seq(const struct conn *c);

/* Sends a segment without payload; false: no buffer or no room. */
bool emit_empty(struct shard *sh, struct conn *c, uint32_t seq, uint32_t flags);

/* The window that a SYN-ACK offers: it is not scaled yet (RFC 7323 §2.2). */
static inline uint16_t synack_window(const struct conf_tcp *tcp)
{
	return (uint16_t)MIN(tcp->rcvbuf, (uint32_t)UINT16_MAX);
}

/* Sends the SYN-ACK of a half-open entry in b; consumes b. */
void emit_synack(struct shard *sh, const struct half *h, struct buf *b);

/* A segment answered in its own buffer, back to the MAC it came from. */
struct reply {
	uint32_t seq, ack;
	uint16_t wnd;
	uint8_t flags;
	bool has_ts;
	uint32_t tsecr;
	const struct tcpopt_out *opt; /* all options; NULL: has_ts and tsecr say it */
	const struct conf_tcp *tcp;   /* TTL and DSCP; NULL: the config's defaults */
};

/* Consumes s->buf; false: the port is full, and nothing is sent. */
bool emit_reply(struct shard *sh, struct seg *s, const struct reply *r);

/* Answers the SYN s with what cookie_make() has made; consumes. */
void emit_cookie(struct shard *sh, struct seg *s, const struct half *h, uint32_t tsval);

/* ---- ecn.c: RFC 3168 §6.1 ---- */

/* True when the peer's SYN offers ECN and we are to accept it. */
bool tcp_ecn_offered(const struct conf_tcp *tcp, const struct seg *s);

/* The SYN-ACK, or crossing SYN, has come: CF_ECN becomes what both agreed on. */
void tcp_ecn_negotiated(const struct shard *sh, struct conn *c, const struct seg *s);

/* An acceptable segment of a connection with CF_ECN: is congestion marked? */
void tcp_ecn_input(struct shard *sh, struct conn *c, const struct seg *s);

/* Flags of a segment of new data: ECN-capable, CWR when the window was reduced. */
uint32_t tcp_ecn_data_flags(struct conn *c);

/* ---- reset.c ---- */

/* Answers a segment that belongs to nothing (RFC 9293 §3.10.7.1), within the limit; consumes. */
void tcp_reset_reply(struct shard *sh, struct seg *s);

/* Sends RST for a connection: <SEQ=tcp_empty_seq()><ACK=RCV.NXT><CTL=RST,ACK>. */
void tcp_reset_conn(struct shard *sh, struct conn *c);

/* True when this object was challenged less than half a second ago; false: it is from now
 * on. `ref` as in the table, `salt` tells it from one that had its place before. What
 * two objects have in common is one entry, so one of them may be answered more often. */
bool challenge_repeats(struct shard *sh, uint32_t ref, uint32_t salt);

/* True when it does not, and the challenge-ACK budget of this second lasts (RFC 5961 §7). */
bool challenge_allowed(struct shard *sh, uint32_t ref, uint32_t salt);

/* Owes the peer a challenge ACK, within the limit. */
void challenge_ack(struct shard *sh, struct conn *c);

/* ---- admit.c ---- */

/* Memory for what counts sources, 0: nothing does; and its beginning, at a cache line. */
size_t admit_bytes(const struct conf *conf);
void admit_init(struct shard *sh, uint8_t *mem);

/* For listeners that are guarded. Whether the SYN, the ACK that completes a handshake, or the one
 * that brings a good cookie, may open a connection. False: its source may not have one; it is
 * answered, counted and consumed. An ACK is counted for its source's limits at *place, which the
 * connection's cold part has to keep, or admit_failed() takes back. */
bool admit_syn(struct shard *sh, struct seg *s, uint16_t listener);
bool admit_handshake(struct shard *sh, struct seg *s, uint16_t listener,
		     enum source_place *place);
bool admit_cookie(struct shard *sh, struct seg *s, uint16_t listener, enum source_place *place);

/* The same for a SYN that would end a record in TIME_WAIT, whether or not somebody listens and is
 * guarded; asked before anything gives way to it. */
bool admit_syn_to_time_wait(struct shard *sh, struct seg *s);

/* No connection came of the ACK after all. */
void admit_failed(struct shard *sh, const struct seg *s, uint16_t listener,
		  enum source_place place);

/* The connection, which still has its tuple and was counted somewhere, counts no more. */
void admit_leave(struct shard *sh, struct conn *c);

/* ---- refuse.c ---- */

/* Answers a segment to a closed port as its local address' `refuse` says; consumes. */
void tcp_refuse_closed(struct shard *sh, struct seg *s);

/* Answers a SYN that the listener turns away as its `refuse` says; consumes. */
void tcp_refuse_syn(struct shard *sh, struct seg *s, uint16_t listener);

/* ---- listen.c ---- */

/* A segment for a local address without a connection; consumes. `iss_after`: the
 * tuple's last connection used numbers up to this one (RFC 1122 §4.2.2.13), NULL:
 * none is remembered. */
void tcp_listen_input(struct shard *sh, struct seg *s, const uint32_t *iss_after);

/* True when the SYN would find a listener with room for it. */
bool tcp_listen_ready(const struct shard *sh, const struct seg *s);

/* ---- half.c ---- */

/* A segment for a half-open entry; consumes. */
void tcp_half_input(struct shard *sh, struct half *h, struct seg *s);

/* Files it under the next time its SYN-ACK is to go. */
void half_arm(struct shard *sh, struct half *h);

/* Milliseconds since its SYN, by its timer. */
uint32_t half_age(const struct shard *sh, const struct half *h);
void half_free(struct shard *sh, struct half *h);

/* Ends an entry that did not become a connection. */
void half_drop(struct shard *sh, struct half *h);

/* ---- open.c ---- */

void tcp_syn_sent_input(struct shard *sh, struct conn *c, struct seg *s);
void tcp_send_syn(struct shard *sh, struct conn *c);

/* Applies the options of the peer's SYN; wscale and mss of `c` follow. */
void tcp_apply_syn_options(struct shard *sh, struct conn *c, const struct tcpopt *o);

/* RFC 5681 §3.1, RFC 6928 §2: after more than one retry the path is congested. */
void tcp_syn_was_lost(const struct conn *c, struct conn_cold *k, uint32_t retries);

/* SYN_SENT or SYN_RECEIVED -> ESTABLISHED: tells the service, sends what waits. */
void tcp_connection_up(struct shard *sh, struct conn *c);

/* IW of RFC 6928 §2, in bytes. */
uint32_t tcp_initial_window(const struct shard *sh, const struct conn *c);

/* Window, congestion state and send variables of a connection that comes up. */
void tcp_conn_establish(struct shard *sh, struct conn *c);

/* ---- pmtu.c ---- */

#define PMTU_MIN_V6 1280u /* every link takes that (RFC 8200 §5) */

/* A router says that packets of this connection above `mtu` bytes do not pass. */
void tcp_path_mtu(struct shard *sh, struct conn *c, uint32_t mtu);

/* What to try below a packet length that did not pass (RFC 1191 §7.1). */
uint32_t tcp_pmtu_below(uint32_t packet_len);

/* ---- input.c ---- */

/* A segment for a connection; consumes. */
void tcp_input(struct shard *sh, struct conn *c, struct seg *s);

/* Cuts what lies before RCV.NXT and beyond the window. */
void tcp_trim(struct shard *sh, struct conn *c, struct seg *s);

/* Text of the next segment in order, without FIN or URG, in ESTABLISHED with a service that reads;
 * `x` is the transfer block, if there is one. Consumes. */
void tcp_text(struct shard *sh, struct conn *c, struct xfer *x, struct seg *s);

/* What is left of a segment once its sequence, flags and ACK are checked:
 * text and FIN; consumes. */
void tcp_text_and_fin(struct shard *sh, struct conn *c, struct seg *s);

/* ---- finish.c ---- */

/* The service hears of it at the end of the burst. */
void tcp_tell_trouble(struct shard *sh, struct conn *c, struct xfer *x, enum tcp_trouble what);

/* ---- urgent.c ---- */

/* An acceptable segment with URG. */
void tcp_urgent_input(struct shard *sh, struct conn *c, const struct seg *s);

/* The service has read, perhaps all that was urgent. */
void tcp_urgent_read(const struct conn *c, struct xfer *x);

/* The urgent pointer of a segment that begins at `seq`, 0: not urgent. */
uint16_t tcp_urgent_pointer(const struct xfer *x, uint32_t seq);

/* ---- user.c ---- */

/* Data may be queued before the connection is up (§3.10.2) and until FIN is. */
bool tcp_may_queue(const struct conn *c);

/* ---- text.c ---- */

/* Sequence numbers [start, end) came a second time (RFC 2883). */
void tcp_note_duplicate(struct shard *sh, struct conn *c, uint32_t start, uint32_t end);

/* ---- ack.c ---- */

/* RFC 9293 §3.10.7.4 step 5 for synchronized states; false: drop the segment. */
bool tcp_ack_input(struct shard *sh, struct conn *c, const struct seg *s);

/* The same in ESTABLISHED. */
bool tcp_ack_plain(struct shard *sh, struct conn *c, struct xfer *x, const struct seg *s);

/* Takes a round trip into SRTT and RTTVAR (RFC 6298 §2). */
void tcp_rtt_sample(struct conn *c, uint32_t rtt_us);

/* The round trip that the segment's echoed timestamp tells of, in microseconds but to the
 * tick; 0: none (RFC 7323 §4). */
uint32_t tcp_rtt_of_timestamp(const struct shard *sh, const struct conn *c, const struct seg *s);

/* ssthresh in bytes, UINT32_MAX while there is none. */
uint32_t tcp_ssthresh(const struct conn *c, const struct conn_cold *k);

#define PACE_MAX_US (TICKS_PER_SEC * USEC_PER_TICK) /* between two segments */

/* Until the next segment may leave. What is further away than any wait is long past: 32 bits come
 * round. */
static inline uint32_t tcp_pace_wait_us(const struct shard *sh, const struct xfer *x)
{
	uint32_t wait_us = x->pace_us - (uint32_t)sh->now_us;

	return wait_us <= PACE_MAX_US ? wait_us : 0;
}

/* Largest window the peer has ever offered, in bytes (Max.SND.WND). */
static inline uint32_t tcp_max_wnd(const struct conn *c)
{
	return (uint32_t)conn_cold(c)->max_wnd << (c->wscale >> 4);
}

/* ---- close.c ---- */

/* The peer's FIN is next in sequence. */
void tcp_fin_received(struct shard *sh, struct conn *c);
/* Our FIN is acknowledged. */
void tcp_fin_acked(struct shard *sh, struct conn *c);
/* Queues our FIN and moves to FIN_WAIT_1 or LAST_ACK. */
void tcp_send_fin(struct shard *sh, struct conn *c);

/* ---- output.c ---- */

/* Sends what is due, of `x` if there is one; false: the port's queue is full, call again. */
bool tcp_output(struct shard *sh, struct conn *c, struct xfer *x);

/* Bytes that the receive buffer still has room for. */
static inline uint32_t tcp_receive_space(const struct conf_tcp *tcp, const struct xfer *x)
{
	uint32_t unread = x ? x->rcvq.bytes : 0;

	return tcp->rcvbuf > unread ? tcp->rcvbuf - unread : 0;
}

/* Right edge to offer the peer now, with that space (receiver SWS avoidance, MUST-39). */
uint32_t tcp_receive_edge(const struct conn *c, const struct conf_tcp *tcp, uint32_t space);

/* ---- rexmit.c ---- */

uint32_t tcp_rto_ms(const struct shard *sh, const struct conn *c, const struct xfer *x);
void tcp_arm_rto(struct shard *sh, struct conn *c, struct xfer *x);
void tcp_rto_expired(struct shard *sh, struct conn *c, struct xfer *x);
void tcp_persist_expired(struct shard *sh, struct conn *c, struct xfer *x);

/* ---- timer.c ---- */

/* 24 days: RFC 7323 §5.5, timestamps may have wrapped in between. */
#define PAWS_IDLE_TICKS (24u * 24 * 3600 * TICKS_PER_SEC)

/* Files the connection's node under the earliest of its deadlines, unless it is early enough. */
void tcp_timer_update(struct shard *sh, struct conn *c);

/* True when it is known to be, without a look at all of them. */
static inline bool tcp_timer_is_filed(const struct shard *sh, const struct conn *c,
				      const struct xfer *x)
{
	const struct conn_cold *k = conn_cold(c);

	return x && x->timer != XFER_TIMER_NONE && !(x->paced || x->limited) &&
	       k->timer.prev != 0 && !tick_before(x->timer_at, k->timer.at) &&
	       !(c->flags & CF_ACK_DELAYED) && c->state == TCP_ESTABLISHED &&
	       !conn_profile(sh, c)->limits;
}

/* Looks after connection number `index`, live or not, which may have been silent for
 * longer than ticks can tell. */
void tcp_sweep(struct shard *sh, uint32_t index);
void tcp_conn_expired(void *ctx, uint32_t index);

/* ---- half-open and TIME_WAIT timers: half.c, timewait.c ---- */

void tcp_half_expired(void *ctx, uint32_t index);
void tcp_time_wait_over(void *ctx, const uint32_t *indexes, uint32_t n);
void tcp_time_wait_moved(void *ctx, uint32_t from, uint32_t to);

/* Turns a finished connection's claim on its tuple into a TIME_WAIT record. */
void tcp_time_wait_enter(struct shard *sh, struct conn *c);
void tcp_time_wait_input(struct shard *sh, uint32_t index, struct seg *s);

/* The connection ends without a wait. True: a cookie has opened it and may come again, so a
 * record has taken its place in the table. */
bool tcp_time_wait_spend(struct shard *sh, struct conn *c);

/* ---- accept.c ---- */

/* The handshake that `h` tells of is complete by `s`: c, fresh and in the table, takes it over
 * with its tuple, is ESTABLISHED and waits to be accepted. */
void tcp_passive_up(struct shard *sh, struct conn *c, struct half *h, const struct seg *s);

bool accept_queue_full(const struct shard *sh, uint16_t listener);

/* The last segment of a handshake finds the queue full; consumes. */
void accept_queue_refuse(struct shard *sh, uint16_t listener, struct seg *s);
void accept_queue_add(struct shard *sh, struct conn *c, uint16_t listener);

/* One that waited there, or was about to, has ended: it counts for nobody any more. */
void accept_queue_ended(struct shard *sh, struct conn *c);

/* A connection that nobody owns, at the end of a burst: one that was waiting for its first
 * byte and has it goes into the queue. True: it was taken from there at once. */
bool accept_deferred(struct shard *sh, struct conn *c);
