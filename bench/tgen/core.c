/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_tgen_core: what the generator itself spends on a connection. A load with
 * `visit` or `client` and one with `answer` exchange frames in memory, without a
 * port between them; cycles are counted while each of them runs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/harness.h"
#include "bench/options.h"
#include "bench/result.h"
#include "bench/tgen/load.h"

#define TURN_US 10 /* virtual time of a turn */

/* One side, and what it has cost. */
struct side {
	struct plan *plan;
	struct load *load;
	uint64_t cycles;
};

static const char config[] = "memory: {buffers: 8192}\n"
			     "ports: [{name: p, device: net_null0, addresses: ['%s/%u']}]\n"
			     "load: {mode: %s, target: '%s:80', mac: '02:00:00:00:00:01',\n"
			     "       clients: ['%s'], concurrency: %u}\n";

/* The ends of either family. */
struct family {
	unsigned prefix_len;
	const char *client, *server, *target, *clients;
};

static const struct family families[] = {
    {15, "198.18.0.2", "198.18.0.1", "198.18.0.1", "198.19.0.0/16"},
    {32, "2001:db8::2", "2001:db8::1", "[2001:db8::1]", "2001:db8:1::/64"},
};

/* What is measured. */
struct task {
	const char *mode;
	bool v6;
	uint64_t connections;
	uint32_t concurrency;
	struct mem_pool *pool;
};

static void init_side(struct side *s, const struct task *t, bool answers)
{
	const struct family *f = &families[t->v6];
	struct buf_ops ops = mem_pool_ops(t->pool);
	struct load_args args = {.buf_ops = &ops, .mac = {2}, .target_mac = {2}, .now = 1000000};
	struct config_error err;
	char text[512];
	void *mem;

	snprintf(text, sizeof(text), config, answers ? f->server : f->client, f->prefix_len,
		 answers ? "answer" : t->mode, f->target, f->clients, t->concurrency);
	s->plan = plan_parse("tgen_core", text, strlen(text), &err);
	if (!s->plan)
		bench_die("%s", err.text);
	args.plan = s->plan;
	mem = aligned_alloc(CACHE_LINE, ALIGN_UP(load_bytes(s->plan), (size_t)CACHE_LINE));
	if (!mem)
		bench_die("out of memory");
	memset(mem, 0, load_bytes(s->plan));
	s->load = load_init(mem, &args);
}

static void fini_side(struct side *s)
{
	load_fini(s->load);
	free(s->load);
	plan_free(s->plan);
}

/* A turn on what the other side has sent, in bursts. */
static void turn(struct side *s, struct load *from, usec_t now)
{
	uint64_t begin = bench_tsc();

	load_set_time(s->load, now);
	for (uint32_t i = 0; i < from->tx.count; i += LOAD_BURST)
		load_input(s->load, from->tx.bufs + i, MIN(from->tx.count - i, LOAD_BURST));
	load_begin(s->load);
	s->cycles += bench_tsc() - begin;
	from->tx.count = 0;
}

static void play(struct side *client, struct side *answer, uint64_t connections)
{
	usec_t now = client->load->now;

	while (client->load->tally.n[TALLY_done] < connections) {
		now += TURN_US;
		turn(client, answer->load, now);
		turn(answer, client->load, now);
	}
}

/* A tenth of the connections first to warm up; prints a line. */
static void measure(const struct options *o, const struct task *t)
{
	struct side client = {0}, answer = {0};
	struct result r;
	uint64_t nb;

	init_side(&client, t, false);
	init_side(&answer, t, true);
	load_run(client.load, PLAN_RATE_MAX);
	play(&client, &answer, t->connections / 10);
	load_count(client.load);
	client.cycles = answer.cycles = 0;
	play(&client, &answer, t->connections);
	nb = client.load->tally.n[TALLY_done];
	result_begin(&r, o->json, o->bench);
	result_word(&r, "mode", t->mode);
	result_word(&r, "family", t->v6 ? "ipv6" : "ipv4");
	result_count(&r, "connections", nb);
	result_number(&r, "cycles_per_connection", (double)client.cycles / (double)nb, 1);
	result_number(&r, "answer_cycles_per_connection", (double)answer.cycles / (double)nb, 1);
	result_end(&r);
	fini_side(&client);
	fini_side(&answer);
}

int main(int argc, char **argv)
{
	uint64_t nb = 1000000, concurrency = 256;
	const struct option list[] = {
	    {"connections", "how many", &nb, 1, 1000000000},
	    {"concurrency", "how many at once", &concurrency, 1, LOAD_TX},
	};
	struct options o = {.bench = "tgen_core",
			    .what = "cycles that the generator spends on a connection",
			    .list = list,
			    .count = ARRAY_SIZE(list)};
	struct task t = {.pool = mem_pool_create(8192, 0, 0)};

	options_parse(&o, argc, argv);
	if (!t.pool)
		bench_die("out of memory for buffers");
	t.connections = nb;
	t.concurrency = (uint32_t)concurrency;
	for (int i = 0; i < 4; i++) {
		t.mode = i / 2 ? "client" : "visit";
		t.v6 = i % 2;
		measure(&o, &t);
	}
	mem_pool_destroy(t.pool);
	return 0;
}
