/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine as a whole: the machine's resources opened in order, shards and
 * workers made from them, and all of it given back. One engine per process,
 * since there is one EAL; its functions are called by the main thread.
 */
#pragma once

#include <time.h>

#include "drivers/dpdk_eal.h"
#include "drivers/dpdk_pool.h"
#include "drivers/report.h"
#include "engine/run/pressure.h"
#include "engine/run/lists.h"
#include "engine/run/worker.h"

struct engine {
	const struct conf *conf;
	time_t started; /* wall clock, for the uptime */
	_Atomic bool stop;
	_Atomic uint16_t nb_open; /* workers with connections, once `stop` is set */

	struct dpdk_eal eal;
	bool eal_up;
	struct dpdk_pools pools;
	struct buf_ops buf_ops[CONF_MAX_WORKERS];
	struct port *ports[CONF_MAX_PORTS]; /* NULL from the first that is not open */
	bool record_told[CONF_MAX_PORTS]; /* that its recording has stopped */
	struct pressure_watch pressure;
	uint64_t wall_offset_us; /* what made engine_now() the time of day at the start */
	bool clock_told;	 /* that it was set since */
	bool share_told;	 /* that a worker shares its CPU, */
	bool refused_told;	 /* or would if it might */
	struct net_link links[CONF_MAX_PORTS];
	struct exchange exchange;
	struct lists lists;
	struct worker *workers[CONF_MAX_WORKERS]; /* NULL from the first that is not made */
	uint16_t nb_launched;
};

/* Starts from an all-zero engine. Opens EAL, buffers, rings and ports. False with
 * report->error set, or without when a signal was heard; engine_close() is called in any case.
 * `conf` outlives *e, which takes its prefix lists. */
bool engine_open(struct engine *e, struct conf *conf, struct report *r);

/* Makes the shards, announces the addresses, opens the control socket's commands
 * and launches the workers. False as above. */
bool engine_start(struct engine *e, struct report *r);

/* Ends workers and control commands; returns when the last has ended. What ports
 * record is in their files then. */
void engine_stop(struct engine *e);

/* Notices of what has happened since the last call: recordings that have stopped for an error,
 * listeners that have begun to send SYN cookies or ended it, a time of day that was set, the first
 * worker that shares its CPU. */
void engine_news(struct engine *e, struct report *r);

/* Frees everything that was opened; after engine_stop(). */
void engine_close(struct engine *e);

/* Packet buffers in use, those that shards keep at hand included, and in all. */
void engine_buffers(const struct engine *e, uint64_t *used, uint64_t *limit);

/* The kernel's clock that workers' clocks are set by. */
usec_t engine_now(void);
