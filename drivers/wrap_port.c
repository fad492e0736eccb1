/* SPDX-License-Identifier: BSD-3-Clause */
/* See wrap_port.h. */
#include "drivers/wrap_port.h"

#include <stdlib.h>
#include <string.h>

static struct port *inner_of(struct port *port)
{
	return CONTAINER_OF(port, struct wrap_port, port)->inner;
}

bool wrap_port_link_up(struct port *port)
{
	struct port *inner = inner_of(port);

	return inner->ops->link_up(inner);
}

void wrap_port_stats(struct port *port, struct port_stats *out)
{
	struct port *inner = inner_of(port);

	inner->ops->stats(inner, out);
}

void *wrap_port_queues(uint16_t n, size_t size)
{
	void *queues = aligned_alloc(CACHE_LINE, n * size);

	if (queues)
		memset(queues, 0, n * size);
	return queues;
}
