/* SPDX-License-Identifier: BSD-3-Clause */
/* See sent.h. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/sent.h"

struct collector {
	struct sent *sent;
	struct rig *rig;
};

static uint32_t take(void *ctx, struct buf **bufs, uint32_t n)
{
	struct collector *c = ctx;
	struct sent *s = c->sent;
	char why[128];

	for (uint32_t i = 0; i < n; i++) {
		s->len = bufs[i]->len;
		memcpy(s->bytes, bufs[i]->data, s->len);
		if (!frame_parse(s->bytes, s->len, 0, &s->last, why, sizeof(why))) {
			fprintf(stderr, "the shard sent a bad frame: %s\n", why);
			exit(2);
		}
		/* What its connection keeps is that one's to free. */
		if (!(bufs[i]->flags & BUF_KEEP))
			mem_pool_put(c->rig->pool, bufs[i]);
	}
	s->count += n;
	return n;
}

void sent_collect(struct sent *s, struct rig *r)
{
	struct collector c = {s, r};

	s->count = 0;
	shard_transmit(r->sh, 0, take, &c);
}

void sent_upon(struct sent *s, struct rig *r, const struct frame *in)
{
	struct buf *b = mem_pool_get(r->pool);
	uint8_t bytes[FRAME_MAX];

	b->len = frame_build(bytes, in);
	memcpy(b->data, bytes, b->len);
	b->port = 0;
	shard_receive(r->sh, &b, 1);
	shard_finish(r->sh);
	sent_collect(s, r);
}
