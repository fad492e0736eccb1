/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The receive path, stage by stage over a whole burst: parse all, hash all and
 * prefetch buckets, look up all and prefetch connections, then take each in
 * order. See shard_receive() in shard.h; this header is for engine/ itself.
 */
#pragma once

#include "engine/shard.h"

/* Puts a frame that another worker owns on the way to it; consumes b. */
void burst_hand_over(struct shard *sh, struct buf *b, uint16_t owner);
