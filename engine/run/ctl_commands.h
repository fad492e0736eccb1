/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control commands: each fills a telemetry answer. They run on telemetry's
 * threads, several at a time, while the engine is up. Their parameters are read
 * by ctl_params.h and capture_request.h.
 */
#pragma once

#include "engine/run/capture.h"
#include "engine/run/ctl_reply.h"
#include "engine/run/engine.h"

/* `params`: what followed the command's comma, "" if nothing. */
typedef void (*ctl_fn)(struct engine *e, const char *params, struct rte_tel_data *d);

void ctl_info(struct engine *e, const char *params, struct rte_tel_data *d);
void ctl_counters(struct engine *e, const char *params, struct rte_tel_data *d);
void ctl_objects(struct engine *e, const char *params, struct rte_tel_data *d);
void ctl_workers(struct engine *e, const char *params, struct rte_tel_data *d);
void ctl_ports(struct engine *e, const char *params, struct rte_tel_data *d);
void ctl_listeners(struct engine *e, const char *params, struct rte_tel_data *d);
void ctl_pools(struct engine *e, const char *params, struct rte_tel_data *d);
void ctl_sources(struct engine *e, const char *params, struct rte_tel_data *d);
void ctl_reload_lists(struct engine *e, const char *params, struct rte_tel_data *d);
void ctl_connections(struct engine *e, const char *params, struct rte_tel_data *d);

/* Commands about captures need nothing else of the engine, and hold it themselves. */
typedef void (*ctl_capture_fn)(const char *params, struct rte_tel_data *d);

void ctl_capture_start(const char *params, struct rte_tel_data *d);
void ctl_capture_keep(const char *params, struct rte_tel_data *d);
void ctl_capture_stop(const char *params, struct rte_tel_data *d);
void ctl_capture_status(const char *params, struct rte_tel_data *d);

/* The engine's captures, until ctl_let_go(): it does not end meanwhile. NULL: *d says that it is
 * not there, and there is nothing to let go. */
struct capture *ctl_hold_capture(struct rte_tel_data *d);
void ctl_let_go(void);

/* Asks worker i and waits a second at most; false: *d says that it is silent. */
bool ctl_ask(struct engine *e, uint16_t i, struct inquiry *q, struct rte_tel_data *d);
