/* SPDX-License-Identifier: BSD-3-Clause */
/* The signals that end a program in an orderly way. */
#pragma once

#include <signal.h>
#include <stdbool.h>

/*
 * Holds SIGINT, SIGTERM and SIGHUP back, in this thread and those it will make: call it before
 * any is made. *set gets them, to be waited for. Writing to what nobody reads, or to a file that
 * has become too large, is from then on an error of the write.
 */
void signals_hold(sigset_t *set);

/* The same, and a thread of its own listens: the first of them is heard, the second kills, however
 * busy the others are. False: there can't be such a thread. Once in a process. */
bool signals_hear(void);

/* Whether one was heard; false as well without signals_hear(). */
bool signals_heard(void);

/* Waits for one, so many milliseconds at most; returns whether one was heard. */
bool signals_wait(int ms);
