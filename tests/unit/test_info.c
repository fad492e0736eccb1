/* SPDX-License-Identifier: BSD-3-Clause */
/* What a shard tells about its connections, listeners, pools and objects. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>

#include "engine/info.h"
#include "engine/tcp/tcp.h"
#include "tests/lib/frame.h"
#include "tests/lib/rig.h"

#define START_US 5000000
#define NB_BUFS  9000

static const uint8_t peer_mac[6] = {0x02, 0, 0, 0, 0, 0x99};

struct fixture {
	struct testconf tc;
	struct mem_pool *pool;
	struct rig rig;
	struct conn *accepted; /* by the service below */
	uint32_t iss;          /* sequence number of the last frame sent */
	usec_t now;
};

/* Takes connections and leaves everything else as it is. */
static void take(struct shard *sh, uint16_t listener)
{
	struct fixture *f = rig_user(sh);

	f->accepted = tcp_accept(sh, listener);
}

static const struct service lazy = {.name = "lazy", .acceptable = take};

static void start(struct fixture *f, uint32_t half_open)
{
	uint16_t port, iface, local;

	testconf_init(&f->tc);
	f->tc.conf.tcp.quick_acks = 0;
	f->tc.user = f;
	f->tc.conf.memory.half_open = half_open;
	port = testconf_port(&f->tc, 1500);
	iface = testconf_iface(&f->tc, port, 0);
	local = testconf_addr(&f->tc, "192.0.2.1", 24, iface);
	testconf_addr(&f->tc, "2001:db8::1", 64, iface);
	testconf_pool(&f->tc, local);
	testconf_backend(&f->tc, 0, "192.0.2.11", 8080);
	testconf_backend(&f->tc, 0, "192.0.2.12", 8080);
	testconf_listener(&f->tc, local, 80, CONF_SERVICE_DISCARD, CONF_NONE);
	testconf_listener(&f->tc, 1, 443, CONF_SERVICE_DISCARD, CONF_NONE);
	f->now = START_US;
	f->pool = mem_pool_create(NB_BUFS, BUF_DATAROOM, 0);
	rig_init(&f->rig, &f->tc, f->pool, 1, 42, false, f->now);
	rig_serve(&f->rig, &lazy);
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	start(f, 64);
	*state = f;
	return 0;
}

static int setup_large(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	start(f, 2 * INFO_VISIT_MAX);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rig_fini_pool(&f->rig), 0);
	test_free(f);
	return 0;
}

/* Where the shard's frames go; remembers the sequence number of the last one. */
static uint32_t absorb(void *ctx, struct buf **bufs, uint32_t n)
{
	struct fixture *f = ctx;
	struct buf_ops ops = mem_pool_ops(f->pool);
	struct frame fr;
	char why[80];

	for (uint32_t i = 0; i < n; i++) {
		if (frame_parse(bufs[i]->data, bufs[i]->len, 0, &fr, why, sizeof(why)) &&
		    fr.kind == FRAME_TCP)
			f->iss = fr.tcp.seq;
		if (!(bufs[i]->flags & BUF_KEEP))
			ops.free_bulk(ops.ctx, &bufs[i], 1);
	}
	return n;
}

static void finish(struct fixture *f)
{
	shard_finish(f->rig.sh);
	shard_transmit(f->rig.sh, 0, absorb, f);
}

static void advance(struct fixture *f, usec_t us)
{
	f->now += us;
	shard_set_time(f->rig.sh, f->now);
	shard_timers(f->rig.sh, 1000);
	finish(f);
}

struct seg_spec {
	const char *from;
	uint16_t sport;
	uint8_t flags;
	uint32_t seq, ack, len;
};

static void inject(struct fixture *f, struct seg_spec s)
{
	static const uint8_t opts[] = {2, 4, 0x05, 0xb4, 4, 2, 1, 3, 3, 7, 1, 1};
	static const uint8_t zeros[1000];
	bool v6 = strchr(s.from, ':');
	struct frame fr = {
	    .kind = FRAME_TCP,
	    .saddr = testconf_ip(s.from),
	    .daddr = testconf_ip(v6 ? "2001:db8::1" : "192.0.2.1"),
	    .ttl = 64,
	    .proto = 6,
	    .tcp = {.sport = s.sport,
		    .dport = v6 ? 443 : 80,
		    .seq = s.seq,
		    .ack = s.ack,
		    .wnd = 1000,
		    .flags = s.flags},
	    .payload = zeros,
	    .payload_len = s.len,
	};
	struct buf *b = mem_pool_get(f->pool);

	if (s.flags & FRAME_SYN) {
		memcpy(fr.tcp.opts, opts, sizeof(opts));
		fr.tcp.opts_len = sizeof(opts);
	}
	rig_mac(fr.dst, 1, 0);
	memcpy(fr.src, peer_mac, 6);
	b->len = frame_build(b->data, &fr);
	b->port = 0;
	shard_set_time(f->rig.sh, f->now);
	shard_receive(f->rig.sh, &b, 1);
	finish(f);
}

static void inject_syn(struct fixture *f, const char *from, uint16_t sport)
{
	inject(f, (struct seg_spec){from, sport, FRAME_SYN, 1000, 0, 0});
}

/* A connection in ESTABLISHED whose peer's next sequence number is 1001. */
static uint32_t establish(struct fixture *f, const char *from, uint16_t sport)
{
	uint32_t ours;

	inject_syn(f, from, sport);
	ours = f->iss + 1;
	inject(f, (struct seg_spec){from, sport, FRAME_ACK, 1001, ours, 0});
	assert_non_null(f->accepted);
	return ours;
}

static uint32_t list(struct fixture *f, const struct info_filter *filter, struct conn_info *out,
		     uint32_t max)
{
	uint64_t cursor = 0;
	uint32_t n = 0;

	do
		n += info_connections(f->rig.sh, cursor, filter, out + n, max - n, &cursor);
	while (cursor && n < max);
	return n;
}

static struct conn_info the_only(struct fixture *f)
{
	struct info_filter all;
	struct conn_info c[2];

	info_filter_all(&all);
	assert_int_equal(list(f, &all, c, 2), 1);
	return c[0];
}

static void assert_addr(const struct ipaddr *a, const char *text)
{
	struct ipaddr want = testconf_ip(text);

	assert_true(ipaddr_equal(a, &want));
}

static void test_empty(void **state)
{
	struct fixture *f = *state;
	struct info_filter all;
	struct conn_info c;
	uint64_t next = 7;

	info_filter_all(&all);
	assert_int_equal(info_connections(f->rig.sh, 0, &all, &c, 1, &next), 0);
	assert_int_equal(next, 0);
}

static void test_half_open(void **state)
{
	struct fixture *f = *state;
	struct conn_info c;

	inject_syn(f, "192.0.2.2", 40000);
	advance(f, 400000);
	c = the_only(f);
	assert_int_equal(c.kind, INFO_HALF);
	assert_int_equal(c.state, TCP_SYN_RECEIVED);
	assert_addr(&c.local, "192.0.2.1");
	assert_addr(&c.remote, "192.0.2.2");
	assert_int_equal(ntohs(c.lport_be), 80);
	assert_int_equal(ntohs(c.rport_be), 40000);
	assert_int_equal(c.timer, INFO_TIMER_ON);
	assert_int_equal(c.timer_ms, 600);
	assert_int_equal(c.listener, 0);
	assert_int_equal(c.pool, CONF_NONE);
	assert_true(c.sack && c.wscale && !c.timestamps && !c.active);
	assert_int_equal(c.snd_wscale, 7);
}

static void test_retransmitted_half_open(void **state)
{
	struct fixture *f = *state;
	struct conn_info c;

	inject_syn(f, "192.0.2.2", 40000);
	advance(f, 1000000);
	c = the_only(f);
	assert_int_equal(c.retries, 1);
	assert_int_equal(c.timer_ms, 2000);
}

static void test_established_v6(void **state)
{
	struct fixture *f = *state;
	struct conn_info c;

	establish(f, "2001:db8::2", 50000);
	advance(f, 30000);
	c = the_only(f);
	assert_int_equal(c.kind, INFO_CONN);
	assert_int_equal(c.state, TCP_ESTABLISHED);
	assert_addr(&c.local, "2001:db8::1");
	assert_addr(&c.remote, "2001:db8::2");
	assert_int_equal(ntohs(c.lport_be), 443);
	assert_int_equal(c.listener, 1);
	assert_int_equal(c.mss, 1440);
	assert_int_equal(c.age_ms, 30);
	assert_int_equal(c.idle_ms, 30);
	assert_int_equal(c.timer, INFO_TIMER_OFF);
	assert_int_equal(c.recv_q, 0);
	assert_int_equal(c.send_q, 0);
	assert_true(c.cwnd >= 10u * c.mss);
}

static void test_queues_and_timer(void **state)
{
	static const char data[300];
	struct fixture *f = *state;
	uint32_t ours = establish(f, "192.0.2.2", 40000);
	struct conn_info c;

	inject(f, (struct seg_spec){"192.0.2.2", 40000, FRAME_ACK | FRAME_PSH, 1001, ours, 700});
	c = the_only(f);
	assert_int_equal(c.recv_q, 700);
	assert_int_equal(c.timer, INFO_TIMER_ACK);
	assert_int_equal(c.timer_ms, 40);

	assert_int_equal(tcp_write_copy(f->rig.sh, f->accepted, data, sizeof(data)), sizeof(data));
	finish(f);
	c = the_only(f);
	assert_int_equal(c.send_q, 300);
	assert_int_equal(c.timer, INFO_TIMER_ON);
	assert_int_equal(c.timer_ms, c.rto_us / 1000);

	inject(f, (struct seg_spec){"192.0.2.2", 40000, FRAME_ACK, 1701, ours + 300, 0});
	c = the_only(f);
	assert_int_equal(c.send_q, 0);
	assert_int_equal(c.timer, INFO_TIMER_OFF);
}

static void test_keepalive_timer(void **state)
{
	struct fixture *f = *state;
	struct conn_info c;

	f->tc.listeners[0].tcp.keepalive = true;
	f->tc.listeners[0].tcp.keepalive_time_ms = 10000;
	establish(f, "192.0.2.2", 40000);
	advance(f, 4000000);
	c = the_only(f);
	assert_int_equal(c.timer, INFO_TIMER_KEEPALIVE);
	assert_int_equal(c.timer_ms, 6000);
	f->tc.listeners[0].tcp.idle_timeout_ms = 5000;
	c = the_only(f);
	assert_int_equal(c.timer, INFO_TIMER_IDLE);
	assert_int_equal(c.timer_ms, 1000);
}

static void test_time_wait(void **state)
{
	struct fixture *f = *state;
	uint32_t ours = establish(f, "192.0.2.2", 40000);
	struct conn_info c;

	tcp_shutdown(f->rig.sh, f->accepted);
	finish(f);
	assert_int_equal(the_only(f).state, TCP_FIN_WAIT_1);
	inject(f, (struct seg_spec){"192.0.2.2", 40000, FRAME_ACK, 1001, ours + 1, 0});
	c = the_only(f);
	assert_int_equal(c.state, TCP_FIN_WAIT_2);
	assert_int_equal(c.timer, INFO_TIMER_IDLE);
	assert_int_equal(c.timer_ms, 3600000);
	inject(f, (struct seg_spec){"192.0.2.2", 40000, FRAME_FIN | FRAME_ACK, 1001, ours + 1, 0});
	advance(f, 1000000);
	c = the_only(f);
	assert_int_equal(c.kind, INFO_TIME_WAIT);
	assert_int_equal(c.state, TCP_TIME_WAIT);
	assert_addr(&c.remote, "192.0.2.2");
	assert_int_equal(c.timer, INFO_TIMER_TIME_WAIT);
	assert_int_equal(c.timer_ms, 59000);
	advance(f, 60000000);
	assert_int_equal(f->rig.sh->time_waits.used, 0);
}

static void test_pages_list_each_once(void **state)
{
	struct fixture *f = *state;
	bool seen[60] = {false};
	struct info_filter all;
	struct conn_info c[7];
	uint64_t cursor = 0;
	uint32_t n, total = 0;

	info_filter_all(&all);
	for (uint16_t i = 0; i < 50; i++)
		inject_syn(f, "192.0.2.2", (uint16_t)(1000 + i));
	for (uint16_t i = 50; i < 60; i++)
		establish(f, "192.0.2.2", (uint16_t)(1000 + i));
	do {
		n = info_connections(f->rig.sh, cursor, &all, c, 7, &cursor);
		for (uint32_t i = 0; i < n; i++) {
			uint16_t k = (uint16_t)(ntohs(c[i].rport_be) - 1000);

			assert_true(k < 60 && !seen[k]);
			seen[k] = true;
		}
		total += n;
		assert_true(n == 7 || cursor == 0);
	} while (cursor);
	assert_int_equal(total, 60);
}

static void test_one_call_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct info_filter none;
	struct conn_info c;
	uint64_t cursor = 0;
	int calls = 0;

	for (uint32_t i = 0; i < INFO_VISIT_MAX + 100; i++)
		inject_syn(f, i & 1 ? "192.0.2.2" : "192.0.2.3", (uint16_t)(1000 + i / 2));
	assert_int_equal(f->rig.sh->halves.used, INFO_VISIT_MAX + 100);
	info_filter_all(&none);
	none.states = 1u << TCP_ESTABLISHED;
	do {
		assert_int_equal(info_connections(f->rig.sh, cursor, &none, &c, 1, &cursor), 0);
		calls++;
	} while (cursor);
	assert_int_equal(calls, 2);
}

static void test_any_cursor_is_safe(void **state)
{
	static const uint64_t cursors[] = {1,          64,
					   65,         UINT32_MAX,
					   1ull << 32, (2ull << 32) + 500,
					   3ull << 32, (1ull << 40) - 1,
					   UINT64_MAX};
	struct fixture *f = *state;
	struct info_filter all;
	struct conn_info c[8];
	uint64_t next;

	info_filter_all(&all);
	inject_syn(f, "192.0.2.2", 40000);
	for (size_t i = 0; i < ARRAY_SIZE(cursors); i++)
		assert_true(info_connections(f->rig.sh, cursors[i], &all, c, 8, &next) <= 1);
}

static uint32_t count(struct fixture *f, const struct info_filter *filter)
{
	struct conn_info c[8];

	return list(f, filter, c, 8);
}

static void test_filters(void **state)
{
	struct fixture *f = *state;
	struct info_filter all, w;

	info_filter_all(&all);
	establish(f, "192.0.2.2", 40000);
	establish(f, "2001:db8::2", 40001);
	inject_syn(f, "192.0.2.200", 40002);
	assert_int_equal(count(f, &all), 3);
	w = all;
	w.states = 1u << TCP_SYN_RECEIVED;
	assert_int_equal(count(f, &w), 1);
	w = all;
	w.local.ports = (struct info_ports){80, 80, false};
	assert_int_equal(count(f, &w), 2);
	w.local.ports.invert = true;
	assert_int_equal(count(f, &w), 1);
	w = all;
	w.remote.ports = (struct info_ports){40001, 40002, false};
	assert_int_equal(count(f, &w), 2);
	w = all;
	w.remote.addr = testconf_ip("192.0.2.0");
	w.remote.prefix_len = 25;
	assert_int_equal(count(f, &w), 1);
	w.remote.prefix_len = 0;
	assert_int_equal(count(f, &w), 2);
	w = all;
	w.listener_first = w.listener_last = 1;
	assert_int_equal(count(f, &w), 1);
	w = all;
	w.pool = 0;
	assert_int_equal(count(f, &w), 0);
}

static void test_active_connection(void **state)
{
	struct fixture *f = *state;
	struct ipaddr backend = testconf_ip("192.0.2.12");
	struct conn_info c;

	assert_non_null(tcp_connect(f->rig.sh, 2, 1, 0, htons(10000), &backend, htons(8080)));
	finish(f);
	c = the_only(f);
	assert_int_equal(c.state, TCP_SYN_SENT);
	assert_true(c.active);
	assert_int_equal(c.listener, CONF_NONE);
	assert_int_equal(c.pool, 0);
	assert_int_equal(c.backend, 1);
	assert_int_equal(c.timer, INFO_TIMER_ON);
}

static void test_listeners(void **state)
{
	struct fixture *f = *state;
	struct listener_info l[4];

	f->accepted = NULL;
	establish(f, "192.0.2.2", 40000);
	inject_syn(f, "192.0.2.2", 40001);
	assert_int_equal(info_listeners(f->rig.sh, 0, l, 4), 2);
	assert_int_equal(l[0].backlog, 4096);
	assert_int_equal(l[0].queued, 0);
	assert_int_equal(l[0].half_open, 1);
	assert_int_equal(l[0].accepted, 1);
	assert_int_equal(l[0].connections, 1);
	assert_int_equal(l[0].max_connections, 0);
	assert_int_equal(l[0].max_half_open, 64);
	assert_int_equal(l[1].accepted, 0);
	assert_int_equal(info_listeners(f->rig.sh, 1, l, 4), 1);
	assert_int_equal(info_listeners(f->rig.sh, 0, l, 1), 1);
	assert_int_equal(info_listeners(f->rig.sh, 2, l, 4), 0);
}

static void test_backends(void **state)
{
	struct fixture *f = *state;
	struct backend_info b[4];

	assert_int_equal(info_backends(f->rig.sh, 0, b, 4), 2);
	assert_int_equal(b[0].pool, 0);
	assert_int_equal(b[1].backend, 1);
	assert_int_equal(b[0].nb_ports, 10001);
	assert_int_equal(b[0].free_ports, 10001);
	assert_int_equal(info_backends(f->rig.sh, 1, b, 4), 1);
	assert_int_equal(b[0].backend, 1);
	assert_int_equal(info_backends(f->rig.sh, 2, b, 4), 0);
}

static void test_objects(void **state)
{
	struct fixture *f = *state;
	struct object_info o;

	inject_syn(f, "2001:db8::2", 40000);
	info_objects(f->rig.sh, &o);
	assert_int_equal(o.used[INFO_HALF_OPEN], 1);
	assert_int_equal(o.used[INFO_PEERS_V6], 1);
	assert_int_equal(o.used[INFO_CONNECTIONS], 0);
	assert_int_equal(o.limit[INFO_HALF_OPEN], 64);
	assert_int_equal(o.limit[INFO_CONNECTIONS], 64);
	assert_int_equal(o.cached_buffers, f->rig.sh->cache.count);
	assert_int_equal(o.limit[INFO_SOURCES], 0); /* no listener limits any */
	for (uint32_t i = 0; i < INFO_NB_OBJECTS; i++) {
		assert_true(o.limit[i] > 0 || i == INFO_SOURCES);
		assert_true(info_object_name((enum info_object)i)[0]);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_empty),
	    TEST(test_half_open),
	    TEST(test_retransmitted_half_open),
	    TEST(test_established_v6),
	    TEST(test_queues_and_timer),
	    TEST(test_keepalive_timer),
	    TEST(test_time_wait),
	    TEST(test_pages_list_each_once),
	    cmocka_unit_test_setup_teardown(test_one_call_is_bounded, setup_large, teardown),
	    TEST(test_any_cursor_is_safe),
	    TEST(test_filters),
	    TEST(test_active_connection),
	    TEST(test_listeners),
	    TEST(test_backends),
	    TEST(test_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
