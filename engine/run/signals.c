/* SPDX-License-Identifier: BSD-3-Clause */
/* See signals.h. */
#include "engine/run/signals.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Signals are the process's. */
static struct {
	sigset_t set;
	int event; /* readable once the first was heard */
	_Atomic bool heard;
} hearing;

void signals_hold(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigprocmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

/* Shells let background jobs ignore SIGINT. */
static void let_kill(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	pthread_sigmask(SIG_UNBLOCK, &hearing.set, NULL);
}

/* What it leaves unblocked after the first kills, whatever the other threads are at. */
static void *hear(void *arg)
{
	const uint64_t one = 1;
	int number;

	sigwait(&hearing.set, &number);
	atomic_store(&hearing.heard, true);
	(void)!write(hearing.event, &one, sizeof(one));
	let_kill();
	for (;;)
		pause();
	return arg;
}

bool signals_hear(void)
{
	pthread_t thread;

	signals_hold(&hearing.set);
	hearing.event = eventfd(0, EFD_CLOEXEC);
	return hearing.event >= 0 && pthread_create(&thread, NULL, hear, NULL) == 0 &&
	       pthread_detach(thread) == 0;
}

bool signals_heard(void)
{
	return atomic_load(&hearing.heard);
}

bool signals_wait(int ms)
{
	struct pollfd event = {.fd = hearing.event, .events = POLLIN};

	poll(&event, 1, ms);
	return signals_heard();
}
