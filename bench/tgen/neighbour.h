/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ARP and neighbour discovery as far as a generator needs them: asking for one
 * address, and answering for its own and its clients'. RFC 826, 4861. Frames are
 * read with every length checked.
 */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/ipaddr.h"

/* Bytes of either question. */
#define NEIGHBOUR_FRAME_MAX 86

/* True when `addr` is to be answered for. */
typedef bool (*neighbour_ours_fn)(const void *ctx, const struct ipaddr *addr);

/* Writes the question for `whom` from `src`, an address of its family; its length. */
uint32_t neighbour_ask(uint8_t *frame, const uint8_t mac[6], const struct ipaddr *src,
		       const struct ipaddr *whom);

/* True when the frame says which MAC `whom` has. */
bool neighbour_read(const struct buf *b, const struct ipaddr *whom, uint8_t mac[6]);

/* Turns a question for an address of ours into its answer, in place; false: it is
 * none, and b is as it was. */
bool neighbour_answer(struct buf *b, const uint8_t mac[6], neighbour_ours_fn ours, const void *ctx);
