/* SPDX-License-Identifier: BSD-3-Clause */
/* Beginning, turns and end of a fuzzed shard. See world.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/world.h"

#define STEPS_TO_THE_END 20000
#define STEPS_PRECISE	 500 /* steps that end at deadlines; later ones are longer */
#define BUILTIN_IDLE_MS	 300000

uint8_t input_u8(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

uint16_t input_u16(struct input *in)
{
	uint16_t high = input_u8(in);

	return (uint16_t)(high << 8 | input_u8(in));
}

uint32_t input_u32(struct input *in)
{
	uint32_t high = input_u16(in);

	return high << 16 | input_u16(in);
}

void world_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

/* Addresses, a VLAN, routes: the same in every world. */
static void setup_network(struct testconf *tc, uint16_t mtu)
{
	uint16_t port = testconf_port(tc, mtu);
	uint16_t plain = testconf_iface(tc, port, 0);
	uint16_t vlan = testconf_iface(tc, port, 5);

	testconf_addr(tc, "192.0.2.1", 24, plain);
	testconf_addr(tc, "2001:db8::1", 64, plain);
	testconf_addr(tc, "203.0.113.1", 24, vlan);
	testconf_addr(tc, "2001:db8:5::1", 64, vlan);
	testconf_route(tc, "0.0.0.0", 0, "192.0.2.254", plain);
	testconf_route(tc, "::", 0, "2001:db8::fe", plain);
}

/* Listeners 0 to 3 and pool 1 are the test's own; the rest are built in. */
static void setup_services(struct testconf *tc)
{
	testconf_body(tc, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi\n");
	tc->bodies[0].head_len = tc->bodies[0].len - 3;
	for (uint16_t local = 0; local < 4; local++)
		testconf_listener(tc, local, WORLD_TEST_PORT, CONF_SERVICE_ECHO, CONF_NONE);
	testconf_pool(tc, 0);
	testconf_backend(tc, 0, "192.0.2.50", 8000);
	testconf_backend(tc, 0, "198.51.100.51", 8000);
	testconf_pool(tc, 0);
	testconf_backend(tc, 1, "192.0.2.52", WORLD_BACKEND_PORT);
	testconf_backend(tc, 1, "2001:db8:2::52", WORLD_BACKEND_PORT);
	testconf_listener(tc, 0, 7, CONF_SERVICE_ECHO, CONF_NONE);
	testconf_listener(tc, 1, 9, CONF_SERVICE_DISCARD, CONF_NONE);
	testconf_listener(tc, 0, 8080, CONF_SERVICE_HTTP, CONF_NONE);
	testconf_listener(tc, 0, 81, CONF_SERVICE_PROXY, 0);
	for (int i = 0; i < 2; i++) {
		tc->pools[i].nb_sources = 2;
		tc->pools[i].sources[1] = 1;
		tc->pools[i].source_port_min = 20000;
		tc->pools[i].source_port_max = 20003;
	}
	tc->pools[0].max_connections = 3;
}

static void setup_tcp(struct conf_tcp *t, struct input *in)
{
	static const uint32_t rcvbufs[] = {262144, 1024, 4096, 1 << 20};
	static const uint32_t sndbufs[] = {262144, 1024, 3000, 65536};
	static const uint16_t msss[] = {0, 88, 536, 1400};
	uint8_t a = input_u8(in), b = input_u8(in), c = input_u8(in);

	t->timestamps = !(a & 1);
	t->window_scaling = !(a & 2);
	t->sack = !(a & 4);
	t->keepalive = a & 8;
	t->abort_on_overflow = a & 16;
	t->rfc1337 = !(a & 32);
	t->nodelay = a & 64;
	t->synack_jitter = a & 128;
	t->rcvbuf = rcvbufs[b & 3];
	t->sndbuf = sndbufs[b >> 2 & 3];
	t->mss = msss[b >> 4 & 3];
	t->delack_ms = b & 64 ? 0 : 40;
	t->quick_acks = c & 7;
	t->syncookies = (enum conf_syncookies)((b >> 2 ^ c >> 6) % 3);
	t->initial_cwnd = b & 128 ? 1 : 10;
	t->idle_timeout_ms = c & 1 ? 5000 : 0;
	t->user_timeout_ms = c & 2 ? 3000 : 0;
	t->retries2 = c & 4 ? 0 : c & 8 ? 3 : 15;
	t->retries1 = c & 16 ? 0 : 3;
	t->half_close_timeout_ms = c & 8 ? 2000 : 3600000;
	t->orphan_retries = c & 32 ? 1 : 8;
	t->syn_retries = c & 64 ? 0 : 6;
	t->synack_retries = c & 128 ? 0 : 5;
	t->keepalive_time_ms = 10000;
	t->keepalive_intvl_ms = 1000;
}

/* The built-in services wait for their peers as long as these like; here the
 * peers have an end, so the connections must have one. */
static void limit_builtin(struct testconf *tc)
{
	for (uint16_t i = 4; i < tc->conf.nb_listeners; i++)
		if (!tc->listeners[i].tcp.idle_timeout_ms)
			tc->listeners[i].tcp.idle_timeout_ms = BUILTIN_IDLE_MS;
	if (!tc->pools[0].tcp.idle_timeout_ms)
		tc->pools[0].tcp.idle_timeout_ms = BUILTIN_IDLE_MS;
}

/* All peers are one or two sources: some are refused, as the address says. */
static void limit_sources(struct testconf *tc, uint8_t choice)
{
	for (uint16_t i = 0; i < tc->conf.nb_addrs; i++)
		tc->addrs[i].refuse = (enum conf_refuse)((choice >> 4 & 3) % 3);
	for (uint16_t i = 0; i < tc->conf.nb_listeners; i++) {
		tc->listeners[i].max_connections_per_source = choice & 64 ? 1 : 4;
		tc->listeners[i].max_rate_per_source = choice & 128 ? 3 : 0;
	}
	tc->conf.memory.sources = 48;
}

/* For clients that get nowhere. */
static void limit_clients(struct testconf *tc, uint8_t sizes)
{
	for (uint16_t i = 0; i < tc->conf.nb_listeners; i++) {
		struct conf_listener *l = &tc->listeners[i];

		if (sizes & 64)
			l->min_rate = (struct conf_min_rate){20, 500, 500};
		if (sizes & 8 && i & 1)
			l->defer = CONF_DEFER_DATA;
		if (sizes & 8)
			l->first_byte_timeout_ms = 2000;
		l->request_timeout_ms = sizes & 4 ? 1000 : 0;
	}
}

/* Makes the shard one of two: half of the connections are the other's. */
static void become_one_of_two(struct world *w)
{
	struct shard *sh = w->sh;

	toeplitz_init(&w->toeplitz);
	sh->toeplitz = &w->toeplitz;
	sh->nb_shards = 2;
	for (uint16_t p = 0; p < w->tc.conf.nb_pools; p++)
		for (uint16_t b = 0; b < w->tc.pools[p].nb_backends; b++) {
			struct backend_state *bs = &sh->pools[p].backends[b];

			memset(bs->maps, 0, bs->nb_maps * sizeof(*bs->maps));
			srcport_init(sh, bs->maps, &w->tc.pools[p], b);
		}
}

void world_init(struct world *w, struct input *in)
{
	static const uint32_t backlogs[] = {4096, 1, 2, 8};
	static const uint32_t buffers[] = {800, 24, 60, 160};
	static const usec_t starts[] = {1000000, 4294960000000, 2147480000000, 86400000000 * 60};
	uint8_t sizes = input_u8(in), port;

	memset(w, 0, sizeof(*w));
	w->now = starts[sizes >> 4 & 3];
	w->wire_takes = WORLD_WIRE_MAX;
	testconf_init(&w->tc);
	w->tc.user = w;
	w->tc.conf.memory = (struct conf_memory){.huge_pages = CONF_HUGE_NEVER,
						 .connections = 24,
						 .half_open = 16,
						 .time_wait = 16,
						 .transfers = sizes & 64 ? 16 : 24,
						 .sessions = 16,
						 .buffers = buffers[sizes >> 2 & 3]};
	setup_network(&w->tc, sizes & 128 ? 1280 : 1500);
	setup_tcp(&w->tc.conf.tcp, in);
	setup_services(&w->tc);
	limit_builtin(&w->tc);
	limit_clients(&w->tc, sizes);
	for (uint16_t i = 0; i < w->tc.conf.nb_listeners; i++)
		w->tc.listeners[i].backlog = backlogs[sizes & 3];
	if (sizes & 8)
		w->tc.conf.limits =
		    (struct conf_limits){.max_rst_per_second = 3, .icmp_msgs_per_sec = 2};
	if (sizes & 16) {
		w->tc.listeners[0].reserve = 2;
		w->tc.listeners[1].max_connections = 3;
	}
	w->pool = mem_pool_create(w->tc.conf.memory.buffers, 0, 0);
	if (!w->pool)
		world_fail("no memory");
	port = input_u8(in);
	if (port & 8)
		limit_sources(&w->tc, port);
	w->rx_flags = port & 1 ? BUF_RX_IP_CSUM_OK | BUF_RX_L4_CSUM_OK : 0;
	w->abrupt = port & 2;
	rig_init(&w->rig, &w->tc, w->pool, 0, sizes, port & 1, w->now);
	w->sh = w->rig.sh;
	if (port & 4)
		become_one_of_two(w);
	for (int i = 0; i < 4; i++)
		w->sh->profiles[i].service = &world_service;
	w->sh->profiles[w->tc.conf.nb_listeners + 1].service = &world_service;
}

void world_receive(struct world *w)
{
	uint32_t n = w->burst_len;

	w->burst_len = 0;
	shard_receive(w->sh, w->burst, n);
}

void world_advance(struct world *w, usec_t us)
{
	w->now += us;
	shard_set_time(w->sh, w->now);
}

void world_turn(struct world *w, uint32_t budget)
{
	world_receive(w);
	shard_timers(w->sh, budget);
	shard_finish(w->sh);
	world_wire_transmit(w);
	/* The other worker takes what is its own, and is no part of this world. */
	for (uint32_t i = 0; i < w->sh->handover_count; i++)
		mem_pool_put(w->pool, w->sh->handover[i]);
	w->sh->handover_count = 0;
}

/* The service takes what waits for it and closes what it has. */
static void close_everything(struct world *w)
{
	w->moods = (struct moods){.acceptable = 8, .readable = 1, .connected = 8, .eof = 8};
	for (uint16_t l = 0; l < 4; l++)
		while (world_accept(w, l))
			;
	for (uint32_t i = 1; i <= WORLD_CONNS_MAX; i++)
		world_act(w, i, 8);
}

/* Says which objects have not ended, then ends. */
__attribute__((noreturn)) static void fail_with_leftovers(const struct world *w, const char *what)
{
	for (uint32_t i = 1; i < w->sh->conns.fresh; i++) {
		const struct conn *c = shard_conn(w->sh, i);
		const struct xfer *x = conn_xfer(w->sh, c);

		if (c->tuple.local == TUPLE_FREE && !x)
			continue;
		fprintf(stderr, "connection %u: %s flags 0x%x una %u nxt %u wnd %u mss %u\n", i,
			tcp_state_name(c->state), c->flags, c->snd_una, c->snd_nxt,
			c->snd_wnd, c->mss);
		if (x)
			fprintf(stderr, "  to send %u in %u, to read %u in %u, early %u timer %u\n",
				x->sndq.bytes, x->sndq.count, x->rcvq.bytes, x->rcvq.count,
				x->ooo_bytes, x->timer);
	}
	world_fail("%s: %u objects, %u timers", what, rig_objects(&w->rig),
		   rig_timers(&w->rig));
}

/* Runs until nothing is left to be waited for. */
static void run_to_the_end(struct world *w)
{
	uint32_t steps = 0;
	usec_t at;

	w->wire_takes = WORLD_WIRE_MAX;
	w->wire_keeps = false;
	world_wire_release(w, w->wire_len);
	world_turn(w, UINT32_MAX);
	close_everything(w);
	world_turn(w, UINT32_MAX);
	while (shard_next_deadline(w->sh, &at)) {
		if (++steps > STEPS_TO_THE_END)
			fail_with_leftovers(w, "no end");
		/* Without buffers ACKs are tried again each tick: that takes long. */
		if (steps > STEPS_PRECISE)
			at = MAX(at, w->now + 1000000);
		if (at > w->now)
			world_advance(w, at - w->now);
		world_turn(w, UINT32_MAX);
		close_everything(w);
	}
	world_check(w);
	if (rig_objects(&w->rig) || rig_timers(&w->rig))
		fail_with_leftovers(w, "left over");
}

void world_fini(struct world *w)
{
	if (!w->abrupt)
		run_to_the_end(w);
	for (uint32_t i = 0; i < w->burst_len; i++)
		mem_pool_put(w->pool, w->burst[i]);
	rig_fini(&w->rig);
	world_wire_release(w, w->wire_len);
	if (mem_pool_in_use(w->pool))
		world_fail("left over: %u buffers", mem_pool_in_use(w->pool));
	mem_pool_destroy(w->pool);
}
