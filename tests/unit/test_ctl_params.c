/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters of the control commands: what is taken, and how the rest is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "engine/run/capture_request.h"
#include "engine/run/ctl_params.h"

static void test_workers(void **state)
{
	char err[CTL_ERROR_MAX];
	uint16_t first, end;

	(void)state;
	assert_true(ctl_worker_param("", 4, &first, &end, err));
	assert_int_equal(first, 0);
	assert_int_equal(end, 4);
	assert_true(ctl_worker_param("3", 4, &first, &end, err));
	assert_int_equal(first, 3);
	assert_int_equal(end, 4);
	assert_false(ctl_worker_param("4", 4, &first, &end, err));
	assert_string_equal(err, "\"4\" is not a worker: 0 to 3");
	assert_false(ctl_worker_param("1x", 4, &first, &end, err));
	assert_false(ctl_worker_param("-1", 4, &first, &end, err));
	assert_false(ctl_worker_param("18446744073709551616", 4, &first, &end, err));
}

static void test_rows(void **state)
{
	char err[CTL_ERROR_MAX];
	uint32_t row;

	(void)state;
	assert_true(ctl_row_param("", &row, err));
	assert_int_equal(row, 0);
	assert_true(ctl_row_param("4294967295", &row, err));
	assert_int_equal(row, UINT32_MAX);
	assert_false(ctl_row_param("4294967296", &row, err));
	assert_false(ctl_row_param("first", &row, err));
	assert_string_equal(err, "\"first\" is not the number of a row");
}

static void test_connections(void **state)
{
	char err[CTL_ERROR_MAX];
	uint64_t cursor = 1;
	struct filter f;

	(void)state;
	assert_true(ctl_connection_params("", &cursor, &f, err));
	assert_int_equal(cursor, 0);
	assert_true(ctl_connection_params("7,sport :80", &cursor, &f, err));
	assert_int_equal(cursor, 7);
	assert_int_equal(f.match.local.ports.lo, 80);
	assert_true(ctl_connection_params("7", &cursor, &f, err));
	assert_false(ctl_connection_params("sport :80", &cursor, &f, err));
	assert_false(ctl_connection_params("7 sport", &cursor, &f, err));
	assert_false(ctl_connection_params("7,sport", &cursor, &f, err));
}

static void test_capture_number(void **state)
{
	char err[CTL_ERROR_MAX];
	uint32_t id;

	(void)state;
	assert_true(ctl_capture_param("", &id, err));
	assert_int_equal(id, 0);
	assert_true(ctl_capture_param("id=12", &id, err));
	assert_int_equal(id, 12);
	assert_false(ctl_capture_param("12", &id, err));
	assert_false(ctl_capture_param("id=", &id, err));
	assert_false(ctl_capture_param("id=1,", &id, err));
	assert_false(ctl_capture_param("id=4294967296", &id, err));
}

static void test_capture_request(void **state)
{
	char err[CAPTURE_ERROR_MAX];
	struct capture_request q;

	(void)state;
	assert_true(capture_request_parse(&q, "file=/tmp/a", err));
	assert_string_equal(q.file, "/tmp/a");
	assert_string_equal(q.filter, "");
	assert_string_equal(q.port, "");
	assert_int_equal(q.worker, CAPTURE_ALL_WORKERS);
	assert_int_equal(q.snaplen, CAPTURE_SNAPLEN_MAX);
	assert_int_equal(q.lease_s, CAPTURE_LEASE_S);
	assert_false(q.count || q.seconds || q.drops_only || q.force);
	assert_true(capture_request_parse(&q,
					  "worker=2,port=front,drops_only=1,count=10,seconds=60,"
					  "snaplen=96,lease=30,force=1,filter=tcp port 80,"
					  "file=/tmp/a b,c=d",
					  err));
	assert_string_equal(q.file, "/tmp/a b,c=d");
	assert_string_equal(q.filter, "tcp port 80");
	assert_string_equal(q.port, "front");
	assert_int_equal(q.worker, 2);
	assert_int_equal(q.count, 10);
	assert_int_equal(q.seconds, 60);
	assert_int_equal(q.snaplen, 96);
	assert_int_equal(q.lease_s, 30);
	assert_true(q.drops_only && q.force);
}

static void test_capture_request_refusals(void **state)
{
	static const char *const cases[][2] = {
	    {"", "file="},
	    {"count=1", "file="},
	    {"file=", "file="},
	    {"file=x.pcapng", "file=x.pcapng"},
	    {"count=0x10,file=/x", "count=0x10: give a number from 0 to 4294967295"},
	    {"count=,file=/x", "count="},
	    {"count=-1,file=/x", "count=-1"},
	    {"count=4294967296,file=/x", "count=4294967296"},
	    {"count=99999999999999999999999,file=/x", "count=99999999999999999999"},
	    {"worker=64,file=/x", "from 0 to 63"},
	    {"drops_only=2,file=/x", "from 0 to 1"},
	    {"snaplen=0,file=/x", "from 1 to 262144"},
	    {"lease=0,file=/x", "from 1 to 86400"},
	    {"counts=1,file=/x", "\"counts\""},
	    {"foo", "\"foo\" is not KEY=VALUE"},
	    {",file=/x", "\"\" is not KEY=VALUE"},
	    {"count,file=/x", "\"count\" is not KEY=VALUE"},
	    {"=1,file=/x", "unknown key \"\""},
	    {"port=0123456789012345678901234567890123456789,file=/x", "port: longer than 31"},
	};
	char err[CAPTURE_ERROR_MAX];
	struct capture_request q;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (capture_request_parse(&q, cases[i][0], err))
			fail_msg("\"%s\" was taken", cases[i][0]);
		if (!strstr(err, cases[i][1]))
			fail_msg("\"%s\": \"%s\" does not say %s", cases[i][0], err, cases[i][1]);
		/* DPDK cuts texts of an answer. */
		assert_true(strlen(err) < 128);
	}
}

static void test_capture_request_lengths(void **state)
{
	char text[CAPTURE_FILTER_MAX + CAPTURE_FILE_MAX + 64], err[CAPTURE_ERROR_MAX];
	struct capture_request q;

	(void)state;
	snprintf(text, sizeof(text), "filter=%0*d,file=/x", CAPTURE_FILTER_MAX, 0);
	assert_true(capture_request_parse(&q, text, err));
	assert_int_equal(strlen(q.filter), CAPTURE_FILTER_MAX);
	snprintf(text, sizeof(text), "filter=%0*d,file=/x", CAPTURE_FILTER_MAX + 1, 0);
	assert_false(capture_request_parse(&q, text, err));
	snprintf(text, sizeof(text), "file=/%0*d", CAPTURE_FILE_MAX - 2, 0);
	assert_true(capture_request_parse(&q, text, err));
	snprintf(text, sizeof(text), "file=/%0*d", CAPTURE_FILE_MAX - 1, 0);
	assert_false(capture_request_parse(&q, text, err));
}

static void test_capture_request_there_and_back(void **state)
{
	static const char *const cases[] = {
	    "file=/tmp/a",
	    "drops_only=1,filter=tcp port 80 and not host 192.0.2.7,file=/tmp/a,b",
	    "worker=0,force=1,count=1,seconds=2,snaplen=3,lease=4,filter=ip,port=back,file=/x",
	};
	char text[2048], err[CAPTURE_ERROR_MAX];
	struct capture_request q, again;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(&q, 0, sizeof(q));
		memset(&again, 0, sizeof(again));
		assert_true(capture_request_parse(&q, cases[i], err));
		assert_true(capture_request_print(&q, text, sizeof(text)));
		assert_string_equal(text, cases[i]);
		assert_true(capture_request_parse(&again, text, err));
		assert_memory_equal(&q, &again, sizeof(q));
		assert_false(capture_request_print(&q, text, strlen(cases[i])));
		assert_true(capture_request_print(&q, text, strlen(cases[i]) + 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_workers),
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_connections),
	    cmocka_unit_test(test_capture_number),
	    cmocka_unit_test(test_capture_request),
	    cmocka_unit_test(test_capture_request_refusals),
	    cmocka_unit_test(test_capture_request_lengths),
	    cmocka_unit_test(test_capture_request_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
