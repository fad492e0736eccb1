/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The workers: a thread on a core each, driving its load from its queue of the
 * port. The main thread gives orders and takes reports; a worker looks for an
 * order once a turn and does nothing else but turns.
 */
#pragma once

#include <stdatomic.h>

#include "bench/tgen/load.h"
#include "drivers/dpdk_eal.h"
#include "drivers/dpdk_pool.h"
#include "engine/run/clock.h"

enum crew_order {
	CREW_RUN,    /* starts at a rate */
	CREW_COUNT,  /* counts anew from here */
	CREW_REST,   /* starts nothing any more */
	CREW_REPORT, /* leaves what it has counted */
	CREW_QUIT,
};

/* One worker. */
struct hand {
	/* Set before the start. */
	struct load *load;
	struct port *port;
	usec_t idle_sleep_us; /* a worker without work sleeps this long, 0: polls */

	/* The worker's own. */
	struct run_clock clock CACHE_ALIGNED;
	usec_t busy_at;
	bool quit;

	/* Written by the main thread in front of `asked`, by the worker in front of `done`. */
	_Atomic uint32_t asked CACHE_ALIGNED;
	enum crew_order order;
	uint64_t rate;
	_Atomic uint32_t done CACHE_ALIGNED;
	bool exhausted, idle; /* report */
	struct tally tally;   /* report */
};

struct crew {
	const struct plan *plan;
	struct dpdk_eal eal;
	bool eal_up;
	struct dpdk_pools pools;
	struct buf_ops buf_ops[CONF_MAX_WORKERS];
	struct port *port;
	struct hand *hands[CONF_MAX_WORKERS]; /* NULL from the first that is not made */
	uint16_t nb_launched;
};

/* Starts from an all-zero crew. Opens EAL, buffers and the port. False with report->error set;
 * crew_close() is called in any case. `plan` outlives *c. */
bool crew_open(struct crew *c, const struct plan *plan, struct report *r);

/* Makes and launches the workers. False as above. */
bool crew_launch(struct crew *c, const uint8_t target_mac[6], struct report *r);

/* Gives an order to all workers and returns when all have carried it out. */
void crew_order(struct crew *c, enum crew_order order, uint64_t rate);

/* What all have counted together; *exhausted: nobody will start anything any more, *idle: and
 * nothing is under way. */
void crew_report(struct crew *c, struct tally *out, bool *exhausted, bool *idle);

/* Ends the workers and frees everything. */
void crew_close(struct crew *c);

/* Bytes of memory for each worker. */
size_t crew_hand_bytes(const struct plan *plan);

/* The kernel's clock, in microseconds. */
usec_t crew_now(void);
