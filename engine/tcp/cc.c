/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion control: the window between losses (RFC 5681; RFC 9438 in cubic.c). */
#include "engine/tcp/recovery.h"

#define SLOW_START_LIMIT 8 /* segments */

uint32_t tcp_ssthresh(const struct conn *c, const struct conn_cold *k)
{
	return k->ssthresh == SSTHRESH_NONE ? UINT32_MAX : (uint32_t)k->ssthresh * c->mss;
}

void cc_set_ssthresh(struct conn_cold *k, const struct conn *c, uint32_t bytes)
{
	k->ssthresh = (uint16_t)MIN(MAX(bytes / c->mss, 2u), SSTHRESH_NONE - 1u);
}

/* RFC 5681 §3.1 equation 3, for as many bytes as were acknowledged. */
static void reno_ack(struct conn_cold *k, const struct conn *c, uint32_t acked)
{
	k->cwnd += MAX((uint32_t)((uint64_t)c->mss * MIN(acked, k->cwnd) / k->cwnd), 1u);
}

void cc_ack(struct shard *sh, struct conn *c, struct xfer *x, uint32_t prior_flight, uint32_t acked)
{
	struct conn_cold *k = conn_cold(c);
	uint32_t ssthresh = tcp_ssthresh(c, k);

	if (!cc_was_limited(c, k, x, prior_flight)) {
		cubic_pause(sh, x);
		return;
	}
	/* Slow start counts bytes (RFC 3465), of one ACK as many as RFC 9406 §4.3 lets
	 * it when peers merge ACKs; after a timeout one segment (RFC 3465 §2.3). */
	if (k->cwnd < ssthresh) {
		uint32_t limit = x->phase == XFER_LOSS ? c->mss : SLOW_START_LIMIT * c->mss;
		uint32_t step = MIN(MIN(acked, limit), ssthresh - k->cwnd);

		k->cwnd += step;
		acked -= step;
	}
	if (acked && k->cwnd >= ssthresh) {
		if (conn_tcp(sh, c)->congestion_control == CONF_CC_CUBIC)
			cubic_ack(sh, c, x, acked);
		else
			reno_ack(k, c, acked);
	}
	k->cwnd = MIN(k->cwnd, 1u << 30);
}

uint32_t cc_reduce(struct shard *sh, struct conn *c, struct xfer *x)
{
	/* RFC 3168 §6.1.2: the peer learns of every reduction. */
	if (c->flags & CF_ECN)
		c->flags |= CF_ECN_CWR;
	/* RFC 5681 equation 4: by what was in flight, not by the window. */
	uint32_t flight = MAX(c->snd_nxt - c->snd_una, (uint32_t)c->mss);

	if (conn_tcp(sh, c)->congestion_control == CONF_CC_CUBIC)
		return cubic_reduce(c, x);
	return MAX(MIN(flight, conn_cold(c)->cwnd) / 2, 2u * c->mss);
}
