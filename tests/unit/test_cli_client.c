/* SPDX-License-Identifier: BSD-3-Clause */
/* terminusctl's end of the control socket against servers good and bad. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/run/cli_client.h"
#include "tests/unit/scratch.h"

#define GREETING "{\"version\": \"DPDK 22.11\", \"pid\": 1, \"max_output_len\": 16384}"
#define INFO     "{\"/terminus/info\": {\"program\": \"terminus\"}}"

/* A telemetry server that says the same to everyone. */
struct server {
	int fd;
	const char *greeting; /* NULL: hangs up at once */
	const char *answer;   /* NULL: hangs up when asked */
	pthread_t thread;
};

static char dir[] = "/tmp/terminus-test-XXXXXX";

static int setup(void **state)
{
	char path[64];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/dpdk", dir);
	return mkdir(path, 0700) == 0 ? setenv("RUNTIME_DIRECTORY", dir, 1) : -1;
}

static int teardown(void **state)
{
	(void)state;
	return scratch_remove(dir);
}

static void talk(const struct server *s, int fd)
{
	char question[2048];

	if (!s->greeting)
		return;
	send(fd, s->greeting, strlen(s->greeting), MSG_NOSIGNAL);
	while (recv(fd, question, sizeof(question), 0) > 0) {
		if (!s->answer)
			return;
		send(fd, s->answer, strlen(s->answer), MSG_NOSIGNAL);
	}
}

static void *serve(void *arg)
{
	const struct server *s = arg;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		talk(s, fd);
		close(fd);
	}
	return NULL;
}

static struct sockaddr_un address_of(const char *name)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/dpdk/%s/dpdk_telemetry.v2", dir, name);
	return addr;
}

static void open_socket(struct server *s, const char *name, int backlog)
{
	struct sockaddr_un addr = address_of(name);
	char path[80];

	snprintf(path, sizeof(path), "%s/dpdk/%s", dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
	s->fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(s->fd, backlog), 0);
}

/* Until the kernel lets no more connections wait. */
static void fill_backlog(const char *name)
{
	struct sockaddr_un addr = address_of(name);
	int fd, rc;

	do {
		fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
		rc = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
		close(fd);
	} while (rc == 0);
}

static void start(struct server *s, const char *name, const char *greeting, const char *answer)
{
	*s = (struct server){.greeting = greeting, .answer = answer};
	open_socket(s, name, 4);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

/* Leaves the socket file behind, as a crash does. */
static void stop(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

static void forget(const char *name)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/dpdk/%s", dir, name);
	assert_int_equal(scratch_remove(path), 0);
}

static void assert_line(const char *err, const char *word)
{
	assert_null(strchr(err, '\n'));
	if (!strstr(err, word))
		fail_msg("\"%s\" does not say \"%s\"", err, word);
}

static void test_asks(void **state)
{
	char err[CLIENT_ERROR_MAX];
	struct cli_client c;
	struct server s;
	json_t *info;

	(void)state;
	start(&s, "one", GREETING, INFO);
	assert_true(cli_client_open(&c, "one", err));
	info = cli_client_ask(&c, "/terminus/info", err);
	assert_string_equal(json_string_value(json_object_get(info, "program")), "terminus");
	json_decref(info);
	cli_client_close(&c);
	stop(&s);
	assert_false(cli_client_open(&c, "one", err));
	assert_line(err, "\"one\" is running");
	forget("one");
}

static void test_finds_the_only_one(void **state)
{
	struct server one, two, other, mute;
	char err[CLIENT_ERROR_MAX];
	struct cli_client c;

	(void)state;
	assert_false(cli_client_open(&c, NULL, err));
	assert_line(err, "no terminus is running");
	start(&other, "testpmd", GREETING, "{\"/terminus/info\": null}");
	assert_false(cli_client_open(&c, NULL, err));
	assert_line(err, "no terminus is running");
	start(&mute, "mute", NULL, NULL);
	assert_false(cli_client_open(&c, NULL, err));
	assert_line(err, "\"mute\" listens and says nothing");
	start(&one, "one", GREETING, INFO);
	assert_true(cli_client_open(&c, NULL, err));
	assert_string_equal(c.instance, "one");
	cli_client_close(&c);
	start(&two, "two", GREETING, INFO);
	assert_false(cli_client_open(&c, NULL, err));
	assert_line(err, "several are running");
	assert_line(err, "one");
	assert_line(err, "two");
	stop(&one);
	assert_true(cli_client_open(&c, NULL, err));
	assert_string_equal(c.instance, "two");
	cli_client_close(&c);
	stop(&two);
	stop(&other);
	stop(&mute);
	forget("mute");
	forget("one");
	forget("two");
	forget("testpmd");
}

static void test_bad_greetings(void **state)
{
	static const char *const greetings[][2] = {
	    {NULL, "an eleventh client"},
	    {"hello", "no greeting"},
	    {"{}", "no greeting"},
	    {"{\"max_output_len\": -1}", "no greeting"},
	    {"{\"max_output_len\": 99999999999}", "no greeting"},
	    {"{\"max_output_len\": \"x\"}", "no greeting"},
	    {"[]", "no greeting"},
	};
	char err[CLIENT_ERROR_MAX];
	struct cli_client c;
	struct server s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(greetings); i++) {
		start(&s, "bad", greetings[i][0], INFO);
		assert_false(cli_client_open(&c, "bad", err));
		assert_line(err, "\"bad\" does not answer");
		assert_line(err, greetings[i][1]);
		stop(&s);
		forget("bad");
	}
}

/* One that accepts nobody: the first waits for its greeting, the second for its connection. */
static void test_stopped(void **state)
{
	struct server s = {0};
	char err[CLIENT_ERROR_MAX];
	struct cli_client c;

	(void)state;
	open_socket(&s, "stopped", 0);
	for (int i = 0; i < 2; i++) {
		alarm(30);
		assert_false(cli_client_open(&c, "stopped", err));
		assert_true(c.silent);
		assert_line(err, "\"stopped\" does not answer");
		assert_line(err, "it is stopped or hangs");
		alarm(0);
		fill_backlog("stopped");
	}
	close(s.fd);
	forget("stopped");
}

static void test_bad_answers(void **state)
{
	static const char *const cases[][2] = {
	    {NULL, "has ended"},
	    {"no json", "does not know"},
	    {"{}", "does not know"},
	    {"[]", "does not know"},
	    {"{\"/terminus/x\": null}", "does not know /terminus/x"},
	    {"{\"/terminus/x\": 5}", "does not know"},
	    {"{\"/terminus/x\": {\"error\": \"worker 3 does not answer\"}}", "worker 3"},
	};
	char err[CLIENT_ERROR_MAX];
	struct cli_client c;
	struct server s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		start(&s, "bad", GREETING, cases[i][0]);
		assert_true(cli_client_open(&c, "bad", err));
		assert_null(cli_client_ask(&c, "/terminus/x", err));
		assert_line(err, cases[i][1]);
		cli_client_close(&c);
		stop(&s);
		forget("bad");
	}
}

static void test_long_names(void **state)
{
	char err[CLIENT_ERROR_MAX], name[300];
	struct cli_client c;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_false(cli_client_open(&c, name, err));
	assert_line(err, "xxx");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_asks),          cmocka_unit_test(test_finds_the_only_one),
	    cmocka_unit_test(test_bad_greetings), cmocka_unit_test(test_bad_answers),
	    cmocka_unit_test(test_long_names),
	    cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
