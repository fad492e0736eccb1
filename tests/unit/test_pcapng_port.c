/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading capture files of every kind and of none, replaying them in time, and
 * recording a port's traffic. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/mem_port.h"
#include "drivers/pcapng_port.h"
#include "drivers/pcapng_reader.h"
#include "drivers/pcapng_writer.h"
#include "drivers/record_port.h"

/* A capture file under construction, in either byte order. */
struct image {
	uint8_t bytes[16384];
	size_t len;
	bool swapped;
};

static void add(struct image *m, const void *data, size_t n)
{
	assert_true(m->len + n <= sizeof(m->bytes));
	memcpy(m->bytes + m->len, data, n);
	m->len += n;
}

static void add16(struct image *m, uint16_t v)
{
	v = m->swapped ? __builtin_bswap16(v) : v;
	add(m, &v, sizeof(v));
}

static void add32(struct image *m, uint32_t v)
{
	v = m->swapped ? __builtin_bswap32(v) : v;
	add(m, &v, sizeof(v));
}

static void add_block(struct image *m, uint32_t type, const struct image *body)
{
	add32(m, type);
	add32(m, 12 + (uint32_t)body->len);
	add(m, body->bytes, body->len);
	add32(m, 12 + (uint32_t)body->len);
}

static void add_section(struct image *m)
{
	struct image b = {.swapped = m->swapped};

	add32(&b, PCAPNG_BYTE_ORDER);
	add16(&b, 1);
	add16(&b, 0);
	add32(&b, UINT32_MAX);
	add32(&b, UINT32_MAX);
	add_block(m, PCAPNG_SHB, &b);
}

/* resolution < 0: no such option. */
static void add_interface(struct image *m, uint16_t link_type, int resolution)
{
	struct image b = {.swapped = m->swapped};

	add16(&b, link_type);
	add16(&b, 0);
	add32(&b, 0);
	if (resolution >= 0) {
		add16(&b, PCAPNG_OPT_IF_TSRESOL);
		add16(&b, 1);
		add(&b, (const uint8_t[4]){(uint8_t)resolution}, 4);
	}
	add_block(m, PCAPNG_IDB, &b);
}

static void add_packet(struct image *m, uint32_t iface, uint64_t time, const char *text)
{
	struct image b = {.swapped = m->swapped};
	uint32_t len = (uint32_t)strlen(text);

	add32(&b, iface);
	add32(&b, (uint32_t)(time >> 32));
	add32(&b, (uint32_t)time);
	add32(&b, len);
	add32(&b, len);
	add(&b, text, len);
	add(&b, "\0\0\0", (4 - len % 4) % 4);
	add_block(m, PCAPNG_EPB, &b);
}

static void add_simple(struct image *m, const char *text)
{
	struct image b = {.swapped = m->swapped};
	uint32_t len = (uint32_t)strlen(text);

	add32(&b, len);
	add(&b, text, len);
	add(&b, "\0\0\0", (4 - len % 4) % 4);
	add_block(m, PCAPNG_SPB, &b);
}

static void add_classic(struct image *m, uint32_t magic, uint32_t link_type)
{
	add32(m, magic);
	add16(m, 2);
	add16(m, 4);
	add32(m, 0);
	add32(m, 0);
	add32(m, 65535);
	add32(m, link_type);
}

static void add_classic_packet(struct image *m, uint32_t seconds, uint32_t fraction,
			       const char *text)
{
	add32(m, seconds);
	add32(m, fraction);
	add32(m, (uint32_t)strlen(text));
	add32(m, (uint32_t)strlen(text));
	add(m, text, strlen(text));
}

struct opened {
	FILE *file;
	struct pcapng_reader *reader;
	struct report report;
};

static struct opened open_image(struct image *m)
{
	struct opened o = {.file = fmemopen(m->bytes, m->len, "rb")};

	assert_non_null(o.file);
	o.reader = pcapng_reader_open(o.file, &o.report);
	return o;
}

static void close_image(struct opened *o)
{
	pcapng_reader_close(o->reader);
	fclose(o->file);
}

static void expect_packet(struct opened *o, const char *text, uint64_t time_ns)
{
	struct pcapng_packet p;

	assert_true(pcapng_reader_next(o->reader, &p));
	assert_int_equal(p.len, strlen(text));
	assert_memory_equal(p.data, text, p.len);
	assert_int_equal(p.time_ns, time_ns);
}

static void expect_end(struct opened *o, uint64_t bad)
{
	struct pcapng_packet p;

	assert_false(pcapng_reader_next(o->reader, &p));
	assert_null(pcapng_reader_error(o->reader));
	assert_int_equal(pcapng_reader_bad(o->reader), bad);
}

static void test_pcapng_both_byte_orders(void **state)
{
	(void)state;
	for (int swapped = 0; swapped < 2; swapped++) {
		struct image m = {.swapped = swapped};
		struct opened o;

		add_section(&m);
		add_interface(&m, LINKTYPE_ETHERNET, -1); /* microseconds */
		add_interface(&m, LINKTYPE_ETHERNET, 9);
		add_interface(&m, LINKTYPE_ETHERNET, 0x80 | 10); /* 1/1024 s */
		add_interface(&m, LINKTYPE_ETHERNET, 12);
		add_packet(&m, 0, 1700000000000001, "one");
		add_packet(&m, 1, 1700000000000000002, "two!");
		add_packet(&m, 2, 1536, "three");
		add_packet(&m, 3, 5000, "picoseconds");
		add_block(&m, 0xbad, &(struct image){.len = 8}); /* of a kind not known */
		add_simple(&m, "simple");
		o = open_image(&m);
		assert_non_null(o.reader);
		expect_packet(&o, "one", 1700000000000001000);
		expect_packet(&o, "two!", 1700000000000000002);
		expect_packet(&o, "three", 1500000000);
		expect_packet(&o, "picoseconds", 5);
		expect_packet(&o, "simple", 0);
		expect_end(&o, 0);
		close_image(&o);
	}
}

static void test_sections_of_different_byte_order(void **state)
{
	struct image m = {.swapped = false};
	struct opened o;

	(void)state;
	add_section(&m);
	add_interface(&m, LINKTYPE_ETHERNET, -1);
	add_packet(&m, 0, 1, "native");
	m.swapped = true;
	add_section(&m);
	add_packet(&m, 0, 1, "no interface yet");
	add_interface(&m, LINKTYPE_ETHERNET, 9);
	add_packet(&m, 0, 2, "swapped");
	o = open_image(&m);
	expect_packet(&o, "native", 1000);
	expect_packet(&o, "swapped", 2);
	expect_end(&o, 1);
	close_image(&o);
}

static void test_classic_pcap(void **state)
{
	(void)state;
	for (int variant = 0; variant < 4; variant++) {
		struct image m = {.swapped = variant & 1};
		struct opened o;

		add_classic(&m, variant & 2 ? PCAP_MAGIC_NSEC : PCAP_MAGIC_USEC, LINKTYPE_ETHERNET);
		add_classic_packet(&m, 4000000000u, 7, "first");
		add_classic_packet(&m, 4000000001u, 0, "");
		o = open_image(&m);
		assert_non_null(o.reader);
		expect_packet(&o, "first", 4000000000000000000u + (variant & 2 ? 7 : 7000));
		expect_packet(&o, "", 4000000001000000000u);
		expect_end(&o, 0);
		close_image(&o);
	}
}

static void test_bad_packets_are_skipped(void **state)
{
	struct image m = {0}, b = {0};
	struct opened o;

	(void)state;
	add_section(&m);
	add_interface(&m, 101, -1); /* raw IP */
	add_interface(&m, LINKTYPE_ETHERNET, -1);
	add_packet(&m, 0, 1, "not Ethernet");
	add_packet(&m, 2, 1, "no such interface");
	add_packet(&m, 0x90000000, 1, "no such interface");
	add_simple(&m, "of interface 0");
	add_block(&m, PCAPNG_EPB, &b); /* too short */
	add32(&b, 1);
	add32(&b, 0);
	add32(&b, 0);
	add32(&b, 1000); /* longer than its block */
	add32(&b, 1000);
	add_block(&m, PCAPNG_EPB, &b);
	add_packet(&m, 1, 3, "good");
	o = open_image(&m);
	expect_packet(&o, "good", 3000);
	expect_end(&o, 6);
	close_image(&o);

	m.len = b.len = 0;
	add_section(&m);
	add_interface(&m, LINKTYPE_ETHERNET, -1);
	add_block(&m, PCAPNG_SPB, &b); /* too short */
	add32(&b, 5);		       /* longer than its block */
	add32(&b, 0);
	add_block(&m, PCAPNG_SPB, &b);
	o = open_image(&m);
	expect_end(&o, 2);
	close_image(&o);
}

static void expect_broken(struct image *m, const char *why)
{
	struct opened o = open_image(m);
	struct pcapng_packet p;
	const char *error = o.report.error;

	if (o.reader) {
		while (pcapng_reader_next(o.reader, &p))
			;
		error = pcapng_reader_error(o.reader);
	}
	assert_string_equal(error, why);
	close_image(&o);
}

static void test_broken_files_are_named(void **state)
{
	struct image m = {0}, good = {0};

	(void)state;
	add(&m, "GIF89a..........", 16);
	expect_broken(&m, "it is neither a pcapng nor a pcap file");
	m.len = 3;
	expect_broken(&m, "it is empty or too short");

	m.len = 0;
	add_classic(&m, PCAP_MAGIC_USEC, 113);
	expect_broken(&m, "its packets are not Ethernet frames");
	m.len = 10;
	expect_broken(&m, "it ends in the middle of a packet");

	m.len = 0;
	add_classic(&m, PCAP_MAGIC_USEC, 1);
	add32(&m, 0), add32(&m, 0), add32(&m, 0x7fffffff), add32(&m, 60);
	expect_broken(&m, "a packet has an impossible length");

	add_section(&good);
	m = good;
	m.bytes[8] ^= 1;
	expect_broken(&m, "a section header has no valid byte-order mark");
	m = good;
	m.bytes[4] = 26;
	expect_broken(&m, "a section header has an impossible length");
	m = good;
	m.bytes[24] ^= 4;
	expect_broken(&m, "a block's two lengths differ");

	add_interface(&good, LINKTYPE_ETHERNET, -1);
	m = good;
	m.len -= 2;
	expect_broken(&m, "it ends in the middle of a packet");
	m = good;
	add32(&m, PCAPNG_EPB), add32(&m, 11);
	expect_broken(&m, "a block has an impossible length");
	m = good;
	add32(&m, 99), add32(&m, 0xfffffffc);
	expect_broken(&m, "it ends in the middle of a packet");
}

struct scratch {
	char path[64];
};

static int make_scratch(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));
	int fd;

	snprintf(s->path, sizeof(s->path), "/tmp/test_pcapng_port.XXXXXX");
	fd = mkstemp(s->path);
	if (fd < 0)
		return -1;
	close(fd);
	*state = s;
	return 0;
}

static int drop_scratch(void **state)
{
	struct scratch *s = *state;

	unlink(s->path);
	free(s);
	return 0;
}

static void save(const struct scratch *s, const struct image *m)
{
	FILE *f = fopen(s->path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(m->bytes, 1, m->len, f), m->len);
	assert_int_equal(fclose(f), 0);
}

static int64_t receive_len(struct mem_pool *pool, struct port *p, usec_t now)
{
	struct buf *b;
	uint32_t len;

	if (port_rx(p, 0, &b, 1, now) == 0)
		return -1;
	assert_int_equal(buf_headroom(b), BUF_HEADROOM);
	len = b->len;
	mem_pool_put(pool, b);
	return len;
}

static void test_replay_in_recorded_time(void **state)
{
	struct image m = {0};
	struct mem_pool *pool = mem_pool_create(4, 64, 0);
	struct buf_ops ops = mem_pool_ops(pool);
	struct report report = {0};
	struct port_stats st;
	struct port *p;
	usec_t at;

	add_section(&m);
	add_interface(&m, LINKTYPE_ETHERNET, -1);
	add_packet(&m, 0, 1000000, "\x02mac:1");
	add_packet(&m, 0, 1000250, "12");
	add_packet(&m, 0, 999999, "1"); /* older than the first: at once */
	add_simple(&m, "1234");
	add_packet(&m, 0, 1000300, "12345678901234567890123456789012345678901234567890"
				   "12345678901234567890123456789012345678901234567890");
	add_packet(&m, 0, 1000900, "last");
	save(*state, &m);

	p = pcapng_port_open(((struct scratch *)*state)->path, PCAPNG_RECORDED, 1500, &ops,
			     &report);
	assert_non_null(p);
	assert_memory_equal(p->mac, "\x02mac:1", 6);
	assert_int_equal(p->nb_queues, 1);
	assert_true(p->ops->next_event(p, &at));
	assert_int_equal(at, 0);
	assert_int_equal(receive_len(pool, p, 5000), 6);
	assert_int_equal(receive_len(pool, p, 5249), -1);
	assert_true(p->ops->next_event(p, &at));
	assert_int_equal(at, 5250);
	assert_int_equal(receive_len(pool, p, 5250), 2);
	assert_int_equal(receive_len(pool, p, 5250), 1);
	assert_int_equal(receive_len(pool, p, 5250), 4);
	assert_int_equal(receive_len(pool, p, 5899), -1); /* one longer than a buf */
	assert_false(pcapng_port_is_done(p));
	assert_int_equal(receive_len(pool, p, 5900), 4);
	assert_int_equal(receive_len(pool, p, 99999), -1);
	assert_true(pcapng_port_is_done(p));
	assert_false(p->ops->next_event(p, &at));
	p->ops->stats(p, &st);
	assert_int_equal(st.rx_frames, 5);
	assert_int_equal(st.rx_errors, 1);
	p->ops->close(p);
	assert_int_equal(mem_pool_in_use(pool), 0);
	mem_pool_destroy(pool);
}

static void test_replay_waits_for_bufs(void **state)
{
	struct image m = {0};
	struct mem_pool *pool = mem_pool_create(2, 64, 0);
	struct buf_ops ops = mem_pool_ops(pool);
	struct report report = {0};
	struct buf *b[4], *kept;
	struct port *p;

	add_section(&m);
	add_interface(&m, LINKTYPE_ETHERNET, -1);
	for (int i = 0; i < 3; i++)
		add_packet(&m, 0, (uint64_t)i * 1000000000, "frame");
	save(*state, &m);
	p = pcapng_port_open(((struct scratch *)*state)->path, PCAPNG_FAST, 1500, &ops, &report);
	assert_non_null(p);
	assert_int_equal(port_rx(p, 0, b, 4, 1), 2);
	assert_int_equal(port_rx(p, 0, b + 2, 2, 1), 0);
	kept = b[1];
	kept->flags = BUF_KEEP;
	assert_int_equal(port_tx(p, 0, b, 2, 1), 2);
	assert_int_equal(mem_pool_in_use(pool), 1);
	assert_int_equal(port_rx(p, 0, b, 4, 1), 1);
	mem_pool_put(pool, b[0]);
	mem_pool_put(pool, kept);
	p->ops->close(p);
	assert_int_equal(mem_pool_in_use(pool), 0);
	mem_pool_destroy(pool);
}

static void test_replay_refuses_what_is_no_capture(void **state)
{
	struct scratch *s = *state;
	struct image m = {0};
	struct report report = {0};
	struct buf_ops none = {0};
	char want[256];

	assert_null(pcapng_port_open("/nonexistent/x.pcapng", PCAPNG_FAST, 1500, &none, &report));
	assert_string_equal(report.error, "cannot open the capture file /nonexistent/x.pcapng: No "
					  "such file or directory: check the path");
	assert_null(pcapng_port_open("/tmp", PCAPNG_FAST, 1500, &none, &report));
	assert_string_equal(report.error,
			    "/tmp is not a regular file: name a pcapng or pcap file");
	assert_null(pcapng_port_open(s->path, PCAPNG_FAST, 1500, &none, &report));
	snprintf(want, sizeof(want), "cannot replay %s: it is empty or too short: name a pcapng "
				     "or pcap file of Ethernet frames", s->path);
	assert_string_equal(report.error, want);

	add_section(&m);
	add32(&m, PCAPNG_IDB);
	save(s, &m);
	assert_null(pcapng_port_open(s->path, PCAPNG_FAST, 1500, &none, &report));
	snprintf(want, sizeof(want), "cannot replay %s: it ends in the middle of a packet: name a "
				     "pcapng or pcap file of Ethernet frames", s->path);
	assert_string_equal(report.error, want);
}

static struct port *recorded_pair(struct mem_pool *pool, const char *path, struct port **far,
				  uint32_t ring_size)
{
	struct mem_port_conf conf = {.pool = pool, .ring_size = ring_size,
				     .caps = PORT_TX_IP_CSUM | PORT_TX_TCP_CSUM | PORT_RX_HASH};
	struct report report = {0};
	struct port *side[2], *p;

	assert_true(mem_port_pair_create(&conf, side));
	*far = side[0];
	p = record_port_create(side[1], path, &report);
	assert_non_null(p);
	return p;
}

static void send_text(struct mem_pool *pool, struct port *p, const char *text, usec_t now)
{
	struct buf *b = mem_pool_get(pool);

	assert_non_null(b);
	b->len = (uint32_t)strlen(text);
	memcpy(b->data, text, b->len);
	if (port_tx(p, 0, &b, 1, now) == 0)
		mem_pool_put(pool, b);
}

static void test_record_both_directions(void **state)
{
	const char *path = ((struct scratch *)*state)->path;
	struct mem_pool *pool = mem_pool_create(16, 0, 0);
	struct record_stats rs;
	struct pcapng_packet got;
	struct opened o = {0};
	struct port *far, *p = recorded_pair(pool, path, &far, 4);
	uint64_t first_ns;

	assert_int_equal(p->caps, PORT_RX_HASH);
	send_text(pool, far, "incoming", 0);
	assert_int_equal(receive_len(pool, p, 1000000), 8);
	for (int i = 0; i < 5; i++)
		send_text(pool, p, "out", 1000007); /* the fifth finds the ring full */
	record_port_stats(p, &rs);
	assert_int_equal(rs.frames, 5);
	assert_int_equal(rs.missed, 0);
	/* An idle port's file is brought up to date while it is open. */
	assert_int_equal(receive_len(pool, p, 9000000), -1);

	o.file = fopen(path, "rb");
	o.reader = pcapng_reader_open(o.file, &o.report);
	assert_non_null(o.reader);
	assert_true(pcapng_reader_next(o.reader, &got));
	assert_int_equal(got.direction, PCAPNG_INBOUND);
	assert_true(got.has_mac);
	assert_memory_equal(got.mac, p->mac, 6);
	assert_memory_equal(got.data, "incoming", got.len);
	first_ns = got.time_ns;
	for (int i = 0; i < 4; i++) {
		expect_packet(&o, "out", first_ns + 7000);
	}
	expect_end(&o, 0);
	close_image(&o);
	p->ops->close(p);
	far->ops->close(far);
	assert_int_equal(mem_pool_in_use(pool), 0);
	mem_pool_destroy(pool);
}

static void test_recording_replays_what_came_in(void **state)
{
	const char *path = ((struct scratch *)*state)->path;
	struct mem_pool *pool = mem_pool_create(16, 0, 0);
	struct buf_ops ops = mem_pool_ops(pool);
	struct report report = {0};
	struct port *far, *p = recorded_pair(pool, path, &far, 16);
	uint8_t mac[6];

	memcpy(mac, p->mac, 6);
	send_text(pool, p, "sent", 1);
	send_text(pool, far, "received", 1);
	assert_int_equal(receive_len(pool, p, 2), 8);
	p->ops->close(p);
	far->ops->close(far);

	p = pcapng_port_open(path, PCAPNG_FAST, 1500, &ops, &report);
	assert_non_null(p);
	assert_memory_equal(p->mac, mac, 6);
	assert_int_equal(receive_len(pool, p, 0), 8);
	assert_true(pcapng_port_is_done(p));
	p->ops->close(p);
	mem_pool_destroy(pool);
}

static uint64_t frames_in_file(const char *path)
{
	struct pcapng_packet packet;
	struct opened o = {.file = fopen(path, "rb")};
	uint64_t n = 0;

	o.reader = pcapng_reader_open(o.file, &o.report);
	assert_non_null(o.reader);
	while (pcapng_reader_next(o.reader, &packet))
		n++;
	assert_null(pcapng_reader_error(o.reader)); /* it ends with a whole frame */
	close_image(&o);
	return n;
}

/* No multiple of a block's length fits the limit: a frame is cut. */
static void test_write_error_stops_recording_only(void **state)
{
	const char *path = ((struct scratch *)*state)->path;
	struct mem_pool *pool = mem_pool_create(64, 0, 0);
	struct port *far, *p = recorded_pair(pool, path, &far, 16);
	struct rlimit limit, old;
	struct record_stats rs;

	getrlimit(RLIMIT_FSIZE, &old);
	limit = (struct rlimit){.rlim_cur = 300001, .rlim_max = old.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	for (usec_t i = 0; i < 10000; i++) {
		send_text(pool, far, "a frame that wants to be in the file", i);
		assert_int_equal(receive_len(pool, p, i), 36);
	}
	record_port_stats(p, &rs);
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(rs.error, EFBIG);
	assert_in_range(rs.frames, 1, 9999);
	assert_int_equal(rs.frames + rs.missed, 10000);
	/* It stays so when there is room again, and the file tells the same. */
	send_text(pool, far, "later", 10000);
	assert_int_equal(receive_len(pool, p, 10000), 5);
	p->ops->close(p);
	assert_int_equal(frames_in_file(path), rs.frames);
	far->ops->close(far);
	assert_int_equal(mem_pool_in_use(pool), 0);
	mem_pool_destroy(pool);
}

static void test_flush_shows_a_full_disk(void **state)
{
	const char *path = ((struct scratch *)*state)->path;
	struct mem_pool *pool = mem_pool_create(4, 0, 0);
	struct port *far, *p = recorded_pair(pool, path, &far, 4);
	struct record_stats rs;
	struct rlimit limit, old;

	getrlimit(RLIMIT_FSIZE, &old);
	limit = (struct rlimit){.rlim_cur = 512, .rlim_max = old.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	for (usec_t i = 0; i < 10; i++) {
		send_text(pool, far, "small", i);
		assert_int_equal(receive_len(pool, p, i), 5);
	}
	record_port_stats(p, &rs);
	assert_int_equal(rs.error, 0);
	assert_int_equal(rs.frames, 10);
	record_port_flush(p);
	record_port_stats(p, &rs);
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(rs.error, EFBIG);
	assert_int_equal(rs.frames + rs.missed, 10);
	p->ops->close(p);
	assert_int_equal(frames_in_file(path), rs.frames);
	far->ops->close(far);
	mem_pool_destroy(pool);
}

static void refuse_to_record(struct port *inner, const char *path, const char *why)
{
	struct report report = {0};
	char want[REPORT_MAX];

	assert_null(record_port_create(inner, path, &report));
	snprintf(want, sizeof(want), "cannot record to %s: %s: name a file that can be written",
		 path, why);
	assert_string_equal(report.error, want);
}

static void test_record_refuses_bad_paths(void **state)
{
	const char *path = ((struct scratch *)*state)->path;
	struct mem_pool *pool = mem_pool_create(1, 0, 0);
	struct port *side[2];
	int reader;

	assert_true(mem_port_pair_create(&(struct mem_port_conf){.pool = pool}, side));
	refuse_to_record(side[0], "/nonexistent/x.pcapng", "No such file or directory");
	refuse_to_record(side[0], "/dev/full", "it is no regular file");
	/* A FIFO that is not read, and one that is. */
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refuse_to_record(side[0], path, "it is no regular file");
	reader = open(path, O_RDONLY | O_NONBLOCK);
	refuse_to_record(side[0], path, "it is no regular file");
	close(reader);
	unlink(path);
	side[0]->ops->close(side[0]);
	side[1]->ops->close(side[1]);
	mem_pool_destroy(pool);
}

/* The head alone does not fit. */
static void test_record_needs_room_at_once(void **state)
{
	const char *path = ((struct scratch *)*state)->path;
	struct mem_pool *pool = mem_pool_create(1, 0, 0);
	struct rlimit limit, old;
	struct port *side[2];

	assert_true(mem_port_pair_create(&(struct mem_port_conf){.pool = pool}, side));
	getrlimit(RLIMIT_FSIZE, &old);
	limit = (struct rlimit){.rlim_cur = 8, .rlim_max = old.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	refuse_to_record(side[0], path, "File too large");
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_DFL);
	side[0]->ops->close(side[0]);
	side[1]->ops->close(side[1]);
	mem_pool_destroy(pool);
}

static void test_packet_block_keeps_what_fits(void **state)
{
	uint8_t block[PCAPNG_PACKET_EXTRA + 10], frame[64] = {1, 2, 3};
	size_t n;

	(void)state;
	assert_int_equal(pcapng_put_packet(block, PCAPNG_PACKET_EXTRA - 1, 0, 0, 0, frame, 1), 0);
	for (uint32_t len = 0; len <= 64; len++) {
		n = pcapng_put_packet(block, sizeof(block), 0, 0, 0, frame, len);
		assert_in_range(n, PCAPNG_PACKET_EXTRA - 4, sizeof(block));
		assert_int_equal(block[20], MIN(len, 10));
		assert_int_equal(block[24], len);
	}
}

#define WITH_SCRATCH(t) cmocka_unit_test_setup_teardown(t, make_scratch, drop_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pcapng_both_byte_orders),
		cmocka_unit_test(test_sections_of_different_byte_order),
		cmocka_unit_test(test_classic_pcap),
		cmocka_unit_test(test_bad_packets_are_skipped),
		cmocka_unit_test(test_broken_files_are_named),
		WITH_SCRATCH(test_replay_in_recorded_time),
		WITH_SCRATCH(test_replay_waits_for_bufs),
		WITH_SCRATCH(test_replay_refuses_what_is_no_capture),
		WITH_SCRATCH(test_record_both_directions),
		WITH_SCRATCH(test_recording_replays_what_came_in),
		WITH_SCRATCH(test_write_error_stops_recording_only),
		WITH_SCRATCH(test_flush_shows_a_full_disk),
		WITH_SCRATCH(test_record_refuses_bad_paths),
		WITH_SCRATCH(test_record_needs_room_at_once),
		cmocka_unit_test(test_packet_block_keeps_what_fits),
	};

	return cmocka_run_group_tests_name("pcapng_port", tests, NULL, NULL);
}
