/* SPDX-License-Identifier: BSD-3-Clause */
/* What the workers of one node do in one turn. */
#pragma once

#include "tests/sim/world.h"

/* Frames in, timers, the services' own times, events, frames out, frames from one
 * shard to another; true: something happened. */
bool world_turn(struct world *w, uint32_t i);

/* Puts a frame before a shard of a node, as if it had come in by its `port`. */
void turn_post(struct world *w, uint32_t i, uint32_t shard, struct buf *b);

/* Puts a frame of a stranger's into its outbox: alien_conf.send, with a struct outbox. */
void turn_alien_sends(void *ctx, const uint8_t *bytes, uint32_t len);
