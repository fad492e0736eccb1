/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every mode of the generator against the engine itself, over ports in memory:
 * what one side counts the other one has counted too, and no buffer is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "bench/tgen/client.h"
#include "tests/bench/tgen_bout.h"

#define SEC 1000000ull
#define NB  3000

static const char engine[] =
    "memory: {connections: 8192, half_open: 8192, time_wait: 8192, buffers: 8192}\n"
    "ports: [{name: p, device: net_null0, addresses: [198.18.0.1/15, '2001:db8::1/32']}]\n"
    "listeners:\n"
    "- {name: web, address: '*:80', service: http, http: {size: 100}, backlog: 8192}\n";

static const int families[] = {IP_V4, IP_V6};
#define EACH_FAMILY(f) for (const int *f = families; f < families + ARRAY_SIZE(families); f++)

/* Bytes that the engine answers a request with. */
static uint64_t response_len(struct bout *b)
{
	return b->conf->bodies[0].len;
}

static void expect_clean(struct bout *b)
{
	assert_true(shard_check(b->sh));
	assert_int_equal(bout_count(b, TALLY_unexpected), 0);
	assert_int_equal(bout_count(b, TALLY_tx_full), 0);
	assert_int_equal(bout_count(b, TALLY_no_buffer), 0);
	assert_int_equal(bout_fini(b), 0);
}

static void test_visit(void **state)
{
	(void)state;
	EACH_FAMILY(f)
	{
		struct bout b;

		bout_init(&b, engine, *f, NULL);
		bout_load(&b, *f,
			  " mode: visit\n connections: 3000\n concurrency: 100\n verify: yes\n");
		assert_true(bout_finish(&b, 10 * SEC));
		assert_int_equal(bout_count(&b, TALLY_started), NB);
		assert_int_equal(bout_count(&b, TALLY_done), NB);
		assert_int_equal(bout_count(&b, TALLY_bad_sums), 0);
		assert_int_equal(bout_count(&b, TALLY_bytes), NB * response_len(&b));
		assert_int_equal(bout_count(&b, TALLY_rx_frames), 3 * NB);
		assert_int_equal(hist_count(&b.load->tally.hists[TALLY_CONNECTION]), NB);
		assert_int_equal(b.sh->stats[STAT_passive_opens], NB);
		assert_int_equal(b.sh->time_waits.used, NB);
		assert_int_equal(b.sh->stats[STAT_rx_frames], 3 * NB);
		expect_clean(&b);
	}
}

/* A handful of clients, who all come again and again, TIME_WAIT or not. */
static void test_visit_again(void **state)
{
	struct bout b;

	(void)state;
	bout_init(&b, engine, IP_V4, NULL);
	bout_load(&b, IP_V4,
		  " mode: visit\n connections: 3000\n concurrency: 4\n"
		  " client_ports: {min: 5000, max: 5000}\n");
	b.load->clients.hosts = 10;
	assert_true(bout_finish(&b, 10 * SEC));
	assert_int_equal(bout_count(&b, TALLY_done), NB);
	assert_true(b.load->lap > 0);
	expect_clean(&b);
}

/* Bare options: no timestamps to tell the time, none to tell connections apart. */
static void test_visit_plain(void **state)
{
	struct bout b;

	(void)state;
	bout_init(&b, engine, IP_V4, NULL);
	bout_load(&b, IP_V4,
		  " mode: visit\n connections: 3000\n concurrency: 100\n verify: yes\n"
		  " options: {timestamps: no, sack: no, wscale: 0}\n");
	assert_true(bout_finish(&b, 10 * SEC));
	assert_int_equal(bout_count(&b, TALLY_done), NB);
	assert_int_equal(bout_count(&b, TALLY_bad_sums), 0);
	expect_clean(&b);
}

static void test_visit_refused(void **state)
{
	static const char closed[] =
	    "memory: {buffers: 8192}\nlisteners: []\n"
	    "ports: [{name: p, device: net_null0, addresses: [198.18.0.1/15]}]\n";
	struct bout b;

	(void)state;
	bout_init(&b, closed, IP_V4, NULL);
	bout_load(&b, IP_V4, " mode: visit\n connections: 3000\n concurrency: 100\n");
	assert_true(bout_finish(&b, 10 * SEC));
	assert_int_equal(bout_count(&b, TALLY_resets), NB);
	assert_int_equal(bout_count(&b, TALLY_done), 0);
	expect_clean(&b);
}

/* A rate, and a server that is silent for a while: the schedule goes on, and who had to
 * wait is charged to it. */
static void test_rate(void **state)
{
	struct bout b;

	(void)state;
	bout_init(&b, engine, IP_V4, NULL);
	bout_load(&b, IP_V4, " mode: visit\n rate: 1k\n connections: 1500\n");
	bout_pass(&b, SEC);
	assert_in_range(bout_count(&b, TALLY_started), 999, 1001);
	b.now += SEC / 4;
	assert_true(bout_finish(&b, SEC));
	assert_int_equal(bout_count(&b, TALLY_done), 1500);
	assert_in_range(b.load->tally.hists[TALLY_CONNECTION].max_us, SEC / 4, SEC / 4 + 5000);
	expect_clean(&b);
}

static void test_open_and_wake(void **state)
{
	(void)state;
	EACH_FAMILY(f)
	{
		struct bout b;
		uint64_t woken;

		bout_init(&b, engine, *f, NULL);
		bout_load(&b, *f, " mode: open\n connections: 3000\n concurrency: 100\n");
		assert_true(bout_finish(&b, 10 * SEC));
		bout_pass(&b, SEC / 10);
		assert_int_equal(bout_count(&b, TALLY_done), NB);
		assert_int_equal(b.sh->conns.used, NB);
		assert_int_equal(b.sh->stats[STAT_passive_opens], NB);
		/* Twice around, and a bit. */
		bout_load(&b, *f, " mode: wake\n connections: 3000\n rate: 1k\n");
		bout_pass(&b, 7 * SEC);
		load_rest(b.load);
		bout_pass(&b, SEC);
		woken = bout_count(&b, TALLY_done);
		assert_in_range(woken, 6999, 7001);
		assert_int_equal(bout_count(&b, TALLY_started), woken);
		assert_int_equal(bout_count(&b, TALLY_resets), 0);
		assert_int_equal(bout_count(&b, TALLY_bytes), woken * response_len(&b));
		assert_int_equal(b.sh->conns.used, NB);
		assert_int_equal(b.sh->conns.used, NB);
		expect_clean(&b);
	}
}

/* Without a duration each has its turn once, and then there is nothing left to do. */
static void test_wake_once(void **state)
{
	struct bout b;

	(void)state;
	bout_init(&b, engine, IP_V4, NULL);
	bout_load(&b, IP_V4, " mode: open\n connections: 3000\n concurrency: 100\n");
	assert_true(bout_finish(&b, 10 * SEC));
	bout_load(&b, IP_V4, " mode: wake\n connections: 3000\n duration: 0\n");
	assert_true(bout_finish(&b, 10 * SEC));
	assert_int_equal(bout_count(&b, TALLY_started), NB);
	assert_int_equal(bout_count(&b, TALLY_done), NB);
	assert_int_equal(b.sh->stats[STAT_http_requests], NB);
	expect_clean(&b);
}

/* A server that acknowledges and says nothing: one request for each probe. */
static void test_wake_in_vain(void **state)
{
	static const char silent[] =
	    "memory: {connections: 8192, half_open: 8192, time_wait: 8192, buffers: 8192}\n"
	    "ports: [{name: p, device: net_null0, addresses: [198.18.0.1/15]}]\n"
	    "listeners: [{name: void, address: '*:80', service: discard}]\n";
	struct bout b;

	(void)state;
	bout_init(&b, silent, IP_V4, NULL);
	bout_load(&b, IP_V4, " mode: open\n connections: 3000\n concurrency: 100\n");
	assert_true(bout_finish(&b, 10 * SEC));
	bout_load(&b, IP_V4, " mode: wake\n connections: 3000\n rate: 1k\n");
	bout_pass(&b, 2 * SEC);
	load_rest(b.load);
	bout_pass(&b, SEC);
	assert_in_range(bout_count(&b, TALLY_started), 1999, 2001);
	assert_int_equal(bout_count(&b, TALLY_done), 0);
	assert_int_equal(b.sh->stats[STAT_rx_data_segments], bout_count(&b, TALLY_started));
	expect_clean(&b);
}

/* As many connections as there are clients, and not one twice. */
static void test_open_all(void **state)
{
	struct bout b;

	(void)state;
	bout_init(&b, engine, IP_V4, NULL);
	bout_load(&b, IP_V4, " mode: open\n concurrency: 100\n client_ports: {min: 10, max: 12}\n");
	b.load->clients.hosts = 500;
	assert_true(bout_finish(&b, 10 * SEC));
	assert_int_equal(bout_count(&b, TALLY_done), 1500);
	assert_int_equal(b.sh->stats[STAT_syn_received], 1500);
	expect_clean(&b);
}

static void run_client(int family, const char *close, unsigned requests, struct bout *b)
{
	char section[512];

	bout_init(b, engine, family, NULL);
	snprintf(section, sizeof(section),
		 " mode: client\n connections: 3000\n concurrency: 77\n verify: yes\n"
		 " response_bytes: %u\n close: %s\n requests: %u\n think: %s\n",
		 (unsigned)response_len(b), close, requests, requests > 2 ? "2ms" : "0");
	bout_load(b, family, section);
	assert_true(bout_finish(b, 100 * SEC));
	assert_int_equal(bout_count(b, TALLY_started), NB);
	assert_int_equal(bout_count(b, TALLY_done), NB);
	assert_int_equal(bout_count(b, TALLY_requests), (uint64_t)NB * requests);
	assert_int_equal(bout_count(b, TALLY_bytes), NB * requests * response_len(b));
	assert_int_equal(bout_count(b, TALLY_retransmits), 0);
	assert_int_equal(b->sh->stats[STAT_passive_opens], NB);
}

static void test_client(void **state)
{
	struct bout b;

	(void)state;
	EACH_FAMILY(f)
	{
		run_client(*f, "server", 1, &b);
		assert_int_equal(b.sh->time_waits.used, NB);
		expect_clean(&b);
		run_client(*f, "client", 3, &b);
		assert_int_equal(b.sh->conns.used, 0);
		assert_int_equal(b.sh->time_waits.used, 0);
		expect_clean(&b);
		run_client(*f, "reset", 2, &b);
		bout_pass(&b, SEC);
		assert_int_equal(b.sh->conns.used, 0);
		expect_clean(&b);
	}
}

/* The response ends with the server's FIN. */
static void test_client_until_close(void **state)
{
	struct bout b;

	(void)state;
	bout_init(&b, engine, IP_V4, NULL);
	bout_load(&b, IP_V4, " mode: client\n connections: 3000\n concurrency: 50\n");
	assert_true(bout_finish(&b, 10 * SEC));
	assert_int_equal(bout_count(&b, TALLY_done), NB);
	assert_int_equal(bout_count(&b, TALLY_bytes), NB * response_len(&b));
	expect_clean(&b);
}

/* The server closes after the first one of two requests. */
static void test_client_cut(void **state)
{
	struct bout b;
	char section[256];

	(void)state;
	bout_init(&b, engine, IP_V4, NULL);
	snprintf(section, sizeof(section),
		 " mode: client\n connections: 100\n concurrency: 10\n requests: 2\n"
		 " response_bytes: %u\n"
		 " request: \"GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n\"\n",
		 (unsigned)response_len(&b));
	bout_load(&b, IP_V4, section);
	assert_true(bout_finish(&b, 10 * SEC));
	assert_int_equal(bout_count(&b, TALLY_cut), 100);
	assert_int_equal(bout_count(&b, TALLY_requests), 100);
	expect_clean(&b);
}

/* Whatever happens to frames, each connection ends one way or the other. */
static void test_client_with_losses(void **state)
{
	static const struct conf_fault faults[] = {
	    {.enabled = true, .seed = 1, .drop_ppm = 50000},
	    {.enabled = true,
	     .seed = 2,
	     .drop_ppm = 20000,
	     .duplicate_ppm = 20000,
	     .reorder_ppm = 50000,
	     .reorder_us = 300,
	     .corrupt_ppm = 20000},
	    {.enabled = true, .seed = 3, .drop_ppm = 400000},
	};

	(void)state;
	for (uint32_t i = 0; i < 2 * ARRAY_SIZE(faults); i++) {
		bool six = i % 2;
		uint64_t done, lost;
		struct bout b;

		bout_init(&b, engine, 0, &faults[i / 2]);
		bout_load(&b, six ? IP_V6 : IP_V4,
			  " mode: client\n connections: 2000\n concurrency: 100\n verify: yes\n");
		assert_true(bout_finish(&b, 3600 * SEC));
		done = bout_count(&b, TALLY_done);
		lost = bout_count(&b, TALLY_timeouts) + bout_count(&b, TALLY_resets) +
		       bout_count(&b, TALLY_cut);
		assert_int_equal(bout_count(&b, TALLY_started), 2000);
		assert_int_equal(done + lost, 2000);
		assert_true(i >= 4 || lost < 40);
		assert_true(i < 4 || bout_count(&b, TALLY_timeouts) > 0);
		assert_true(bout_count(&b, TALLY_retransmits) > 0);
		assert_true(shard_check(b.sh));
		assert_int_equal(bout_fini(&b), 0);
	}
}

/* Responses of several segments in disorder: every byte counts once. */
static void test_client_in_disorder(void **state)
{
	static const struct conf_fault fault = {.enabled = true,
						.seed = 4,
						.drop_ppm = 10000,
						.duplicate_ppm = 20000,
						.reorder_ppm = 100000,
						.reorder_us = 500};
	static const char *const closes[] = {"server", "client"};
	static const char large[] =
	    "memory: {connections: 8192, half_open: 8192, time_wait: 8192, buffers: 8192}\n"
	    "ports: [{name: p, device: net_null0, addresses: [198.18.0.1/15]}]\n"
	    "listeners: [{name: web, address: '*:80', service: http, http: {size: 9000}}]\n";

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(closes); i++) {
		char section[256];
		struct bout b;

		bout_init(&b, large, IP_V4, &fault);
		snprintf(section, sizeof(section),
			 " mode: client\n connections: 1000\n concurrency: 50\n close: %s\n"
			 " requests: %u\n retries: 15\n response_bytes: %u\n",
			 closes[i], 1 + i, (unsigned)response_len(&b));
		bout_load(&b, IP_V4, section);
		assert_true(bout_finish(&b, 3600 * SEC));
		assert_int_equal(bout_count(&b, TALLY_done), 1000);
		assert_int_equal(bout_count(&b, TALLY_requests), 1000 + 1000 * i);
		assert_int_equal(bout_count(&b, TALLY_bytes), (1000 + 1000 * i) * response_len(&b));
		assert_int_equal(bout_fini(&b), 0);
	}
}

/* Gives the only connection a segment; the flags of what it says to it, 0: nothing. */
static uint8_t tell(struct bout *b, struct inbound s)
{
	struct client_conn *c = &b->load->client->conns[1];
	struct buf *f = mem_pool_get(b->pool);
	uint8_t flags = 0;

	client_end_of(b->load, c, &s.peer);
	client_segment(b->load, c, &s, f);
	if (b->load->tx.count) {
		f = b->load->tx.bufs[--b->load->tx.count];
		flags = f->data[ETH_HLEN + IPV4_HLEN + 13];
		mem_pool_put(b->pool, f);
	}
	return flags;
}

/* Segment by segment: what overlaps, what comes early, what comes again, and the wait for
 * the server's FIN. */
static void test_client_segments(void **state)
{
	struct inbound s = {.seq = 0xffffffc0u, .flags = TCP_SYN | TCP_ACK};
	struct client_conn *c;
	struct bout b;

	(void)state;
	bout_init(&b, NULL, IP_V4, NULL);
	bout_load(&b, IP_V4,
		  " mode: client\n connections: 1\n concurrency: 1\n close: client\n"
		  " response_bytes: 300\n");
	load_begin(b.load);
	mem_pool_put(b.pool, b.load->tx.bufs[--b.load->tx.count]);
	c = &b.load->client->conns[1];
	s.ack = c->snd_nxt + 1;
	assert_int_equal(tell(&b, s), 0);
	s.ack = c->snd_nxt;
	assert_int_equal(tell(&b, s), TCP_ACK | TCP_PSH);
	s = (struct inbound){.seq = 0xffffffc1u, .ack = c->snd_nxt, .len = 100, .flags = TCP_ACK};
	assert_int_equal(tell(&b, s), TCP_ACK);
	s.seq += 50;
	assert_int_equal(tell(&b, s), TCP_ACK);
	assert_int_equal(c->rcv_nxt, 0xffffffc1u + 150);
	s.seq += 101;
	assert_int_equal(tell(&b, s), TCP_ACK);
	assert_int_equal(c->rcv_nxt, 0xffffffc1u + 150);
	s.seq -= 151;
	assert_int_equal(tell(&b, s), TCP_ACK);
	assert_int_equal(bout_count(&b, TALLY_bytes), 150);
	s.seq += 150;
	s.len = 150;
	assert_int_equal(tell(&b, s), TCP_ACK | TCP_FIN);
	assert_int_equal(bout_count(&b, TALLY_bytes), 300);
	s.seq += 150;
	s.len = 0;
	s.ack = c->snd_nxt;
	assert_int_equal(tell(&b, s), 0);
	/* The FIN is not sent again, now that it has been acknowledged. */
	load_set_time(b.load, b.now + SEC / 2);
	load_begin(b.load);
	assert_int_equal(b.load->tx.count, 1);
	assert_int_equal(b.load->tx.bufs[0]->data[ETH_HLEN + IPV4_HLEN + 13], TCP_ACK);
	mem_pool_put(b.pool, b.load->tx.bufs[--b.load->tx.count]);
	s.flags |= TCP_FIN;
	s.seq++;
	assert_int_equal(tell(&b, s), TCP_ACK);
	assert_int_equal(bout_count(&b, TALLY_done), 0);
	s.seq--;
	assert_int_equal(tell(&b, s), TCP_ACK);
	assert_int_equal(bout_count(&b, TALLY_done), 1);
	assert_int_equal(bout_fini(&b), 0);
}

/* Nobody is there at all. */
static void test_client_alone(void **state)
{
	static const struct conf_fault all = {.enabled = true, .drop_ppm = 1000000};
	struct bout b;

	(void)state;
	bout_init(&b, engine, IP_V4, &all);
	bout_load(&b, IP_V4, " mode: client\n connections: 100\n concurrency: 10\n retries: 2\n");
	assert_true(bout_finish(&b, 600 * SEC));
	assert_int_equal(bout_count(&b, TALLY_timeouts), 100);
	assert_int_equal(bout_count(&b, TALLY_retransmits), 200);
	expect_clean(&b);
}

/* What is lost makes room again, or the window would close. */
static void test_visit_with_losses(void **state)
{
	static const struct conf_fault some = {.enabled = true, .drop_ppm = 100000};
	struct bout b;

	(void)state;
	bout_init(&b, engine, IP_V4, &some);
	bout_load(&b, IP_V4, " mode: visit\n connections: 3000\n concurrency: 50\n");
	assert_true(bout_finish(&b, 600 * SEC));
	assert_int_equal(bout_count(&b, TALLY_started), NB);
	assert_in_range(bout_count(&b, TALLY_done), NB / 3, NB - 1);
	assert_int_equal(bout_fini(&b), 0);
}

static void test_floods(void **state)
{
	static const struct {
		const char *mode;
		enum tally_count reply;
		uint32_t share; /* of those sent, in percent */
	} floods[] = {
	    {"syn", TALLY_synack, 100}, {"synack", TALLY_rst, 100}, {"rst", TALLY_rst, 0},
	    {"null", TALLY_rst, 0},     {"garbage", TALLY_rst, 0},
	};

	(void)state;
	EACH_FAMILY(f)
	{
		for (uint32_t i = 0; i < ARRAY_SIZE(floods); i++) {
			char section[128];
			struct bout b;

			bout_init(&b, engine, *f, NULL);
			snprintf(section, sizeof(section),
				 " mode: %s\n connections: 3000\n rate: 1M\n", floods[i].mode);
			bout_load(&b, *f, section);
			assert_true(bout_finish(&b, 10 * SEC));
			bout_pass(&b, SEC / 10);
			assert_int_equal(bout_count(&b, TALLY_started), NB);
			assert_int_equal(bout_count(&b, TALLY_tx_frames), NB);
			assert_int_equal(bout_count(&b, floods[i].reply),
					 NB * floods[i].share / 100);
			assert_int_equal(b.sh->stats[STAT_rx_frames], NB);
			if (b.plan->mode != PLAN_GARBAGE)
				assert_int_equal(b.sh->stats[STAT_drop_bad_tcp_csum], 0);
			expect_clean(&b);
		}
	}
}

/* These get a reset, or none, as the engine's limits have it. */
static void test_floods_of_strays(void **state)
{
	static const char *const modes[] = {"ack", "fin", "xmas", "data"};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(modes); i++) {
		char section[128];
		struct bout b;

		bout_init(&b, engine, IP_V4, NULL);
		snprintf(section, sizeof(section), " mode: %s\n connections: 3000\n", modes[i]);
		bout_load(&b, IP_V4, section);
		assert_true(bout_finish(&b, 10 * SEC));
		bout_pass(&b, SEC / 10);
		assert_int_equal(b.sh->stats[STAT_rx_frames], NB);
		assert_int_equal(b.sh->stats[STAT_drop_bad_tcp_csum], 0);
		assert_int_equal(bout_count(&b, TALLY_rx_frames), bout_count(&b, TALLY_rst));
		assert_int_equal(b.sh->conns.used, 0);
		expect_clean(&b);
	}
}

/* The generator against itself. */
static void test_answer(void **state)
{
	static const char *const sections[] = {
	    " mode: visit\n connections: 3000\n concurrency: 200\n verify: yes\n",
	    " mode: client\n connections: 3000\n concurrency: 200\n verify: yes\n",
	};

	(void)state;
	EACH_FAMILY(f)
	{
		for (uint32_t i = 0; i < ARRAY_SIZE(sections); i++) {
			struct bout b;

			bout_init(&b, NULL, *f, NULL);
			bout_load(&b, *f, sections[i]);
			assert_true(bout_finish(&b, 10 * SEC));
			assert_int_equal(bout_count(&b, TALLY_done), NB);
			assert_int_equal(bout_count(&b, TALLY_bad_sums), 0);
			assert_int_equal(bout_count(&b, TALLY_unexpected), 0);
			assert_int_equal(b.rival->tally.n[TALLY_started], NB);
			assert_int_equal(b.rival->tally.n[TALLY_done], NB);
			assert_int_equal(b.rival->tally.n[TALLY_requests], NB);
			assert_int_equal(bout_fini(&b), 0);
		}
	}
}

/* What begins after more than 2^31 us of counting is counted as well. */
static void test_long_run(void **state)
{
	static const char *const modes[] = {"visit", "client"};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(modes); i++) {
		uint64_t started;
		char text[64];
		struct bout b;

		bout_init(&b, NULL, IP_V4, NULL);
		snprintf(text, sizeof(text), " mode: %s\n rate: 10\n duration: 2h\n", modes[i]);
		bout_load(&b, IP_V4, text);
		bout_pass(&b, 80 * 60 * SEC);
		load_rest(b.load);
		bout_pass(&b, SEC);
		started = bout_count(&b, TALLY_started);
		assert_in_range(started, 47999, 48001);
		assert_int_equal(bout_count(&b, TALLY_done), started);
		assert_int_equal(hist_count(&b.load->tally.hists[TALLY_CONNECTION]), started);
		assert_int_equal(hist_count(&b.load->tally.hists[TALLY_CONNECT]), started);
		assert_int_equal(bout_fini(&b), 0);
	}
}

/* A connection that lasts longer than its times have bits counts as one, and one that began
 * before the counting does not. */
static void test_long_connection(void **state)
{
	char section[256];
	struct hist *h;
	struct bout b;

	(void)state;
	bout_init(&b, engine, IP_V4, NULL);
	snprintf(section, sizeof(section),
		 " mode: client\n connections: 2\n concurrency: 1\n requests: 4\n think: 30m\n"
		 " close: client\n response_bytes: %u\n",
		 (unsigned)response_len(&b));
	bout_load(&b, IP_V4, section);
	h = &b.load->tally.hists[TALLY_CONNECTION];
	bout_pass(&b, 100 * 60 * SEC);
	assert_int_equal(bout_count(&b, TALLY_done), 1);
	assert_int_equal(bout_count(&b, TALLY_requests), 5);
	assert_int_equal(h->max_us, UINT32_MAX);
	load_count(b.load);
	bout_pass(&b, 100 * 60 * SEC);
	assert_int_equal(bout_count(&b, TALLY_done), 0);
	assert_int_equal(bout_count(&b, TALLY_requests), 3);
	expect_clean(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_visit),
	    cmocka_unit_test(test_visit_again),
	    cmocka_unit_test(test_visit_plain),
	    cmocka_unit_test(test_visit_refused),
	    cmocka_unit_test(test_rate),
	    cmocka_unit_test(test_open_and_wake),
	    cmocka_unit_test(test_wake_once),
	    cmocka_unit_test(test_wake_in_vain),
	    cmocka_unit_test(test_open_all),
	    cmocka_unit_test(test_client),
	    cmocka_unit_test(test_client_until_close),
	    cmocka_unit_test(test_client_cut),
	    cmocka_unit_test(test_client_with_losses),
	    cmocka_unit_test(test_client_in_disorder),
	    cmocka_unit_test(test_client_segments),
	    cmocka_unit_test(test_client_alone),
	    cmocka_unit_test(test_visit_with_losses),
	    cmocka_unit_test(test_floods),
	    cmocka_unit_test(test_floods_of_strays),
	    cmocka_unit_test(test_answer),
	    cmocka_unit_test(test_long_run),
	    cmocka_unit_test(test_long_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
