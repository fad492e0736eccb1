/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker captures: by filter, port and length, what was sent and what was
 * not, what was dropped and why; and the sums of sent frames in the file. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "drivers/mem_pool.h"
#include "drivers/pcapng_reader.h"
#include "engine/base/stat.h"
#include "engine/run/capture_out.h"
#include "engine/run/capture_tap.h"
#include "engine/wire/csum.h"
#include "tests/lib/frame.h"

#define NB_BUFS    128
#define RING_BYTES (1 << 16)

struct fixture {
	struct mem_pool *pool;
	struct capture_rules rules;
	struct capture_tap *tap;
	struct buf *bufs[NB_BUFS];
	uint64_t stats[STAT_COUNT];
};

static void compile(struct capture_filter *f, const char *text)
{
	char err[CAPTURE_FILTER_ERROR_MAX];

	if (!capture_filter_compile(f, text, err))
		fail_msg("%s", err);
}

static int setup(void **state)
{
	struct fixture *x = test_calloc(1, sizeof(*x));

	x->pool = mem_pool_create(NB_BUFS, 0, 0);
	x->rules = (struct capture_rules){.snaplen = CAPTURE_SNAPLEN_MAX, .ports = UINT32_MAX};
	capture_rules_init(&x->rules);
	x->tap = aligned_alloc(CACHE_LINE, sizeof(*x->tap));
	*state = x;
	return x->pool && x->tap && capture_tap_init(x->tap, &x->rules, RING_BYTES) ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	capture_tap_fini(x->tap);
	capture_filter_free(&x->rules.filter);
	free(x->tap);
	mem_pool_destroy(x->pool);
	test_free(x);
	return 0;
}

/* A segment to port `dport`, which numbers the frames of a test. */
static struct buf *segment(struct fixture *x, uint16_t dport, uint8_t port)
{
	static const uint8_t payload[100];
	struct frame f = {
	    .dst = {2, 0, 0, 0, 0, 1},
	    .src = {2, 0, 0, 0, 0, 2},
	    .kind = FRAME_TCP,
	    .ttl = 64,
	    .proto = 6,
	    .saddr = ipaddr_v4(0x020200c0),
	    .daddr = ipaddr_v4(0x010200c0),
	    .tcp = {.sport = 40000, .dport = dport, .flags = FRAME_ACK, .wnd = 1000},
	    .payload = payload,
	    .payload_len = dport % sizeof(payload),
	};
	struct buf *b = mem_pool_get(x->pool);

	assert_non_null(b);
	b->len = frame_build(b->data, &f);
	b->port = port;
	return b;
}

static uint16_t dport_of(struct capture_record *r)
{
	const uint8_t *p = capture_record_bytes(r) + 14 + 20 + 2;

	return (uint16_t)(p[0] << 8 | p[1]);
}

/* The next captured frame is this one. */
static struct capture_record *captured(struct fixture *x, uint16_t dport,
				       enum pcapng_direction direction)
{
	struct capture_record *r = capture_ring_first(&x->tap->ring);

	assert_non_null(r);
	assert_int_equal(r->direction, direction);
	assert_int_equal(dport_of(r), dport);
	capture_ring_take(&x->tap->ring);
	return r;
}

static void nothing_more(struct fixture *x)
{
	assert_null(capture_ring_first(&x->tap->ring));
}

static void test_filters(void **state)
{
	static const struct {
		const char *text;
		bool matches;
	} cases[] = {
	    {"", true},
	    {"  ", true},
	    {"tcp", true},
	    {"udp", false},
	    {"tcp port 80", true},
	    {"tcp port 81", false},
	    {"dst host 192.0.2.1", true},
	    {"src host 192.0.2.1", false},
	    {"net 192.0.2.0/24", true},
	    {"ip6", false},
	    {"vlan 5", false},
	    {"tcp[tcpflags] & tcp-ack != 0", true},
	    {"greater 2000", false},
	    {"not port 80", false},
	    {"ether src 02:00:00:00:00:02", true},
	};
	struct fixture *x = *state;
	struct buf *b = segment(x, 80, 0);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct capture_filter f;

		compile(&f, cases[i].text);
		if (capture_filter_matches(&f, b->data, b->len) != cases[i].matches)
			fail_msg("\"%s\": not %d", cases[i].text, cases[i].matches);
		/* Frames too short for what the filter looks at do not match. */
		for (uint32_t len = 0; len < b->len; len++)
			capture_filter_matches(&f, b->data, len);
		capture_filter_free(&f);
	}
}

static void test_bad_filters(void **state)
{
	static const char *const cases[] = {
	    "tcp prt 80", "(",     "port 80 port",  "host",    "tcp,udp",
	    "port 99999", "a\nb(", "wlan type mgt", "inbound", "tcp and outbound"};
	char err[CAPTURE_FILTER_ERROR_MAX], text[CAPTURE_FILTER_MAX + 2];
	struct capture_filter f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (capture_filter_compile(&f, cases[i], err))
			fail_msg("\"%s\" was taken", cases[i]);
		assert_null(f.program);
		assert_null(strchr(err, '\n'));
		assert_true(strncmp(err, "filter \"", 8) == 0);
		assert_true(strlen(err) < 128);
	}
	memset(text, '(', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(capture_filter_compile(&f, text, err));
	assert_string_equal(err, "filter: longer than 640 characters");
}

static void test_received(void **state)
{
	struct fixture *x = *state;
	struct capture_record *r;

	compile(&x->rules.filter, "tcp port 80 or tcp port 82");
	for (uint16_t i = 0; i < 4; i++)
		x->bufs[i] = segment(x, 80 + i, 3);
	capture_tap_received(x->tap, x->bufs, 4, 1234);
	r = captured(x, 80, PCAPNG_INBOUND);
	assert_int_equal(r->time_us, 1234);
	assert_int_equal(r->port, 3);
	assert_int_equal(r->len, x->bufs[0]->len);
	assert_int_equal(r->kept, r->len);
	assert_memory_equal(capture_record_bytes(r), x->bufs[0]->data, r->len);
	assert_null(r->drop);
	captured(x, 82, PCAPNG_INBOUND);
	nothing_more(x);
	assert_int_equal(x->tap->missed, 0);
}

static void test_ports_and_length(void **state)
{
	struct fixture *x = *state;
	struct capture_record *r;

	x->rules.ports = 1u << 1;
	x->rules.snaplen = 40;
	x->bufs[0] = segment(x, 99, 0);
	x->bufs[1] = segment(x, 99, 1);
	capture_tap_received(x->tap, x->bufs, 2, 0);
	r = captured(x, 99, PCAPNG_INBOUND);
	assert_int_equal(r->port, 1);
	assert_int_equal(r->kept, 40);
	assert_int_equal(r->len, x->bufs[1]->len);
	nothing_more(x);
	capture_tap_hold(x->tap, x->bufs, 2, 0, 0);
	capture_tap_sent(x->tap, 2);
	nothing_more(x);
}

/* Only what the port took was sent; the rest is offered again. */
static void test_sent(void **state)
{
	struct fixture *x = *state;

	compile(&x->rules.filter, "not port 81");
	for (uint16_t i = 0; i < 5; i++)
		x->bufs[i] = segment(x, 80 + i, 7);
	capture_tap_hold(x->tap, x->bufs, 5, 2, 50);
	nothing_more(x);
	capture_tap_sent(x->tap, 3);
	assert_int_equal(captured(x, 80, PCAPNG_OUTBOUND)->port, 2);
	captured(x, 82, PCAPNG_OUTBOUND);
	nothing_more(x);
	capture_tap_hold(x->tap, x->bufs + 3, 2, 2, 51);
	capture_tap_sent(x->tap, 0);
	nothing_more(x);
	capture_tap_hold(x->tap, x->bufs + 3, 2, 2, 52);
	capture_tap_sent(x->tap, 2);
	assert_int_equal(captured(x, 83, PCAPNG_OUTBOUND)->time_us, 52);
	captured(x, 84, PCAPNG_OUTBOUND);
	nothing_more(x);
}

static void test_missed(void **state)
{
	struct fixture *x = *state;
	struct capture_record *r;
	uint32_t found = 0;

	for (uint32_t i = 0; i < 64; i++)
		x->bufs[i] = segment(x, 99, 0);
	for (uint32_t i = 0; i < 20; i++)
		capture_tap_received(x->tap, x->bufs, 64, i);
	for (; (r = capture_ring_first(&x->tap->ring)); found++)
		capture_ring_take(&x->tap->ring);
	assert_true(found > 0 && found < 20 * 64);
	assert_int_equal(x->tap->missed, 20 * 64 - found);
}

/* What the port did not take was not missed. */
static void test_missed_when_sent(void **state)
{
	struct fixture *x = *state;
	uint64_t before;

	for (uint32_t i = 0; i < 64; i++)
		x->bufs[i] = segment(x, 99, 0);
	for (uint32_t i = 0; i < 20; i++)
		capture_tap_received(x->tap, x->bufs, 64, i);
	before = x->tap->missed;
	capture_tap_hold(x->tap, x->bufs, 64, 0, 99);
	capture_tap_sent(x->tap, 10);
	assert_int_equal(x->tap->missed, before + 10);
	capture_tap_hold(x->tap, x->bufs, 64, 0, 99);
	capture_tap_sent(x->tap, 0);
	assert_int_equal(x->tap->missed, before + 10);
}

static void process(struct fixture *x, struct buf *b, enum stat raised)
{
	capture_tap_expect(x->tap, b, x->stats, 5);
	/* As the engine does: the frame becomes something else. */
	memset(b->data, 0, b->len);
	x->stats[STAT_rx_frames]++;
	x->stats[raised]++;
	capture_tap_settle(x->tap, x->stats);
}

static void test_drops(void **state)
{
	struct fixture *x = *state;
	struct buf *b;

	x->rules.drops_only = true;
	compile(&x->rules.filter, "not port 83");
	process(x, segment(x, 80, 0), STAT_drop_bad_tcp_csum);
	process(x, segment(x, 81, 0), STAT_rx_segments);
	process(x, segment(x, 82, 0), STAT_drop_old_duplicate);
	process(x, segment(x, 83, 0), STAT_drop_old_duplicate);
	process(x, segment(x, 84, 0), STAT_drop_fragment_evicted);
	assert_string_equal(captured(x, 80, PCAPNG_INBOUND)->drop, "drop_bad_tcp_csum");
	assert_string_equal(captured(x, 82, PCAPNG_INBOUND)->drop, "drop_old_duplicate");
	nothing_more(x);
	b = segment(x, 85, 0);
	b->flags |= BUF_RX_LEARN_ONLY;
	process(x, b, STAT_drop_bad_arp);
	nothing_more(x);
	/* Neither what is received nor what is sent is of interest as such. */
	x->bufs[0] = segment(x, 86, 0);
	capture_tap_received(x->tap, x->bufs, 1, 0);
	capture_tap_hold(x->tap, x->bufs, 1, 0, 0);
	capture_tap_sent(x->tap, 1);
	nothing_more(x);
	assert_int_equal(x->tap->missed, 0);
}

static void test_missed_drops(void **state)
{
	struct fixture *x = *state;
	uint32_t captured_count = 0;

	x->rules.drops_only = true;
	for (uint32_t i = 0; i < 1000; i++) {
		struct buf *b = segment(x, 80, 0);

		process(x, b, i % 2 ? STAT_drop_paws : STAT_rx_segments);
		mem_pool_put(x->pool, b);
	}
	for (; capture_ring_first(&x->tap->ring); captured_count++)
		capture_ring_take(&x->tap->ring);
	assert_true(captured_count < 500);
	assert_int_equal(x->tap->missed + captured_count, 500);
}

/* Counters of drops, and what says instead of them why a frame has no answer. */
static void test_rules_know_the_drops(void **state)
{
	struct fixture *x = *state;

	uint32_t others = 0;

	assert_true(x->rules.nb_drops > 30);
	for (uint32_t i = 0; i < x->rules.nb_drops; i++)
		others += strncmp(stat_name(x->rules.drops[i]), "drop_", 5) != 0;
	assert_int_equal(others, 3);
}

/* The sums that a device was to fill in are right in the file. */
static void test_sums_of_sent_frames(void **state)
{
	char path[] = "/tmp/terminus-test-XXXXXX", err[CAPTURE_ERROR_MAX], why[200];
	struct fixture *x = *state;
	struct capture_iface iface = {"p", (const uint8_t[6]){2}};
	struct buf *b = segment(x, 95, 0);
	struct capture_record *r;
	struct pcapng_reader *reader;
	struct pcapng_packet packet;
	struct report report = {0};
	struct capture_out out;
	struct frame f;
	uint16_t sum;
	FILE *file;

	/* What the engine leaves to a port: no IP sum, the pseudo-header's in TCP; and
	 * it numbers no packets. */
	memset(b->data + 14 + 4, 0, 2);
	memset(b->data + 14 + 10, 0, 2);
	sum = csum_fold(csum_pseudo4(0x020200c0, 0x010200c0, 6, b->len - 34));
	memcpy(b->data + 34 + 16, &sum, 2);
	b->flags = BUF_TX_IP_CSUM | BUF_TX_L4_CSUM;
	b->l2_len = 14;
	b->l3_len = 20;
	capture_tap_hold(x->tap, &b, 1, 0, 7);
	capture_tap_sent(x->tap, 1);
	r = capture_ring_first(&x->tap->ring);
	close(mkstemp(path));
	assert_true(capture_out_open(&out, path, false, err));
	capture_out_head(&out, &iface, 1);
	capture_out_frame(&out, r, 0, 1000000);
	assert_int_equal(capture_out_unwritten(&out), 1);
	assert_int_equal(capture_out_flush(&out), CAPTURE_WRITTEN);
	assert_int_equal(capture_out_unwritten(&out), 0);
	capture_out_close(&out);
	file = fopen(path, "rb");
	reader = pcapng_reader_open(file, &report);
	assert_true(pcapng_reader_next(reader, &packet));
	if (!frame_parse(packet.data, packet.len, 0, &f, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(packet.time_ns, 1007000);
	assert_int_equal(packet.direction, PCAPNG_OUTBOUND);
	pcapng_reader_close(reader);
	fclose(file);
	unlink(path);
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_filters),
	    CASE(test_bad_filters),
	    CASE(test_received),
	    CASE(test_ports_and_length),
	    CASE(test_sent),
	    CASE(test_missed),
	    CASE(test_missed_when_sent),
	    CASE(test_drops),
	    CASE(test_missed_drops),
	    CASE(test_rules_know_the_drops),
	    CASE(test_sums_of_sent_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
