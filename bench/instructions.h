/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Instructions that the engine executes, counted by valgrind (callgrind) in two short runs of
 * the same benchmark, one twice as long as the other: what both have in common, the warm-up,
 * falls out. No hardware counter is needed, and the figure is the same on every machine.
 */
#pragma once

#include "engine/base/compiler.h"

/*
 * Instructions inside bench_turn() per unit of the option `name`, which the program takes as
 * --name=N; the other `args` (NULL ends them, NULL: none) go along. False: valgrind is not
 * there or did not understand the program; `why` says so.
 */
bool instructions_per(const char *name, uint64_t units, const char *const *args, double *result,
		      const char **why);

/* True in such a run: the program then prints nothing and counts nothing itself. */
bool instructions_are_counted(void);
