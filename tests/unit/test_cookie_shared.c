/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Machines that share a secret for SYN cookies and nothing else: a handshake that one of them has
 * begun, with a cookie or an entry of its own, is completed by another, with data in the ACK, as
 * long as their clocks agree roughly. And one that has answered both ways itself.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/tcp/internal.h"
#include "tests/lib/sent.h"

#define NOON_US     1700000000000000ull
#define SECOND_US   1000000ull
#define PERIOD_US   65536000ull
#define SYN_SEQ     1000
#define PEER_TSVAL  77
#define REQUEST_LEN 100

static const uint8_t secret[SHARD_SHARED_SECRET] = "one secret for all the machines";
static const uint8_t other_secret[SHARD_SHARED_SECRET] = "another for those over there...";

struct machine {
	struct testconf tc;
	struct mem_pool *pool;
	struct rig rig;
	struct sent sent; /* upon the last segment */
};

/* Seeds, and the time since the machine's start, have nothing to do with each other. */
static void start(struct machine *m, uint64_t seed, const uint8_t *shared, uint64_t wall_us,
		  enum conf_syncookies syncookies)
{
	memset(m, 0, sizeof(*m));
	testconf_init(&m->tc);
	testconf_port(&m->tc, 1500);
	testconf_iface(&m->tc, 0, 0);
	testconf_addr(&m->tc, "192.0.2.1", 24, 0);
	testconf_addr(&m->tc, "2001:db8::1", 64, 0);
	m->tc.conf.tcp.syncookies = syncookies;
	testconf_listener(&m->tc, 0, 80, CONF_SERVICE_DISCARD, CONF_NONE);
	testconf_listener(&m->tc, 1, 80, CONF_SERVICE_DISCARD, CONF_NONE);
	m->pool = mem_pool_create(64, BUF_DATAROOM, 0);
	rig_init_sharing(&m->rig, &m->tc, m->pool, 0, seed, seed * 1234567891, shared, wall_us);
}

static void stop(struct machine *m)
{
	assert_int_equal(rig_fini_pool(&m->rig), 0);
}

/* A segment of the client's comes to this machine. */
static void receive(struct machine *m, struct frame *f)
{
	static const uint8_t peer_mac[6] = {0x02, 0, 0, 0, 0, 0x99};

	rig_mac(f->dst, 0, 0);
	memcpy(f->src, peer_mac, 6);
	sent_upon(&m->sent, &m->rig, f);
}

static void put32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, 4);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return __builtin_bswap32(v);
}

struct client {
	bool v6, timestamps;
};

static struct frame segment(const struct client *c, uint8_t flags, uint32_t seq, uint32_t ack)
{
	return (struct frame){
	    .kind = FRAME_TCP,
	    .saddr = testconf_ip(c->v6 ? "2001:db8:1::7" : "198.51.100.7"),
	    .daddr = testconf_ip(c->v6 ? "2001:db8::1" : "192.0.2.1"),
	    .ttl = 64,
	    .proto = 6,
	    .tcp =
		{.sport = 40000, .dport = 80, .seq = seq, .ack = ack, .wnd = 1000, .flags = flags},
	};
}

/* NOP, NOP, timestamps. */
static void add_timestamps(struct frame *f, uint32_t tsecr)
{
	uint8_t *p = f->tcp.opts + f->tcp.opts_len;

	memcpy(p, "\1\1\x8\xa", 4);
	put32(p + 4, PEER_TSVAL);
	put32(p + 8, tsecr);
	f->tcp.opts_len += 12;
}

/* The TSval of what a machine has sent last. */
static uint32_t tsval_of(const struct frame *f)
{
	for (uint32_t i = 0; i < f->tcp.opts_len; i += f->tcp.opts[i] < 2 ? 1 : f->tcp.opts[i + 1])
		if (f->tcp.opts[i] == 8)
			return get32(f->tcp.opts + i + 2);
	fail_msg("no timestamps");
	return 0;
}

static void send_syn(struct machine *m, const struct client *c, uint8_t flags)
{
	struct frame syn = segment(c, FRAME_SYN | flags, SYN_SEQ, 0);

	memcpy(syn.tcp.opts, "\2\4\5\xb4\4\2\1\3\3\7\1\1", 12);
	syn.tcp.opts_len = 12;
	if (c->timestamps)
		add_timestamps(&syn, 0);
	receive(m, &syn);
	assert_int_equal(m->sent.count, 1);
}

static void begin(struct machine *m, const struct client *c)
{
	send_syn(m, c, 0);
	assert_int_equal(m->sent.last.tcp.flags, FRAME_SYN | FRAME_ACK);
	assert_int_equal(m->rig.sh->halves.used,
			 m->tc.conf.tcp.syncookies != CONF_SYNCOOKIES_ALWAYS);
}

/* A segment of the client's that acknowledges `acked` numbers after the SYN-ACK `answer`. */
static void say(struct machine *m, const struct client *c, const struct frame *answer,
		uint8_t flags, uint32_t seq, uint32_t acked, uint32_t len)
{
	static const uint8_t request[REQUEST_LEN];
	struct frame f = segment(c, flags, seq, answer->tcp.seq + 1 + acked);

	if (c->timestamps)
		add_timestamps(&f, tsval_of(answer));
	f.payload = request;
	f.payload_len = len;
	receive(m, &f);
}

/* The ACK of what `begun` has sent, with the first bytes of a request. */
static void complete(struct machine *m, const struct machine *begun, const struct client *c)
{
	say(m, c, &begun->sent.last, FRAME_ACK, SYN_SEQ + 1, 0, REQUEST_LEN);
}

static uint64_t count(const struct machine *m, enum stat what)
{
	return m->rig.sh->stats[what];
}

/* The counter that says what became of a handshake begun at `wall_us`, in this mode, and completed
 * elsewhere, `travel_us` later, where the clock is ahead by `ahead_us`. */
static enum stat outcome_of(enum conf_syncookies mode, const struct client *c, uint64_t wall_us,
			    int64_t ahead_us, uint64_t travel_us, const uint8_t *others)
{
	static const enum stat all[] = {STAT_syncookies_received, STAT_syncookies_stale,
					STAT_syncookies_early, STAT_syncookies_failed};
	struct machine a, b;
	enum stat found = STAT_COUNT;

	start(&a, 1, secret, wall_us, mode);
	start(&b, 2, others, wall_us + (uint64_t)ahead_us, CONF_SYNCOOKIES_AUTO);
	begin(&a, c);
	shard_set_time(b.rig.sh, b.rig.sh->now_us + travel_us);
	complete(&b, &a, c);
	for (uint32_t i = 0; i < ARRAY_SIZE(all); i++)
		if (count(&b, all[i]) == 1) {
			assert_int_equal(found, STAT_COUNT);
			found = all[i];
		}
	if (found == STAT_syncookies_received) {
		assert_int_equal(count(&b, STAT_rx_bytes), REQUEST_LEN);
		assert_int_equal(b.rig.sh->conns.used, 1);
	} else {
		assert_int_equal(b.rig.sh->conns.used, 0);
	}
	stop(&b);
	stop(&a);
	return found;
}

/* The same in both modes. */
static enum stat outcome(const struct client *c, uint64_t wall_us, int64_t ahead_us,
			 uint64_t travel_us, const uint8_t *others)
{
	enum stat by_cookie = outcome_of(CONF_SYNCOOKIES_ALWAYS, c, wall_us, ahead_us, travel_us,
					 others);

	assert_int_equal(by_cookie, outcome_of(CONF_SYNCOOKIES_AUTO, c, wall_us, ahead_us,
					       travel_us, others));
	return by_cookie;
}

static const struct client clients[] = {{false, false}, {false, true}, {true, false}, {true, true}};

static void test_another_machine_completes(void **state)
{
	static const int64_t ahead_us[] = {0, 4900000, -4900000, 20000000};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(clients); i++)
		for (uint32_t k = 0; k < ARRAY_SIZE(ahead_us); k++)
			/* All over a period, so that its end is in between. */
			for (uint64_t at = 0; at < PERIOD_US; at += 3 * SECOND_US / 2)
				assert_int_equal(
				    outcome(&clients[i], NOON_US + at, ahead_us[k], 50000, secret),
				    STAT_syncookies_received);
}

static void test_other_secret(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(clients); i++) {
		enum stat s = outcome(&clients[i], NOON_US, 0, 50000, other_secret);

		/* Its timestamps are of another clock, too. */
		if (clients[i].timestamps)
			assert_true(s == STAT_syncookies_failed || s == STAT_syncookies_stale ||
				    s == STAT_syncookies_early);
		else
			assert_int_equal(s, STAT_syncookies_failed);
	}
}

static void test_each_refusal_says_why(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(clients); i++) {
		assert_int_equal(
		    outcome(&clients[i], NOON_US, 0, 2 * PERIOD_US + SECOND_US, secret),
		    STAT_syncookies_stale);
		if (clients[i].timestamps)
			assert_int_equal(outcome(&clients[i], NOON_US, -6000000, 0, secret),
					 STAT_syncookies_early);
	}
}

/* The client drops what looks older than what it has seen (RFC 7323 §5). */
static void test_timestamps_go_on(void **state)
{
	struct client c = {.timestamps = true};
	struct machine a, b;

	(void)state;
	start(&a, 1, secret, NOON_US, CONF_SYNCOOKIES_ALWAYS);
	start(&b, 2, secret, NOON_US, CONF_SYNCOOKIES_ALWAYS);
	begin(&a, &c);
	shard_set_time(b.rig.sh, b.rig.sh->now_us + 50000);
	complete(&b, &a, &c);
	assert_int_equal(b.sent.count, 1);
	assert_in_range(tsval_of(&b.sent.last) - tsval_of(&a.sent.last), 0, 50 + 64 + 1);
	stop(&b);
	stop(&a);
}

static void wait_for(struct machine *m, uint64_t us)
{
	struct shard *sh = m->rig.sh;

	shard_set_time(sh, sh->now_us + us);
	shard_timers(sh, 64);
	shard_finish(sh);
	sent_collect(&m->sent, &m->rig);
}

/* A talk of each kind of client with two machines, neither of which is under pressure. */
static void with_two(void (*talk)(struct machine *a, struct machine *b, const struct client *c))
{
	for (uint32_t i = 0; i < ARRAY_SIZE(clients); i++) {
		struct machine a, b;

		start(&a, 1, secret, NOON_US, CONF_SYNCOOKIES_AUTO);
		start(&b, 2, secret, NOON_US, CONF_SYNCOOKIES_AUTO);
		talk(&a, &b, &clients[i]);
		assert_int_equal(b.rig.sh->conns.used, 1);
		assert_int_equal(b.rig.sh->halves.used, 0);
		assert_int_equal(count(&b, STAT_syncookies_received), 1);
		assert_int_equal(count(&b, STAT_rx_bytes), REQUEST_LEN);
		stop(&b);
		stop(&a);
	}
}

/* Whichever of the SYN-ACKs arrives. */
static void answers_four_times(struct machine *a, struct machine *b, const struct client *c)
{
	struct frame first;

	begin(a, c);
	first = a->sent.last;
	for (uint32_t k = 0; k < 4; k++) {
		wait_for(a, (SECOND_US << k) + 300);
		assert_int_equal(a->sent.count, 1);
		assert_int_equal(a->sent.last.tcp.seq, first.tcp.seq);
		if (c->timestamps)
			assert_int_equal(tsval_of(&a->sent.last), tsval_of(&first));
	}
	wait_for(b, 15 * SECOND_US);
	complete(b, a, c);
}

static void test_synack_is_the_same_cookie_each_time(void **state)
{
	(void)state;
	with_two(answers_four_times);
}

/* Retries that a leap of the clock has left behind are not caught up with. */
static void leaps(struct machine *a, struct machine *b, const struct client *c)
{
	begin(a, c);
	wait_for(a, 3100000);
	wait_for(b, 3100000);
	assert_int_equal(a->sent.count, 1);
	complete(b, a, c);
}

static void test_leap(void **state)
{
	(void)state;
	with_two(leaps);
}

/* Who repeats a SYN without ECN has none, wherever the handshake ends. */
static void withdraws_ecn(struct machine *a, struct machine *b, const struct client *c)
{
	send_syn(a, c, FRAME_ECE | FRAME_CWR);
	assert_int_equal(a->sent.last.tcp.flags, FRAME_SYN | FRAME_ACK | FRAME_ECE);
	wait_for(a, SECOND_US / 2);
	send_syn(a, c, 0);
	assert_int_equal(a->sent.last.tcp.flags, FRAME_SYN | FRAME_ACK);
	wait_for(b, SECOND_US / 2);
	complete(b, a, c);
	assert_int_equal(shard_conn(b->rig.sh, 1)->flags & CF_ECN, 0);
}

static void test_ecn_is_withdrawn(void **state)
{
	(void)state;
	with_two(withdraws_ecn);
}

/* The SYN comes to one machine and later, in another period, to another, and the answer of the
 * first one arrives. */
static void asks_both(struct machine *a, struct machine *b, const struct client *c)
{
	wait_for(b, PERIOD_US);
	begin(a, c);
	begin(b, c);
	assert_true(a->sent.last.tcp.seq != b->sent.last.tcp.seq);
	complete(b, a, c);
}

static void test_two_machines_answer(void **state)
{
	(void)state;
	with_two(asks_both);
}

/* Its own machine would take it for another's handshake. */
static void test_old_duplicate_opens_nothing(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(clients); i++) {
		const struct client *c = &clients[i];
		uint32_t fin = SYN_SEQ + 1 + REQUEST_LEN;
		struct machine a;
		struct frame answer;

		start(&a, 1, secret, NOON_US, CONF_SYNCOOKIES_AUTO);
		begin(&a, c);
		answer = a.sent.last;
		complete(&a, &a, c);
		assert_int_equal(a.rig.sh->conns.used, 1);
		say(&a, c, &answer, FRAME_ACK | FRAME_FIN, fin, 0, 0);
		say(&a, c, &answer, FRAME_ACK, fin + 1, 1, 0);
		assert_int_equal(a.rig.sh->conns.used, 0);
		say(&a, c, &answer, FRAME_ACK, SYN_SEQ + 1, 0, REQUEST_LEN);
		assert_int_equal(a.rig.sh->conns.used, 0);
		assert_int_equal(count(&a, STAT_passive_opens), 1);
		stop(&a);
	}
}

/* The cookie is of a machine whose clock is ahead: it is good for longer than one of ours, and so
 * is the memory of its use. */
static void test_old_duplicate_of_one_that_is_ahead(void **state)
{
	const uint64_t period_begins = (NOON_US / PERIOD_US + 1) * PERIOD_US;
	struct machine a, b;
	struct frame rst;

	(void)state;
	start(&a, 1, secret, period_begins + 10000, CONF_SYNCOOKIES_ALWAYS);
	start(&b, 2, secret, period_begins + 10000 - 4900000, CONF_SYNCOOKIES_AUTO);
	begin(&a, &clients[0]);
	complete(&b, &a, &clients[0]);
	rst = segment(&clients[0], FRAME_RST, SYN_SEQ + 1 + REQUEST_LEN, 0);
	receive(&b, &rst);
	assert_int_equal(b.rig.sh->time_waits.used, 1);
	for (int i = 0; i < 133; i++)
		wait_for(&b, SECOND_US);
	complete(&b, &a, &clients[0]);
	assert_int_equal(b.rig.sh->conns.used, 0);
	stop(&a);
	stop(&b);
}

/* The client sends a request and closes; with the last ACK nothing waits here. */
static void visit(struct machine *m, const struct client *c, const struct frame *answer,
		  uint32_t seq)
{
	say(m, c, answer, FRAME_ACK, seq + 1, 0, REQUEST_LEN);
	assert_int_equal(m->rig.sh->conns.used, 1);
	say(m, c, answer, FRAME_ACK | FRAME_FIN, seq + 1 + REQUEST_LEN, 0, 0);
	say(m, c, answer, FRAME_ACK, seq + 2 + REQUEST_LEN, 1, 0);
	assert_int_equal(m->rig.sh->conns.used, 0);
}

/* The port is used once more while a cookie that has opened a connection is good: an old duplicate
 * of that one's request opens nothing when the second has ended as well. */
static void test_old_duplicate_behind_another_connection(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(clients); i++) {
		struct frame first, again = segment(&clients[i], FRAME_SYN, SYN_SEQ + 1000000, 0);
		struct machine m;

		start(&m, 1, NULL, NOON_US, CONF_SYNCOOKIES_ALWAYS);
		begin(&m, &clients[i]);
		first = m.sent.last;
		visit(&m, &clients[i], &first, SYN_SEQ);
		if (clients[i].timestamps)
			add_timestamps(&again, 0);
		receive(&m, &again);
		assert_int_equal(m.rig.sh->halves.used, 1);
		again = m.sent.last;
		visit(&m, &clients[i], &again, SYN_SEQ + 1000000);
		say(&m, &clients[i], &first, FRAME_ACK, SYN_SEQ + 1, 0, REQUEST_LEN);
		assert_int_equal(m.rig.sh->conns.used, 0);
		assert_int_equal(count(&m, STAT_passive_opens), 2);
		stop(&m);
	}
}

static void test_nothing_is_shared_without_a_secret(void **state)
{
	struct client c = {0};
	struct machine a, b;

	(void)state;
	start(&a, 1, NULL, NOON_US, CONF_SYNCOOKIES_ALWAYS);
	start(&b, 2, NULL, NOON_US, CONF_SYNCOOKIES_ALWAYS);
	begin(&a, &c);
	complete(&b, &a, &c);
	assert_int_equal(b.sent.last.tcp.flags, FRAME_RST);
	assert_int_equal(b.rig.sh->conns.used, 0);
	stop(&b);
	stop(&a);
}

/* Cookies end between a SYN and the same SYN again, whose answer is late: both answers are good. */
static void test_entry_behind_a_cookie_of_its_own(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(clients); i++) {
		const struct client *c = &clients[i];
		struct machine a;
		struct frame first;

		start(&a, 1, NULL, NOON_US, CONF_SYNCOOKIES_ALWAYS);
		begin(&a, c);
		first = a.sent.last;
		a.tc.conf.tcp.syncookies = CONF_SYNCOOKIES_AUTO;
		testconf_share_tcp(&a.tc);
		wait_for(&a, SECOND_US);
		begin(&a, c);
		assert_int_not_equal(a.sent.last.tcp.seq, first.tcp.seq);
		say(&a, c, &first, FRAME_ACK, SYN_SEQ + 1, 0, REQUEST_LEN);
		assert_int_equal(count(&a, STAT_rx_bytes), REQUEST_LEN);
		assert_int_equal(a.rig.sh->conns.used, 1);
		assert_int_equal(a.rig.sh->halves.used, 0);
		stop(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_another_machine_completes),
	    cmocka_unit_test(test_other_secret),
	    cmocka_unit_test(test_each_refusal_says_why),
	    cmocka_unit_test(test_timestamps_go_on),
	    cmocka_unit_test(test_synack_is_the_same_cookie_each_time),
	    cmocka_unit_test(test_leap),
	    cmocka_unit_test(test_ecn_is_withdrawn),
	    cmocka_unit_test(test_two_machines_answer),
	    cmocka_unit_test(test_old_duplicate_opens_nothing),
	    cmocka_unit_test(test_old_duplicate_of_one_that_is_ahead),
	    cmocka_unit_test(test_old_duplicate_behind_another_connection),
	    cmocka_unit_test(test_nothing_is_shared_without_a_secret),
	    cmocka_unit_test(test_entry_behind_a_cookie_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
