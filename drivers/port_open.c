/* SPDX-License-Identifier: BSD-3-Clause */
/* Building a port from its parts; see port_open.h. */
#include "drivers/port_open.h"

#include <stdio.h>

#include "drivers/dpdk_port.h"
#include "drivers/fault_port.h"
#include "drivers/pcapng_port.h"
#include "drivers/record_port.h"

static bool strip(const char *device, const char *scheme, const char **path)
{
	size_t n = strlen(scheme);

	*path = device + n;
	return strncmp(device, scheme, n) == 0;
}

static struct port *open_base(const struct conf *conf, const struct conf_port *c,
			      const struct buf_ops *bufs, const struct dpdk_pools *pools,
			      struct report *report)
{
	const char *path;

	if (strip(c->device, "pcapng:", &path))
		return pcapng_port_open(path, PCAPNG_RECORDED, c->mtu, bufs, report);
	if (strip(c->device, "pcapng-fast:", &path))
		return pcapng_port_open(path, PCAPNG_FAST, c->mtu, bufs, report);
	return dpdk_port_open(c, conf->nb_workers, pools, report);
}

/* The base port and its wraps; what has been opened is closed when one fails. */
static struct port *open_stack(const struct conf *conf, const struct conf_port *c,
			       const struct buf_ops *bufs, const struct dpdk_pools *pools,
			       struct report *report)
{
	struct port *p = open_base(conf, c, bufs, pools, report), *outer;

	if (!p)
		return NULL;
	snprintf(p->name, sizeof(p->name), "%s", c->name);
	if (c->fault.enabled) {
		outer = fault_port_create(p, &c->fault, bufs);
		if (!outer) {
			report_error(report, "out of memory");
			port_close(p);
			return NULL;
		}
		p = outer;
	}
	if (c->record[0] != '\0') {
		outer = record_port_create(p, c->record, report);
		if (!outer)
			port_close(p);
		p = outer;
	}
	return p;
}

struct port *port_open(const struct conf *conf, uint16_t index, const struct buf_ops *bufs,
		       const struct dpdk_pools *pools, struct report *report)
{
	const struct conf_port *c = &conf->ports[index];
	struct port *p = open_stack(conf, c, bufs, pools, report);
	char place[256];

	snprintf(place, sizeof(place), "%.180s:%d: port \"%s\"", conf->file ? conf->file : "",
		 c->line, c->name);
	report_prefix(report, place);
	return p;
}

void port_close(struct port *p)
{
	if (p)
		p->ops->close(p);
}
