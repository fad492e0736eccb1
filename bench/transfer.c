/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bulk data in full segments on one connection: received and thrown away (receive), sent (send),
 * sent back as it comes, both ways at once (relay), and carried on to a backend (proxy). The rate
 * is what one core would carry if it did nothing else.
 */
#include <stdio.h>

#include "bench/backend.h"
#include "bench/crowd.h"
#include "bench/instructions.h"
#include "bench/options.h"
#include "bench/result.h"
#include "bench/whole.h"

#define SEGMENT  1448                    /* bytes: 1500 less IPv4, TCP and timestamps */
#define WARM     10016                   /* segments before those that count */
#define COUNTED  3200                    /* segments in a run that counts instructions, */
#define SHORTER  1024                    /* and before them */
#define RESPONSE (CROWD_BATCH * SEGMENT) /* bytes, of which these are its head: */
#define HEAD     86

static const uint8_t data[SEGMENT];
static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

struct stream {
	struct bench b;
	struct crowd c;
	struct buf *waiting[2 * CROWD_BATCH]; /* frames for the engine's next turn */
	uint32_t nb_waiting;
};

/* What a stream does. `exchange` moves CROWD_BATCH segments of data in each of its directions. */
struct direction {
	const char *name, *service;
	void (*exchange)(struct stream *s);
	bool asks; /* the client sends requests, not data */
	bool backend;
};

/* The client sends. */
static void upload(struct stream *s)
{
	crowd_exchange(&s->c, &s->b);
}

/* A segment from the client, with the next `len` bytes. */
static void say(struct stream *s, uint32_t tsecr, uint32_t len)
{
	s->waiting[s->nb_waiting++] = peer_make(&s->b, &(struct peer_seg){.flags = TCP_ACK,
									  .seq = s->c.snd_nxt[0],
									  .ack = s->c.rcv_nxt[0],
									  .tsecr = tsecr,
									  .payload = s->c.request,
									  .len = len});
	s->c.snd_nxt[0] += len;
}

/* The client reads what came and acknowledges every other segment. Returns bytes. */
static uint32_t read_frames(struct stream *s)
{
	uint32_t bytes = 0, segments = 0;

	for (uint32_t i = 0; i < s->b.nb_frames; i++) {
		struct peer_view v;

		if (!peer_read(s->b.frames[i], &v) || v.len == 0)
			continue;
		bytes += v.len;
		s->c.rcv_nxt[0] = v.seq + v.len;
		if (++segments % 2 == 0)
			say(s, v.tsval, 0);
	}
	peer_ignore(&s->b);
	return bytes;
}

/* The engine sends: a response of CROWD_BATCH segments. The acknowledgments of its last ones come
 * with the next request. */
static void download(struct stream *s)
{
	say(s, 1, s->c.len);
	for (uint32_t got = 0, turns = 0; got < RESPONSE; turns++) {
		uint32_t n = s->nb_waiting;

		if (turns > CROWD_BATCH)
			bench_die("%u of %u bytes have come", got, RESPONSE);
		s->nb_waiting = 0;
		bench_turn(&s->b, s->waiting, n);
		got += read_frames(s);
	}
}

/* The backend takes what came and acknowledges every other segment. */
static void take_frames(struct stream *s)
{
	uint32_t segments = 0;

	for (uint32_t i = 0; i < s->b.nb_frames; i++) {
		const struct buf *f = s->b.frames[i];
		struct buf *r;

		if (f->port == 0 || (f->len > SEGMENT && ++segments % 2))
			continue;
		r = backend_take(&s->b, f);
		if (r)
			s->waiting[s->nb_waiting++] = r;
	}
	peer_ignore(&s->b);
}

static void turn_with_backend(struct stream *s)
{
	uint32_t n = s->nb_waiting;

	s->nb_waiting = 0;
	bench_turn(&s->b, s->waiting, n);
	take_frames(s);
}

/* The client sends, to the backend. */
static void carry(struct stream *s)
{
	for (uint32_t i = 0; i < CROWD_BATCH; i++)
		say(s, 1, SEGMENT);
	turn_with_backend(s);
}

static const struct direction directions[] = {
    {.name = "receive", .service = "discard", .exchange = upload},
    {.name = "send", .service = "http, http: {size: %u}", .exchange = download, .asks = true},
    {.name = "relay", .service = "echo", .exchange = upload},
    {.name = "proxy", .service = "proxy, pool: back", .exchange = carry, .backend = true},
};

static void start(struct bench *b, const struct direction *d)
{
	char service[64], yaml[1024];

	snprintf(service, sizeof(service), d->service, RESPONSE - HEAD);
	snprintf(yaml, sizeof(yaml),
		 "workers: {count: 1}\n"
		 "memory: {connections: 64, half_open: 64, time_wait: 64, transfers: 64, "
		 "sessions: 64, buffers: 8192}\n" PEER_PORT
		 "  - {name: q, device: net_null1, addresses: [" BACKEND_ENGINE_CIDR "]}\n"
		 "listeners:\n"
		 "  - {name: bulk, address: \"" PEER_ENGINE ":80\", service: %s}\n"
		 "pools:\n"
		 "  - {name: back, sources: [10.0.0.1],\n"
		 "     backends: [{name: b, address: \"" BACKEND ":80\"}]}\n",
		 service);
	bench_init(b, yaml, true);
}

/* The connection stands, the one to the backend as well. */
static void stream_init(struct stream *s, const struct direction *d)
{
	s->nb_waiting = 0;
	if (d->asks)
		crowd_init(&s->c, 1, request, sizeof(request) - 1, false);
	else
		crowd_init(&s->c, 1, data, SEGMENT, false);
	start(&s->b, d);
	crowd_connect(&s->c, &s->b);
	/* The engine asks for the backend's address a second time. */
	for (uint32_t ms = 0; d->backend && ms < 3000; ms++) {
		s->b.now += 1000;
		turn_with_backend(s);
	}
}

static void stream_fini(struct stream *s)
{
	for (uint32_t i = 0; i < s->nb_waiting; i++)
		mem_pool_put(s->b.pool, s->waiting[i]);
	bench_fini(&s->b);
	crowd_fini(&s->c);
}

static void print(const struct options *o, const struct direction *d, const struct bench *b,
		  uint64_t bytes)
{
	const struct counted_run run = {.option = "segments", .units = COUNTED, .phase = d->name};
	struct result r;

	result_begin(&r, o->json, o->bench);
	result_word(&r, "direction", d->name);
	result_count(&r, "bytes", bytes);
	result_number(&r, "gbit_per_s",
		      (double)bytes * 8 * bench_tsc_hz() / (double)b->cycles / 1e9, 1);
	result_number(&r, "cycles_per_segment", (double)b->cycles / (double)(b->received + b->sent),
		      0);
	result_number(&r, "cycles_per_byte", (double)b->cycles / (double)bytes, 3);
	instructions_result(&r, "instructions_per_data_segment", &run);
	result_end(&r);
}

static void measure(const struct options *o, const struct direction *d, uint64_t segments)
{
	static struct stream s;
	uint64_t bytes, warm = instructions_are_counted() ? SHORTER : WARM;

	stream_init(&s, d);
	for (uint64_t i = 0; i < warm; i += CROWD_BATCH)
		d->exchange(&s);
	bench_restart_count(&s.b);
	bytes = s.b.sh->stats[STAT_rx_bytes] + s.b.sh->stats[STAT_tx_bytes];
	for (uint64_t i = 0; i < segments; i += CROWD_BATCH)
		d->exchange(&s);
	bytes = s.b.sh->stats[STAT_rx_bytes] + s.b.sh->stats[STAT_tx_bytes] - bytes;
	if (bytes < segments * SEGMENT)
		bench_die("%s: %u segments are missing", d->name,
			  (uint32_t)(segments - bytes / SEGMENT));
	if (!instructions_are_counted())
		print(o, d, &s.b, bytes);
	stream_fini(&s);
}

int transfer_main(int argc, char **argv)
{
	uint64_t segments = 2000000;
	const struct option list[] = {
	    {"segments", "of data, in each direction", &segments, 1000, 10000000000},
	};
	struct options o = {.bench = "transfer",
			    .what = "bulk data in full segments: cycles of segments and bytes",
			    .list = list,
			    .count = ARRAY_SIZE(list)};

	options_parse(&o, argc, argv);
	segments = ALIGN_UP(segments, CROWD_BATCH);
	for (uint32_t i = 0; i < ARRAY_SIZE(directions); i++)
		if (instructions_count(directions[i].name))
			measure(&o, &directions[i], segments);
	return 0;
}
