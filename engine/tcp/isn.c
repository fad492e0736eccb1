/* SPDX-License-Identifier: BSD-3-Clause */
/* Initial sequence numbers: RFC 9293 §3.4.1 (MUST-8, SHLD-1, MUST-9), RFC 6528. */
#include "engine/tcp/internal.h"

#define ISN_USEC_PER_STEP 4

/*
 * ISN = M + F(4-tuple, secret). M ticks every 4 µs, so a later incarnation of
 * a tuple starts above the numbers of the one before; F is a keyed function
 * (base/prf.h) whose key nobody outside knows, so what one client sees tells it nothing about the
 * numbers that another client of the same server gets.
 */
uint32_t isn_of(const struct shard *sh, const struct tuple *t)
{
	uint64_t w[4] = {(uint64_t)t->rport_be << 32 | (uint64_t)t->lport_be << 16 | t->local};
	uint32_t n = 2;

	if (tuple_is_v6(t)) {
		memcpy(w + 2, tuple_raddr(sh, t), 16);
		n = 4;
	} else {
		w[1] = t->raddr;
	}
	return (uint32_t)sh->prf->mac(&sh->isn_key, w, n) +
	       (uint32_t)(sh->now_us / ISN_USEC_PER_STEP);
}
