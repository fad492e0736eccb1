/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/mailbox.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define POLL_US 20

enum mailbox_state {
	EMPTY,
	ASKING,    /* a control thread writes the question */
	POSTED,    /* waits for the worker */
	TAKEN,     /* the worker writes the answer */
	ANSWERED,  /* the control thread reads it */
	ABANDONED, /* taken, but nobody waits any more */
};

void mailbox_init(struct mailbox *m)
{
	atomic_init(&m->state, EMPTY);
}

static bool move(struct mailbox *m, uint32_t from, uint32_t to)
{
	return atomic_compare_exchange_strong(&m->state, &from, to);
}

static uint64_t monotonic_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void pause_us(long us)
{
	nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

/* Withdraws what was asked. True when the answer came in the very last moment. */
static bool give_up(struct mailbox *m)
{
	return !move(m, POSTED, EMPTY) && !move(m, TAKEN, ABANDONED);
}

bool mailbox_ask(struct mailbox *m, struct inquiry *q, uint64_t timeout_us)
{
	uint64_t end = monotonic_us() + timeout_us;

	while (!move(m, EMPTY, ASKING)) {
		if (monotonic_us() >= end)
			return false;
		pause_us(POLL_US);
	}
	m->inquiry = *q;
	atomic_store(&m->state, POSTED);
	syscall(SYS_futex, &m->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	while (atomic_load(&m->state) != ANSWERED) {
		if (monotonic_us() >= end && !give_up(m))
			return false;
		pause_us(POLL_US);
	}
	*q = m->inquiry;
	atomic_store(&m->state, EMPTY);
	return true;
}

struct inquiry *mailbox_take(struct mailbox *m)
{
	if (likely(atomic_load_explicit(&m->state, memory_order_relaxed) != POSTED))
		return NULL;
	return move(m, POSTED, TAKEN) ? &m->inquiry : NULL;
}

void mailbox_answer(struct mailbox *m)
{
	if (!move(m, TAKEN, ANSWERED))
		atomic_store(&m->state, EMPTY);
}

/* Should the state change before the kernel has looked at it, it does not let us sleep. */
void mailbox_sleep(struct mailbox *m, uint64_t us)
{
	struct timespec time = {.tv_sec = (time_t)(us / 1000000),
				.tv_nsec = (long)(us % 1000000) * 1000};
	uint32_t seen = atomic_load(&m->state);

	if (seen != POSTED)
		syscall(SYS_futex, &m->state, FUTEX_WAIT_PRIVATE, seen, &time, NULL, 0);
}
