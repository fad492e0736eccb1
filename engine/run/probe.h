/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Before the engine answers for its addresses it asks whether somebody else
 * does: ARP probes (RFC 5227 §2.1.1) and solicitations of duplicate address
 * detection (RFC 4862 §5.4), three rounds a tenth of a second apart. Whatever
 * else arrives meanwhile is dropped. Main thread, before the workers start.
 */
#pragma once

#include "drivers/port.h"
#include "drivers/report.h"
#include "engine/conf.h"

struct probe_args {
	const struct conf *conf;
	struct port *const *ports; /* one per conf->ports */
	const struct buf_ops *buf_ops;
	usec_t (*now)(void); /* the clock that the ports are used with later */
};

/* False, naming who has it, when an address is in use. Ports that replay a file
 * are left out. Takes 0.3 s. */
bool probe_addresses(const struct probe_args *args, struct report *r);
