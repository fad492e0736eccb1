/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames to a benchmarked shard, from clients and backends alike: IPv4, Linux's options. */
#pragma once

#include "bench/harness.h"
#include "engine/wire/build.h"

/* A buffer for `len` bytes that come in by `port`; ends the program when there is none. */
struct buf *segment_buf(struct bench *b, uint32_t len, uint16_t port);

/* Writes the headers in front of f's payload. `o` says addresses, MACs, ports, numbers and
 * flags; the rest of it is filled in. A SYN offers what it can. */
void segment_finish(struct bench *b, struct buf *f, struct out *o, uint32_t tsecr);
