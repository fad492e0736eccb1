/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Instructions that the engine executes, counted by valgrind (callgrind) in two short runs of
 * the same benchmark, one twice as long as the other: what both have in common, the warm-up,
 * falls out. No hardware counter is needed, and the figure is the same on every machine.
 *
 * A benchmark whose turns are of different kinds names them (bench_phase()); then the turns of one
 * phase can be counted apart. bench/where.py does, and tells from debug information in which
 * source file each instruction was written.
 */
#pragma once

#include "bench/result.h"

/* A run that is counted. */
struct counted_run {
	const char *option;      /* says how long it is: the program takes it as --option=N */
	uint64_t units;          /* N */
	const char *const *args; /* further arguments; NULL ends them, NULL: none */
	const char *phase;       /* whose turns are counted; NULL: all */
};

/* Why there is no figure. */
#define INSTRUCTIONS_MISSING "valgrind is not installed, or cannot run the benchmark"

/* The instructions of the counted turns for each unit; false: INSTRUCTIONS_MISSING. */
bool instructions_of(const struct counted_run *run, double *each);

/* Adds to a result the instructions of the counted turns for each unit; that they are missing when
 * valgrind is not there, or does not understand the program. */
void instructions_result(struct result *r, const char *key, const struct counted_run *run);

/* True in such a run: the program then prints nothing, and counts no cycles. */
bool instructions_are_counted(void);

/* True where a turn of `phase` is counted: everywhere except in a run for another phase. */
bool instructions_count(const char *phase);

/* True in a run for just this phase. */
bool instructions_count_only(const char *phase);
