/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A flood of SYNs, answered frame by frame. While cookies are being sent, nearly all that comes
 * is of one form, that of Linux' SYN and of those who imitate it: IPv4 without VLAN or IP options;
 * MSS, SACK-permitted, timestamps and window scale in their usual places; no ECN. Its answer has
 * the same form and length. So the frame is turned round in place, and MACs of several are made
 * together. What is sent is, to the bit, what the way through parse, listen.c and cookie.c sends;
 * whatever is of another form, belongs to something we remember, or has to be asked about (limits,
 * prefix lists, a full accept queue) goes that way, behind what is answered here.
 */
#pragma once

#include "engine/shard.h"

#define FLOOD_BURST 4 /* cookies sent for a burst make its successor worth looking through */

/* Answers what it can of n <= SHARD_BURST received frames, and consumes it; puts the others into
 * `rest`, SHARD_BURST of them at most, and returns how many. */
uint32_t flood_answer(struct shard *sh, struct buf *const *bufs, uint32_t n, struct buf **rest);
