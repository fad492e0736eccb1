/* SPDX-License-Identifier: BSD-3-Clause */
/* The MAC that frames to the target go to. Main thread, before the workers start. */
#pragma once

#include "bench/tgen/plan.h"
#include "drivers/port.h"
#include "drivers/report.h"

struct resolve_args {
	const struct plan *plan;
	struct port *port;
	const struct buf_ops *buf_ops;
	usec_t (*now)(void);
	bool (*interrupted)(void); /* the operator has had enough */
};

/*
 * Takes it from the plan, or asks by ARP or neighbour discovery for up to 5 s, answering for
 * our own addresses meanwhile. `answer` needs none: it replies to whoever asks. False with
 * report->error set.
 */
bool resolve_target(const struct resolve_args *args, uint8_t mac[6], struct report *r);
