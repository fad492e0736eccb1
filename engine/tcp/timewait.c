/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TIME_WAIT (M12, MUST-13): a record of 24 bytes (table/time_wait_lines.h) keeps old segments
 * from a new connection of the same tuple and answers a retransmitted FIN.
 *
 * What could go wrong without it is RFC 1337's list (§2): an old duplicate of data (hazard 1) is
 * taken for a new connection's, one of an ACK (2) makes its ends disagree, and one of a RST, or the
 * answer to one of the others (3), kills it. So nothing that arrives shortens the wait: data and
 * ACKs are answered with what we know, RSTs ignored unless tcp.rfc1337 is off, and the peer's FIN
 * begins it anew.
 *
 * But for one thing, a SYN that is provably newer than all that may still be on its way. With a
 * timestamp larger than the last one of the old connection (RFC 6191 §2) it is: what is old has
 * smaller ones, which PAWS drops for the 24 days that a clock of milliseconds takes to come half
 * round, and ours go on as well since all connections have one clock. With the same one, or none,
 * a sequence number beyond the last one must do (RFC 1122 §4.2.2.13): old data is to the left of
 * the new window then, unless the new connection moves 2^31 bytes within the life of a segment; an
 * old ACK acknowledges numbers below our new ones, which begin beyond the old ones and a window
 * (listen.c); and an old RST is not at the number that RFC 5961 asks for. A timestamp where the
 * old connection had none is enough: what is old lacks it and is dropped. A SYN that finds no
 * listener, or no room there, changes nothing.
 *
 * Under pressure. memory.time_wait [tcp_max_tw_buckets] bounds the records. When all are in use the
 * connection that closes now goes without (time_wait_overflow), as with Linux. Pushing out the
 * oldest record instead would let a flood of short connections end the waits of all others early.
 * What a missing one risks is bounded by the next connection's initial numbers, which RFC 6528 has
 * grow by the clock, and by timestamps; and records end within a minute, so that it passes.
 *
 * A connection that a SYN cookie has opened leaves a record too when nothing of it would have
 * to wait: for as long as the cookie is good, an old duplicate of its first segment would open it
 * again, and its request be served twice. To all else such a record is as if it were not there.
 */
#include "engine/service/proxy.h"
#include "engine/table/listen_table.h"
#include "engine/tcp/internal.h"

static_assert(CONF_MAX_ADDRS <= 1 << 10, "a local address's index has 10 bits");
static_assert(CONF_MAX_LISTENERS + CONF_MAX_POOLS <= 1 << 11, "a profile's index has 11 bits");
static_assert(CONF_MAX_BACKENDS <= 1 << 10, "a backend's index has 10 bits");

static struct time_wait *record(const struct shard *sh, uint32_t index)
{
	return tw_at(&sh->time_waits, index);
}

static const struct conf_tcp *tw_tcp(const struct shard *sh, const struct time_wait *tw)
{
	return sh->profiles[tw->profile].tcp;
}

static bool has_timestamps(const struct shard *sh, uint32_t index)
{
	return tw_has_timestamps(&sh->time_waits, index);
}

/* How long the cookie that opened a connection is still good. */
static uint32_t cookie_left_ms(const struct shard *sh, const struct conn_cold *k)
{
	uint32_t age_ms = sh->now - k->opened, life_ms = cookie_life_ticks(sh);

	return k->cookie && age_ms < life_ms ? life_ms - age_ms : 0;
}

/* A record of the tuple, with its address entry, in the connection's place in the table; false: no
 * room for one, nothing has changed. */
static bool tw_create(struct shard *sh, const struct conn *c, const struct tuple *t, uint16_t line)
{
	const struct conn_cold *k = conn_cold(c);
	struct tuple_key key = tuple_key_of(sh, t);
	uint32_t i = tw_enter(&sh->time_waits, line, sh->now, c->flags & CF_TIMESTAMPS);

	if (unlikely(i == TW_NONE))
		return false;
	*record(sh, i) = (struct time_wait){
	    .raddr = t->raddr,
	    .rport_be = t->rport_be,
	    .lport_be = t->lport_be,
	    .rcv_nxt = c->rcv_nxt,
	    .snd_nxt = c->snd_nxt,
	    .ts_recent = c->ts_recent,
	    .local = tuple_local(t) & 0x3ff,
	    .profile = k->profile & 0x7ff,
	    .backend = k->backend & 0x3ff,
	    .used = 1,
	};
	table_replace(&sh->table, tuple_hash(sh, &key), ref_make(REF_CONN, conn_index(sh, c)),
		      ref_make(REF_TIME_WAIT, i));
	return true;
}

/* What guards cookies leaves half of the records to those that must wait. */
static bool has_room_for_cookies(const struct shard *sh)
{
	return sh->time_waits.used < sh->time_waits.capacity / 2;
}

/* A cookie may be good for longer than the wait would be. */
static uint16_t line_for(const struct shard *sh, const struct conn *c)
{
	const struct profile *p = conn_profile(sh, c);

	return cookie_left_ms(sh, conn_cold(c)) > p->tcp->time_wait_ms && has_room_for_cookies(sh)
		   ? sh->cookie_line
		   : p->tw_line;
}

void tcp_time_wait_enter(struct shard *sh, struct conn *c)
{
	stat_inc(sh, STAT_time_wait);
	if (likely(tw_create(sh, c, &c->tuple, line_for(sh, c)))) {
		c->tuple.local = TUPLE_FREE;
		return;
	}
	stat_inc(sh, STAT_time_wait_overflow);
	if (conn_profile(sh, c)->listener != CONF_NONE)
		sh->listeners[conn_profile(sh, c)->listener].time_wait_overflows++;
	conn_unlink(sh, c);
}

bool tcp_time_wait_spend(struct shard *sh, struct conn *c)
{
	struct tuple_key key = tuple_key_of(sh, &c->tuple);
	struct tuple copy; /* the connection's own is looked at until the end of the burst */

	if (cookie_left_ms(sh, conn_cold(c)) == 0 || !has_room_for_cookies(sh))
		return false;
	if (!tuple_set(sh, &copy, &key, c->tuple.iface))
		return false;
	if (tw_create(sh, c, &copy, sh->spent_line))
		return true;
	tuple_clear(sh, &copy);
	return false;
}

static void tw_end_at(struct shard *sh, uint32_t index, uint64_t hash)
{
	const struct time_wait *tw = record(sh, index);
	struct tuple tuple = tuple_of_time_wait(sh, tw);
	uint16_t pool = sh->profiles[tw->profile].pool;

	table_remove(&sh->table, hash, ref_make(REF_TIME_WAIT, index));
	if (pool != CONF_NONE) /* of an active open, which owns its source port */
		proxy_port_put(sh, pool, tw->backend, tuple_local(&tuple), tuple.lport_be);
	tuple_clear(sh, &tuple);
	tw_remove(&sh->time_waits, index);
}

static uint64_t hash_of(const struct shard *sh, uint32_t index)
{
	struct tuple tuple = tuple_of_time_wait(sh, record(sh, index));
	struct tuple_key key = tuple_key_of(sh, &tuple);

	return tuple_hash(sh, &key);
}

static void tw_end(struct shard *sh, uint32_t index)
{
	tw_end_at(sh, index, hash_of(sh, index));
}

void tcp_time_wait_moved(void *ctx, uint32_t from, uint32_t to)
{
	struct shard *sh = ctx;

	table_replace(&sh->table, hash_of(sh, to), ref_make(REF_TIME_WAIT, from),
		      ref_make(REF_TIME_WAIT, to));
}

void tcp_time_wait_over(void *ctx, const uint32_t *indexes, uint32_t n)
{
	struct shard *sh = ctx;
	uint64_t hashes[TW_BATCH];

	/* Their places in the table are far apart: on the way together. */
	for (uint32_t i = 0; i < n; i++) {
		hashes[i] = hash_of(sh, indexes[i]);
		table_prefetch(&sh->table, hashes[i]);
	}
	for (uint32_t i = 0; i < n; i++)
		tw_end_at(sh, indexes[i], hashes[i]);
}

static bool syn_is_newer(const struct shard *sh, uint32_t index, const struct seg *s)
{
	const struct time_wait *tw = record(sh, index);
	bool has_ts = tw_tcp(sh, tw)->timestamps && (s->opt.seen & TCPOPT_HAS_TS);

	/* The old connection had none though we take them: nothing of it has this one's. */
	if (has_ts && !has_timestamps(sh, index))
		return true;
	if (has_ts && s->opt.tsval != tw->ts_recent)
		return seq_gt(s->opt.tsval, tw->ts_recent);
	return seq_gt(s->seq, tw->rcv_nxt);
}

/* Tells the sender where things stand. */
static void tw_ack(struct shard *sh, const struct time_wait *tw, bool timestamps, struct seg *s)
{
	emit_reply(sh, s,
		   &(struct reply){.seq = tw->snd_nxt,
				   .ack = tw->rcv_nxt,
				   .wnd = UINT16_MAX,
				   .flags = TCP_ACK,
				   .has_ts = timestamps,
				   .tsecr = tw->ts_recent,
				   .tcp = tw_tcp(sh, tw)});
}

static void tw_drop(struct shard *sh, struct seg *s, enum stat why)
{
	stat_inc(sh, why);
	shard_buf_free(sh, s->buf);
}

/* Why a SYN finds no room at the listener, whose index is its profile's. */
static enum stat refusal(const struct shard *sh, uint16_t listener)
{
	if (accept_queue_full(sh, listener))
		return STAT_drop_listen_overflow;
	return quota_full(sh, listener) ? STAT_drop_max_connections : STAT_drop_no_half_open;
}

/* Whether the listener takes a SYN, of who is admitted, for a tuple that has a record. Its number
 * has to follow on the old ones, so it needs an entry and no cookie will do. Who sends it has had a
 * connection, forged addresses have not: when those have taken all entries, one of theirs gives way
 * to it. Each costs a connection before, so nobody empties the backlog that way. (Linux takes such
 * SYNs beyond its limit, and calls their senders "evidently real".) */
static bool listener_takes(struct shard *sh, const struct seg *s)
{
	uint16_t listener = listen_table_find(sh, s->family, s->local, s->dport_be);

	if (listener == CONF_NONE)
		return false;
	if (sh->halves.used >= sh->halves.capacity &&
	    refusal(sh, listener) == STAT_drop_no_half_open)
		backlog_give_way(sh, listener);
	return tcp_listen_ready(sh, s);
}

static bool is_spent(const struct shard *sh, uint32_t index)
{
	return tw_chunk_of(&sh->time_waits, index)->line == sh->spent_line;
}

/* A SYN that may open the tuple of a record again. False: nobody takes it, and it is still to be
 * answered. */
static bool reopen(struct shard *sh, uint32_t index, struct seg *s)
{
	uint32_t last = record(sh, index)->snd_nxt;

	/* No listener takes it: the record stays. */
	if (s->flags & TCP_FIN) {
		tw_drop(sh, s, STAT_drop_not_synchronized);
		return true;
	}
	if (!admit_syn_to_time_wait(sh, s))
		return true;
	if (!listener_takes(sh, s))
		return false;
	stat_add(sh, STAT_time_wait_reused, !is_spent(sh, index));
	tw_end(sh, index);
	tcp_listen_input(sh, s, &last);
	return true;
}

/* A new SYN opens the tuple again, whatever its number; what is left of the old connection
 * is answered as what belongs to none. */
static void spent_input(struct shard *sh, uint32_t index, struct seg *s)
{
	const struct time_wait *tw = record(sh, index);

	if ((s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN) {
		tcp_reset_reply(sh, s);
		return;
	}
	/* A cookie-opened connection was a listener's. */
	if (!reopen(sh, index, s)) {
		sh->listeners[tw->profile].overflows += accept_queue_full(sh, tw->profile);
		sh->listeners[tw->profile].drops++;
		tw_drop(sh, s, refusal(sh, tw->profile));
	}
}

/* The peer's FIN again: our last ACK was lost. */
static bool is_fin_again(const struct time_wait *tw, const struct seg *s)
{
	return (s->flags & TCP_FIN) && s->seq + seg_len(s) == tw->rcv_nxt;
}

/* The wait starts over, at the end of its line; where that has no room it goes on. Returns the
 * record, which has moved. */
static struct time_wait *restart(struct shard *sh, uint32_t index, const struct seg *s)
{
	uint16_t line = tw_chunk_of(&sh->time_waits, index)->line;
	struct time_wait *tw = record(sh, index), copy;
	bool timestamps = has_timestamps(sh, index);
	struct tuple_key key = tuple_key_of_seg(s);
	uint32_t i, ref;

	if (timestamps && (s->opt.seen & TCPOPT_HAS_TS) && s->ack == tw->snd_nxt &&
	    seq_gt(s->opt.tsval, tw->ts_recent))
		tw->ts_recent = s->opt.tsval; /* RFC 7323 §4.3 */
	copy = *tw;
	i = tw_enter(&sh->time_waits, line, sh->now, timestamps);
	if (unlikely(i == TW_NONE))
		return tw;
	ref = tuple_find(sh, &key, s->hash); /* it may have moved to make room */
	*record(sh, i) = copy;
	table_replace(&sh->table, s->hash, ref, ref_make(REF_TIME_WAIT, i));
	tw_remove(&sh->time_waits, ref_index(ref));
	return record(sh, i);
}

static void tw_input(struct shard *sh, uint32_t index, struct seg *s)
{
	const struct time_wait *tw = record(sh, index);

	if (s->flags & TCP_RST) {
		bool ends = !tw_tcp(sh, tw)->rfc1337 && s->seq == tw->rcv_nxt;

		if (ends)
			tw_end(sh, index);
		tw_drop(sh, s, ends ? STAT_rst_received : STAT_drop_time_wait_rst);
		return;
	}
	if ((s->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && syn_is_newer(sh, index, s) &&
	    reopen(sh, index, s))
		return;
	if (is_fin_again(tw, s)) {
		bool timestamps = has_timestamps(sh, index);

		tw_ack(sh, restart(sh, index, s), timestamps, s);
		return;
	}
	/* What asks for an answer gets one; a bare ACK in order does not, or two
	 * of us in TIME_WAIT would answer each other. */
	if (seg_len(s) == 0 && s->seq == tw->rcv_nxt)
		tw_drop(sh, s, STAT_drop_old_duplicate);
	else if (seg_len(s) == 0 &&
		 !challenge_allowed(sh, ref_make(REF_TIME_WAIT, index), tw->snd_nxt))
		tw_drop(sh, s, STAT_drop_out_of_window);
	else
		tw_ack(sh, tw, has_timestamps(sh, index), s);
}

void tcp_time_wait_input(struct shard *sh, uint32_t index, struct seg *s)
{
	if (is_spent(sh, index))
		spent_input(sh, index, s);
	else
		tw_input(sh, index, s);
}
