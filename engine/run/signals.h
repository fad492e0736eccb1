/* SPDX-License-Identifier: BSD-3-Clause */
/* The signals that end a program in an orderly way. */
#pragma once

#include <signal.h>

/*
 * Holds SIGINT, SIGTERM and SIGHUP back, in this thread and those it will make: call it before
 * any is made. *set gets them, to be waited for. Writing to what nobody reads, or to a file that
 * has become too large, is from then on an error of the write.
 */
void signals_hold(sigset_t *set);
