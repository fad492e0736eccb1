/* SPDX-License-Identifier: BSD-3-Clause */
/* Signals that end a program, each time one of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/compiler.h"
#include "engine/run/signals.h"

/* How a process ends that runs `what`. */
static int status_of(void (*what)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(20);
		what();
		_exit(99);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void hear_one(void)
{
	bool ok = signals_hear() && !signals_heard() && !signals_wait(10);

	kill(getpid(), SIGINT);
	_exit(ok && signals_wait(10000) && signals_heard() && signals_wait(10000) ? 0 : 1);
}

/* The program never looks, and was started by who ignores the signal. */
static void be_busy(void)
{
	signal(SIGHUP, SIG_IGN);
	signals_hear();
	kill(getpid(), SIGTERM);
	while (!signals_heard())
		;
	kill(getpid(), SIGHUP);
	for (;;)
		;
}

static void wait_without_hearing(void)
{
	_exit(signals_heard() ? 1 : 0);
}

static void test_first_is_heard(void **state)
{
	int status = status_of(hear_one);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_second_kills(void **state)
{
	int status = status_of(be_busy);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGHUP);
}

static void test_nobody_hears(void **state)
{
	(void)state;
	assert_int_equal(status_of(wait_without_hearing), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_first_is_heard),
	    cmocka_unit_test(test_second_kills),
	    cmocka_unit_test(test_nobody_hears),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
