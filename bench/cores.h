/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two CPUs to measure what threads on them get in each other's way. They may be two threads of one
 * core, in a virtual machine by turns, or one of them may be shared with somebody else; so it is
 * tried what two loops that share nothing lose to each other.
 */
#pragma once

#include "engine/base/compiler.h"

#define CORES 2

/* The first CPUs that this process may use; false: there are fewer. */
bool cores_find(int cpus[CORES]);

/* The calling thread stays on this CPU. */
void cores_pin(int cpu);

/* True when two loops on them run at once about as fast as one alone. Takes some 20 ms. */
bool cores_are_two(const int cpus[CORES]);
