/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CUBIC (RFC 9438) in integers: sizes in bytes, times in milliseconds. Section
 * numbers are the RFC's. C = 0.4 segments/s^3, beta = 0.7.
 */
#include "engine/tcp/recovery.h"

#define BETA_NUM 7
#define BETA_DEN 10

/* Largest r with r^3 <= x. */
static uint32_t cube_root(uint64_t x)
{
	uint64_t r = 0;

	for (int bit = 20; bit >= 0; bit--) {
		uint64_t t = r | 1ull << bit;

		if (t * t * t <= x)
			r = t;
	}
	return (uint32_t)r;
}

/* C * t^3 in bytes, t in milliseconds (at most 2^20). */
static uint64_t cubic_bytes(uint32_t mss, uint64_t t_ms)
{
	t_ms = MIN(t_ms, 1u << 20);
	/* 0.4 * mss * (t/1000)^3, dividing early enough not to overflow */
	return t_ms * t_ms / 1000 * t_ms / 1000 * mss * 4 / 10000;
}

static void begin_epoch(struct shard *sh, const struct conn *c, const struct conn_cold *k,
			struct cubic *q)
{
	q->epoch = sh->now;
	q->w_est = k->cwnd;
	if (q->w_max <= k->cwnd) {
		q->w_max = k->cwnd;
		q->k_ms = 0;
		return;
	}
	/* §4.2: K = cbrt((W_max - cwnd_epoch) / C), in ms: times 10^9 inside. */
	q->k_ms = cube_root((uint64_t)(q->w_max - k->cwnd) * 2500000000ull / c->mss);
}

/* W_cubic(t), equation 1. */
static uint64_t w_cubic(const struct conn *c, const struct cubic *q, uint32_t t_ms)
{
	uint64_t d = t_ms > q->k_ms ? t_ms - q->k_ms : q->k_ms - t_ms;
	uint64_t delta = cubic_bytes(c->mss, d);

	if (t_ms > q->k_ms)
		return q->w_max + delta;
	return q->w_max > delta ? q->w_max - delta : 0;
}

/* §4.3: the window Reno would have; alpha = 3 (1 - beta) / (1 + beta) = 9/17
 * until it reaches the old window, then 1. */
static void grow_estimate(const struct conn *c, const struct conn_cold *k, struct cubic *q,
			  uint32_t acked)
{
	uint64_t step = (uint64_t)c->mss * acked / MAX(k->cwnd, 1u);

	q->w_est += (uint32_t)(q->w_est < q->cwnd_prior ? step * 9 / 17 : step);
}

void cubic_pause(const struct shard *sh, struct xfer *x)
{
	if (likely(!x->in_epoch))
		return;
	x->cubic.epoch += sh->now - x->cubic.counted_at;
	x->cubic.counted_at = sh->now;
}

void cubic_ack(struct shard *sh, struct conn *c, struct xfer *x, uint32_t acked)
{
	struct conn_cold *k = conn_cold(c);
	struct cubic *q = &x->cubic;
	uint32_t t_ms;
	uint64_t target;

	if (!x->in_epoch)
		begin_epoch(sh, c, k, q);
	x->in_epoch = true;
	q->counted_at = sh->now;
	acked = MIN(acked, k->cwnd);
	grow_estimate(c, k, q, acked);
	t_ms = sh->now - q->epoch;
	if (w_cubic(c, q, t_ms) < q->w_est) {
		k->cwnd = MAX(k->cwnd, q->w_est);
		return;
	}
	/* §4.4, §4.5: towards the window of one round trip ahead. */
	target = w_cubic(c, q, t_ms + k->srtt_us / USEC_PER_TICK);
	target = MIN(MAX(target, (uint64_t)k->cwnd), (uint64_t)k->cwnd * 3 / 2);
	k->cwnd += (uint32_t)((target - k->cwnd) * acked / k->cwnd);
}

uint32_t cubic_reduce(struct conn *c, struct xfer *x)
{
	struct conn_cold *k = conn_cold(c);
	struct cubic *q = &x->cubic;

	q->cwnd_prior = k->cwnd;
	/* §4.7: fast convergence makes room for newcomers. */
	if (k->cwnd < q->w_max)
		q->w_max = (uint32_t)((uint64_t)k->cwnd * (BETA_DEN + BETA_NUM) / (2 * BETA_DEN));
	else
		q->w_max = k->cwnd;
	x->in_epoch = false;
	/* §4.6 */
	return MAX((uint32_t)((uint64_t)k->cwnd * BETA_NUM / BETA_DEN), 2u * c->mss);
}
