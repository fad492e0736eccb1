/* SPDX-License-Identifier: BSD-3-Clause */
/* See tgen_bout.h. */
#include "tests/bench/tgen_bout.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "drivers/fault_port.h"
#include "drivers/mem_port.h"
#include "engine/run/config.h"

#define BUFS 16384

static const char *const head4 = "ports: [{name: p, device: net_null0, addresses: [%s/15]}]\n"
				 "memory: {buffers: 4096}\n";
static const char *const head6 = "ports: [{name: p, device: net_null0, addresses: ['%s/32']}]\n"
				 "memory: {buffers: 4096}\n";

static void need(bool fine, const char *what)
{
	if (fine)
		return;
	fprintf(stderr, "tgen_bout: %s\n", what);
	exit(2);
}

static void *zeroed(size_t bytes)
{
	void *mem = aligned_alloc(CACHE_LINE, ALIGN_UP(bytes, (size_t)CACHE_LINE));

	need(mem, "out of memory");
	memset(mem, 0, bytes);
	return mem;
}

static struct load *make_load(struct bout *b, int family, bool answers, const char *section,
			      struct plan **plan)
{
	const char *addr = family == IP_V4 ? (answers ? "198.18.0.1" : "198.18.0.2")
					   : (answers ? "2001:db8::1" : "2001:db8::2");
	struct load_args args = {.buf_ops = &b->ops, .now = b->now};
	struct config_error err;
	char text[4096];
	int n = snprintf(text, sizeof(text), family == IP_V4 ? head4 : head6, addr);

	snprintf(text + n, sizeof(text) - (size_t)n, "load:\n%s", section);
	*plan = plan_parse("bout", text, strlen(text), &err);
	need(*plan, err.text);
	args.plan = *plan;
	memcpy(args.mac, b->ports[answers]->mac, 6);
	memcpy(args.target_mac, b->ports[!answers]->mac, 6);
	return load_init(zeroed(load_bytes(*plan)), &args);
}

static void make_engine(struct bout *b, const char *text)
{
	struct shard_args args = {.buf_ops = &b->ops, .links = &b->link, .nb_shards = 1};
	struct config_error err;

	b->conf = config_parse("engine", text, strlen(text), &err);
	need(b->conf, err.text);
	memcpy(b->link.mac, b->ports[1]->mac, 6);
	b->link.mtu = 1500;
	args.conf = b->conf;
	args.now = b->now;
	memset(args.entropy, 0x5a, sizeof(args.entropy));
	b->mem = zeroed(shard_bytes(b->conf));
	b->sh = shard_init(b->mem, &args);
}

void bout_init(struct bout *b, const char *engine, int family, const struct conf_fault *fault)
{
	struct mem_port_conf pair = {.ring_size = 2048};

	*b = (struct bout){.now = 1000000000};
	b->pool = mem_pool_create(BUFS, 0, 0);
	need(b->pool, "out of memory");
	b->ops = mem_pool_ops(b->pool);
	pair.pool = b->pool;
	need(mem_port_pair_create(&pair, b->ports), "no ports");
	for (int i = 0; fault && i < 2; i++) {
		b->ports[i] = fault_port_create(b->ports[i], fault, &b->ops);
		need(b->ports[i], "no fault port");
	}
	if (engine)
		make_engine(b, engine);
	else
		b->rival =
		    make_load(b, family, true,
			      family == IP_V4 ? " mode: answer\n target: 198.18.0.1:80\n"
					      : " mode: answer\n target: '[2001:db8::1]:80'\n",
			      &b->rival_plan);
}

static void drop_load(struct load **l, struct plan **plan)
{
	if (!*l)
		return;
	load_fini(*l);
	free(*l);
	plan_free(*plan);
	*l = NULL;
	*plan = NULL;
}

void bout_load(struct bout *b, int family, const char *section)
{
	char text[2048];

	drop_load(&b->load, &b->plan);
	snprintf(text, sizeof(text),
		 " target: '%s'\n mac: '02:00:00:00:00:02'\n clients: ['%s']\n%s",
		 family == IP_V4 ? "198.18.0.1:80" : "[2001:db8::1]:80",
		 family == IP_V4 ? "198.19.0.0/16" : "2001:db8:1::/64", section);
	b->load = make_load(b, family, false, text, &b->plan);
	load_count(b->load);
	load_run(b->load, b->plan->rate);
}

static uint32_t send_frames(void *ctx, struct buf **bufs, uint32_t n)
{
	struct bout *b = ctx;

	return port_tx(b->ports[1], 0, bufs, (uint16_t)n, b->now);
}

static bool engine_turn(struct bout *b)
{
	struct buf *bufs[SHARD_BURST];
	uint32_t n = port_rx(b->ports[1], 0, bufs, SHARD_BURST, b->now);

	for (uint32_t i = 0; i < n; i++)
		bufs[i]->port = 0;
	shard_set_time(b->sh, b->now);
	shard_receive(b->sh, bufs, n);
	n += shard_timers(b->sh, 256);
	shard_finish(b->sh);
	n += shard_transmit(b->sh, 0, send_frames, b);
	return n > 0;
}

/* The time of what comes by itself next. */
static usec_t next_event(struct bout *b, usec_t limit)
{
	usec_t at;

	if (load_next(b->load, &at))
		limit = MIN(limit, at);
	if (b->sh && shard_next_deadline(b->sh, &at))
		limit = MIN(limit, at);
	for (int i = 0; i < 2; i++)
		if (b->ports[i]->ops->next_event && b->ports[i]->ops->next_event(b->ports[i], &at))
			limit = MIN(limit, at);
	return MAX(limit, b->now);
}

void bout_turn(struct bout *b)
{
	bool worked = load_turn(b->load, b->ports[0], b->now);

	worked |= b->sh ? engine_turn(b) : load_turn(b->rival, b->ports[1], b->now);
	if (!worked)
		b->now = next_event(b, b->now + 10 * BOUT_TURN_US);
	b->now += BOUT_TURN_US;
}

bool bout_finish(struct bout *b, usec_t limit)
{
	for (limit += b->now; b->now < limit; bout_turn(b))
		if (load_is_exhausted(b->load) && load_is_idle(b->load))
			return true;
	return false;
}

void bout_pass(struct bout *b, usec_t time)
{
	for (time += b->now; b->now < time;)
		bout_turn(b);
}

uint32_t bout_fini(struct bout *b)
{
	uint32_t missing;

	drop_load(&b->load, &b->plan);
	drop_load(&b->rival, &b->rival_plan);
	if (b->sh)
		shard_fini(b->sh);
	free(b->mem);
	config_free(b->conf);
	for (int i = 0; i < 2; i++)
		b->ports[i]->ops->close(b->ports[i]);
	missing = mem_pool_in_use(b->pool);
	mem_pool_destroy(b->pool);
	return missing;
}
