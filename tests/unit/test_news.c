/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said to a pipe that is read, that is not, and that has no reader. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/run/news.h"

#define PIPE_BYTES 65536

struct fixture {
	int read, write;
	struct news news;
	char got[2 * PIPE_BYTES];
};

static int setup(void **state)
{
	struct fixture *x = test_calloc(1, sizeof(*x));
	int fds[2];

	*state = x;
	signal(SIGPIPE, SIG_IGN);
	alarm(20);
	if (pipe(fds) != 0)
		return -1;
	x->read = fds[0];
	x->write = fds[1];
	news_open(&x->news, x->write);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	alarm(0);
	close(x->news.fd);
	if (x->news.fd != x->write)
		close(x->write);
	close(x->read);
	test_free(x);
	return 0;
}

/* To the last byte, as another program that writes there would. */
static void fill(struct fixture *x)
{
	int flags = fcntl(x->write, F_GETFL);

	fcntl(x->write, F_SETFL, flags | O_NONBLOCK);
	while (write(x->write, "x", 1) == 1)
		;
	fcntl(x->write, F_SETFL, flags);
}

static const char *read_all(struct fixture *x)
{
	size_t at = 0;
	ssize_t n;

	fcntl(x->read, F_SETFL, O_NONBLOCK);
	while ((n = read(x->read, x->got + at, sizeof(x->got) - 1 - at)) > 0)
		at += (size_t)n;
	x->got[at] = '\0';
	return x->got + strspn(x->got, "x");
}

static void test_lines(void **state)
{
	struct fixture *x = *state;
	struct report r = {0};

	report_notice(&r, "one");
	report_notice(&r, "two");
	news_say_notices(&x->news, &r);
	assert_string_equal(r.notice, "");
	news_say(&x->news, "three");
	assert_string_equal(read_all(x), "terminus: one\nterminus: two\nterminus: three\n");
	/* Who else writes there waits as before. */
	assert_false(fcntl(x->write, F_GETFL) & O_NONBLOCK);
}

static void test_full_pipe(void **state)
{
	struct fixture *x = *state;

	x->news.patient = false;
	fill(x);
	for (int i = 0; i < 3; i++)
		news_say(&x->news, "unheard");
	assert_int_equal(x->news.lost, 3);
	assert_string_equal(read_all(x), "");
	news_say(&x->news, "heard");
	assert_string_equal(read_all(x), "terminus: 3 lines were lost: nobody read what is written "
					 "here\nterminus: heard\n");
	fill(x);
	news_say(&x->news, "unheard");
	read_all(x);
	news_say(&x->news, "heard");
	assert_string_equal(read_all(x), "terminus: 1 line was lost: nobody read what is written "
					 "here\nterminus: heard\n");
}

static void test_no_reader(void **state)
{
	struct fixture *x = *state;

	close(x->read);
	news_say(&x->news, "unheard");
	assert_int_equal(x->news.lost, 1);
}

static void *read_later(void *arg)
{
	struct fixture *x = arg;
	char text[PIPE_BYTES];
	size_t left = sizeof(text);

	usleep(200000);
	while (left > 0)
		left -= (size_t)read(x->read, text, left);
	return NULL;
}

/* The start waits for who reads late. */
static void test_patience(void **state)
{
	struct fixture *x = *state;
	pthread_t reader;

	fill(x);
	assert_int_equal(pthread_create(&reader, NULL, read_later, x), 0);
	news_say(&x->news, "ready");
	pthread_join(reader, NULL);
	assert_string_equal(read_all(x), "terminus: ready\n");
	assert_int_equal(x->news.lost, 0);
}

#define WITH_PIPE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_PIPE(test_lines),
	    WITH_PIPE(test_full_pipe),
	    WITH_PIPE(test_no_reader),
	    WITH_PIPE(test_patience),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
