/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control commands: each fills a telemetry answer. They run on telemetry's
 * threads, several at a time, while the engine is up.
 */
#pragma once

#include "engine/run/ctl_reply.h"
#include "engine/run/engine.h"

/* `params`: what followed the command's comma, "" if nothing. */
typedef void (*ctl_fn)(struct engine *e, const char *params, struct rte_tel_data *d);

void ctl_info(struct engine *e, const char *params, struct rte_tel_data *d);
void ctl_counters(struct engine *e, const char *params, struct rte_tel_data *d);
void ctl_objects(struct engine *e, const char *params, struct rte_tel_data *d);
void ctl_ports(struct engine *e, const char *params, struct rte_tel_data *d);
void ctl_listeners(struct engine *e, const char *params, struct rte_tel_data *d);
void ctl_pools(struct engine *e, const char *params, struct rte_tel_data *d);
void ctl_connections(struct engine *e, const char *params, struct rte_tel_data *d);

/* Asks worker i and waits a second at most; false: *d says that it is silent. */
bool ctl_ask(struct engine *e, uint16_t i, struct inquiry *q, struct rte_tel_data *d);

/* A decimal number below 2^64 with nothing behind it but `*end`; false: not one. */
bool ctl_number(const char *text, uint64_t *v, const char **end);
