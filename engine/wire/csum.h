/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 * Sums are kept as one's-complement partial sums of 16-bit words in memory
 * order, so they never need byte swapping; csum_fold() makes 16 bits of them.
 */
#pragma once

#include "engine/base/compiler.h"

/* Each half is added to itself turned round: the upper one then has the sum and its carry. */
static inline uint16_t csum_fold(uint64_t sum)
{
	uint32_t half;

	sum += sum << 32 | sum >> 32;
	half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

/* Sum of `nb` 32-bit words, a number that the compiler knows. */
static ALWAYS_INLINE uint64_t csum_words(const void *data, uint32_t nb)
{
	const uint8_t *p = data;
	uint64_t sum = 0;

#pragma GCC unroll 16
	for (uint32_t i = 0; i < nb; i++) {
		uint32_t w;

		memcpy(&w, p + 4 * i, 4);
		sum += w;
	}
	return sum;
}

/* Sum of `len` bytes, an odd last byte padded with zero. Not folded, not
 * inverted; add up pieces that begin at even offsets. */
static inline uint64_t csum_partial(const void *data, uint32_t len)
{
	const uint8_t *p = data;
	uint64_t sum = 0, sum2 = 0;

	/* Two independent chains of 32-bit words: no carry to wait for. */
	for (; len >= 16; len -= 16, p += 16) {
		uint32_t w[4];

		memcpy(w, p, 16);
		sum += (uint64_t)w[0] + w[1];
		sum2 += (uint64_t)w[2] + w[3];
	}
	for (; len >= 4; len -= 4, p += 4) {
		uint32_t w;

		memcpy(&w, p, 4);
		sum += w;
	}
	if (len >= 2) {
		uint16_t w;

		memcpy(&w, p, 2);
		sum += w;
		p += 2;
	}
	if (len & 1)
		sum2 += *p;
	return sum + sum2;
}

/* Sum of a header of `len` bytes: of IPv4's, or of TCP's with timestamps, most often. */
static ALWAYS_INLINE uint64_t csum_header(const void *data, uint32_t len)
{
	if (len == 20)
		return csum_words(data, 5);
	if (len == 32)
		return csum_words(data, 8);
	return csum_partial(data, len);
}

/* Pseudo-header sums, RFC 9293 §3.1 and RFC 8200 §8.1. `len` is the length of
 * header and payload in bytes; addresses in network order. */
static inline uint64_t csum_pseudo4(uint32_t src_be, uint32_t dst_be, uint8_t proto, uint32_t len)
{
	return (uint64_t)src_be + dst_be + __builtin_bswap16((uint16_t)len) +
	       ((uint32_t)proto << 8);
}

static inline uint64_t csum_pseudo6(const void *src, const void *dst, uint8_t proto, uint32_t len)
{
	return csum_partial(src, 16) + csum_partial(dst, 16) + __builtin_bswap32(len) +
	       ((uint32_t)proto << 24);
}

/* The header field for a sum: inverted, in memory order. */
static inline uint16_t csum_finish(uint64_t sum)
{
	return (uint16_t)~csum_fold(sum);
}

/* `field` after one 16-bit word in memory order changed from `from` to `to`. Not
 * where everything may be zero: one's complement has two zeros, and only 0xffff
 * verifies then (RFC 1624 §3). */
static inline uint16_t csum_update16(uint16_t field, uint16_t from, uint16_t to)
{
	return csum_finish((uint64_t)(uint16_t)~field + (uint16_t)~from + to);
}
