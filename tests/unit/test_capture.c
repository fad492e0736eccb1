/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole captures with threads in the place of workers: what gets into the file and
 * in which order, every way to end, slow and vanishing readers, refusals. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "drivers/pcapng_reader.h"
#include "engine/run/capture.h"
#include "engine/run/capture_tap.h"

#define NB_WORKERS 2
#define FRAME_LEN  100
#define SECOND_US  1000000

/* A worker that receives a frame each turn, which it numbers. */
struct worker_thread {
	struct capture_slot slot;
	pthread_t thread;
	uint8_t id;
	_Atomic bool stop;
	_Atomic uint32_t pause_us; /* between two turns */
	_Atomic uint32_t burst;    /* frames of a turn, 0: none */
	_Atomic uint32_t late_us;  /* from the beginning of a turn to its frames */
	uint64_t number;
};

struct fixture {
	struct worker_thread workers[NB_WORKERS];
	struct capture *capture;
	char dir[32], path[64];
};

static usec_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (usec_t)ts.tv_sec * 1000000 + (usec_t)ts.tv_nsec / 1000;
}

static void *turn(void *arg)
{
	struct worker_thread *w = arg;
	uint8_t bytes[FRAME_LEN] = {0};
	struct buf b = {.data = bytes, .start = bytes, .len = FRAME_LEN, .room = FRAME_LEN};
	struct buf *bufs = &b;

	bytes[12] = w->id;
	while (!w->stop) {
		struct capture_tap *tap = capture_slot_look(&w->slot);
		usec_t at = now();

		if (tap)
			capture_tap_turn(tap, at);
		if (w->late_us)
			usleep(w->late_us);
		for (uint32_t i = 0; tap && i < w->burst; i++) {
			memcpy(bytes, &w->number, sizeof(w->number));
			capture_tap_received(tap, &bufs, 1, at);
			w->number++;
		}
		usleep(w->pause_us);
	}
	return NULL;
}

static int setup(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	struct capture_args args = {.nb_ports = 1, .nb_workers = NB_WORKERS, .now = now};
	struct fixture *x = test_calloc(1, sizeof(*x));

	*state = x;
	signal(SIGPIPE, SIG_IGN);
	strcpy(x->dir, "/tmp/terminus-test-XXXXXX");
	if (!mkdtemp(x->dir))
		return -1;
	snprintf(x->path, sizeof(x->path), "%s/x.pcapng", x->dir);
	args.port_names[0] = "front";
	args.port_macs[0] = mac;
	for (uint8_t i = 0; i < NB_WORKERS; i++) {
		struct worker_thread *w = &x->workers[i];

		w->id = i;
		w->pause_us = 100;
		w->burst = 1;
		args.slots[i] = &w->slot;
		if (pthread_create(&w->thread, NULL, turn, w) != 0)
			return -1;
	}
	x->capture = capture_create(&args);
	return x->capture ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	capture_destroy(x->capture);
	for (int i = 0; i < NB_WORKERS; i++) {
		x->workers[i].stop = true;
		pthread_join(x->workers[i].thread, NULL);
		/* No worker is left with a tap. */
		assert_null(x->workers[i].slot.seen);
	}
	unlink(x->path);
	rmdir(x->dir);
	test_free(x);
	return 0;
}

static struct capture_request request(const struct fixture *x)
{
	struct capture_request q;

	capture_request_init(&q);
	memcpy(q.file, x->path, sizeof(x->path));
	return q;
}

static bool begin(struct fixture *x, const struct capture_request *q, struct capture_info *info,
		  char err[CAPTURE_ERROR_MAX])
{
	struct capture_filter filter;

	return capture_filter_compile(&filter, q->filter, err) &&
	       capture_start(x->capture, q, &filter, info, err);
}

static struct capture_info start(struct fixture *x, const struct capture_request *q)
{
	char err[CAPTURE_ERROR_MAX];
	struct capture_info info;

	if (!begin(x, q, &info, err))
		fail_msg("%s", err);
	assert_int_equal(info.end, CAPTURE_RUNS);
	return info;
}

static struct capture_info status(struct fixture *x)
{
	char err[CAPTURE_ERROR_MAX];
	struct capture_info info;

	assert_true(capture_status(x->capture, 0, &info, err));
	return info;
}

static struct capture_info wait_for_end(struct fixture *x, usec_t limit_us)
{
	usec_t end = now() + limit_us;

	while (status(x).end == CAPTURE_RUNS) {
		if (now() > end)
			fail_msg("not ended in time");
		usleep(1000);
	}
	return status(x);
}

static void wait_for_frames(struct fixture *x, uint64_t n)
{
	while (status(x).frames < n)
		usleep(1000);
}

static struct capture_info stop(struct fixture *x)
{
	char err[CAPTURE_ERROR_MAX];
	struct capture_info info;

	assert_true(capture_stop(x->capture, 0, &info, err));
	return wait_for_end(x, 5 * SECOND_US);
}

struct content {
	uint64_t frames, of_worker[NB_WORKERS];
	uint64_t disorder; /* frames older than the one before */
};

/* All frames of the file: those of a worker follow each other. `gaps`: some may be
 * missing. */
static struct content read_file(FILE *f, bool gaps)
{
	uint64_t next[NB_WORKERS] = {0}, last_ns = 0;
	struct content c = {0};
	struct report report = {0};
	struct pcapng_packet p;
	struct pcapng_reader *r = pcapng_reader_open(f, &report);

	if (!r)
		fail_msg("%s", report.error);
	while (pcapng_reader_next(r, &p)) {
		uint8_t worker = p.data[12];
		uint64_t number;

		memcpy(&number, p.data, sizeof(number));
		assert_in_range(worker, 0, NB_WORKERS - 1);
		if (c.of_worker[worker])
			assert_true(gaps ? number >= next[worker] : number == next[worker]);
		next[worker] = number + 1;
		assert_int_equal(p.len, FRAME_LEN);
		assert_int_equal(p.direction, PCAPNG_INBOUND);
		c.disorder += p.time_ns < last_ns;
		last_ns = p.time_ns;
		c.of_worker[worker]++;
		c.frames++;
	}
	assert_null(pcapng_reader_error(r));
	pcapng_reader_close(r);
	return c;
}

static struct content read_path(const struct fixture *x)
{
	FILE *f = fopen(x->path, "rb");
	struct content c;

	assert_non_null(f);
	c = read_file(f, false);
	fclose(f);
	return c;
}

static void test_stop(void **state)
{
	struct fixture *x = *state;
	struct capture_request q = request(x);
	struct capture_info info;
	struct content c;
	struct stat st;

	assert_int_equal(start(x, &q).id, 1);
	wait_for_frames(x, 500);
	info = stop(x);
	assert_int_equal(info.end, CAPTURE_STOPPED);
	assert_int_equal(info.error, 0);
	assert_int_equal(info.missed, 0);
	c = read_path(x);
	assert_int_equal(c.frames, info.frames);
	assert_true(c.of_worker[0] > 0 && c.of_worker[1] > 0);
	/* Others may not read what the service's users said. */
	assert_int_equal(stat(x->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* time() is a few milliseconds behind the clock that frames are stamped by. */
static int64_t seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec;
}

/* Times in the file are the wall clock's. */
static void test_times(void **state)
{
	struct fixture *x = *state;
	struct capture_request q = request(x);
	struct report report = {0};
	struct pcapng_packet p;
	struct pcapng_reader *r;
	int64_t before = seconds_now();
	FILE *f;

	q.count = 1;
	start(x, &q);
	wait_for_end(x, SECOND_US);
	f = fopen(x->path, "rb");
	r = pcapng_reader_open(f, &report);
	assert_true(pcapng_reader_next(r, &p));
	assert_in_range(p.time_ns / 1000000000, before, seconds_now());
	pcapng_reader_close(r);
	fclose(f);
}

static void test_count(void **state)
{
	struct fixture *x = *state;
	struct capture_request q = request(x);
	struct capture_info info;

	q.count = 100;
	x->workers[0].burst = x->workers[1].burst = 30;
	start(x, &q);
	info = wait_for_end(x, 5 * SECOND_US);
	assert_int_equal(info.end, CAPTURE_COUNT_REACHED);
	assert_int_equal(info.frames, 100);
	assert_int_equal(info.missed, 0);
	assert_int_equal(read_path(x).frames, 100);
}

static void test_seconds(void **state)
{
	struct fixture *x = *state;
	struct capture_request q = request(x);
	struct capture_info info;

	q.seconds = 1;
	start(x, &q);
	info = wait_for_end(x, 3 * SECOND_US);
	assert_int_equal(info.end, CAPTURE_TIME_IS_UP);
	assert_in_range(info.run_us, SECOND_US, 2 * SECOND_US);
	assert_int_equal(read_path(x).frames, info.frames);
}

static void test_lease(void **state)
{
	struct fixture *x = *state;
	struct capture_request q = request(x);
	char err[CAPTURE_ERROR_MAX];
	struct capture_info info;

	q.lease_s = 1;
	start(x, &q);
	for (int i = 0; i < 15; i++) {
		usleep(100000);
		assert_true(capture_keep(x->capture, 1, &info, err));
		assert_int_equal(info.end, CAPTURE_RUNS);
	}
	info = wait_for_end(x, 3 * SECOND_US);
	assert_int_equal(info.end, CAPTURE_NOT_RENEWED);
	assert_true(info.run_us > 2 * SECOND_US);
	assert_int_equal(read_path(x).frames, info.frames);
}

/* A worker that needs long for its turn does not bring the order of time about. */
static void test_order(void **state)
{
	struct fixture *x = *state;
	struct capture_request q = request(x);
	struct content c;

	q.count = 2000;
	x->workers[0].late_us = 10000;
	x->workers[1].pause_us = 50;
	start(x, &q);
	wait_for_end(x, 20 * SECOND_US);
	c = read_path(x);
	assert_true(c.of_worker[0] > 5 && c.of_worker[1] > 5);
	assert_int_equal(c.disorder, 0);
}

static void test_one_worker(void **state)
{
	struct fixture *x = *state;
	struct capture_request q = request(x);
	struct content c;

	q.worker = 1;
	q.count = 50;
	start(x, &q);
	wait_for_end(x, 5 * SECOND_US);
	c = read_path(x);
	assert_int_equal(c.of_worker[0], 0);
	assert_int_equal(c.of_worker[1], 50);
}

static void test_one_at_a_time(void **state)
{
	struct fixture *x = *state;
	struct capture_request q = request(x), other = q;
	char err[CAPTURE_ERROR_MAX];
	struct capture_info info;

	assert_false(capture_status(x->capture, 0, &info, err));
	assert_string_equal(err, "there has been no capture yet");
	start(x, &q);
	strcat(other.file, "2");
	assert_false(begin(x, &other, &info, err));
	assert_string_equal(err, "a capture is running: stop it first, its number is 1");
	assert_int_equal(access(other.file, F_OK), -1);
	stop(x);
	q.force = 1;
	assert_int_equal(start(x, &q).id, 2);
	/* Who had the first one can't renew or end the second one. */
	assert_false(capture_keep(x->capture, 1, &info, err));
	assert_false(capture_stop(x->capture, 1, &info, err));
	assert_string_equal(err, "there is no capture 1 any more");
	assert_true(capture_keep(x->capture, 2, &info, err));
	stop(x);
}

static void refused(struct fixture *x, const struct capture_request *q, const char *why)
{
	char err[CAPTURE_ERROR_MAX];
	struct capture_info info;

	assert_false(begin(x, q, &info, err));
	if (!strstr(err, why))
		fail_msg("\"%s\" does not say \"%s\"", err, why);
	assert_true(strlen(err) < 128);
	assert_null(strchr(err, '\n'));
}

static void test_refusals(void **state)
{
	struct fixture *x = *state;
	struct capture_request q = request(x);

	strcpy(q.filter, "tcp prt 80");
	refused(x, &q, "filter \"tcp prt 80\": ");
	q.filter[0] = '\0';
	strcpy(q.port, "back");
	refused(x, &q, "there is no port \"back\": use front");
	q.port[0] = '\0';
	q.worker = 2;
	refused(x, &q, "2 is not a worker: 0 to 1");
	q.worker = CAPTURE_ALL_WORKERS;
	strcpy(q.file, "/nonexistent/x");
	refused(x, &q, "cannot capture to /nonexistent/x: No such file or directory");
	strcpy(q.file, "/dev/null");
	refused(x, &q, "neither a file nor a FIFO");
	strcpy(q.file, x->dir);
	refused(x, &q, "Is a directory");
	/* What was refused is forgotten. */
	q = request(x);
	assert_int_equal(start(x, &q).id, 1);
	stop(x);
}

static void test_existing_file(void **state)
{
	struct fixture *x = *state;
	struct capture_request q = request(x);
	FILE *f = fopen(x->path, "w");

	/* Longer than what comes: nothing of it may be left. */
	for (int i = 0; i < 100000; i++)
		fputs("something", f);
	fclose(f);
	refused(x, &q, "it exists");
	q.force = 1;
	q.count = 5;
	start(x, &q);
	wait_for_end(x, 5 * SECOND_US);
	assert_int_equal(read_path(x).frames, 5);
}

static int make_fifo(struct fixture *x)
{
	int fd;

	assert_int_equal(mkfifo(x->path, 0600), 0);
	fd = open(x->path, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	return fd;
}

static void test_fifo_without_reader(void **state)
{
	struct fixture *x = *state;
	struct capture_request q = request(x);

	close(make_fifo(x));
	refused(x, &q, "nobody reads this FIFO");
}

static void test_reader_goes(void **state)
{
	struct fixture *x = *state;
	struct capture_request q = request(x);
	struct capture_info info;
	int fd = make_fifo(x);

	/* Even when there is nothing to write. */
	x->workers[0].burst = x->workers[1].burst = 0;
	start(x, &q);
	usleep(50000);
	assert_int_equal(status(x).end, CAPTURE_RUNS);
	close(fd);
	info = wait_for_end(x, SECOND_US);
	assert_int_equal(info.end, CAPTURE_READER_GONE);
}

/* Frames that can be read from the beginning of a file that breaks off. */
static uint64_t count_whole(FILE *f)
{
	struct report report = {0};
	struct pcapng_packet p;
	struct pcapng_reader *r = pcapng_reader_open(f, &report);
	uint64_t n = 0;

	assert_non_null(r);
	while (pcapng_reader_next(r, &p))
		n++;
	pcapng_reader_close(r);
	return n;
}

/* All that is counted as captured can be read, the rest is counted as missed, and a
 * reader that does not read keeps nothing from ending. */
static void test_reader_stalls(void **state)
{
	struct fixture *x = *state;
	struct capture_request q = request(x);
	int fd = make_fifo(x);
	struct capture_info info;
	uint64_t sent;
	usec_t at;
	FILE *f;

	x->workers[0].pause_us = x->workers[1].pause_us = 0;
	x->workers[0].burst = x->workers[1].burst = 1000;
	start(x, &q);
	while (status(x).missed == 0)
		usleep(1000);
	at = now();
	info = stop(x);
	assert_in_range(now() - at, 0, 3 * SECOND_US);
	sent = x->workers[0].number + x->workers[1].number;
	assert_int_equal(info.end, CAPTURE_STOPPED);
	assert_true(info.missed > 0);
	assert_int_equal(info.frames + info.missed, sent);
	/* The pipe holds the beginning; a block that broke off is not counted. */
	f = fdopen(fd, "rb");
	assert_int_equal(count_whole(f), info.frames);
	fclose(f);
}

static void test_file_can_not_grow(void **state)
{
	struct fixture *x = *state;
	struct capture_request q = request(x);
	struct capture_info info;
	struct rlimit old;
	FILE *f;

	/* A signal would come instead of an error. */
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){100000, old.rlim_max});
	start(x, &q);
	info = wait_for_end(x, 10 * SECOND_US);
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(info.end, CAPTURE_WRITE_FAILED);
	assert_int_equal(info.error, EFBIG);
	assert_int_equal(info.frames + info.missed, x->workers[0].number + x->workers[1].number);
	f = fopen(x->path, "rb");
	assert_int_equal(count_whole(f), info.frames);
	fclose(f);
}

static void *drink(void *arg)
{
	FILE *f = fdopen(*(int *)arg, "rb");
	struct content *c = test_malloc(sizeof(*c));

	fcntl(fileno(f), F_SETFL, 0);
	*c = read_file(f, true);
	fclose(f);
	return c;
}

/* Two busy workers and a reader that reads: TSan's favourite. */
static void test_busy(void **state)
{
	struct fixture *x = *state;
	struct capture_request q = request(x);
	int fd = make_fifo(x);
	struct capture_info info;
	pthread_t reader;
	void *content;

	x->workers[0].burst = x->workers[1].burst = 50;
	start(x, &q);
	assert_int_equal(pthread_create(&reader, NULL, drink, &fd), 0);
	wait_for_frames(x, 100000);
	info = stop(x);
	pthread_join(reader, &content);
	assert_int_equal(((struct content *)content)->frames, info.frames);
	assert_int_equal(info.frames + info.missed, x->workers[0].number + x->workers[1].number);
	test_free(content);
}

/* Captures come and go while workers turn. */
static void test_often(void **state)
{
	struct fixture *x = *state;
	struct capture_request q = request(x);

	x->workers[0].pause_us = 0;
	q.force = 1;
	for (uint32_t i = 0; i < 30; i++) {
		assert_int_equal(start(x, &q).id, i + 1);
		if (i % 2)
			usleep(1000);
		stop(x);
	}
}

/* The engine ends while a capture runs. */
static void test_destroy(void **state)
{
	struct fixture *x = *state;
	struct capture_request q = request(x);

	start(x, &q);
	wait_for_frames(x, 10);
	capture_destroy(x->capture);
	x->capture = NULL;
	assert_true(read_path(x).frames >= 10);
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_stop),
	    CASE(test_times),
	    CASE(test_count),
	    CASE(test_seconds),
	    CASE(test_lease),
	    CASE(test_order),
	    CASE(test_one_worker),
	    CASE(test_one_at_a_time),
	    CASE(test_refusals),
	    CASE(test_existing_file),
	    CASE(test_fifo_without_reader),
	    CASE(test_reader_goes),
	    CASE(test_reader_stalls),
	    CASE(test_file_can_not_grow),
	    CASE(test_busy),
	    CASE(test_often),
	    CASE(test_destroy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
