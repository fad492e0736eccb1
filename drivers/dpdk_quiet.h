/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps what DPDK and the libraries below it print out of the operator's sight:
 * while a device is started their lines are collected, and the first one serves
 * as the reason in our own message if it fails; while the engine runs they are
 * labelled as what they are.
 */
#pragma once

#include <stdio.h>

#include "engine/base/compiler.h"

/* Standard error of the whole process goes to a buffer between the two calls,
 * so these belong to start-up, when one thread runs. */
struct dpdk_quiet {
	int stderr_fd; /* the real one; -1: nothing is being collected */
	int buffer_fd;
};

void dpdk_quiet_begin(struct dpdk_quiet *q);

/* Forgets what has been collected: a new step begins, and earlier complaints
 * were not fatal. */
void dpdk_quiet_restart(struct dpdk_quiet *q);

/* Restores standard error. `cause` gets the first line that DPDK logged, or else
 * the first of any library, freed of function name and final stop; "": there was
 * none. It may be NULL. */
void dpdk_quiet_end(struct dpdk_quiet *q, char *cause, size_t size);

/* A stream for rte_openlog_stream() that writes each line to standard error as
 * "terminus: dpdk: ..."; NULL: out of memory. Ended with fclose(). */
FILE *dpdk_quiet_log(void);
