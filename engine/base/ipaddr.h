/* SPDX-License-Identifier: BSD-3-Clause */
/* An IPv4 or IPv6 address in network byte order, as 16 bytes. */
#pragma once

#include "engine/base/compiler.h"

enum { IP_V4 = 4, IP_V6 = 6 };

/* IPv4 addresses use the first four bytes; the rest are zero. */
struct ipaddr {
	union {
		uint8_t bytes[16];
		uint32_t v4_be;
		uint64_t words[2];
	};
	uint8_t family; /* IP_V4, IP_V6, or 0: none */
};

static inline bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b)
{
	return a->family == b->family && a->words[0] == b->words[0] && a->words[1] == b->words[1];
}

/* True when `len` bytes at a and b, 4 or 16 of them, are the same address. */
static inline bool ipaddr_same_bytes(const void *a, const void *b, uint32_t len)
{
	uint64_t x[2], y[2];
	uint32_t u, v;

	if (likely(len == 4)) {
		memcpy(&u, a, 4);
		memcpy(&v, b, 4);
		return u == v;
	}
	memcpy(x, a, 16);
	memcpy(y, b, 16);
	return x[0] == y[0] && x[1] == y[1];
}

static inline struct ipaddr ipaddr_v4(uint32_t be)
{
	struct ipaddr a = {.family = IP_V4};

	a.v4_be = be;
	return a;
}

static inline struct ipaddr ipaddr_v6(const void *bytes)
{
	struct ipaddr a = {.family = IP_V6};

	memcpy(a.bytes, bytes, 16);
	return a;
}

/* True when the first `bits` bits of both are the same (same family assumed). */
static inline bool ipaddr_prefix_match(const struct ipaddr *a, const struct ipaddr *b,
				       unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest)) == 0;
}

/* Multicast, IPv4 limited broadcast and class E, unspecified or loopback: never
 * a valid TCP peer (RFC 9293 MUST-57, MUST-63; RFC 1122 §3.2.1.3). */
static inline bool ipaddr_v4_is_unicast(const uint8_t bytes[4])
{
	return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224;
}

static inline bool ipaddr_is_unicast(const struct ipaddr *a)
{
	if (a->family == IP_V4)
		return ipaddr_v4_is_unicast(a->bytes);
	if (a->bytes[0] == 0xff)
		return false;
	/* Unspecified, loopback, and IPv4's addresses mapped (RFC 4291 §2.5.5.2). */
	return a->words[0] != 0 || (a->words[1] != 0 && a->words[1] != __builtin_bswap64(1) &&
				    __builtin_bswap64(a->words[1]) >> 32 != 0xffff);
}
