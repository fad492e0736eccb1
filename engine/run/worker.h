/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One worker: a thread on its own core that drives one shard from its queues of
 * all ports. A turn takes one burst from each port and from the other workers,
 * runs the shard, and hands what it has finished to the ports; then it answers
 * a question if one waits. Nothing in a turn blocks or allocates. At the end it
 * resets what is still open. On a CPU that it shares it lies down after each turn.
 *
 * Where a port has fewer queues than there are workers, worker q polls queue q
 * and sends for the workers that share it.
 */
#pragma once

#include "drivers/port.h"
#include "engine/run/capture_slot.h"
#include "engine/run/clock.h"
#include "engine/run/cpu_share.h"
#include "engine/run/exchange.h"
#include "engine/run/mailbox.h"
#include "engine/run/stat_board.h"
#include "engine/run/turn_times.h"
#include "engine/tcp/tcp.h"

struct worker {
	/* Set before the start. */
	uint16_t id;
	struct shard *shard;
	struct port *const *ports; /* one per conf->ports */
	struct exchange *exchange;
	const _Atomic bool *stop; /* the worker ends when it becomes true */
	_Atomic uint16_t *nb_open; /* workers that still have connections to reset */

	/* The worker's own. */
	struct run_clock clock CACHE_ALIGNED;
	uint16_t announced;   /* local addresses, by the first worker; */
	uint16_t mld_reports; /* of their groups, so far, */
	usec_t mld_at;        /* and when the next one is due */
	usec_t busy_at;    /* when there was something to do last */
	usec_t publish_at; /* when counters are due to be published */
	struct capture_tap *tap; /* captures this turn's frames, NULL: none does */

	/* Shared with control threads. */
	struct mailbox mailbox CACHE_ALIGNED;
	struct stat_board board CACHE_ALIGNED;
	struct turn_times turns CACHE_ALIGNED;
	struct cpu_share share CACHE_ALIGNED;
	struct capture_slot capture CACHE_ALIGNED;
};

/* The worker's thread; returns 0 after *stop was set. arg: struct worker. */
int worker_run(void *arg);
