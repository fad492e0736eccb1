/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What lies where in a SYN cookie with timestamps, for cookie.c, which says why, and for flood.c,
 * which makes the same ones of frames.
 */
#pragma once

#include "engine/base/compiler.h"
#include "engine/tcp/seq.h"

#define COOKIE_MASK_OF(n) ((1u << (n)) - 1)

#define COOKIE_TS_MAC_BITS    29
#define COOKIE_TS_MAC_MASK    COOKIE_MASK_OF(COOKIE_TS_MAC_BITS)
#define COOKIE_TS_NO_WSCALE   15u
#define COOKIE_TS_SACK	      16u
#define COOKIE_TS_ECN	      32u
#define COOKIE_TS_OPTION_BITS 6
#define COOKIE_TS_MSS	      8 /* rows of what the MSS is rounded down to */

/* Peers differ by the headers of what they tunnel through. */
static const uint16_t cookie_ts_mss_v4[COOKIE_TS_MSS] = {536,  1220, 1300, 1360,
							 1400, 1440, 1460, 8960};

/* The last row that does not exceed the MSS, `rows`: even the first one does. */
static ALWAYS_INLINE uint32_t cookie_mss_row(const uint16_t *table, uint32_t rows, uint32_t mss)
{
	for (uint32_t i = rows; i-- > 0;)
		if (table[i] <= mss)
			return i;
	return rows;
}

/* The TSval that carries `options`, of a clock in milliseconds. Never ahead of it: what is sent
 * later must not look older (RFC 7323 §5). */
static ALWAYS_INLINE uint32_t cookie_tsval(uint32_t clock, uint32_t options)
{
	uint32_t tsval = (clock & ~COOKIE_MASK_OF(COOKIE_TS_OPTION_BITS)) | options;

	return seq_gt(tsval, clock) ? tsval - (1u << COOKIE_TS_OPTION_BITS) : tsval;
}

/* What the MAC covers beside tuple and number. Bit 40 is that of cookies without timestamps. */
#define COOKIE_REST_TS(tsval, mss) (2ull << 40 | (uint64_t)(mss) << 32 | (tsval))

/* What the MAC is of, over IPv4: addresses and ports of the client first. */
static ALWAYS_INLINE void cookie_words(uint64_t w[4], const uint8_t *src, const uint8_t *dst,
				       uint16_t sport_be, uint16_t dport_be, uint32_t irs,
				       uint64_t rest)
{
	memcpy(w, src, 4);
	memcpy((uint8_t *)w + 4, dst, 4);
	w[1] = (uint64_t)irs << 32 | (uint32_t)sport_be << 16 | dport_be;
	w[2] = rest;
	w[3] = 0;
}
