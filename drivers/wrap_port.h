/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port in front of another one: what all such have in common. The first member of
 * the port's own struct.
 */
#pragma once

#include "drivers/port.h"

struct wrap_port {
	struct port port;
	struct port *inner; /* owned */
};

/* struct port_ops for what the port does not do itself; any thread. */
bool wrap_port_link_up(struct port *port);
void wrap_port_stats(struct port *port, struct port_stats *out);

/* Zeroed memory for `n` queues of `size` bytes, each on cache lines of its own (size
 * is a multiple of one); the caller's to free(). NULL: no memory. */
void *wrap_port_queues(uint16_t n, size_t size);
