/* SPDX-License-Identifier: BSD-3-Clause */
/* The retransmission timer: RFC 6298, R1 and R2 of RFC 9293 §3.8.3. */
#include "engine/net/neigh.h"
#include "engine/tcp/guard.h"
#include "engine/tcp/recovery.h"

#define RTO_AFTER_SYN_MS 3000

uint32_t tcp_rto_ms(const struct shard *sh, const struct conn *c, const struct xfer *x)
{
	const struct conn_cold *k = conn_cold(c);
	const struct conf_tcp *tcp = conn_tcp(sh, c);
	uint64_t rto = tcp->rto_initial_ms;

	if (likely(k->srtt_us))
		/* RFC 6298 §2.3: RTO = SRTT + max(G, 4 * RTTVAR). The minimum is of what comes
		 * on top of the round trip, as in Linux: it is what a delayed ACK may take. */
		rto = MAX((k->srtt_us + 4 * k->rttvar_us + USEC_PER_TICK - 1) / USEC_PER_TICK,
			  (k->srtt_us + USEC_PER_TICK - 1) / USEC_PER_TICK + tcp->rto_min_ms);
	/* RFC 6298 §5.7: nothing was timed since the SYN had to go again. */
	else if (c->state >= TCP_ESTABLISHED)
		rto = MAX(rto, (uint64_t)RTO_AFTER_SYN_MS);
	if (x)
		rto <<= MIN(x->backoff, 20u); /* MUST-19: exponential backoff */
	return (uint32_t)MIN(rto, (uint64_t)tcp->rto_max_ms);
}

void tcp_arm_rto(struct shard *sh, struct conn *c, struct xfer *x)
{
	const struct conf_tcp *tcp = conn_tcp(sh, c);

	x->timer = XFER_TIMER_RTO;
	x->timer_at = sh->now + tcp_rto_ms(sh, c, x);
	/* Not later than the connection is to be given up (RFC 9293 §3.8.3). */
	if (tcp->user_timeout_ms)
		x->timer_at = tick_min(x->timer_at, x->unacked_since + tcp->user_timeout_ms);
}

/* R2 in retransmissions (MUST-20, MUST-21, MUST-22): what the state allows. */
static uint32_t retry_limit(const struct conn *c, const struct conf_tcp *tcp)
{
	if (c->state == TCP_SYN_SENT)
		return tcp->syn_retries;
	if (c->state == TCP_SYN_RECEIVED)
		return tcp->synack_retries;
	return c->flags & CF_ORPHAN ? tcp->orphan_retries : tcp->retries2;
}

static bool user_timeout_reached(const struct shard *sh, const struct xfer *x,
				 const struct conf_tcp *tcp)
{
	return tcp->user_timeout_ms &&
	       tick_reached(sh->now, x->unacked_since + tcp->user_timeout_ms);
}

static void give_up(struct shard *sh, struct conn *c)
{
	stat_inc(sh, STAT_gave_up);
	if (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED)
		stat_inc(sh, STAT_active_open_failed);
	conn_die(sh, c, TCP_CLOSE_TIMEOUT);
}

/* R1 (MUST-20): the next hop may be the reason, and is asked for. From then on each segment goes
 * where the answers say. */
static void advise_ip(struct shard *sh, struct conn *c, bool first)
{
	struct ipaddr peer = tuple_ipaddr(sh, &c->tuple), hop;
	uint16_t iface;

	if (!net_route(&sh->net, &peer, &iface, &hop))
		return;
	if (first)
		neigh_suspect(sh, iface, &hop);
	net_resolve(sh, iface, &hop, conn_cold(c)->dmac);
}

void tcp_rto_expired(struct shard *sh, struct conn *c, struct xfer *x)
{
	const struct conf_tcp *tcp = conn_tcp(sh, c);
	uint32_t r1 = MAX(tcp->retries1, 1u); /* there is none before the first */
	struct conn_cold *k = conn_cold(c);
	tick_t at;

	if (guard_half_close_stalled(sh, c, x, &at) && tick_reached(sh->now, at)) {
		guard_half_close_expired(sh, c);
		return;
	}
	if (k->retries >= retry_limit(c, tcp) || user_timeout_reached(sh, x, tcp)) {
		give_up(sh, c);
		return;
	}
	stat_inc(sh, STAT_rto_expired);
	k->retries++;
	if (k->retries >= r1)
		advise_ip(sh, c, k->retries == r1);
	if (k->retries == r1)
		tcp_tell_trouble(sh, c, x, TCP_TROUBLE_SILENT);
	/* A refused window probe is no sign of congestion. */
	if (c->state >= TCP_ESTABLISHED && c->snd_wnd != 0)
		recovery_timeout(sh, c, x);
	else if (c->state >= TCP_ESTABLISHED)
		stat_inc(sh, STAT_window_probes);
	if (x->backoff < UINT8_MAX)
		x->backoff++;
	tcp_arm_rto(sh, c, x);
	if (guard_half_close_stalled(sh, c, x, &at))
		x->timer_at = tick_min(x->timer_at, at);
	conn_work(sh, c, CF_REXMIT_ONE | CF_OUTPUT);
}

/* Time to ask a closed window, or to send what fits into one that silly-window
 * avoidance found too small. */
void tcp_persist_expired(struct shard *sh, struct conn *c, struct xfer *x)
{
	if (conn_cold(c)->retries >= retry_limit(c, conn_tcp(sh, c))) {
		give_up(sh, c);
		return;
	}
	x->timer = XFER_TIMER_NONE;
	if (x->backoff < UINT8_MAX)
		x->backoff++;
	conn_work(sh, c, c->snd_wnd == 0 ? CF_PROBE : CF_FORCE | CF_OUTPUT);
}
