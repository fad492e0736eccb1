/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket: listings and counters as DPDK telemetry commands under
 * /terminus/, so dpdk-telemetry.py and every collector that speaks to it read
 * them too. Handlers run on telemetry's threads; what belongs to a worker they
 * ask the worker for. docs/operations.md describes commands and fields.
 */
#pragma once

#include "drivers/report.h"
#include "engine/run/engine.h"

/* Makes the commands available. The engine's workers run, or soon will. */
bool ctl_start(struct engine *e, struct report *r);

/* Ends a capture that runs, and returns when no handler uses the engine any more;
 * later commands answer that the engine is not running. The workers still turn.
 * Has no effect when ctl_start() was not called. */
void ctl_stop(void);
