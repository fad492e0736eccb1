/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whatever comes in, no mode reads or writes beyond a frame, and every buffer is
 * accounted for: random bytes, damaged frames of a real connection, and ARP and
 * neighbour discovery with what they may and may not say.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "bench/tgen/neighbour.h"
#include "tests/bench/tgen_bout.h"

#define ROUNDS 20000

static const char *const modes[] = {
    "syn", "garbage", "open", "visit", "wake\n connections: 100", "client\n concurrency: 64",
};
static const int families[] = {IP_V4, IP_V6};

static uint32_t chance(uint64_t *x)
{
	*x = *x * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*x >> 33);
}

static struct buf *buf_of(struct bout *b, const uint8_t *bytes, uint32_t len)
{
	struct buf *f = mem_pool_get(b->pool);

	assert_non_null(f);
	/* At the end of the memory, where one byte too far shows. */
	f->data = f->start + f->room - len;
	memcpy(f->data, bytes, len);
	f->len = len;
	f->flags = 0;
	return f;
}

/* A frame as a server of the load's might send it, up to the damage. */
static uint32_t plausible(const struct bout *b, uint8_t *p, uint64_t *x)
{
	bool six = b->load->clients.v6;
	uint32_t l3 = six ? IPV6_HLEN : IPV4_HLEN, len = 20 + (chance(x) & 15) * 4;
	struct end e = {0};
	uint32_t words[16], isn;

	for (uint32_t i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = chance(x);
	while (!population_client(&b->load->clients, chance(x) & b->load->clients.mask & 255, &e))
		;
	memset(p, 0, 128);
	put_be16(p + 12, six ? ETH_TYPE_IPV6 : ETH_TYPE_IPV4);
	memcpy(p + 14 + l3, words, len > 64 ? 64 : len);
	if (six) {
		p[14] = 0x60;
		put_be16(p + 18, (uint16_t)len);
		p[20] = 6;
		memcpy(p + 22, b->load->target.addr, 16);
		memcpy(p + 38, e.addr, 16);
	} else {
		p[14] = 0x45;
		put_be16(p + 16, (uint16_t)(len + l3));
		p[23] = 6;
		memcpy(p + 26, b->load->target.addr, 4);
		memcpy(p + 30, e.addr, 4);
	}
	isn = chance(x) & 7;
	memcpy(p + 14 + l3, &b->load->target.port_be, 2);
	memcpy(p + 16 + l3, &e.port_be, 2);
	put_be32(p + 22 + l3, isn);
	p[26 + l3] = (uint8_t)((5 + (chance(x) & 3)) << 4);
	p[27 + l3] = (uint8_t)(chance(x) & 0x17);
	return 14 + l3 + len;
}

static void throw_at(struct bout *b, uint64_t *x)
{
	struct buf *bufs[LOAD_BURST];
	uint8_t bytes[256];

	for (uint32_t i = 0; i < LOAD_BURST; i++) {
		uint32_t len = chance(x) & 127;

		for (uint32_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = (uint8_t)chance(x);
		if (chance(x) & 3)
			len = plausible(b, bytes, x);
		if ((chance(x) & 3) == 0)
			bytes[chance(x) % (len + 1)] = (uint8_t)chance(x);
		if ((chance(x) & 7) == 0)
			len = chance(x) % (len + 1);
		bufs[i] = buf_of(b, bytes, len);
	}
	load_set_time(b->load, b->now);
	load_input(b->load, bufs, LOAD_BURST);
}

static void test_random(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 2 * ARRAY_SIZE(modes); i++) {
		int family = families[i % 2];
		uint64_t x = i;
		char section[256];
		struct bout b;

		bout_init(&b, NULL, family, NULL);
		snprintf(section, sizeof(section),
			 " mode: %s\n rate: 50k\n duration: 1s\n client_ports: {min: 9, max: 9}\n",
			 modes[i / 2]);
		bout_load(&b, family, section);
		for (uint32_t n = 0; n < ROUNDS / LOAD_BURST; n++) {
			throw_at(&b, &x);
			bout_turn(&b);
		}
		assert_int_equal(bout_fini(&b), 0);
	}
}

/* The same for `answer`, whose place is the other side. */
static void test_random_answer(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct load *visit;
		struct bout b;
		uint64_t x = 5;

		bout_init(&b, NULL, families[i], NULL);
		bout_load(&b, families[i], " mode: visit\n connections: 1\n");
		visit = b.load;
		for (uint32_t n = 0; n < ROUNDS / LOAD_BURST; n++) {
			b.rival->clients = visit->clients;
			b.load = b.rival;
			throw_at(&b, &x);
			b.load = visit;
			bout_turn(&b);
		}
		assert_int_equal(bout_fini(&b), 0);
	}
}

static struct ipaddr ip(const char *text)
{
	struct ipaddr a = {.family = strchr(text, ':') ? IP_V6 : IP_V4};

	assert_int_equal(inet_pton(a.family == IP_V6 ? AF_INET6 : AF_INET, text, a.bytes), 1);
	return a;
}

/* The load is asked, and what it has sent is looked at. */
static bool ask(struct bout *b, const char *whom, uint8_t mac[6])
{
	static const uint8_t asker_mac[6] = {2, 9, 9, 9, 9, 9};
	bool six = b->load->clients.v6, answered;
	struct ipaddr addr, src = ip(six ? "2001:db8::1" : "198.18.0.1");
	uint8_t bytes[NEIGHBOUR_FRAME_MAX];
	struct buf *f;

	addr = ip(whom);
	f = mem_pool_get(b->pool);
	f->len = neighbour_ask(f->data, asker_mac, &src, &addr);
	memcpy(bytes, f->data, f->len);
	load_input(b->load, &f, 1);
	answered = b->load->tx.count > 0;
	if (answered) {
		f = b->load->tx.bufs[--b->load->tx.count];
		assert_true(neighbour_read(f, &addr, mac));
		assert_memory_equal(f->data, asker_mac, 6);
		mem_pool_put(b->pool, f);
	}
	/* A byte less, or one changed, and nobody answers. */
	for (uint32_t i = 12; i < (six ? 62u : 22u); i++) {
		f = buf_of(b, bytes, six ? NEIGHBOUR_FRAME_MAX : 42);
		/* Traffic class and flow label may be anything. */
		f->data[six && i > 14 && i < 18 ? 14 : i] ^= 0x55;
		load_input(b->load, &f, 1);
		f = buf_of(b, bytes, i);
		load_input(b->load, &f, 1);
		assert_int_equal(b->load->tx.count, 0);
	}
	return answered;
}

static void test_neighbours(void **state)
{
	uint8_t mac[6];
	struct bout b;

	(void)state;
	for (int i = 0; i < 2; i++) {
		bool six = families[i] == IP_V6;

		bout_init(&b, NULL, families[i], NULL);
		bout_load(&b, families[i], " mode: visit\n connections: 1\n");
		load_rest(b.load);
		assert_true(ask(&b, six ? "2001:db8:1::77" : "198.19.3.4", mac));
		assert_memory_equal(mac, b.ports[0]->mac, 6);
		assert_true(ask(&b, six ? "2001:db8::2" : "198.18.0.2", mac));
		assert_false(ask(&b, six ? "2001:db8::1" : "198.18.0.1", mac));
		assert_false(ask(&b, six ? "2001:db8:2::77" : "198.20.3.4", mac));
		assert_int_equal(bout_fini(&b), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_random_answer),
	    cmocka_unit_test(test_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
