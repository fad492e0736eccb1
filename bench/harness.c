/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/harness.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "bench/instructions.h"
#include "engine/run/config.h"

#define TURN_USEC 10 /* virtual time of a turn */
#define HUGE_PAGE (2u << 20)

void bench_die(const char *fmt, ...)
{
	va_list ap;

	fputs("bench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

uint64_t bench_tsc(void)
{
	return __rdtsc();
}

void *bench_memory(size_t bytes)
{
	void *mem = mmap(NULL, ALIGN_UP(bytes, HUGE_PAGE), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		bench_die("out of memory: %zu bytes are asked for", bytes);
	madvise(mem, ALIGN_UP(bytes, HUGE_PAGE), MADV_HUGEPAGE);
	return mem;
}

void bench_memory_free(void *mem, size_t bytes)
{
	munmap(mem, ALIGN_UP(bytes, HUGE_PAGE));
}

void bench_init(struct bench *b, const char *yaml, bool csum_offload)
{
	bench_init_shard(b, yaml, csum_offload, 0);
}

/* As under DPDK, which has all of its memory from the start. */
static void touch(void *mem, size_t bytes)
{
	volatile uint8_t *p = mem;

	for (size_t i = 0; i < bytes; i += (size_t)sysconf(_SC_PAGESIZE))
		p[i] = p[i];
}

void bench_init_shard(struct bench *b, const char *yaml, bool csum_offload, uint16_t id)
{
	bench_init_lazily(b, yaml, csum_offload, id);
	touch(b->mem, b->mem_bytes);
}

/* With its configuration and its pool the shard starts. */
static void start(struct bench *b, bool csum_offload, uint16_t id)
{
	struct shard_args args = {.buf_ops = &b->buf_ops, .links = b->links, .id = id};

	b->csum_offload = csum_offload;
	b->timer_budget = BENCH_TIMER_BUDGET;
	b->buf_ops = mem_pool_ops(b->pool);
	for (uint16_t p = 0; p < b->conf->nb_ports; p++)
		b->links[p] = (struct net_link){.mac = {2, 0, 0, 0, 0, (uint8_t)(p + 1)},
						.mtu = b->conf->ports[p].mtu,
						.tx_ip_csum = csum_offload,
						.tx_tcp_csum = csum_offload};
	b->mem_bytes = shard_bytes(b->conf);
	b->mem = bench_memory(b->mem_bytes);
	b->now = 1000000;
	args.conf = b->conf;
	args.nb_shards = b->conf->nb_workers;
	args.now = b->now;
	memset(args.entropy, 0x5a, sizeof(args.entropy));
	b->sh = shard_init(b->mem, &args);
}

void bench_init_lazily(struct bench *b, const char *yaml, bool csum_offload, uint16_t id)
{
	struct config_error err;

	/* What is freed goes back at once: some benches look at resident memory. */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	memset(b, 0, sizeof(*b));
	b->conf = config_parse("bench", yaml, strlen(yaml), &err);
	if (!b->conf)
		bench_die("%s", err.text);
	b->pool = mem_pool_create(BENCH_BUFS, 0, 0);
	if (!b->pool)
		bench_die("out of memory for buffers");
	start(b, csum_offload, id);
}

void bench_init_beside(struct bench *b, const struct bench *other, uint16_t id)
{
	memset(b, 0, sizeof(*b));
	b->beside = true;
	b->conf = other->conf;
	b->pool = other->pool;
	start(b, other->csum_offload, id);
	touch(b->mem, b->mem_bytes);
}

void bench_fini(struct bench *b)
{
	if (instructions_are_counted())
		fprintf(stderr, "Frames : %" PRIu64 "\n", b->received + b->sent);
	shard_fini(b->sh);
	bench_memory_free(b->mem, b->mem_bytes);
	if (b->beside)
		return;
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

/* In one piece, whoever calls it: the engine is compiled into this function once. */
__attribute__((noinline)) static void turn(struct bench *b, struct buf **bufs, uint32_t n)
{
	uint64_t start = bench_tsc(), took;

	b->nb_frames = 0;
	b->now += TURN_USEC;
	shard_set_time(b->sh, b->now);
	shard_receive(b->sh, bufs, n);
	if (b->take)
		b->take(b);
	shard_timers(b->sh, b->timer_budget);
	shard_finish(b->sh);
	if (b->pass)
		b->pass(b);
	for (uint16_t p = 0; p < b->conf->nb_ports; p++)
		shard_transmit(b->sh, p, collect, b);
	took = bench_tsc() - start;
	b->took[b->turns++ % 2] = took;
	b->cycles += took;
}

/* Callgrind counts what happens in here; so the call must be one, and no jump at the end. */
__attribute__((noinline)) static void counted_turn(struct bench *b, struct buf **bufs, uint32_t n)
{
	turn(b, bufs, n);
	b->received += n;
	b->sent += b->nb_frames;
}

void bench_turn(struct bench *b, struct buf **bufs, uint32_t n)
{
	if (b->aside)
		turn(b, bufs, n);
	else
		counted_turn(b, bufs, n);
}

void bench_phase(struct bench *b, const char *name)
{
	b->aside = !instructions_count(name);
}

void bench_restart_count(struct bench *b)
{
	b->cycles = b->received = b->sent = 0;
}

double bench_tsc_hz(void)
{
	struct timespec t0, t1;
	uint64_t c0, c1;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	c0 = bench_tsc();
	do {
		clock_gettime(CLOCK_MONOTONIC, &t1);
	} while ((double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9 < 0.05);
	c1 = bench_tsc();
	return (double)(c1 - c0) /
	       ((double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9);
}

uint64_t bench_resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long total, resident;

	if (!f || fscanf(f, "%lu %lu", &total, &resident) != 2)
		bench_die("/proc/self/statm cannot be read");
	fclose(f);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}
