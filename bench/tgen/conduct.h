/* SPDX-License-Identifier: BSD-3-Clause */
/* The run: warm-up, steps, the wait after each, results. Main thread. */
#pragma once

#include <signal.h>

#include "bench/tgen/crew.h"

/* Runs the plan and prints its results; a signal of `signals`, which are blocked, ends it
 * early, with the results so far. */
void conduct(struct crew *c, const sigset_t *signals, bool json);
