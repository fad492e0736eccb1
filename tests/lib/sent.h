/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a shard sends on its port 0, one burst at a time: for tests that put one frame in and look
 * at what comes out. Every frame is taken apart as it leaves; one that is not well formed ends
 * the program with the reason.
 */
#pragma once

#include "tests/lib/frame.h"
#include "tests/lib/rig.h"

struct sent {
	uint32_t count;           /* frames in the last burst, and */
	struct frame last;        /* the last of them; nothing when there were none yet */
	uint32_t len;             /* of that one, */
	uint8_t bytes[FRAME_MAX]; /* as it was on the wire */
};

/* Takes what waits on the shard's port 0; the buffers go back. */
void sent_collect(struct sent *s, struct rig *r);

/* The frame `in` arrives, and what the shard sends upon it is collected. */
void sent_upon(struct sent *s, struct rig *r, const struct frame *in);
