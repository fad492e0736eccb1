/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <x86intrin.h>

#include "engine/run/config.h"

#define TURN_USEC 10 /* virtual time of a turn */

static void die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

void bench_init(struct bench *b, const char *yaml, uint32_t nb_bufs, bool csum_offload)
{
	struct shard_args args = {.buf_ops = &b->buf_ops, .links = b->links, .nb_shards = 1};
	struct config_error err;

	memset(b, 0, sizeof(*b));
	b->conf = config_parse("bench", yaml, strlen(yaml), &err);
	if (!b->conf)
		die(err.text);
	b->pool = mem_pool_create(nb_bufs, 0, 0);
	if (!b->pool)
		die("out of memory for buffers");
	b->buf_ops = mem_pool_ops(b->pool);
	for (uint16_t p = 0; p < b->conf->nb_ports; p++)
		b->links[p] = (struct net_link){.mac = {2, 0, 0, 0, 0, (uint8_t)(p + 1)},
						.mtu = b->conf->ports[p].mtu,
						.tx_ip_csum = csum_offload,
						.tx_tcp_csum = csum_offload};
	b->mem_bytes = ALIGN_UP(shard_bytes(b->conf), 2u << 20);
	b->mem = mmap(NULL, b->mem_bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (b->mem == MAP_FAILED)
		die("out of memory for the shard");
	madvise(b->mem, b->mem_bytes, MADV_HUGEPAGE);
	b->now = 1000000;
	args.conf = b->conf;
	args.now = b->now;
	memset(args.entropy, 0x5a, sizeof(args.entropy));
	b->sh = shard_init(b->mem, &args);
}

void bench_fini(struct bench *b)
{
	shard_fini(b->sh);
	munmap(b->mem, b->mem_bytes);
	mem_pool_destroy(b->pool);
	config_free(b->conf);
}

static uint32_t collect(void *ctx, struct buf **bufs, uint32_t n)
{
	struct bench *b = ctx;

	for (uint32_t i = 0; i < n; i++) {
		if (bufs[i]->flags & BUF_KEEP)
			mem_pool_hold(bufs[i]);
		b->frames[b->nb_frames++] = bufs[i];
	}
	return n;
}

void bench_turn(struct bench *b, struct buf **bufs, uint32_t n)
{
	uint64_t start = __rdtsc();

	b->nb_frames = 0;
	b->now += TURN_USEC;
	shard_set_time(b->sh, b->now);
	shard_receive(b->sh, bufs, n);
	shard_timers(b->sh, 256);
	shard_finish(b->sh);
	shard_transmit(b->sh, 0, collect, b);
	b->cycles += __rdtsc() - start;
}

uint64_t bench_option(int argc, char **argv, const char *name, uint64_t fallback)
{
	size_t len = strlen(name);

	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];

		if (strncmp(a, "--", 2) == 0 && strncmp(a + 2, name, len) == 0 && a[2 + len] == '=')
			return strtoull(a + 3 + len, NULL, 10);
	}
	return fallback;
}

double bench_tsc_hz(void)
{
	struct timespec t0, t1;
	uint64_t c0, c1;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	c0 = __rdtsc();
	do {
		clock_gettime(CLOCK_MONOTONIC, &t1);
	} while ((double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9 < 0.05);
	c1 = __rdtsc();
	return (double)(c1 - c0) /
	       ((double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9);
}
