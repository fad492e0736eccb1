/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A backend behind port 1 of a benchmarked shard that keeps no state: what it says follows
 * from the frame it answers. It accepts every connection, answers any data with a short
 * response and closes.
 */
#pragma once

#include "bench/harness.h"

#define BACKEND_ENGINE_CIDR "10.0.0.1/24" /* the engine's address on port 1 */
#define BACKEND		    "10.0.0.2"	  /* its own */

/* Its answer to a frame of the engine's, NULL: none. The frame stays the caller's. */
struct buf *backend_answer(struct bench *b, const struct buf *f);

/* The same of one that takes whatever it gets, and neither says anything nor closes. */
struct buf *backend_take(struct bench *b, const struct buf *f);
