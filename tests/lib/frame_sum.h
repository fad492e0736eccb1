/* SPDX-License-Identifier: BSD-3-Clause */
/* The Internet checksum the slow and obvious way: big-endian words, one by one. */
#pragma once

#include "engine/base/ipaddr.h"

/* Adds `len` bytes to a folded sum; the result is folded, host order. */
uint32_t frame_sum(uint32_t sum, const uint8_t *bytes, uint32_t len);

/* Sum of the pseudo-header; `len`: transport header and payload in bytes. */
uint32_t frame_sum_pseudo(const struct ipaddr *src, const struct ipaddr *dst, uint8_t proto,
			  uint32_t len);
