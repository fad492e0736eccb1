/* SPDX-License-Identifier: BSD-3-Clause */
/* Initial sequence numbers: RFC 9293 §3.4.1 (MUST-8, SHLD-1, MUST-9), RFC 6528. */
#include "engine/tcp/internal.h"

#define ISN_USEC_PER_STEP 4

/*
 * ISN = M + F(4-tuple, secret). M ticks every 4 µs, so a later incarnation of
 * a tuple starts above the numbers of the one before; F is SipHash-2-4 with a
 * key nobody outside knows, so what one client sees tells it nothing about the
 * numbers that another client of the same server gets.
 */
uint32_t isn_of(const struct shard *sh, const struct tuple *t)
{
	uint64_t w[3] = {0};

	w[2] = (uint64_t)t->rport_be << 32 | (uint64_t)t->lport_be << 16 | t->local;
	memcpy(w, tuple_raddr(sh, t), tuple_is_v6(t) ? 16 : 4);
	return (uint32_t)siphash24(&sh->isn_key, w, 3) + (uint32_t)(sh->now_us / ISN_USEC_PER_STEP);
}
