/* SPDX-License-Identifier: BSD-3-Clause */
/* Active opens: SYN_SENT (RFC 9293 §3.10.1, §3.10.7.3), simultaneous open. */
#include "engine/net/neigh.h"
#include "engine/tcp/internal.h"

#define RESOLVE_RETRY_TICKS 5 /* between looks at a next hop that is being asked for */
#define IW_SEGMENT	    1460 /* RFC 6928 §2: IW counts in these at most */
#define MSS_MIN		    64 /* a smaller offer would make us send mostly headers */

void tcp_apply_syn_options(struct shard *sh, struct conn *c, const struct tcpopt *o)
{
	const struct profile *p = conn_profile(sh, c);
	const struct conf_tcp *tcp = p->tcp;

	c->flags &= ~(uint32_t)(CF_TIMESTAMPS | CF_SACK | CF_WSCALE);
	c->wscale = 0;
	if ((o->seen & TCPOPT_HAS_TS) && tcp->timestamps) {
		c->flags |= CF_TIMESTAMPS;
		c->ts_recent = o->tsval;
	}
	if ((o->seen & TCPOPT_HAS_SACK_PERMITTED) && tcp->sack)
		c->flags |= CF_SACK;
	if ((o->seen & TCPOPT_HAS_WSCALE) && tcp->window_scaling) {
		c->flags |= CF_WSCALE;
		c->wscale = (uint8_t)(o->wscale << 4 | p->wscale);
	}
	c->mss = tuple_is_v6(&c->tuple) ? MSS_DEFAULT_V6 : MSS_DEFAULT_V4; /* MUST-15 */
	if ((o->seen & TCPOPT_HAS_MSS) && o->mss)
		c->mss = o->mss;
}

uint32_t tcp_initial_window(const struct shard *sh, const struct conn *c)
{
	uint32_t segments = conn_tcp(sh, c)->initial_cwnd, mss = c->mss;

	/* Of large segments fewer: as many bytes as of Ethernet's, two at least. */
	return MIN(segments * mss, MAX(2 * mss, segments * IW_SEGMENT));
}

/* Eff.snd.MSS of RFC 9293 §3.7.1 (MUST-16), and the initial window of RFC 6928. */
void tcp_conn_establish(struct shard *sh, struct conn *c)
{
	struct conn_cold *k = conn_cold(c);
	uint16_t mtu_mss = mss_of_mtu(sh, c->tuple.iface, tuple_is_v6(&c->tuple));

	c->mss = MAX(MIN(c->mss, mtu_mss), MSS_MIN);
	if (c->flags & CF_TIMESTAMPS)
		c->mss = (uint16_t)(c->mss - TCPOPT_TS_LEN);
	k->cwnd = tcp_initial_window(sh, c);
	k->ssthresh = SSTHRESH_NONE;
	k->quick_acks = conn_tcp(sh, c)->quick_acks & 7;
}

void tcp_syn_was_lost(const struct conn *c, struct conn_cold *k, uint32_t retries)
{
	if (retries > 1)
		k->cwnd = c->mss;
}

void tcp_connection_up(struct shard *sh, struct conn *c)
{
	tcp_set_state(c, TCP_ESTABLISHED);
	conn_work(sh, c, CF_EV_CONNECTED | CF_OUTPUT);
	if (c->flags & CF_SHUTDOWN_EARLY)
		tcp_send_fin(sh, c);
}

static bool connect_resolve(struct shard *sh, struct conn *c)
{
	struct ipaddr peer = tuple_ipaddr(sh, &c->tuple), hop;
	struct conn_cold *k = conn_cold(c);
	uint16_t iface;

	if (!net_route(&sh->net, &peer, &iface, &hop))
		return false;
	if (net_resolve(sh, iface, &hop, k->dmac))
		return true;
	if (neigh_is_dead(sh, iface, &hop)) {
		stat_inc(sh, STAT_active_open_failed);
		conn_die(sh, c, TCP_CLOSE_UNREACHABLE);
	}
	return false;
}

static uint32_t syn_flags(struct conn *c, bool again)
{
	/* RFC 3168 §6.1.1.1: what drops ECN SYNs shall not keep us from connecting. */
	if (again)
		c->flags &= ~(uint32_t)CF_ECN;
	if (c->state == TCP_SYN_SENT)
		return TCP_SYN | (c->flags & CF_ECN ? TCP_ECE | TCP_CWR : 0u);
	return TCP_SYN | TCP_ACK | (c->flags & CF_ECN ? TCP_ECE : 0u);
}

/* Sends, or sends again, our SYN (or SYN-ACK after a simultaneous open). */
void tcp_send_syn(struct shard *sh, struct conn *c)
{
	struct xfer *x = conn_xfer(sh, c);
	uint32_t flags;

	if (!connect_resolve(sh, c)) {
		if (c->state != TCP_CLOSED) {
			x->timer = XFER_TIMER_RESOLVE;
			x->timer_at = sh->now + RESOLVE_RETRY_TICKS;
		}
		return;
	}
	flags = syn_flags(c, conn_cold(c)->retries > 0);
	/* Without a buffer or room the timer below tries again. */
	if (emit_empty(sh, c, c->snd_una, flags) && conn_cold(c)->retries == 0)
		x->syn_sent_us = (uint32_t)sh->now_us;
	tcp_arm_rto(sh, c, x);
}

struct conn *tcp_connect(struct shard *sh, uint16_t profile, uint16_t backend, uint16_t local,
			 uint16_t lport_be, const struct ipaddr *raddr, uint16_t rport_be)
{
	struct tuple_key key = {raddr->bytes, rport_be, lport_be,
				(uint16_t)(local | (raddr->family == IP_V6 ? TUPLE_V6 : 0))};
	uint64_t hash = tuple_hash(sh, &key);
	struct ipaddr hop;
	struct conn *c;
	struct xfer *x;
	uint16_t iface;

	table_prefetch(&sh->table, hash);
	/* MUST-46; MUST-43: the route says by which interface, the caller from where. */
	if (!ipaddr_is_unicast(raddr) || !net_route(&sh->net, raddr, &iface, &hop) ||
	    net_whose(&sh->net, raddr->family, raddr->bytes) == NET_BROADCAST) {
		stat_inc(sh, STAT_no_route);
		return NULL;
	}
	c = conn_alloc(sh, profile);
	if (!c)
		return NULL;
	x = conn_xfer_get(sh, c);
	if (!x || tuple_find(sh, &key, hash) || !tuple_set(sh, &c->tuple, &key, iface) ||
	    !table_insert(&sh->table, hash, ref_make(REF_CONN, conn_index(sh, c)))) {
		conn_free(sh, c);
		return NULL;
	}
	conn_cold(c)->backend = backend & 0xfff;
	c->snd_una = isn_of(sh, &c->tuple);
	c->snd_nxt = c->snd_una + 1;
	x->recover = x->ecn_recover = c->snd_una;
	x->unacked_since = sh->now;
	tcp_set_state(c, TCP_SYN_SENT);
	if (conn_tcp(sh, c)->ecn == CONF_ECN_REQUEST)
		c->flags |= CF_ECN;
	stat_inc(sh, STAT_active_opens);
	conn_work(sh, c, CF_ACTIVE | CF_REXMIT_ONE);
	return c;
}

void tcp_ask_mss(const struct shard *sh, struct conn *c, uint16_t mss)
{
	/* Timestamps take their room from it (RFC 6691 §2). */
	mss = MAX(mss, (uint16_t)MSS_DEFAULT_V4);
	c->mss = (uint16_t)(mss + (conn_tcp(sh, c)->timestamps ? TCPOPT_TS_LEN : 0));
}

static void sent_drop(struct shard *sh, struct seg *s, enum stat why)
{
	stat_inc(sh, why);
	shard_buf_free(sh, s->buf);
}

/* Our SYN is acknowledged and theirs is here: ESTABLISHED. */
static void established(struct shard *sh, struct conn *c, const struct seg *s)
{
	struct xfer *x = conn_xfer(sh, c);
	struct conn_cold *k = conn_cold(c);

	tcp_syn_was_lost(c, k, k->retries);
	if (k->retries == 0) /* Karn: a SYN sent twice times nothing */
		tcp_rtt_sample(c, MAX((uint32_t)sh->now_us - x->syn_sent_us, 1u));
	k->retries = 0;
	x->backoff = 0;
	x->timer = XFER_TIMER_NONE;
	c->snd_una = s->ack;
	tcp_connection_up(sh, c);
}

static void take_syn(struct shard *sh, struct conn *c, const struct seg *s)
{
	struct conn_cold *k = conn_cold(c);

	memcpy(k->dmac, s->buf->data + 6, 6);
	tcp_apply_syn_options(sh, c, &s->opt);
	tcp_ecn_negotiated(sh, c, s);
	tcp_conn_establish(sh, c);
	c->rcv_nxt = s->seq + 1;
	c->rcv_adv = c->rcv_nxt;
	c->snd_wnd = s->wnd; /* never scaled in a SYN (RFC 7323 §2.2) */
	c->snd_wl1 = s->seq;
	c->last_rx = sh->now;
	/* Kept unscaled like all others, though this one came so. */
	k->max_wnd = (uint16_t)(s->wnd >> (c->wscale >> 4));
}

void tcp_syn_sent_input(struct shard *sh, struct conn *c, struct seg *s)
{
	bool acks_syn = (s->flags & TCP_ACK) && s->ack == c->snd_nxt;

	/* First, ACK: anything but our SYN's number belongs to an old connection. */
	if ((s->flags & TCP_ACK) && !acks_syn) {
		if (s->flags & TCP_RST)
			sent_drop(sh, s, STAT_drop_bad_rst);
		else
			tcp_reset_reply(sh, s);
		return;
	}
	/* Second, RST: believed only together with our SYN's number. */
	if (s->flags & TCP_RST) {
		if (acks_syn) {
			stat_inc(sh, STAT_rst_received);
			stat_inc(sh, STAT_active_open_failed);
			conn_die(sh, c, TCP_CLOSE_REFUSED);
			shard_buf_free(sh, s->buf);
		} else {
			sent_drop(sh, s, STAT_drop_bad_rst);
		}
		return;
	}
	/* Fourth, SYN; fifth, neither: drop. */
	if (!(s->flags & TCP_SYN)) {
		sent_drop(sh, s, STAT_drop_not_synchronized);
		return;
	}
	take_syn(sh, c, s);
	if (!acks_syn) {
		/* Simultaneous open (MUST-10): answer SYN-ACK and wait. */
		tcp_set_state(c, TCP_SYN_RECEIVED);
		conn_cold(c)->retries = 0;
		conn_work(sh, c, CF_REXMIT_ONE);
		shard_buf_free(sh, s->buf);
		return;
	}
	established(sh, c, s);
	conn_work(sh, c, CF_ACK_NOW);
	/* Data or FIN with the SYN is next in sequence now. */
	seg_strip_syn(s);
	c->rcv_adv = tcp_receive_edge(c, conn_tcp(sh, c),
				      tcp_receive_space(conn_tcp(sh, c), conn_xfer(sh, c)));
	tcp_trim(sh, c, s);
	tcp_text_and_fin(sh, c, s);
}
