/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks of packets with all that is said of them: the options byte for byte, and
 * that our reader gets the same frames back. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "drivers/pcapng_reader.h"
#include "drivers/pcapng_writer.h"

enum { COMMENT = 1, FLAGS = 2, QUEUE = 6 };

static uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint16_t load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The options of a packet's block, in order; what they need to end in is checked. */
static const uint8_t *option(const uint8_t *block, size_t size, uint16_t code, uint16_t *len)
{
	uint32_t kept = load32(block + 20);
	const uint8_t *p = block + 28 + ALIGN_UP(kept, 4u), *end = block + size - 4;

	for (; p < end && load16(p); p += 4 + ALIGN_UP(load16(p + 2), 4u))
		if (load16(p) == code) {
			*len = load16(p + 2);
			return p + 4;
		}
	assert_ptr_equal(p + 4, end);
	return NULL;
}

static void test_everything_is_said(void **state)
{
	const uint8_t data[61] = {1, 2, 3};
	const uint32_t queue = 5;
	struct pcapng_frame f = {
	    .iface = 3,
	    .time_ns = 0x123456789abcdefull,
	    .direction = PCAPNG_OUTBOUND,
	    .data = data,
	    .kept = sizeof(data),
	    .len = 1514,
	    .queue = &queue,
	    .comment = "drop_bad_tcp_csum",
	};
	uint8_t block[512];
	uint16_t len = 0;
	size_t n = pcapng_put_frame(block, sizeof(block), &f);

	(void)state;
	assert_int_equal(n % 4, 0);
	assert_int_equal(load32(block), PCAPNG_EPB);
	assert_int_equal(load32(block + 4), n);
	assert_int_equal(load32(block + n - 4), n);
	assert_int_equal(load32(block + 8), 3);
	assert_int_equal(load32(block + 12), 0x01234567);
	assert_int_equal(load32(block + 16), 0x89abcdef);
	assert_int_equal(load32(block + 20), sizeof(data));
	assert_int_equal(load32(block + 24), 1514);
	assert_memory_equal(block + 28, data, sizeof(data));
	assert_memory_equal(option(block, n, COMMENT, &len), "drop_bad_tcp_csum", 17);
	assert_int_equal(len, 17);
	assert_int_equal(load32(option(block, n, FLAGS, &len)), 2);
	assert_int_equal(len, 4);
	assert_int_equal(load32(option(block, n, QUEUE, &len)), 5);
	assert_int_equal(len, 4);
}

static void test_nothing_more_is_said(void **state)
{
	const uint8_t data[4] = {0};
	struct pcapng_frame f = {.direction = PCAPNG_INBOUND, .data = data, .kept = 4, .len = 4};
	uint8_t block[512];
	uint16_t len;
	size_t n = pcapng_put_frame(block, sizeof(block), &f);

	(void)state;
	assert_null(option(block, n, COMMENT, &len));
	assert_null(option(block, n, QUEUE, &len));
	assert_int_equal(load32(option(block, n, FLAGS, &len)), 1);
}

/* The room that is promised to suffice does, and no byte beyond it is touched. */
static void test_room(void **state)
{
	char comment[PCAPNG_COMMENT_MAX + 20];
	uint8_t data[64], block[512];
	const uint32_t queue = 0;

	(void)state;
	memset(data, 0xaa, sizeof(data));
	memset(comment, 'c', sizeof(comment));
	comment[sizeof(comment) - 1] = '\0';
	for (uint32_t kept = 0; kept <= sizeof(data); kept++) {
		struct pcapng_frame f = {.direction = PCAPNG_INBOUND,
					 .data = data,
					 .kept = kept,
					 .len = kept,
					 .queue = &queue,
					 .comment = comment};
		size_t room = kept + PCAPNG_FRAME_EXTRA, n;
		uint16_t len = 0;

		memset(block, 0xee, sizeof(block));
		assert_int_equal(pcapng_put_frame(block, room - 1, &f), 0);
		n = pcapng_put_frame(block, room, &f);
		assert_in_range(n, 1, room);
		assert_int_equal(block[room], 0xee);
		assert_non_null(option(block, n, COMMENT, &len));
		assert_int_equal(len, PCAPNG_COMMENT_MAX);
	}
}

static void test_reader_takes_it(void **state)
{
	const uint8_t data[60] = {9, 8, 7}, mac[6] = {2};
	const uint32_t queue = 1;
	struct pcapng_frame f = {.time_ns = 1700000000123456789ull,
				 .direction = PCAPNG_OUTBOUND,
				 .data = data,
				 .kept = 20,
				 .len = 60,
				 .queue = &queue,
				 .comment = "x"};
	struct pcapng_packet packet;
	struct pcapng_reader *reader;
	struct report report = {0};
	uint8_t bytes[1024];
	FILE *file;
	size_t n;

	(void)state;
	n = pcapng_put_section(bytes, sizeof(bytes));
	n += pcapng_put_interface(bytes + n, sizeof(bytes) - n, "front", mac);
	n += pcapng_put_frame(bytes + n, sizeof(bytes) - n, &f);
	file = fmemopen(bytes, n, "rb");
	reader = pcapng_reader_open(file, &report);
	assert_non_null(reader);
	assert_true(pcapng_reader_next(reader, &packet));
	assert_int_equal(packet.len, 20);
	assert_int_equal(packet.orig_len, 60);
	assert_int_equal(packet.time_ns, f.time_ns);
	assert_int_equal(packet.direction, PCAPNG_OUTBOUND);
	assert_memory_equal(packet.data, data, 20);
	assert_false(pcapng_reader_next(reader, &packet));
	assert_null(pcapng_reader_error(reader));
	pcapng_reader_close(reader);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_everything_is_said),
	    cmocka_unit_test(test_nothing_more_is_said),
	    cmocka_unit_test(test_room),
	    cmocka_unit_test(test_reader_takes_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
