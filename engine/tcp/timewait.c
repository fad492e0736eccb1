/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TIME_WAIT (M12, MUST-13): a 40-byte record keeps old segments from a new
 * connection of the same tuple and answers a retransmitted FIN.
 *
 * What could go wrong with it is RFC 1337's list: an old duplicate of data, of
 * an ACK or of a RST ends the wait early and lets others through. So nothing
 * that arrives shortens it (RSTs are ignored unless tcp.rfc1337 is off), except
 * a SYN that is provably newer: a larger timestamp (RFC 6191 §2), or, with the same
 * one or none, a sequence number beyond the last one (RFC 1122 §4.2.2.13).
 *
 * A connection that a SYN cookie has opened leaves a record too when nothing of it would have
 * to wait: for as long as the cookie is good, an old duplicate of its first segment would open it
 * again, and its request be served twice. To all else such a record is as if it were not there.
 */
#include "engine/service/proxy.h"
#include "engine/tcp/internal.h"

static const struct conf_tcp *tw_tcp(const struct shard *sh, const struct time_wait *tw)
{
	return sh->profiles[tw->profile].tcp;
}

static uint32_t tw_ref(const struct shard *sh, const struct time_wait *tw)
{
	return ref_make(REF_TIME_WAIT, time_wait_index(sh, tw));
}

static void tw_arm(struct shard *sh, struct time_wait *tw, uint32_t ms)
{
	wheel_arm(&sh->time_wait_wheel, time_wait_index(sh, tw), sh->now + ms);
}

/* How long the cookie that opened a connection is still good. */
static uint32_t cookie_left_ms(const struct shard *sh, const struct conn_cold *k)
{
	uint32_t age_ms = sh->now - k->opened;

	return k->cookie && age_ms < COOKIE_LIFE_TICKS ? COOKIE_LIFE_TICKS - age_ms : 0;
}

/* Puts an empty record into the connection's place in the table; NULL: none left. */
static struct time_wait *tw_create(struct shard *sh, const struct conn *c)
{
	struct tuple_key key = tuple_key_of(sh, &c->tuple);
	uint32_t i = pool_get(&sh->time_waits);
	struct time_wait *tw = shard_time_wait(sh, i);

	if (i == POOL_NIL)
		return NULL;
	memset(tw, 0, sizeof(*tw));
	tw->profile = conn_cold(sh, c)->profile;
	table_replace(&sh->table, tuple_hash(sh, &key), ref_make(REF_CONN, conn_index(sh, c)),
		      ref_make(REF_TIME_WAIT, i));
	return tw;
}

void tcp_time_wait_enter(struct shard *sh, struct conn *c)
{
	const struct conn_cold *k = conn_cold(sh, c);
	struct time_wait *tw = tw_create(sh, c);

	stat_inc(sh, STAT_time_wait);
	if (!tw) {
		stat_inc(sh, STAT_time_wait_overflow);
		conn_unlink(sh, c);
		return;
	}
	tuple_move(&tw->tuple, &c->tuple);
	tw->rcv_nxt = c->rcv_nxt;
	tw->snd_nxt = c->snd_nxt;
	tw->ts_recent = c->ts_recent;
	tw->backend = k->backend;
	tw->active = !!(c->flags & CF_ACTIVE);
	tw->timestamps = !!(c->flags & CF_TIMESTAMPS);
	tw_arm(sh, tw, MAX(tw_tcp(sh, tw)->time_wait_ms, cookie_left_ms(sh, k)));
}

bool tcp_time_wait_spend(struct shard *sh, struct conn *c)
{
	uint32_t left_ms = cookie_left_ms(sh, conn_cold(sh, c));
	struct tuple_key key = tuple_key_of(sh, &c->tuple);
	struct time_wait *tw;

	/* Those that must wait come first. */
	if (left_ms == 0 || sh->time_waits.used >= sh->time_waits.capacity / 2)
		return false;
	tw = tw_create(sh, c);
	if (!tw)
		return false;
	/* A copy: the connection's own is looked at until the end of the burst. */
	if (!tuple_set(sh, &tw->tuple, &key, c->tuple.iface)) {
		table_replace(&sh->table, tuple_hash(sh, &key), tw_ref(sh, tw),
			      ref_make(REF_CONN, conn_index(sh, c)));
		pool_put(&sh->time_waits, time_wait_index(sh, tw));
		return false;
	}
	tw->snd_nxt = c->snd_nxt;
	tw->spent = true;
	tw_arm(sh, tw, left_ms);
	return true;
}

static void tw_end(struct shard *sh, struct time_wait *tw)
{
	struct tuple_key key = tuple_key_of(sh, &tw->tuple);
	const struct profile *p = &sh->profiles[tw->profile];
	uint32_t i = time_wait_index(sh, tw);

	table_remove(&sh->table, tuple_hash(sh, &key), tw_ref(sh, tw));
	if (tw->active && p->pool != CONF_NONE)
		proxy_port_put(sh, p->pool, tw->backend, tuple_local(&tw->tuple),
			       tw->tuple.lport_be);
	wheel_cancel(&sh->time_wait_wheel, i);
	tuple_clear(sh, &tw->tuple);
	pool_put(&sh->time_waits, i);
}

void tcp_time_wait_expired(void *ctx, uint32_t index)
{
	struct shard *sh = ctx;

	tw_end(sh, shard_time_wait(sh, index));
}

static bool syn_is_newer(const struct shard *sh, const struct time_wait *tw, const struct seg *s)
{
	bool has_ts = tw_tcp(sh, tw)->timestamps && (s->opt.seen & TCPOPT_HAS_TS);

	/* The old connection had none though we take them: nothing of it has this one's. */
	if (has_ts && !tw->timestamps)
		return true;
	if (has_ts && s->opt.tsval != tw->ts_recent)
		return seq_gt(s->opt.tsval, tw->ts_recent);
	return seq_gt(s->seq, tw->rcv_nxt);
}

/* Tells the sender where things stand. */
static void tw_ack(struct shard *sh, const struct time_wait *tw, struct seg *s)
{
	emit_reply(sh, s,
		   &(struct reply){.seq = tw->snd_nxt,
				   .ack = tw->rcv_nxt,
				   .wnd = UINT16_MAX,
				   .flags = TCP_ACK,
				   .has_ts = tw->timestamps,
				   .tsecr = tw->ts_recent,
				   .tcp = tw_tcp(sh, tw)});
}

static void tw_drop(struct shard *sh, struct seg *s, enum stat why)
{
	stat_inc(sh, why);
	shard_buf_free(sh, s->buf);
}

/* A new SYN opens the tuple again, whatever its number; what is left of the old connection
 * is answered as what belongs to none. */
static void spent_input(struct shard *sh, struct time_wait *tw, struct seg *s)
{
	uint32_t last = tw->snd_nxt;

	if ((s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN) {
		tcp_reset_reply(sh, s);
	} else if (!tcp_listen_ready(sh, s)) {
		/* A cookie-opened connection was a listener's, whose index is its profile's. */
		tw_drop(sh, s, accept_queue_full(sh, tw->profile) ? STAT_drop_listen_overflow
								  : STAT_drop_no_half_open);
	} else {
		tw_end(sh, tw);
		tcp_listen_input(sh, s, &last);
	}
}

void tcp_time_wait_input(struct shard *sh, struct time_wait *tw, struct seg *s)
{
	if (tw->spent) {
		spent_input(sh, tw, s);
		return;
	}
	if (s->flags & TCP_RST) {
		if (!tw_tcp(sh, tw)->rfc1337 && s->seq == tw->rcv_nxt)
			tw_end(sh, tw);
		tw_drop(sh, s, STAT_drop_time_wait_rst);
		return;
	}
	if ((s->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && syn_is_newer(sh, tw, s) &&
	    tcp_listen_ready(sh, s)) {
		uint32_t last = tw->snd_nxt;

		stat_inc(sh, STAT_time_wait_reused);
		tw_end(sh, tw);
		tcp_listen_input(sh, s, &last);
		return;
	}
	/* The peer's FIN again: our last ACK was lost. The wait starts over. */
	if ((s->flags & TCP_FIN) && s->seq + seg_len(s) == tw->rcv_nxt) {
		if (tw->timestamps && (s->opt.seen & TCPOPT_HAS_TS) && s->ack == tw->snd_nxt &&
		    seq_gt(s->opt.tsval, tw->ts_recent))
			tw->ts_recent = s->opt.tsval; /* RFC 7323 §4.3 */
		tw_arm(sh, tw, tw_tcp(sh, tw)->time_wait_ms);
		tw_ack(sh, tw, s);
		return;
	}
	/* What asks for an answer gets one; a bare ACK in order does not, or two
	 * of us in TIME_WAIT would answer each other. */
	if (seg_len(s) == 0 && s->seq == tw->rcv_nxt)
		tw_drop(sh, s, STAT_drop_old_duplicate);
	else if (seg_len(s) == 0 && !challenge_allowed(sh, tw_ref(sh, tw), tw->snd_nxt))
		tw_drop(sh, s, STAT_drop_out_of_window);
	else
		tw_ack(sh, tw, s);
}
