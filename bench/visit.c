/* SPDX-License-Identifier: BSD-3-Clause */
/* See visit.h. */
#include "bench/backend.h"
#include "bench/visit.h"
#include "engine/wire/wire.h"

static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/* What a client says to a frame of the engine's; NULL: nothing. */
static struct buf *answer(struct bench *b, const struct buf *f)
{
	struct peer_seg s = {.flags = TCP_ACK | TCP_FIN};
	struct peer_view v;

	if (!peer_read(f, &v) || !(v.flags & (TCP_SYN | TCP_FIN)))
		return NULL;
	s.client = v.client;
	s.seq = v.ack;
	s.ack = v.seq + v.len + 1;
	s.tsecr = v.tsval;
	if (v.flags & TCP_SYN) {
		s.flags = TCP_ACK | TCP_PSH;
		s.payload = request;
		s.len = sizeof(request) - 1;
	}
	return peer_make(b, &s);
}

/* What both sides say to the engine's frames. */
static uint32_t answer_all(struct bench *b, struct buf **bufs)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->nb_frames; i++) {
		const struct buf *f = b->frames[i];
		struct buf *r = f->port ? backend_answer(b, f) : answer(b, f);

		if (r)
			bufs[n++] = r;
	}
	peer_ignore(b);
	return n;
}

/* With a backend in the play both sides may have two things to say at a time. */
#define ANSWERS (4 * VISIT_BATCH)

void visit(struct bench *b, uint32_t first)
{
	uint32_t clients[VISIT_BATCH];

	for (uint32_t i = 0; i < VISIT_BATCH; i++)
		clients[i] = first + i;
	visit_by(b, clients);
}

void visit_by(struct bench *b, const uint32_t *clients)
{
	static const char *const phases[] = {"syn", "request", "fin"};
	struct buf *bufs[ANSWERS];
	uint32_t n = VISIT_BATCH, phase = 0;

	for (uint32_t i = 0; i < VISIT_BATCH; i++)
		bufs[i] = peer_make(b, &(struct peer_seg){.client = clients[i],
							  .flags = TCP_SYN,
							  .seq = peer_isn(clients[i])});
	while (n) {
		bench_phase(b, phases[phase]);
		phase = MIN(phase + 1, (uint32_t)ARRAY_SIZE(phases) - 1);
		bench_turn(b, bufs, n);
		n = answer_all(b, bufs);
	}
}

void visit_settle(struct bench *b, usec_t usec)
{
	struct buf *bufs[ANSWERS];
	uint32_t n = 0;

	for (usec_t end = b->now + usec; b->now < end; b->now += 1000) {
		bench_turn(b, bufs, n);
		n = answer_all(b, bufs);
	}
	if (n)
		bench_die("the engine is still at work");
}
