/* SPDX-License-Identifier: BSD-3-Clause */
/* See crowd.h. */
#include "bench/crowd.h"
#include "engine/wire/wire.h"

/* On pages like the engine's, or the clients' misses would cost the engine places in the TLB. */
static uint32_t *numbers(uint32_t nb)
{
	uint32_t *p = bench_memory(nb * sizeof(*p));

	memset(p, 1, nb * sizeof(*p));
	return p;
}

void crowd_init(struct crowd *c, uint32_t nb, const void *request, uint32_t len, bool acks)
{
	*c = (struct crowd){.nb = nb,
			    .snd_nxt = numbers(nb),
			    .rcv_nxt = numbers(nb),
			    .random = 1,
			    .request = request,
			    .len = len,
			    .acks = acks};
}

void crowd_fini(struct crowd *c)
{
	bench_memory_free(c->snd_nxt, c->nb * sizeof(*c->snd_nxt));
	bench_memory_free(c->rcv_nxt, c->nb * sizeof(*c->rcv_nxt));
}

void crowd_connect(struct crowd *c, struct bench *b)
{
	peer_connect(b, 0, c->nb, c->snd_nxt, c->rcv_nxt);
}

static uint32_t any_client(struct crowd *c)
{
	c->random = c->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((c->random >> 33) % c->nb);
}

static struct buf *segment(const struct crowd *c, struct bench *b, uint32_t client, uint32_t tsecr,
			   uint32_t len)
{
	return peer_make(b, &(struct peer_seg){.client = client,
					       .flags = len ? TCP_ACK | TCP_PSH : TCP_ACK,
					       .seq = c->snd_nxt[client],
					       .ack = c->rcv_nxt[client],
					       .tsecr = tsecr,
					       .payload = c->request,
					       .len = len});
}

void crowd_requests(struct crowd *c, struct bench *b, struct buf **bufs)
{
	for (uint32_t i = 0; i < CROWD_BATCH; i++) {
		uint32_t client = any_client(c);

		while (!peer_is_ours(b, client))
			client = any_client(c);
		bufs[i] = segment(c, b, client, 1, c->len);
		c->snd_nxt[client] += c->len;
	}
}

uint32_t crowd_answered(struct crowd *c, struct bench *b, struct buf **bufs)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->nb_frames; i++) {
		struct peer_view v;

		if (!peer_read(b->frames[i], &v) || v.len == 0)
			continue;
		c->rcv_nxt[v.client] = v.seq + v.len;
		if (c->acks)
			bufs[n++] = segment(c, b, v.client, v.tsval, 0);
	}
	peer_ignore(b);
	return n;
}

void crowd_exchange(struct crowd *c, struct bench *b)
{
	struct buf *bufs[CROWD_BATCH];
	uint32_t n;

	crowd_requests(c, b, bufs);
	bench_turn(b, bufs, CROWD_BATCH);
	n = crowd_answered(c, b, bufs);
	if (n)
		bench_turn(b, bufs, n);
	peer_ignore(b);
}
