/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a frame's bytes to a segment: lengths, addresses, options, and the checksums where the
 * port has not verified them.
 */
#include "bench/options.h"
#include "bench/peer.h"
#include "bench/result.h"
#include "engine/wire/parse.h"

#define FRAMES  32
#define SEGMENT 1448

static const char config[] = "workers: {count: 1}\n"
			     "memory: {connections: 64, buffers: 8192}\n" PEER_PORT "listeners:\n"
			     "  - {name: l, address: \"" PEER_ENGINE ":80\", service: discard}\n";

static const uint8_t data[SEGMENT];

struct kind {
	const char *name;
	uint8_t flags;
	uint32_t len;
};

static double cycles_each(struct bench *b, const struct kind *k, uint64_t frames)
{
	struct buf *bufs[FRAMES];
	uint64_t start;
	struct seg s;

	for (uint32_t i = 0; i < FRAMES; i++)
		bufs[i] = peer_make(
		    b, &(struct peer_seg){
			   .client = i, .flags = k->flags, .payload = data, .len = k->len});
	start = bench_tsc();
	for (uint64_t i = 0; i < frames; i++)
		if (parse_frame(bufs[i % FRAMES], b->links[0].mac, &s) != PARSE_TCP)
			bench_die("a good frame is refused");
	start = bench_tsc() - start;
	for (uint32_t i = 0; i < FRAMES; i++)
		mem_pool_put(b->pool, bufs[i]);
	return (double)start / (double)frames;
}

int main(int argc, char **argv)
{
	static const struct kind kinds[] = {
	    {"syn", TCP_SYN, 0}, {"ack", TCP_ACK, 0}, {"full", TCP_ACK, SEGMENT}};
	uint64_t frames = 5000000;
	const struct option list[] = {
	    {"frames", "of each kind", &frames, 1000, 10000000000},
	};
	struct options o = {.bench = "parse",
			    .what = "cycles from a frame to a segment",
			    .list = list,
			    .count = ARRAY_SIZE(list)};

	options_parse(&o, argc, argv);
	for (uint32_t offload = 0; offload < 2; offload++) {
		struct bench b;

		bench_init(&b, config, offload);
		for (uint32_t i = 0; i < ARRAY_SIZE(kinds); i++) {
			struct result r;

			result_begin(&r, o.json, o.bench);
			result_word(&r, "frame", kinds[i].name);
			result_word(&r, "csum_offload", offload ? "yes" : "no");
			result_number(&r, "cycles", cycles_each(&b, &kinds[i], frames), 1);
			result_end(&r);
		}
		bench_fini(&b);
	}
	return 0;
}
