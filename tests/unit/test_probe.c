/* SPDX-License-Identifier: BSD-3-Clause */
/* Asking whether an address is in use: the frames, and the answers that count. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "drivers/mem_port.h"
#include "engine/run/probe.h"
#include "engine/run/probe_frame.h"
#include "tests/lib/frame.h"
#include "tests/lib/testconf.h"

static const uint8_t our_mac[6] = {0x02, 0, 0, 0, 0, 0x01}; /* of mem0 */
static const uint8_t other_mac[6] = {0x02, 0, 0, 0, 0, 0x77};
static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* What somebody does when a probe reaches him. */
enum reaction {
	SILENT,
	ARP_REPLY,
	ARP_PROBE,
	ARP_OTHER,
	ARP_OURSELVES,
	ARP_TWIN,
	ND_ADVERT,
	ND_PROBE,
	ND_BROKEN
};

/* The probe polls by the clock; so the clock is where the neighbour gets a turn. */
static struct {
	struct port *port;
	struct mem_pool *pool;
	usec_t now;
	enum reaction reaction;
	uint16_t vlan;
	uint32_t arp_probes, nd_probes;
} other;

static uint32_t build_arp(uint8_t *out, uint16_t op, const uint8_t mac[6], const char *spa,
			  const char *tpa)
{
	struct frame f = {.kind = FRAME_ARP, .vlan = other.vlan, .arp = {.op = op}};

	memcpy(f.dst, broadcast, 6);
	memcpy(f.src, mac, 6);
	memcpy(f.arp.sha, mac, 6);
	f.arp.spa_be = spa ? testconf_ip(spa).v4_be : 0;
	f.arp.tpa_be = testconf_ip(tpa).v4_be;
	return frame_build(out, &f);
}

static uint32_t build_nd(uint8_t *out, uint8_t type, const char *from, bool broken)
{
	struct ipaddr target = testconf_ip("2001:db8::1");
	uint8_t body[24] = {0};
	struct frame f = {
	    .kind = FRAME_ICMP,
	    .vlan = other.vlan,
	    .saddr = testconf_ip(from),
	    .daddr = testconf_ip("ff02::1"),
	    .ttl = 255,
	    .proto = 58,
	    .icmp = {.type = type},
	    .payload = body,
	    .payload_len = 16,
	    .harm = {.l4_csum = broken},
	};

	memcpy(body, target.bytes, 16);
	memcpy(f.dst, broadcast, 6);
	memcpy(f.src, other_mac, 6);
	return frame_build(out, &f);
}

static void send_bytes(const uint8_t *bytes, uint32_t len)
{
	struct buf *b = mem_pool_get(other.pool);

	memcpy(b->data, bytes, len);
	b->len = len;
	assert_int_equal(port_tx(other.port, 0, &b, 1, other.now), 1);
}

static void react(void)
{
	uint8_t out[FRAME_MAX];
	uint32_t len = 0;

	switch (other.reaction) {
	case SILENT:
		return;
	case ARP_REPLY:
		len = build_arp(out, 2, other_mac, "192.0.2.1", "192.0.2.1");
		break;
	case ARP_PROBE:
		len = build_arp(out, 1, other_mac, NULL, "192.0.2.1");
		break;
	case ARP_OTHER:
		len = build_arp(out, 1, other_mac, "192.0.2.9", "192.0.2.1");
		break;
	case ARP_OURSELVES:
		len = build_arp(out, 1, our_mac, NULL, "192.0.2.1");
		break;
	case ARP_TWIN:
		len = build_arp(out, 2, our_mac, "192.0.2.1", "192.0.2.1");
		break;
	case ND_ADVERT:
		len = build_nd(out, 136, "2001:db8::1", false);
		break;
	case ND_PROBE:
		len = build_nd(out, 135, "::", false);
		break;
	case ND_BROKEN:
		len = build_nd(out, 136, "2001:db8::1", true);
		break;
	}
	send_bytes(out, len);
}

static void check_probe(const uint8_t *bytes, uint32_t len, uint16_t vlan)
{
	struct frame f;
	char why[100];

	if (!frame_parse(bytes, len, 0, &f, why, sizeof(why)))
		fail_msg("probe: %s", why);
	assert_memory_equal(f.src, our_mac, 6);
	assert_int_equal(f.vlan, vlan);
	if (f.kind == FRAME_ARP) {
		assert_int_equal(f.arp.op, 1);
		assert_int_equal(f.arp.spa_be, 0);
		assert_int_equal(f.arp.tpa_be, testconf_ip("192.0.2.1").v4_be);
		assert_memory_equal(f.dst, broadcast, 6);
		other.arp_probes++;
		return;
	}
	assert_int_equal(f.kind, FRAME_ICMP);
	assert_int_equal(f.icmp.type, 135);
	assert_int_equal(f.ttl, 255);
	assert_true(f.saddr.words[0] == 0 && f.saddr.words[1] == 0);
	assert_memory_equal(f.daddr.bytes, testconf_ip("ff02::1:ff00:1").bytes, 16);
	assert_memory_equal(f.payload, testconf_ip("2001:db8::1").bytes, 16);
	assert_int_equal(f.payload_len, 16);
	other.nd_probes++;
}

static usec_t neighbour_turn(void)
{
	struct buf_ops ops = mem_pool_ops(other.pool);
	struct buf *b;

	while (port_rx(other.port, 0, &b, 1, other.now) == 1) {
		check_probe(b->data, b->len, other.vlan);
		ops.free_bulk(ops.ctx, &b, 1);
		react();
	}
	return other.now += 10000;
}

struct lab {
	struct testconf tc;
	struct port *side[2];
	struct buf_ops ops;
	struct report r;
};

static void open_lab(struct lab *l, enum reaction reaction, uint16_t vlan)
{
	struct mem_port_conf conf = {0};
	uint16_t iface;

	memset(l, 0, sizeof(*l));
	memset(&other, 0, sizeof(other));
	testconf_init(&l->tc);
	l->tc.conf.file = (char *)(uintptr_t) "test.yaml";
	testconf_port(&l->tc, 1500);
	iface = testconf_iface(&l->tc, 0, vlan);
	testconf_addr(&l->tc, "192.0.2.1", 24, iface);
	testconf_addr(&l->tc, "2001:db8::1", 64, iface);
	conf.pool = other.pool = mem_pool_create(64, BUF_DATAROOM, 0);
	other.reaction = reaction;
	other.vlan = vlan;
	assert_true(mem_port_pair_create(&conf, l->side));
	other.port = l->side[1];
	l->ops = mem_pool_ops(other.pool);
}

static bool probe(struct lab *l)
{
	struct probe_args args = {&l->tc.conf, l->side, &l->ops, neighbour_turn};

	return probe_addresses(&args, &l->r);
}

static void close_lab(struct lab *l)
{
	l->side[0]->ops->close(l->side[0]);
	l->side[1]->ops->close(l->side[1]);
	assert_int_equal(mem_pool_in_use(other.pool), 0);
	mem_pool_destroy(other.pool);
}

static void test_nobody_answers(void **state)
{
	static const uint16_t vlans[] = {0, 100};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vlans); i++) {
		struct lab l;

		open_lab(&l, SILENT, vlans[i]);
		assert_true(probe(&l));
		neighbour_turn();
		assert_int_equal(other.arp_probes, 3);
		assert_int_equal(other.nd_probes, 3);
		close_lab(&l);
	}
}

static void test_conflicts(void **state)
{
	static const enum reaction cases[] = {ARP_REPLY, ARP_PROBE, ND_ADVERT, ND_PROBE};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases) * 2; i++) {
		struct lab l;

		open_lab(&l, cases[i / 2], i & 1 ? 100 : 0);
		assert_false(probe(&l));
		assert_non_null(strstr(l.r.error, i < 4 ? "192.0.2.1" : "2001:db8::1"));
		assert_non_null(strstr(l.r.error, "02:00:00:00:00:77"));
		assert_non_null(strstr(l.r.error, "port0"));
		close_lab(&l);
	}
}

static void test_twin_on_the_same_device(void **state)
{
	struct lab l;

	(void)state;
	open_lab(&l, ARP_TWIN, 0);
	assert_false(probe(&l));
	assert_non_null(strstr(l.r.error, "own MAC 02:00:00:00:00:01"));
	close_lab(&l);
}

static void test_no_conflicts(void **state)
{
	static const enum reaction cases[] = {ARP_OTHER, ARP_OURSELVES, ND_BROKEN};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lab l;

		open_lab(&l, cases[i], 0);
		assert_true(probe(&l));
		close_lab(&l);
	}
}

static void test_other_vlan_is_another_network(void **state)
{
	uint8_t out[FRAME_MAX];
	struct probe_claim claim;
	uint32_t len;

	(void)state;
	other.vlan = 7;
	len = build_arp(out, 2, other_mac, "192.0.2.1", "192.0.2.1");
	assert_true(probe_frame_read(out, len, &claim));
	assert_int_equal(claim.vlan, 7);
	assert_memory_equal(claim.mac, other_mac, 6);
}

static void test_cut_frames(void **state)
{
	uint8_t out[FRAME_MAX], exact[256];
	struct probe_claim claim;
	uint32_t len;

	(void)state;
	for (other.vlan = 0; other.vlan <= 5; other.vlan += 5)
		for (int nd = 0; nd < 2; nd++) {
			len = nd ? build_nd(out, 136, "2001:db8::1", false)
				 : build_arp(out, 2, other_mac, "192.0.2.1", "192.0.2.1");
			for (uint32_t cut = 0; cut < len; cut++) {
				uint8_t *end = exact + sizeof(exact) - cut;

				memcpy(end, out, cut); /* beyond it the sanitizer watches */
				assert_false(probe_frame_read(end, cut, &claim));
			}
			assert_true(probe_frame_read(out, len, &claim));
		}
}

static void test_replayed_ports_are_left_out(void **state)
{
	struct lab l;

	(void)state;
	open_lab(&l, ARP_REPLY, 0);
	snprintf(l.tc.ports[0].device, sizeof(l.tc.ports[0].device), "pcapng:x.pcapng");
	assert_true(probe(&l));
	neighbour_turn();
	assert_int_equal(other.arp_probes, 0);
	close_lab(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nobody_answers),
	    cmocka_unit_test(test_conflicts),
	    cmocka_unit_test(test_twin_on_the_same_device),
	    cmocka_unit_test(test_no_conflicts),
	    cmocka_unit_test(test_other_vlan_is_another_network),
	    cmocka_unit_test(test_cut_frames),
	    cmocka_unit_test(test_replayed_ports_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
