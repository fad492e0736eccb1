/* SPDX-License-Identifier: BSD-3-Clause */
/* Where packets go and whose they are: routes, local addresses, interfaces. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "engine/net/net.h"
#include "tests/lib/testconf.h"
#include "tests/unit/rng.h"

/* Room for more than testconf has. */
#define MAX_ADDRS  CONF_MAX_ADDRS
#define MAX_ROUTES CONF_MAX_ROUTES

struct fixture {
	struct conf conf;
	struct conf_port ports[2];
	struct conf_iface ifaces[CONF_MAX_IFACES];
	struct conf_addr addrs[MAX_ADDRS];
	struct conf_route routes[MAX_ROUTES];
	struct net_link links[2];
	struct net net;
	void *mem;
};

static struct fixture *create(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->conf = (struct conf){.ports = f->ports,
				.ifaces = f->ifaces,
				.addrs = f->addrs,
				.routes = f->routes,
				.nb_ports = 2};
	for (int i = 0; i < 2; i++)
		f->links[i] = (struct net_link){
		    .mac = {2, 0, 0, 0, 0, (uint8_t)i}, .mtu = 1500, .tx_ip_csum = i, .rx_hash = i};
	return f;
}

static void start(struct fixture *f)
{
	f->mem = calloc(1, net_bytes(&f->conf));
	assert_non_null(f->mem);
	net_init(&f->net, f->mem, &f->conf, f->links);
}

static void destroy(struct fixture *f)
{
	free(f->mem);
	free(f);
}

static void add_addr(struct fixture *f, const char *addr, uint8_t len, uint16_t iface)
{
	f->addrs[f->conf.nb_addrs++] =
	    (struct conf_addr){.addr = testconf_ip(addr), .prefix_len = len, .iface = iface};
}

static void add_route(struct fixture *f, const char *to, uint8_t len, const char *via,
		      uint16_t iface)
{
	f->routes[f->conf.nb_routes++] =
	    (struct conf_route){testconf_ip(to), len, testconf_ip(via), iface};
}

static void add_iface(struct fixture *f, uint16_t port, uint16_t vlan, uint16_t mtu)
{
	f->ifaces[f->conf.nb_ifaces++] = (struct conf_iface){port, vlan, mtu};
}

/* `hop` NULL: no route at all; "": the destination itself. */
static void check_route(struct fixture *f, const char *dst, uint16_t iface, const char *hop)
{
	struct ipaddr to = testconf_ip(dst), next = {.family = 99}, want;
	uint16_t out = 77;
	bool found = net_route(&f->net, &to, &out, &next);

	if (!hop) {
		if (found)
			fail_msg("%s has a route", dst);
		return;
	}
	want = testconf_ip(*hop ? hop : dst);
	if (!found || out != iface || !ipaddr_equal(&next, &want))
		fail_msg("%s goes by the wrong way (interface %u)", dst, out);
}

static void test_routes(void **state)
{
	struct fixture *f = create();

	(void)state;
	add_addr(f, "192.0.2.1", 24, 0);
	add_addr(f, "198.18.0.1", 15, 1);
	add_addr(f, "2001:db8::1", 64, 2);
	add_route(f, "0.0.0.0", 0, "192.0.2.254", 0);
	add_route(f, "198.19.128.0", 17, "198.18.0.9", 1);
	add_route(f, "192.0.2.128", 25, "192.0.2.7", 0);
	add_route(f, "198.18.5.5", 32, "198.18.0.8", 1);
	add_route(f, "2001:db8:1::", 48, "2001:db8::fe", 2);
	add_route(f, "2001:db8:1::5", 128, "2001:db8::fd", 2);
	start(f);
	check_route(f, "192.0.2.77", 0, "");
	check_route(f, "192.0.2.127", 0, "");
	check_route(f, "192.0.2.128", 0, "192.0.2.7");
	check_route(f, "192.0.3.1", 0, "192.0.2.254");
	check_route(f, "8.8.8.8", 0, "192.0.2.254");
	check_route(f, "198.18.5.4", 1, "");
	check_route(f, "198.18.5.5", 1, "198.18.0.8");
	check_route(f, "198.19.127.255", 1, "");
	check_route(f, "198.19.128.0", 1, "198.18.0.9");
	check_route(f, "198.20.0.0", 0, "192.0.2.254");
	check_route(f, "2001:db8::77", 2, "");
	check_route(f, "2001:db8:0:0:ffff::", 2, "");
	check_route(f, "2001:db8:0:1::", 2, NULL);
	check_route(f, "2001:db8:1::4", 2, "2001:db8::fe");
	check_route(f, "2001:db8:1::5", 2, "2001:db8::fd");
	check_route(f, "2001:db8:2::", 2, NULL);
	destroy(f);
}

/* On-link beats a route of the same length, and the first of equals wins. */
static void test_ties(void **state)
{
	struct fixture *f = create();

	(void)state;
	add_addr(f, "192.0.2.1", 24, 0);
	add_addr(f, "192.0.2.2", 24, 1);
	add_route(f, "192.0.2.0", 24, "192.0.2.9", 2);
	add_route(f, "198.51.100.0", 24, "192.0.2.7", 0);
	add_route(f, "198.51.100.0", 24, "192.0.2.8", 1);
	start(f);
	check_route(f, "192.0.2.50", 0, "");
	check_route(f, "198.51.100.1", 0, "192.0.2.7");
	destroy(f);
}

static void test_no_routes(void **state)
{
	struct fixture *f = create();

	(void)state;
	start(f);
	check_route(f, "192.0.2.1", 0, NULL);
	check_route(f, "2001:db8::1", 0, NULL);
	destroy(f);
}

static bool bits_equal(const uint8_t *a, const uint8_t *b, uint32_t bits)
{
	for (uint32_t i = 0; i < bits; i++)
		if ((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

/* Longest prefix, bit by bit; connected networks before routes. */
static int best_match(const struct fixture *f, const struct ipaddr *dst)
{
	int best = -1, len = -1;

	for (int i = 0; i < f->conf.nb_addrs; i++)
		if (f->addrs[i].addr.family == dst->family && f->addrs[i].prefix_len > len &&
		    bits_equal(f->addrs[i].addr.bytes, dst->bytes, f->addrs[i].prefix_len)) {
			best = i;
			len = f->addrs[i].prefix_len;
		}
	for (int i = 0; i < f->conf.nb_routes; i++)
		if (f->routes[i].to.family == dst->family && f->routes[i].prefix_len > len &&
		    bits_equal(f->routes[i].to.bytes, dst->bytes, f->routes[i].prefix_len)) {
			best = MAX_ADDRS + i;
			len = f->routes[i].prefix_len;
		}
	return best;
}

/* Few different bytes, so that prefixes nest and collide. */
static struct ipaddr random_addr(struct rng *r)
{
	static const uint8_t bytes[] = {0x20, 0x21, 0xa0, 0xff};
	struct ipaddr a = {.family = rng_below(r, 2) ? IP_V4 : IP_V6};

	for (uint32_t i = 0; i < (a.family == IP_V4 ? 4u : 16u); i++)
		a.bytes[i] = bytes[rng_below(r, i < 2 ? 2 : 4)];
	return a;
}

static uint8_t random_len(struct rng *r, uint8_t family)
{
	return (uint8_t)rng_below(r, family == IP_V4 ? 33 : 129);
}

static void test_random_against_every_bit(void **state)
{
	struct rng rng = {4};

	(void)state;
	for (int round = 0; round < 30; round++) {
		struct fixture *f = create();

		for (f->conf.nb_addrs = 0; f->conf.nb_addrs < 20; f->conf.nb_addrs++) {
			struct ipaddr a = random_addr(&rng);

			f->addrs[f->conf.nb_addrs] = (struct conf_addr){
			    .addr = a,
			    .prefix_len = random_len(&rng, a.family),
			    .iface = f->conf.nb_addrs,
			};
		}
		for (f->conf.nb_routes = 0; f->conf.nb_routes < 20; f->conf.nb_routes++) {
			struct ipaddr a = random_addr(&rng);

			f->routes[f->conf.nb_routes] =
			    (struct conf_route){a, random_len(&rng, a.family), random_addr(&rng),
						(uint16_t)(100 + f->conf.nb_routes)};
		}
		start(f);
		for (int i = 0; i < 2000; i++) {
			struct ipaddr dst = random_addr(&rng), hop;
			int best = best_match(f, &dst);
			uint16_t iface;

			assert_int_equal(net_route(&f->net, &dst, &iface, &hop), best >= 0);
			/* What was found is remembered, and what it took the place of is not. */
			if (i % 4 && best >= 0)
				assert_true(net_route(&f->net, &dst, &iface, &hop));
			if (best < 0)
				continue;
			if (best >= MAX_ADDRS) {
				assert_int_equal(iface, f->routes[best - MAX_ADDRS].iface);
				assert_true(ipaddr_equal(&hop, &f->routes[best - MAX_ADDRS].via));
			} else {
				assert_int_equal(iface, f->addrs[best].iface);
				assert_true(ipaddr_equal(&hop, &dst));
			}
		}
		destroy(f);
	}
}

static void test_local_addresses(void **state)
{
	struct rng rng = {5};
	struct fixture *f = create();

	(void)state;
	while (f->conf.nb_addrs < MAX_ADDRS) {
		struct conf_addr *a = &f->addrs[f->conf.nb_addrs];
		bool again = false;

		a->addr.family = rng_below(&rng, 2) ? IP_V4 : IP_V6;
		rng_fill(&rng, a->addr.bytes, a->addr.family == IP_V4 ? 4 : 16);
		for (uint16_t i = 0; i < f->conf.nb_addrs; i++)
			again |= ipaddr_equal(&f->addrs[i].addr, &a->addr);
		f->conf.nb_addrs += !again;
	}
	start(f);
	for (uint16_t i = 0; i < MAX_ADDRS; i++) {
		struct ipaddr a = f->addrs[i].addr;
		uint8_t last = a.family == IP_V4 ? 3 : 15;

		assert_int_equal(net_local(&f->net, a.family, a.bytes), i);
		a.bytes[last] ^= 0x10;
		for (uint16_t k = 0; k < MAX_ADDRS; k++)
			if (ipaddr_equal(&f->addrs[k].addr, &a))
				a.bytes[last] ^= 0x20;
		assert_int_equal(net_local(&f->net, a.family, a.bytes), CONF_NONE);
	}
	destroy(f);
}

/* An IPv6 address that begins with a local IPv4 one, and the other way round. */
static void test_families_are_apart(void **state)
{
	static const uint8_t six[16] = {192, 0, 2, 1};
	struct fixture *f = create();

	(void)state;
	add_addr(f, "192.0.2.1", 24, 0);
	start(f);
	assert_int_equal(net_local(&f->net, IP_V4, six), 0);
	assert_int_equal(net_local(&f->net, IP_V6, six), CONF_NONE);
	destroy(f);
	f = create();
	add_addr(f, "c000:201::", 64, 0);
	start(f);
	assert_int_equal(net_local(&f->net, IP_V6, six), 0);
	assert_int_equal(net_local(&f->net, IP_V4, six), CONF_NONE);
	destroy(f);
}

static void test_interfaces(void **state)
{
	struct fixture *f = create();

	(void)state;
	add_iface(f, 0, 0, 1500);
	add_iface(f, 0, 5, 9000);
	add_iface(f, 1, 5, 1400);
	start(f);
	assert_int_equal(net_iface(&f->net, 0, 0), 0);
	assert_int_equal(net_iface(&f->net, 0, 5), 1);
	assert_int_equal(net_iface(&f->net, 1, 5), 2);
	assert_int_equal(net_iface(&f->net, 1, 0), CONF_NONE);
	assert_int_equal(net_iface(&f->net, 0, 6), CONF_NONE);
	assert_int_equal(net_iface(&f->net, 7, 0), CONF_NONE);
	/* No packet may be larger than the device takes. */
	assert_int_equal(f->net.ifaces[1].mtu, 1500);
	assert_int_equal(f->net.ifaces[2].mtu, 1400);
	assert_memory_equal(f->net.ifaces[2].mac, f->links[1].mac, 6);
	assert_int_equal(f->net.ifaces[1].tx_flags, 0);
	assert_int_equal(f->net.ifaces[2].tx_flags, BUF_TX_IP_CSUM);
	assert_true(f->net.rx_hash[1]);
	destroy(f);
}

static void check_whose(const struct fixture *f, const char *text, enum net_whose whose)
{
	struct ipaddr a = testconf_ip(text);

	if (net_whose(&f->net, a.family, a.bytes) != whose)
		fail_msg("%s", text);
}

static void test_whose(void **state)
{
	struct fixture *f = create();

	(void)state;
	add_addr(f, "192.0.2.1", 25, 0);
	add_addr(f, "198.18.0.1", 15, 1);
	add_addr(f, "198.18.255.255", 15, 1);
	add_addr(f, "198.18.1.1", 16, 1);
	add_addr(f, "203.0.113.0", 31, 0);
	add_addr(f, "2001:db8::1", 64, 0);
	start(f);
	check_whose(f, "192.0.2.127", NET_BROADCAST);
	check_whose(f, "192.0.2.126", NET_OTHERS);
	check_whose(f, "192.0.2.255", NET_OTHERS);
	check_whose(f, "198.19.255.255", NET_BROADCAST);
	check_whose(f, "198.18.255.255", NET_LOCAL); /* a host of the larger network */
	check_whose(f, "198.18.0.1", NET_LOCAL);
	check_whose(f, "203.0.113.1", NET_OTHERS); /* RFC 3021 */
	check_whose(f, "203.0.113.0", NET_LOCAL);
	check_whose(f, "2001:db8::1", NET_LOCAL);
	check_whose(f, "2001:db8::ffff:ffff:ffff:ffff", NET_OTHERS);
	destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_routes),
	    cmocka_unit_test(test_ties),
	    cmocka_unit_test(test_no_routes),
	    cmocka_unit_test(test_random_against_every_bit),
	    cmocka_unit_test(test_local_addresses),
	    cmocka_unit_test(test_families_are_apart),
	    cmocka_unit_test(test_interfaces),
	    cmocka_unit_test(test_whose),
	};

	return cmocka_run_group_tests_name("net_route", tests, NULL, NULL);
}
