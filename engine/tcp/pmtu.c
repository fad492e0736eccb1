/* SPDX-License-Identifier: BSD-3-Clause */
/* Path MTU discovery: RFC 1191, RFC 8201. A connection learns its own path's MTU;
 * it only ever falls, since few live the ten minutes after which it might rise. */
#include "engine/tcp/recovery.h"

/* Nobody needs less [ip_min_pmtu], but who forges the message likes small segments. */
#define PMTU_MIN_V4 552u

/* RFC 1191 §7.1: what links have, for routers that do not name a number. */
static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, PMTU_MIN_V4};

uint32_t tcp_pmtu_below(uint32_t packet_len)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(plateaus); i++)
		if (plateaus[i] < packet_len)
			return plateaus[i];
	return PMTU_MIN_V4 - 1; /* so that routers may cut them */
}

/* What was too large goes again, in pieces or for routers to cut. It was not lost to
 * congestion, so no window is reduced (RFC 1191 §6.5). */
static void lose_larger(struct shard *sh, struct conn *c, struct xfer *x, uint32_t len)
{
	for (struct buf *b = x->sndq.head; b && b != x->send_next; b = b->next)
		if (buf_payload_len(b) > len)
			scoreboard_lose(x, b);
	if (!x->lost)
		return;
	if (x->phase == XFER_OPEN) {
		x->phase = XFER_LOSS;
		x->recover = c->snd_nxt;
		x->may_undo = x->frto = false;
		x->too_large = true;
	}
	conn_work(sh, c, CF_OUTPUT);
}

/* RFC 5681 §3.1: as many segments as before. */
static void lower_mss(struct shard *sh, struct conn *c, uint32_t mss)
{
	struct conn_cold *k = conn_cold(c);
	uint32_t ssthresh = tcp_ssthresh(c, k);

	stat_inc(sh, STAT_path_mtu_lowered);
	k->cwnd = (uint32_t)((uint64_t)k->cwnd * mss / c->mss);
	c->mss = (uint16_t)mss;
	if (k->ssthresh != SSTHRESH_NONE)
		cc_set_ssthresh(k, c, ssthresh);
}

void tcp_path_mtu(struct shard *sh, struct conn *c, uint32_t mtu)
{
	bool v6 = tuple_is_v6(&c->tuple);
	uint32_t headers = (v6 ? IPV6_HLEN : IPV4_HLEN) + TCP_HLEN +
			   (c->flags & CF_TIMESTAMPS ? TCPOPT_TS_LEN : 0);
	uint32_t mss = MAX(mtu, v6 ? PMTU_MIN_V6 : PMTU_MIN_V4) - headers;
	struct conn_cold *k = conn_cold(c);
	/* Below the least that we go down to, routers have to cut. */
	bool cut_from_now = !v6 && mtu < PMTU_MIN_V4 && !k->fragmentable;
	struct xfer *x = conn_xfer(sh, c);

	k->fragmentable |= cut_from_now;
	if (mss < c->mss)
		lower_mss(sh, c, mss);
	else if (!cut_from_now)
		return;
	if (x)
		lose_larger(sh, c, x, cut_from_now ? MAX(mtu, headers) - headers : mss);
}
