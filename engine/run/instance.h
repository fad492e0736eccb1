/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one running terminus claims for itself: its name, by a lock file beside
 * the control socket that DPDK names after it, and the kernel interfaces its
 * ports sit on, of which the kernel itself would let any number of programs
 * take a copy of every frame.
 */
#pragma once

#include "drivers/report.h"
#include "engine/conf.h"

#define INSTANCE_PATH_MAX 256
#define INSTANCE_DIR_MAX  (INSTANCE_PATH_MAX + CONF_NAME_MAX)

/* DPDK's directory for this user's instances. Cut off at `size`. */
void instance_root(char *out, size_t size);

/* Descriptors that hold the claims. The kernel gives all of them up when the
 * process ends, however it ends. */
struct instance {
	int lock;
	char dir[INSTANCE_DIR_MAX]; /* of the lock file and DPDK's socket */
	int interfaces[CONF_MAX_PORTS];
	uint16_t nb_interfaces;
};

/* False with report->error set: another process has the name or an interface,
 * or the directory can't be written to; nothing is claimed then. */
bool instance_claim(struct instance *in, const struct conf *conf, struct report *r);

/* Gives the claims up, and removes the lock file, the socket and their directory unless
 * there is something else in it; after DPDK has ended. */
void instance_release(struct instance *in);
