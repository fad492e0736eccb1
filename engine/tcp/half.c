/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SYN_RECEIVED of a passive open (RFC 9293 §3.10.7.4): 36 bytes that send the SYN-ACK again
 * until its ACK comes, which makes a connection of them.
 */
#include "engine/tcp/internal.h"

static COLD void drop(struct shard *sh, struct seg *s, enum stat why)
{
	stat_inc(sh, why);
	shard_buf_free(sh, s->buf);
}

void half_free(struct shard *sh, struct half *h)
{
	uint32_t i = half_index(sh, h);

	sh->listeners[sh->profiles[h->profile].listener].half_open--;
	group_wheel_cancel(&sh->half_wheel, i);
	tuple_clear(sh, &h->tuple);
	pool_put(&sh->halves, i);
}

COLD void half_drop(struct shard *sh, struct half *h)
{
	struct tuple_key key = tuple_key_of(sh, &h->tuple);

	table_remove(&sh->table, tuple_hash(sh, &key),
		     ref_make(REF_HALF, half_index(sh, h)));
	half_free(sh, h);
}

/* The nth wait is 1, 2, 4 … s (RFC 6298 §5.5); retries that all fall on whole
 * seconds together may be spread by up to an eighth. */
static tick_t wait_of(const struct shard *sh, const struct half *h, uint32_t retries)
{
	const struct conf_tcp *tcp = sh->profiles[h->profile].tcp;
	uint64_t delay = MIN((uint64_t)tcp->rto_initial_ms << retries, tcp->rto_max_ms);

	if (tcp->synack_jitter)
		delay += (h->iss ^ h->irs) % (delay / 8 + 1);
	return (tick_t)delay;
}

void half_arm(struct shard *sh, struct half *h)
{
	group_wheel_arm(&sh->half_wheel, half_index(sh, h), sh->now + wait_of(sh, h, 0));
}

uint32_t half_age(const struct shard *sh, const struct half *h)
{
	tick_t begun = group_wheel_at(&sh->half_wheel, half_index(sh, h));

	for (uint32_t i = 0; i <= h->retries; i++)
		begun -= wait_of(sh, h, i);
	return sh->now - begun;
}

/* Another retry, from one deadline to the next, so that the last one tells when the first wait
 * began. Those that a leap of the clock has left behind are taken for sent, all but the last. */
static void arm_again(struct shard *sh, struct half *h)
{
	uint32_t i = half_index(sh, h), most = sh->profiles[h->profile].tcp->synack_retries;
	tick_t wait, at = group_wheel_at(&sh->half_wheel, i);

	do {
		h->retries = (h->retries + 1) & 15;
		wait = wait_of(sh, h, h->retries);
		at += wait;
	} while (tick_reached(sh->now, at) && h->retries < most);
	group_wheel_arm(&sh->half_wheel, i, tick_reached(sh->now, at) ? sh->now + wait : at);
}

void tcp_half_expired(void *ctx, uint32_t index)
{
	struct shard *sh = ctx;
	struct half *h = shard_half(sh, index);
	struct buf *b;

	if (h->retries >= sh->profiles[h->profile].tcp->synack_retries) {
		stat_inc(sh, STAT_half_open_expired);
		half_drop(sh, h);
		return;
	}
	arm_again(sh, h);
	b = shard_buf_alloc(sh);
	if (!b)
		return;
	stat_inc(sh, STAT_synack_retransmitted);
	emit_synack(sh, h, b);
}

/* A SYN-ACK that was sent once times the round trip (RFC 6298 §2): its timer
 * tells when that was, to the tick. */
static void time_handshake(struct shard *sh, struct conn *c, const struct half *h,
			   const struct seg *s)
{
	uint32_t rtt_us;

	/* What it echoes may say what a cookie does, and the same each time. */
	if (cookies_are_shared(sh, h->profile) && (h->flags & CF_TIMESTAMPS))
		return;
	rtt_us = tcp_rtt_of_timestamp(sh, c, s);
	/* Without timestamps; a SYN-ACK that went again since the SYN did is not known. */
	if (!rtt_us && h->retries == 0)
		rtt_us = MAX(half_age(sh, h), 1u) * USEC_PER_TICK;
	if (rtt_us)
		tcp_rtt_sample(c, rtt_us);
}

/* An old duplicate of a first segment would open the tuple once more: with another machine's
 * cookie, or one that has opened the connection before this. */
static bool may_come_by_cookie(const struct shard *sh, const struct half *h)
{
	return cookies_are_shared(sh, h->profile) ||
	       (h->reopens && backlog_expects_cookie(sh, h->profile));
}

/* The handshake is proven: the entry becomes a connection. NULL: it stays half-open (the
 * SYN-ACK's retries go on). Inline: of its two callers one is rare. */
static ALWAYS_INLINE struct conn *half_promote(struct shard *sh, struct half *h,
					       const struct seg *s)
{
	uint32_t ref = ref_make(REF_HALF, half_index(sh, h));
	struct conn *c = conn_alloc(sh, h->profile);

	if (!c) {
		stat_inc(sh, quota_refusal(sh, h->profile));
		return NULL;
	}
	table_replace(&sh->table, s->hash, ref, ref_make(REF_CONN, conn_index(sh, c)));
	tcp_passive_up(sh, c, h, s);
	time_handshake(sh, c, h, s);
	tcp_syn_was_lost(c, conn_cold(c), h->retries);
	conn_cold(c)->cookie = may_come_by_cookie(sh, h);
	half_free(sh, h);
	return c;
}

/* What the SYN-ACK offered, in bytes. */
static uint32_t half_window(const struct shard *sh, const struct half *h)
{
	return MIN(sh->profiles[h->profile].tcp->rcvbuf, (uint32_t)UINT16_MAX);
}

/* RFC 9293 §3.10.7.4 first step. */
static bool half_in_window(const struct shard *sh, const struct half *h, const struct seg *s)
{
	uint32_t wnd = half_window(sh, h);
	uint32_t offset = s->seq - (h->irs + 1);

	return offset < wnd || (s->payload_len && s->seq + s->payload_len - (h->irs + 2) < wnd);
}

static COLD void half_challenge(struct shard *sh, struct half *h, struct seg *s, enum stat why)
{
	uint32_t unit = 1u << (h->wscale & 15);

	stat_inc(sh, why);
	/* Data is a retransmission: whoever sends it waits for the answer. */
	if (!s->payload_len &&
	    !challenge_allowed(sh, ref_make(REF_HALF, half_index(sh, h)), h->irs)) {
		shard_buf_free(sh, s->buf);
		return;
	}
	emit_reply(sh, s,
		   &(struct reply){
		       .seq = h->iss + 1,
		       .ack = h->irs + 1,
		       .wnd = (uint16_t)((half_window(sh, h) + unit - 1) / unit),
		       .flags = TCP_ACK,
		       .has_ts = h->flags & CF_TIMESTAMPS,
		       .tsecr = h->ts_recent,
		       .tcp = sh->profiles[h->profile].tcp,
		   });
}

/* The cookie says what the SYN-ACK does from now on; its number is another one. */
static COLD void withdraw_ecn(struct shard *sh, struct half *h, const struct seg *s)
{
	bool shared = cookies_are_shared(sh, h->profile) && cookie_is_shared(sh, h);

	h->flags &= (uint8_t)(15 & ~CF_ECN);
	if (!shared)
		return;
	cookie_share(sh, s, h);
	h->retries = 0;
	half_arm(sh, h);
}

/* An ACK for another number than ours: of a SYN-ACK that another machine has sent, or that this
 * one has sent before, it opens the connection. False: it is for none. */
static COLD bool half_opened_by_cookie(struct shard *sh, struct half *h, struct seg *s)
{
	struct half other = {.profile = h->profile, .tuple.local = TUPLE_FREE};

	if (!backlog_expects_cookie(sh, h->profile) || cookie_check(sh, s, &other) != COOKIE_GOOD)
		return false;
	half_drop(sh, h);
	tcp_listen_input(sh, s, NULL);
	return true;
}

static COLD void half_reset(struct shard *sh, struct half *h, struct seg *s)
{
	/* RFC 5961 §3.2: only the exact number resets. A passive open goes back to
	 * LISTEN (MUST-11), which the listener never left. */
	if (s->seq != h->irs + 1) {
		if (half_in_window(sh, h, s))
			half_challenge(sh, h, s, STAT_drop_bad_rst);
		else
			drop(sh, s, STAT_drop_bad_rst);
		return;
	}
	stat_inc(sh, STAT_rst_received);
	half_drop(sh, h);
	shard_buf_free(sh, s->buf);
}

/* False when the segment was answered or dropped. */
static bool half_acceptable(struct shard *sh, struct half *h, struct seg *s)
{
	bool same_syn = (s->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && s->seq == h->irs;

	if (s->flags & TCP_RST) {
		half_reset(sh, h, s);
		return false;
	}
	if (same_syn) {
		/* Our SYN-ACK was lost, or crossed this: send it again. A SYN that does not
		 * offer ECN any more takes it back (RFC 3168 §6.1.1). */
		if ((h->flags & CF_ECN) && !tcp_ecn_offered(sh->profiles[h->profile].tcp, s))
			withdraw_ecn(sh, h, s);
		stat_inc(sh, STAT_synack_retransmitted);
		memcpy(h->dmac, s->buf->data + 6, 6);
		emit_synack(sh, h, s->buf);
		return false;
	}
	if ((h->flags & CF_TIMESTAMPS) && (s->opt.seen & TCPOPT_HAS_TS) &&
	    seq_lt(s->opt.tsval, h->ts_recent)) {
		half_challenge(sh, h, s, STAT_drop_paws);
		return false;
	}
	/* RFC 5961 §4: a SYN, whatever its number, gets a challenge ACK. */
	if (!half_in_window(sh, h, s) || (s->flags & TCP_SYN)) {
		half_challenge(sh, h, s, STAT_drop_out_of_window);
		return false;
	}
	if (!(s->flags & TCP_ACK)) {
		drop(sh, s, STAT_drop_no_ack_flag);
		return false;
	}
	if (s->ack != h->iss + 1) {
		if (half_opened_by_cookie(sh, h, s))
			return false;
		stat_inc(sh, STAT_drop_bad_syn_ack_ack);
		tcp_reset_reply(sh, s);
		return false;
	}
	return true;
}

/* The handshake is proven, and its source may have reached its limits. */
static COLD void guarded_input(struct shard *sh, struct half *h, struct seg *s, uint16_t listener)
{
	enum source_place place;
	struct conn *c;

	if (!admit_handshake(sh, s, listener, &place)) {
		half_drop(sh, h);
		return;
	}
	c = half_promote(sh, h, s);
	if (!c) {
		sh->listeners[listener].drops++;
		admit_failed(sh, s, listener, place);
		shard_buf_free(sh, s->buf);
		return;
	}
	conn_cold(c)->source = place & 3;
	tcp_input(sh, c, s);
}

void tcp_half_input(struct shard *sh, struct half *h, struct seg *s)
{
	const struct profile *p = &sh->profiles[h->profile];
	struct conn *c;

	if (!half_acceptable(sh, h, s))
		return;
	if (accept_queue_full(sh, p->listener)) {
		if (p->tcp->abort_on_overflow)
			half_drop(sh, h);
		accept_queue_refuse(sh, p->listener, s);
		return;
	}
	if (unlikely(sh->listeners[p->listener].guarded)) {
		guarded_input(sh, h, s, p->listener);
		return;
	}
	c = half_promote(sh, h, s);
	if (!c) {
		sh->listeners[p->listener].drops++;
		shard_buf_free(sh, s->buf);
	} else {
		tcp_input(sh, c, s); /* the ACK may bring data and a FIN (M1) */
	}
}
